"""Result sets on disk: appended while they grow, five files when they are whole."""

import json
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_core.errors import DataError, OutputError

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1

RUNS = Path("results") / "runs"

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
run_id backend level operator network batch round order block iterations seconds timestamp
"""

COLUMNS = tuple(_COLUMNS.split())
"""Columns of results.csv: seconds, images per second, bytes; what does not apply is empty."""

SAMPLE_COLUMNS = tuple(_SAMPLE_COLUMNS.split())
"""Columns of samples.parquet, one line a block: ``order`` is the backend's place in the round."""

TEXT_COLUMNS = frozenset(_TEXT.split())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Path to write to; it takes the place of ``path`` when the block ends well, and else goes."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def folder(out: str | None) -> Path:
    """Folder to write to: the one asked for, or one under results/runs named by the time."""
    return Path(out) if out else RUNS / now()[:19].replace(":", "-")


def writable(path: Path) -> Path:
    """Make a folder; `OutputError` at once if nothing can be written there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _cannot_write(path, error) from error
    return path


def remove_if_empty(path: Path) -> None:
    """Remove a folder in which nothing was written; one that holds something stays."""
    with suppress(OSError):
        path.rmdir()


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write to {path}: {error.strerror}; choose another --out")


def frame(rows: Sequence[dict[str, Any]]) -> "pd.DataFrame":
    """Rows as a data frame with all columns; text that does not apply is empty, numbers NaN."""
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return _typed(table)


def _typed(table: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    for column in COLUMNS:
        if column in TEXT_COLUMNS:
            text = table[column].astype(object)
            table[column] = text.where(text.notna(), "").astype(str)
        elif column != "dirty":
            table[column] = pd.to_numeric(table[column])
    return table


@dataclass
class RunFolder:
    """Where one run writes; `create` makes sure at once that it can."""

    path: Path
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    rows: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def create(cls, path: Path) -> "RunFolder":
        """Make the folder; `OutputError` if it cannot be written or holds another run."""
        writable(path)
        if any((path / name).exists() for name in ("results.csv", "rows.jsonl")):
            raise OutputError(f"{path} holds the results of another run; choose another --out")
        return cls(path)

    def add_row(self, row: dict[str, Any]) -> None:
        """Keep a finished row, on disk at once."""
        self.rows.append(row)
        self._append("rows.jsonl", row)

    def add_samples(self, samples: list[dict[str, Any]]) -> None:
        """Keep the samples of one round, on disk at once."""
        self.samples += samples
        for sample in samples:
            self._append("samples.jsonl", sample)

    def _append(self, name: str, value: dict[str, Any]) -> None:
        try:
            with (self.path / name).open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(value) + "\n")
        except OSError as error:
            raise _cannot_write(self.path / name, error) from error

    def discard(self) -> None:
        """Leave nothing behind of a run that has no rows."""
        (self.path / "samples.jsonl").unlink(missing_ok=True)
        remove_if_empty(self.path)

    def finish(
        self, certificates: Sequence[dict[str, Any]], environment: dict[str, Any]
    ) -> "pd.DataFrame":
        """Write the five files and drop the growing ones; the rows as a data frame."""
        import pandas as pd

        from bench import report

        table = frame(self.rows)
        with replacing(self.path / "samples.parquet") as path:
            pd.DataFrame(self.samples, columns=list(SAMPLE_COLUMNS)).to_parquet(path)
        _write_json(self.path / "certificates.json", list(certificates))
        _write_json(self.path / "environment.json", environment)
        with replacing(self.path / "report.html") as path:
            report.write(path, table, certificates, environment)
        with replacing(self.path / "results.csv") as path:
            table.to_csv(path, index=False)
        for name in ("rows.jsonl", "samples.jsonl"):
            (self.path / name).unlink(missing_ok=True)
        return table


def _write_json(path: Path, value: Any) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def now() -> str:
    """Time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def load(*paths: str | os.PathLike[str]) -> "pd.DataFrame":
    """Rows of result sets as one tidy data frame, a row a case.

    Parameters
    ----------
    paths
        Folders that ``mnist-bench run --out`` wrote, or their ``results.csv``.

    Raises
    ------
    DataError
        For a file that is missing, damaged, or of a newer schema; it names the file.
    """
    import pandas as pd

    if not paths:
        raise DataError("bench.results.load: name at least one result folder")
    return pd.concat([_load_one(Path(path)) for path in paths], ignore_index=True)


def _load_one(path: Path) -> "pd.DataFrame":
    import pandas as pd

    file = path / "results.csv" if path.is_dir() else path
    if not file.is_file():
        raise DataError(f"{path}: no results.csv there; give a folder that `run --out` wrote")
    try:
        # Only an empty cell means "does not apply": "null" may be somebody's name for a backend.
        text = dict.fromkeys(TEXT_COLUMNS, str)
        table = pd.read_csv(file, dtype=text, keep_default_na=False, na_values=[""])
        missing = [column for column in COLUMNS if column not in table.columns]
        if missing:
            raise ValueError(f"it lacks the columns {', '.join(missing[:3])}")
        newest = table["schema"].max()
        if newest > SCHEMA:
            raise ValueError(f"its schema is {newest:g}, this version reads up to {SCHEMA}")
        return _typed(table[list(COLUMNS)])
    except (ValueError, TypeError, OSError) as error:  # pandas' parser errors are ValueErrors
        message = " ".join(str(error).split())
        raise DataError(f"{file}: not a result set that can be read: {message}") from error


def load_json(folder: Path, name: str) -> Any:
    """A JSON file of a result set; `DataError` names it if it cannot be read."""
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / name}: cannot be read: {error}") from error
