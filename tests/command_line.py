"""For tests of the command line: data and a network so small that a run takes seconds."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from idx_files import idx

from bench.cli import main
from mnist_core.data import Dataset

SMALL = ("--network", "784-16-10", "--batch", "32")

FILES = ("results.csv", "samples.parquet", "certificates.json", "environment.json", "report.html")
"""What a run leaves in its folder."""


def write_data(folder: Path, data: Dataset) -> Path:
    """A data set of 28 x 28 images as a folder of four IDX files."""
    for split, images, labels in (
        ("train", data.train_images, data.train_labels),
        ("t10k", data.test_images, data.test_labels),
    ):
        (folder / f"{split}-images-idx3-ubyte").write_bytes(idx(images.reshape(-1, 28, 28)))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


def command(*arguments: object) -> list[str]:
    """The command line as one starts it."""
    return [sys.executable, "-m", "bench", *map(str, arguments)]


def mnist_bench(*arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run the command line in a process of its own."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 300}
    return subprocess.run(command(*arguments), text=True, **(pipes | options))


def invoke(*arguments: object) -> Result:
    """Run the command line in this process; an exception that it lets out is the test's."""
    return CliRunner().invoke(main, [*map(str, arguments)], catch_exceptions=False)
