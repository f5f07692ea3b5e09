"""Exports hold what the results hold; what cannot be shown is one line, nothing half-written."""

import json
import os
import pty
import re
import shutil
import subprocess
from pathlib import Path
from time import process_time
from xml.etree import ElementTree

import pandas as pd
import pytest
from command_line import command, invoke, mnist_bench
from hypothesis import given, settings
from hypothesis import strategies as st
from report_page import HOSTILE, row, thousand_rows

from bench.cli import main
from bench.exports import bencher, github_action_benchmark
from bench.report import markdown
from bench.results import as_csv, frame, load

ROOT = Path(__file__).parents[1]
RUN = ROOT / "results" / "reference" / "epyc-2-cores"


@pytest.fixture(scope="module")
def table():
    return load(RUN)


def test_github_action_benchmark_gets_a_list_of_named_values(table):
    found = github_action_benchmark(table)
    assert len(found) == (table.status == "ok").sum()
    assert len({entry["name"] for entry in found}) == len(found)
    for entry in found:
        assert set(entry) == {"name", "unit", "value", "range", "extra"}
        assert entry["value"] > 0
        assert entry["unit"] == "µs"
        assert re.fullmatch(r"± [0-9.e+-]+", entry["range"])
        assert "certificate float32" in entry["extra"]


def test_bencher_gets_measures_with_bounds(table):
    found = bencher(table)
    assert len(found) == (table.status == "ok").sum()
    for measures in found.values():
        assert set(measures) == {"latency", "throughput"}
        for measure in measures.values():
            assert measure["lower_value"] <= measure["value"] <= measure["upper_value"]
    assert json.loads(json.dumps(found)) == found


def test_refused_rows_are_not_exported():
    refused = frame([{"backend": "a", "status": "refused", "level": "step", "batch": 1}])
    assert github_action_benchmark(refused) == []
    assert bencher(refused) == {}


def test_the_command_writes_to_stdout_or_a_file(tmp_path):
    shown = mnist_bench("report", RUN, "--format", "bencher")
    assert shown.returncode == 0
    file = tmp_path / "bench.json"
    written = mnist_bench("report", RUN, "--format", "github-action-benchmark", "--out", file)
    assert written.stdout == f"{file}\n"
    assert isinstance(json.loads(file.read_text()), list)
    assert isinstance(json.loads(shown.stdout), dict)
    refused = mnist_bench("report", RUN, "--format", "bencher", "--out", tmp_path / "no" / "x")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1


def test_the_workflow_is_yaml_and_its_command_has_the_options_that_it_uses():
    import yaml

    workflow = yaml.safe_load((ROOT / "docs" / "benchmark.yml").read_text())
    steps = workflow["jobs"]["compare"]["steps"]
    (command,) = [step["run"] for step in steps if step.get("name") == "Compare"]
    words = command.split(" > ")[0].split()
    assert words[:4] == ["mnist-bench", "compare", '"$BASE"', '"$HEAD"']
    known = {option for p in main.commands["compare"].params for option in p.opts}
    assert {word for word in words if word.startswith("--")} <= known
    (install,) = [step["run"] for step in steps if step.get("name") == "Install"]
    assert (ROOT / "constraints.txt").is_file()
    assert "constraints.txt" in install


# Tables and pictures

SIGNS = [
    *HOSTILE,
    "a|b\n# c\r| --- |",
    "[z](http://e.org)",
    "\x1b[31m\ufffe\x00",
    "[/red]",
    "\\",
    " ",
]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(1)", "'=1", "''=1", "\t=1", "'plain", "null"]


def saved(folder, *rows, environment="{}", certificates="[]"):
    folder.mkdir()
    (folder / "results.csv").write_text(as_csv(frame(rows)), encoding="utf-8")
    (folder / "environment.json").write_text(environment)
    (folder / "certificates.json").write_text(certificates)
    return folder


def exported(*arguments):
    done = invoke("report", *arguments)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_csv_is_the_table_of_all_runs(tmp_path):
    both = (RUN, f"{RUN}-epochs")
    file = tmp_path / "all.csv"
    exported(*both, "--format", "csv", "--out", file)
    pd.testing.assert_frame_equal(load(file), load(*both))
    alone = exported(RUN, RUN, "--format", "csv")  # named twice, there once
    assert alone == (RUN / "results.csv").read_text()


def test_no_cell_of_the_csv_is_a_formula_and_all_are_read_back(tmp_path):
    names = [*FORMULAS, *HOSTILE]
    folder = saved(tmp_path / "run", *(row(name, 2, reason=name) for name in names))
    assert load(folder).backend.tolist() == load(folder).reason.tolist() == names
    text = (folder / "results.csv").read_text()
    cells = pd.read_csv(folder / "results.csv", dtype=str, keep_default_na=False)
    assert not cells.backend.str.match(r"[=+\-@\t\n]").any()
    assert exported(folder, "--format", "csv") == text


@settings(max_examples=30)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_any_text_is_read_back_from_a_csv(tmp_path_factory, texts):
    file = tmp_path_factory.mktemp("csv") / "results.csv"
    file.write_text(as_csv(frame([row("a", reason=text) for text in texts])), "utf-8", newline="")
    ends = [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts]
    assert load(file).reason.tolist() == ends


def test_markdown_has_the_terminals_cells():
    text = exported(RUN, "--format", "md")
    terminal = (RUN.parents[2] / "README.md").read_text().partition("<!-- table -->")[2]
    for line in terminal.partition("forward ")[0].splitlines():
        cells = re.split(r"  +", line)
        if len(cells) == 6:
            assert f"| {' | '.join(cells)} |" in text
    assert "- AMD EPYC · 2 cores" in text
    assert "- mnist · 81% zeros · network 784-128-64-10 · batch 128 · float32" in text
    assert "unavailable, no CUDA device" in text


@pytest.mark.parametrize("end", [0.0, None])
def test_a_time_without_an_interval_is_shown(end, tmp_path):
    rows = [row("numpy", 1, ci_low_s=end, ci_high_s=end)]
    assert "| 200,000 |" in exported(saved(tmp_path / "run", *rows), "--format", "md")


def test_markdown_of_rows_alone_has_what_they_know(tmp_path):
    shutil.copy(RUN / "results.csv", tmp_path)
    text = exported(tmp_path / "results.csv", "--format", "md")
    assert "- AMD EPYC, 2 cores · threads 2\n- mnist · network 784-128-64-10" in text
    assert re.search(r"\| numba-sparse \| [\d.]+ ms \[[\d.]+, [\d.]+\] \|", text)


@pytest.mark.parametrize("sign", SIGNS)
def test_hostile_text_cannot_leave_its_cell_of_markdown(tmp_path, sign):
    names = dict.fromkeys(("network", "operator", "reason", "machine", "commit"), sign)
    rows = [row(sign, 2, level="operator", **names), row("b", 2, status="unavailable", **names)]
    text = exported(saved(tmp_path / "run", *rows), "--format", "md")
    assert not re.search(r"(?<!\\)<|[\x00-\x09\x0b-\x1f\u202e]|(?<!\\)\]\(", text)
    head, dashes, line = [of for of in text.splitlines() if of.startswith("|")]
    bars = [len(re.findall(r"(?<!\\)(?:\\\\)*\|", of)) for of in (head, dashes, line)]
    assert len(set(bars)) == 1
    assert len(re.findall("^#", text, re.MULTILINE)) == 2


def test_markdown_leaves_names_and_intervals_as_they_are():
    plain = "dense_backward · 80 ms [80, 110] · 1.2x NumPy's error · 784-128"
    assert markdown.text(plain) == plain
    assert markdown.text("_a_ *b* `c` & | <i>") == r"\_a\_ \*b\* \`c\` \& \| \<i>"


def test_pictures_are_drawn_to_stdout_and_files(tmp_path):
    svg = exported(RUN, "--format", "svg")
    assert "numba-sparse" in "".join(ElementTree.fromstring(svg).itertext())
    assert exported(RUN, "--format", "svg", "--out", tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text() == svg
    raw = invoke("report", RUN, "--format", "png").stdout_bytes
    assert raw.startswith(b"\x89PNG")


def test_no_picture_is_written_to_a_terminal():
    mine, theirs = pty.openpty()
    line = command("report", RUN, "--format", "png")
    done = subprocess.run(line, stdout=theirs, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    os.close(mine)
    assert done.returncode == 2
    assert done.stderr == (
        "mnist-bench: report: a picture is nothing for a terminal; give --out FILE\n"
    )


@pytest.mark.parametrize("format", ["md", "csv"])
def test_a_thousand_rows_take_less_than_a_second(tmp_path, format):
    folder = saved(tmp_path / "run", *thousand_rows())
    invoke("report", folder, "--format", format)  # imports
    began = process_time()
    assert len(exported(folder, "--format", format).splitlines()) > 1000
    assert process_time() - began < 0.7


# Bad input

ALL = ("html", "md", "csv", "svg", "png", "bencher", "github-action-benchmark")


def refused(folder, *parts, formats=ALL):
    """Each format is refused in a line with ``parts``, and the old file stays, alone."""
    out = folder.parent / "out"
    out.mkdir(exist_ok=True)
    (out / "file").write_text("old")
    for format in formats:
        done = invoke("report", folder, "--format", format, "--out", out / "file")
        assert done.exit_code == 2, format
        assert len(done.stderr.splitlines()) == 1, done.stderr
        for part in parts:
            assert str(part) in done.stderr
        assert [path.name for path in out.iterdir()] == ["file"]
        assert (out / "file").read_text() == "old"


WHOLE = as_csv(frame([row("numpy", 1), row("a", 2)]))
FILES = {
    "empty": ("", "No columns"),
    "cut off in its head": (WHOLE[:40], "lacks the columns"),
    "another table": ("a,b\n1,2\n", "lacks the columns"),
    "newer": (WHOLE.replace("\n1,", "\n9,"), "its schema is 9, this version reads up to 1"),
    "numbers in words": (WHOLE.replace(",128,", ",many,"), "many"),
    "numbers without end": (WHOLE.replace(",128,", f",{'9' * 400},"), "too large"),
    "bytes": ("\udcff\udcfe\x00", "can't decode"),
}


@pytest.mark.parametrize("name", FILES)
def test_results_that_cannot_be_read_are_one_line(tmp_path, name):
    content, said = FILES[name]
    folder = saved(tmp_path / "run")
    (folder / "results.csv").write_text(content, errors="surrogateescape")
    refused(folder, folder / "results.csv", said)


UNFINISHED = {
    "no object": ("5\n", "no object"),
    "damaged": ("{nope}\n", "cannot be read"),
    "of nothing": ('{"schema": 1}\n', "'backend'"),
    "newer": (json.dumps(row("a") | {"schema": 9}) + "\n", "its schema is 9"),
    "deep": ("[" * 100_000 + "\n", "recursion"),
}


@pytest.mark.parametrize("name", UNFINISHED)
def test_unfinished_results_that_cannot_be_read_are_one_line(tmp_path, name):
    content, said = UNFINISHED[name]
    folder = saved(tmp_path / "run")
    (folder / "results.csv").unlink()
    (folder / "rows.jsonl").write_text(content)
    refused(folder, folder / "rows.jsonl", said)


@pytest.mark.parametrize("content", ["", "[" * 100_000, "[1]", '{"machine"'])
@pytest.mark.parametrize("name", ["environment", "certificates"])
def test_what_lies_beside_the_results_is_named_where_it_cannot_be_read(tmp_path, name, content):
    folder = saved(tmp_path / "run", row("numpy", 1), **{name: content})
    refused(folder, folder / f"{name}.json", "cannot be read", formats=("html",))


def test_values_that_no_run_writes_are_one_line(tmp_path):
    odd = '[{"backend": "a", "checks": 5}]'
    strange = saved(tmp_path / "a", row("numpy", 1), certificates=odd)
    refused(strange, "that can be shown: TypeError", formats=("html",))
    nowhere = saved(tmp_path / "b", row("numpy", 1, batch=float("inf")))
    refused(nowhere, "that can be shown: OverflowError", formats=("bencher",))
    refused(saved(tmp_path / "c", row("a")), "no throughput", formats=("svg", "png"))


def test_of_a_folder_of_runs_what_cannot_be_read_is_left_out(tmp_path):
    runs = tmp_path / "runs"
    runs.mkdir()
    saved(runs / "a", row("numpy", 1))
    saved(runs / "b")
    (runs / "b" / "results.csv").write_text("")
    done = invoke("report", runs, "--format", "csv")
    assert done.exit_code == 0
    assert done.stderr.startswith(f"mnist-bench: left out: {runs / 'b'}")
    assert len(done.stdout.splitlines()) == 2
    (runs / "a" / "results.csv").unlink()
    assert invoke("report", runs, "--format", "csv").exit_code == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(empty, empty, "no results.csv")


@pytest.mark.parametrize("count", [0, 1])
def test_no_row_or_one_is_a_report(tmp_path, count):
    folder = saved(tmp_path / "run", *[row("numpy", 1)] * count)
    for format in ("html", "md", "csv", *(("svg", "png") if count else ())):
        done = invoke("report", folder, "--format", format, "--out", tmp_path / format)
        assert done.exit_code == 0, done.stderr
        assert (tmp_path / format).stat().st_size
    assert ("Nothing was measured" in (tmp_path / "md").read_text()) == (count == 0)


@pytest.mark.parametrize("format", ["html", "svg", "png", "bencher"])
def test_a_name_with_any_signs_is_shown(tmp_path, format):
    rows = [row(sign, 2 + i, machine=sign, batch=i + 1) for i, sign in enumerate(SIGNS)]
    folder = saved(tmp_path / "run", *rows)
    # In a process of its own: a sign that is none ended it, from within the drawing library.
    done = mnist_bench("report", folder, "--format", format, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr


@pytest.mark.long
@pytest.mark.parametrize("format", ["md", "csv", "svg"])
def test_a_hundred_thousand_rows_are_exported(tmp_path, format):
    rows = [row(f"b{i % 50}", 1 + i % 7, batch=1 + i // 50) for i in range(100_000)]
    done = invoke("report", saved(tmp_path / "run", *rows), "--format", format)
    assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "begins"),
    [("x.csv", b"schema,"), ("x.md", b"## "), ("x.svg", b"<svg"), ("x.PNG", b"\x89PNG"),
     ("x.html", b"<!DOCTYPE html>"), ("x", b"<!DOCTYPE html>")],
)  # fmt: skip
def test_the_ending_of_a_file_says_what_it_is(name, begins, tmp_path):
    done = invoke("report", RUN, "--out", tmp_path / name)
    assert done.exit_code == 0, done.output
    assert (tmp_path / name).read_bytes().startswith(begins)
