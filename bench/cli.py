"""The command line: ``mnist-bench``, the same as ``python -m bench``.

Everything heavy is imported inside the command that needs it, so that ``--help`` is quick.
"""

import sys
from collections.abc import Collection
from typing import Any

import click

from bench import options as option
from mnist_core.errors import MnistBenchError

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

_INTERRUPTED = 130


class _Commands(click.Group):
    """Commands in the order in which they are declared, whose errors are one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def main(self, *args: Any, **settings: Any) -> Any:
        try:
            code = super().main(*args, **{**settings, "standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = 2
        except click.UsageError as error:
            click.echo(f"mnist-bench: {error.format_message()}", err=True)
            code = 2
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MnistBenchError as error:
            click.echo(f"mnist-bench: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("mnist-bench: interrupted", err=True)
            ctx.exit(_INTERRUPTED)


def _given(context: click.Context, names: Collection[str]) -> list[str]:
    """Of these options those that stand on the command line, as they are written."""
    source = click.core.ParameterSource.COMMANDLINE
    return [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in names and context.get_parameter_source(parameter.name) is source
    ]


def _without(why: str, *names: str) -> None:
    """Raise `UsageError` where one of these options stands on the command line."""
    found = _given(click.get_current_context(), names)
    if found:
        raise click.UsageError(f"{why}: leave {found[0]} out")


def _only(why: str, name: str) -> None:
    """Raise `UsageError` where another option than this one stands on the command line."""
    parameters = {str(p.name) for p in click.get_current_context().command.params}
    _without(why, *(parameters - {name}))


@click.group(cls=_Commands, context_settings=_SETTINGS)
@click.version_option(package_name="mnist-bench")
def main() -> None:
    """One small network, every way to compute arrays in Python: timed, compared, verified."""


@main.command()
@option.CASES
@click.option(
    "--kernel", "kernels", multiple=True, metavar="OP=NAME", help="Use this kernel; repeatable."
)
@option.QUICK
@click.option("--out", metavar="DIR", help="Folder for the results.  [results/runs/TIME]")
@click.option(
    "--resume", metavar="DIR", help="Go on with a run that was broken off; its plan holds."
)
def run(**options: Any) -> None:
    """Verify, time and report: the main job."""
    from bench.commands.run import run_command

    if options["resume"] is not None:
        _only("--resume goes on with what was asked for then", "resume")
    sys.exit(run_command(**options))


@main.command()
@option.BACKENDS
@option.NETWORKS
@option.BATCHES
@click.option("--learning-rate", "lr", type=float, help="A power of two if exact.  [preset's]")
@click.option("--steps", type=click.IntRange(min=1), help="Of the exact training.  [100]")
@option.PRESET
@option.DATA
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    metavar="float32|float64|exact",
    help="Repeatable.  [float32 and exact]",
)
@click.option(
    "--threads",
    multiple=True,
    type=click.IntRange(min=1),
    callback=option.check_threads,
    help="Of every library; repeatable.  [all]",
)
@option.SEED
@option.PLUGIN
@click.option("--save", metavar="FILE", help="Store the exact trainings, for --against elsewhere.")
@click.option("--against", metavar="FILE", help="Compare with trainings stored by --save.")
@click.option("--out", metavar="DIR", help="Folder for the certificates.  [results/runs/TIME]")
def verify(**options: Any) -> None:
    """Certificates for every backend; exit 1 if one fails."""
    from bench.commands.verify import verify_command

    sys.exit(verify_command(**options))


@main.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option(
    "--fail-on",
    type=click.Choice(["slower", "ambiguous", "never"]),
    default="slower",
    show_default=True,
    help="What makes the exit code 1.",
)
@click.option(
    "--format",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="Markdown is for a pull request.",
)
@click.option("--allow-different", is_flag=True, help="Other machine, data or threads: never mind.")
@option.CASES
@option.QUICK
@click.option("--out", metavar="DIR", help="Folder for what commits measure.  [results/runs/TIME]")
def compare(**options: Any) -> None:
    """Faster, same or slower? Two commits, result folders or ASV's files.

    Commits, of which . is the working tree, are measured in turn, with the options of `run`.
    """
    from bench.commands.compare import compare_command

    context = click.get_current_context()
    about_runs = set(options) - {"before", "after", "fail_on", "format", "allow_different"}
    sys.exit(compare_command(**options, given=_given(context, about_runs)))


@main.command()
@option.TRAINED
@click.option("--network", metavar="784-128-64-10", help="Layer sizes.")
@option.BATCH_OR_ALL
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training images.")
@click.option("--learning-rate", "lr", type=float, help="Length of a step, above 0.")
@click.option(
    "--schedule",
    metavar="constant|linear|inverse-time:RATE|step:EPOCHS,FACTOR",
    help="How the learning rate goes on.",
)
@click.option(
    "--every", type=click.IntRange(min=1), help="Epochs between two lines of the history."
)
@click.option(
    "--to-accuracy",
    type=click.FloatRange(min=0, min_open=True, max=100),
    metavar="PERCENT",
    help="How long until so many test images are recognised? Five seeds; preset to-97 or to-98.",
)
@click.option(
    "--compare",
    "compared",
    metavar="batch,minibatch",
    help="Train with all images at once and in mini-batches, or with batches of these sizes.",
)
@option.PRESET
@option.SPLIT
@option.CONDITIONS
@click.option("--out", metavar="DIR", help="Folder for weights and history.  [results/runs/TIME]")
@click.option("--resume", metavar="DIR", help="Go on with a training that was broken off.")
def train(
    backends: tuple[str, ...],
    to_accuracy: float | None,
    compared: str | None,
    resume: str | None,
    **options: Any,
) -> None:
    """Train one network; save its weights, history and pictures.

    Several backends, or --compare, are trained in turn and drawn together.
    """
    backends = tuple(dict.fromkeys(backends)) or ("numpy",)
    if resume is not None:
        _only("--resume goes on with what was asked for then", "resume")
        from bench.commands.train import resume_command

        sys.exit(resume_command(resume))
    if to_accuracy is not None:
        _without("--to-accuracy has seeds and lines of its own", "compared", "every")
        if len(backends) > 1:
            raise click.UsageError("--to-accuracy takes one --backend")
        from bench.commands.to_accuracy import to_accuracy_command

        sys.exit(to_accuracy_command(to_accuracy, backend=backends[0], **options))
    if compared is not None or len(backends) > 1:
        from bench.commands.convergence import convergence_command

        sys.exit(convergence_command(compared, backends, **options))
    from bench.commands.train import train_command

    sys.exit(train_command(backend=backends[0], **options))


@main.command()
@click.option(
    "--weights",
    required=True,
    metavar="PATH",
    help="Of any form in docs/weights.md; what `train` saved: the file, or its folder.",
)
@option.BACKEND
@option.DATA
@option.SPLIT
@option.PLUGIN
@click.option("--out", metavar="DIR", help="Folder for pictures and predictions.  [none]")
def evaluate(**options: Any) -> None:
    """Loss and accuracy of saved weights on test images."""
    from bench.commands.evaluate import evaluate_command

    evaluate_command(**options)


@main.command()
@click.argument("results_folders", metavar="RESULTS...", nargs=-1, required=True)
@click.option(
    "--format",
    type=click.Choice(
        ["html", "md", "csv", "svg", "png", "readme", "github-action-benchmark", "bencher"]
    ),
    help="The page, tables, a picture, what is in a README, or what services for benchmarks read.  "
    "[by the ending of --out; else html]",
)
@click.option(
    "--out",
    metavar="FILE",
    help="Where to write it.  [report.html beside the results; else stdout]",
)
def report(**options: Any) -> None:
    """Write report.html from the results of runs, or export them.

    Several runs are shown together: commits one after the other, machines side by side.
    """
    from bench.commands.show import report_command

    report_command(**options)


@main.command("list")
@click.argument(
    "what", required=False, type=click.Choice(["backends", "kernels", "operators", "presets"])
)
@option.PLUGIN
def list_(**options: Any) -> None:
    """Backends, kernels, operators, presets."""
    from bench.commands.show import list_command

    list_command(**options)


@main.command()
@click.option(
    "--over",
    "axes",
    multiple=True,
    metavar="batch|width|depth|threads",
    help="Repeatable.  [all four]",
)
@click.option("--at", "sizes", multiple=True, type=click.IntRange(min=1), help="Sizes; repeatable.")
@click.option("--level", default="step", show_default=True, help="What is timed.")
@option.BACKENDS
@click.option("--network", metavar="784-128-64-10", help="What the other axes hold.  [standard]")
@click.option("--batch", type=click.IntRange(min=1), help="What the other axes hold.  [128]")
@option.CONDITIONS
@click.option("--out", metavar="DIR", help="Folder for the results.  [results/runs/TIME]")
def scale(**options: Any) -> None:
    """How cost grows with batch, width, depth and threads."""
    from bench.commands.scale import scale_command

    sys.exit(scale_command(**options))


@main.command()
@click.option(
    "--noise",
    "measure_noise",
    is_flag=True,
    help="Time every case against itself and keep the noise floor: minutes a draw.",
)
@click.option(
    "--draws",
    type=click.IntRange(min=3),
    default=6,
    show_default=True,
    help="How many times, in fresh processes.",
)
@option.CASES
def doctor(**options: Any) -> None:
    """Is this machine fit to measure on, how fast, how noisy?"""
    from bench.commands.doctor import doctor_command

    sys.exit(doctor_command(**options))


@main.command()
@click.argument("source", default="auto")
def data(source: str) -> None:
    """Fetch and check a data set; say what it holds."""
    from bench.commands.show import data_command

    data_command(source)
