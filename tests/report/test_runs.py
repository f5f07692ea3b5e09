"""Several runs on one page: what they are called, which comes first, and what is each one's own."""

from report_page import Page, frame, island, page, records, row

from bench import report
from bench.report import runs


def test_runs_are_named_by_commit_or_time():
    def row(run_id, commit, dirty=False, minute=0):
        time = f"2026-11-01T00:{minute:02}:30+00:00"
        return {
            "run_id": run_id, "commit": commit, "dirty": dirty, "machine": "m", "timestamp": time,
        }  # fmt: skip

    rows = [row("c", "", minute=4), row("a", "aaaaaaaaaa"), row("b", "aaaaaaaaaa", True, 2)]
    found = runs.runs([*rows, row("d", "aaaaaaaaaa", minute=5), row("a", "aaaaaaaaaa", minute=1)])
    assert [run.run_id for run in found] == ["a", "b", "c", "d"]
    assert [r.label for r in found] == ["aaaaaaa", "aaaaaaa+", "2026-11-01 00:04", "aaaaaaa (2)"]


def test_of_more_rows_than_fit_those_of_the_newest_run_are_shown(monkeypatch):
    monkeypatch.setattr(report, "MOST_ROWS", 3)
    rows = [
        row(name, times, level=level, run_id=run, timestamp=f"2026-11-0{day}T00:00:00+00:00")
        for run, day in (("old", 1), ("new", 2))
        for level in ("operator", "epoch")
        for name, times in (("numpy", 1), ("a", 2))
    ]
    html = page(*rows)
    assert "The page shows 3 of 8 rows" in Page(html).text
    shown = [(r["run_id"], r["level"], r["backend"]) for r in records(html)]
    assert sorted(shown) == [
        ("new", "epoch", "a"), ("new", "epoch", "numpy"), ("new", "operator", "numpy"),
    ]  # fmt: skip
    assert "The page shows" not in Page(page(*rows[:3])).text


def test_the_first_figures_are_those_of_the_newest_run():
    rows = [
        row(name, times, run_id=run, timestamp=f"2026-11-0{day}T00:00:00+00:00", commit=run * 9)
        for run, day, names in (("b", 1, {"numpy": 1, "a": 2}), ("c", 2, {"numpy": 1, "a": 3}))
        for name, times in names.items()
    ]
    environments = {
        run: {"command": f"mnist-bench run --plugin {run}.py", "warnings": [f"warned of {run}"]}
        for run in "bc"
    }
    html = report.render(frame(*rows), [], environments)
    found = Page(html)
    assert "a trains 3.00×" in found.text
    assert "The newest of 2 runs, ccccccc" in found.text
    assert "warned of c" in found.text.partition("Images per second")[0]
    assert "warned of b" not in found.text.partition("Images per second")[0]
    assert "warned of b" in found.text.partition("Environment")[2]
    commands = {(r["run_id"], r["measure"].split(" --backend")[0]) for r in records(html)}
    assert commands == {(run, f"mnist-bench run --plugin {run}.py") for run in "bc"}
    assert island(html, "environments") == {"c": "environment-0", "b": "environment-1"}
    assert html.count('id="environment-') == 2
