"""``mnist-bench doctor``."""

import importlib.util
import os
from collections.abc import Iterator
from statistics import median
from typing import Any

from bench import console, fitness, machine, noise, timing
from bench.commands.run import make_plan
from bench.noise import Floors
from bench.noise_runs import measure_floors
from bench.peaks import measure_peaks
from bench.report import digits
from bench.worker import THREAD_VARIABLES
from mnist_core.arrays import Space


def doctor_command(measure_noise: bool, draws: int, threads: int | None, **options: Any) -> int:
    """Say what this machine is, how fast, how noisy, and what makes it unfit. Returns 0."""
    output = console.stdout()
    environment = machine.environment(threads or machine.cores())
    if measure_noise:
        plan, environment = make_plan(**options, threads=threads)
        with console.RunProgress() as progress:
            fresh = measure_floors(plan, environment, draws, progress)
        path = noise.store(environment["machine"], fresh)
        output.print(f"stored    {path}", markup=False, soft_wrap=True)
    for name, text in _facts(environment):
        output.print(f"{name:<9} {text}", markup=False, soft_wrap=True)
    warnings = fitness.warnings(environment["machine"]["load"])
    for warning in warnings:
        output.print(f"warning   {warning}", markup=False, soft_wrap=True)
    output.print("fit to measure" if not warnings else "not fit to measure until that is mended")
    return 0


def _facts(environment: dict[str, Any]) -> Iterator[tuple[str, str]]:
    found = environment["machine"]
    governor = found["governor"] or "not shown by the system"
    yield "machine", f"{found['cpu']}, {found['cores']} cores, {digits.size(found['memory_bytes'])}"
    yield "load", f"{found['load']}, governor {governor}, stolen {fitness.stolen_percent():.0f} %"
    yield "threads", _threads(environment)
    for gpu in machine.gpus():
        yield "GPU", ", ".join(f"{name} {value}" for name, value in gpu.items())
    yield "clock", _clock()
    yield "peaks", _peaks(environment["threads"])
    yield "noise", _noise(noise.stored(found), environment["threads"])


def _threads(environment: dict[str, Any]) -> str:
    pools = ", ".join(
        " ".join(str(pool[k]) for k in ("internal_api", "version", "architecture") if k in pool)
        for pool in environment["blas"]
    )
    variables = [f"{name}={os.environ[name]}" for name in THREAD_VARIABLES if name in os.environ]
    texts = [f"{environment['threads']} in a run", pools, *variables]
    if importlib.util.find_spec("numba"):
        import numba

        texts.append(f"Numba layer {vars(numba.config)['THREADING_LAYER']}")
    return " · ".join(filter(None, texts))


def _clock() -> str:
    block, call = timing.overhead(timing.Clock.of(Space()))
    return f"{block * 1e6:.2g} µs for a block of calls, {call * 1e9:.2g} ns for each call in it"


def _peaks(threads: int) -> str:
    found = measure_peaks(Space(), "float32", threads)
    return (
        f"{found['gflops']:.3g} GFLOP/s float32 on {threads} threads, "
        f"{found['gflops_1_thread']:.3g} on one; copies {found['cache_gbytes_per_s']:.3g} GB/s in "
        f"the last cache of {digits.size(found['cache_bytes'])}, "
        f"{found['memory_gbytes_per_s']:.3g} GB/s in memory"
    )


def _noise(floors: Floors, threads: int) -> str:
    entries = [entry for entry in floors.entries if entry["threads"] == threads]
    if not entries:
        return f"not measured on {threads} threads: `mnist-bench doctor --noise` measures it"
    worst = max(entries, key=lambda entry: entry["in_turn"])
    what = worst["operator"] or worst["level"]
    return (
        f"of {len(entries)} cases, timed {worst['draws']} times against themselves: "
        f"{median(e['in_turn'] for e in entries):.1%} in turn, "
        f"{median(e['apart'] for e in entries):.1%} apart; "
        f"the worst is {worst['backend']} {what} with {worst['in_turn']:.0%}"
    )
