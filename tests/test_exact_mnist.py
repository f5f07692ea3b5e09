"""Exact precision on real MNIST: one hash over whole epochs, and it learns as float64 does."""

import json
import os
from pathlib import Path
from statistics import mean

import pytest
from command_line import mnist_bench

from mnist_core import operators, registry
from mnist_core.backends import Backend, array_kernel
from mnist_core.data import load
from mnist_core.network import Network, initial_parameters
from mnist_core.precision import EXACT, FLOAT64
from mnist_core.training import train

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif("MNIST_DATA_DIR" not in os.environ, reason="MNIST_DATA_DIR is not set"),
]

STRICT = Path(__file__).with_name("strict_space.py")


def claims(out: Path) -> dict[str, set[str]]:
    """Network to the claims of all backends and numbers of threads."""
    found: dict[str, set[str]] = {}
    for certificate in json.loads((out / "certificates.json").read_text()):
        found.setdefault(certificate["network"], set()).add(certificate["claim"])
    return found


def test_a_whole_epoch_has_one_hash_on_every_backend_and_number_of_threads(tmp_path: Path) -> None:
    sizes = ("784-128-10", "784-128-64-10", "784-128-64-32-10")
    networks = [word for size in sizes for word in ("--network", size)]
    backends = ("--backend", "numpy", "--backend", "numba", "--backend", "strict")
    options = ("--precision", "exact", "--steps", 469, "--threads", 1, "--threads", 2)
    plugin = ("--plugin", STRICT, "--data", "mnist", "--out", tmp_path)
    done = mnist_bench("verify", *networks, *backends, *options, *plugin, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    found = claims(tmp_path)
    assert set(found) == set(sizes)
    assert all(len(hashes) == 1 for hashes in found.values())


@pytest.mark.parametrize("options", [("--batch", 60_000), ("--network", "784-512-512-10")])
def test_full_batch_and_a_wide_network_have_one_hash(options, tmp_path: Path) -> None:
    backends = ("--backend", "numpy", "--backend", "numba")
    plan = (*options, "--precision", "exact", "--steps", 5, "--data", "mnist")
    done = mnist_bench("verify", *backends, *plan, "--out", tmp_path, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(len(hashes) == 1 for hashes in claims(tmp_path).values())


@array_kernel(operators.gather_batch)
def by_256(space, images, labels, index, x, y):
    """Pixels as in exact precision, so that the two differ in rounding alone."""
    x[...] = images[index] / 256
    y[...] = labels[index]


def test_it_learns_as_float64_does() -> None:
    data, sizes = load("mnist"), (784, 128, 64, 10)
    accuracies = []
    for backend, precision in (
        (registry.backend("numpy"), EXACT),
        (Backend("by 256", base="numpy", kernels=[by_256]), FLOAT64),
    ):
        reached = []
        for seed in range(3):
            initial = initial_parameters(sizes, seed)
            model = Network(sizes, backend, precision=precision, initial=initial)
            history = train(model, data, epochs=5, batch=128, lr=0.125, seed=seed)
            reached.append(history.epochs[-1].test_accuracy)
        accuracies.append(mean(reached))
    exact, float64 = accuracies
    print(f"test accuracy after 5 epochs: exact {exact:.4%}, float64 {float64:.4%}")
    assert abs(exact - float64) < 0.003
