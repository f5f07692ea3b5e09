"""How training in floats departs from the truth, step by step: a line for each backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

from bench.report.cases import BASELINE_COLOUR, COLOURS, real
from bench.report.charts import PAPER_INK, styled
from bench.report.digits import plain
from mnist_core.numerics.check import Growth
from mnist_core.numerics.trajectory import ENVELOPE_FACTOR

REORDERED, ALLOWED = "NumPy, sums reordered", f"allowed: {ENVELOPE_FACTOR} times that"


def image(certificates: Sequence[Mapping[str, Any]]) -> bytes | None:
    """Draw the first training that the certificates hold; None if they hold none."""
    import altair as alt
    import vl_convert

    found = [(c, steps) for c in certificates if (steps := growth_of(c))]
    if not found:
        return None
    first = found[0][0]
    shown = [(c, steps) for c, steps in found if setting(c) == setting(first)]
    names = [name(c) for c, _ in shown]
    lines = [
        {"line": name(c), "step": i, "distance": step.distance}
        for c, steps in shown
        for i, step in enumerate(steps, 1)
    ]
    for i, step in enumerate(shown[0][1], 1):
        lines.append({"line": REORDERED, "step": i, "distance": step.envelope})
        lines.append({"line": ALLOWED, "step": i, "distance": ENVELOPE_FACTOR * step.envelope})
    order = [*names, REORDERED, ALLOWED]
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(names))]
    dashes = [[1, 0]] * len(names) + [[6, 3], [2, 3]]
    chart = (
        alt.Chart(alt.InlineData(values=lines))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("step:Q", title="steps of training"),
            y=alt.Y("distance:Q", title="relative distance from the truth")
            .scale(type="log")
            .axis(format=".0e", tickCount=5),
            color=alt.Color("line:N", title=None, sort=order).scale(
                domain=order, range=[*colours, BASELINE_COLOUR, BASELINE_COLOUR]
            ),
            strokeDash=alt.StrokeDash("line:N", title=None, sort=order).scale(
                domain=order, range=dashes
            ),
        )
        .properties(width=420, height=260, title=f"{' · '.join(map(str, setting(first)))}")
    )
    return str(vl_convert.vegalite_to_svg(styled(chart, PAPER_INK, "white"))).encode()


def growth_of(certificate: Mapping[str, Any]) -> list[Growth]:
    """The steps of a certificate's training; none if it has none.

    Those of before there were losses have NaN for them.
    """
    checks = (c for c in certificate.get("checks") or [] if c.get("growth"))
    steps: Any = next((c["growth"] for c in checks), [])
    return [
        Growth(*map(real, [*step, nan, nan][: len(Growth._fields)]))
        for step in (steps if isinstance(steps, list) else [])
        if isinstance(step, list) and len(step) >= 2
    ]


def setting(certificate: Mapping[str, Any]) -> tuple[Any, ...]:
    """What must be alike for two lines to share a chart."""
    return (
        certificate["network"],
        f"batch {certificate['batch']}",
        certificate["precision"],
        f"seed {certificate['seed']}",
    )


def name(certificate: Mapping[str, Any]) -> str:
    """Name of a line."""
    threads = plain(certificate.get("threads"))
    refused = "" if certificate.get("passed", True) else ", refused"
    return plain(certificate.get("backend")) + (f", threads {threads}" if threads else "") + refused
