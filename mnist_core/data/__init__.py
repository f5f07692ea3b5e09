"""Data sets: files of every usual form, downloads with checksums, digits that the program draws."""

from mnist_core.data.csv_files import write_submission
from mnist_core.data.dataset import Dataset
from mnist_core.data.sources import SOURCES, load, resolve
from mnist_core.data.splits import hold_out, pooled, tested_on_itself

__all__ = [
    "SOURCES",
    "Dataset",
    "hold_out",
    "load",
    "pooled",
    "resolve",
    "tested_on_itself",
    "write_submission",
]
