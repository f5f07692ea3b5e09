"""The network: where it starts, what it computes, what it reuses, and who may take a level over."""

import hashlib
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from mnist_core import registry
from mnist_core.backends import LEVELS, Backend, kernel, takes_over
from mnist_core.errors import BackendError, NetworkError
from mnist_core.network import Network, initial_parameters, parse_sizes
from mnist_core.operators import dense
from mnist_core.precision import FLOAT32, FLOAT64

Array = Any

SIZES = (784, 128, 64, 10)

INITIAL_SHA256 = "a19df1055a9f43b5b8a3472b2e6d3811a8a29c1853742a84e3a652ae8faf5c6d"
"""Of the float64 bytes of W0 b0 W1 b1 W2 b2, little-endian, for seed 0."""


def hashed(parameters: list[tuple[np.ndarray, np.ndarray]]) -> str:
    flat = [np.asarray(a, "<f8").tobytes() for pair in parameters for a in pair]
    return hashlib.sha256(b"".join(flat)).hexdigest()


def small_data(features: int, n: int = 23) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(1)
    images = rng.randint(0, 256, (n, features)).astype(np.uint8)
    return images, rng.randint(0, 3, n).astype(np.int64)


# Where it starts


def test_initial_parameters_are_frozen() -> None:
    assert hashed(initial_parameters(SIZES)) == INITIAL_SHA256
    assert hashed(initial_parameters(SIZES, seed=1)) != INITIAL_SHA256


def test_every_backend_starts_from_the_same_bits(backend: Backend) -> None:
    assert hashed(Network(SIZES, backend, precision=FLOAT64).get_parameters()) == INITIAL_SHA256


def test_initial_weights_have_he_scale_and_biases_are_zero() -> None:
    for weight, bias in initial_parameters(SIZES):
        he, own = np.sqrt(2 / len(weight)), weight.std()
        # A standard deviation of n samples is itself off by about 1 / sqrt(2 n); allow four times.
        assert abs(own / he - 1) < 4 / np.sqrt(2 * weight.size)
        assert not bias.any()


def test_scale_can_be_given_instead() -> None:
    (he, _), (scaled, _) = (
        initial_parameters((50, 3))[0],
        initial_parameters((50, 3), scale=0.01)[0],
    )
    np.testing.assert_allclose(scaled, he * 0.01 / 0.2, rtol=1e-15)


# What it computes


def textbook(parameters: list[Any], x: np.ndarray, labels: np.ndarray) -> tuple[Any, ...]:
    """Logits, losses and gradients as one writes them down, sharing nothing with the suite."""
    inputs = [x]
    for w, b in parameters[:-1]:
        inputs.append(np.maximum(inputs[-1] @ w + b, 0))
    logits = inputs[-1] @ parameters[-1][0] + parameters[-1][1]
    e = np.exp(logits)
    p = e / e.sum(axis=1, keepdims=True)
    losses = -np.log(p[np.arange(len(x)), labels])
    p[np.arange(len(x)), labels] -= 1
    delta, gradients = p / len(x), []
    for (w, _), a in zip(reversed(parameters), reversed(inputs), strict=True):
        gradients.insert(0, (a.T @ delta, delta.sum(axis=0)))
        delta = (delta @ w.T) * (a > 0)
    return logits, losses, gradients


@pytest.mark.parametrize(
    "sizes", [(5, 3), (13, 7, 3), (9, 1, 3), (11, 7, 5, 3), (7, 7, 7, 7, 3), (17, 33, 2, 9, 5, 3)]
)
@pytest.mark.parametrize("batch", [1, 6])
def test_forward_and_backward_of_any_depth_and_width(
    backend: Backend, sizes: tuple[int, ...], batch: int
) -> None:
    rng = np.random.RandomState(2)
    x, labels = rng.standard_normal((batch, sizes[0])), rng.randint(0, 3, batch).astype(np.int64)
    parameters = [(w, rng.standard_normal(b.shape)) for w, b in initial_parameters(sizes)]
    network = Network(sizes, backend, precision=FLOAT64, initial=parameters)
    space = backend.space
    logits = space.to_host(network.forward(space.to_device(x)))
    losses = space.to_host(network.backward(space.to_device(x), space.to_device(labels)))

    expected_logits, expected_losses, expected_gradients = textbook(parameters, x, labels)
    # Sums of at most 33 terms in float64, five layers deep: hundreds of roundoffs at the most.
    close = {"rtol": 1e-12, "atol": 1e-13}
    np.testing.assert_allclose(logits, expected_logits, **close)
    np.testing.assert_allclose(losses, expected_losses, **close)
    for computed, expected in zip(network.get_gradients(), expected_gradients, strict=True):
        for a, b in zip(computed, expected, strict=True):
            np.testing.assert_allclose(a, b, **close)


def test_step_moves_parameters_against_the_gradient(backend: Backend) -> None:
    images, labels = small_data(9)
    network = Network((9, 5, 3), backend, precision=FLOAT64)
    before, to_device = network.get_parameters(), backend.space.to_device
    index = np.array([4, 0, 22])
    network.step(to_device(images), to_device(labels), to_device(index), 0.5)
    _, _, gradients = textbook(before, images[index] / 255, labels[index])
    for computed, old, gradient in zip(network.get_parameters(), before, gradients, strict=True):
        for a, b, g in zip(computed, old, gradient, strict=True):
            np.testing.assert_allclose(a, b - 0.5 * g, rtol=1e-12, atol=1e-13)


def test_epoch_is_steps_in_order_with_a_partial_last_one(backend: Backend) -> None:
    images, labels = map(backend.space.to_device, small_data(9))
    order = np.random.RandomState(3).permutation(23)
    to_device, to_host = backend.space.to_device, backend.space.to_host
    whole, stepped = Network((9, 5, 3), backend), Network((9, 5, 3), backend)
    losses = to_host(whole.epoch(images, labels, to_device(order), 5, 0.1))
    parts = [
        to_host(stepped.step(images, labels, to_device(order[start : start + 5]), 0.1))
        for start in range(0, 23, 5)
    ]
    assert [len(part) for part in parts] == [5, 5, 5, 5, 3]
    np.testing.assert_array_equal(losses, np.concatenate(parts))
    np.testing.assert_array_equal(to_host(whole.parameters), to_host(stepped.parameters))


def test_padding_between_parameters_stays_zero(backend: Backend) -> None:
    images, labels = map(backend.space.to_device, small_data(9))
    network = Network((9, 5, 3), backend)
    network.epoch(images, labels, backend.space.to_device(np.arange(23)), 5, 0.1)
    for layer in network.layers:
        layer.weight[...] = 0
        layer.bias[...] = 0
    assert not backend.space.to_host(network.parameters).any()


# What it reuses


def test_buffers_are_reused() -> None:
    network = Network((9, 5, 3), registry.backend("numpy"))
    first = network.buffers(8)
    assert network.buffers(8) is first
    part = network.buffers(3)
    assert network.buffers(3) is part
    pairs = [(first.x, part.x), (first.labels, part.labels), (first.losses, part.losses)]
    pairs += zip(first.activations, part.activations, strict=True)
    pairs += zip(first.gradients, part.gradients, strict=True)
    for whole, head in pairs:
        assert len(head) == 3
        assert head.ctypes.data == whole.ctypes.data
    larger = network.buffers(9)
    assert len(larger.x) == 9
    # One set alone is kept: what was smaller now lies in the larger.
    assert network.buffers(8).x.ctypes.data == larger.x.ctypes.data


def test_layers_are_views_of_the_flat_arrays() -> None:
    network = Network((9, 5, 3), registry.backend("numpy"))
    for layer in network.layers:
        for view, flat in (
            (layer.weight, network.parameters),
            (layer.bias, network.parameters),
            (layer.grad_weight, network.gradient),
            (layer.grad_bias, network.gradient),
        ):
            assert np.shares_memory(view, flat)
            assert view.ctypes.data % 4 == 0
            assert (view.ctypes.data - flat.ctypes.data) % 64 == 0, "each begins a cache line"


def test_batches_of_changing_size_compute_what_a_fresh_network_does(backend: Backend) -> None:
    x = np.random.RandomState(4).standard_normal((20, 9)).astype(np.float32)
    to_device, to_host = backend.space.to_device, backend.space.to_host
    used = Network((9, 5, 3), backend)
    for n in (3, 20, 7, 20, 1):
        fresh = Network((9, 5, 3), backend)
        a, b = (to_host(network.forward(to_device(x[:n]))) for network in (used, fresh))
        np.testing.assert_array_equal(a, b)


# Who may take a level over


@pytest.mark.parametrize("level", LEVELS)
def test_a_taken_level_is_used_by_those_above_and_no_other_is_replaced(level: str) -> None:
    called = []

    @takes_over(level)
    def mine(network: Network, *arguments: Any) -> Array:
        called.append(level)
        return getattr(Network, level).__wrapped__(network, *arguments)

    images, labels = small_data(9)
    own = Network((9, 5, 3), Backend("mine", base="numpy", kernels=[mine]))
    plain = Network((9, 5, 3), registry.backend("numpy"))
    assert set(own.take_overs) == {level}
    for network in (own, plain):
        network.epoch(images, labels, np.arange(23), 5, 0.1)
    assert len(called) == (1 if level == "epoch" else 5)
    np.testing.assert_array_equal(own.parameters, plain.parameters)


def test_a_taken_level_replaces_what_lies_below() -> None:
    @takes_over("step")
    def nothing(network: Network, *arguments: Any) -> Array:
        return network.buffers(len(arguments[2])).losses

    @kernel(dense)
    def unreachable(*arrays: Array, activation: str) -> None:
        raise AssertionError("the step was taken over")

    images, labels = small_data(9)
    network = Network((9, 5, 3), Backend("mine", base="numpy", kernels=[nothing, unreachable]))
    before = network.parameters.copy()
    network.epoch(images, labels, np.arange(23), 5, 0.1)
    np.testing.assert_array_equal(network.parameters, before)


def test_take_overs_are_not_inherited() -> None:
    """They would bypass the kernels that the heir brings."""
    assert registry.backend("bare-numpy").take_over("epoch") is not None
    heir = Backend("heir", base="bare-numpy")
    assert not Network((9, 5, 3), heir).take_overs


def test_there_are_four_levels() -> None:
    with pytest.raises(
        BackendError, match=r"takes_over\('layer'\).*forward, backward, step, epoch"
    ):
        takes_over("layer")


# Sizes as text


@pytest.mark.parametrize("text", ["784-10", "784-128-64-10", "1-1"])
def test_sizes_as_text(text: str) -> None:
    assert "-".join(map(str, parse_sizes(text))) == text
    assert len(Network(parse_sizes(text), registry.backend("numpy")).layers) == len(
        list(pairwise(text.split("-")))
    )


@pytest.mark.parametrize(
    "text", ["", "784", "784-", "-784-10", "784--10", "784-0-10", "784x10", "784-10.5", "a-b"]
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(NetworkError) as caught:
        parse_sizes(text)
    assert str(caught.value) == (
        f"network {text!r}: give at least two positive layer sizes, such as 784-128-64-10"
    )


def test_parameters_are_rounded_to_the_precision(backend: Backend) -> None:
    third = [(np.full((1, 1), 1 / 3), np.full(1, 1 / 3))]
    for precision in (FLOAT32, FLOAT64):
        network = Network((1, 1), backend, precision=precision, initial=third)
        (weight, bias) = network.get_parameters()[0]
        assert weight[0, 0] == bias[0] == np.asarray(1 / 3, precision.dtype)
        assert weight.dtype == bias.dtype == precision.dtype
