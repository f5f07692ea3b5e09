"""Runs in the order of their time, and what changed between those on the same machine."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from command_line import invoke

from bench.exports import ResultSet
from bench.report import cases, history, runs
from bench.results import as_csv, load

RUN = Path(__file__).parents[2] / "results" / "reference" / "epyc-2-cores-epochs"
FIRST, OTHER = "AMD EPYC, 2 cores", "<b>Other</b>"


def run_of(folder, name, commit, day, machine=FIRST, times=1.0, **changes):
    """The reference run as another one, every time of which is so many times as long."""
    path = Path(shutil.copytree(RUN, folder / name))
    seconds = ["median_s", "ci_low_s", "ci_high_s"]
    rows = load(path)
    rows = rows[rows.backend.isin(["numpy", "numba"])].assign(
        run_id=name, commit=commit, machine=machine, timestamp=f"2026-11-{day:02}T00:00:00+00:00"
    )
    rows[seconds] *= times
    (path / "results.csv").write_text(as_csv(rows.assign(**changes)))
    samples = pd.read_parquet(path / "samples.parquet")
    samples.assign(seconds=samples.seconds * times).to_parquet(path / "samples.parquet")
    return ResultSet(path, load(path))


def steps(*sets):
    return [(s.before, s.after, s.summary or s.why_not) for s in history.steps(sets)]


def charts(*sets):
    rows = pd.concat([one.rows for one in sets], ignore_index=True)
    shown = cases.tidy(rows)
    return history.charts(shown, runs.runs(rows), cases.colours(shown))


def test_each_run_is_held_against_the_one_before_it_on_its_machine(tmp_path):
    after = run_of(tmp_path, "b", "bbbbbbbb", 3, times=2)
    before = run_of(tmp_path, "a", "aaaaaaaa", 1)
    again = run_of(tmp_path, "c", "bbbbbbbb", 4, times=2)
    elsewhere = run_of(tmp_path, "d", "aaaaaaaa", 2, OTHER)
    found = history.steps([after, before, again, elsewhere])
    assert [(s.before, s.after) for s in found] == [
        ("aaaaaaa", "bbbbbbb"),
        ("bbbbbbb", "bbbbbbb (2)"),
    ]
    assert {s.machine for s in found} == {FIRST}
    changed, same = found
    slower = [change for change in changed.changes if change.verdict == "slower"]
    assert len(slower) >= 4
    assert all(change.ratio.value == pytest.approx(2) for change in changed.changes)
    assert all(change.verdict != "same" for change in same.changes)
    assert not {"slower", "faster"} & {change.verdict for change in same.changes}
    assert "10% count as none" in changed.notes[0]


def test_without_samples_there_is_no_verdict_but_a_reason(tmp_path):
    before, after = (run_of(tmp_path, name, name * 8, 1 + i) for i, name in enumerate("ab"))
    samples = after.path / "samples.parquet"
    samples.write_bytes(b"PAR1")
    ((_, _, said),) = steps(before, after)
    assert str(samples) in said
    samples.unlink()
    ((_, _, said),) = steps(before, after)
    assert said == f"{after.path} has no samples, and medians alone give no verdict"
    (after.path / "environment.json").unlink()
    ((_, _, said),) = steps(before, after)
    assert "environment.json" in said


def test_no_fair_match_and_nothing_in_common_are_said(tmp_path):
    before = run_of(tmp_path, "a", "aaaaaaaa", 1)
    other_data = run_of(tmp_path, "b", "bbbbbbbb", 2, data="digits")
    other_cases = run_of(tmp_path, "c", "cccccccc", 3, data="digits")
    for file, write in (("results.csv", "to_csv"), ("samples.parquet", "to_parquet")):
        read = load if write == "to_csv" else pd.read_parquet
        table = read(other_cases.path / file)
        table["backend"] += "-else"
        getattr(table, write)(other_cases.path / file, index=False)
    assert [said for _, _, said in steps(before, other_data, other_cases)] == [
        "no fair match, they differ in data: mnist and digits",
        "no case is in both",
    ]


def test_the_chart_has_a_commit_for_every_run_and_a_series_for_every_machine(tmp_path):
    one = run_of(tmp_path, "a", "aaaaaaaa", 1)
    assert charts(one) == []
    elsewhere = run_of(tmp_path, "b", "aaaaaaaa", 2, OTHER)
    (chart,) = charts(run_of(tmp_path, "c", "bbbbbbbb", 3), one, elsewhere)
    line, _, point = (layer["encoding"] for layer in chart.spec["layer"])
    assert line["x"]["scale"]["domain"] == ["aaaaaaa", "bbbbbbb"]
    assert line["xOffset"]["scale"]["domain"] == [FIRST, OTHER]
    assert point["shape"]["scale"]["domain"] == [FIRST, OTHER]
    assert "datasets" not in chart.spec  # the page gives the rows, and nothing else
    assert chart.free == ("run_id",)


def test_the_chart_can_be_drawn(tmp_path):
    import vl_convert

    sets = [run_of(tmp_path, name, name * 8, 1 + i, FIRST) for i, name in enumerate("ab")]
    (chart,) = charts(*sets)
    rows = pd.concat([one.rows for one in sets], ignore_index=True)
    rows = rows[rows.batch == 128].assign(label=rows.backend, what="epoch")
    shown = rows[["run_id", "machine", "backend", "label", "role", "what", "median_s", "ci_low_s"]]
    spec = chart.spec | {
        "datasets": {"rows": shown.assign(ci_high_s=rows.ci_high_s).to_dict("records")}
    }
    svg = vl_convert.vegalite_to_svg(spec | {"width": 300})
    for text in ("aaaaaaa", "bbbbbbb", "numba", "numpy", "time of a call"):
        assert f">{text}</text>" in svg
    assert "NaN" not in svg


def test_markdown_says_what_changed(tmp_path):
    run_of(tmp_path, "a", "aaaaaaaa", 1, OTHER)
    run_of(tmp_path, "b", "bbb|bbbb", 2, OTHER, times=2)
    done = invoke("report", tmp_path / "a", tmp_path / "b", "--format", "md")
    assert done.exit_code == 0, done.stderr
    assert r"## aaaaaaa → bbb\|bbb, \<b>Other\</b>" in done.stdout
    assert "slower" in done.stdout.partition("→")[2]


def test_a_run_without_its_environment_costs_no_other(tmp_path):
    one, two = (run_of(tmp_path, name, name * 8, 1 + i) for i, name in enumerate("ab"))
    (two.folder / "environment.json").unlink()
    page = tmp_path / "report.html"
    done = invoke("report", one.folder, two.folder, "--out", page)
    assert done.exit_code == 0, done.stderr
    assert "shown without its environment" in done.stderr
    assert "Nothing was recorded" in page.read_text()
    assert invoke("report", two.folder, "--out", page).exit_code == 2


def test_a_run_that_is_given_twice_is_shown_once(tmp_path):
    one = run_of(tmp_path, "a", "aaaaaaaa", 1)
    again = shutil.copytree(one.folder, tmp_path / "copy")
    done = invoke("report", one.folder, again, "--out", tmp_path / "report.html")
    assert done.exit_code == 0, done.stderr
    assert f"left out: {again}: the same run as {one.folder}" in done.stderr
    assert "newest of" not in (tmp_path / "report.html").read_text()
