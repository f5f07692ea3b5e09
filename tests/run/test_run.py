"""`mnist-bench run` from end to end."""

import os
import pty
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from command_line import FILES, SMALL, invoke, mnist_bench
from results_of import rows

from bench import standing
from bench.files import load_json
from bench.results import load
from bench.suite import LEVELS, parts_of
from bench.worker import WorkerError
from kernels.array.cuda import no_cuda
from mnist_core import registry

TIMES = ["median_s", "q1_s", "q3_s", "ci_low_s", "ci_high_s", "host_s", "images_per_s", "gflops"]


@contextmanager
def terminal():
    """A pseudo-terminal to write to, and what it has shown by the end of the block."""
    master, end = pty.openpty()
    shown: list[bytes] = []

    def read():
        with suppress(OSError):  # how a pseudo-terminal ends
            while chunk := os.read(master, 65536):
                shown.append(chunk)

    reader = Thread(target=read)
    reader.start()
    try:
        yield end, shown
    finally:
        os.close(end)
        reader.join()
        os.close(master)


@pytest.fixture(scope="module")
def alone(data, plugin, tmp_path_factory):
    """One run of a right plug-in without numpy, its progress shown on a terminal."""
    out = tmp_path_factory.mktemp("alone") / "run"
    arguments = ("--plugin", plugin, "--backend", "right", "--backend", "cupy")
    cases = ("--level", "step", "--operator", "dense", "--kernel", "dense=reference")
    options = ("--data", data, "--quick", "--out", out)
    with terminal() as (end, shown):
        pipes = {"stderr": end, "env": os.environ | {"TERM": "xterm"}}
        done = mnist_bench("run", *SMALL, *arguments, *cases, *options, **pipes)
    return SimpleNamespace(done=done, out=out, table=load(out), shown=b"".join(shown).decode())


def test_a_right_plugin_is_verified_timed_and_reported(alone):
    assert alone.done.returncode == 0, alone.shown
    right = rows(alone, "right")
    assert right.level.tolist() == ["step", "operator"]
    assert set(right.status) == {"ok"}
    assert set(right.certificate) == {"float32"}
    assert (right.median_s > 0).all()
    assert (right.error_ratio > 0).any()
    assert set(right.role) == {"own"}
    assert "right" in (alone.out / "report.html").read_text()
    certificates = load_json(alone.out, "certificates.json")
    assert [(c["backend"], c["passed"]) for c in certificates] == [("right", True)]


def test_without_numpy_there_is_no_baseline(alone):
    assert set(alone.table.baseline) == {""}
    assert alone.table.speedup.isna().all()


def test_the_kernel_column_names_the_kernel_that_was_chosen(alone):
    assert rows(alone, "right", "operator").kernel.tolist() == ["reference"]
    assert rows(alone, "right", "operator").operator.tolist() == ["dense"]


def test_figures_of_a_row_agree_with_each_other(alone, data):
    for row in rows(alone, "right").itertuples():
        assert row.images_per_s == pytest.approx(row.batch / row.median_s)
        assert row.gflops == pytest.approx(row.flops / row.median_s / 1e9)
        assert (row.network, row.batch, row.data) == ("784-16-10", 32, data.name)
        assert (row.precision, row.seed) == ("float32", 0)
        assert row.cache == ("hot" if row.level == "operator" else "")


def test_samples_are_those_that_the_median_is_of(alone):
    import pandas as pd

    samples = pd.read_parquet(alone.out / "samples.parquet")
    for row in rows(alone, "right").itertuples():
        mine = samples[samples.level == row.level]
        assert mine["round"].unique().tolist() == list(range(1, int(row.rounds) + 1))
        assert mine[mine["round"] == 1].block.tolist() == list(range((mine["round"] == 1).sum()))
        assert mine.groupby("round").seconds.median().median() == pytest.approx(row.median_s)
        assert row.iterations in set(mine.iterations)
        assert set(mine["pass"]) == {1, 2, 3}
        assert not mine.outlier.all()


def test_progress_goes_to_stderr_and_the_table_to_stdout(alone):
    assert "verifying right" in alone.shown
    assert "timing step" in alone.shown
    assert "float32" not in alone.shown
    assert "verifying" not in alone.done.stdout
    for text in ("machine ", "data ", "network   784-16-10   batch 32", "right ", "float32"):
        assert text in alone.done.stdout
    assert f"report    {alone.out / 'report.html'}" in alone.done.stdout


@pytest.mark.skipif(no_cuda() is None, reason="there is a CUDA device")
def test_cupy_without_a_device_is_a_row_and_a_line(alone):
    cupy = rows(alone, "cupy")
    assert set(cupy.status) == {"unavailable"}
    assert set(cupy.reason) == {no_cuda()}
    assert cupy[TIMES].isna().all(axis=None)
    assert f"cupy: unavailable, {no_cuda()}" in alone.done.stdout.splitlines()


IDLE = '''
import sys
from mnist_core import Backend, kernel, operators

def timed():
    """Whether the harness is at its clock: somewhere up the stack."""
    frame = sys._getframe()
    while frame and frame.f_code.co_name != "_block":
        frame = frame.f_back
    return frame is not None

@kernel(operators.dense)
def idle(x, w, b, out, *, activation):
    if not timed():
        out[...] = operators.dense.reference(x, w, b, activation=activation)[0]

backend = Backend("idle", base="numpy", kernels=[idle])
'''


@pytest.mark.long
def test_a_kernel_that_does_nothing_while_it_is_timed_is_beyond_the_peak(data, tmp_path):
    plugin, out = tmp_path / "idle.py", tmp_path / "run"
    plugin.write_text(IDLE)
    what = ("--operator", "dense", "--operator", "relu", "--backend", "numpy", "--backend", "idle")
    done = mnist_bench(
        *("run", *SMALL, *what, "--quick", "--plugin", plugin, "--data", data, "--out", out)
    )
    assert done.returncode == 1
    table = load(out)
    idle = table[table.backend == "idle"].set_index("operator")
    assert idle.status["dense"] == "refused"
    assert "impossible speed" in idle.reason["dense"]
    assert idle.loc["dense", TIMES].isna().all()
    assert idle.certificate["dense"] == ""
    assert idle.status["relu"] == "ok"
    assert set(table[table.backend == "numpy"].status) == {"ok"}
    assert (table[table.backend == "numpy"].pct_peak < 105).all()
    assert "impossible speed" in done.stdout


PEAKS = ("gflops", "cache_gbytes_per_s", "memory_gbytes_per_s", "read_gbytes_per_s", "cache_bytes")


class StumblingWorker:
    """Stands in for a worker: passes every check, but cannot do a step."""

    def __init__(self, job, tree=None):
        self.job = job
        self.info = {"versions": "numpy", "device": "cpu", "computes": ["step", "forward"]}

    def ask(self, request, **arguments):
        if request == "prepare" and arguments["case"]["level"] == "step":
            raise WorkerError("ValueError: not today")
        return {
            "verify": {
                "passed": True,
                "backend": self.job["backend"],
                "error_ratio": 1.0,
                "claim": "float32",
                "network": "784-16-10",
                "batch": 32,
                "checks": [],
            },
            "compile": 0.5,
            "peaks": dict.fromkeys(PEAKS, 1.0),
            "prepare": dict.fromkeys(("images", "flops", "flops_executed", "bytes"), 1)
            | {"kernel": "any", "note": "", "blocks": {"iterations": 1, "count": 1}},
            "sample": {
                "blocks": [{"seconds": 0.001, "device_s": None}],
                "peak_memory_bytes": 1,
            },
        }[request]

    def close(self):
        pass


def test_an_error_while_timing_costs_that_case_alone_and_makes_the_exit_code_1(
    data, tmp_path, monkeypatch
):
    monkeypatch.setattr(standing, "Worker", StumblingWorker)
    out = tmp_path / "run"
    levels = ("--level", "step", "--level", "forward", "--backend", "numpy")
    done = invoke("run", *SMALL, *levels, "--data", data, "--quick", "--out", out)
    step, forward = load(out).itertuples()
    assert (step.status, forward.status) == ("failed", "ok")
    assert step.reason == "step, 784-16-10, batch 32: ValueError: not today"
    assert step.median_s != step.median_s
    assert forward.median_s == pytest.approx(0.001)
    assert done.exit_code == 1


@pytest.mark.long
@pytest.mark.skipif(
    registry.backend("numba").unavailable() is not None, reason="Numba is not installed"
)
def test_a_whole_quick_run_has_every_level_of_every_backend(data, tmp_path):
    out = tmp_path / "run"
    done = mnist_bench("run", *SMALL, "--data", data, "--backend", "all", "--quick", "--out", out)
    assert done.returncode == 0, done.stdout
    assert {entry.name for entry in out.iterdir()} == set(FILES)
    table = load(out)
    for name, role in (("numpy", "own"), ("numba", "own"), ("bare-numpy", "peer")):
        found = table[table.backend == name]
        # A peer is timed only where it computes something of its own.
        operators = set(registry.operators()) if role == "own" else set()
        # What takes a step over as a whole has one part.
        composed = set(parts_of((784, 16, 10))) - {"fused"}
        parts = {"numpy": composed, "numba": {"fused"}, "bare-numpy": set()}[name]
        assert set(found.level) == set(LEVELS if role == "own" else ["epoch"])
        assert set(found[found.level == "operator"].operator) == operators
        assert set(found[found.level == "part"].operator) == parts
        assert set(found.status) == {"ok"}
        assert set(found.certificate) == {"float32"}
        # A step taken over has no piece that would be a piece of NumPy's.
        assert set(found[found.operator != "fused"].baseline) == {"numpy"}
        assert set(found.role) == {role}
    numpy = table[table.backend == "numpy"]
    assert set(numpy.speedup) == {1.0}
    epochs = table[(table.level == "epoch") & (table.status == "ok")]
    kernels = dict(zip(epochs.backend, epochs.kernel, strict=True))
    expected = {"numpy": "composed", "numba": "tiled", "bare-numpy": "bare_loop"}
    assert {name: kernels[name] for name in expected} == expected


@pytest.mark.long
@pytest.mark.skipif("MNIST_DATA_DIR" not in os.environ, reason="MNIST_DATA_DIR is not set")
def test_a_quick_run_on_mnist_says_so(tmp_path):
    options = ("--backend", "numpy", "--level", "step", "--quick", "--out", tmp_path / "run")
    done = mnist_bench("run", "--data", "mnist", *options)
    assert done.returncode == 0, done.stderr
    assert set(load(tmp_path / "run").data) == {"mnist"}
    assert "mnist, 60,000 images" in done.stdout
    assert Path(tmp_path / "run" / "report.html").is_file()
