"""Every CUDA kernel compiles for every architecture, and takes what the table says."""

import csv
import difflib

import pytest

from kernels.cuda.source import files, source

pytest.importorskip("cuda.bindings.nvrtc", reason="cuda-bindings is not installed")
import cuda_resources


@pytest.fixture(scope="module")
def made() -> str:
    return cuda_resources.table()


@pytest.fixture(scope="module")
def rows(made: str) -> list[dict[str, str]]:
    return list(csv.DictReader(made.splitlines()[1:]))


def test_the_table_of_registers_and_memory_is_that_of_the_kernels(made: str) -> None:
    kept = cuda_resources.TABLE.read_text(encoding="utf-8")
    of, this = kept.splitlines()[0], cuda_resources.compiler()
    if of != this:
        pytest.skip(
            f"the table is that of {of[2:]}; this is {this[2:]}, as a GPU's driver wants it"
        )
    changed = list(difflib.unified_diff(kept.splitlines(), made.splitlines(), lineterm="", n=0))
    assert not changed, "run python tests/cuda_resources.py and look at\n" + "\n".join(changed)


def test_nothing_is_spilled_and_no_array_lies_in_local_memory(rows: list[dict[str, str]]) -> None:
    assert not [row for row in rows if row["spilled"] != "0" or row["stack"] != "0"]


def test_blocks_fit_a_multiprocessor(rows: list[dict[str, str]]) -> None:
    for row in rows:
        assert int(row["shared"]) <= 48 << 10, row
        # Blocks of 256 threads, of 1024 where rung 3 says so.
        threads = 1024 if "shared_tiles" in row["file"] or row["function"] == "keep_losses" else 256
        assert int(row["registers"]) * threads <= 1 << 16, row


def test_every_file_is_compiled_for_every_architecture(rows: list[dict[str, str]]) -> None:
    found = {(row["file"], row["real"], int(row["sm"])) for row in rows}
    assert found == set(cuda_resources.work())
    assert {sm for _, _, sm in found} == set(cuda_resources.ARCHITECTURES)
    assert {file for file, _, _ in found} == set(files())


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("const int i = 4", "const int i = four", r'sgd\.cu\(8\): error: identifier "four"'),
        ("const int i = 4", "const int j = 3, i = 4", r'sgd\.cu\(8\): warning .*"j" was declared'),
    ],
    ids=["error", "warning"],
)
def test_kernel_that_does_not_compile_in_silence_says_where(
    before: str, after: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = source("sgd.cu").replace(before, after)
    monkeypatch.setattr(cuda_resources, "source", lambda file: broken)
    with pytest.raises(RuntimeError, match=rf"^sgd\.cu, float32, sm_90: {said}"):
        cuda_resources.compiled("sgd.cu", "float32", 90)


def test_files_say_what_they_are_for() -> None:
    heads = {file: source(file).splitlines()[1:5] for file in files()}
    for file, head in heads.items():
        comments = [line for line in head if line.startswith("// ")]
        assert 2 <= len(comments) <= 4, f"{file}: its head says what it adds and what to expect"
        assert any(line.startswith("// Expect: ") for line in comments) or "exact" in file
