"""Wrong kernels are refused, each by the check that should see it, in one line that says where."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnist_core import operators
from mnist_core.backends import Backend, Kernel, TakeOver, kernel, takes_over
from mnist_core.data import Dataset
from mnist_core.network import Network
from mnist_core.numerics import certify
from mnist_core.numerics.operator_check import check_operator
from mnist_core.operators import (
    BUILTIN,
    Operator,
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
from mnist_core.precision import FLOAT32

pytestmark = pytest.mark.usefixtures("one_thread")

Array = Any

# In no registry: a backend is an object that can be checked as it is.
REFERENCE = Backend("references alone", base="numpy")
WRONG: list[tuple[Kernel, str]] = []


def wrong(operator: Operator, said: str) -> Callable[[Callable[..., None]], None]:
    """Declare a kernel whose refusal must hold ``said``, where … stands for anything."""
    return lambda function: WRONG.append((kernel(operator)(function), said))


def right(operator: Operator, *arrays: Array, **attributes: Any) -> None:
    """Fill the outputs as they should be."""
    getattr(REFERENCE, operator.name)(*arrays, **attributes)


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
    whole = np.ascontiguousarray(array).view(np.uint32) + np.uint32(1 << (drop - 1))
    return (whole & np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)).view(np.float32)


for _name, _bits in (("tf32", 10), ("bf16", 7)):

    def cut_dense(
        x: Array, w: Array, b: Array, out: Array, *, activation: str, bits: int = _bits
    ) -> None:
        right(dense, cut(x, bits), cut(w, bits), b, out, activation=activation)

    def cut_backward(*arrays: Array, activation: str, bits: int = _bits) -> None:
        x, w, out, grad, *outputs = arrays
        cut_arrays = (cut(x, bits), cut(w, bits), out, cut(grad, bits))
        right(dense_backward, *cut_arrays, *outputs, activation=activation)

    WRONG += [
        (kernel(dense, name=_name)(cut_dense), "out differs from the reference in row"),
        (kernel(dense_backward, name=_name)(cut_backward), "dw differs from the reference in row"),
    ]


@wrong(relu, "changed its input z")
def input_changed(z: Array, out: Array) -> None:
    np.maximum(z, 0, out=z)
    out[...] = z


@wrong(relu, "returned a value, but did not fill out: write into it (batch 1")
def returned(z: Array, out: Array) -> Any:
    return np.maximum(z, 0)


@wrong(relu, "raised ValueError: two lines (test_wrong_kernels.py, line")
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


@pytest.mark.parametrize(
    ("kernel", "said"), WRONG, ids=[f"{k.operator.name}-{k.name}" for k, _ in WRONG]
)
def test_wrong_kernel_is_refused(kernel: Kernel, said: str) -> None:
    operator, backend = kernel.operator, Backend("wrong", base="numpy", kernels=[kernel])
    with np.errstate(all="ignore"):  # they overflow, and may
        cases = operator.inputs(np.random.RandomState(0))
        check = check_operator(backend, operator, FLOAT32, cases)
    assert not check.passed
    assert check.detail.startswith(f"{operator.name}/{kernel.name}: ")
    assert re.search(re.escape(said).replace("…", ".*"), check.detail)
    assert "\n" not in check.detail


@pytest.mark.parametrize("wanted", ["tf32", "bf16"])
def test_cut_operands_are_refused_by_the_bound_alone(wanted: str) -> None:
    """Without the integer probe: by signed sums of 784 terms, where they show most."""
    (cut_kernel,) = [k for k, _ in WRONG if (k.operator, k.name) == (dense, wanted)]
    backend = Backend("wrong", base="numpy", kernels=[cut_kernel])
    signed = next(c for c in dense.inputs(np.random.RandomState(0)) if "97x784x128" in c.note)
    assert not signed.exact
    assert not check_operator(backend, dense, FLOAT32, [signed]).passed


def test_some_wrong_kernel_is_known_of_every_operator() -> None:
    assert {kernel.operator for kernel, _ in WRONG} == set(BUILTIN)


# Whole levels, taken over

composed_forward, composed_backward = Network.forward.__wrapped__, Network.backward.__wrapped__
composed_step, composed_epoch = Network.step.__wrapped__, Network.epoch.__wrapped__


@takes_over("forward")
def shifted_logits(network: Network, x: Array) -> Array:
    # Loss and gradients do not see it.
    logits = composed_forward(network, x)
    logits += 1
    return logits


@takes_over("backward")
def bias_gradient_too_large(network: Network, *arguments: Any) -> Array:
    losses, bias = composed_backward(network, *arguments), network.layers[0].grad_bias
    bias *= np.float32(1.001)
    return losses


@takes_over("step")
def two_updates(network: Network, *arguments: Any) -> Array:
    losses = composed_step(network, *arguments)
    network.backend.sgd(network.parameters, network.gradient, lr=arguments[-1])
    return losses


@takes_over("step")
def weight_decay(network: Network, *arguments: Any) -> Array:
    losses = composed_step(network, *arguments)
    network.parameters *= np.float32(1 - arguments[-1] * 1e-4)
    return losses


@takes_over("step")
def other_loss(network: Network, *arguments: Any) -> Array:
    return composed_step(network, *arguments) * np.float32(1.01)


@takes_over("step")
def raising_step(network: Network, *arguments: Any) -> Array:
    raise MemoryError("no\nmemory")


@takes_over("epoch")
def partial_batch_forgotten(
    network: Network, images: Array, labels: Array, order: Array, batch: int, lr: float
) -> Array:
    whole = order[: len(order) // batch * batch]
    return composed_epoch(network, images, labels, whole, batch, lr)


@takes_over("epoch")
def losses_in_wrong_order(network, images, labels, order, batch, lr):
    losses = composed_epoch(network, images, labels, order, batch, lr)
    return losses[::-1]


@takes_over("epoch")
def own_order(network: Network, images: Array, labels: Array, order: Array, *rest: Any) -> Array:
    return composed_epoch(network, images, labels, np.sort(order), *rest)


_noise = np.random.RandomState(0)


@takes_over("step")
def last_bit_at_random(network: Network, *arguments: Any) -> Array:
    losses, weight = composed_step(network, *arguments), network.layers[0].weight
    weight[0, 0] = np.nextafter(weight[0, 0], np.float32(_noise.choice([-1, 1])))
    return losses


@pytest.mark.parametrize(
    ("part", "check", "said"),
    [
        (shifted_logits, "forward", "logits are off by"),
        (bias_gradient_too_large, "gradients", "gradient of layer 0 bias is off by"),
        (two_updates, "step", "bias is"),
        (weight_decay, "step", "from the truth after"),
        (other_loss, "step", "the loss is"),
        (raising_step, "step", "step raised MemoryError: no memory"),
        (partial_batch_forgotten, "epoch", "from the truth after"),
        (own_order, "epoch", "from the truth after"),
        (losses_in_wrong_order, "epoch", "the loss is"),
        (last_bit_at_random, "deterministic", "training twice gave different bits"),
    ],
    ids=lambda value: value.name if isinstance(value, TakeOver) else "",
)
def test_wrong_training_is_refused(
    part: TakeOver, check: str, said: str, small_digits: Dataset
) -> None:
    backend = Backend("wrong", base="numpy", kernels=[part])
    certificate = certify(backend, (784, 16, 10), 32, FLOAT32, small_digits)
    assert [c.name for c in certificate.checks if not c.passed] == [check]
    assert certificate.reason is not None
    assert said in certificate.reason
    assert "\n" not in certificate.reason
    assert certificate.claim == ""
    assert "weights" not in certificate.hashes


@kernel(operators.gather_batch)
def index_of_16_bits(images: Array, labels: Array, index: Array, x: Array, y: Array) -> None:
    rows = index.astype(np.int16)
    x[...], y[...] = images[rows] / 255, labels[rows]


def test_an_index_that_overflows_on_many_images_is_refused() -> None:
    rng = np.random.RandomState(0)
    wrong = Backend("wrong", base="numpy", kernels=[index_of_16_bits])
    cases = operators.gather_batch.inputs(rng)
    check = check_operator(wrong, operators.gather_batch, FLOAT32, cases)
    assert not check.passed
    assert "70,000 images" in check.detail
