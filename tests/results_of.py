"""What a run has left."""


def rows(run, backend: str, level: str | None = None):
    """Its rows of a backend, and of a level if one is named."""
    found = run.table[run.table.backend == backend]
    return found[found.level == level] if level else found
