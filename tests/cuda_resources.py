"""What every CUDA kernel takes of a multiprocessor, by NVRTC, which needs no GPU.

``python tests/cuda_resources.py`` renews docs/cuda-resources.csv; a test compares.
"""

import csv
import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cuda.bindings import nvrtc

from kernels.cuda.source import files, least_architecture, options, reals, source

TABLE = Path(__file__).parents[1] / "docs" / "cuda-resources.csv"
ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)
COLUMNS = ("file", "function", "real", "sm", "registers", "shared", "stack", "spilled")
CUPYS_OPTIONS = ("--device-as-default-execution-space", "-ftz=true")
ASKED_FOR = re.compile(r"ptxas( info)? ")
FUNCTION = re.compile(
    r"Function properties for (\w+)\n.*?(\d+) bytes stack frame, (\d+) bytes spill stores.*\n"
    r".*Used (\d+) registers(?:.*?(\d+) bytes smem)?"
)


def compiler() -> str:
    """The compiler whose figures they are."""
    _, major, minor = nvrtc.nvrtcVersion()
    return f"# NVRTC {major}.{minor}"


def compiled(file: str, real: str, sm: int) -> str:
    """What the assembler says of a file; `RuntimeError` if it does not compile in silence."""
    _, program = nvrtc.nvrtcCreateProgram(source(file).encode(), file.encode(), 0, [], [])
    words = (*options(real), *CUPYS_OPTIONS, f"-arch=sm_{sm}", "-Xptxas=-v")
    (result,) = nvrtc.nvrtcCompileProgram(program, len(words), [w.encode() for w in words])
    _, size = nvrtc.nvrtcGetProgramLogSize(program)
    log = b" " * size
    nvrtc.nvrtcGetProgramLog(program, log)
    nvrtc.nvrtcDestroyProgram(program)
    said = log.decode().rstrip("\0 \n")
    unasked = [line for line in said.splitlines() if line and not ASKED_FOR.match(line)]
    if result != nvrtc.nvrtcResult.NVRTC_SUCCESS or unasked:
        raise RuntimeError(f"{file}, {real}, sm_{sm}: {' '.join(unasked)}")
    return said


def rows(file: str, real: str, sm: int) -> Iterator[tuple[str, ...]]:
    """A row of the table for each function of a file."""
    for name, stack, spilled, registers, shared in FUNCTION.findall(compiled(file, real, sm)):
        yield file, name, real, str(sm), registers, shared or "0", stack, spilled


def work() -> list[tuple[str, str, int]]:
    """Every file in every dtype for every architecture that it is for."""
    return [
        (file, real, sm)
        for file in files()
        for real in reals(file)
        for sm in ARCHITECTURES
        if sm >= least_architecture(file)
    ]


def table() -> str:
    """The table as CSV; compilation runs on two threads."""
    with ThreadPoolExecutor(2) as pool:
        made = [row for part in pool.map(lambda item: list(rows(*item)), work()) for row in part]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(
        [[compiler()], COLUMNS, *sorted(made, key=lambda row: (*row[:3], int(row[3])))]
    )
    return text.getvalue()


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
