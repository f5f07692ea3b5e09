"""How often verdicts are right: the same commit against itself, and a relu that is 10 % slower.

    python tests/verdict_trials.py --trials 20 --pairs 20

Makes a clone with a scratch commit, measures the noise floor once, then compares in turn, each time
in fresh processes. Takes half an hour on a quiet machine; leave it alone meanwhile.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import click

ROOT = Path(__file__).parents[1]

SLOWER = """
from time import perf_counter


@array_kernel(operators.relu)
def relu(space: Space, z: Array, out: Array) -> None:
    start = perf_counter()
    space.xp.maximum(z, 0, out=out)
    end = perf_counter()
    # Reading the clock takes a share of the ten percent.
    while perf_counter() - start < {factor} * (end - start):
        pass
"""


def git(clone: Path, *arguments: str) -> None:
    """Run git in the clone."""
    who = {f"GIT_{r}_{k}": "nobody" for r in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
    command = ["git", "-C", str(clone), *arguments]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | who)


def mnist_bench(clone: Path, *arguments: str) -> str:
    """Output of a command of the clone's own suite."""
    environment = os.environ | {"PYTHONPATH": str(clone)}
    command = [sys.executable, "-m", "bench", *arguments]
    done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    return done.stdout


def compared(clone: Path, before: str, after: str, options: list[str]) -> list[dict]:
    """Changes between two commits, measured in turn."""
    fixed = ("--format", "json", "--allow-different")
    return json.loads(mnist_bench(clone, "compare", before, after, *fixed, *options))["changes"]


@click.command()
@click.option("--trials", default=20, show_default=True, help="Of the slowed relu.")
@click.option("--pairs", default=20, show_default=True, help="Of the commit and itself.")
@click.option("--draws", default=5, show_default=True, help="For the noise floor; 0: as stored.")
@click.option("--backend", default="numpy", show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--factor", default=1.068, show_default=True, help="Of relu, its clock apart.")
def main(trials: int, pairs: int, draws: int, backend: str, threads: int, factor: float) -> None:
    """Count the verdicts of both kinds of trial."""
    with TemporaryDirectory() as temporary:
        clone = Path(temporary) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        relu = clone / "kernels" / "array" / "operators" / "relu.py"
        relu.write_text(relu.read_text() + SLOWER.format(factor=factor))
        git(clone, "commit", "--quiet", "--all", "--message", "slow relu down")
        git(clone, "tag", "slower")
        git(clone, "checkout", "--quiet", "HEAD~1")
        options = ["--backend", backend, "--threads", str(threads)]
        levels = ["--level", "operator", "--level", "step"]
        if draws:
            mnist_bench(clone, "doctor", "--noise", "--draws", str(draws), *options, *levels)
        click.echo(mnist_bench(clone, "doctor", "--threads", str(threads)))
        if trials:
            _slower(clone, trials, [*options, "--operator", "relu"])
        if pairs:
            _itself(clone, pairs, [*options, *levels])


def _slower(clone: Path, trials: int, options: list[str]) -> None:
    found, ratios = Counter(), []
    for _ in range(trials):
        (change,) = compared(clone, "HEAD", "slower", options)
        found[change["verdict"]] += 1
        ratios.append(change["ratio"]["value"])
    shown = ", ".join(f"{ratio:.3f}" for ratio in sorted(ratios))
    click.echo(
        f"relu slowed: {dict(found)} of {trials}; floor {change['floor']:.1%}; ratios {shown}"
    )


def _itself(clone: Path, trials: int, options: list[str]) -> None:
    found = Counter()
    for number in range(1, trials + 1):
        changes = compared(clone, "HEAD", "HEAD", options)
        found.update(change["verdict"] for change in changes)
        for change in changes:
            if change["verdict"] != "same":
                ratio = change["ratio"]
                click.echo(
                    f"pair {number}: {change['case']} {change['verdict']}, {ratio['value']:.3f} "
                    f"[{ratio['low']:.3f}, {ratio['high']:.3f}], floor {change['floor']:.1%}"
                )
    click.echo(f"{trials} pairs of one commit: {dict(found)}")


if __name__ == "__main__":
    main()
