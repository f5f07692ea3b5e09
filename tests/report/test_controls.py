"""What can be done on the page: choose, sort, filter, copy, look twice."""

import csv
import io
import re

import pytest
from report_browser import browse
from report_page import SPEEDS, frame, html, island, records
from test_questions import ALL, PEAKS, certificates, everything

from bench import report

pytestmark = pytest.mark.long

CLIPBOARD = """
let held = null;
const stand = { writeText: async (text) => { held = text; } };
Object.defineProperty(view.navigator, "clipboard", { value: stand, configurable: true });
async function copy(button) {
  held = null;
  button.click();
  await until(() => held !== null);
  return held;
}
const table = page.querySelector("table.times");
const tools = table.closest(".scroll").previousElementSibling;
const [asCsv, asMarkdown] = tools.querySelectorAll("button");
const names = () => [...table.querySelectorAll("tbody tr[data-row]")]
  .filter((line) => line.offsetHeight).map((line) => line.querySelector("bdi").textContent);
function type(text) {
  const filter = tools.querySelector("input");
  filter.value = text;
  filter.dispatchEvent(new view.Event("input"));
}
"""


def test_a_choice_is_followed_by_charts_and_numbers(folder):
    chart = next(c for c in island(html(folder), "charts") if "precision" not in c["free"])
    act = f"""
    const figure = page.getElementById("{chart["id"]}").closest("figure");
    const numbers = figure.querySelector("details");
    const drawing = () => figure.querySelector("svg").outerHTML.replace(/clip\\d+/g, "");
    const rows = () => [...numbers.querySelectorAll("tbody tr")].map((line) => line.textContent);
    numbers.open = true;
    await settle();
    const before = [drawing(), rows()];
    const choice = page.querySelector("select[name=precision]");
    choice.selectedIndex = 1;
    choice.dispatchEvent(new view.Event("change"));
    await settle();
    seen.rows = [before[1].length, rows().length];
    seen.links = [...numbers.querySelectorAll("a")].map((link) => Number(link.hash.slice(6)));
    seen.value = choice.value;
    seen.setting = figure.querySelector(".setting").textContent;
    """
    seen = browse(folder, act, width=1200)
    assert f"precision {seen['value']}" in seen["setting"]
    assert seen["rows"][0] == seen["rows"][1] == len(seen["links"]) > 0
    known = records(html(folder))
    assert {known[place]["precision"] for place in seen["links"]} == {seen["value"]}


def test_numbers_below_a_chart_have_the_digits_of_the_static_tables(folder):
    act = """
    for (const details of all(".numbers")) details.open = true;
    await settle();
    seen.images = {};
    for (const line of all("table.times tr.ok")) {
      seen.images[line.dataset.row] = [line.cells[2].textContent];
    }
    for (const table of all(".numbers table")) {
      const heads = [...table.tHead.rows[0].cells].map((head) => head.dataset.column);
      const at = heads.indexOf("images_per_s");
      if (at < 0) continue;
      for (const line of table.tBodies[0].rows) {
        const place = line.querySelector("a").hash.slice(6);
        seen.images[place].push(line.cells[at].textContent);
      }
    }
    """
    found = browse(folder, act, width=1200)["images"].values()
    assert all(len(set(texts)) == 1 for texts in found)
    assert any(len(texts) > 1 for texts in found)


def test_tables_sort_by_value_within_their_groups(folder):
    act = (
        CLIPBOARD
        + """
    const [backend, , images] = table.querySelectorAll("thead button");
    const heads = [...table.tHead.rows[0].cells];
    const state = () => [names().slice(0, 5), heads.map((head) => head.ariaSort)];
    images.click(); seen.slowest = state();
    images.click(); seen.fastest = state();
    backend.click(); seen.named = state();
    """
    )
    seen = browse(folder, act, width=1200)
    order = sorted(SPEEDS, key=SPEEDS.get)
    none = [None] * 5
    assert seen["slowest"][0] == [*order, "mine"]  # what has no value stays last
    assert seen["fastest"][0] == [*order[::-1], "mine"]
    assert seen["named"][0] == ["mine", "numba-2", "numba-10", "numpy", "peer|lib"]
    assert [state[1][:3] for state in seen.values()] == [
        [*none[:2], "ascending"], [*none[:2], "descending"], ["ascending", *none[:2]],
    ]  # fmt: skip


def test_a_filter_leaves_rows_with_all_its_words(folder):
    act = (
        CLIPBOARD
        + """
    type("NUMBA 1024");
    seen.names = names();
    seen.said = tools.querySelector("[role=status]").textContent;
    type("no such thing"); seen.none = names();
    type("mine"); seen.refused = names();
    type(""); seen.all = names().length;
    """
    )
    seen = browse(folder, act, width=1200)
    assert sorted(seen["names"]) == ["numba-10"] * 2 + ["numba-2"] * 2
    assert seen["said"] == "4 of 25 rows"
    assert (seen["none"], seen["refused"], seen["all"]) == ([], ["mine"], 25)


def test_copies_are_what_is_shown_with_all_digits(folder):
    act = (
        CLIPBOARD
        + """
    type("peer");
    table.querySelectorAll("thead button")[1].click();
    seen.csv = await copy(asCsv);
    seen.markdown = await copy(asMarkdown);
    seen.said = tools.querySelector("[role=status]").textContent;
    delete view.navigator.clipboard;
    Object.defineProperty(view.navigator, "clipboard", { value: undefined });
    page.execCommand = () => { held = page.activeElement.value; return true; };
    seen.without = await copy(asCsv);
    page.execCommand = () => false;
    asCsv.click();
    await settle();
    seen.refused = tools.querySelector("[role=status]").textContent;
    seen.left = all("textarea").length;
    """
    )
    seen = browse(folder, act, width=1200)
    found = list(csv.DictReader(io.StringIO(seen["csv"])))
    assert len(found) == 6
    known = [r for r in records(html(folder)) if r["backend"] == "peer|lib"]
    key = ("batch", "precision", "median_s", "ci_low_s", "images_per_s", "speedup")
    assert {tuple(line[k] for k in key) for line in found} == {
        tuple(str(r[k]) if isinstance(r[k], str) else number(r[k]) for k in key) for r in known
    }
    assert seen["without"] == seen["csv"]
    head, rule, *lines = seen["markdown"].splitlines()
    assert len(lines) == 6
    assert (
        head
        == "| case | backend | time \\[95 %\\] | images/s | vs numpy \\[95 %\\] | certificate |"
    )
    # A part of what the page has: what is shown sorted and filtered, as it is shown.
    (line,) = (one for one in lines if one.startswith("| batch 32 · float32 |"))
    assert r"| peer\|lib (peer) | " in line
    assert re.search(r"\| \d+ ms \\\[\d+, \d+\\\] \|", line)
    assert set(rule) <= set("|- ")
    assert all(len(re.findall(r"(?<!\\)\|", line)) == head.count("|") for line in [rule, *lines])
    assert all(r"peer\|lib" in line for line in lines)
    assert (seen["said"], seen["left"]) == ("copied", 0)
    assert "does not let" in seen["refused"]


def number(value):
    """A number as JavaScript writes it, here where it is neither huge nor tiny."""
    return str(int(value)) if float(value).is_integer() else repr(value)


def test_a_row_links_to_its_samples_its_record_and_its_command(folder):
    known = records(html(folder))
    (place,) = island(html(folder), "samples")
    act = (
        CLIPBOARD
        + """
    const dialog = page.getElementById("case");
    await until(() => dialog.dataset.drawn);
    seen.open = dialog.open;
    seen.title = page.getElementById("case-title").textContent;
    seen.dots = page.querySelectorAll("#case-drift .mark-symbol path").length;
    seen.bars = page.querySelectorAll("#case-spread .mark-rect path").length;
    const terms = all("#case-record dt").map((term) => term.textContent);
    const values = all("#case-record dd").map((value) => value.textContent);
    seen.record = Object.fromEntries(terms.map((term, i) => [term, values[i]]));
    seen.command = await copy(dialog.querySelector("pre + p button"));
    dialog.querySelector(".close").click();
    await until(() => view.location.hash === "");
    seen.after = [dialog.open, view.location.hash];
    all("table.times a").find((link) => link.textContent === "numpy").click();
    await until(() => dialog.open);
    seen.next = page.getElementById("case-title").textContent;
    seen.none = page.getElementById("case-samples").textContent;
    """
    )
    seen = browse(folder, act, width=390, hash=f"#case-{place}")
    record = known[int(place)]
    assert (seen["open"], seen["title"]) == (True, "numba-10")
    assert (seen["dots"], seen["bars"] > 3) == (40, True)
    assert float(seen["record"]["median_s"]) == record["median_s"]
    assert "reason" not in seen["record"]
    assert seen["command"] == f"{record['measure']} {record['conditions']}"
    assert seen["after"] == [False, ""]
    assert seen["next"] == "numpy"
    assert "without the samples" in seen["none"]


def test_what_was_proved_sorts_filters_and_copies_too(folder):
    act = (
        CLIPBOARD
        + """
    const proved = page.querySelector("table.shown");
    const toolsOf = (one) => one.closest(".scroll").previousElementSibling;
    const lines = () => [...proved.tBodies[0].rows].filter((line) => line.offsetHeight);
    const column = () => lines().map((line) => line.cells[0].innerText.trim());
    const heads = [...proved.querySelectorAll("thead button")];
    heads[0].click(); seen.named = column();
    heads.at(-1).click(); seen.least = column();
    heads.at(-1).click(); seen.worst = column();
    const filter = toolsOf(proved).querySelector("input");
    const write = (text) => { filter.value = text; filter.dispatchEvent(new view.Event("input")); };
    write("1,200"); seen.filtered = column(); write("1.0"); seen.even = column(); write("");
    seen.csv = await copy(toolsOf(proved).querySelector("button"));
    seen.hashes = await copy(toolsOf(all("table.shown").at(-1)).querySelector("button"));
    """
    )
    seen = browse(folder, act, width=1200)
    assert seen["named"] == ["numba-2", "numba-10", "numpy", "wrong"]
    assert seen["least"] == ["numba-10", "numpy", "numba-2", "wrong"] == seen["worst"][::-1]
    assert (seen["filtered"], seen["even"]) == (["wrong"], ["numpy"])
    found = list(csv.DictReader(io.StringIO(seen["csv"])))
    assert [(line["backend"], float(line["error"])) for line in found] == [
        ("wrong", 1200.0), ("numba-2", 2.5), ("numpy", 1.0), ("numba-10", 0.3),
    ]  # fmt: skip
    assert (found[2]["setting"], found[2]["operator"]) == ("seed 0", "1 of 1")
    found = list(csv.DictReader(io.StringIO(seen["hashes"])))
    assert [line["data"] for line in found] == ["0123456789abcdef" * 4] * 4


def test_of_several_runs_the_newest_is_drawn_first_and_any_can_be_chosen(tmp_path):
    rows = [
        r | {"run_id": run, "timestamp": f"2026-11-0{day}T00:00:00+00:00", "batch": batch}
        for run, day, batches in (("old", 1, (32, 128)), ("new", 2, (64, 512)))
        for batch in batches
        for r in everything(batches=(batch,))
    ]
    peaks = {run: {"peaks": {"cpu": PEAKS["cpu"] | {"gflops": at}}}
             for run, at in (("old", 20.0), ("new", 200.0))}  # fmt: skip
    found = [c | {"run_id": run, "batch": batch} for run, batch in (("old", 32), ("new", 64))
             for c in certificates()]  # fmt: skip
    report.write(tmp_path / "report.html", frame(*rows), found, peaks)
    act = """
    const drawn = () => all("figure.explored").filter((one) => !one.classList.contains("empty"))
      .map((one) => one.querySelector(".chart > div").id);
    const roofs = () => all("#roofline .mark-line path").map((line) => line.getAttribute("d"));
    const choose = async (name, value) => {
      const choice = page.querySelector(`select[name=${name}]`);
      choice.value = value;
      choice.dispatchEvent(new view.Event("change"));
      await settle();
    };
    seen.chosen = all("#choices select").map((choice) => [choice.name, choice.value]);
    seen.first = [drawn(), roofs()];
    await choose("run_id", "old");
    await choose("batch", "32");
    seen.old = [drawn(), roofs()];
    """
    seen = browse(tmp_path, act, width=1200)
    chosen = dict(seen["chosen"])
    assert (chosen["run_id"], chosen["batch"]) == ("new", "64")
    everyone = [*ALL, "history"]
    assert seen["first"][0] == seen["old"][0] == everyone
    assert len(seen["first"][1]) == len(seen["old"][1]) == 2
    assert seen["first"][1] != seen["old"][1]
