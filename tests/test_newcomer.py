"""What a newcomer stumbles over: each gets a line that says what to do."""

import pytest
from command_line import SMALL, invoke, write_data

from bench.console import print_tables, print_unavailable, stdout
from bench.machine import cores
from bench.results import frame
from mnist_core import registry
from mnist_core.data import resolve


@pytest.fixture(scope="module")
def data(small_digits, tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), small_digits)


def test_more_threads_than_processors_are_refused(data):
    for line in (("run", *SMALL), ("train", *SMALL)):
        done = invoke(*line, "--data", data, "--threads", cores() + 1)
        assert done.exit_code == 2
        assert f"{cores() + 1} threads on {cores()} processors" in done.stderr


def test_a_run_of_nothing_but_unavailable_backends_is_refused(data, tmp_path, monkeypatch):
    numpy = registry.backend("numpy")
    monkeypatch.setattr(numpy, "unavailable", lambda: "out of order")
    done = invoke("run", *SMALL, "--data", data, "--backend", "numpy", "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert done.stderr == "mnist-bench: nothing to run: numpy is unavailable: out of order\n"
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    done = invoke("train", *SMALL, "--epochs", 1, "--data", data, "--out", out)
    assert done.exit_code == 0
    return out


def test_weights_are_found_in_the_folder_of_their_training(trained, data):
    done = invoke("evaluate", "--weights", trained, "--data", data)
    assert done.exit_code == 0
    assert "accuracy" in done.stdout


def test_evaluating_on_other_data_than_trained_on_is_said(trained, data):
    done = invoke("evaluate", "--weights", trained, "--data", "synthetic")
    assert done.exit_code == 0
    assert done.stderr == f"warning: trained on {data.name}, evaluated on synthetic\n"


def test_training_does_not_overwrite_weights(trained, data):
    before = (trained / "weights.safetensors").read_bytes()
    done = invoke("train", *SMALL, "--epochs", 1, "--data", data, "--out", trained)
    assert done.exit_code == 2
    assert (
        "holds another training (weights.safetensors); choose another --out, or go on with"
        in done.stderr
    )
    assert (trained / "weights.safetensors").read_bytes() == before


def test_drawn_digits_in_place_of_mnist_say_why(monkeypatch, tmp_path, caplog):
    monkeypatch.delenv("MNIST_DATA_DIR", raising=False)
    monkeypatch.setattr("mnist_core.data.sources.cached", lambda name: None)
    assert resolve("auto") == "digits"
    assert "drawn digits instead of MNIST: mnist is not in the cache and" in caplog.text
    assert "set MNIST_DATA_DIR" in caplog.text


def test_a_product_is_held_against_cublas_where_that_was_timed(capsys):
    shown = {"network": "784-10", "batch": 1, "level": "operator", "role": "own", "status": "ok"}
    measured = {"certificate": "float32", "gflops": 123.0}
    rows = [
        {**shown, **measured, "backend": name, "operator": operator, "median_s": seconds}
        for operator in ("dense", "relu")
        for name, seconds in (("cupy", 1e-3), ("cupy-raw[dense=naive]", 4e-3))
    ]
    print_tables(frame(rows), stdout())
    lines = capsys.readouterr().out.splitlines()
    (head,) = [line for line in lines if "% of cuBLAS" in line]
    assert "GFLOP/s" in head
    assert "images/s" not in head
    place = slice(head.index("% of cuBLAS"), head.index("certificate"))
    cells = [line[place].strip() for line in lines[lines.index(head) + 1 :]]
    assert cells == ["100", "25", "", ""]


def test_backends_that_cannot_run_for_one_reason_are_one_line(capsys):
    reasons = [
        ("cupy", "no CUDA device"),
        ("torch", "not installed"),
        ("cupy-raw", "no CUDA device"),
    ]
    print_unavailable(reasons, stdout())
    assert capsys.readouterr().out.splitlines() == [
        "",
        "cupy, cupy-raw: unavailable, no CUDA device",
        "torch: unavailable, not installed",
    ]


def test_a_refusal_is_told_once(capsys):
    refused = {"backend": "wrong", "status": "refused", "reason": "dlogits differs"}
    rows = [{**refused, "level": level} for level in ("step", "epoch")]
    shown = {"network": "784-10", "batch": 1, "operator": "", "role": "own"}
    print_tables(frame([{**row, **shown} for row in rows]), stdout())
    output = capsys.readouterr().out
    assert output.count("refused") == 2
    assert output.count("dlogits differs") == 1
