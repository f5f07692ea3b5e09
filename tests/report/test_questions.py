"""The exploring charts: that they are drawn of any rows, and of the rows' own numbers."""

import json
import math
import re

import pytest
from report_page import HOSTILE, RUN, frame, row

from bench.report import cases, explore, questions, steps
from bench.report.questions import parts, roofline, speed

# Names that are text to a page, and names that every object has in JavaScript.
NAMES = [*HOSTILE, "a \"b\"\n'c'\\", "constructor", "toString", "__proto__"]
PEAKS = {"cpu": {"gflops": 200.0, "cache_gbytes_per_s": 60.0, "memory_gbytes_per_s": 30.0}}
ALL = [
    *("heatmap", "over-batch", "step-parts", "roofline", "ladder"),
    *("accuracy", "losses", "error-growth", "compile-time", "peak-memory"),
]


def everything(names=("fast", "peer"), operators=("dense", "relu"), batches=(32, 128)):
    """Rows of all levels, of NumPy and of the backends named; every second one is a peer."""
    rows = []
    for i, name in enumerate(["numpy", *names]):
        role = "peer" if i and i % 2 == 0 else "own"
        of = {"role": role, "kernel": name, "device": "cpu", "compile_s": 0.1 * (i + 1)}
        of |= {"peak_memory_bytes": 2.0**28 + i}
        for batch in batches:
            for level in ("epoch", "step"):
                rows.append(row(name, 1 + i, level=level, batch=batch, **of))
            for part in ("gather_batch", "dense 1", "dense_backward 1", *operators):
                rows.append(
                    row(name, 1e4 * (1 + i), level="part", operator=part, batch=batch, **of)
                )
            for j, operator in enumerate(operators):
                work = {"flops_executed": 1e7 * (j + 1), "bytes": 1e5, "cache": "hot"}
                rows.append(
                    row(name, 1 + i, level="operator", operator=operator, batch=batch, **of, **work)
                )
    return rows


def certificates(names=("numpy", "fast", "peer"), distance=2e-7):
    growth = [[distance * (1 + i), 2e-7, 2.3 / (1 + i), 2.2 / (1 + i)] for i in range(3)]
    check = {"name": "step", "kind": "trajectory", "passed": True, "growth": growth}
    return [{"backend": name, "batch": 32, "threads": 2, "checks": [check]} for name in names]


def asked(rows, environment=None, found=()):
    """The charts by id, and the cases and steps that they were asked of."""
    shown = cases.tidy(frame(*rows))
    peaks = {RUN: (environment or {}).get("peaks")}
    trained = steps.steps(found, shown)
    charts = questions.charts(shown, cases.colours(shown), peaks, trained)
    return {chart.id: chart for chart in charts}, (shown, trained)


def given(chart, shown, **chosen):
    """Rows that the page gives to a chart in a setting: what page.js does."""
    of = {explore.ROWS: explore.columns(shown[0]), explore.STEPS: steps.columns(shown[1])}
    columns = of[chart.data]
    own = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    if chart.data == explore.ROWS:
        own = [r for r in own if r["status"] == "ok" and r["level"] in (chart.levels or r["level"])]
    followed = {name: value for name, value in chosen.items() if name not in chart.free}
    if chart.levels:
        followed.pop("level", None)
    return [
        r
        for r in own
        if all(cases.real(r[name]) > 0 for name in chart.needs)
        and all(r.get(name) in (None, "", value) for name, value in followed.items())
    ]


SETTING = {"level": "epoch", "batch": "128", "operator": "dense"}


def spec(chart, rows):
    """The specification that the page hands to Vega."""
    datasets = {**chart.spec.get("datasets", {}), chart.data: rows}
    return {**chart.spec, "width": 400, "datasets": datasets}


def svg(chart, rows):
    import vl_convert

    return vl_convert.vegalite_to_svg(spec(chart, rows))


def test_a_whole_run_answers_every_question():
    charts, shown = asked(everything(), {"peaks": PEAKS}, certificates())
    assert list(charts) == ALL
    for chart in charts.values():
        assert "<svg" in svg(chart, given(chart, shown, **SETTING))


@pytest.mark.parametrize(
    ("rows", "answered"),
    [
        ([], []),
        ([row("a", status="refused")], []),
        ([row("numpy", 1)], []),
        ([row("numpy", 1, compile_s=0.1)], ["compile-time"]),
        ([row("numpy", 1), row("a", 2)], ["heatmap", "accuracy"]),
        ([row("numpy", 1, batch=n) for n in (32, 128)], ["over-batch"]),
        ([row("numpy", 1, level="part", operator="fused")], ["step-parts"]),
    ],
)
def test_without_an_answer_there_is_no_chart(rows, answered):
    assert list(asked(rows)[0]) == answered


@pytest.mark.parametrize("peaks", [None, "fast", {}, {"cpu": None}, {"cpu": {"gflops": math.nan}}])
def test_no_roofline_without_peaks(peaks):
    assert "roofline" not in asked(everything(), {"peaks": peaks})[0]


def test_figures_that_make_no_sense_are_left_out():
    columns = ("speedup", "speedup_ci_low", "ci_low_s", "bytes", "compile_s", "error_ratio")
    values = {"none": None, "nan": math.nan, "inf": math.inf, "less": -1.0, "zero": 0.0, "a": "odd"}
    rows = everything(("fast", *values))
    odd = [r | dict.fromkeys(columns, values[r["backend"]]) for r in rows if r["backend"] in values]
    charts, shown = asked(
        [*(r for r in rows if r["backend"] not in values), *odd], {"peaks": PEAKS}, certificates()
    )
    assert list(charts) == ALL
    for chart in charts.values():
        data = given(chart, shown, **SETTING)
        json.dumps(data, allow_nan=False)
        assert "<svg" in svg(chart, data)
        assert not values.keys() & {r["backend"] for r in data if chart.id in ("heatmap", "ladder")}


def test_distances_that_are_no_numbers_are_left_out():
    assert "error-growth" not in asked([row("numpy", 1)], {}, certificates(distance=math.nan))[0]
    assert "error-growth" not in asked([row("numpy", 1)], {}, [{"checks": None}, {}])[0]


def test_names_are_only_names():
    rows = everything(NAMES, ("dense", *NAMES))
    charts, shown = asked(rows, {"peaks": PEAKS}, certificates(("numpy", *NAMES)))
    assert list(charts) == ALL
    for chart in charts.values():
        text = svg(chart, given(chart, shown, **SETTING | {"operator": "constructor"}))
        assert "<script" not in text
        assert "</style></svg><!--" not in text
        assert "</style></svg><!--" not in explore.island(vars(chart))


def test_forty_backends():
    names = [f"backend-{i}" for i in range(40)]
    charts, shown = asked(everything(names), {"peaks": PEAKS}, certificates(names))
    assert list(charts) == ALL
    for chart in charts.values():
        assert "<svg" in svg(chart, given(chart, shown, **SETTING))
    assert charts["ladder"].spec["height"] == 41 * 24


def test_numbers_are_those_of_the_rows():
    rows = everything()
    charts, shown = asked(rows)
    data = given(charts["heatmap"], shown, **SETTING)
    assert {(r["backend"], r["what"], r["speedup"]) for r in data} == {
        (r["backend"], r["operator"] or r["level"], r["speedup"])
        for r in rows
        if r["level"] != "part" and r["batch"] == 128
    }
    data = given(charts["over-batch"], shown, **SETTING)
    assert {(r["backend"], r["batch"], r["images_per_s"]) for r in data} == {
        (r["backend"], str(r["batch"]), r["images_per_s"]) for r in rows if r["level"] == "epoch"
    }


def test_distances_are_those_of_the_certificates():
    charts, shown = asked([row("fast", 1, role="peer", batch=32)], {}, certificates(("fast",)))
    for chart in (charts["error-growth"], charts["losses"]):
        (first, *_, last) = given(chart, shown, batch="32", level="epoch")
        assert (first["step"], first["distance"], first["envelope"]) == (1, 2e-7, 2e-7)
        assert (last["step"], last["distance"], last["allowed"]) == (3, 6e-7, 16e-7)
        assert (first["loss"], first["true_loss"]) == (2.3, 2.2)
        assert first["role"] == "peer"
        assert given(chart, shown, batch="128") == []


def test_certificates_without_losses_still_have_distances():
    found = certificates()
    for certificate in found:
        check = certificate["checks"][0]
        check["growth"] = [step[:2] for step in check["growth"]]
    charts, shown = asked(everything(), {}, found)
    assert "losses" not in charts
    (first, *_) = given(charts["error-growth"], shown, batch="32")
    assert (first["distance"], first["loss"]) == (2e-7, None)


def test_figures_have_the_digits_that_their_interval_supports():
    wide = [row("numpy", 1, 0), row("a", 3.456, 0.2), row("b", 3.456, 0.01)]
    charts, shown = asked(wide)
    text = svg(charts["heatmap"], given(charts["heatmap"], shown, level="epoch"))
    for figure in (">1<", ">3.5<", ">3.46<"):
        assert figure in text


def test_ladder_is_relative_to_the_library():
    rows = [
        row(name, times, level="operator", operator="dense", kernel=kernel)
        for name, kernel, times in (
            ("numpy", "array", 1),
            ("c", "naive", 0.25),
            ("c", "tiles", 1.5),
        )
    ]
    charts, shown = asked(rows)
    text = svg(charts["ladder"], given(charts["ladder"], shown, operator="dense"))
    for words in ("c · naive", "25", "c · tiles", "150 %", "numpy · array", "100 %"):
        assert words in text


def test_crossover_is_marked_where_another_is_clearly_ahead():
    def rows(late):
        return [
            row(name, times, batch=batch)
            for name, at in (("numpy", {32: 2.0, 128: 2.0}), ("late", {32: 1.0, 128: late}))
            for batch, times in at.items()
        ]

    for late, marked in ((4.0, True), (2.01, False), (1.0, False)):
        charts, shown = asked(rows(late))
        text = svg(charts["over-batch"], given(charts["over-batch"], shown, level="epoch"))
        assert ("late ahead" in text) == marked


def test_front_leaves_out_whom_a_faster_one_equals():
    errors = {"numpy": (1, 1.0), "quick": (4, 3.0), "beaten": (2, 3.0), "middle": (3, 2.0)}
    charts, shown = asked([row(n, t, error_ratio=e) for n, (t, e) in errors.items()])
    chart = charts["accuracy"]
    chart.spec["layer"] = [layer for layer in chart.spec["layer"] if "text" in str(layer["mark"])]
    text = svg(chart, given(chart, shown, level="epoch"))
    assert [name in text for name in ("quick", "middle", "numpy", "beaten")] == [1, 1, 1, 0]


def test_parts_stand_in_the_order_of_a_step():
    step = ["gather_batch", "dense 1", "dense 2", "softmax_cross_entropy"]
    step += ["dense_backward 2", "dense_backward 1", "sgd", "mine 1"]
    assert parts.in_order(reversed(step)) == step
    assert len({parts.shade(part) for part in step}) == len(step)


def pieces(rows):
    """Names and microseconds of what the bars of steps are made of, as they are drawn."""
    charts, shown = asked(rows)
    text = svg(charts["step-parts"], given(charts["step-parts"], shown))
    return {name: float(us) for us, name in re.findall(r'"µs: (.+?);[^"]*piece: (.+?);', text)}


def test_what_a_step_takes_beyond_its_parts_is_drawn():
    rows = [row("numpy", 1, level="step")]
    rows += [row("numpy", of, level="part", operator=p) for p, of in (("dense 1", 3), ("sgd", 6))]
    assert pieces(rows) == pytest.approx({"dense 1": 1e5, "sgd": 5e4, parts.REST: 15e4})


def test_parts_that_are_longer_than_their_step_leave_nothing():
    rows = [row("numpy", 1, level="step"), row("numpy", 0.5, level="part", operator="sgd")]
    assert pieces(rows) == pytest.approx({"sgd": 6e5})


def test_a_step_without_parts_is_no_bar_among_them():
    rows = [*everything(("fast",)), row("peer", 2, level="step", role="peer")]
    charts, shown = asked(rows)
    data = given(charts["step-parts"], shown, batch="128")
    assert {r["backend"] for r in data} == {"numpy", "fast"}


def test_compiling_is_the_sum_over_all_levels():
    rows = [
        row("numpy", 1, compile_s=1.0),
        row("numpy", 1, level="part", operator="fused", compile_s=12),
    ]
    charts, shown = asked([*rows, row("a", 1, compile_s=0.5)])
    text = svg(charts["compile-time"], given(charts["compile-time"], shown, level="epoch"))
    assert ">13 s</text>" in text
    assert ">500 ms</text>" in text


def test_a_run_has_the_roofs_that_were_measured_in_it():
    rows = [r | {"run_id": run} for run in "ab" for r in everything()]
    shown = cases.tidy(frame(*rows)), ()
    peaks = {"a": PEAKS, "b": {"cpu": PEAKS["cpu"] | {"gflops": 20.0}}, "c": None}
    (chart,) = (
        chart
        for chart in questions.charts(shown[0], cases.colours(shown[0]), peaks, ())
        if chart.id == "roofline"
    )
    for run, peak in (("a", "200"), ("b", "20")):
        text = svg(chart, given(chart, shown, run_id=run, batch="128"))
        assert set(re.findall(r"executed: ([0-9.]+); roof", text)) == {peak}


def test_roofs_meet_the_peak_at_their_ridge():
    corners = roofline.roofs("cpu", PEAKS["cpu"] | {"cache_bytes": 1e7}, (0.1, 100.0))
    memory = {c["intensity"]: c["gflops"] for c in corners if c["source"] == "memory"}
    assert memory == pytest.approx({0.1: 3.0, 200 / 30: 200.0, 100.0: 200.0})


def test_colours_end_alike_on_both_sides():
    assert speed.farthest([{"speedup": 0.2}, {"speedup": 3.0}]) == 5
    assert speed.farthest([{"speedup": 1e4}]) == 50
    assert speed.farthest([{"speedup": 1.01}]) == 2


def test_choices_begin_with_what_takes_longest():
    found = {
        choice.column: [*choice.options]
        for choice in explore.choices(asked(everything())[1][0], {RUN: "run"})
    }
    assert "dense 1" not in found["operator"]
    assert found["level"][0] == "epoch"
