"""``mnist-bench run``."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import console, files, fitness, machine, runner, suite
from bench.plan import COMPARING, FULL, QUICK, Plan
from bench.run_folder import RunFolder
from bench.standing import Side
from bench.suite import Case
from mnist_core import registry
from mnist_core.backends import Backend
from mnist_core.data import Dataset, resolve
from mnist_core.data import load as load_data
from mnist_core.errors import BackendError, DataError, NetworkError
from mnist_core.network import parse_sizes
from mnist_core.precision import Precision
from mnist_core.precision import precision as find_precision
from mnist_core.presets import preset as find_preset
from mnist_core.training import check_recipe

INTERRUPTED = "interrupted: not every case was timed"
"""What a run that Ctrl-C ended warns of, until it has been gone on with."""


def selected(names: tuple[str, ...]) -> list[Backend]:
    """Backends named, or all of the suite's own; peers when named or with "all"."""
    everything = registry.backends().values()
    named = [registry.backend(name) for name in dict.fromkeys(names) if name != "all"]
    if "all" in names:
        return list(everything)
    if named:
        return named
    return [backend for backend in everything if backend.role == "own"]


def check_runnable(backends: list[Backend]) -> None:
    """Raise `BackendError`, with every reason, where no backend at all can run here."""
    reasons = {backend.name: backend.unavailable() for backend in backends}
    if all(reasons.values()):
        listed = "; ".join(f"{name} is unavailable: {reason}" for name, reason in reasons.items())
        raise BackendError(f"nothing to run: {listed}")


def _chosen_kernels(
    pairs: tuple[str, ...], backends: list[Backend], kind: Precision
) -> dict[str, str]:
    chosen = {}
    for pair in pairs:
        operator, equals, name = pair.partition("=")
        if not equals or not name:
            raise BackendError(f"--kernel {pair}: write OPERATOR=NAME, such as dense=array")
        registry.operator(operator)
        chosen[operator] = name
    usable = [b.computing_in(kind) for b in backends if b.unavailable() is None]
    for operator, name in chosen.items():
        if not any(backend.having({operator: name}) for backend in usable):
            known = {k.name for b in usable for k in b.candidates(registry.operator(operator))}
            raise BackendError(
                f"no backend of this run has a kernel {operator}={name}; "
                f"there are {', '.join(sorted(known))}"
            )
    return chosen


def _levels(levels: tuple[str, ...], operators: tuple[str, ...]) -> tuple[str, ...]:
    for level in levels:
        if level not in suite.LEVELS:
            raise NetworkError(f"unknown level {level!r}; there are {', '.join(suite.LEVELS)}")
    if operators:  # naming one asks for its level
        return (*levels, "operator")
    return levels or suite.LEVELS


def _caches(text: str) -> list[str]:
    caches = list(dict.fromkeys(text.split(",")))
    for cache in caches:
        if cache not in suite.CACHES:
            raise NetworkError(
                f"--cache {text}: write {' or '.join(suite.CACHES)}, or both: hot,cold"
            )
    return caches


def data_entry(data: Dataset) -> dict[str, Any]:
    """What a result set says of its data."""
    return {
        "name": data.name,
        "images": len(data.train_labels),
        "zeros": round(data.zeros, 4),
        "sha256": data.sha256,
    }


def make_plan(
    backends: tuple[str, ...],
    levels: tuple[str, ...] = (),
    operators: tuple[str, ...] = (),
    cache: str = "hot",
    kernels: tuple[str, ...] = (),
    networks: tuple[str, ...] = (),
    batches: tuple[int, ...] = (),
    preset: str | None = None,
    data: str = "auto",
    precision: str = "float32",
    threads: int | None = None,
    seed: int | None = None,
    plugins: tuple[str, ...] = (),
    quick: bool = False,
    sides: Sequence[Side] = (),
    cases: Sequence[Case] = (),
) -> tuple[Plan, dict[str, Any]]:
    """What the options ask for, and the environment that it will be done in.

    ``cases`` take the place of those that levels, operators, networks and batches make.
    """
    recipe = find_preset(preset or "standard")
    registry.load_plugins(plugins)
    chosen = selected(backends)
    check_runnable(chosen)
    kind = find_precision(precision)
    for operator in operators:
        registry.operator(operator)
    level_names, caches = _levels(levels, operators), _caches(cache)
    if operators and set(level_names) == {"operator"} and not kernels:
        chosen = [rung for backend in chosen for rung in suite.ladder(backend, operators, kind)]
    timed_operators = tuple(dict.fromkeys(operators)) or tuple(registry.operators())
    data = resolve(data)
    dataset = load_data(data)
    if not cases:
        sizes = [parse_sizes(text) for text in dict.fromkeys(networks)] or [recipe.network]
        images = list(dict.fromkeys(batches)) or [recipe.batch or len(dataset.train_labels)]
        cases = suite.cases(sizes, images, level_names, timed_operators, caches)
    for network, batch in dict.fromkeys((case.network, case.batch) for case in cases):
        check_recipe(network, dataset, batch)
    plan = Plan(
        backends=chosen,
        cases=list(cases),
        precision=precision,
        threads=threads or machine.cores(),
        data=data,
        lr=kind.nearest_lr(recipe.lr),
        seed=recipe.seed if seed is None else seed,
        effort=QUICK if quick else COMPARING if sides else FULL,
        plugins=[str(Path(plugin).resolve()) for plugin in plugins],
        kernels=_chosen_kernels(kernels, chosen, kind),
        sides=sides,
    )
    return plan, _environment(plan, dataset)


def _environment(plan: Plan, dataset: Dataset) -> dict[str, Any]:
    environment = machine.environment(plan.threads)
    return environment | {
        "source": machine.source_sha256(plan.plugins),
        "warnings": fitness.warnings(environment["machine"]["load"]),
        "data": data_entry(dataset),
    }


def run_command(resume: str | None, out: str | None, **options: Any) -> int:
    """Verify, time, report. Returns the exit code: 1 if a backend was refused or broke."""
    if resume is not None:
        plan, environment, folder = _resumed(Path(resume))
    else:
        plan, environment = make_plan(**options)
        folder = RunFolder.create(files.folder(out))
    return go(plan, folder, environment)


def _resumed(path: Path) -> tuple[Plan, dict[str, Any], RunFolder]:
    """The plan and folder of a run that was broken off; `DataError` where it cannot go on."""
    folder = RunFolder.reopen(path)
    before = files.load_json(path, "environment.json")
    plan = Plan.from_dict(before["plan"])
    if plan.sides:
        raise DataError(f"{path}: commits that were measured in turn cannot be gone on with")
    lost = [b for b in plan.backends if b.unavailable() and b.name in folder.timed_backends]
    if lost:
        raise DataError(f"{path}: {lost[0].name} is unavailable now: {lost[0].unavailable()}")
    after = _environment(plan, load_data(plan.data))
    differ = [
        name
        for name, of in (
            ("source", lambda e: e["source"]),
            ("machine", lambda e: [e["machine"][k] for k in ("cpu", "cores", "gpus")]),
            ("data", lambda e: e["data"]["sha256"]),
            ("packages", lambda e: e["packages"]),
        )
        if of(before) != of(after)
    ]
    if differ:
        raise DataError(
            f"{path}: {' and '.join(differ)} changed since that run began; "
            f"its rows would not be comparable: start a new one"
        )
    before["warnings"] = [said for said in before["warnings"] if said != INTERRUPTED]
    return plan, before, folder


def measure(plan: Plan, folder: RunFolder, environment: dict[str, Any]) -> tuple[Any, bool, bool]:
    """Do a run and write what it found.

    Gives its rows as a data frame, whether all was well, and whether it was interrupted.
    Where it is interrupted before it has a row, nothing is left; else what it has is written, and
    it can be gone on with.
    """
    interrupted = False
    folder.take_back()
    with console.RunProgress() as progress:
        run = runner.Run(plan, folder, environment, progress)
        try:
            run.go()
        except KeyboardInterrupt:
            interrupted = True
            environment["warnings"].append(INTERRUPTED)
        finally:
            run.close()
    if interrupted and not folder.rows:
        folder.discard()
        raise KeyboardInterrupt
    resumable = interrupted and not plan.sides
    table = run.write() if resumable else run.finish()
    return table, not run.failed, interrupted


def go(plan: Plan, folder: RunFolder, environment: dict[str, Any]) -> int:
    """Do a run and show it. Returns the exit code."""
    output = console.stdout()
    for line in console.head(environment):
        output.print(line, markup=False)
    table, well, interrupted = measure(plan, folder, environment)
    console.print_tables(table, output)
    output.print(f"\nreport    {folder.path / 'report.html'}", markup=False, soft_wrap=True)
    if interrupted:
        output.print(
            f"to go on: mnist-bench run --resume {shlex.quote(str(folder.path))}",
            markup=False,
            soft_wrap=True,
        )
        raise KeyboardInterrupt
    return 0 if well else 1
