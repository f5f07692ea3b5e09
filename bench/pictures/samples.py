"""What a network says of images: which of them are shown, and the grid that shows them."""

from __future__ import annotations

import base64
import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.report.cases import COLOURS
from bench.report.charts import PAPER_INK

_COLUMNS = 5
_IMAGE, _CELL_WIDTH, _CELL_HEIGHT = 84, 118, 122  # pixels
_FRAME = 4
_WRONG = COLOURS[3]

Array = NDArray[Any]


def chosen(
    labels: Array, probabilities: Array, right: int = 10, wrong: int = 10, seed: int = 0
) -> Array:
    """Choose images to show: right ones at random, then the wrong ones that it is surest of.

    Parameters
    ----------
    labels
        True classes (n,).
    probabilities
        Of each class (n, classes).
    right, wrong
        How many of each, fewer where there are fewer.
    seed
        Settles which are the right ones.

    Returns
    -------
    int64 (at most right + wrong,)
        Indices of the images.
    """
    said = probabilities.argmax(axis=1)
    hits, misses = np.flatnonzero(said == labels), np.flatnonzero(said != labels)
    surest = np.argsort(-probabilities[misses].max(axis=1), kind="stable")
    at_random = np.random.RandomState(seed).permutation(hits)
    return np.concatenate([at_random[:right], misses[surest[:wrong]]])


def predictions(images: Array, labels: Array | None, probabilities: Array) -> Any:
    """Draw images in a grid, each with the class that the network takes it for and how surely.

    Where that is wrong the image has a frame, and bold words name the true class:
    ``7, is 2 · 81 %``.

    Parameters
    ----------
    images
        Pixels (n, features) uint8: a square where ``features`` is one, else a row of stripes.
    labels
        True classes (n,), or None where nobody knows.
    probabilities
        Of each class (n, classes).
    """
    import altair as alt

    cells = _cells(images, labels, probabilities)
    framed = "" if labels is None else "; framed where wrong"
    base = alt.Chart().encode(
        x=alt.X("x:Q", scale=None, axis=None), y=alt.Y("y:Q", scale=None, axis=None)
    )
    wrong = base.transform_filter("datum.wrong")
    frame = wrong.mark_point(
        shape="square", size=(_IMAGE + _FRAME) ** 2, stroke=_WRONG, strokeWidth=_FRAME, opacity=1
    )
    image = base.mark_image(width=_IMAGE, height=_IMAGE, aspect=False, smooth=False)
    text: dict[str, Any] = {"dy": _IMAGE / 2 + 14, "color": PAPER_INK}
    words = base.transform_filter("!datum.wrong").mark_text(**text)
    bold = wrong.mark_text(fontWeight="bold", **text)
    layers = (
        frame,
        image.encode(url="image:N"),
        words.encode(text="words:N"),
        bold.encode(text="words:N"),
    )
    return alt.layer(*layers, data=alt.InlineData(values=cells)).properties(
        title="predicted class and its probability" + framed,
        width=_CELL_WIDTH * _COLUMNS,
        height=_CELL_HEIGHT * -(-len(cells) // _COLUMNS),
    )


def _cells(images: Array, labels: Array | None, probabilities: Array) -> list[dict[str, Any]]:
    """Each image with its words and its middle in the picture, row by row."""
    cells = []
    for i, (image, shares) in enumerate(zip(images, probabilities, strict=True)):
        row, column = divmod(i, _COLUMNS)
        said = int(shares.argmax())
        true = said if labels is None else int(labels[i])
        name = f"{said}" if said == true else f"{said}, is {true}"
        cells.append(
            {
                "x": (column + 0.5) * _CELL_WIDTH,
                "y": row * _CELL_HEIGHT + (_IMAGE + _FRAME) / 2 + _FRAME,
                "image": _png(image),
                "words": f"{name} · {shares[said]:.0%}".replace("%", " %"),
                "wrong": said != true,
            }
        )
    return cells


def _png(pixels: Array) -> str:
    """An image as a PNG in a data URL."""
    from PIL import Image

    side = math.isqrt(len(pixels))
    shape = (side, side) if side**2 == len(pixels) else (1, len(pixels))
    file = io.BytesIO()
    Image.fromarray(pixels.reshape(shape)).save(file, "png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
