"""One process per backend: the program that runs in it, and the parent's handle on it.

Thread pools of different libraries disturb each other in one process even when idle, and a crash
of one backend must not take the others along. The two sides exchange JSON lines.

Idle pools disturb other processes too: a BLAS thread spins for a tenth of a second after its last
work, and on two cores two spinning processes stalled most of a third one's blocks by 4 ms. So a
process that is not being asked anything is stopped.
"""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Timer
from typing import IO, Any

from mnist_core.errors import DivergedError, ExactRangeError, MnistBenchError, described

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NPROC",  # XLA, on the CPU
)


PATIENCE_S = 600.0
"""Longest that one request may take: a kernel that never returns must not hang a run."""

VERIFYING_PATIENCE_S = 3600.0
"""The same for a certificate, which at full batch trains for many minutes."""

_OF_THE_RECIPE = {error.__name__: error for error in (DivergedError, ExactRangeError)}
"""Errors of what was asked for, not of the backend: every other would meet them too."""

_DIES_WITH_PARENT = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1


class WorkerError(MnistBenchError):
    """A worker that failed at a request or died."""


class WorkerDiedError(WorkerError):
    """A worker whose process is gone, and with it every case after this one."""


class Worker:
    """A running worker process; every method is a request that waits for its answer.

    With ``tree`` it imports the packages that lie there in place of the installed ones.
    """

    def __init__(self, job: dict[str, Any], tree: Path | None = None) -> None:
        self.backend = str(job["backend"])
        variables = dict.fromkeys(THREAD_VARIABLES, str(job["threads"]))
        if tree is not None:
            variables["PYTHONPATH"] = str(tree)
        # A session of its own, so that Ctrl-C reaches the parent alone and it can finish.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **variables},
            start_new_session=True,
        )
        try:
            self.info = self.ask("open", job=job)
        except BaseException:  # also an interrupt: nobody else knows of the process yet
            self.close()
            raise

    def ask(self, request: str, **arguments: Any) -> Any:
        """Send a request and wait; `WorkerError` if it fails or the process dies."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._signal("SIGCONT")
        answer = ""
        overdue = Event()
        patience = VERIFYING_PATIENCE_S if request.startswith("verify") else PATIENCE_S
        with self._ending_after(patience, overdue), suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"request": request, **arguments}) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            code = self._process.wait()
            if overdue.is_set():
                raise WorkerDiedError(
                    f"{self.backend} was stopped: {request} took over {patience:g} s"
                )
            raise WorkerDiedError(f"the process of {self.backend} died (exit code {code})")
        self._signal("SIGSTOP")
        reply = json.loads(answer)
        if "error" in reply:
            raise _OF_THE_RECIPE.get(reply.get("type"), WorkerError)(reply["error"])
        return reply["result"]

    @contextmanager
    def _ending_after(self, seconds: float, overdue: Event) -> Iterator[None]:
        """Kill the process, and say so, unless the block ends within that time."""

        def end() -> None:
            overdue.set()
            self._process.kill()

        timer = Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _signal(self, name: str) -> None:
        # Only where the worker is sure to die with its parent: a stopped one would not notice.
        if _DIES_WITH_PARENT:
            self._process.send_signal(getattr(signal, name))

    def close(self) -> None:
        """End the process; it holds nothing that must be saved."""
        self._process.kill()
        self._process.wait()


class Program:
    """What the worker process does with each request."""

    def open(self, job: dict[str, Any]) -> dict[str, Any]:
        """Load plug-ins, data and backend; what they turned out to be."""
        from threadpoolctl import threadpool_limits

        from bench.machine import backend_versions
        from bench.suite import computed_by
        from bench.tasks import Bench
        from mnist_core import registry
        from mnist_core.data import load
        from mnist_core.precision import precision

        for plugin in job["plugins"]:
            registry.load_plugin(plugin)
        backend = registry.backend(job["backend"])
        if job["kernels"]:
            backend = backend.computing_in(precision(job["precision"])).choosing(job["kernels"])
        self.data = load(job["data"])
        self.bench = Bench(backend, self.data, job["precision"], job["lr"], job["seed"])
        versions = backend_versions(backend)
        for operator in registry.operators():
            getattr(backend, operator)  # imports the kernels, which is no part of compiling them
        self.threads = job["threads"]
        threadpool_limits(self.threads)
        return {
            "versions": versions,
            "device": backend.space.device,
            "computes": computed_by(self.bench.backend),
        }

    def compile(self, case: dict[str, Any]) -> float:
        """Seconds that the first call of a case in this process takes beyond the second."""
        from bench import timing
        from bench.suite import Case

        task = self.bench.prepare(Case.from_dict(case))
        return timing.compile_time(task, timing.Clock.of(self.bench.backend.space))

    def peaks(self) -> dict[str, float]:
        """How fast the backend's device can go at all, in the job's precision and threads."""
        from bench.peaks import measure_peaks

        space, dtype = self.bench.backend.space, self.bench.precision.dtype
        numba = "numba" in self.bench.backend.packages
        return measure_peaks(space, dtype, self.threads, numba)

    def verify(
        self, network: list[int], batch: int, precision: str, lr: float, seed: int
    ) -> dict[str, Any]:
        """Certificate of the backend for a network and batch."""
        from mnist_core.numerics import certify
        from mnist_core.precision import PRECISIONS

        kind = PRECISIONS[precision]
        backend = self.bench.backend
        return certify(backend, network, batch, kind, self.data, lr=lr, seed=seed).as_dict()

    def verify_exact(self, network: list[int], batch: int, **recipe: Any) -> dict[str, Any]:
        """Certificate in exact precision; ``recipe`` as `certify_exact` takes it."""
        from mnist_core.numerics import certify_exact

        return certify_exact(self.bench.backend, network, batch, self.data, **recipe).as_dict()

    def prepare(
        self, case: dict[str, Any], round_s: float, blocks: dict[str, int] | None = None
    ) -> dict[str, Any]:
        """Make a case ready: compile, warm, calibrate unless its blocks are known."""
        from bench import timing
        from bench.suite import Case

        task = self.bench.prepare(Case.from_dict(case))
        self.clock = timing.Clock.of(self.bench.backend.space)
        forget_peak_memory()
        self.task = task
        if blocks is None:
            self.blocks = timing.calibrate(task, self.clock, round_s)
        else:
            self.blocks = timing.Blocks(**blocks)
        return {
            "kernel": task.kernel,
            "images": task.images,
            "flops": task.flops,
            "flops_executed": task.flops_executed,
            "bytes": task.bytes,
            "note": task.note,
            "blocks": vars(self.blocks),
        }

    def sample(self) -> dict[str, Any]:
        """One round of the case that is ready, and the process's peak memory so far."""
        from bench import timing

        blocks = timing.sample(self.task, self.clock, self.blocks)
        return {"blocks": [vars(block) for block in blocks], "peak_memory_bytes": peak_memory()}


def forget_peak_memory() -> None:
    """Begin counting peak memory anew, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int | None:
    """Peak resident memory of this process in bytes since it was last forgotten, if known."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _die_with_parent() -> None:
    """Have the kernel end this process when its parent ends, however that happens."""
    if _DIES_WITH_PARENT:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _requests(stream: IO[str]) -> Iterator[dict[str, Any]]:
    for line in stream:
        yield json.loads(line)


def main() -> None:
    """Answer requests from standard input until it ends."""
    _die_with_parent()
    # What a kernel prints must not mix with the answers: it goes to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    program = Program()
    for message in _requests(sys.stdin):
        try:
            reply = json.dumps({"result": getattr(program, message.pop("request"))(**message)})
        except MnistBenchError as error:
            reply = json.dumps({"error": str(error), "type": type(error).__name__})
        except Exception as error:
            reply = json.dumps({"error": described(error)})
        answers.write(reply + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
