"""Training: the same course for every backend, a history that is true, errors that say enough."""

import hashlib
from dataclasses import fields
from itertools import islice
from typing import Any

import numpy as np
import pytest

from mnist_core import registry
from mnist_core.backends import Backend
from mnist_core.data import Dataset
from mnist_core.errors import DivergedError, NetworkError
from mnist_core.network import Network
from mnist_core.precision import FLOAT64
from mnist_core.training import (
    DeviceData,
    Epoch,
    Permutations,
    check_recipe,
    evaluate,
    predict,
    train,
)

SIZES = (784, 32, 10)

ORDERS_SHA256 = "45a1c7ea7659c31c9b56649e9d3dc460ae8ed4a42d40e737df887da23ca90b9b"
"""Of the first three permutations of 2,000 images for seed 0, as little-endian int64."""


def hashed(orders: list[np.ndarray]) -> str:
    return hashlib.sha256(b"".join(order.astype("<i8").tobytes() for order in orders)).hexdigest()


def first_orders(n: int, seed: int, epochs: int = 3) -> list[np.ndarray]:
    return list(islice(Permutations(n, seed), epochs))


# The order of images


def test_orders_are_frozen() -> None:
    assert hashed(first_orders(2000, 0)) == ORDERS_SHA256
    assert hashed(first_orders(2000, 1)) != ORDERS_SHA256


def test_each_epoch_visits_each_image_once_in_another_order() -> None:
    orders = first_orders(97, 0)
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(97))
    assert len({order.tobytes() for order in orders}) == 3


def test_every_backend_trains_in_these_orders(backend: Backend, small_digits: Dataset) -> None:
    seen, network = [], Network(SIZES, backend)
    composed = network.epoch

    def epoch(images: Any, labels: Any, order: Any, batch: int, lr: float) -> Any:
        seen.append(backend.space.to_host(order))
        return composed(images, labels, order, batch, lr)

    network.epoch = epoch
    train(network, small_digits, epochs=3, batch=500, lr=0.1)
    assert hashed([order for order in seen if len(order) == 2000]) == ORDERS_SHA256


# What training achieves


@pytest.mark.parametrize(
    ("batch", "epochs", "lr"), [(100, 3, 0.1), (2000, 30, 0.5)], ids=["mini-batch", "full batch"]
)
def test_every_backend_learns(
    backend: Backend, batch: int, epochs: int, lr: float, small_digits: Dataset
) -> None:
    history = train(Network(SIZES, backend), small_digits, epochs=epochs, batch=batch, lr=lr).epochs
    assert history[-1].loss < history[0].loss / 2
    # Chance is 0.1.
    assert history[-1].test_accuracy > 0.7


def test_history_has_a_true_line_for_each_epoch(small_digits: Dataset) -> None:
    network, told = Network(SIZES, registry.backend("numpy")), []
    history = train(network, small_digits, epochs=3, batch=128, lr=0.1, on_epoch=told.append)
    assert told == history.epochs
    assert [epoch.epoch for epoch in told] == [1, 2, 3]
    assert {epoch.lr for epoch in told} == {0.1}
    assert all(epoch.seconds > 0 for epoch in told)
    assert [list(row) for row in history.rows()] == [[f.name for f in fields(Epoch)]] * 3
    test = DeviceData.load(network, small_digits.test_images, small_digits.test_labels)
    assert (told[-1].test_loss, told[-1].test_accuracy) == evaluate(network, test)


def test_loss_of_an_epoch_is_the_mean_before_each_step(small_digits: Dataset) -> None:
    numpy = registry.backend("numpy")
    history = train(Network(SIZES, numpy), small_digits, epochs=1, batch=2000, lr=0.1)
    fresh = Network(SIZES, numpy)
    loss, _ = evaluate(
        fresh, DeviceData.load(fresh, small_digits.train_images, small_digits.train_labels)
    )
    # The same float32 losses but for products of other shapes; their mean is taken in float64.
    assert history.epochs[0].loss == pytest.approx(loss, rel=1e-6)


def test_training_twice_gives_the_same_bits(backend: Backend, small_digits: Dataset) -> None:
    trained = []
    for _ in range(2):
        network = Network(SIZES, backend)
        train(network, small_digits, epochs=1, batch=97, lr=0.1)
        trained.append(backend.space.to_host(network.parameters).tobytes())
    assert trained[0] == trained[1]


def test_no_epochs_leave_the_weights_alone(backend: Backend, small_digits: Dataset) -> None:
    network, fresh = Network(SIZES, backend), Network(SIZES, backend)
    assert train(network, small_digits, epochs=0, batch=97, lr=0.1).epochs == []
    to_host = backend.space.to_host
    np.testing.assert_array_equal(to_host(network.parameters), to_host(fresh.parameters))


@pytest.mark.parametrize("n", [1, 999, 1000, 1001, 2000])
def test_evaluation_is_what_numpy_computes(backend: Backend, n: int, small_digits: Dataset) -> None:
    images, labels = small_digits.train_images[:n], small_digits.train_labels[:n]
    network = Network(SIZES, backend, precision=FLOAT64)
    loss, accuracy = evaluate(network, DeviceData.load(network, images, labels))

    (w0, b0), (w1, b1) = network.get_parameters()
    logits = np.maximum(images / 255 @ w0 + b0, 0) @ w1 + b1
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert accuracy == np.mean(logits.argmax(axis=1) == labels)
    # float64 throughout: some hundred roundoffs.
    assert loss == pytest.approx(-np.log(p[np.arange(n), labels]).mean(), rel=1e-13)


# What cannot be trained


@pytest.mark.parametrize(
    ("sizes", "batch", "message"),
    [
        (SIZES, 0, r"batch 0: give one between 1 and 2000, the images of digits\[:2000\]"),
        (SIZES, -1, "batch -1: give one between 1 and 2000"),
        (SIZES, 2001, "batch 2001: give one between 1 and 2000"),
        ((783, 10), 1, r"network 783-10 takes 783 inputs, digits\[:2000\] has images of 784 pixel"),
        ((784, 9), 1, r"network 784-9 tells 9 classes apart, digits\[:2000\] has 10"),
    ],
)
def test_what_cannot_go_together_is_refused(
    sizes: tuple[int, ...], batch: int, message: str, small_digits: Dataset
) -> None:
    network = Network(sizes, registry.backend("numpy"))
    with pytest.raises(NetworkError, match=message):
        train(network, small_digits, epochs=1, batch=batch, lr=0.1)


@pytest.mark.parametrize("batch", [1, 2000])
def test_smallest_and_largest_batch_and_more_classes_than_labels_are_accepted(
    batch: int, small_digits: Dataset
) -> None:
    check_recipe((784, 12), small_digits, batch)


def test_divergence_names_its_step(backend: Backend, small_digits: Dataset) -> None:
    """The first step throws the weights to about 1e30; the losses of the second are lost."""
    with (
        np.errstate(all="ignore"),
        pytest.raises(DivergedError, match=r"step 2 of epoch 1 with learning rate 1e\+30"),
    ):
        train(Network(SIZES, backend), small_digits, epochs=1, batch=100, lr=1e30)


def test_divergence_in_the_very_last_step_is_seen(small_digits: Dataset) -> None:
    network = Network((784, 8, 10), registry.backend("numpy"))
    with np.errstate(all="ignore"), pytest.raises(DivergedError, match="step 1 of epoch 1"):
        train(network, small_digits, epochs=1, batch=2000, lr=1e30)


# Looked at now and then, broken off and gone on with


@pytest.mark.parametrize("every", [1, 2, 3, 7])
def test_only_every_so_many_epochs_have_a_line(every: int, small_digits: Dataset) -> None:
    between: list[int] = []
    history = train(
        Network(SIZES, registry.backend("numpy")),
        small_digits,
        epochs=7,
        batch=500,
        lr=0.1,
        every=every,
        between=lambda number, seconds: between.append(number),
    ).epochs
    lines = [epoch.epoch for epoch in history]
    assert lines == sorted({*range(every, 8, every), 7})
    assert sorted(lines + between) == list(range(1, 8))


def test_lines_are_the_same_however_many_there_are(small_digits: Dataset) -> None:
    def lines(every: int) -> list[tuple[Any, ...]]:
        network = Network(SIZES, registry.backend("numpy"))
        history = train(network, small_digits, epochs=4, batch=500, lr=0.1, every=every)
        return [(e.epoch, e.loss, e.test_loss, e.test_accuracy) for e in history.epochs]

    assert lines(2) == lines(1)[1::2]


@pytest.mark.parametrize("schedule", ["constant", "linear", "inverse-time:1/3", "step:2,0.5"])
@pytest.mark.parametrize("done", [1, 3])
def test_training_that_goes_on_ends_with_the_same_bits(
    done: int, schedule: str, backend: Backend, small_digits: Dataset
) -> None:
    recipe: dict[str, Any] = {"epochs": 4, "batch": 97, "lr": 0.1, "schedule": schedule}
    whole = Network(SIZES, backend)
    train(whole, small_digits, **recipe)

    broken, orders, places = Network(SIZES, backend), Permutations(2000, 0), {}

    def on_epoch(epoch: Epoch) -> None:
        places[epoch.epoch] = orders.place, broken.get_parameters()

    train(broken, small_digits, **recipe, orders=orders, on_epoch=on_epoch)
    place, parameters = places[done]
    resumed = Network(SIZES, backend, initial=parameters)
    orders = Permutations(2000, 0, place)
    history = train(resumed, small_digits, **recipe, done=done, orders=orders).epochs
    assert [epoch.epoch for epoch in history] == list(range(done + 1, 5))
    for model in (broken, resumed):
        for mine, theirs in zip(model.get_parameters(), whole.get_parameters(), strict=True):
            assert [a.tobytes() for a in mine] == [a.tobytes() for a in theirs]


def test_orders_go_on_where_they_stood() -> None:
    orders = Permutations(97, 5)
    next(orders)
    again = Permutations(97, 5, orders.place)
    assert hashed([next(again), next(again)]) == hashed([next(orders), next(orders)])


def test_predictions_are_what_forward_says(backend: Backend, small_digits: Dataset) -> None:
    network = Network(SIZES, backend)
    images = small_digits.test_images[:137]
    probabilities = predict(network, images)
    (w0, b0), (w1, b1) = network.get_parameters()
    logits = np.maximum(images / 255 @ w0 + b0, 0) @ w1 + b1
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities, p, rtol=1e-4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-14)
