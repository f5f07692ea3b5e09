"""Training without zeros: the bits of training with them, and a row that says what was left out."""

import numpy as np
import pytest

from bench.suite import Case
from bench.tasks import Bench
from mnist_core import registry
from mnist_core.data import Dataset
from mnist_core.network import Network
from mnist_core.precision import FLOAT32, FLOAT64

pytest.importorskip("numba")

from kernels.numba_cpu.tiled import team
from kernels.numba_cpu.zero_skipping import epoch

SIZES = (70, 24, 12, 5)
IMAGES, BATCH = 300, 64


def images(share: float) -> np.ndarray:
    """Images of which about so many pixels are not 0, in runs as strokes are."""
    rng = np.random.RandomState(3)
    drawn = rng.randint(1, 256, (IMAGES, SIZES[0])).astype(np.uint8)
    drawn[np.repeat(rng.uniform(size=(IMAGES, SIZES[0] // 10)) >= share, 10, axis=1)] = 0
    return drawn


def trained(backend: str, pixels: np.ndarray, sizes=SIZES) -> tuple[np.ndarray, np.ndarray]:
    """Parameters and losses after an epoch, with learning rates that differ."""
    rng = np.random.RandomState(4)
    labels = rng.randint(0, sizes[-1], len(pixels)).astype(np.int64)
    network = Network(sizes, registry.backend(backend))
    losses = [
        network.epoch(pixels, labels, rng.permutation(len(pixels)), BATCH, lr).copy()
        for lr in (0.1, 0.05)
    ]
    return network.parameters, np.concatenate(losses)


@pytest.fixture(autouse=True)
def one_rank(monkeypatch):
    """What pays depends on how many threads there are; what comes out does not."""
    monkeypatch.setattr(team, "ranks", lambda: 1)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("sizes", [SIZES, (70, 100, 5), (70, 5)], ids=str)
def test_the_bits_are_those_of_dense_training(share, sizes, monkeypatch):
    monkeypatch.setattr(epoch, "WORTH_IT", np.inf)
    pixels = images(share)
    for found, expected in zip(
        trained("numba-sparse", pixels, sizes), trained("numba", pixels, sizes), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_a_pixel_that_is_never_0_alone_is_not_lost(monkeypatch):
    """One pixel at a time, at every place: each is in some word, some four, some tile."""
    monkeypatch.setattr(epoch, "WORTH_IT", np.inf)
    pixels = np.zeros((IMAGES, SIZES[0]), np.uint8)
    pixels[np.arange(IMAGES), np.arange(IMAGES) % SIZES[0]] = 200
    found, expected = trained("numba-sparse", pixels), trained("numba", pixels)
    np.testing.assert_array_equal(found[0], expected[0])


def test_what_diverged_is_forgotten_with_new_parameters(monkeypatch):
    monkeypatch.setattr(epoch, "WORTH_IT", np.inf)
    pixels, order = images(0.2), np.arange(IMAGES)
    labels = np.random.RandomState(4).randint(0, 5, IMAGES).astype(np.int64)
    network = Network(SIZES, registry.backend("numba-sparse"))
    initial = network.get_parameters()
    with np.errstate(all="ignore"):
        network.epoch(pixels, labels, order, BATCH, 1e30)
    assert not np.isfinite(network.parameters).all()
    network.set_parameters(initial)
    network.epoch(pixels, labels, order, BATCH, 0.1)
    assert np.isfinite(network.parameters).all()


def work_of(share: float, sizes=SIZES):
    backend = registry.backend("numba-sparse")
    return backend.take_over("epoch").work(Network(sizes, backend), images(share))


def test_what_is_left_out_is_told():
    pixels = images(0.1)
    wide = (70, 128, 64, 5)
    groups = np.pad(pixels, ((0, 0), (0, 2))).reshape(IMAGES, -1, 4).any(axis=2)
    left = groups.sum() * 4 / pixels.size
    first, rest = 2 * 70 * 128, 3 * (128 * 64 + 64 * 5)
    work = work_of(0.1, wide)
    assert work.name == "zero-skipping"
    assert work.executed == pytest.approx((first * left + rest) / (first + rest))
    assert work.note == f"{left:.0%} of layer 1 computed"


def test_dense_images_are_trained_densely_and_the_row_says_so():
    work = work_of(0.95, (70, 128, 64, 5))
    assert (work.name, work.executed) == ("tiled", 1.0)
    assert work.note.startswith("dense: without zeros 9")


def test_columns_that_only_fill_up_a_tile_count_as_cost():
    assert work_of(0.3, (70, 128, 5)).name == "zero-skipping"
    assert work_of(0.3, (70, 4, 5)).name == "tiled"


def test_a_timed_row_counts_what_was_executed(small_digits: Dataset):
    bench = Bench(registry.backend("numba-sparse"), small_digits, "float32", 0.1, 0)
    task = bench.prepare(Case("epoch", None, (784, 128, 10), 128, None))
    assert task.kernel == "zero-skipping"
    assert task.flops_executed < 0.6 * task.flops
    assert "of layer 1 computed" in task.note


@pytest.mark.parametrize(("batch", "n"), [(8193, 8193), (9000, 20_000), (16_384, 16_385)])
def test_batches_of_several_chains_end_with_the_same_bits(batch: int, n: int, small_digits):
    order = np.random.RandomState(5).randint(0, 2000, n)
    labels, found = small_digits.train_labels.astype(np.int64), []
    for name in ("numba", "numba-sparse"):
        network = Network((784, 128, 12, 10), registry.backend(name))
        work = network.backend.take_over("epoch").work
        assert name == "numba" or work(network, small_digits.train_images).name == "zero-skipping"
        losses = network.epoch(small_digits.train_images, labels, order, batch, 0.1)
        found.append((network.parameters.copy(), losses.copy()))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_sums_over_many_images_are_as_near_to_the_truth_as_numpys(small_digits):
    """In one chain the bias of 60,000 images was eight times as far from it."""
    index = np.tile(np.arange(2000), 30)
    labels, networks = small_digits.train_labels.astype(np.int64), {}
    for name, precision in (("numpy", FLOAT64), ("numpy", FLOAT32), ("numba", FLOAT32)):
        network = Network((784, 128, 64, 10), registry.backend(name), precision=precision)
        network.step(small_digits.train_images, labels, index, 0.125)
        networks[name, precision] = network.get_parameters()
    truth = networks["numpy", FLOAT64]

    def errors(name: str) -> np.ndarray:
        pairs = zip(networks[name, FLOAT32], truth, strict=True)
        return np.array(
            [np.linalg.norm(a - b) for pair in pairs for a, b in zip(*pair, strict=True)]
        )

    assert (errors("numba") < 3 * errors("numpy")).all()
