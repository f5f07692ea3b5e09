"""One process a backend: it answers, survives errors, and its death is told from them."""

import json
import os
import signal
import subprocess
import sys
from time import monotonic

import psutil
import pytest
from command_line import write_data

from bench.worker import THREAD_VARIABLES, Worker, WorkerDiedError, WorkerError

NETWORK, BATCH = [784, 16, 10], 32
STEP = {"level": "step", "operator": None, "network": NETWORK, "batch": BATCH}

PLUGIN = """
import os
import time
from mnist_core import Backend, kernel, operators

print("imported")

@kernel(operators.relu)
def noisy(z, out):
    print("computing")
    os.write(1, b'{"result": "not this"}\\n')
    os.system("echo from a child")
    out[...] = z * (z > 0)

@kernel(operators.relu_backward)
def endless(out, grad, dz):
    while True:
        time.sleep(1)

@kernel(operators.softmax)
def unwell(logits, out):
    raise ValueError("one line\\n  and another")

backend = Backend("noisy", base="numpy", kernels=[noisy, unwell, endless])
"""


@pytest.fixture(scope="module")
def job(small_digits, tmp_path_factory):
    plugin = tmp_path_factory.mktemp("plugin") / "noisy.py"
    plugin.write_text(PLUGIN)
    return {
        "backend": "numpy",
        "plugins": [str(plugin)],
        "kernels": {},
        "data": str(write_data(tmp_path_factory.mktemp("data"), small_digits)),
        "precision": "float32",
        "threads": 1,
        "lr": 0.1,
        "seed": 0,
    }


@pytest.fixture(scope="module")
def worker(job):
    worker = Worker(job)
    yield worker
    worker.close()


@pytest.fixture(scope="module")
def noisy(job):
    worker = Worker(job | {"backend": "noisy"})
    yield worker
    worker.close()


def operator(name: str) -> dict:
    return STEP | {"level": "operator", "operator": name}


def processes() -> set[psutil.Process]:
    return set(psutil.Process().children())


def test_open_says_what_the_backend_is_made_of(worker):
    import numpy

    assert worker.info["versions"] == f"numpy {numpy.__version__}"
    assert worker.info["device"] == "cpu"
    assert {"epoch", "dense"} <= set(worker.info["computes"])


def test_verify_answers_with_a_certificate(worker):
    certificate = worker.ask(
        "verify", network=NETWORK, batch=BATCH, precision="float32", lr=0.1, seed=0
    )
    assert certificate["passed"]
    assert certificate["claim"] == "float32"
    assert (certificate["backend"], certificate["network"]) == ("numpy", "784-16-10")


def test_compile_gives_seconds_without_making_the_case_ready(job):
    worker = Worker(job)
    assert 0 <= worker.ask("compile", case=STEP) < 60  # generous: NumPy compiles nothing
    with pytest.raises(WorkerError):
        worker.ask("sample")
    worker.close()


@pytest.mark.skipif(sys.platform != "linux", reason="workers are stopped on Linux alone")
def test_a_worker_that_is_asked_nothing_is_stopped_and_dies_with_its_parent(job, tmp_path):
    parent = tmp_path / "parent.py"
    parent.write_text(
        "import json, os, sys\n"
        "from bench.worker import Worker\n"
        f"worker = Worker(json.loads({json.dumps(json.dumps(job))}))\n"
        "print(worker._process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    worker = psutil.Process(int(process.stdout.readline()))
    deadline = monotonic() + 10  # the signal is on its way when the answer is there
    while worker.status() != psutil.STATUS_STOPPED:
        assert monotonic() < deadline, worker.status()
    process.kill()
    worker.wait(timeout=30)


def test_prepare_then_sample_give_seconds_of_a_call(worker):
    ready = worker.ask("prepare", case=STEP, round_s=0.01)
    assert (ready["kernel"], ready["images"]) == ("composed", BATCH)
    assert ready["blocks"]["iterations"] >= 1
    samples = [worker.ask("sample") for _ in range(3)]
    assert all(0 < block["seconds"] < 1 for s in samples for block in s["blocks"])
    assert all(block["device_s"] is None for s in samples for block in s["blocks"])
    worker.ask("prepare", case=STEP, round_s=0.01, blocks={"iterations": 2, "count": 3})
    assert len(worker.ask("sample")["blocks"]) == 3
    assert all(1e7 < s["peak_memory_bytes"] < 1e11 for s in samples)


def test_threads_of_every_library_are_limited_in_the_worker_alone(job):
    before = dict(os.environ)
    others = processes()
    worker = Worker(job | {"threads": 3})
    try:
        [process] = processes() - others
        seen = process.environ()
    finally:
        worker.close()
    assert {seen[name] for name in THREAD_VARIABLES} == {"3"}
    assert dict(os.environ) == before


def test_close_ends_the_process(job):
    others = processes()
    worker = Worker(job)
    assert len(processes() - others) == 1
    worker.close()
    assert processes() == others


def test_an_error_is_one_line_and_the_worker_lives_on(noisy):
    with pytest.raises(
        WorkerError, match=r"^ValueError: one line and another \(noisy.py, line \d+\)$"
    ) as caught:
        noisy.ask("prepare", case=operator("softmax"), round_s=0.01)
    assert not isinstance(caught.value, WorkerDiedError)
    with pytest.raises(WorkerError, match=r"^unknown operator 'convolution'; there are "):
        noisy.ask("prepare", case=operator("convolution"), round_s=0.01)
    with pytest.raises(WorkerError, match="AttributeError"):
        noisy.ask("sing")
    assert noisy.ask("prepare", case=operator("sgd"), round_s=0.01)["images"] == BATCH


def test_what_a_kernel_prints_does_not_mix_with_the_answers(noisy):
    ready = noisy.ask("prepare", case=operator("relu"), round_s=0.001)
    assert ready["kernel"] == "noisy"
    assert min(block["seconds"] for block in noisy.ask("sample")["blocks"]) > 0


@pytest.mark.parametrize("change", [{"backend": "nobody"}, {"data": "nowhere"}])
def test_a_worker_that_cannot_open_says_why_and_is_gone(job, change):
    others = processes()
    with pytest.raises(WorkerError, match=next(iter(change.values()))) as caught:
        Worker(job | change)
    assert processes() == others, "seen while the error is still held"
    assert not isinstance(caught.value, WorkerDiedError)


def test_a_killed_worker_is_reported_as_dead_with_its_exit_code(job):
    others = processes()
    worker = Worker(job)
    [process] = processes() - others
    process.send_signal(signal.SIGKILL)
    for _ in range(2):  # at the request during which it died, and at any later one
        with pytest.raises(WorkerDiedError, match=r"process of numpy died \(exit code -9\)"):
            worker.ask("sample")
    worker.close()


def test_a_kernel_that_never_returns_costs_its_process(job, monkeypatch):
    worker = Worker({**job, "backend": "noisy"})
    monkeypatch.setattr("bench.worker.PATIENCE_S", 0.5)
    case = {**STEP, "level": "operator", "operator": "relu_backward"}
    with pytest.raises(WorkerDiedError, match=r"noisy was stopped: prepare took over 0\.5 s"):
        worker.ask("prepare", case=case, round_s=0.01)
