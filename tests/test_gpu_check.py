"""The script for a machine with a GPU goes through all its stages on one without."""

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "gpu-check"


@pytest.fixture
def script() -> ModuleType:
    loader = SourceFileLoader("gpu_check", str(SCRIPT))
    module = module_from_spec(spec_from_loader("gpu_check", loader))
    sys.modules["gpu_check"] = module
    loader.exec_module(module)
    return module


@pytest.mark.long
def test_dry_run_passes_every_stage(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--dry-run", "--out", str(tmp_path / "gpu")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    table = done.stdout[done.stdout.rindex("stage ") :].splitlines()[1:-1]
    results = {line[:18].strip(): line[18:29].strip() for line in table}
    passed = ["tests", "exact", "run, batch 128", "ladder"]
    assert [name for name, result in results.items() if result == "passed"][:4] == passed
    assert set(results) == {*passed, "memcheck", "racecheck"}
    assert (tmp_path / "gpu" / "batch-128" / "results.csv").exists()
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 2
    assert "holds results already: choose another --out" in again.stderr


def test_on_a_gpu_every_backend_batch_and_tool_has_its_stage(script, tmp_path: Path) -> None:
    stages = {stage.name: stage for stage in script.stages(tmp_path, dry_run=False)}
    runs = [f"run, batch {batch}" for batch in (128, 1024, 32, 8192, 60_000)]
    assert set(stages) == {"tests", "exact", "ladder", "memcheck", "racecheck", *runs}
    for name in runs:
        for backend in script.BACKENDS:
            assert backend in stages[name].command
    assert "--require-gpu" in stages["tests"].command


def test_what_cannot_run_is_reported_and_the_rest_goes_on(script, tmp_path: Path) -> None:
    says = [sys.executable, "-c"]
    missing = script.Stage("missing", ["no-such-tool"], 9)
    assert script.done(missing, 99)[1:] == ("not run", 0, "no-such-tool is not installed")
    refused = script.Stage("refused", says, 9, [*says, "raise SystemExit('Device not supported')"])
    assert script.done(refused, 99).detail == "refused here: Device not supported"
    assert script.done(script.Stage("late", says, 9), 5).detail == "no time left"
    failing = script.Stage("failing", [*says, "raise SystemExit(3)"], 9)
    assert script.done(failing, 99)[1::2] == ("FAILED", "exit code 3")
    endless = script.Stage("endless", [*says, "import time; time.sleep(60)"], 0.5)
    assert script.done(endless, 99).result == "cut short"
