"""Data sets: IDX files, downloads with checksums, and digits that the program draws itself."""

from mnist_core.data.dataset import Dataset
from mnist_core.data.sources import SOURCES, load, resolve

__all__ = ["SOURCES", "Dataset", "load", "resolve"]
