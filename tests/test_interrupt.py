"""Ctrl-C ends a command with 130; what was measured by then is kept, and nothing else is left."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from command_line import FILES, SMALL, command, mnist_bench, write_data

from bench.commands.run import INTERRUPTED
from bench.results import load
from bench.run_folder import RESUMED

PATIENCE_S = 120
"""Generous: on a busy machine verification takes several times its few seconds."""


@pytest.fixture(scope="module")
def data(small_digits, tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), small_digits)


def start(*arguments: object) -> "subprocess.Popen[str]":
    """A command that can be interrupted even where this process itself ignores interrupts."""

    def heed() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command(*arguments), text=True, preexec_fn=heed, **pipes)


def interrupt(process: "subprocess.Popen[str]", when: Callable[[], bool]) -> tuple[str, str]:
    """Send SIGINT to the command alone as soon as ``when`` holds; its output."""
    end = time.monotonic() + PATIENCE_S
    try:
        while not when():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end, "it never came so far"
            time.sleep(0.01)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not alive, "workers outlive the command"
    return output


def lines(file: Path) -> int:
    return file.read_text().count("\n") if file.exists() else 0


def test_an_interrupted_run_keeps_what_it_measured_and_exits_with_130(data, tmp_path):
    out = tmp_path / "run"
    cases = ("--level", "step", "--operator", "relu", "--operator", "dense", "--backend", "numpy")
    seen = []

    def measured() -> bool:
        seen.append(lines(out / "rows.jsonl"))
        return seen[-1] >= 1

    process = start("run", *SMALL, *cases, "--quick", "--data", data, "--out", out)
    stdout, stderr = interrupt(process, measured)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "mnist-bench: interrupted"
    assert "Traceback" not in stderr
    growing = {"rows.jsonl", "samples.jsonl", "certificates.jsonl"}
    assert {entry.name for entry in out.iterdir()} == {*FILES, *growing}
    assert INTERRUPTED in (out / "report.html").read_text()
    table = load(out)
    assert seen[-1] <= len(table) < 3
    assert (table.median_s > 0).all()
    assert set(table.reason) == {"verified before timing only: the run ended early"}
    assert "step" in stdout
    assert f"to go on: mnist-bench run --resume {out}" in stdout

    done = mnist_bench("run", "--resume", out)
    assert done.returncode == 0, done.stderr
    assert {entry.name for entry in out.iterdir()} == set(FILES)
    assert INTERRUPTED not in (out / "report.html").read_text()
    whole = load(out)
    assert len(whole) == 3
    assert set(whole.run_id) == set(table.run_id)
    assert RESUMED in set(whole.reason)


def test_a_run_interrupted_before_the_first_row_leaves_nothing(data, tmp_path):
    out = tmp_path / "run"
    process = start("run", *SMALL, "--backend", "numpy", "--data", data, "--out", out)

    def working() -> bool:
        with suppress(psutil.NoSuchProcess):  # a child may end while it is looked at
            children = psutil.Process(process.pid).children()
            return any("bench.worker" in child.cmdline() for child in children)
        return False

    _, stderr = interrupt(process, working)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "mnist-bench: interrupted"
    assert "Traceback" not in stderr
    assert not out.exists()


def test_interrupted_training_exits_with_130_and_keeps_the_finished_epochs(data, tmp_path):
    out = tmp_path / "out"
    process = start("train", *SMALL, "--epochs", 100_000, "--data", data, "--out", out)
    assert process.stdout is not None
    shown = [process.stdout.readline() for _ in range(5)]
    assert "epoch   2" in shown[-1]
    _, stderr = interrupt(process, lambda: True)
    assert process.returncode == 130
    assert stderr.splitlines() == ["mnist-bench: interrupted"]
    assert sorted(os.listdir(out)) == ["history.csv", "weights.safetensors"]
    history = (out / "history.csv").read_text().splitlines()
    assert len(history) >= 3  # a header and at least the two epochs that were shown
    last_accuracy = float(history[-1].split(",")[4])
    evaluated = mnist_bench("evaluate", "--weights", out / "weights.safetensors", "--data", data)
    assert f"accuracy {last_accuracy:.2%}" in evaluated.stdout
