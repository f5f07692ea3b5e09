"""Peaks are measured, rows are held against them, and nobody is faster than the machine."""

import json
from math import isnan, nan

import pytest

from bench import peaks
from bench.peaks import better, impossible, measure_peaks, pct_peak, roofline
from bench.results import frame, rooflines
from mnist_core.arrays import Space

PEAKS = {
    "gflops": 100.0,
    "gflops_1_thread": 50.0,
    "cache_gbytes_per_s": 80.0,
    "memory_gbytes_per_s": 20.0,
    "read_gbytes_per_s": 25.0,
    "cache_bytes": 1e6,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_peak_is_measured(dtype, monkeypatch):
    monkeypatch.setattr("bench.peaks._TRIES_S", 0.002)
    monkeypatch.setitem(peaks._PRODUCT_SIZES, "cpu", (64,))
    monkeypatch.setattr("bench.peaks.last_level_cache", lambda space: 2**20)
    found = measure_peaks(Space(), dtype, 2)
    assert found.keys() == PEAKS.keys()
    assert all(value > 0 for value in found.values())
    assert found["gflops"] >= found["gflops_1_thread"]


def test_multiply_adds_in_registers_may_be_faster_than_the_product(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr("bench.peaks._TRIES_S", 0.002)
    monkeypatch.setitem(peaks._PRODUCT_SIZES, "cpu", (64,))
    monkeypatch.setattr("bench.peaks.last_level_cache", lambda space: 2**20)
    monkeypatch.setattr("kernels.numba_cpu.tiled.peak.gflops", lambda dtype, seconds: 1e6)
    assert measure_peaks(Space(), "float32", 2, numba=True)["gflops"] == 1e6
    assert measure_peaks(Space(), "float32", 2)["gflops"] < 1e6


def test_operations_in_registers_are_counted(monkeypatch):
    pytest.importorskip("numba")
    from kernels.numba_cpu.tiled import peak
    from kernels.numba_cpu.tiled.target import ROWS, VECTOR_BYTES, VECTORS

    clock = iter(range(100))  # a try takes a second: from 2 to 3, from 5 to 6, ...
    monkeypatch.setattr(peak, "perf_counter", lambda: float(next(clock)))
    monkeypatch.setattr(peak, "call", lambda *arguments: 3)
    for dtype, lanes in (("float32", VECTOR_BYTES // 4), ("float64", VECTOR_BYTES // 8)):
        operations = 3 * peak._STEPS * ROWS * VECTORS * lanes * 2
        assert peak.gflops(dtype, 4.0) == pytest.approx(operations / 1e9)


def test_the_higher_of_two_measurements_counts():
    lower = {name: value / 2 for name, value in PEAKS.items()}
    assert better(lower, PEAKS) == better(PEAKS, lower) == PEAKS
    assert better(PEAKS | {"gflops": 1.0}, lower | {"gflops": 2.0})["gflops"] == 2.0


def test_percent_of_peak_is_that_of_the_operations_executed():
    assert pct_peak(50e9, 1.0, PEAKS) == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("flops", "moved", "intensity", "roof"),
    [
        (1e6, 1e5, 10.0, 100.0),  # within the cache, bound by arithmetic
        (1e5, 1e5, 1.0, 80.0),  # within the cache, bound by it
        (1e7, 1e7, 1.0, 20.0),  # in memory
    ],
)
def test_the_roofline_is_the_lower_of_arithmetic_and_bandwidth(flops, moved, intensity, roof):
    assert roofline(flops, moved, PEAKS) == {
        "intensity": pytest.approx(intensity),
        "roof_gflops": pytest.approx(roof),
    }


def test_what_moves_nothing_is_under_the_arithmetic_peak_alone():
    assert roofline(1e6, 0, PEAKS)["roof_gflops"] == 100.0


def test_nobody_computes_or_moves_more_than_the_machine_can():
    assert impossible(104e9, None, 1.0, PEAKS) is None
    reason = impossible(1040e9, None, 1.0, PEAKS)
    assert reason is not None
    assert "1.04e+03 GFLOP/s is 10 times the measured peak of 100" in reason
    assert impossible(1e6, 26e9, 1.0, PEAKS) is None  # reading alone is faster than copying
    assert "GB/s is 2 times the measured bandwidth" in str(impossible(1e6, 50e9, 1.0, PEAKS))
    assert impossible(1e6, 3.9e6, 1e-5, PEAKS) is None  # a part of it may be in the cache
    # What fits into the cache may come from a nearer one, whose bandwidth is not measured.
    assert impossible(1.0, 0.9e6, 1e-6, PEAKS) is None


def test_operations_of_units_without_a_measured_peak_are_no_reason_to_doubt():
    """Tensor cores are faster than the products in floats that the peak is measured by."""
    assert impossible(nan, 1e3, 1e-9, PEAKS) is None
    assert isnan(pct_peak(nan, 1e-9, PEAKS))
    assert impossible(nan, 1e12, 1e-9, PEAKS) is not None  # bytes are bytes


def test_rows_of_a_run_are_held_under_the_roof_of_its_own_peaks(tmp_path):
    run = {
        "schema": 1, "backend": "numpy", "device": "cpu", "level": "operator", "operator": "relu",
        "network": "784-16-10", "batch": 32, "flops_executed": 1e5, "bytes": 1e5, "gflops": 40.0,
    }  # fmt: skip
    frame([run, run | {"level": "step", "bytes": None}]).to_csv(
        tmp_path / "results.csv", index=False
    )
    (tmp_path / "environment.json").write_text(json.dumps({"peaks": {"cpu": PEAKS}}))
    (found,) = rooflines(tmp_path).to_dict("records")
    assert (found["intensity"], found["roof_gflops"], found["pct_roof"]) == (1.0, 80.0, 50.0)
