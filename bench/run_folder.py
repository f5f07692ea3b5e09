"""The folder that one run writes: appended to while it goes on, five files when it is whole."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import columns, results, statistics
from bench.files import (
    append_lines,
    load_json,
    locked,
    read_lines,
    replacing,
    unlock,
    writable,
    write_json,
)
from mnist_core.errors import DataError, OutputError

if TYPE_CHECKING:
    import pandas as pd

_GROWING = (columns.ROWS, columns.SAMPLES, columns.WORDS)

RESUMED = "in part timed by a process that ended before it was verified again"
"""Of rows of a run that was gone on with: their code is the same, their process is not."""


@dataclass
class RunFolder:
    """Where one run writes; `create` makes sure at once that it can, `reopen` goes on with one.

    ``rows`` holds the last row of each case and backend, ``samples`` every block that was timed.
    """

    path: Path
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    rows: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    _lock: Any = None

    @classmethod
    def create(cls, path: Path) -> "RunFolder":
        """Make the folder; `OutputError` if it cannot be written or holds another run."""
        writable(path)
        made = cls(path, _lock=locked(path))
        if results.is_result_set(path) or any((path / name).exists() for name in _GROWING):
            made.release()
            raise OutputError(
                f"{path} holds the results of another run; choose another --out, "
                f"or go on with it by --resume {path}"
            )
        return made

    @classmethod
    def reopen(cls, path: Path) -> "RunFolder":
        """A run that was broken off, to go on with; `DataError` where there is none."""
        if (path / "results.csv").exists() and not (path / columns.ROWS).exists():
            raise DataError(f"{path}: this run has written its results; there is nothing to resume")
        environment = path / "environment.json"
        if not environment.exists():
            raise DataError(f"{path}: no run was begun there; give the folder of one that was")
        lock = locked(path)
        try:
            run_id = load_json(path, environment.name)["plan"]["run_id"]
            rows = columns.latest(read_lines(path / columns.ROWS))
            passes = {columns.identity(row): row["pass"] for row in rows}
            samples = [
                sample
                for sample in read_lines(path / columns.SAMPLES)
                if sample["pass"] <= passes.get(columns.identity(sample), 0)
            ]
        except (KeyError, TypeError) as error:
            raise DataError(f"{path}: not a run that can be gone on with: no {error}") from error
        for row in rows:
            row.setdefault("reason", RESUMED)
        # Written anew, for the last line of each may have been cut off.
        words = read_lines(path / columns.WORDS)
        for name, lines in (
            (columns.ROWS, rows),
            (columns.SAMPLES, samples),
            (columns.WORDS, words),
        ):
            with replacing(path / name) as temporary:
                append_lines(temporary, lines)
        return cls(path, run_id, rows, samples, _lock=lock)

    @property
    def timed_backends(self) -> set[str]:
        """Backends that have times."""
        return {row["backend"] for row in self.rows if "median_s" in row}

    def begin(self, environment: dict[str, Any]) -> None:
        """Write down what the run is about to do and on what."""
        write_json(self.path / "environment.json", environment)

    def add_rows(self, rows: list[dict[str, Any]]) -> None:
        """Keep the rows of a case, on disk at once; they take the place of its earlier ones."""
        self.rows = columns.latest([*self.rows, *rows])
        append_lines(self.path / columns.ROWS, rows)

    def add_samples(self, samples: list[dict[str, Any]]) -> None:
        """Keep the samples of one round, on disk at once."""
        self.samples += samples
        append_lines(self.path / columns.SAMPLES, samples)

    def add_word(self, word: dict[str, Any]) -> None:
        """Keep a certificate or a failure, on disk at once."""
        append_lines(self.path / columns.WORDS, [word])

    def discard(self) -> None:
        """Leave nothing behind of a run that has no rows."""
        for name in (columns.SAMPLES, columns.WORDS, "environment.json"):
            (self.path / name).unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Let others write to the folder."""
        if self._lock is not None:
            unlock(self.path, self._lock)

    def write(
        self, certificates: Sequence[dict[str, Any]], environment: dict[str, Any]
    ) -> "pd.DataFrame":
        """Write the five files beside the growing ones; the rows as a data frame."""
        import pandas as pd

        from bench import report

        table = results.frame(self.rows)
        samples = pd.DataFrame(self.samples, columns=list(columns.SAMPLE_COLUMNS))
        if len(samples):
            groups = [samples[name] for name in ("backend", *columns.CASE)]
            samples["outlier"] = statistics.outliers(samples.seconds, groups)
        with replacing(self.path / "samples.parquet") as path:
            samples.to_parquet(path)
        write_json(self.path / "certificates.json", list(certificates))
        self.begin(environment)
        with replacing(self.path / "report.html") as path:
            own = [certificate | {"run_id": self.run_id} for certificate in certificates]
            report.write(path, table, own, {self.run_id: environment}, samples)
        with replacing(self.path / "results.csv") as path:
            path.write_text(results.as_csv(table), encoding="utf-8", newline="")
        return table

    def finish(
        self, certificates: Sequence[dict[str, Any]], environment: dict[str, Any]
    ) -> "pd.DataFrame":
        """Write the five files and drop the growing ones; the rows as a data frame."""
        table = self.write(certificates, environment)
        # Until then, the plan in the environment is what a run that was broken off goes on by.
        self.begin({k: v for k, v in environment.items() if k != "plan"})
        for name in _GROWING:
            (self.path / name).unlink(missing_ok=True)
        self.release()
        return table

    def take_back(self) -> None:
        """Drop what an interrupted run has written, if it is one: it grows again."""
        if (self.path / "results.csv").exists():
            for name in ("report.html", "certificates.json", "samples.parquet", "results.csv"):
                (self.path / name).unlink(missing_ok=True)
