"""Precisions: the dtype that training computes in and the wider one that it is judged by."""

from dataclasses import dataclass

import numpy as np

from mnist_core.errors import NetworkError


@dataclass(frozen=True)
class Precision:
    """A dtype to train in.

    ``reference`` is the dtype of the trajectory that counts as true: the next wider one.
    """

    name: str
    dtype: str
    reference: str

    @property
    def roundoff(self) -> float:
        """Unit roundoff u: half the distance from 1 to the next number."""
        return float(np.finfo(self.dtype).eps) / 2


FLOAT32 = Precision("float32", "float32", "float64")
FLOAT64 = Precision("float64", "float64", "longdouble")
PRECISIONS = {p.name: p for p in (FLOAT32, FLOAT64)}


def precision(name: str) -> Precision:
    """The precision of that name; `NetworkError` lists the names if there is none."""
    try:
        return PRECISIONS[name]
    except KeyError:
        known = ", ".join(PRECISIONS)
        raise NetworkError(f"unknown precision {name!r}; there are {known}") from None
