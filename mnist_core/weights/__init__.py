"""Saved weights: written so that they say what they are, read from what others write too."""

from mnist_core.weights.files import FILE_NAME
from mnist_core.weights.saved import Weights, load, save, sha256

__all__ = ["FILE_NAME", "Weights", "load", "save", "sha256"]
