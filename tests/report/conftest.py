"""A page for tests in a browser."""

import pandas as pd
import pytest
from report_page import RUN, SPEEDS, frame, refused, row, taken

from bench import report

ERRORS = {"numpy": 1.0, "numba-10": 0.3, "wrong": 1200.0, "numba-2": 2.5}
HASHES = {"data": "0123456789abcdef" * 4}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A report of three batches and two precisions, with samples; one backend was refused."""
    rows = [
        row(backend, times * (1 + batch / 1000), batch=batch, precision=precision,
            role="peer" if "|" in backend else "own")
        for backend, times in SPEEDS.items()
        for batch in (32, 128, 1024)
        for precision in ("float32", "float64")
    ]  # fmt: skip
    rows.append(refused("mine", batch=32, precision="float32"))
    measured = pd.DataFrame(taken(40, "numba-10", batch=32, precision="float32"))
    checks = [{"name": "dense", "kind": "operator", "passed": True}]
    certificates = [
        {"backend": name, "passed": error < 8, "claim": "float32", "batch": 32, "seed": seed,
         "checks": checks, "hashes": HASHES, "error_ratio": error}
        for seed, (name, error) in enumerate(ERRORS.items())
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("page")
    report.write(
        folder / "report.html", frame(*rows), certificates, {RUN: {"python": "3"}}, measured
    )
    return folder
