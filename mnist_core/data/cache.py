"""Where data sets are kept between runs."""

from pathlib import Path


def cache_folder() -> Path:
    """Return the user's cache folder for this project (which may not exist yet)."""
    import platformdirs

    return platformdirs.user_cache_path("mnist-bench")
