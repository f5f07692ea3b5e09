"""Options that several commands share."""

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Any], Any]


def together(*decorators: Decorator) -> Decorator:
    """Several options as one, in the order in which help shows them."""

    def decorate(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


PLUGIN = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="FILE",
    help="Python file with a backend; repeatable.",
)
BACKEND = click.option(
    "--backend", default="numpy", show_default=True, metavar="NAME", help="What computes."
)
TRAINED = click.option(
    "--backend",
    "backends",
    multiple=True,
    metavar="NAME",
    help="What computes; several are compared.  [numpy]",
)
BACKENDS = click.option(
    "--backend",
    "backends",
    multiple=True,
    metavar="NAME",
    help="Repeatable; `list backends` shows all, 'all' adds peers.  [all but peers]",
)
LEVELS = click.option(
    "--level",
    "levels",
    multiple=True,
    metavar="epoch|step|forward|backward|operator|part",
    help="Repeatable; parts are the pieces of a step.  [all six]",
)
OPERATORS = click.option(
    "--operator",
    "operators",
    multiple=True,
    metavar="OP",
    help="Repeatable; `list operators` shows all.  [all]",
)
QUICK = click.option("--quick", is_flag=True, help="Fewer rounds: half a minute.")
CACHE = click.option(
    "--cache",
    default="hot",
    show_default=True,
    metavar="hot|cold|hot,cold",
    help="Whether operators find their arrays in the caches.",
)
NETWORKS = click.option(
    "--network", "networks", multiple=True, metavar="784-128-64-10", help="Repeatable."
)
BATCHES = click.option(
    "--batch", "batches", multiple=True, type=int, help="Images a step; repeatable."
)


def _batch_or_all(_context: click.Context, _option: click.Parameter, value: Any) -> Any:
    if value in (None, "all"):
        return value
    try:
        return int(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a number of images nor all") from None


BATCH_OR_ALL = click.option(
    "--batch", callback=_batch_or_all, metavar="N|all", help="Images a step, or all at once."
)
SPLIT = click.option(
    "--split",
    type=click.Choice(["official", "original"]),
    default="official",
    show_default=True,
    help="Test images: the data set's own, or those of the preset's original.",
)
DATA = click.option(
    "--data",
    default="auto",
    show_default=True,
    metavar="auto|mnist|fashion-mnist|digits|synthetic|openml|PATH",
    help="Images of which data set.",
)
PRESET = click.option(
    "--preset",
    metavar="NAME",
    help="Network and recipe, which options override; `list presets` shows all.  [standard]",
)
PRECISION = click.option(
    "--precision",
    default="float32",
    show_default=True,
    metavar="NAME",
    help="float32, float64, tf32 or exact.",
)


def check_threads(_context: click.Context, _option: click.Parameter, value: Any) -> Any:
    """Refuse more threads than processors: waiting for each other they would take minutes."""
    from bench.machine import cores

    for threads in value if isinstance(value, tuple) else (value or 1,):
        if threads > cores():
            raise click.BadParameter(
                f"{threads} threads on {cores()} processors; give {cores()} at most"
            )
    return value


THREADS = click.option(
    "--threads",
    type=click.IntRange(min=1),
    callback=check_threads,
    help="Threads of every library.  [all]",
)
SEED = click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), help="Of initial weights and order."
)

CONDITIONS = together(DATA, PRECISION, THREADS, SEED, PLUGIN)
"""On what, how exactly and with how much."""

CASES = together(BACKENDS, LEVELS, OPERATORS, CACHE, NETWORKS, BATCHES, PRESET, CONDITIONS)
"""What `run` times, and whoever else asks for runs."""
