"""The text of a ``.cu`` file as a compiler gets it, and what it says about itself."""

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
INCLUDE = re.compile(r'#include "(\w+\.cuh)"')
LEAST = re.compile(r"^//.*\bNeeds sm_(\d+)\.", re.MULTILINE)
ONE_REAL = re.compile(r"^//.*\bFor (float|double)\.", re.MULTILINE)
LEAST_ARCHITECTURE = 75
REALS = {"float32": "float", "float64": "double"}


@cache
def source(file: str) -> str:
    """Text of ``file`` with the headers of this folder in place, each once.

    Put in here, not left to the compiler: CuPy's cache on disk does not see a changed header.
    """
    return _with_headers(file, set())


def _with_headers(file: str, seen: set[str]) -> str:
    text = (FOLDER / file).read_text(encoding="utf-8")
    lines = [f'#line 1 "{file}"']
    for number, line in enumerate(text.splitlines(), start=1):
        included = INCLUDE.match(line)
        if included is None:
            lines.append(line)
        elif included[1] not in seen:
            seen.add(included[1])
            lines += [_with_headers(included[1], seen), f'#line {number + 1} "{file}"']
    return "\n".join(lines)


def options(real: str) -> tuple[str, ...]:
    """Compiler options for arrays of dtype ``real``."""
    return ("-std=c++17", f"-Dreal={REALS[real]}")


def least_architecture(file: str) -> int:
    """Oldest compute capability that a file is for, such as 80; its head says ``Needs sm_80``."""
    found = LEAST.search(source(file))
    return int(found[1]) if found else LEAST_ARCHITECTURE


def reals(file: str) -> tuple[str, ...]:
    """The dtypes that a file is for; its head says ``For float.`` or ``For double.`` if for one."""
    one = ONE_REAL.search(source(file))
    return tuple(name for name, real in REALS.items() if one is None or real == one[1])


def files() -> list[str]:
    """Every ``.cu`` file there is, in the order of the rungs."""
    return sorted(path.name for path in FOLDER.glob("*.cu"))
