"""Kernels that are wrong in themselves: their operator's own inputs must show it."""

from typing import Any

import numpy as np

from adversaries import Array, right, wrong
from mnist_core.operators import (
    bias_gradient,
    dense,
    dense_backward,
    gather_batch,
    relu,
    relu_backward,
    sgd,
    softmax,
    softmax_cross_entropy,
)
from mnist_core.operators.dense import ACTIVATIONS


@wrong(dense, "out differs from the reference in row 0 of 1")
def zeros(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    out[...] = 0


@wrong(dense, "out differs from the reference in row")
def no_bias(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    out[...] = ACTIVATIONS[activation](x @ w)


@wrong(dense, "out differs from the reference in row")
def no_activation(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    out[...] = x @ w + b


@wrong(dense, "out has NaN or infinity in row 0 of 1")
def stale(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    pass


@wrong(dense, "out has NaN or infinity in row 96 of 97 (97x784x128, batch 97 is the last partial")
def last_row_forgotten(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    rows = len(x) - 1 if len(x) > 64 else len(x)
    right(dense, x[:rows], w, b, out[:rows], activation=activation)


@wrong(dense, "64x64")
def transposed_where_square(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    square = w.shape[0] == w.shape[1]
    right(dense, x, w.T if square else w, b, out, activation=activation)


def cut(array: Array, bits: int) -> Array:
    """float32 rounded to a significand of ``bits`` bits behind the point."""
    drop = 23 - bits
    whole = np.ascontiguousarray(array, np.float32).view(np.uint32) + np.uint32(1 << (drop - 1))
    return (whole & np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)).view(np.float32)


TF32_BITS, BF16_BITS = 10, 7


@wrong(dense, "out differs from the reference in row")
def tf32(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    right(dense, cut(x, TF32_BITS), cut(w, TF32_BITS), b, out, activation=activation)


@wrong(dense, "out differs from the reference in row")
def bf16(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    right(dense, cut(x, BF16_BITS), cut(w, BF16_BITS), b, out, activation=activation)


@wrong(dense, "out differs from the reference in row")
def bf16_sums(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    total = np.zeros_like(out)
    for k in range(0, len(w), 64):
        total = cut(total + x[:, k : k + 64] @ w[k : k + 64], BF16_BITS)
    out[...] = ACTIVATIONS[activation](total + b)


@wrong(dense_backward, "dw differs from the reference in row")
def tf32_backward(
    x: Array, w: Array, out: Array, grad: Array, *outputs: Array, **more: Any
) -> None:
    arrays = (cut(x, TF32_BITS), cut(w, TF32_BITS), out, cut(grad, TF32_BITS))
    right(dense_backward, *arrays, *outputs, **more)


@wrong(dense, "out has NaN or infinity in row")
def last_tile_skipped(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    tiles = max(16, w.shape[1] // 16 * 16)
    columns = np.ascontiguousarray(w[:, :tiles]), b[:tiles]
    out[:, :tiles] = ACTIVATIONS[activation](x @ columns[0] + columns[1])


@wrong(dense, "out differs from the reference in row")
def last_term_skipped(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    terms = len(w) // 4 * 4 or len(w)
    out[...] = ACTIVATIONS[activation](x[:, :terms] @ w[:terms] + b)


@wrong(dense, "out differs from the reference in row")
def bias_by_rows(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    wrong_way = b[:, None] if len(b) == len(x) else b
    out[...] = ACTIVATIONS[activation](x @ w + wrong_way)


@wrong(dense_backward, "changed its input grad")
def masks_in_place(x: Array, w: Array, out: Array, grad: Array, *outputs: Array, activation: str):
    # As if grad were free to be written over.
    if activation == "relu":
        grad *= out > 0
    right(dense_backward, x, w, out, grad, *outputs, activation="linear")


@wrong(relu, "changed its input z")
def input_changed(z: Array, out: Array) -> None:
    np.maximum(z, 0, out=z)
    out[...] = z


@wrong(relu, "returned a value, but did not fill out: write into it (batch 1")
def returned(z: Array, out: Array) -> Any:
    return np.maximum(z, 0)


@wrong(relu, "raised ValueError: two lines (kernels.py, line")
def raising(z: Array, out: Array) -> None:
    raise ValueError("two\n  lines")


@wrong(relu_backward, "dz differs from the reference in row")
def passes_at_zero(out: Array, grad: Array, dz: Array) -> None:
    dz[...] = np.where(out >= 0, grad, 0)


@wrong(relu_backward, "dz differs from the reference in row")
def mask_of_gradient(out: Array, grad: Array, dz: Array) -> None:
    dz[...] = np.where(grad > 0, grad, 0)


@wrong(dense_backward, "differs from the reference in row")
def mask_of_input(x: Array, w: Array, out: Array, *rest: Array, activation: str) -> None:
    mask = x if x.shape == out.shape else out
    right(dense_backward, x, w, mask, *rest, activation=activation)


@wrong(dense_backward, "db differs from the reference in row")
def bias_before_mask(x: Array, w: Array, out: Array, grad: Array, *outputs: Array, **more: Any):
    right(dense_backward, x, w, out, grad, *outputs, **more)
    outputs[1][...] = grad.sum(axis=0)


@wrong(dense_backward, "dx differs from the reference in row")
def dx_without_mask(x: Array, w: Array, out: Array, grad: Array, *outputs: Array, **more: Any):
    right(dense_backward, x, w, out, grad, *outputs, **more)
    if outputs[2] is not None:
        outputs[2][...] = grad @ w.T


@wrong(bias_gradient, "db differs from the reference in row")
def last_image_forgotten(grad: Array, db: Array) -> None:
    grad[: max(1, len(grad) - 1)].sum(axis=0, out=db)


@wrong(softmax, "out differs from the reference in row")
def unnormalised(logits: Array, out: Array) -> None:
    np.exp(logits - logits.max(axis=1, keepdims=True), out=out)


@wrong(softmax, "out has NaN or infinity in row")
def no_maximum(logits: Array, out: Array) -> None:
    np.exp(logits, out=out)
    out /= out.sum(axis=1, keepdims=True)


@wrong(softmax_cross_entropy, "loss has NaN or infinity in row")
def loss_without_maximum(logits: Array, labels: Array, loss: Array, dlogits: Array) -> None:
    right(softmax_cross_entropy, logits, labels, loss, dlogits)
    loss[...] = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]


@wrong(softmax_cross_entropy, "dlogits differs from the reference in row")
def sum_instead_of_mean(logits: Array, labels: Array, loss: Array, dlogits: Array) -> None:
    right(softmax_cross_entropy, logits, labels, loss, dlogits)
    dlogits *= len(logits)


@wrong(softmax_cross_entropy, "dlogits differs from the reference in row")
def mean_of_128(logits: Array, labels: Array, loss: Array, dlogits: Array) -> None:
    # Right only at batch 128.
    right(softmax_cross_entropy, logits, labels, loss, dlogits)
    dlogits *= np.float32(len(logits) / 128)


@wrong(softmax_cross_entropy, "dlogits differs from the reference in row")
def last_class_unlabelled(logits: Array, labels: Array, loss: Array, dlogits: Array) -> None:
    right(softmax_cross_entropy, logits, labels, loss, dlogits)
    last = labels == logits.shape[1] - 1
    dlogits[last, -1] += np.float32(1 / len(logits))


@wrong(gather_batch, "x differs from the reference in row")
def by_256(images: Array, labels: Array, index: Array, x: Array, y: Array) -> None:
    right(gather_batch, images, labels, index, x, y)
    x[...] = images[index] / np.float32(256)


@wrong(gather_batch, "y differs from the reference in row")
def labels_in_order(images: Array, labels: Array, index: Array, x: Array, y: Array) -> None:
    right(gather_batch, images, labels, index, x, y)
    y[...] = labels[: len(y)]


@wrong(sgd, "param differs from the reference in row")
def decaying(param: Array, grad: Array, *, lr: float) -> None:
    param -= np.float32(lr) * (grad + np.float32(1e-4) * param)


@wrong(sgd, "param has NaN or infinity in row 100000 of 109386")
def one_nan(param: Array, grad: Array, *, lr: float) -> None:
    right(sgd, param, grad, lr=lr)
    param[100_000:100_001] = np.nan


@wrong(sgd, "param differs from the reference in row 100000 of 109386…, lr 0.1)")
def one_wrong(param: Array, grad: Array, *, lr: float) -> None:
    # In norm over all of them it is 3e-8, half a roundoff: only the worst element can tell.
    right(sgd, param, grad, lr=lr)
    param[100_000:100_001] *= np.float32(1 + 1e-5)


@wrong(gather_batch, "70,000 images")
def index_of_16_bits(images: Array, labels: Array, index: Array, x: Array, y: Array) -> None:
    rows = index.astype(np.int16)
    x[...], y[...] = images[rows] / 255, labels[rows]
