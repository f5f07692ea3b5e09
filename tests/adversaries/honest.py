"""Backends that are right, however unusual the way in which they add."""

from collections.abc import Callable
from typing import Any

import numpy as np

from adversaries import Array
from mnist_core.backends import Backend, kernel
from mnist_core.operators import dense, dense_backward
from mnist_core.operators.dense import ACTIVATIONS
from mnist_core.operators.dense_backward import through_activation

Product = Callable[[Array, Array], Array]


def reversed_order(a: Array, b: Array) -> Array:
    """The last term first."""
    return a[:, ::-1] @ b[::-1]


def blocked(a: Array, b: Array) -> Array:
    """Sums of seven terms, added up in a row."""
    total = a[:, :7] @ b[:7]
    for k in range(7, len(b), 7):
        total += a[:, k : k + 7] @ b[k : k + 7]
    return total


def split_k(a: Array, b: Array) -> Array:
    """Four parts of the sum, each with every fourth term, then their sum in pairs."""
    parts = [a[:, i::4] @ b[i::4] for i in range(4)]
    return (parts[0] + parts[1]) + (parts[2] + parts[3])


def float64_sums(a: Array, b: Array) -> Array:
    """Sums in twice the precision."""
    return a.astype(np.float64) @ b.astype(np.float64)


def kahan(a: Array, b: Array) -> Array:
    """A running sum that carries along what it lost (Kahan 1965)."""
    total = np.zeros((len(a), b.shape[1]), a.dtype)
    lost = np.zeros_like(total)
    for k in range(len(b)):
        term = a[:, k, None] * b[k] - lost
        fresh = total + term
        lost = (fresh - total) - term
        total = fresh
    return total


def one_by_one(a: Array, b: Array) -> Array:
    """A plain running sum, the least accurate of all that are honest."""
    total = np.zeros((len(a), b.shape[1]), a.dtype)
    for k in range(len(b)):
        total += a[:, k, None] * b[k]
    return total


def strassen(a: Array, b: Array) -> Array:
    """One level of Strassen's recombination (1969) where all sizes are even."""
    if len(a) % 2 or len(b) % 2 or b.shape[1] % 2:
        return a @ b
    (a11, a12), (a21, a22) = (np.hsplit(half, 2) for half in np.vsplit(a, 2))
    (b11, b12), (b21, b22) = (np.hsplit(half, 2) for half in np.vsplit(b, 2))
    m1, m2 = (a11 + a22) @ (b11 + b22), (a21 + a22) @ b11
    m3, m4 = a11 @ (b12 - b22), a22 @ (b21 - b11)
    m5, m6 = (a11 + a12) @ b22, (a21 - a11) @ (b11 + b12)
    m7 = (a12 - a22) @ (b21 + b22)
    return np.block([[m1 + m4 - m5 + m7, m3 + m5], [m2 + m4, m1 - m2 + m3 + m6]])


def backend(product: Product) -> Backend:
    """A backend whose every product is this one."""

    @kernel(dense)
    def forward(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
        out[...] = ACTIVATIONS[activation](product(x, w) + b)

    @kernel(dense_backward)
    def backward(x: Array, w: Array, out: Array, grad: Array, *outputs: Any, activation: str):
        g = through_activation(out, grad, activation)
        dw, db, dx = outputs
        dw[...] = product(x.T, g)
        db[...] = product(np.ones((1, len(g)), g.dtype), g)[0]
        if dx is not None:
            dx[...] = product(g, w.T)

    return Backend(product.__name__, base="numpy", kernels=[forward, backward])


HONEST = (reversed_order, blocked, split_k, float64_sums, kahan, one_by_one)

SLOW = (kahan, one_by_one)
"""Loops over every term, in Python."""
