"""Columns of result sets, and what tells their rows apart."""

from collections.abc import Iterable, Mapping
from typing import Any

SCHEMA = 1

_TEXT = """
run_id timestamp commit machine device backend backend_version role kernel level operator network
precision data cache status reason baseline certificate
"""
_COLUMNS = """
schema run_id timestamp commit dirty machine device backend backend_version role kernel level
operator network batch precision threads data seed cache status reason rounds iterations
median_s q1_s q3_s ci_low_s ci_high_s noise_floor host_s device_s compile_s images_per_s
flops flops_executed bytes gflops gbytes_per_s pct_peak peak_memory_bytes baseline speedup
speedup_ci_low speedup_ci_high error_ratio certificate
"""
_SAMPLE_COLUMNS = """
run_id backend level operator network batch cache pass round order block iterations seconds
device_s outlier timestamp
"""

COLUMNS = tuple(_COLUMNS.split())
"""Columns of results.csv: seconds, images per second, bytes; what does not apply is empty."""

SAMPLE_COLUMNS = tuple(_SAMPLE_COLUMNS.split())
"""Columns of samples.parquet, one line a block: ``order`` is the backend's place in the round."""

TEXT_COLUMNS = frozenset(_TEXT.split())

MEASURED = frozenset(COLUMNS[COLUMNS.index("rounds") :])
"""What a row that is refused does not have."""

ROWS, SAMPLES, WORDS = "rows.jsonl", "samples.jsonl", "certificates.jsonl"
"""What a run appends to while it goes on: a killed one leaves them, and they can be loaded."""

CASE = ("level", "operator", "network", "batch", "cache")


def identity(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells the rows of one run apart: the backend, then the case as in `Case.identity`."""
    return (row["backend"], *(row.get(column) or "" for column in CASE))


def case_label(level: str, operator: str, network: str, batch: float, cache: str) -> str:
    """A case as people read it: level or operator, network and batch."""
    kind = "part " if level == "part" else "cold " if cache == "cold" else ""
    return f"{kind}{operator or level}, {network}, batch {int(batch)}"


def latest(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of rows of the same case and backend the last, in the order of the first."""
    return list({identity(row): row for row in rows}.values())
