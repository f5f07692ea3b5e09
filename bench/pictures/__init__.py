"""Pictures of a training: its curves, what the network says of images, and what it confuses.

Functions make Altair charts of plain data; `save` writes one as SVG and PNG.
"""

from bench.pictures.classes import ClassScore, by_class, confusion, confusion_counts
from bench.pictures.history import convergence, curves
from bench.pictures.samples import chosen, predictions
from bench.pictures.saving import save

__all__ = [
    "ClassScore",
    "by_class",
    "chosen",
    "confusion",
    "confusion_counts",
    "convergence",
    "curves",
    "predictions",
    "save",
]
