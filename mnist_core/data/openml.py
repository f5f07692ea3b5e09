"""MNIST from OpenML, through scikit-learn, as many tutorials read it."""

from __future__ import annotations

import http.client
import warnings

import numpy as np

from mnist_core.data.conversion import as_labelled
from mnist_core.data.dataset import Dataset
from mnist_core.data.download import FORBID, forbidden
from mnist_core.errors import DataError

NAME = "mnist_784"
TRAIN = 60_000
"""The official training images come first, the 10,000 test images after them."""


def openml() -> Dataset:
    """Fetch MNIST from OpenML, or from where scikit-learn has kept it.

    Raises
    ------
    DataError
        When scikit-learn is missing, when downloads are forbidden, or when the fetch fails.
    """
    if forbidden():
        raise DataError(f"openml: {FORBID} forbids the download; unset it or give --data mnist")
    try:
        from sklearn.datasets import fetch_openml
    except ImportError as error:
        raise DataError(
            "openml is read by scikit-learn, which is missing: pip install 'mnist-bench[openml]'"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of every attempt
            fetched = fetch_openml(NAME, version=1, as_frame=False, parser="auto")
        # Strings in an array of objects: "5", "0", ...
        labels = np.array([int(label) for label in fetched.target])
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"cannot fetch {NAME} from OpenML ({reason}); retry") from error
    images, labels = as_labelled(f"{NAME}: data", fetched.data, f"{NAME}: target", labels)
    return Dataset(NAME, images[:TRAIN], labels[:TRAIN], images[TRAIN:], labels[TRAIN:])
