"""`pytest` runs no benchmark, and `pytest --benchmark-only` nothing else."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out benchmarks, or with --benchmark-only everything else."""
    wanted = config.getoption("--benchmark-only")
    left_out = [item for item in items if (HERE in item.path.parents) != wanted]
    items[:] = [item for item in items if (HERE in item.path.parents) == wanted]
    config.hook.pytest_deselected(items=left_out)
