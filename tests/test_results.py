"""Result sets on disk: appended at once, whole or not at all, read back as what was written."""

import json
import math
import os

import pandas as pd
import pytest
from command_line import FILES

from bench.columns import COLUMNS, SAMPLE_COLUMNS, SCHEMA, TEXT_COLUMNS
from bench.files import load_json, replacing
from bench.results import frame, load
from bench.run_folder import RunFolder
from mnist_core.errors import DataError, OutputError

pytestmark = pytest.mark.filterwarnings("error")

ENVIRONMENT = {
    "machine": {"cpu": "CPU", "cores": 2, "memory_bytes": 1, "load": 0.1, "governor": None},
    "threads": 2,
    "packages": {},
    "warnings": [],
    "data": {"name": "digits", "images": 60_000, "zeros": 0.8, "sha256": "0"},
}


def row(backend: str = "numpy", **changes):
    timed = {"rounds": 5, "iterations": 9, "median_s": 0.5, "ci_low_s": 0.4, "ci_high_s": 0.6}
    case = {
        "schema": SCHEMA,
        "run_id": "0012",  # text, although it looks like a number
        "backend": backend,
        "role": "own",
        "level": "step",
        "operator": None,
        "network": "784-16-10",
        "batch": 32,
        "seed": 0,
        "dirty": False,
        "status": "ok",
        "images_per_s": 64.0,
        "certificate": "float32",
    }
    return case | timed | changes


REFUSED = row("wrong", status="refused", reason="dw, row 1: wrong", certificate="") | dict.fromkeys(
    ("rounds", "iterations", "median_s", "ci_low_s", "ci_high_s", "images_per_s")
)


@pytest.fixture
def folder(tmp_path):
    return RunFolder.create(tmp_path / "run")


@pytest.fixture
def finished(folder):
    for case in (row(), REFUSED):
        folder.add_rows([case])
    folder.add_samples([{"backend": "numpy", "round": 1, "seconds": 0.5}])
    folder.finish([{"backend": "numpy", "passed": True, "checks": [], "hashes": {}}], ENVIRONMENT)
    return folder.path


def test_columns_are_those_of_the_design_in_its_order():
    assert " ".join(COLUMNS) == (
        "schema run_id timestamp commit dirty machine device backend backend_version role kernel "
        "level operator network batch precision threads data seed cache status reason rounds "
        "iterations median_s q1_s q3_s ci_low_s ci_high_s noise_floor host_s device_s compile_s "
        "images_per_s flops flops_executed bytes gflops gbytes_per_s pct_peak peak_memory_bytes "
        "baseline speedup speedup_ci_low speedup_ci_high error_ratio certificate"
    )


def test_text_that_does_not_apply_is_empty_and_numbers_are_nan():
    table = frame([REFUSED])
    assert list(table.columns) == list(COLUMNS)
    assert table.operator[0] == table.certificate[0] == table.kernel[0] == ""
    assert math.isnan(table.median_s[0])
    assert math.isnan(table.pct_peak[0])


def test_rows_and_samples_are_on_disk_as_soon_as_they_are_added(folder):
    for number in (1, 2):
        folder.add_rows([row(batch=number)])
        folder.add_samples([{"round": number, "seconds": 0.5}])
        for name, column in (("rows.jsonl", "batch"), ("samples.jsonl", "round")):
            lines = (folder.path / name).read_text().splitlines()
            assert [json.loads(line)[column] for line in lines] == [1, 2][:number]


def test_finish_writes_the_five_files_and_leaves_nothing_else(finished):
    assert {entry.name for entry in finished.iterdir()} == set(FILES)
    assert list(pd.read_csv(finished / "results.csv").columns) == list(COLUMNS)
    assert load_json(finished, "environment.json") == ENVIRONMENT
    assert load_json(finished, "certificates.json")[0]["backend"] == "numpy"
    assert "wrong" in (finished / "report.html").read_text()
    samples = pd.read_parquet(finished / "samples.parquet")
    assert list(samples.columns) == list(SAMPLE_COLUMNS)
    assert samples.seconds.tolist() == [0.5]


def test_a_run_without_rows_can_be_finished_and_loaded(folder):
    folder.finish([], ENVIRONMENT)
    assert len(load(folder.path)) == 0


def test_environment_that_is_no_json_leaves_no_results(folder):
    folder.add_rows([row()])
    with pytest.raises(ValueError, match="JSON"):
        folder.finish([], ENVIRONMENT | {"load": math.nan})
    left = {entry.name for entry in folder.path.iterdir()}
    assert "rows.jsonl" in left
    assert "results.csv" not in left
    assert not [name for name in left if name.endswith(".tmp")]


def test_replacing_puts_the_whole_file_in_place(tmp_path):
    file = tmp_path / "file"
    file.write_text("old")
    with replacing(file) as temporary:
        temporary.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_replacing_leaves_the_old_file_and_nothing_else_on_an_exception(tmp_path, error):
    file = tmp_path / "file"
    file.write_text("old")

    def interrupted():
        with replacing(file) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert file.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_what_was_written_is_what_is_read(finished):
    pd.testing.assert_frame_equal(load(finished), frame([row(), REFUSED]), check_dtype=False)
    pd.testing.assert_frame_equal(load(finished / "results.csv"), load(finished))


def test_several_folders_give_one_frame(finished, tmp_path):
    other = RunFolder.create(tmp_path / "other")
    other.add_rows([row("numba", run_id="7")])
    other.finish([], ENVIRONMENT)
    table = load(finished, other.path)
    assert table.backend.tolist() == ["numpy", "wrong", "numba"]
    assert table.run_id.tolist() == ["0012", "0012", "7"]
    assert table.index.tolist() == [0, 1, 2]
    assert table.columns.tolist() == list(COLUMNS)


def test_loaded_columns_are_numbers_or_text(finished):
    table = load(finished)
    for column in COLUMNS:
        if column in TEXT_COLUMNS:
            assert all(isinstance(value, str) for value in table[column]), column
        elif column == "dirty":
            assert table.dirty.tolist() == [False, False]
        else:
            assert pd.api.types.is_numeric_dtype(table[column]), column


def test_text_that_looks_like_something_else_stays_text(folder):
    texts = ["null", "nan", "None", "1e5", "007", "True", 'a "quoted", one\nof two lines']
    for text in texts:
        folder.add_rows([row(text, reason=text, commit=text)])
    folder.finish([], ENVIRONMENT)
    table = load(folder.path)
    for column in ("backend", "reason", "commit"):
        assert table[column].tolist() == texts


def csv(**changes) -> str:
    return frame([row()]).assign(**changes).to_csv(index=False)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "No columns"),
        ("name,age\nAda,36\n", "lacks the columns schema, run_id"),
        (csv(schema=SCHEMA + 1), f"its schema is {SCHEMA + 1}"),
        (csv(median_s="fast"), "fast"),
        (csv() + "one,two,three\n" + "," * 90, "Expected"),
        (csv().encode()[:-40] + b"\xff\xfe", "utf-8"),
    ],
    ids=["empty", "foreign", "newer", "no number", "ragged", "bytes"],
)
def test_a_file_that_is_no_result_set_is_named_with_the_reason(tmp_path, content, reason):
    file = tmp_path / "results.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert str(file) in str(caught.value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_results_are_named(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "nowhere.csv"):
        with pytest.raises(DataError, match=path.name):
            load(path)
    with pytest.raises(DataError, match="at least one"):
        load()


@pytest.mark.parametrize("content", [None, "", "{", "[1,"])
def test_json_that_cannot_be_read_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "environment.json").write_text(content)
    with pytest.raises(DataError, match=r"environment\.json: cannot be read"):
        load_json(tmp_path, "environment.json")


@pytest.mark.parametrize("below", ["file", "file/a", "file/a/b"])
def test_a_folder_that_cannot_be_made_is_refused(tmp_path, below):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="choose another --out"):
        RunFolder.create(tmp_path / below)
    assert (tmp_path / "file").read_text() == "not a folder"


@pytest.mark.parametrize("name", ["results.csv", "rows.jsonl"])
def test_a_folder_that_holds_another_run_finished_or_killed_is_refused(tmp_path, name):
    (tmp_path / name).write_text("theirs")
    with pytest.raises(OutputError, match="another run"):
        RunFolder.create(tmp_path)
    assert os.listdir(tmp_path) == [name]


def test_an_existing_folder_with_other_files_is_used_and_they_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    folder = RunFolder.create(tmp_path)
    folder.release()
    assert os.listdir(tmp_path) == ["notes.txt"]
