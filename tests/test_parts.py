"""A batch of more images than pass through together: the same training, in the memory of a part."""

import tracemalloc

import numpy as np
import pytest

from bench import tasks
from bench.suite import FUSED, Case, parts_of
from mnist_core import network as networks
from mnist_core import registry
from mnist_core.backends import Backend
from mnist_core.data import Dataset
from mnist_core.errors import ExactRangeError
from mnist_core.network import Network
from mnist_core.numerics import exact_range
from mnist_core.numerics.exact import weights_sha256
from mnist_core.numerics.exact_range import CheckedNetwork
from mnist_core.operators import HostArray
from mnist_core.precision import EXACT, FLOAT32, FLOAT64, Precision
from mnist_core.training import DeviceData

SIZES = (784, 32, 16, 10)


def stepped(
    data: Dataset, backend: Backend, precision: Precision, n: int, network: type[Network] = Network
) -> tuple[Network, HostArray]:
    """A network after three steps on the first n images, and the losses before the last."""
    model, space = network(SIZES, backend, precision=precision), backend.space
    device = DeviceData.load(model, data.train_images, data.train_labels)
    index = space.to_device(np.arange(n, dtype=np.int64))
    for _ in range(3):
        losses = model.step(device.images, device.labels, index, precision.rate(0.25, n))
    return model, space.to_host(losses)


@pytest.mark.parametrize("part", [1, 700, 999, 1000, 1999])
def test_parts_train_to_the_same_bits_in_exact_precision(part, small_digits, monkeypatch):
    numpy = registry.backend("numpy")
    n = 40 if part == 1 else 2000
    whole, losses = stepped(small_digits, numpy, EXACT, n)
    monkeypatch.setattr(networks, "PART", part)
    parted, same = stepped(small_digits, numpy, EXACT, n, CheckedNetwork)
    assert weights_sha256(parted.get_parameters()) == weights_sha256(whole.get_parameters())
    np.testing.assert_array_equal(same, losses)
    assert not np.array_equal(whole.get_parameters()[0][0], Network(SIZES, numpy).layers[0].weight)


def test_every_backend_trains_to_the_same_bits_in_parts(backend, small_digits, monkeypatch):
    whole, _ = stepped(small_digits, registry.backend("numpy"), EXACT, 2000)
    monkeypatch.setattr(networks, "PART", 300)
    parted, _ = stepped(small_digits, backend, EXACT, 2000)
    assert weights_sha256(parted.get_parameters()) == weights_sha256(whole.get_parameters())


def test_parts_are_as_near_to_the_truth_as_the_whole(small_digits, monkeypatch):
    numpy = registry.backend("numpy")
    truth, losses = stepped(small_digits, numpy, FLOAT64, 2000)
    whole, _ = stepped(small_digits, numpy, FLOAT32, 2000)
    monkeypatch.setattr(networks, "PART", 300)
    parted, same = stepped(small_digits, numpy, FLOAT32, 2000)
    distance = [np.linalg.norm(model.parameters - truth.parameters) for model in (whole, parted)]
    assert distance[1] < 2 * distance[0]
    np.testing.assert_allclose(same, losses, rtol=1e-4)


def test_the_sums_over_parts_are_checked_as_one(small_digits, monkeypatch):
    """A limit that each part keeps and their sum does not."""
    numpy, needed = registry.backend("numpy"), []
    monkeypatch.setattr(networks, "PART", 500)
    require = exact_range._require

    def noted(bits, limit, grid, what):
        if what.startswith("the weight's gradient of layer 0 at step 1"):
            needed.append(bits)
        require(bits, limit, grid, what)

    monkeypatch.setattr(exact_range, "_require", noted)
    stepped(small_digits, numpy, EXACT, 2000, CheckedNetwork)
    assert len(needed) == 4
    assert needed == sorted(needed)
    # Four parts of about the same size come to about two bits more.
    assert needed[3] - needed[0] == pytest.approx(2, abs=0.5)

    monkeypatch.setattr(exact_range, "SIGNIFICAND_BITS", (needed[2] + needed[3]) / 2)
    with pytest.raises(ExactRangeError, match=r"gradient of layer \d at step 1 needs"):
        stepped(small_digits, numpy, EXACT, 2000, CheckedNetwork)


def test_a_large_batch_takes_the_memory_of_a_part(small_digits, monkeypatch):
    numpy = registry.backend("numpy")
    monkeypatch.setattr(networks, "PART", 100)
    model = Network(SIZES, numpy)
    device = DeviceData.load(model, small_digits.train_images, small_digits.train_labels)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        model.step(device.images, device.labels, np.arange(2000), 0.1)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    # x alone of all 2,000 images would be 6.3 MB; the gradient, its sum and the rest are 0.6.
    assert peak < 1.5e6


@pytest.mark.parametrize("what", [what for what in parts_of(SIZES) if what != FUSED])
def test_the_pieces_of_a_step_in_parts_are_what_they_are_named(what, small_digits, monkeypatch):
    """Those of its first part, and at the end the update."""
    for module in (networks, tasks):
        monkeypatch.setattr(module, "PART", 300)
    numpy = registry.backend("numpy")
    bench = tasks.Bench(numpy, small_digits, "float32", 0.1, 0)
    task = bench.prepare(Case("part", what, SIZES, 2000))
    whole = tasks.Bench(numpy, small_digits, "float32", 0.1, 0).prepare(
        Case("part", what, SIZES, 300)
    )
    assert (task.kernel, task.images, task.flops) == (whole.kernel, 300, whole.flops)
    assert task.bytes == whole.bytes
    assert task.note == "one part of 7"
    assert whole.note == ""
