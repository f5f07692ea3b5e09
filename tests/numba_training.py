"""Train two epochs of a small ragged network and print the SHA-256 of the weights.

A process of its own: how many threads Numba has, and what it compiles for, is settled at its start.
``--fork`` prints it once more from a forked process, ``--at-once`` from several threads at once,
``--pin`` once more after the process was left a single processor. ``--ranks`` takes so many threads
however few processors there are; ``--products`` has NumPy multiply large matrices on threads of its
own between trainings before.
"""

import argparse
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from kernels.numba_cpu.tiled import team
from mnist_core import registry
from mnist_core.network import Network

SIZES = (50, 128, 19, 5)
IMAGES, BATCH = 333, 40
LR = 0.1


def trained(backend: str) -> Network:
    """The network after two epochs; images with many zeros, the last batch a partial one."""
    rng = np.random.RandomState(1)
    images = rng.randint(0, 256, (IMAGES, SIZES[0])).astype(np.uint8)
    images[np.repeat(rng.uniform(size=(IMAGES, SIZES[0] // 10)) < 0.9, 10, axis=1)] = 0
    labels = rng.randint(0, SIZES[-1], IMAGES).astype(np.int64)
    network = Network(SIZES, registry.backend(backend))
    if backend == "numba-sparse":
        work = network.backend.take_over("epoch").work(network, images)
        assert work.name == "zero-skipping", work
    for _ in range(2):
        order = rng.permutation(IMAGES).astype(np.int64)
        network.epoch(images, labels, order, BATCH, LR)
    return network


def digest(network: Network) -> str:
    """SHA-256 of all parameters."""
    sha = hashlib.sha256()
    for pair in network.get_parameters():
        for parameter in pair:
            sha.update(parameter.tobytes())
    return sha.hexdigest()


def distance(network: Network) -> float:
    """Largest difference of a parameter from NumPy's."""
    return float(abs(network.parameters - trained("numpy").parameters).max())


def main() -> None:
    """What the options ask for, a line each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", default="numba")
    parser.add_argument("--fork", action="store_true")
    parser.add_argument("--at-once", action="store_true")
    parser.add_argument("--products", action="store_true")
    parser.add_argument("--pin", action="store_true")
    parser.add_argument("--ranks", type=int)
    given = parser.parse_args()
    if given.ranks:
        # More than there are processors, which would not be allowed otherwise.
        team.usable_cpus = lambda: given.ranks
        numba.config.NUMBA_NUM_THREADS = given.ranks
    if given.products:
        square = np.ones((512, 512), np.float32)
        for _ in range(20):
            square @ square
            trained(given.backend)
    network = trained(given.backend)
    print(digest(network), distance(network), flush=True)
    if given.pin:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(digest(trained(given.backend)), team.ranks())
    if given.fork:
        child = os.fork()
        if child == 0:
            print(digest(trained(given.backend)), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print(digest(trained(given.backend)))
    if given.at_once:
        with ThreadPoolExecutor(4) as pool:
            for other in pool.map(trained, [given.backend] * 4):
                print(digest(other))


if __name__ == "__main__":
    main()
