"""`mnist-bench verify`: a table of claims, and trainings that two machines compare."""

import itertools
import json
import os
from pathlib import Path

import pytest
from command_line import SMALL, invoke, mnist_bench, write_data

from mnist_core import registry

ROOT = Path(__file__).parents[1]
EXACT = ("--precision", "exact", "--steps", 6)

PLUGIN = """
from mnist_core import Backend, kernel, operators

@kernel(operators.sgd)
def too_far(param, grad, *, lr):
    param -= 1.001 * lr * grad

@kernel(operators.dense)
def own(x, w, b, out, *, activation):
    out[...] = x[:, ::-1] @ w[::-1] + b
    if activation == "relu":
        out.clip(min=0, out=out)

wrong = Backend("wrong", base="numpy", kernels=[too_far])
right = Backend("right", base="numpy", kernels=[own])
"""


@pytest.fixture(scope="module")
def data(small_digits, tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), small_digits)


@pytest.fixture
def plugin(tmp_path):
    known = dict(registry.backends())
    file = tmp_path / "plugin.py"
    file.write_text(PLUGIN)
    yield file
    registry.backends().clear()
    registry.backends().update(known)


@pytest.fixture
def verify(data, tmp_path):
    """Run the command on one thread; its exit code, its lines, and what it says on stderr."""

    times = itertools.count()

    def run(*arguments: object):
        number = next(times)
        out = ("--out", tmp_path / (f"out{number}" if number else "out"))
        return invoke("verify", "--data", data, "--threads", 1, *out, *arguments)

    return run


def row(output: str, backend: str) -> list[str]:
    [line] = [line for line in output.splitlines() if line.split()[:1] == [backend]]
    return line.split()


def test_every_claim_stands_in_the_table_with_its_figure(verify, tmp_path):
    done = verify(*SMALL, "--backend", "numpy", "--steps", 6)
    assert done.exit_code == 0, done.output
    head = row(done.stdout, "backend")
    assert head[:7] == [
        *("backend", "threads", "deterministic", "operators", "gradients", "trajectory", "exact")
    ]
    name, threads, deterministic, *ratios, sha256 = row(done.stdout, "numpy")[:7]
    assert (name, threads, deterministic) == ("numpy", "1", "yes")
    assert all(ratio.endswith("x") and float(ratio[:-1]) >= 1 for ratio in ratios)
    assert int(sha256, 16) < 16**16
    float32, exact = json.loads((tmp_path / "out" / "certificates.json").read_text())
    assert (float32["claim"], exact["claim"]) == ("float32", f"exact:{sha256}")
    assert len(exact["steps"]) == 6
    worst = max(float32["checks"], key=lambda check: check["error_ratio"] or 0)
    assert worst["worst"].split("[")[0] in done.stdout


@pytest.mark.long
def test_backends_and_numbers_of_threads_have_one_hash(data, tmp_path, plugin):
    names = [n for n in ("numpy", "numba") if registry.backend(n).unavailable() is None]
    backends = [word for name in (*names, "right") for word in ("--backend", name)]
    threads = ("--threads", 1, *(("--threads", 2) if (os.cpu_count() or 1) > 1 else ()))
    options = (*SMALL, *EXACT, *threads, "--data", data, "--plugin", plugin)
    done = invoke("verify", *backends, *options, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    certificates = json.loads((tmp_path / "out" / "certificates.json").read_text())
    assert len(certificates) == (len(names) + 1) * (len(threads) // 2)
    assert len({certificate["claim"] for certificate in certificates}) == 1


def test_a_wrong_backend_is_refused_with_its_reason_and_exit_code_1(verify, plugin):
    backends = ("--backend", "numpy", "--backend", "wrong")
    done = verify(*SMALL, *EXACT, *backends, "--plugin", plugin)
    assert done.exit_code == 1
    assert row(done.stdout, "wrong") == ["wrong", "1", "refused"]
    assert "wrong: refused, sgd/too_far: param differs in row 0 of 1" in done.stdout
    assert len(row(done.stdout, "numpy")[-1]) == 16


def test_a_stored_training_is_compared_step_by_step(verify, tmp_path):
    file = tmp_path / "proof.json"
    assert verify(*SMALL, *EXACT, "--backend", "numpy", "--save", file).exit_code == 0
    assert verify("--backend", "numpy", "--against", file).exit_code == 0
    stored = json.loads(file.read_text())
    stored["trainings"][0]["weights"][3] = "0" * 64
    file.write_text(json.dumps(stored))
    done = verify("--backend", "numpy", "--against", file)
    assert done.exit_code == 1
    assert "the weights differ from the reference at step 4" in done.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("initial_weights", "0"), "other initial weights than here"),
        (("order", "0"), "other order than here"),
        (("data", "0"), "holds trainings on"),
        (("network", "784-"), "not a file that `verify --save` wrote"),
        (("weights", 3), "not a file that `verify --save` wrote"),
        (("batch", 0), "not a file that `verify --save` wrote"),
        (("seed", -1), "not a file that `verify --save` wrote"),
        (("network", 5), "not a file that `verify --save` wrote"),
        (("lr", 0.3), "exact precision takes powers of two"),
    ],
)
def test_a_training_that_began_otherwise_is_no_proof(verify, tmp_path, change, said):
    file = tmp_path / "proof.json"
    verify(*SMALL, *EXACT, "--backend", "numpy", "--save", file)
    stored = json.loads(file.read_text())
    stored["trainings"][0] |= [change]
    file.write_text(json.dumps(stored))
    done = verify("--backend", "numpy", "--against", file)
    assert done.exit_code == 2
    assert str(file) in done.stderr
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--learning-rate", 0.1), "learning rate 0.1: exact precision takes powers of two"),
        (("--learning-rate", -1), "learning rate -1: give a positive number"),
        (("--against", "nowhere.json"), "nowhere.json"),
        (("--against", "any", "--batch", 32), "--against takes network, batch"),
        (("--save", "any", "--precision", "float32"), "add --precision exact"),
        (("--precision", "bf16"), "unknown precision 'bf16'"),
        (("--batch", 0), "batch 0"),
        (("--against", "any", "--precision", "float64"), "add --precision exact"),
        (("--network", "784-10", "--learning-rate", 2**20), "of layer 0 at step"),
    ],
)
def test_what_cannot_be_verified_is_refused_in_one_line(verify, arguments, said):
    done = verify("--backend", "numpy", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_of_another_schema_or_with_fields_missing_is_named(verify, tmp_path):
    file = tmp_path / "proof.json"
    verify(*SMALL, *EXACT, "--backend", "numpy", "--save", file)
    stored = json.loads(file.read_text())
    for other in ({**stored, "schema": 99}, {"schema": 1}, [], {"schema": 1, "trainings": [{}]}):
        file.write_text(json.dumps(other))
        done = verify("--backend", "numpy", "--against", file)
        assert done.exit_code == 2
        assert done.stderr.startswith(f"mnist-bench: {file}: not a file that `verify --save` wrote")


def test_nothing_is_overwritten(verify, tmp_path, plugin):
    file = tmp_path / "proof.json"
    file.write_text("kept")
    wrong = ("--plugin", plugin, "--backend", "wrong")
    done = verify(*SMALL, *EXACT, *wrong, "--save", file)
    assert done.exit_code == 2
    assert f"{file} is not written: no training was certified" in done.stderr
    assert file.read_text() == "kept"
    again = verify(*SMALL, *EXACT, "--backend", "numpy", "--out", tmp_path / "out")
    assert again.exit_code == 2
    assert "holds other certificates; choose another --out" in again.stderr


def test_floats_alone_take_any_rate(verify):
    float32 = ("--precision", "float32", "--learning-rate", 0.1)
    done = verify(*SMALL, "--backend", "numpy", *float32)
    assert done.exit_code == 0, done.output
    assert "learning rate 0.1" in done.stdout


def test_training_in_exact_precision_takes_the_nearest_rate(data, tmp_path):
    recipe = (*SMALL, "--precision", "exact", "--epochs", 1, "--data", data)
    done = invoke("train", *recipe, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "learning rate 0.125, exact" in done.stdout
    evaluated = invoke("evaluate", "--weights", tmp_path / "out", "--data", data)
    accuracy = done.stdout.split("test accuracy ")[1].split()[0]
    assert f"accuracy {accuracy}" in evaluated.stdout
    refused = invoke("train", *recipe, "--learning-rate", 0.1, "--out", tmp_path / "other")
    assert refused.exit_code == 2
    assert "near are 0.0625 and 0.125" in refused.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.long
def test_a_run_in_exact_precision_has_the_hash_in_every_row(data, tmp_path):
    from bench.results import load

    options = ("--precision", "exact", "--level", "step", "--operator", "softmax", "--quick")
    backend = ("--backend", "numpy")
    done = invoke("run", *SMALL, *options, *backend, "--data", data, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    rows = load(tmp_path / "out")
    assert set(rows.status) == {"ok"}
    assert rows.certificate.str.fullmatch(r"exact:[0-9a-f]{16}").all()


# The trainings kept in the repository


def test_kept_trainings_on_drawn_digits_are_what_this_machine_computes(tmp_path):
    kept = json.loads((ROOT / "results" / "reference" / "exact-digits.json").read_text())
    first = {**kept, "trainings": kept["trainings"][:1]}
    file = tmp_path / "first.json"
    file.write_text(json.dumps(first))
    options = ("--data", "digits", "--against", file, "--out", tmp_path / "out")
    done = invoke("verify", "--backend", "numpy", *options)
    assert done.exit_code == 0, done.output


@pytest.mark.long
@pytest.mark.parametrize("source", ["digits", "mnist"])
def test_every_backend_computes_the_kept_trainings(source, tmp_path):
    if source == "mnist" and "MNIST_DATA_DIR" not in os.environ:
        pytest.skip("MNIST_DATA_DIR is not set")
    file = ROOT / "results" / "reference" / f"exact-{source}.json"
    options = ("--data", source, "--against", file, "--out", tmp_path / "out")
    strict = ("--plugin", ROOT / "tests" / "strict_space.py", "--backend", "strict")
    own = ("--backend", "numpy", "--backend", "numba")
    done = mnist_bench("verify", *own, *strict, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("strict ") == len(json.loads(file.read_text())["trainings"])
