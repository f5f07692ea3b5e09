"""``mnist-bench verify``."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import console, machine, results
from bench.commands.run import check_runnable, selected
from bench.proof import Proof, load_proof, save_proof
from bench.report import growth
from bench.worker import Worker, WorkerError
from mnist_core import registry
from mnist_core.backends import Backend
from mnist_core.data import Dataset, resolve
from mnist_core.data import load as load_data
from mnist_core.errors import NetworkError
from mnist_core.network import parse_sizes
from mnist_core.numerics.exact import STEPS, Recipe
from mnist_core.precision import EXACT, precision
from mnist_core.presets import preset as find_preset
from mnist_core.training import check_recipe


@dataclass
class Row:
    """One backend on so many threads: its certificates, or why it has none."""

    backend: str
    threads: int | None
    status: str = "ok"
    reason: str = ""
    certificates: list[dict[str, Any]] = field(default_factory=list)


def _recipes(
    networks: tuple[str, ...],
    batches: tuple[int, ...],
    preset: str | None,
    lr: float | None,
    seed: int | None,
    steps: int | None,
    data: Dataset,
) -> list[Recipe]:
    """What to verify, from presets and options."""
    known = find_preset(preset or "standard")
    sizes = [parse_sizes(text) for text in dict.fromkeys(networks)] or [known.network]
    images = list(dict.fromkeys(batches)) or [known.batch or len(data.train_labels)]
    recipes = []
    for network in sizes:
        for batch in images:
            check_recipe(network, data, batch)
            rate = EXACT.nearest_lr(known.lr) if lr is None else lr
            EXACT.rate(rate, batch)
            of = known.seed if seed is None else seed
            recipes.append(Recipe(network, batch, rate, of, steps or STEPS))
    return recipes


def verify_command(
    backends: tuple[str, ...],
    networks: tuple[str, ...],
    batches: tuple[int, ...],
    lr: float | None,
    steps: int | None,
    preset: str | None,
    data: str,
    precisions: tuple[str, ...],
    threads: tuple[int, ...],
    seed: int | None,
    plugins: tuple[str, ...],
    save: str | None,
    against: str | None,
    out: str | None,
) -> int:
    """Certificates of every backend in a table. Returns the exit code: 1 if one fails."""
    registry.load_plugins(plugins)
    chosen = selected(backends)
    check_runnable(chosen)
    kinds = [precision(name).name for name in dict.fromkeys(precisions)] or ["float32", "exact"]
    if (save or against) and EXACT.name not in kinds:
        raise NetworkError("--save and --against are about exact precision: add --precision exact")
    data = resolve(data)
    dataset = load_data(data)
    if against:
        if networks or batches or preset or lr or seed is not None or steps:
            raise NetworkError(
                "--against takes network, batch, learning rate, seed and steps from its file; "
                "leave those options out"
            )
        proofs = load_proof(Path(against), dataset)
        kinds = [EXACT.name]
    else:
        recipes = _recipes(networks, batches, preset, lr, seed, steps, dataset)
        proofs = [Proof(recipe) for recipe in recipes]
    folder = results.writable(results.folder(out))
    job = {"plugins": [str(Path(p).resolve()) for p in plugins], "data": data, "kernels": {}}
    rows = []
    with console.RunProgress() as progress:
        for backend in chosen:
            reason = backend.unavailable()
            if reason:
                rows.append(Row(backend.name, None, "unavailable", reason))
                continue
            for count in dict.fromkeys(threads or (machine.cores(),)):
                rows.append(_verify(backend, count, job, proofs, kinds, progress))
    certificates = [c for row in rows for c in row.certificates]
    with results.replacing(folder / "certificates.json") as path:
        path.write_text(json.dumps(certificates, indent=1) + "\n", encoding="utf-8")
    drawn = growth.image(certificates)
    if drawn:
        with results.replacing(folder / "error-growth.svg") as path:
            path.write_bytes(drawn)
    if save:
        save_proof(Path(save), dataset, certificates)
    _show(rows, proofs, kinds, dataset, folder)
    return 0 if all(row.status in ("ok", "unavailable") for row in rows) else 1


def _verify(
    backend: Backend,
    threads: int,
    job: dict[str, Any],
    proofs: list[Proof],
    kinds: list[str],
    progress: console.RunProgress,
) -> Row:
    """All certificates of one backend on so many threads, from a process of its own."""
    row = Row(backend.name, threads)
    opening = {"backend": backend.name, "threads": threads, "precision": "float32"}
    try:
        worker = Worker({**job, **opening, "lr": proofs[0].recipe.lr, "seed": 0})
    except WorkerError as error:
        return Row(backend.name, threads, "failed", str(error))
    try:
        for proof in proofs:
            for kind in kinds:
                progress.at(f"verifying {backend.name}, threads {threads}, {kind}, {proof.label}")
                certificate = _ask(worker, proof, kind) | {"threads": threads}
                row.certificates.append(certificate)
                if not certificate["passed"] and row.status == "ok":
                    row.status, row.reason = "refused", certificate["reason"]
    except WorkerError as error:
        row.status, row.reason = "failed", str(error)
    finally:
        worker.close()
    return row


def _ask(worker: Worker, proof: Proof, kind: str) -> dict[str, Any]:
    recipe = proof.recipe
    common = {"network": recipe.sizes, "batch": recipe.batch, "lr": recipe.lr, "seed": recipe.seed}
    if kind == EXACT.name:
        found = worker.ask("verify_exact", **common, steps=recipe.steps, expected=proof.weights)
    else:
        found = worker.ask("verify", **common, precision=kind)
    certificate: dict[str, Any] = found
    return certificate


def _show(
    rows: list[Row], proofs: list[Proof], kinds: list[str], data: Dataset, folder: Path
) -> None:
    output = console.stdout()
    output.print(f"data      {data.name}, sha256 {data.sha256[:16]}", markup=False)
    for proof in proofs:
        output.print(f"\n{proof.label}\n", markup=False)
        output.print(console.claims_table(rows, proof, kinds))
    for row in rows:
        if row.reason:
            output.print(f"\n{row.backend}: {row.status}, {row.reason}", markup=False)
    output.print(f"\ncertificates   {folder / 'certificates.json'}", markup=False, soft_wrap=True)
