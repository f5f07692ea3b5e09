"""The two commands of the README, on a fresh clone in a clean environment."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh") / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


def make(arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run make with an environment that knows nothing of this one's Python packages."""
    kept = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "MNIST_DATA_DIR")}
    environment = kept | {"MNIST_BENCH_NO_DOWNLOAD": "1"} | variables
    return subprocess.run(
        ["make", *arguments.split()], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_make_bench_ends_with_a_table_and_a_report(clone: Path) -> None:
    result = make("bench", clone)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"data +digits", result.stdout)
    for backend in ("numpy", "numba"):
        assert re.search(rf"^{backend} .*float32", result.stdout, re.MULTILINE)
    (report,) = re.findall(r"^report +(\S+)$", result.stdout, re.MULTILINE)
    assert (clone / report).is_file()


def test_make_bench_takes_the_data_in_mnist_data_dir(clone: Path) -> None:
    if "MNIST_DATA_DIR" not in os.environ:
        pytest.skip("MNIST_DATA_DIR is not set")
    folder = str(Path(os.environ["MNIST_DATA_DIR"]).resolve())
    result = make("bench", clone, MNIST_DATA_DIR=folder)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"data +mnist", result.stdout)


def test_make_test_passes_without_mnist_data_dir(clone: Path) -> None:
    # Some of the tests, those of data among them: all of them are what CI itself runs in a clone.
    some = "tests/data tests/test_network.py tests/test_training.py tests/test_real_mnist.py"
    result = make("test", clone, CI="", PYTEST_ADDOPTS=some)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert re.search(r"\d+ passed", result.stdout)


def test_make_names_what_is_missing(clone: Path) -> None:
    result = make("bench VENV=elsewhere PYTHON=no-such-python", clone)
    assert result.returncode != 0
    assert "Python >= 3.11 is needed" in result.stdout
