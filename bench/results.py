"""Result sets: their columns, and what can be read of them, finished or not."""

import os
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bench.columns import (
    COLUMNS,
    ROWS,
    SAMPLE_COLUMNS,
    SAMPLES,
    SCHEMA,
    TEXT_COLUMNS,
    WORDS,
    latest,
)
from bench.files import load_json, read_lines
from bench.words import Words
from mnist_core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from bench.peaks import Peaks


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


def load(*paths: str | os.PathLike[str]) -> "pd.DataFrame":
    """Rows of result sets as one tidy data frame, a row a case.

    Of a run that was killed it gives what was measured and verified by then, and says so in
    ``reason``.

    Parameters
    ----------
    paths
        Folders that ``mnist-bench run --out`` wrote, their ``results.csv``, or folders of such
        folders, of which those that cannot be read are left out with a warning.

    Raises
    ------
    DataError
        For a path that is missing, damaged, or of a newer schema; it names the file.
    """
    import pandas as pd

    if not paths:
        raise DataError("bench.results.load: name at least one result folder")
    return pd.concat([_load_one(Path(path)) for path in paths], ignore_index=True)


_FORMULA = re.compile(r"'*[=+\-@\t\n]")


def as_csv(table: "pd.DataFrame") -> str:
    """Text of results.csv.

    A spreadsheet takes a cell that begins with = + - @ for a formula, and a name may come from
    anyone's plug-in: such a text gets an apostrophe in front, which `load` takes away again.
    Numbers, which may be negative, are left as they are. Lines within a text end in one way, or
    pandas would take the other for the end of the row.
    """
    return _mapped(table, _to_cell).to_csv(index=False, lineterminator="\n")


def _to_cell(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if _FORMULA.match(text) else text


def _from_cell(text: str) -> str:
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _mapped(table: "pd.DataFrame", change: Callable[[str], str]) -> "pd.DataFrame":
    """A table with each of its different texts changed, once."""
    columns = {name: table[name] for name in COLUMNS if name in TEXT_COLUMNS}
    return table.assign(
        **{
            name: of.map({text: change(text) for text in of.unique()})
            for name, of in columns.items()
        }
    )


def is_result_set(path: Path) -> bool:
    """Whether a folder holds a run, be it finished or not."""
    return any((path / name).is_file() for name in ("results.csv", ROWS))


def runs(path: Path) -> list[Path]:
    """The runs that a path stands for: itself, or those in a folder of runs."""
    if not path.is_dir() or is_result_set(path):
        return [path]
    try:
        return sorted(p for p in path.iterdir() if p.is_dir() and is_result_set(p))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _load_one(path: Path) -> "pd.DataFrame":
    if path.is_dir() and not is_result_set(path):
        return _load_all(path)
    if (path / ROWS).is_file() and not (path / "results.csv").is_file():
        return _load_unfinished(path)
    return _load_csv(path / "results.csv" if path.is_dir() else path)


def _load_all(path: Path) -> "pd.DataFrame":
    """Every run in a folder of runs; what is damaged costs a warning, not the others."""
    import pandas as pd

    tables = []
    for run in runs(path):
        try:
            tables.append(_load_one(run))
        except DataError as error:
            warnings.warn(f"left out: {error}", stacklevel=4)
    if not tables:
        raise DataError(f"{path}: no results.csv there; give a folder that `run --out` wrote")
    return pd.concat(tables, ignore_index=True)


def _load_unfinished(path: Path) -> "pd.DataFrame":
    words = Words()
    try:
        for word in read_lines(path / WORDS):
            words.hear(word)
        rows = [words.applied(row) for row in latest(read_lines(path / ROWS))]
        _check_schema(max((row["schema"] for row in rows), default=SCHEMA))
        return frame(rows)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise _unreadable(path / ROWS, error) from error


def _load_csv(file: Path) -> "pd.DataFrame":
    import pandas as pd

    if not file.is_file():
        raise DataError(f"{file}: no results.csv there; give a folder that `run --out` wrote")
    try:
        # Only an empty cell means "does not apply": "null" may be somebody's name for a backend.
        text = dict.fromkeys(TEXT_COLUMNS, str)
        table = pd.read_csv(file, dtype=text, keep_default_na=False, na_values=[""])
        missing = [column for column in COLUMNS if column not in table.columns]
        if missing:
            raise ValueError(f"it lacks the columns {', '.join(missing[:3])}")
        _check_schema(table["schema"].max())
        return _mapped(_typed(table[list(COLUMNS)]), _from_cell)
    except (ValueError, TypeError, OverflowError, OSError) as error:  # pandas' are ValueErrors
        raise _unreadable(file, error) from error


def _check_schema(newest: float) -> None:
    if newest > SCHEMA:
        raise ValueError(f"its schema is {newest:g}, this version reads up to {SCHEMA}")


def _unreadable(file: Path, error: Exception) -> DataError:
    message = " ".join(str(error).split())
    return DataError(f"{file}: not a result set that can be read: {message}")


def load_samples(*paths: Path) -> "pd.DataFrame":
    """Every block that runs timed, one line each; `DataError` if it cannot be read."""
    import pandas as pd

    found = [_load_samples(path) for path in paths]
    return found[0] if len(found) == 1 else pd.concat(found, ignore_index=True)


def _load_samples(path: Path) -> "pd.DataFrame":
    import pandas as pd

    file = path / "samples.parquet"
    if not file.exists():
        return pd.DataFrame(read_lines(path / SAMPLES), columns=list(SAMPLE_COLUMNS))
    try:
        found = pd.read_parquet(file)
        if "cache" not in found:  # before there were cold caches
            found["cache"] = found.level.map(lambda level: "hot" if level == "operator" else "")
        return found.reindex(columns=list(SAMPLE_COLUMNS))
    except (ValueError, OSError, AttributeError) as error:  # pyarrow's errors are ValueErrors
        raise _unreadable(file, error) from error


def rooflines(path: str | os.PathLike[str]) -> "pd.DataFrame":
    """Rows of one run that have bytes, with what the machine's measured peaks allow them.

    ``intensity`` is operations a byte, ``roof_gflops`` the 1e9 operations a second that it allows,
    ``pct_roof`` the percentage of that which the row came to.
    """
    from bench.peaks import roofline

    table = _load_one(Path(path))
    found: dict[str, Peaks] = load_json(Path(path), "environment.json").get("peaks", {})
    known = table[table.bytes.notna() & table.device.isin(list(found))]
    limits = [
        roofline(float(row.flops_executed), float(row.bytes), found[str(row.device)])
        for row in cast(Iterable[Any], known.itertuples())
    ]
    known = known.assign(
        **{name: [of[name] for of in limits] for name in ("intensity", "roof_gflops")}
    )
    return known.assign(pct_roof=100 * known.gflops / known.roof_gflops)


def load_environment(path: Path) -> dict[str, Any]:
    """The machine and software of a run; `DataError` if the file cannot be read."""
    found = load_json(path, "environment.json")
    if not isinstance(found, dict):
        raise DataError(f"{path / 'environment.json'}: cannot be read: it is no JSON object")
    return found


def load_certificates(path: Path) -> list[dict[str, Any]]:
    """Certificates of a run, finished or not; `DataError` if the file cannot be read."""
    if (path / "certificates.json").exists() or not (path / WORDS).exists():
        found = load_json(path, "certificates.json")
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise DataError(
                f"{path / 'certificates.json'}: cannot be read: it is no list of JSON objects"
            )
        return found
    words = Words()
    for word in read_lines(path / WORDS):
        words.hear(word)
    return words.certificates
