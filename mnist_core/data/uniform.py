"""Dense noise: images without shapes and without favoured zeros, for timing alone."""

import numpy as np

from mnist_core.data.dataset import Dataset

FEATURES, CLASSES = 784, 10
SEED = 20_240_229


def uniform(train: int = 60_000, test: int = 10_000) -> Dataset:
    """Return MNIST-shaped uniform noise with balanced random labels: there is nothing to learn.

    What a technique gains from MNIST's many zero pixels, it does not gain here.

    Parameters
    ----------
    train, test : numbers of images of 784 pixels

    Returns
    -------
    Dataset named "synthetic", the same on every machine
    """
    random = np.random.RandomState(SEED)
    # One byte a draw from raw bytes: `randint` of a narrow type buffers words by platform.
    count = train + test
    images = np.frombuffer(random.bytes(count * FEATURES), dtype=np.uint8)
    images = images.reshape(count, FEATURES).copy()
    labels = random.permutation(np.arange(count, dtype=np.int32) % CLASSES)
    return Dataset(
        "synthetic", images[:train], labels[:train], images[train:], labels[train:], CLASSES
    )
