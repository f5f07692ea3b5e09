"""``mnist-bench scale``."""

from collections.abc import Iterator, Sequence
from itertools import combinations, groupby
from math import nan
from typing import Any

from bench import console, files, machine, scaling
from bench.commands.run import make_plan, measure
from bench.files import replacing
from bench.report import digits, scale_chart
from bench.run_folder import RunFolder
from bench.scaling import Point
from bench.suite import LEVELS, Case
from mnist_core.data import load as load_data
from mnist_core.data import resolve
from mnist_core.errors import NetworkError
from mnist_core.network import parse_sizes
from mnist_core.presets import preset

_UNITS = {"batch": "an image", "width": "a unit", "depth": "a layer"}
_HEAD = ("axis", "at", "backend", "time [95 %]", "images/s", "% of peak", "memory", "certificate")


def scale_command(
    axes: tuple[str, ...],
    level: str,
    sizes: tuple[int, ...],
    network: str | None,
    batch: int | None,
    threads: int | None,
    data: str,
    out: str | None,
    **options: Any,
) -> int:
    """Measure along each axis, fit, show. Returns the exit code: 1 if a backend was refused."""
    if level not in LEVELS[:4]:
        raise NetworkError(f"--level {level}: give one of {', '.join(LEVELS[:4])}")
    data, standard = resolve(data), preset("standard")
    base = parse_sizes(network) if network else standard.network
    points = _planned(
        axes or scaling.AXES,
        sizes,
        (base, batch or standard.batch or 1, threads or machine.cores()),
        len(load_data(data).train_labels),
    )
    folder = files.writable(files.folder(out))
    rows: list[tuple[Point, Any]] = []
    well = True
    for number, of in groupby(points, key=lambda point: point.threads):
        group = list(of)
        cases = {point: Case(level, None, point.network, point.batch) for point in group}
        plan, environment = make_plan(
            **options, data=data, threads=number, quick=True, cases=[*dict.fromkeys(cases.values())]
        )
        if not rows:
            for line in console.head(environment):
                console.stdout().print(line, markup=False)
        run = RunFolder.create(folder / f"threads-{number}")
        table, fine, interrupted = measure(plan, run, environment)
        if interrupted:
            raise KeyboardInterrupt
        well = well and fine
        for point, case in cases.items():
            found = table[(table.network == case.network_name) & (table.batch == case.batch)]
            rows += [(point, row) for row in found.itertuples() if row.status != "unavailable"]
    rows.sort(key=lambda pair: (scaling.AXES.index(pair[0].axis), pair[0].at))
    _show(rows)
    with replacing(folder / "scale.svg") as path:
        path.write_text(scale_chart.draw(rows), encoding="utf-8")
    console.stdout().print(f"\npicture   {folder / 'scale.svg'}", markup=False, soft_wrap=True)
    return 0 if well else 1


def _planned(
    axes: Sequence[str],
    sizes: Sequence[int],
    base: tuple[tuple[int, ...], int, int],
    images: int,
) -> list[Point]:
    """Every point of every axis, those with as many threads next to each other."""
    usual = {
        "batch": scaling.within(scaling.BATCHES, images),
        "width": list(scaling.WIDTHS),
        "depth": list(scaling.DEPTHS),
        "threads": scaling.within((1, 2, 4, 8, 16, 32, 64), machine.cores()),
    }
    limits = {"batch": images, "threads": machine.cores()}
    found = []
    for axis in axes:
        if axis not in scaling.AXES:
            raise NetworkError(f"--over {axis}: give one of {', '.join(scaling.AXES)}")
        along = sorted(set(sizes)) or usual[axis]
        if along[-1] > limits.get(axis, along[-1]):
            raise NetworkError(f"--at {along[-1]}: {axis} goes up to {limits[axis]} here")
        found += scaling.points(axis, along, *base)
    return sorted(found, key=lambda point: -point.threads)


def _show(rows: Sequence[tuple[Point, Any]]) -> None:
    output = console.stdout()
    shown = [(point.axis, str(point.at), row.backend, *_cells(row)) for point, row in rows]
    output.print(console.plain_table(_HEAD, shown))
    for axis, of in groupby(rows, key=lambda pair: pair[0].axis):
        lines = list(_findings(axis, list(of)))
        if lines:
            output.print()
        for line in lines:
            output.print(line, markup=False, soft_wrap=True)


def _cells(row: Any) -> tuple[str, ...]:
    if row.status != "ok":
        return row.status, "", "", "", row.reason
    return (
        digits.seconds(row.median_s, row.ci_low_s, row.ci_high_s),
        digits.number(row.images_per_s, digits.places(row.images_per_s)),
        digits.number(row.pct_peak, 1 if row.pct_peak < 10 else 0),
        digits.size(row.peak_memory_bytes),
        row.certificate,
    )


def _findings(axis: str, rows: Sequence[tuple[Point, Any]]) -> Iterator[str]:
    """What the figures along one axis come to: a line for each backend, and who overtakes whom."""
    times: dict[str, dict[int, float]] = {}
    ends: dict[str, dict[int, tuple[float, float]]] = {}
    for point, row in rows:
        if row.status == "ok":
            times.setdefault(row.backend, {})[point.at] = row.median_s
            ends.setdefault(row.backend, {})[point.at] = row.ci_low_s, row.ci_high_s
    for backend, of in times.items():
        if axis == "threads":
            speedups = ", ".join(f"{n} threads {of[min(of)] / s:.2f}x" for n, s in of.items())
            yield f"{axis:<9} {backend}: {speedups}"
        elif len(of) > 1:
            line = scaling.fit([*of], [*of.values()])
            launch, each = (digits.seconds(s, nan, nan) for s in (line.launch, line.each))
            cost = f"{launch or '0 s'} a call and {each or '0 s'} {_UNITS[axis]}"
            yield f"{axis:<9} {backend}: {cost}; points are up to {line.residual:.0%} off that"
    for first, second in combinations(times, 2):
        # Where the intervals meet, neither is the faster.
        at = [
            x
            for x in sorted(times[first].keys() & times[second].keys())
            if ends[first][x][0] > ends[second][x][1] or ends[second][x][0] > ends[first][x][1]
        ]
        seconds = ([times[name][x] for x in at] for name in (first, second))
        for size, second_wins in scaling.crossovers(at, *seconds):
            winner = second if second_wins else first
            yield f"{axis:<9} {winner} is the faster of {first} and {second} from {size:.3g} on"
