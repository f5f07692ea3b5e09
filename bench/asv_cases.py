"""What ASV is to time, written out: ``python -m bench.asv_cases`` renews the file.

ASV takes its benchmarks from the working tree and the package from the commit that it measures, and
selects parameters by index. A list read from an older commit's registry would give results wrong
names without a word; so the names stand in a file, which a test holds to the registry.
"""

from pathlib import Path

from mnist_core import registry

FILE = Path(__file__).parent / "asv_benchmarks" / "names.py"


def text() -> str:
    """The file's text: the suite's own backends and the operators there are."""
    backends = [b.name for b in registry.backends().values() if b.role == "own"]
    return (
        '"""Written by ``python -m bench.asv_cases``."""\n\n'
        f"BACKENDS = {_listed(backends)}\n\nOPERATORS = {_listed(list(registry.operators()))}\n"
    )


def _listed(names: list[str]) -> str:
    return "[\n" + "".join(f'    "{name}",\n' for name in names) + "]"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
