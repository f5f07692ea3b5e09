"""What a network takes for what: counts, the picture of them, and scores class by class."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.report.charts import PAPER_INK

_FEW = 12  # classes that have room for large cells
_LARGE, _SMALL = 42, 27  # pixels
_FONT = 12
_RIGHT = "#d0d7de"
_ERRORS = ("#fff4ea", "#f0883e")  # of a share of nothing and of the largest

Array = NDArray[Any]


@dataclass(frozen=True)
class ClassScore:
    """How well one class is recognised; NaN where there is nothing to take a share of.

    ``precision`` is the share of images taken for the class that are of it, ``recall`` the share
    of the class's ``images`` that are taken for it.
    """

    label: int
    images: int
    precision: float
    recall: float


def confusion_counts(labels: Array, predicted: Array, classes: int) -> Array:
    """Count images (classes, classes) int64 by true class, the rows, and predicted class.

    Raises
    ------
    ValueError
        Where a label is none of the classes.
    """
    cells = np.ravel_multi_index((labels, predicted), (classes, classes))
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def by_class(counts: Array) -> list[ClassScore]:
    """Score each class of a table of `confusion_counts`."""
    images, taken, right = counts.sum(axis=1), counts.sum(axis=0), counts.diagonal()
    return [
        ClassScore(
            label,
            int(images[label]),
            _share(right[label], taken[label]),
            _share(right[label], images[label]),
        )
        for label in range(len(counts))
    ]


def _share(part: Any, whole: Any) -> float:
    return float(part / whole) if whole else math.nan


def confusion(counts: Array) -> Any:
    """Draw a table of `confusion_counts` with its figures, errors coloured by their share of a row.

    What is right is grey: a scale that held it too would leave errors pale. Cells without images
    are empty.
    """
    import altair as alt

    classes, cells = len(counts), _cells(counts)
    size = _LARGE if classes <= _FEW else _SMALL
    font = min(_FONT, 1.5 * size / len(str(counts.max())))
    errors = [cell["share"] for cell in cells if not cell["right"]]
    legend = alt.Legend(format=".1~%", gradientLength=140, tickCount=3)
    axis = alt.Axis(labelAngle=0, ticks=False, domain=False, labelPadding=5)
    scale = alt.Scale(domain=list(range(classes)), paddingInner=0.04, paddingOuter=0)
    base = alt.Chart().encode(
        x=alt.X("predicted:O", title="predicted class", axis=axis, scale=scale),
        y=alt.Y("true:O", title="true class", axis=axis, scale=scale),
    )
    share = alt.Color(
        "share:Q",
        title="of the true class",
        scale=alt.Scale(type="sqrt", domain=[0, max(errors, default=1)], range=_ERRORS),
        legend=legend if errors else None,
    )
    right = base.transform_filter("datum.right").mark_rect(color=_RIGHT)
    wrong = base.transform_filter("!datum.right").mark_rect().encode(color=share)
    text = base.mark_text(color=PAPER_INK, fontSize=font).encode(text="images:Q")
    return alt.layer(right, wrong, text, data=alt.InlineData(values=cells)).properties(
        title=f"{counts.trace():,} of {counts.sum():,} recognised",
        width=size * classes,
        height=size * classes,
    )


def _cells(counts: Array) -> list[dict[str, Any]]:
    """Those that hold images, each with its share of the true class."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return [
        {
            "true": int(true),
            "predicted": int(predicted),
            "images": int(counts[true, predicted]),
            "share": float(shares[true, predicted]),
            "right": bool(true == predicted),
        }
        for true, predicted in zip(*np.nonzero(counts), strict=True)
    ]
