"""Verdicts between result folders, ASV's files and commits; what is no fair match is refused."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from command_line import SMALL, mnist_bench, write_data

from bench import sides
from bench.columns import COLUMNS
from bench.compare import Timed, compare, counts, threshold
from bench.noise import Floor, entry
from bench.run_folder import RunFolder
from bench.suite import Case
from mnist_core.errors import DataError

ROOT = Path(__file__).parents[1]
NETWORK, BATCH = (784, 16, 10), 32
MACHINE = {"cpu": "CPU", "cores": 2, "memory_bytes": 1, "load": 0.1, "governor": None}


@pytest.fixture(scope="module")
def data(small_digits, tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), small_digits)


def run_of(path: Path, times: dict[str, float], noise=(), **conditions) -> Path:
    """A finished run of made-up times: seconds by operator, three percent of spread."""
    folder = RunFolder.create(path)
    common = {
        "schema": 1, "run_id": folder.run_id, "backend": "numpy", "role": "own",
        "level": "operator", "network": "784-16-10", "batch": BATCH, "cache": "hot",
        "machine": "CPU, 2 cores", "threads": 2, "data": "digits", "precision": "float32",
        "status": "ok", "certificate": "float32",
    }  # fmt: skip
    rows, samples = [], []
    for operator, seconds in times.items():
        row = common | conditions | {"operator": operator}
        rounds = [seconds * (1 + 0.003 * (i % 7 - 3)) for i in range(12)]
        rows.append(row | {"median_s": seconds, "ci_low_s": seconds, "ci_high_s": seconds})
        samples += [
            {**row, "pass": 1, "round": i, "block": 0, "seconds": s} for i, s in enumerate(rounds)
        ]
    folder.add_rows([row for row in rows if set(row) - set(COLUMNS) == set()])
    folder.add_samples(samples)
    folder.finish([], {"machine": MACHINE, "data": {}, "warnings": [], "noise": list(noise)})
    return path


def floor(operator: str, apart: float) -> dict:
    case = Case("operator", operator, NETWORK, BATCH, "hot")
    return entry("numpy", case, 2, "float32", Floor(apart, apart, 6))


NOISE = [floor("relu", 0.02), floor("dense", 0.02), floor("sgd", 0.02)]


@pytest.fixture
def before(tmp_path):
    return run_of(tmp_path / "a", {"relu": 1e-5, "dense": 1e-3, "sgd": 2e-5}, NOISE)


@pytest.fixture
def after(tmp_path):
    return run_of(tmp_path / "b", {"relu": 1.1e-5, "dense": 1.002e-3, "sgd": 1.5e-5}, NOISE)


def test_every_case_gets_its_verdict_and_a_regression_is_exit_code_1(before, after):
    done = mnist_bench("compare", before, after)
    assert done.returncode == 1, done.stderr
    lines = {
        line.split()[1].rstrip(","): line for line in done.stdout.splitlines() if "784" in line
    }
    assert lines["relu"].split()[-1] == "slower"
    assert "1.10" in lines["relu"]
    assert lines["dense"].split()[-1] == "same"
    assert lines["sgd"].split()[-1] == "faster"
    assert "1 slower, 1 same, 1 faster" in done.stdout
    assert mnist_bench("compare", after, before).returncode == 1  # sgd is slower that way round
    assert mnist_bench("compare", before, after, "--fail-on", "never").returncode == 0
    assert mnist_bench("compare", before, before).returncode == 0


def test_markdown_and_json_hold_the_same(before, after):
    markdown = mnist_bench("compare", before, after, "--format", "markdown").stdout
    assert markdown.startswith("**1 slower, 1 same, 1 faster**\n")
    table = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 3
    assert len({line.count("|") for line in table}) == 1
    found = json.loads(mnist_bench("compare", before, after, "--format", "json").stdout)
    assert found["counts"] == {"slower": 1, "same": 1, "faster": 1}
    relu = found["changes"][0]
    assert relu["ratio"]["low"] < 1.1 < relu["ratio"]["high"]
    assert (relu["verdict"], relu["floor"]) == ("slower", 0.02)


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("machine", "other CPU"),
        pytest.param("threads", 1, marks=pytest.mark.long),
        pytest.param("data", "mnist", marks=pytest.mark.long),
    ],
)
def test_what_is_no_fair_match_is_refused_and_says_why(before, tmp_path, condition, value):
    other = run_of(tmp_path / "o", {"relu": 1e-5}, NOISE, **{condition: value})
    refused = mnist_bench("compare", before, other)
    assert refused.returncode == 2
    assert f"they differ in {condition}: " in refused.stderr
    assert str(value) in refused.stderr
    assert refused.stdout == ""
    told = mnist_bench("compare", before, other, "--allow-different")
    assert told.returncode == 0
    assert f"they differ in {condition}" in told.stdout


@pytest.mark.long
def test_cases_on_one_side_alone_and_unknown_noise_are_noted(before, tmp_path):
    other = run_of(tmp_path / "o", {"relu": 1e-5, "softmax": 1e-5})
    done = mnist_bench("compare", before, other)
    assert f"only in {before}: numpy dense, 784-16-10, batch 32; numpy sgd" in done.stdout
    assert f"only in {other}: numpy softmax" in done.stdout
    quiet = run_of(tmp_path / "q", {"relu": 1e-5})
    done = mnist_bench("compare", other, quiet)
    assert "the noise of this machine was not measured" in done.stdout
    assert "±10.0%" in done.stdout


def test_a_backend_that_is_refused_now_fails_the_comparison(before, tmp_path):
    other = run_of(tmp_path / "o", {"relu": 1e-5}, status="refused", reason="wrong now")
    done = mnist_bench("compare", before, other)
    assert done.returncode == 1
    assert "refused: wrong now" in done.stdout


@pytest.mark.long
def test_thresholds_of_ones_own_come_first(before, after, tmp_path):
    own = tmp_path / "elsewhere"
    own.mkdir()
    (own / "pyproject.toml").write_text('[tool.mnist-bench.thresholds]\n"numpy relu*" = 0.2\n')
    done = mnist_bench("compare", before, after, cwd=own)
    assert done.returncode == 0, done.stdout
    assert "±20.0%" in done.stdout
    for wrong in ("relu = 'x'", "relu = 3", "relu = -0.1", "= 2"):
        (own / "pyproject.toml").write_text(f"[tool.mnist-bench.thresholds]\n{wrong}\n")
        refused = mnist_bench("compare", before, after, cwd=own)
        assert refused.returncode == 2
        assert "pyproject.toml" in refused.stderr
        assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("nowhere", "HEAD"), "nowhere is neither a folder that `run --out` wrote nor"),
        (("--help-me", "HEAD"), "No such option"),
        (("HEAD",), "Missing argument 'B'"),
        (("HEAD", "HEAD", "--fail-on", "faster"), "Invalid value for '--fail-on'"),
    ],
)
def test_bad_sides_are_one_line(arguments, part):
    refused = mnist_bench("compare", *arguments)
    assert refused.returncode == 2
    assert part in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_sides_of_two_kinds_and_options_that_do_not_apply_are_refused(before, after):
    mixed = mnist_bench("compare", before, "HEAD", cwd=ROOT)
    assert mixed.returncode == 2
    assert "HEAD is a commit; give two of a kind" in mixed.stderr
    told = mnist_bench("compare", before, after, "--batch", 32)
    assert told.returncode == 2
    assert "--batch is about measuring commits; leave it out" in told.stderr


def test_thresholds_have_a_least_and_a_default():
    name = ("numpy", "relu, 784-16-10, batch 32")
    assert threshold(name, 0.001, True, {}) == 0.01
    assert threshold(name, 0.04, True, {}) == 0.04
    assert threshold(name, None, True, {}) == 0.05
    assert threshold(name, None, False, {}) == 0.10
    assert threshold(name, 0.04, True, {"cupy*": 0.3, "* relu*": 0.2, "*": 0.1}) == 0.2


def test_what_was_broken_before_is_nothing_to_compare_with():
    whole, broken = Timed({1: [1.0], 2: [1.0]}), Timed({}, status="failed", reason="died")
    name = ("numpy", "relu")
    (mended,) = compare({name: broken}, {name: whole}, {name: 0.1}, True)
    (worse,) = compare({name: whole}, {name: broken}, {name: 0.1}, True)
    (never,) = compare({name: broken}, {name: broken}, {name: 0.1}, True)
    assert (mended.verdict, mended.reason) == ("incomparable", "failed before: died")
    assert (worse.verdict, worse.reason) == ("failed", "died")
    assert never.verdict == "incomparable"
    assert counts([worse, mended]) == {"failed": 1, "incomparable": 1}


def test_too_few_rounds_decide_nothing():
    name = ("numpy", "relu")
    few, slow = Timed({1: [1.0], 2: [1.0]}), Timed({1: [9.0], 2: [9.0]})
    for in_turn in (True, False):
        (change,) = compare({name: few}, {name: slow}, {name: 0.1}, in_turn)
        assert change.verdict == "ambiguous"
        assert json.loads(json.dumps(change.as_dict()))["ratio"]["high"] is None
    (apart,) = compare({name: few}, {name: Timed({7: [1.0]})}, {name: 0.1}, True)
    assert apart.verdict == "ambiguous"
    (empty,) = compare({name: few}, {name: Timed({})}, {name: 0.1}, False)
    assert (empty.verdict, empty.as_dict()["before_s"]) == ("ambiguous", None)


def test_nothing_in_common_is_no_success(before, tmp_path):
    other = run_of(tmp_path / "o", {"softmax": 1e-5})
    refused = mnist_bench("compare", before, other)
    assert refused.returncode == 2
    assert "nothing to compare: no case in both" in refused.stderr


def test_the_reference_run_of_an_earlier_version_can_be_compared():
    reference = ROOT / "results" / "reference" / "epyc-2-cores"
    done = mnist_bench("compare", reference, reference)
    assert done.returncode == 0, done.stderr
    assert "same" in done.stdout


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of its own with this source, to which commits can be added."""
    root = tmp_path / "repository"
    for package in ("mnist_core", "kernels", "bench"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, root / package, ignore=ignore)
    monkeypatch.setenv("PYTHONPATH", str(root))
    for variable in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{variable}_NAME", "nobody")
        monkeypatch.setenv(f"{variable}_EMAIL", "nobody@example.org")
    git(root, "init", "--quiet")
    commit(root, "as it is")
    return root


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


def commit(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", message)


@pytest.mark.long
def test_commits_are_measured_in_turn_and_a_slower_one_is_found(repository, data, tmp_path):
    relu = repository / "kernels" / "array" / "operators" / "relu.py"
    text = relu.read_text()
    once = "    space.xp.maximum(z, 0, out=out)\n"
    relu.write_text(text.replace(once, 2 * once))
    # Of calls this short two processes may differ by more than the five percent taken otherwise.
    (repository / "pyproject.toml").write_text('[tool.mnist-bench.thresholds]\n"*" = 0.25\n')
    commit(repository, "slow relu down")
    options = (*SMALL, "--backend", "numpy", "--operator", "relu", "--operator", "sgd")
    timing = ("--threads", 1, "--data", data)
    out = tmp_path / "out"
    done = mnist_bench("compare", "HEAD~1", "HEAD", *options, *timing, "--out", out, cwd=repository)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = {
        line.split()[1].rstrip(","): line for line in done.stdout.splitlines() if "784" in line
    }
    assert lines["relu"].split()[-1] == "slower", done.stdout
    assert lines["sgd"].split()[-1] != "slower", done.stdout
    assert len(sides.results.load(out).commit.unique()) == 2
    listed = subprocess.run(
        ["git", "-C", str(repository), "worktree", "list"], capture_output=True, text=True
    )
    assert len(listed.stdout.splitlines()) == 1, "a work tree was left behind"
    relu.write_text(text)
    tree = mnist_bench("compare", "HEAD", ".", *options, *timing, cwd=repository)
    lines = {
        line.split()[1].rstrip(","): line for line in tree.stdout.splitlines() if "784" in line
    }
    assert lines["relu"].split()[-1] == "faster", tree.stdout


def test_asvs_own_results_can_be_compared(tmp_path):
    pytest.importorskip("asv", reason="asv is not installed")
    files = []
    for name, seconds in (("a", 1e-5), ("b", 2e-5)):
        found = {
            "commit_hash": name * 8, "env_name": "env", "date": 1, "params": {
                "cpu": "CPU", "num_cpu": "2", "machine": "m", "os": "", "ram": "", "arch": "",
                "python": "3.11",
            }, "python": "3.11", "requirements": {}, "env_vars": {}, "durations": {},
            "result_columns": [
                "result", "params", "version", "started_at", "duration", "stats_ci_99_a",
                "stats_ci_99_b", "stats_q_25", "stats_q_75", "stats_number", "stats_repeat",
                "samples", "profile",
            ],
            "results": {
                "training.Operators.time_operator": [
                    [seconds, 2e-5, None], [["'numpy'"], ["'relu'", "'sgd'", "'dense'"]], "v", 1, 1,
                    [seconds * 0.99, 1.98e-5, None], [seconds * 1.01, 2.02e-5, None],
                    [seconds, 2e-5, None], [seconds, 2e-5, None], [1, 1, None], [9, 9, None],
                ]
            },
            "version": 2,
        }  # fmt: skip
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(found))
    done = mnist_bench("compare", *files, "--format", "json")
    assert done.returncode == 1, done.stderr
    changes = {c["case"]: c["verdict"] for c in json.loads(done.stdout)["changes"]}
    verdicts = {"relu": "slower", "sgd": "same", "dense": "incomparable"}
    assert changes == {f"time_operator {name}": verdict for name, verdict in verdicts.items()}
    files[0].write_text('{"result_columns": []}')
    refused = mnist_bench("compare", *files)
    assert refused.returncode == 2
    assert "not a file of ASV's results" in refused.stderr


def test_the_conditions_of_two_folders_are_told_apart(before, after):
    first, second = sides.of_folder(before), sides.of_folder(after)
    assert sides.differing(first, second) == []
    second.conditions["threads"] = "1"
    assert sides.differing(first, second) == ["threads: 2 and 1"]
    with pytest.raises(DataError):
        sides.of_folder(Path("nowhere"))
