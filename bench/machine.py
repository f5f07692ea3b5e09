"""What the measuring happens on: hardware, software, load, and what makes it unfit."""

import csv
import hashlib
import importlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from bench.repository import PACKAGES, ROOT, working_tree
from mnist_core.arrays import Space
from mnist_core.backends import Backend

_PACKAGES = (
    *("mnist-bench", "numpy", "scipy", "numba", "pandas", "threadpoolctl"),
    *("cupy-cuda12x", "cupy-cuda13x", "numba-cuda", "jax", "torch"),
)
_PROCESSORS = Path("/sys/devices/system/cpu")
_GPU_FIELDS = (
    *("name", "driver_version", "temperature.gpu", "clocks.sm", "clocks.max.sm"),
    *("clocks_throttle_reasons.hw_slowdown", "clocks_throttle_reasons.sw_power_cap"),
)
_USUAL_CACHE = 32 * 2**20
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_name() -> str:
    """The processor's name as it gives it itself."""
    import cpuinfo

    return str(cpuinfo.get_cpu_info().get("brand_raw") or platform.processor() or "unknown CPU")


def load_average() -> float | None:
    """Processes that wanted a processor over the last minute, where the system counts them."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def governor() -> str | None:
    """How the processor's frequency is governed, where the system says so."""
    try:
        return _GOVERNOR.read_text().strip()
    except OSError:
        return None


def last_level_cache(space: Space) -> int:
    """Bytes of the largest cache between the processor of a space and its memory."""
    if space.device == "cuda":
        runtime = space.xp.cuda.runtime
        return int(runtime.getDeviceProperties(runtime.getDevice())["l2CacheSize"])
    caches = [
        (int(_word(of / "level")), _word(of / "shared_cpu_list"), _word(of / "size"))
        for of in _PROCESSORS.glob("cpu[0-9]*/cache/index*")
    ]
    last = max((level for level, _, _ in caches), default=0)
    # Processors may have a last cache for every few of them.
    sizes = {
        shared: int(size.removesuffix("K")) * 1024
        for level, shared, size in caches
        if level == last
    }
    return sum(sizes.values()) or _USUAL_CACHE


def _word(path: Path) -> str:
    return path.read_text().strip()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def backend_versions(backend: Backend) -> str:
    """Versions of the packages that a backend is made of, importing them."""
    names = backend.packages
    versions = (
        (name, getattr(importlib.import_module(name), "__version__", "?")) for name in names
    )
    return ", ".join(f"{name} {version}" for name, version in versions)


def source_sha256(plugins: Iterable[str]) -> str:
    """SHA-256 of everything that is measured or measures: the suite's own files and plug-ins."""
    packages = [ROOT / name for name in PACKAGES]
    found = [f for p in packages for f in p.rglob("*") if f.suffix in (".py", ".cu")]
    digest = hashlib.sha256()
    for file in [*sorted(found), *map(Path, plugins)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def gpus() -> list[dict[str, str]]:
    """What nvidia-smi says of each GPU; none without it."""
    rows = nvidia_smi(f"--query-gpu={','.join(_GPU_FIELDS)}")
    return [
        dict(zip(_GPU_FIELDS, row, strict=True)) for row in rows if len(row) == len(_GPU_FIELDS)
    ]


def nvidia_smi(query: str) -> list[list[str]]:
    """Rows of an answer of nvidia-smi; none where it is not there or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, query, "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [[cell.strip() for cell in row] for row in csv.reader(done.stdout.splitlines())]


def environment(threads: int) -> dict[str, Any]:
    """Everything about this machine that a reader of results may ask for."""
    import psutil
    from threadpoolctl import threadpool_info

    revision, dirty = working_tree()
    # The paths of the libraries' files say nothing to who reads this elsewhere.
    blas = [
        {k: pool[k] for k in ("internal_api", "version", "architecture") if k in pool}
        for pool in threadpool_info()
    ]
    return {
        "machine": {
            "cpu": cpu_name(),
            "cores": cores(),
            "gpus": [gpu["name"] for gpu in gpus()],
            "memory_bytes": psutil.virtual_memory().total,
            "load": load_average(),
            "governor": governor(),
            "system": f"{platform.system()} {platform.release()}",
        },
        "threads": threads,
        "python": platform.python_version(),
        "packages": {p: v for p in _PACKAGES if (v := _version(p)) is not None},
        "blas": blas,
        "commit": revision,
        "dirty": dirty,
        "command": shlex.join(["mnist-bench", *sys.argv[1:]]),
    }
