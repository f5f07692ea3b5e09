"""How often are honest backends refused? Many verifications with fresh seeds; run by hand.

    OPENBLAS_NUM_THREADS=1 python tests/false_alarms.py --count 200 --backend numpy --backend numba

Networks have up to four layers of 1 to 300 units, batches 1 to 1000 images, learning rates 2**-6
to 2**-1. Each is verified in float32 and in exact precision. A training that diverges in the
reference itself certifies nobody and is drawn again.
"""

import time

import click
import numpy as np

from mnist_core import registry
from mnist_core.data.digits import digits
from mnist_core.errors import DivergedError, ExactRangeError
from mnist_core.numerics import certify, certify_exact
from mnist_core.precision import FLOAT32


def draw(rng: np.random.RandomState) -> tuple[tuple[int, ...], int, float, int]:
    """A ragged network, a batch, a learning rate, a seed."""
    hidden = np.exp(rng.uniform(0, np.log(300), rng.randint(0, 4))).astype(int)
    sizes = (784, *map(int, hidden), 10)
    batch = int(np.exp(rng.uniform(0, np.log(1000))))
    return sizes, batch, float(2.0 ** rng.randint(-6, 0)), int(rng.randint(2**31 - 1))


@click.command()
@click.option("--count", default=200, show_default=True)
@click.option("--backend", "backends", multiple=True, default=["numpy"])
@click.option("--seed", default=0, show_default=True, help="Of what is drawn.")
def main(count: int, backends: tuple[str, ...], seed: int) -> None:
    """Verify each backend COUNT times; print every refusal and a summary."""
    rng, data = np.random.RandomState(seed), digits(train=5000, test=100)
    refused = dict.fromkeys(backends, 0)
    redrawn, done, worst, start = 0, 0, dict.fromkeys(backends, 0.0), time.time()
    while done < count:
        sizes, batch, lr, of = draw(rng)
        try:
            for name in backends:
                backend = registry.available(name)
                certificates = [
                    certify(backend, sizes, batch, FLOAT32, data, lr=lr, seed=of),
                    certify_exact(backend, sizes, batch, data, lr=lr, seed=of, steps=10),
                ]
                worst[name] = max(worst[name], certificates[0].error_ratio() or 0.0)
                for certificate in certificates:
                    if not certificate.passed:
                        refused[name] += 1
                        click.echo(
                            f"{name} {sizes} batch {batch} lr {lr} seed {of}: "
                            f"{certificate.precision}: {certificate.reason}"
                        )
        except (DivergedError, ExactRangeError) as error:
            redrawn += 1
            click.echo(f"drawn again: {sizes} batch {batch} lr {lr} seed {of}: {error}")
            continue
        done += 1
        if done % 20 == 0:
            click.echo(f"{done} of {count}, {time.time() - start:.0f} s", err=True)
    for name in backends:
        click.echo(
            f"{name}: {refused[name]} of {2 * count} certificates refused, "
            f"largest trajectory ratio {worst[name]:.2f}; {redrawn} drawn again"
        )


if __name__ == "__main__":
    main()
