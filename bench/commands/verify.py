"""``mnist-bench verify``."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import console, files, machine
from bench.claims import Row, claims_table
from bench.commands.run import check_runnable, selected
from bench.proof import Proof, load_proofs, save_proofs
from bench.report import growth
from bench.worker import Worker, WorkerDiedError, WorkerError
from mnist_core import registry
from mnist_core.backends import Backend
from mnist_core.data import Dataset, resolve
from mnist_core.data import load as load_data
from mnist_core.errors import NetworkError, OutputError
from mnist_core.network import parse_sizes
from mnist_core.numerics.exact import STEPS, Recipe
from mnist_core.precision import EXACT, FLOAT32, Precision, precision
from mnist_core.presets import preset as find_preset
from mnist_core.training import check_recipe

CERTIFICATES = "certificates.json"


def _plan(
    networks: tuple[str, ...],
    batches: tuple[int, ...],
    preset: str | None,
    lr: float | None,
    seed: int | None,
    steps: int | None,
    kinds: Sequence[Precision],
    data: Dataset,
) -> list[Proof]:
    """What to verify, from presets and options."""
    known, exact = find_preset(preset or "standard"), EXACT in kinds
    sizes = [parse_sizes(text) for text in dict.fromkeys(networks)] or [known.network]
    images = list(dict.fromkeys(batches)) or [known.batch or len(data.train_labels)]
    if lr is None:
        lr = EXACT.nearest_lr(known.lr) if exact else known.lr
    proofs = []
    for network in sizes:
        for batch in images:
            check_recipe(network, data, batch)
            for kind in kinds:
                kind.rate(lr, batch)
            of = known.seed if seed is None else seed
            proofs.append(Proof(Recipe(network, batch, lr, of, steps or STEPS)))
    return proofs


def verify_command(
    backends: tuple[str, ...],
    data: str,
    precisions: tuple[str, ...],
    threads: tuple[int, ...],
    plugins: tuple[str, ...],
    save: str | None,
    against: str | None,
    out: str | None,
    **recipe: Any,
) -> int:
    """Certificates of every backend in a table. Returns the exit code: 1 if one fails."""
    registry.load_plugins(plugins)
    chosen = selected(backends)
    check_runnable(chosen)
    kinds = [precision(name) for name in dict.fromkeys(precisions)] or [FLOAT32, EXACT]
    if (save or against) and EXACT not in kinds:
        raise NetworkError("--save and --against are about exact precision: add --precision exact")
    data = resolve(data)
    dataset = load_data(data)
    if against:
        proofs, kinds = _stored(against, precisions, recipe, dataset), [EXACT]
    else:
        proofs = _plan(**recipe, kinds=kinds, data=dataset)
    if save:
        files.writable(Path(save).parent)
    folder = files.writable(files.folder(out))
    if (folder / CERTIFICATES).exists():
        raise OutputError(f"{folder} holds other certificates; choose another --out")
    job = {"plugins": [str(Path(p).resolve()) for p in plugins], "data": data, "kernels": {}}
    rows: list[Row] = []
    try:
        _verify_all(rows, chosen, threads or (machine.cores(),), job, proofs, kinds)
    finally:  # also where it is interrupted: what was certified is kept
        certificates = _write(rows, folder)
    if save:
        save_proofs(Path(save), dataset, certificates)
    _show(rows, proofs, kinds, dataset, folder)
    return 0 if all(row.status in ("ok", "unavailable") for row in rows) else 1


def _stored(
    against: str, precisions: tuple[str, ...], recipe: dict[str, Any], data: Dataset
) -> list[Proof]:
    """Trainings from a file, with which no option of a training goes."""
    given = [value for value in recipe.values() if value not in (None, ())]
    if given or set(precisions) - {EXACT.name}:
        raise NetworkError(
            "--against takes network, batch, learning rate, seed and steps from its file, in exact "
            "precision; leave those options out"
        )
    return load_proofs(Path(against), data)


def _write(rows: list[Row], folder: Path) -> list[dict[str, Any]]:
    """Write the certificates and the picture of their trajectories; no empty folder is left."""
    certificates = [c for row in rows for c in row.certificates]
    if not certificates:
        files.remove_if_empty(folder)
        return certificates
    with files.replacing(folder / CERTIFICATES) as path:
        path.write_text(json.dumps(certificates, indent=1) + "\n", encoding="utf-8")
    drawn = growth.image(certificates)
    if drawn:
        with files.replacing(folder / "error-growth.svg") as path:
            path.write_bytes(drawn)
    return certificates


def _verify_all(
    rows: list[Row],
    backends: list[Backend],
    threads: Sequence[int],
    job: dict[str, Any],
    proofs: list[Proof],
    kinds: Sequence[Precision],
) -> None:
    """A row for each backend and number of threads, in ``rows`` as soon as it is begun."""
    usable = sum(backend.unavailable() is None for backend in backends)
    counts = list(dict.fromkeys(threads))
    with console.RunProgress() as progress:
        progress.begin(usable * len(counts) * len(proofs) * len(kinds))
        for backend in backends:
            reason = backend.unavailable()
            if reason:
                rows.append(Row(backend.name, None, "unavailable", reason))
                continue
            for count in counts:
                rows.append(Row(backend.name, count))
                _verify(rows[-1], job | {"threads": count}, proofs, kinds, progress)


def _verify(
    row: Row,
    job: dict[str, Any],
    proofs: list[Proof],
    kinds: Sequence[Precision],
    progress: console.RunProgress,
) -> None:
    """All certificates of one backend on so many threads, from a process of its own."""
    opening = {"backend": row.backend, "precision": FLOAT32.name, "lr": 1.0, "seed": 0}
    try:
        worker = Worker({**job, **opening})
    except WorkerError as error:
        row.end("failed", str(error))
        return
    try:
        for proof in proofs:
            for kind in kinds:
                what = f"{row.backend}, threads {row.threads}, {kind.name}, {proof.label}"
                progress.at(f"verifying {what}")
                _certify(row, worker, proof, kind)
                progress.advance()
    except WorkerDiedError as error:
        row.end("failed", str(error))
    finally:
        worker.close()


def _certify(row: Row, worker: Worker, proof: Proof, kind: Precision) -> None:
    """Ask for one certificate and keep it; what breaks costs this one alone."""
    recipe = proof.recipe
    common = {"network": recipe.sizes, "batch": recipe.batch, "lr": recipe.lr, "seed": recipe.seed}
    try:
        if kind is EXACT:
            found = worker.ask("verify_exact", **common, steps=recipe.steps, expected=proof.weights)
        else:
            found = worker.ask("verify", **common, precision=kind.name)
    except WorkerDiedError:
        raise
    except WorkerError as error:
        row.end("failed", f"{proof.label}: {error}")
        return
    row.certificates.append(found | {"threads": row.threads})
    if not found["passed"]:
        row.end("refused", found["reason"])


def _show(
    rows: list[Row], proofs: list[Proof], kinds: Sequence[Precision], data: Dataset, folder: Path
) -> None:
    output = console.stdout()
    output.print(f"data      {data.name}, sha256 {data.sha256[:16]}", markup=False)
    for proof in proofs:
        for floats in [kind.name for kind in kinds if kind is not EXACT] or [""]:
            shown = [name for name in (floats, EXACT.name) if name in [k.name for k in kinds]]
            output.print(f"\n{proof.label}{floats and ', '}{floats}\n", markup=False)
            output.print(claims_table(rows, proof, shown))
    for row in rows:
        if row.reason and row.status != "unavailable":
            output.print(f"\n{row.backend}: {row.status}, {row.reason}", markup=False)
    absent = [(row.backend, row.reason) for row in rows if row.status == "unavailable"]
    console.print_unavailable(absent, output)
    output.print(f"\ncertificates   {folder / CERTIFICATES}", markup=False, soft_wrap=True)
