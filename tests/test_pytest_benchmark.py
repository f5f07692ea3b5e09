"""`pytest --benchmark-only`: the same cases, verified, and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_core import registry

ROOT = Path(__file__).parents[1]

WRONG = """
import sys
from mnist_core import Backend, kernel, operators, registry

@kernel(operators.relu)
def forgets_to_cut(z, out):
    out[...] = z

wrong = Backend("wrong", base="numpy", kernels=[forgets_to_cut])
registry.add_module(sys.modules[__name__])
"""


def run_pytest(*arguments: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run pytest in a process of its own, on this repository."""
    environment = {**os.environ, "CI": "", "PYTHONPATH": str(folder or "")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )


def collected(*arguments: str) -> list[str]:
    done = run_pytest("--collect-only", *arguments)
    return [line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line]


@pytest.mark.long
def test_pytest_runs_no_benchmark_and_benchmark_only_runs_nothing_else() -> None:
    usual, only = collected(), collected("--benchmark-only")
    assert not [file for file in usual if file.startswith("bench/")]
    assert "tests/test_cli.py" in usual
    assert set(only) == {"bench/pytest_benchmarks/test_cases.py"}
    own = [b for b in registry.backends().values() if b.role == "own"]
    assert len(only) == len(own) * (5 - 1 + len(registry.operators()))


@pytest.mark.long
def test_a_benchmark_holds_its_certificate_and_its_throughput(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.json"
    wanted = ("-k", "numpy-relu or numpy-step", f"--benchmark-json={file}")
    done = run_pytest("--benchmark-only", *wanted, f"--benchmark-histogram={tmp_path / 'drawn'}")
    assert done.returncode == 0, done.stdout
    found = {b["extra_info"]["operator"]: b for b in json.loads(file.read_text())["benchmarks"]}
    assert set(found) == {"", "relu", "relu_backward"}
    assert found["relu"]["group"] == "relu, batch 128"
    for benchmark in found.values():
        facts, median = benchmark["extra_info"], benchmark["stats"]["median"]
        assert (facts["backend"], facts["certificate"]) == ("numpy", "float32")
        assert facts["images_per_s"] == pytest.approx(facts["images"] / median)
    assert found[""]["stats"]["iterations"] == 1  # weights are reset before every step
    assert list(tmp_path.glob("drawn*.svg"))


@pytest.mark.long
def test_two_sets_of_benchmarks_are_compared(tmp_path: Path) -> None:
    store = f"--benchmark-storage=file://{tmp_path}"
    first = run_pytest("--benchmark-only", "-k", "numpy-relu", store, "--benchmark-save=first")
    assert first.returncode == 0, first.stdout
    again = run_pytest("--benchmark-only", "-k", "numpy-relu", store, "--benchmark-compare")
    assert again.returncode == 0, again.stdout
    assert "(0001_first" in again.stdout


@pytest.mark.long
def test_a_backend_that_is_wrong_fails_and_has_no_time(tmp_path: Path) -> None:
    (tmp_path / "wrong_backend.py").write_text(WRONG)
    file = tmp_path / "benchmarks.json"
    wanted = ("-p", "wrong_backend", "-k", "wrong-relu", f"--benchmark-json={file}")
    done = run_pytest("--benchmark-only", *wanted, folder=tmp_path)
    assert done.returncode == 1
    assert "relu/forgets_to_cut: out differs from the reference" in done.stdout
    assert not file.exists() or not json.loads(file.read_text())["benchmarks"]
