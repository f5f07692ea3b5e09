"""The report in a real browser: it opens, stays within the window, and nothing gets out."""

import resource
import time
from pathlib import Path

import pandas as pd
import pytest
from report_browser import browse, chromium
from report_page import HOSTILE, RUN, frame, refused, row, taken, thousand_rows

from bench import report
from bench.report import scripts

LOOK = """
const root = page.documentElement;
const bars = all("header ~ main section:first-child svg .mark-rect path");
seen.overflow = root.scrollWidth - root.clientWidth;
seen.charts = all("section > .charts svg").map((svg) => svg.getBoundingClientRect().width);
seen.bars = bars.filter((bar) => bar.getBBox().width).map((bar) => view.getComputedStyle(bar).fill);
seen.ink = view.getComputedStyle(page.querySelector("svg text")).fill;
seen.drawn = [Number(page.body.dataset.drawn), all("figure.explored").length];
seen.scripts = all("script:not([type='application/json'])").length;
"""


@pytest.mark.long
@pytest.mark.parametrize(("scheme", "ink"), [(1, "rgb(31, 35, 40)"), (0, "rgb(230, 237, 243)")])
def test_opens_from_disk_in_a_browser(tmp_path: Path, scheme, ink):
    rows = [
        row(backend, times, batch=batch, kernel=backend)
        for batch in (32, 128)
        for backend, times in [("numpy", 1), *((text, 2) for text in HOSTILE)]
    ]
    rows.append(refused(HOSTILE[2]))
    report.write(tmp_path / "report.html", frame(*rows), [], {RUN: {"warnings": HOSTILE}})
    seen = browse(tmp_path, LOOK, f"--blink-settings=preferredColorScheme={scheme}")
    assert seen["overflow"] == 0
    assert seen["scripts"] == 2
    assert seen["drawn"][0] == seen["drawn"][1] > 0
    assert len(seen["charts"]) >= 5
    assert all(200 < width <= 390 for width in seen["charts"])
    assert len(set(seen["bars"])) == 5
    assert seen["ink"] == ink


@pytest.mark.long
def test_hostile_names_stay_text_wherever_scripts_write_them(tmp_path: Path):
    rows = [
        row(text, 2 + i, batch=batch, kernel=text, operator=text, role="peer")
        for i, text in enumerate(HOSTILE)
        for batch in (32, 128)
    ]
    measured = pd.DataFrame([s for text in HOSTILE for s in taken(20, text, operator=text)])
    environment = {RUN: {"command": f"mnist-bench run --plugin {HOSTILE[0]}"}}
    report.write(tmp_path / "report.html", frame(*rows), [], environment, measured)
    act = """
    for (const details of all("details")) details.open = true;
    await settle();
    seen.named = all(".explored tbody th").map((cell) => cell.textContent);
    seen.records = [];
    for (const link of all("table.times a")) {
      link.click();
      await until(() => page.getElementById("case").dataset.drawn === link.hash.slice(6));
      seen.records.push(page.getElementById("case").textContent);
    }
    seen.scripts = all("script:not([type='application/json'])").length;
    const attributes = all("*").flatMap((element) => [...element.attributes]);
    seen.handlers = attributes.filter(({ name }) => name.startsWith("on")).length;
    seen.loads = all("img, iframe, object, link, base").length;
    """
    seen = browse(tmp_path, act, width=1200)
    assert (seen["scripts"], seen["handlers"], seen["loads"]) == (2, 0, 0)
    for text in HOSTILE:
        assert any(text in name for name in seen["named"])
        assert any(text in record for record in seen["records"])


@pytest.mark.long
def test_prints_its_figures(tmp_path: Path):
    rows = [row(b, i, batch=n) for i, b in enumerate(["numpy", "a"], 1) for n in (32, 64)]
    checks = [{"name": "dense", "kind": "operator", "passed": True, "detail": "DETAIL"}]
    certificates = [{"backend": "numpy", "passed": True, "checks": checks}]
    page = tmp_path / "report.html"
    report.write(page, frame(*rows), certificates, {})
    _, complaints = chromium(tmp_path, f"--print-to-pdf={tmp_path / 'page.pdf'}", page.as_uri())
    assert not complaints
    pdf = (tmp_path / "page.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 20_000


def usable(folder, rows):
    """Write a report of many rows; seconds that the browser takes to open, sort and filter it."""
    report.write(folder / "report.html", frame(*rows), [], {})
    act = """
    seen.drawn = Number(page.body.dataset.drawn) === all("figure.explored").length;
    all("table.times th button")[2].click();
    const tools = page.querySelector("section[aria-labelledby=times] .tools");
    const filter = tools.querySelector("input");
    filter.value = "numpy";
    filter.dispatchEvent(new Event("input"));
    seen.said = tools.querySelector("[role=status]").textContent;
    """
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    seen = browse(folder, act, width=1200)
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seen, end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime


@pytest.mark.long
def test_ten_thousand_rows_are_usable(tmp_path: Path):
    rows = [case | {"run_id": str(run)} for run in range(10) for case in thousand_rows()]
    seen, seconds = usable(tmp_path, rows)
    assert seen == {"drawn": True, "said": "200 of 2000 rows"}
    # Of all processes of the browser, on a machine where it starts in two.
    assert seconds < 30


@pytest.mark.long
def test_thousand_rows_take_under_three_seconds_and_two_megabytes():
    rows = frame(*thousand_rows())
    measured = pd.DataFrame(
        [s for case in thousand_rows()[::4] for s in taken(300, **{k: case[k] for k in IDENTITY})]
    )
    scripts.vega()  # as it is from the second report on
    start = time.process_time()
    html = report.render(rows, [], {}, measured)
    assert time.process_time() - start < 3
    assert len(html.encode()) < 2e6


IDENTITY = ("backend", "level", "batch")
