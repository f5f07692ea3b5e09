"""The drawn digits and the dense noise: the same everywhere, like MNIST, learnable."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mnist_core.data import Dataset, drawing, load
from mnist_core.data import digits as digits_module
from mnist_core.data.digits import digits
from mnist_core.data.strokes import GLYPHS, POINTS, glyph_points
from mnist_core.errors import DataError


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def full() -> Dataset:
    return digits_module._generate(60_000, 10_000, "digits")


def test_full_set_has_its_sha256(full: Dataset) -> None:
    assert full.sha256 == digits_module.SHA256


def test_full_set_has_the_shape_of_mnist(full: Dataset) -> None:
    assert full.train_images.shape == (60_000, 784)
    assert full.test_images.shape == (10_000, 784)
    assert full.classes == 10
    counts = np.bincount(full.train_labels, minlength=10)
    assert counts.min() > 5_700
    assert counts.max() < 6_300


def test_full_set_has_the_zeros_of_mnist(full: Dataset) -> None:
    assert abs(full.zeros - 0.81) < 0.01
    assert abs(np.mean(full.test_images == 0) - 0.81) < 0.01


def test_no_image_is_blank_or_drawn_over_the_edge(full: Dataset) -> None:
    assert full.train_images.max(axis=1).min() > 60
    images = full.train_images.reshape(-1, 28, 28)
    border = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], 1)
    assert np.mean(border > 0) < 0.01


def test_no_image_occurs_twice(full: Dataset) -> None:
    images = np.concatenate([full.train_images, full.test_images])
    assert len({image.tobytes() for image in images}) == 70_000


def test_small_set_begins_the_full_one(full: Dataset) -> None:
    small = digits(train=1_500, test=500)
    assert small.name == "digits[:1500]"
    assert small.sha256 == full.head(1_500, 500).sha256
    assert digits(train=1, test=1).classes == 10


def test_every_step_of_the_drawing_is_on_integers() -> None:
    random = np.random.RandomState(0)
    points = drawing._pick_glyphs(random, np.arange(10, dtype=np.int32))
    assert points.shape == (10, POINTS, 2)
    for step in (drawing._affine, drawing._elastic, drawing._centre):
        assert points.dtype == np.int32
        points = step(random, points)
    assert points.dtype == np.int32
    assert drawing._pens(random, 10).dtype == np.int32


def test_points_of_a_stroke_are_close_together() -> None:
    lifts = {(4, 0), (4, 2), (5, 1), (7, 1)}  # glyphs of two strokes
    rows = [(digit, way) for digit, ways in enumerate(GLYPHS) for way in range(len(ways))]
    for row, points in zip(rows, glyph_points(), strict=True):
        gaps = np.hypot(*np.diff(points, axis=0).T) / 256
        assert np.sum(gaps > 1.2) == (row in lifts), row


@pytest.mark.parametrize("numbers", [(0, 10), (10, -1)])
def test_no_digits_at_all(numbers: tuple[int, int]) -> None:
    with pytest.raises(DataError, match="at least 1"):
        digits(*numbers)


# The cache, with a full set made small


@pytest.fixture
def small_full(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    monkeypatch.setattr(digits_module, "TRAIN", 1_000)
    monkeypatch.setattr(digits_module, "TEST", 100)
    sha256 = digits_module._generate(1_000, 100, "digits").sha256
    monkeypatch.setattr(digits_module, "SHA256", sha256)
    return cache / f"digits-{sha256[:12]}.npz"


def test_full_set_is_drawn_once(monkeypatch: pytest.MonkeyPatch, small_full: Path) -> None:
    first = load("digits")
    assert [path.name for path in small_full.parent.iterdir()] == [small_full.name]
    monkeypatch.setattr(digits_module, "draw", lambda *_: pytest.fail("drawn again"))
    second = load("digits")
    assert first.name == second.name == "digits"
    assert first.classes == second.classes == 10
    assert first.sha256 == second.sha256 == digits_module.SHA256


@pytest.mark.parametrize("damage", ["truncated", "one byte", "not an archive", "empty"])
def test_damaged_cache_is_drawn_again(small_full: Path, damage: str) -> None:
    digits()
    good = small_full.read_bytes()
    middle = len(good) // 2
    small_full.write_bytes(
        {
            "truncated": good[:middle],
            "one byte": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
            "not an archive": b"something else",
            "empty": b"",
        }[damage]
    )
    assert digits().sha256 == digits_module.SHA256
    assert small_full.stat().st_size == len(good)


def test_cache_of_other_images_is_drawn_again(small_full: Path) -> None:
    other = digits_module._generate(1_000, 99, "digits")
    digits_module._save(other)
    assert small_full.is_file()
    assert digits().sha256 == digits_module.SHA256


@pytest.mark.usefixtures("small_full")
def test_cache_that_cannot_be_written_is_no_error(cache: Path) -> None:
    cache.write_bytes(b"a file where the folder should be")
    assert digits().sha256 == digits_module.SHA256


def test_disk_that_fills_up_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, small_full: Path
) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    assert digits().sha256 == digits_module.SHA256
    assert list(small_full.parent.iterdir()) == []


# Learning


def test_accuracy_of_a_short_training() -> None:
    accuracy = train_and_test(digits(train=10_000, test=2_000), epochs=4)
    assert 0.90 < accuracy < 0.99


@pytest.mark.long
def test_learnable_to_over_97_percent_but_not_trivial(full: Dataset) -> None:
    assert 0.975 < train_and_test(full, epochs=10) < 0.993


def train_and_test(dataset: Dataset, epochs: int) -> float:
    """Train a 784-128-64-10 network in bare NumPy (batch 128, rate 0.1); return its accuracy."""
    random = np.random.RandomState(0)
    sizes = (784, 128, 64, 10)
    layers = [
        (random.normal(0, np.sqrt(2 / n), (n, m)).astype(np.float32), np.zeros(m, np.float32))
        for n, m in pairwise(sizes)
    ]

    def forward(x: np.ndarray) -> list[np.ndarray]:
        activations = [x]
        for weights, bias in layers[:-1]:
            activations.append(np.maximum(activations[-1] @ weights + bias, 0))
        weights, bias = layers[-1]
        return [*activations, activations[-1] @ weights + bias]

    images = dataset.train_images.astype(np.float32) / 255
    one_hot = np.eye(10, dtype=np.float32)[dataset.train_labels]
    for _ in range(epochs):
        order = random.permutation(len(images))
        for start in range(0, len(images) - 127, 128):
            batch = order[start : start + 128]
            activations = forward(images[batch])
            shifted = np.exp(activations[-1] - activations[-1].max(axis=1, keepdims=True))
            delta = (shifted / shifted.sum(axis=1, keepdims=True) - one_hot[batch]) / 128
            for (weights, bias), x in zip(layers[::-1], activations[-2::-1], strict=True):
                step = x.T @ delta, delta.sum(axis=0)
                delta = (delta @ weights.T) * (x > 0)
                weights -= np.float32(0.1) * step[0]
                bias -= np.float32(0.1) * step[1]
    scores = forward(dataset.test_images.astype(np.float32) / 255)[-1]
    return float(np.mean(scores.argmax(axis=1) == dataset.test_labels))


# Dense noise


@pytest.fixture(scope="module")
def noise() -> Dataset:
    return load("synthetic")


def test_noise_has_its_sha256(noise: Dataset) -> None:
    assert noise.name == "synthetic"
    assert noise.sha256 == "afb88c0c85ffa831dbc70a832c72ac02caab5b4a90d0d18343f2d7f37ce97216"


def test_noise_is_dense_and_uniform(noise: Dataset) -> None:
    assert noise.train_images.shape == (60_000, 784)
    assert noise.test_images.shape == (10_000, 784)
    counts = np.bincount(noise.train_images.ravel(), minlength=256)
    assert np.abs(counts / counts.mean() - 1).max() < 0.02


def test_noise_has_balanced_shuffled_labels(noise: Dataset) -> None:
    labels = np.concatenate([noise.train_labels, noise.test_labels])
    assert np.bincount(labels).tolist() == [7_000] * 10
    assert 0.09 < np.mean(np.diff(labels) == 0) < 0.11
