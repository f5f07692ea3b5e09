"""``mnist-bench run``."""

from pathlib import Path
from typing import Any

from bench import console, machine, results, runner, suite
from mnist_core import registry
from mnist_core.backends import Backend
from mnist_core.data import Dataset, resolve
from mnist_core.data import load as load_data
from mnist_core.errors import BackendError, NetworkError
from mnist_core.network import parse_sizes
from mnist_core.precision import Precision
from mnist_core.precision import precision as find_precision
from mnist_core.presets import preset as find_preset
from mnist_core.training import check_recipe


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


def _data_entry(data: Dataset) -> dict[str, Any]:
    return {
        "name": data.name,
        "images": len(data.train_labels),
        "zeros": round(data.zeros, 4),
        "sha256": data.sha256,
    }


def run_command(
    backends: tuple[str, ...],
    levels: tuple[str, ...],
    operators: tuple[str, ...],
    kernels: tuple[str, ...],
    networks: tuple[str, ...],
    batches: tuple[int, ...],
    preset: str | None,
    data: str,
    precision: str,
    threads: int | None,
    seed: int | None,
    plugins: tuple[str, ...],
    quick: bool,
    out: str | None,
) -> int:
    """Verify, time, report. Returns the exit code: 1 if a backend was refused or broke."""
    recipe = find_preset(preset or "standard")
    registry.load_plugins(plugins)
    chosen = selected(backends)
    check_runnable(chosen)
    kind = find_precision(precision)
    for operator in operators:
        registry.operator(operator)
    level_names = _levels(levels, operators)
    timed_operators = tuple(dict.fromkeys(operators)) or tuple(registry.operators())
    data = resolve(data)
    dataset = load_data(data)
    sizes = [parse_sizes(text) for text in dict.fromkeys(networks)] or [recipe.network]
    images = list(dict.fromkeys(batches)) or [recipe.batch or len(dataset.train_labels)]
    for network in sizes:
        for batch in images:
            check_recipe(network, dataset, batch)
    plan = runner.Plan(
        backends=chosen,
        cases=suite.cases(sizes, images, level_names, timed_operators),
        precision=precision,
        threads=threads or machine.cores(),
        data=data,
        lr=kind.nearest_lr(recipe.lr),
        seed=recipe.seed if seed is None else seed,
        effort=runner.QUICK if quick else runner.FULL,
        plugins=[str(Path(plugin).resolve()) for plugin in plugins],
        kernels=_chosen_kernels(kernels, chosen, kind),
    )
    folder = results.RunFolder.create(results.folder(out))
    environment = machine.environment(plan.threads)
    environment["data"] = _data_entry(dataset)
    return _go(plan, folder, environment)


def _go(plan: runner.Plan, folder: results.RunFolder, environment: dict[str, Any]) -> int:
    output = console.stdout()
    for line in console.head(environment):
        output.print(line, markup=False)
    interrupted = False
    with console.RunProgress() as progress:
        run = runner.Run(plan, folder, environment, progress)
        try:
            run.go()
        except KeyboardInterrupt:
            interrupted = True
            environment["warnings"].append("interrupted: not every case was timed")
        finally:
            run.close()
    if interrupted and not folder.rows:
        folder.discard()
        raise KeyboardInterrupt
    table = run.finish()
    console.print_tables(table, output)
    output.print(f"\nreport    {folder.path / 'report.html'}", markup=False, soft_wrap=True)
    if interrupted:
        raise KeyboardInterrupt
    return 1 if run.failed else 0
