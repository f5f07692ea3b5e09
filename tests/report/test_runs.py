"""Several runs on one page: what they are called, which comes first, and what is each one's own."""

import re

import pytest
from report_page import HOSTILE, Page, frame, island, page, records, row, without_scripts

from bench import report
from bench.report import cases, explore, runs, steps


def of_run(run, day, *backends, **values):
    """Rows of a run that began on a day of November; the backends, each faster than the last."""
    of = {"run_id": run, "timestamp": f"2026-11-{day:02}T00:00:00+00:00", "commit": run * 9}
    return [row(name, 1 + i, **{**of, **values}) for i, name in enumerate(backends)]


def certificate(backend, run="", **values):
    growth = [[2e-7, 2e-7, 2.3, 2.2], [3e-7, 3e-7, 2.1, 2.0]]
    check = {"name": "step", "kind": "trajectory", "passed": True, "growth": growth}
    setting = {"network": "784-128-64-10", "batch": 128, "precision": "float32", "seed": 0}
    of = {"backend": backend, "run_id": run, "passed": True, "threads": 2, "checks": [check]}
    return {**of, **setting, **values}


def test_runs_are_named_by_commit_or_time():
    def named(run_id, commit, dirty=False, minute=0, machine="m"):
        time = f"2026-11-01T00:{minute:02}:30+00:00"
        return {"run_id": run_id, "commit": commit, "dirty": dirty, "machine": machine,
                "timestamp": time}  # fmt: skip

    rows = [
        named("c", "", minute=4), named("a", "aaaaaaaaaa"), named("b", "aaaaaaaaaa", True, 2),
        named("d", "aaaaaaaaaa", minute=5), named("a", "aaaaaaaaaa", minute=1),
        named("e", "aaaaaaaaaa", minute=6, machine="n"),
    ]  # fmt: skip
    found = runs.runs(frame(*rows))
    assert [run.run_id for run in found] == ["a", "b", "c", "d", "e"]
    labels = ["aaaaaaa", "aaaaaaa+", "2026-11-01 00:04", "aaaaaaa (2)", "aaaaaaa"]
    assert [run.label for run in found] == labels
    assert list(runs.titles(found)) == ["e", "d", "c", "b", "a"]
    assert runs.titles(found)["e"] == "aaaaaaa · 2026-11-01 00:06 · n"
    assert runs.titles(found)["c"] == "2026-11-01 00:04 · m"


@pytest.mark.parametrize("time", [None, "2026-11-01T00:00:00+00:00"])
def test_of_runs_of_one_time_the_last_is_the_newest(time):
    for speeds in ((1, 2), (2, 1)):
        rows = [
            row("numpy", s, run_id=r, timestamp=time) for r, s in zip("ab", speeds, strict=True)
        ]
        assert [run.run_id for run in runs.runs(frame(*rows))] == ["a", "b"]


def test_a_run_has_one_name_everywhere():
    """The first of three runs of a commit has no times."""
    rows = [
        *of_run("x", 1, "numpy", "a", status="failed", median_s=None, commit="c" * 9),
        *of_run("y", 2, "numpy", "a", commit="c" * 9),
        *of_run("z", 3, "numpy", "a", commit="c" * 9),
    ]
    html = page(*rows)
    select = re.search(r'<select name="run_id".*?</select>', html).group()
    options = re.findall(r'value="(\w)">(.*?)</option>', select)
    names = [f"ccccccc{n} · 2026-11-0{day} 00:00" for n, day in ((" (3)", 3), (" (2)", 2), ("", 1))]
    assert options == [("z", names[0]), ("y", names[1])]
    assert f"It is {names[0]}; the others" in re.sub("</?bdi>", "", html)
    assert "In the newest of 3 runs a trains 2.00×" in html
    assert re.findall(r"<summary><bdi>(ccccccc.*?)</bdi>", html) == names
    (history,) = (c for c in island(html, "charts") if c["id"] == "history")
    domain = history["spec"]["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert domain == ["ccccccc (2)", "ccccccc (3)"]
    titles = re.findall(r'<th scope="rowgroup".*?><bdi>(.*?)</bdi>', html)
    assert titles == ["run ccccccc", "run ccccccc (2)", "run ccccccc (3)"]


def test_the_first_figures_are_those_of_the_newest_run():
    rows = [*of_run("b", 1, "numpy", "a"), *of_run("c", 2, "numpy", "x", "a")]
    environments = {
        run: {"command": f"mnist-bench run --plugin {run}.py", "warnings": [f"warned of {run}"]}
        for run in "bc"
    }
    html = report.render(frame(*rows), [], environments)
    found = Page(html)
    assert "a trains 3.00×" in found.text
    assert "warned of c" in found.text.partition("Images per second")[0]
    assert "warned of b" not in found.text.partition("Images per second")[0]
    assert "warned of b" in found.text.partition("Environment")[2]
    commands = {(r["run_id"], r["measure"].split(" --backend")[0]) for r in records(html)}
    assert commands == {(run, f"mnist-bench run --plugin {run}.py") for run in "bc"}
    assert island(html, "environments") == {"c": "environment-0", "b": "environment-1"}
    assert html.count('id="environment-') == 2


def test_what_is_chosen_to_begin_with_was_timed_in_the_newest_run():
    rows = [
        *of_run("old", 1, "numpy", "a", "b", "c"),
        *of_run("old", 1, "numpy", "a", "b", "c", batch=32, precision="float64"),
        *of_run("new", 2, "numpy", "a", batch=512),
        *of_run("new", 2, "numpy", batch=32, precision="float64"),
        *of_run("none", 3, "numpy", status="failed", median_s=None),
    ]
    shown = cases.tidy(frame(*rows))
    called = runs.titles(runs.runs(frame(*rows)))
    first = {c.column: next(iter(c.options)) for c in explore.choices(shown, called)}
    assert first == {"run_id": "new", "batch": "512", "precision": "float32"}
    options = {c.column: [*c.options] for c in explore.choices(shown, called)}
    assert options["batch"] == ["512", "32", "128"]


def test_a_machine_is_chosen_where_a_run_does_not_say_it():
    for several, asked in (("a", True), ("b", False)):
        rows = [*of_run("a", 1, "numpy", machine="m"), *of_run(several, 2, "numpy", machine="n")]
        found = explore.choices(cases.tidy(frame(*rows)), runs.titles(runs.runs(frame(*rows))))
        assert ("machine" in [choice.column for choice in found]) == asked


def test_why_an_older_run_lacks_a_backend_stands_with_it():
    absent = {"status": "unavailable", "reason": "no GPU then", "median_s": None}
    rows = [*of_run("b", 1, "numpy"), *of_run("b", 1, "cupy", **absent), *of_run("c", 2, "numpy")]
    text = without_scripts(page(*rows))
    assert text.count("no GPU then") == 1
    assert "no GPU then" in text.partition(">Environment</h2>")[2]


def test_of_more_rows_than_fit_those_of_the_newest_run_are_shown(monkeypatch):
    monkeypatch.setattr(report, "MOST_ROWS", 3)
    rows = [
        line
        for run, day in (("old", 1), ("new", 2))
        for level in ("operator", "epoch")
        for line in of_run(run, day, "numpy", "a", level=level)
    ]
    # It was gone on with: what counts is when it began.
    rows[0]["timestamp"] = "2026-11-03T00:00:00+00:00"
    found = [certificate(name, run) for run in ("old", "new") for name in ("numpy", "a")]
    html = report.render(frame(*rows), found, {"old": {"python": "OLD"}, "new": {"python": "NEW"}})
    assert "The page shows 3 of 8 rows" in Page(html).text
    shown = [(r["run_id"], r["level"], r["backend"]) for r in records(html)]
    assert sorted(shown) == [
        ("new", "epoch", "a"), ("new", "epoch", "numpy"), ("new", "operator", "numpy"),
    ]  # fmt: skip
    assert {step["run_id"] for step in records(html, "steps")} == {"new"}
    assert "OLD" not in html
    assert html.count("<caption>Checks of") == 2
    assert "The page shows" not in Page(page(*rows[:3])).text


def test_trainings_that_no_choice_could_tell_apart_are_not_drawn(monkeypatch):
    shown = cases.tidy(frame(row("numpy", 1, seed=7), row("numpy", 1, run_id="b", batch=32)))
    seed, batch = {"seed": 7}, {"seed": 0, "batch": 32}
    found = [
        certificate("numpy", "a", **seed),
        certificate("refused", "a", **seed, passed=False),
        certificate("numpy", "a", seed=1_000_003),  # verified again after it was timed
        certificate("numpy", "b", **batch),
        certificate("numpy", "b", **batch | {"batch": 512}),
        certificate("numpy", "c", **seed),
    ]
    lines = {(step["run_id"], step["batch"], step["line"]) for step in steps.steps(found, shown)}
    assert lines == {
        ("a", "128", "numpy, threads 2"),
        ("a", "128", "refused, threads 2, refused"),
        ("b", "32", "numpy, threads 2"),
    }
    monkeypatch.setattr(steps, "MOST", 5)
    assert len(steps.steps(found, shown)) == 4


@pytest.mark.parametrize("run", ["nan", "None", "a\x00b", "", "constructor", *HOSTILE])
def test_a_run_with_an_odd_name_is_one_run(run):
    environment = {"machine": {"cpu": "CPU"}, "command": "mnist-bench run --plugin mine.py"}
    rows = [row("numpy", 1, run_id=run), row("a", 2, run_id=run)]
    html = report.render(frame(*rows), [certificate("a", run)], {run: environment})
    assert "CPU" in html.partition("<main")[0]
    assert "newest of" not in html
    assert all("--plugin mine.py" in record["measure"] for record in records(html))
    assert len(records(html, "steps")) == 2


GROWTHS = [
    [None], [1], [[]], [[1]], 7, "abc", "ab", [["a", "b"]], [[10**400, 1.0]],
    [[1.0, 2.0, 3.0, 4.0, 5]], {"a": 1}, [[None, None, None, None]],
]  # fmt: skip


@pytest.mark.parametrize("growth", GROWTHS, ids=str)
def test_a_damaged_training_does_not_stop_the_page(growth):
    damaged = certificate("numpy", "a")
    damaged["checks"][0]["growth"] = growth
    html = report.render(frame(row("numpy", 1)), [damaged, certificate("b", "a")], {})
    whole = [step for step in records(html, "steps") if step["backend"] == "b"]
    assert len(whole) == 2
