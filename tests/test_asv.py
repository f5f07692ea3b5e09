"""ASV's names are the registry's; its benchmarks time what they say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import asv_cases

ROOT = Path(__file__).parents[1]


def test_names_that_asv_selects_by_index_are_those_of_the_registry() -> None:
    # In a process of its own: other tests add backends to this one's registry.
    code = "from bench.asv_cases import text; print(text(), end='')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert asv_cases.FILE.read_text() == done.stdout, "run python -m bench.asv_cases"


@pytest.mark.long
def test_asv_times_the_working_tree(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("asv")), "run", "--python=same", "--quick"]
    wanted = "Operators|track_error_ratio|time_level.*'numpy', 'step', 128"
    environment = {**os.environ, "ASV_CONF_DIR": str(ROOT), "HOME": str(tmp_path)}
    subprocess.run([command[0], "machine", "--yes"], cwd=ROOT, env=environment, check=True)
    done = subprocess.run(
        [*command, "--dry-run", "--show-stderr", "--bench", wanted],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "failed" not in output
    for operator in ("dense", "sgd", "softmax_cross_entropy"):
        assert operator in output
