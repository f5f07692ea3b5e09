"""The doctor says what the machine is, what is wrong with it, and what to do."""

import json
import os
from pathlib import Path

import pytest
from command_line import SMALL, mnist_bench, write_data

from bench import fitness, noise
from bench.noise import Floor, Floors, entry
from bench.noise_runs import floor_of
from bench.results import load
from bench.suite import Case

ONE = Case("operator", "relu", (784, 16, 10), 32, "hot")
MACHINE = {"cpu": "Some CPU @ 3 GHz/x", "cores": 2}

SMI = """#!/bin/sh
case "$1" in
*compute-apps*) printf '%s' "$PROCESSES" ;;
*) echo "NVIDIA H200, 570.1, $DEGREES, 900, 1980, $SLOWED, Not Active" ;;
esac
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def gpu(tmp_path, monkeypatch):
    """A GPU as nvidia-smi would show it."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    def state(degrees="40", slowed="Not Active", processes=""):
        for name, value in (("DEGREES", degrees), ("SLOWED", slowed), ("PROCESSES", processes)):
            monkeypatch.setenv(name, value)

    return state


def test_it_shows_the_machine_its_peaks_and_whether_it_is_fit(cache):
    done = mnist_bench("doctor", "--threads", 1)
    assert done.returncode == 0, done.stderr
    facts = [line.split()[0] for line in done.stdout.splitlines()]
    assert [f for f in facts if f in ("machine", "load", "threads", "clock", "peaks", "noise")] == [
        *("machine", "load", "threads", "clock", "peaks", "noise")
    ]
    assert "GFLOP/s float32 on 1 threads" in done.stdout
    assert "not measured on 1 threads: `mnist-bench doctor --noise`" in done.stdout
    assert done.stdout.splitlines()[-1] in (
        *("fit to measure", "not fit to measure until that is mended"),
    )


def test_a_busy_machine_is_told_from_an_idle_one(monkeypatch):
    monkeypatch.setattr(fitness, "stolen_percent", lambda: 0.0)
    monkeypatch.setattr(fitness.machine, "governor", lambda: None)
    assert fitness.warnings(0.0) == []
    assert "load average 50" in fitness.warnings(50)[0]
    monkeypatch.setattr(fitness, "stolen_percent", lambda: 12.0)
    monkeypatch.setattr(fitness.machine, "governor", lambda: "powersave")
    monkeypatch.setenv("CUPY_TF32", "1")
    governed, stolen, rounded = fitness.warnings(0.0)
    assert "powersave" in governed
    assert "12 % of the processor" in stolen
    assert "CUPY_TF32" in rounded


def test_a_gpu_that_is_throttled_hot_or_shared_is_told(gpu):
    gpu()
    assert list(fitness._of_gpus()) == []
    assert fitness.machine.gpus()[0]["name"] == "NVIDIA H200"
    gpu(degrees="91", slowed="Active", processes="4711\n42\n")
    slowed, hot, shared = fitness._of_gpus()
    assert "NVIDIA H200 is throttled at 900" in slowed
    assert "91 °C" in hot
    assert "process 4711, 42" in shared


def test_another_distribution_of_the_name_is_told(tmp_path, monkeypatch):
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "__init__.py").write_text("")
    monkeypatch.setattr(
        fitness.importlib.util,
        "find_spec",
        lambda name: type("Spec", (), {"submodule_search_locations": [str(tmp_path / name)]}),
    )
    (warning,) = fitness._of_settings()
    assert f"the package `kernels` is that in {tmp_path / 'kernels'}" in warning


def test_floors_are_kept_with_the_machine_and_replaced_case_by_case(cache):
    other = Case("step", None, (784, 16, 10), 32)
    assert noise.stored(MACHINE).entries == []
    first = Floors(
        [
            entry("numpy", ONE, 1, "float32", Floor(0.02, 0.1, 6)),
            entry("numpy", other, 1, "float32", Floor(0.03, 0.1, 6)),
        ]
    )
    path = noise.store(MACHINE, first)
    assert cache in path.parents
    assert path.name == "some-cpu-_-3-ghz_x-2-cores.json"
    noise.store(MACHINE, Floors([entry("numpy", ONE, 1, "float32", Floor(0.05, 0.2, 3))]))
    kept = noise.stored(MACHINE)
    assert kept.of("numpy", ONE, 1, "float32") == Floor(0.05, 0.2, 3)
    assert kept.of("numpy", other, 1, "float32") == Floor(0.03, 0.1, 6)
    assert kept.of("numpy", ONE, 1, "float64") is None
    path.write_text("{")
    assert noise.stored(MACHINE).entries == []


def test_a_floor_is_three_times_the_usual_distance_of_an_intervals_end():
    times = [1.0, 1.01, 0.99, 1.0, 1.005, 0.995, 1.0, 1.0]
    rounds = {i: [seconds, 1.02 * seconds] for i, seconds in enumerate(times)}
    slower = {i: [1.5 * s for s in blocks] for i, blocks in rounds.items()}
    calm = floor_of([(rounds, rounds)] * 3)
    assert calm.in_turn == 0.0
    assert 0 < calm.apart < 0.06
    assert calm.draws == 3
    # One wild draw of five leaves it alone; a shift between draws is seen by what is taken apart.
    assert floor_of([(rounds, rounds)] * 4 + [(rounds, slower)]).in_turn == 0.0
    moved = floor_of([(rounds, rounds), (slower, slower), (rounds, rounds), (slower, slower)])
    assert moved.in_turn == 0.0
    assert moved.apart > 0.9


@pytest.mark.long
def test_noise_is_measured_stored_shown_and_stands_in_the_rows(cache, small_digits, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    data = write_data(folder, small_digits)
    what = ("--backend", "numpy", "--operator", "relu", "--threads", 1, "--data", data)
    done = mnist_bench("doctor", "--noise", "--draws", 3, *SMALL, *what)
    assert done.returncode == 0, done.stderr
    assert "of 1 cases, timed 3 times against themselves" in done.stdout
    (file,) = (cache / "mnist-bench" / "noise").iterdir()
    (found,) = json.loads(file.read_text())
    assert found["backend"] == "numpy"
    assert found["in_turn"] > 0
    out = tmp_path / "run"
    assert mnist_bench("run", *SMALL, *what, "--quick", "--out", out).returncode == 0
    (floor,) = load(out).noise_floor
    assert floor == pytest.approx(found["in_turn"])
    assert Path(out / "environment.json").read_text().count('"in_turn"') == 1
