"""A run that was killed: what it measured can be read, and it can be gone on with."""

import json
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from command_line import FILES, SMALL, mnist_bench, write_data
from test_interrupt import lines, start

from bench.files import append_lines, read_lines
from bench.plan import FULL, Plan
from bench.results import load, load_certificates, load_samples
from bench.run_folder import RESUMED, RunFolder
from bench.standing import Side
from bench.suite import LEVELS, cases
from mnist_core import registry
from mnist_core.errors import DataError, OutputError

CASES = ("--backend", "numpy", "--level", "step", "--operator", "relu", "--operator", "dense")
COMPLETE = 3
PASSES = 3


@pytest.fixture(scope="module")
def data(small_digits, tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), small_digits)


def killed(out: Path, data: Path, when) -> None:
    """A run that kill -9 met as soon as ``when`` held, if it was not at its end by then."""
    process = start("run", *SMALL, *CASES, "--quick", "--data", data, "--out", out)
    workers: list[psutil.Process] = []
    try:
        while not when() and process.poll() is None:
            time.sleep(0.005)
        with suppress(psutil.NoSuchProcess):  # it may have come to its end
            workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
    finally:
        process.communicate(timeout=60)
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not alive, "workers outlive the run"


def check_resumed(out: Path) -> None:
    """Go on with a killed run; nothing that it had measured is lost or measured again."""
    before = read_lines(out / "samples.jsonl")
    rows = {(r["level"], r["operator"]): r["pass"] for r in read_lines(out / "rows.jsonl")}
    done = mnist_bench("run", "--resume", out)
    assert done.returncode == 0, done.stderr
    assert {entry.name for entry in out.iterdir()} == set(FILES)
    table, samples = load(out), load_samples(out)
    assert len(table) == COMPLETE
    assert set(table.status) == {"ok"}
    assert set(table.certificate) == {"float32"}
    assert set(table.reason) <= {"", RESUMED}
    kept_rows = table[[(r.level, r.operator or None) in rows for r in table.itertuples()]]
    assert set(kept_rows.reason) <= {RESUMED}
    assert table.run_id.nunique() == 1
    key = ["level", "operator", "round", "block"]
    assert not samples.duplicated(key).any()
    kept = [s for s in before if s["pass"] <= rows.get((s["level"], s["operator"] or None), 0)]
    found = {
        (*(sample[k] for k in key), sample["seconds"]) for sample in samples.to_dict("records")
    }
    assert all((*(s[k] for k in key), s["seconds"]) in found for s in kept)
    for row in table.itertuples():
        mine = samples[(samples.level == row.level) & (samples.operator == row.operator)]
        assert mine["round"].nunique() == row.rounds
        assert set(mine["pass"]) == set(range(1, PASSES + 1))


@pytest.mark.long
def test_a_killed_run_is_read_for_what_it_has_and_gone_on_with(data, tmp_path):
    out = tmp_path / "run"
    killed(out, data, lambda: lines(out / "rows.jsonl") >= 4)  # in the second pass
    table = load(out)
    assert len(table) == COMPLETE
    assert set(table.status) == {"ok"}
    assert set(table.reason) == {"verified before timing only: the run ended early"}
    assert (table.median_s > 0).all()
    assert [c["backend"] for c in load_certificates(out)] == ["numpy"]
    page = mnist_bench("report", out)
    assert page.returncode == 0, page.stderr
    (out / "report.html").unlink()
    with (out / "samples.jsonl").open("a") as file:
        file.write('{"backend": "numpy", "level": "st')  # as a write that was cut off
    check_resumed(out)
    again = mnist_bench("run", "--resume", out)
    assert again.returncode == 2
    assert "has written its results" in again.stderr


def test_a_run_that_is_going_on_is_left_alone(data, tmp_path):
    out = tmp_path / "run"
    process = start("run", *SMALL, *CASES, "--data", data, "--out", out)
    try:
        while not (out / "environment.json").exists():
            assert process.poll() is None
            time.sleep(0.01)
        for other in (("run", *SMALL, "--data", data, "--out", out), ("run", "--resume", out)):
            refused = mnist_bench(*other)
            assert refused.returncode == 2
            assert "another run is writing there" in refused.stderr
    finally:
        process.kill()
        process.communicate()


@pytest.mark.long
def test_what_changed_since_is_named_and_nothing_is_mixed(data, tmp_path):
    out = tmp_path / "run"
    killed(out, data, lambda: lines(out / "rows.jsonl") >= 1)
    environment = json.loads((out / "environment.json").read_text())
    environment["machine"]["cpu"] = "another"
    environment["packages"]["numpy"] = "0.1"
    (out / "environment.json").write_text(json.dumps(environment))
    refused = mnist_bench("run", "--resume", out)
    assert refused.returncode == 2
    assert "machine and packages changed since that run began" in refused.stderr
    assert lines(out / "rows.jsonl") >= 1


def test_resume_stands_alone(tmp_path):
    refused = mnist_bench("run", "--resume", tmp_path, "--batch", 32)
    assert refused.returncode == 2
    assert refused.stderr == (
        "mnist-bench: --resume goes on with what was asked for then: leave --batch out\n"
    )
    nothing = mnist_bench("run", "--resume", tmp_path)
    assert nothing.returncode == 2
    assert "no run was begun there" in nothing.stderr


def test_a_run_killed_while_it_writes_its_results_can_be_gone_on_with(tmp_path, monkeypatch):
    folder = RunFolder.create(tmp_path / "run")
    environment = {"plan": {"run_id": folder.run_id}, "machine": {}, "data": {}, "warnings": []}
    folder.begin(environment)
    folder.add_rows([{"schema": 1, "backend": "a", "level": "step", "batch": 1, "pass": 1}])

    def killed(*arguments, **options):
        raise SystemExit

    monkeypatch.setattr("pandas.DataFrame.to_csv", killed)  # the last of the five files
    with pytest.raises(SystemExit):
        folder.finish([], environment)
    folder.release()
    assert RunFolder.reopen(folder.path).run_id == folder.run_id


@pytest.mark.parametrize("name", ["rows.jsonl", "certificates.jsonl", "samples.jsonl"])
def test_a_line_that_was_cut_off_does_not_spoil_what_is_appended(tmp_path, name):
    folder = RunFolder.create(tmp_path / "run")
    folder.begin({"plan": {"run_id": folder.run_id}})
    sample = {"backend": "a", "level": "step", "network": "n", "batch": 1, "pass": 1, "round": 1}
    row = {"backend": "a", "level": "step", "network": "n", "batch": 1, "pass": 1}
    folder.add_rows([row])
    folder.add_samples([sample, {**sample, "pass": 2, "round": 2}])
    folder.add_word({"backend": "a", "status": "failed", "reason": "died"})
    folder.release()
    with (folder.path / name).open("a") as file:
        file.write('{"backend": "b", "lev')
    again = RunFolder.reopen(folder.path)
    assert again.run_id == folder.run_id
    assert again.rows == [row | {"reason": RESUMED}]
    assert again.samples == [sample]  # of the second pass there is no row
    again.add_rows([row | {"pass": 2}])
    again.add_samples([{**sample, "pass": 2, "round": 2}])
    again.add_word({"backend": "a", "status": "failed", "reason": "again"})
    assert [r["pass"] for r in read_lines(folder.path / "rows.jsonl")] == [1, 2]
    assert [s["round"] for s in read_lines(folder.path / "samples.jsonl")] == [1, 2]
    assert len(read_lines(folder.path / "certificates.jsonl")) == 2
    again.release()


def test_a_folder_in_which_a_run_was_begun_is_not_used_for_another(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    folder.add_word({"backend": "a", "status": "failed", "reason": "died"})
    folder.release()
    with pytest.raises(OutputError, match=r"go on with it by --resume"):
        RunFolder.create(tmp_path / "run")


def test_an_environment_without_a_plan_is_one_line(tmp_path):
    for text in ("{}", '{"plan": {"run_id": "a"}}', "[]"):
        (tmp_path / "environment.json").write_text(text)
        refused = mnist_bench("run", "--resume", tmp_path)
        assert refused.returncode == 2, text
        assert refused.stderr.count("\n") == 1


@pytest.mark.long
def test_fifty_kills_at_random_moments_lose_nothing(data, tmp_path):
    """The moment is drawn from the whole length of a run; a few of the killed ones are resumed."""
    rng = random.Random(4)
    begun = time.monotonic()
    whole = mnist_bench("run", *SMALL, *CASES, "--quick", "--data", data, "--out", tmp_path / "0")
    length = time.monotonic() - begun
    assert whole.returncode == 0
    met = set()
    for number in range(1, 51):
        out, end = tmp_path / str(number), time.monotonic() + rng.uniform(0, length)
        killed(out, data, lambda end=end: time.monotonic() >= end)
        if (out / "results.csv").exists():
            met.add("after the end")
            assert len(load(out)) == COMPLETE
            continue
        finished = read_lines(out / "rows.jsonl")
        if not (out / "environment.json").exists():
            met.add("before the beginning")
            continue
        met.add("rows" if finished else "no rows")
        table = load(out) if finished else None
        if table is not None:
            assert len(table) == len({(r["level"], r["operator"]) for r in finished})
            assert set(table.status) == {"ok"}
        for name in os.listdir(out):
            if name.endswith(".json"):
                json.loads((out / name).read_text())
        read_lines(out / "samples.jsonl")
        if number % 5 == 0:
            check_resumed(out)
    assert {"rows", "no rows"} <= met


def test_a_plan_survives_json(tmp_path):
    plan = Plan(
        backends=[registry.backend("numpy")],
        cases=cases([(784, 16, 10)], [32, 64], LEVELS, ["relu"], ["hot", "cold"]),
        precision="float32",
        threads=1,
        data="digits",
        lr=0.1,
        seed=3,
        effort=FULL,
        kernels={"dense": "array"},
        sides=[Side("abc", tmp_path, "abcdef")],
    )
    assert Plan.from_dict(json.loads(json.dumps(plan.as_dict()))) == Plan(
        **{**vars(plan), "plugins": []}
    )


def test_lines_cut_off_at_the_end_are_left_out_and_damaged_ones_are_named(tmp_path):
    file = tmp_path / "rows.jsonl"
    append_lines(file, [{"a": 1}, {"a": 2}])
    with file.open("a") as end:
        end.write('{"a": 3')
    assert read_lines(file) == [{"a": 1}, {"a": 2}]
    for damaged in ('{"a": \n{"b": 1}\n', "[1]\n", '"text"\n'):
        file.write_text(damaged)
        with pytest.raises(DataError, match=r"rows\.jsonl: cannot be read"):
            read_lines(file)
    assert read_lines(tmp_path / "none.jsonl") == []


def test_two_folders_of_one_name_at_once(tmp_path):
    first = RunFolder.create(tmp_path / "run")
    with pytest.raises(OutputError, match="another run is writing there"):
        RunFolder.create(tmp_path / "run")
    first.release()
    RunFolder.create(tmp_path / "run").release()


def test_of_a_folder_of_runs_the_damaged_one_is_left_out_with_a_warning(tmp_path):
    environment = {"machine": {"cpu": "CPU", "cores": 2}, "data": {}, "warnings": []}
    for name in ("a", "b"):
        folder = RunFolder.create(tmp_path / name)
        folder.add_rows([{"schema": 1, "run_id": folder.run_id, "backend": "numpy"}])
        folder.finish([], environment)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "results.csv").write_text("schema\n99\n")
    with pytest.warns(UserWarning, match=r"left out: .*c/results\.csv: not a result set"):
        table = load(tmp_path)
    assert table.run_id.nunique() == 2
    with pytest.raises(DataError, match="not a result set"):
        load(tmp_path / "a", tmp_path / "c")
