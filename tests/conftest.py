"""What all tests share: a small data set, the backends of this machine, and no downloads."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

from kernels.array.cuda import no_cuda
from mnist_core import registry
from mnist_core.backends import Backend, Kernel
from mnist_core.data import Dataset
from mnist_core.data.digits import digits

# At import, so that fixtures of every scope and subprocesses see it too.
os.environ["MNIST_BENCH_NO_DOWNLOAD"] = "1"

# A deadline would make a test fail for the load of the machine that it runs on.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

OWN = {name: b for name, b in registry.backends().items() if b.role == "own"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """--require-gpu: on a machine that has one, no test may be skipped for the want of it."""
    parser.addoption("--require-gpu", action="store_true", help="fail where a GPU is missing")


@pytest.fixture
def gpu(request: pytest.FixtureRequest) -> None:
    """A GPU that CuPy can use; without one the test is skipped, or fails with --require-gpu."""
    reason = no_cuda()
    if reason and request.config.getoption("--require-gpu"):
        pytest.fail(f"--require-gpu: {reason}")
    if reason:
        pytest.skip(f"needs a GPU: {reason}")


def pytest_report_header() -> str:
    """Say which backends the tests run on, and why not on the others."""
    reasons = {name: backend.unavailable() for name, backend in OWN.items()}
    return "backends: " + ", ".join(
        name if reason is None else f"{name} (not tested: {reason})"
        for name, reason in reasons.items()
    )


RUNNING = [name for name, backend in OWN.items() if backend.unavailable() is None]


@pytest.fixture(params=RUNNING)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each of the suite's own backends that this machine can run."""
    return OWN[request.param]


def has_kernels(name: str) -> bool:
    """Whether a backend has kernels of its own, and not only levels that it takes over."""
    return any(isinstance(part, Kernel) for part in OWN[name].parts)


@pytest.fixture(params=filter(has_kernels, RUNNING))
def computing(request: pytest.FixtureRequest) -> Backend:
    """Each of those that has kernels of its own: the operators of others are their bases'."""
    return OWN[request.param]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Keep BLAS to one thread: on a busy machine, threads that wait cost tenfold time."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def small_digits() -> Dataset:
    """2,000 training and 500 test images, drawn in a fraction of a second."""
    return digits(train=2000, test=500)


# On a continuous-integration machine everything but a GPU and the npm registry can be had; PyTorch
# and JAX are too large to ask for.
SKIPS_THAT_HOLD_IN_CI = (
    *("GPU", "CUDA device", "no network: cannot fetch"),
    *("peers are not installed", "its step is one piece"),
)
skipped_for_no_reason: list[str] = []

adversaries: dict[str, dict[str, bool]] = {}
"""Adversary to check to whether it held."""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect what adversaries were seen by, and skips where everything can be installed."""
    if report.when == "call":
        for name, value in report.user_properties:
            if name == "adversary":
                adversaries.update(value)
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(allowed in reason for allowed in SKIPS_THAT_HOLD_IN_CI):
            skipped_for_no_reason.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail in CI if a test was skipped that could have run."""
    if os.environ.get("CI") and skipped_for_no_reason and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which skips failed the run, and which check saw which adversary."""
    if adversaries:
        terminalreporter.section("adversary x check (X: refused)")
        for line in _matrix_lines(adversaries):
            terminalreporter.line(line)
    if os.environ.get("CI") and skipped_for_no_reason:
        terminalreporter.section("skipped, though this should run in CI", red=True)
        for line in skipped_for_no_reason:
            terminalreporter.line(line)


def _matrix_lines(matrix: dict[str, dict[str, bool]]) -> list[str]:
    """One line an adversary, a column a check."""
    columns = list(next(iter(matrix.values())))
    width = max(map(len, matrix)) + 2
    head = " " * width + "  ".join(columns)
    lines = [head]
    for name, held in matrix.items():
        cells = "  ".join(("." if held[c] else "X").center(len(c)) for c in columns)
        lines.append(f"{name:<{width}}{cells}".rstrip())
    return lines
