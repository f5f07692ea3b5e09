"""Whether this machine is fit to measure on: what is wrong, and what to do about it."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from bench import machine
from bench.repository import ROOT

_BUSY_LOAD_PER_CORE = 0.5
_STOLEN_PERCENT = 5
_HOT_DEGREES = 85

_SLOWED = ("clocks_throttle_reasons.hw_slowdown", "clocks_throttle_reasons.sw_power_cap")


def warnings(load: float | None) -> list[str]:
    """Reasons to doubt what is measured here, each with a remedy."""
    return [*_of_processor(load), *_of_settings(), *_of_gpus()]


def _of_processor(load: float | None) -> Iterator[str]:
    if load is not None and load > _BUSY_LOAD_PER_CORE * machine.cores():
        yield f"load average {load}: other programs are running; stop them and run again"
    if machine.governor() == "powersave":
        yield "frequency governor is powersave: set it to performance"
    stolen = stolen_percent()
    if stolen > _STOLEN_PERCENT:
        yield f"the host takes {stolen:.0f} % of the processor away: use a machine of one's own"


def _of_settings() -> Iterator[str]:
    if os.environ.get("CUPY_TF32") == "1":
        yield "CUPY_TF32=1: CuPy's float32 products are TF32 and will be refused; unset it"
    found = importlib.util.find_spec("kernels")
    where = Path(next(iter(found.submodule_search_locations or [""]))) if found else Path()
    if where.resolve() != ROOT / "kernels":
        yield f"the package `kernels` is that in {where}: another distribution; remove it"


def _of_gpus() -> Iterator[str]:
    for gpu in machine.gpus():
        name = gpu["name"]
        if "Active" in [gpu[reason] for reason in _SLOWED]:
            yield f"{name} is throttled at {gpu['clocks.sm']}: let it cool, or lock its clocks"
        if gpu["temperature.gpu"].isdigit() and int(gpu["temperature.gpu"]) > _HOT_DEGREES:
            yield f"{name} is at {gpu['temperature.gpu']} °C: let it cool"
    others = [row[0] for row in machine.nvidia_smi("--query-compute-apps=pid") if row]
    if others:
        yield f"other programs are on the GPU (process {', '.join(others)}): stop them"


def stolen_percent() -> float:
    """Share of a tenth of a second for which the host ran something else in our place (Linux)."""
    import psutil

    return float(getattr(psutil.cpu_times_percent(interval=0.1), "steal", 0.0))
