"""What the page knows of each row: its record, its samples, and how to measure it again."""

import math
import os
import shlex
from pathlib import Path

import pandas as pd
import pytest
from report_page import HOSTILE, frame, island, page, records, refused, row, taken

from bench import report, results
from bench.cli import main
from bench.columns import TEXT_COLUMNS
from bench.report import cases, samples, scripts
from bench.report import records as made

REFERENCE = Path(__file__).parents[2] / "results/reference/epyc-2-cores"
CHOSEN_BY = ("batch", "threads", "seed")  # as text, since a choice is


def test_every_number_of_a_run_is_that_of_its_csv():
    table = results.load(REFERENCE)
    html = report.render(table, [], {})
    shown = records(html)
    order = [case["at"] for case in cases.tidy(table.assign(at=range(len(table))))]
    assert len(shown) == len(table)
    for record, i in zip(shown, order, strict=True):
        for name, value in table.iloc[i].items():
            if name in CHOSEN_BY:
                assert float(record[name]) == value
            elif name in TEXT_COLUMNS:
                assert record[name] == value
            else:
                assert record[name] == (None if value != value else value), name


def test_every_step_of_a_training_is_that_of_its_certificate():
    found = results.load_certificates(REFERENCE)
    shown = records(report.render(results.load(REFERENCE), found, {}), "steps")
    growth = [
        (certificate["backend"], i, *step)
        for certificate in found
        for check in certificate["checks"]
        for i, step in enumerate(check["growth"], 1)
    ]
    names = ("backend", "step", "distance", "envelope", "loss", "true_loss")
    assert [tuple(step[name] for name in names) for step in shown] == growth
    assert {step["backend"] for step in shown} == {one["backend"] for one in found}
    assert all(step["loss"] > 0 and step["true_loss"] > 0 for step in shown)


def test_the_samples_of_a_row_are_its_own_and_in_order():
    rows = frame(row("numpy", 1), row("a", 2), refused("b"))
    measured = pd.DataFrame([*taken(6)[::-1], *taken(3, "a"), *taken(2, "b"), *taken(1, "other")])
    html = report.render(rows, [], {}, measured)
    found = island(html, "samples")
    order = [record["backend"] for record in records(html)]
    assert {order[int(place)] for place in found} == {"numpy", "a"}
    numpy = found[str(order.index("numpy"))]
    assert numpy == {"of": 6, "power": 3, "taken": [1000, 1001, 1002, 1003, 1004, 1005]}
    assert island(report.render(rows, [], {}), "samples") == {}


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0])
def test_samples_that_make_no_sense_are_left_out(value):
    measured = pd.DataFrame(taken(3))
    measured.loc[1, "seconds"] = value
    (found,) = samples.samples(cases.tidy(frame(row("numpy", 1))), measured).values()
    assert found["taken"] == [1000, 1002]


def test_many_samples_are_thinned_evenly(monkeypatch):
    rows = cases.tidy(frame(row("numpy", 1)))
    (found,) = samples.samples(rows, pd.DataFrame(taken(1000))).values()
    assert (found["of"], len(found["taken"])) == (1000, samples.MOST)
    assert found["taken"][:3] == [1000, 1005, 1010]
    monkeypatch.setattr(samples, "BUDGET", 10)
    (found,) = samples.samples(rows, pd.DataFrame(taken(1000))).values()
    assert len(found["taken"]) == 10


def command(html, place=0):
    record = records(html)[place]
    return f"{record['measure']} {record['conditions']}"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "--level epoch"),
        (
            {"level": "operator", "operator": "dense", "kernel": "tiled", "cache": "cold"},
            "--level operator --operator dense --cache cold --kernel dense=tiled",
        ),
        ({"level": "part", "operator": "dense 1", "kernel": "tiled"}, "--level part"),
    ],
)
def test_a_row_names_the_command_that_measures_it_again(values, words):
    given = "mnist-bench run --backend mine --plugin 'my a.py' --quick --out there"
    html = page(row("mine", 1, **values), environment={"command": given})
    conditions = "--network 784-128-64-10 --batch 128 --precision float32 --threads 2"
    found = command(html)
    assert found == (
        f"mnist-bench run --plugin 'my a.py' --quick --backend numpy --backend mine {words} "
        f"{conditions} --data mnist --seed 0"
    )
    options = {option for p in main.commands["run"].params for option in p.opts}
    assert {word for word in found.split() if word.startswith("--")} <= options


@pytest.mark.parametrize("name", [*HOSTILE, "a; rm -rf ~", "$(reboot)", "it's"])
def test_a_command_quotes_what_a_shell_would_read(name):
    words = shlex.split(command(page(row(name, 1, data=name, baseline=""))))
    assert words[words.index("--backend") + 1] == name
    assert words[words.index("--data") + 1] == name


def test_columns_whose_values_return_are_packed():
    assert made.packed([1, 2, 3]) == [1, 2, 3]
    assert made.packed(["a", "a", "a"]) == {"values": ["a"]}
    assert made.packed(["a", "b", "a", "a"]) == {"values": ["a", "b"], "at": [0, 1, 0, 0]}
    assert made.packed([1, True, 1, True]) == {"values": [1, True], "at": [0, 1, 0, 1]}


def test_the_bundle_is_kept_and_a_damaged_one_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(scripts, "cache_folder", lambda: tmp_path / "cache")
    text = scripts.vega()
    (kept,) = (tmp_path / "cache").iterdir()
    monkeypatch.setattr("vl_convert.javascript_bundle", lambda _: "made anew")
    assert scripts.vega() == text
    kept.write_text(kept.read_text(encoding="utf-8")[:-1], encoding="utf-8")
    assert scripts.vega() == "made anew"


def test_where_nothing_can_be_kept_the_page_is_written_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(scripts, "cache_folder", lambda: tmp_path / "file")
    monkeypatch.setattr("vl_convert.javascript_bundle", lambda _: "bundle")
    assert scripts.vega() == "bundle"
    assert os.listdir(tmp_path) == ["file"]
