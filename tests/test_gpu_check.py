"""The script for a machine with a GPU goes through all its stages on one without."""

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from mnist_core import registry

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
    only = subprocess.run([*command, "--only", "run"], capture_output=True, text=True)
    assert only.returncode == 2
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 2
    assert "holds results already: choose another --out" in again.stderr


@pytest.mark.long
def test_on_a_gpu_every_backend_batch_and_tool_has_its_stage(script, tmp_path: Path) -> None:
    names = [*script.OWN, *script.PEERS]
    on_gpu = {n for n in registry.backends() if n.startswith("cupy") or n.endswith("cuda")}
    assert set(names) == on_gpu
    stages = {s.name: s for s in script.stages(tmp_path, [*script.OWN], [*script.PEERS], False)}
    runs = [f"run, batch {batch}" for batch in (128, 1024, 32, 8192, 60_000)]
    assert set(stages) == {"tests", "exact", "ladder", "memcheck", "racecheck", *runs}
    for name in runs:
        assert set(names) <= set(stages[name].command)
    for name in ("tests", "memcheck", "racecheck"):
        assert "--require-gpu" in stages[name].command
    for name in ("tests", "memcheck"):  # racecheck runs what memcheck does
        command = stages[name].command
        collect = [*command[command.index(sys.executable) :], "--collect-only"]
        found = subprocess.run(collect, cwd=SCRIPT.parents[1], capture_output=True, text=True)
        selected = [line for line in found.stdout.splitlines() if "::" in line]
        assert any("[cupy-" in line for line in selected), found.stdout
        assert len(selected) >= 20


@pytest.mark.long
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
