"""Weights that others saved: read under the names they gave them, or refused by name."""

from pathlib import Path

import numpy as np
import pytest
from command_line import invoke, write_data
from safetensors.numpy import save_file
from weight_files import (
    SIZES,
    Arrays,
    Writer,
    assert_read,
    folder,
    in_all_forms,
    named,
    npz,
    refused,
    safetensors,
)

from mnist_core import weights
from mnist_core.data import Dataset
from mnist_core.errors import DataError

# Names

NAMES = [
    "W1 b1 W2 b2 W3 b3",
    "w0 b0 w1 b1 w2 b2",
    "weight_0 bias_0 weight_1 bias_1 weight_2 bias_2",
    "weights1 biases1 weights2 biases2 weights3 biases3",
    "W_1 b_1 W_2 b_2 W_3 b_3",
    "params_0 params_1 params_2 params_3 params_4 params_5",
    "params8 params9 params10 params11 params12 params13",
    "arr_0 arr_3 arr_1 arr_4 arr_2 arr_5",
    "coefs_0 intercepts_0 coefs_1 intercepts_1 coefs_2 intercepts_2",
    "net.0.weight net.0.bias net.2.weight net.2.bias net.10.weight net.10.bias",
    "fc1.weight fc1.bias fc2.weight fc2.bias fc3.weight fc3.bias",
    "fc1.weight fc1.bias fc2.weight fc2.bias classifier.weight classifier.bias",
    "input.weight input.bias hidden.weight hidden.bias a.b.weight a.b.bias",
    "features.1.weight features.1.bias features.3.weight features.3.bias head.0.weight head.0.bias",
    "hiddenW1 hiddenB1 hiddenW2 hiddenB2 outW outB",
    "L1Weights bias1 L2Weights bias2 L3Weights bias3",
    "Wx bx Wy by Wz bz",
]


@in_all_forms
@pytest.mark.parametrize("turned", [False, True], ids=["in-out", "out-in"])
@pytest.mark.parametrize("names", NAMES, ids=lambda names: "-".join(names.split()[:2]))
def test_layers_are_found_by_name_and_shape(
    write: Writer, turned: bool, names: str, tmp_path: Path
) -> None:
    assert_read(write(tmp_path / "weights", named(names, turned=turned)))


@in_all_forms
def test_the_order_in_the_file_does_not_matter(write: Writer, tmp_path: Path) -> None:
    backwards = dict(reversed(named(NAMES[0]).items()))
    assert_read(write(tmp_path / "weights", backwards))


@in_all_forms
def test_order_of_equal_layers_is_that_of_their_numbers(write: Writer, tmp_path: Path) -> None:
    sizes = (7, 3, 3, 3, 2)
    names = "in.weight in.bias h9.weight h9.bias h10.weight h10.bias out.weight out.bias"
    assert_read(write(tmp_path / "weights", named(names, sizes, turned=True)), sizes)


def test_order_that_nothing_tells_is_refused(tmp_path: Path) -> None:
    names = "in.weight in.bias x.weight x.bias y.weight y.bias out.weight out.bias"
    path = safetensors(tmp_path / "weights", named(names, (7, 3, 3, 3, 2)))
    refused(lambda: weights.load(path), DataError, str(path), "do not tell", "number them")


def test_more_names_than_can_be_tried_are_refused(tmp_path: Path) -> None:
    names = " ".join(f"{letter * 3}.weight {letter * 3}.bias" for letter in "pqrstuv")
    path = npz(tmp_path / "weights", named(names, tuple(range(10, 2, -1))))
    refused(lambda: weights.load(path), DataError, "number them")


# Shapes


@in_all_forms
@pytest.mark.parametrize("shape", [(-1, 1), (1, -1)], ids=["column", "row"])
@pytest.mark.parametrize("sizes", [SIZES, (7, 1, 3), (5, 1), (1, 1)], ids=str)
def test_biases_may_be_columns_or_rows(
    write: Writer, shape: tuple[int, int], sizes: tuple[int, ...], tmp_path: Path
) -> None:
    arrays = named(" ".join(f"w{i} b{i}" for i in range(len(sizes) - 1)), sizes)
    bent = {k: v.reshape(shape) if k.startswith("b") else v for k, v in arrays.items()}
    assert_read(write(tmp_path / "weights", bent), sizes)


def test_square_layers_are_turned_as_the_others_are(tmp_path: Path) -> None:
    sizes = (7, 7, 7, 3)
    assert_read(npz(tmp_path / "straight", named(NAMES[0], sizes)), sizes)
    assert_read(npz(tmp_path / "turned", named(NAMES[0], sizes, turned=True)), sizes)


def test_where_all_are_square_pytorch_is_out_in_and_npz_in_out(tmp_path: Path) -> None:
    sizes = (3, 3, 3)
    names = "0.weight 0.bias 2.weight 2.bias"
    assert_read(safetensors(tmp_path / "weights", named(names, sizes, turned=True)), sizes)
    assert_read(npz(tmp_path / "npz", named(names, sizes)), sizes)


# dtypes


@in_all_forms
@pytest.mark.parametrize(
    ("given", "kept"),
    [("f2", np.float32), ("f4", np.float32), ("f8", np.float64)],
)
def test_floats_become_float32_or_stay_float64(
    write: Writer, given: str, kept: type, tmp_path: Path
) -> None:
    arrays = {name: array.astype(given) for name, array in named(NAMES[0]).items()}
    assert_read(write(tmp_path / "weights", arrays), dtype=kept)


def test_one_float64_makes_all_float64(tmp_path: Path) -> None:
    arrays = named(NAMES[0])
    path = npz(tmp_path / "weights", arrays | {"b3": arrays["b3"].astype(np.float64)})
    assert_read(path, dtype=np.float64)
    assert weights.load(path).precision == "float64"


@pytest.mark.parametrize("dtype", [">f4", ">f8", "longdouble"])
def test_what_other_machines_write_becomes_native(dtype: str, tmp_path: Path) -> None:
    arrays = {name: array.astype(dtype) for name, array in named(NAMES[0]).items()}
    kept = np.float32 if dtype == ">f4" else np.float64
    assert_read(npz(tmp_path / "weights", arrays), dtype=kept)


@in_all_forms
@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
def test_integers_are_refused(write: Writer, dtype: str, tmp_path: Path) -> None:
    path = write(tmp_path / "weights", named(NAMES[0]) | {"b2": np.ones(4, dtype)})
    refused(lambda: weights.load(path), DataError, str(path), "b2 holds", "not floats")


@pytest.mark.parametrize("dtype", ["complex64", "U3", "f4,f4", "V2"])
def test_what_is_no_number_is_refused(dtype: str, tmp_path: Path) -> None:
    path = npz(tmp_path / "weights", named(NAMES[0]) | {"b2": np.zeros(4, dtype)})
    refused(lambda: weights.load(path), DataError, str(path), "b2 holds", "not floats")


@in_all_forms
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(write: Writer, value: float, tmp_path: Path) -> None:
    arrays = named(NAMES[0])
    arrays["W2"][1, 2] = value
    path = write(tmp_path / "weights", arrays)
    refused(lambda: weights.load(path), DataError, str(path), "W2 holds NaN or infinity")


def test_what_float64_cannot_hold_is_refused(tmp_path: Path) -> None:
    if np.finfo(np.longdouble).max == np.finfo(np.float64).max:
        pytest.skip("this system's long double is a double")
    huge = np.full(3, np.finfo(np.longdouble).max)
    path = npz(tmp_path / "weights", named(NAMES[0]) | {"b3": huge})
    refused(lambda: weights.load(path), DataError, "b3 holds NaN or infinity")


# What makes no network


WRONG: dict[str, tuple[Arrays, list[str]]] = {
    "no bias": ({"b2": None}, ["W2 (5, 4) has no bias"]),
    "a bias of another number": ({"b2": None, "b4": np.ones(4, "f4")}, ["W2 (5, 4) has no bias"]),
    "no weight": ({"W2": None}, ["b2 (4,) has no weight"]),
    "no bias at all": ({"b1": None, "b2": None, "b3": None}, ["W1 (7, 5) has no bias"]),
    "a bias too long": ({"b2": np.ones(9, "f4")}, ["W2 (5, 4) and b2 (9,) do not fit"]),
    "a gap": (
        {"W2": np.ones((6, 4), "f4")},
        ["W1 (7, 5) and W2 (6, 4) do not chain"],
    ),
    "one turned round": ({"W2": np.ones((4, 5), "f4")}, ["W1 (7, 5) is (in, out)", "W2 (4, 5)"]),
    "a weight of one dimension": ({"W2": np.ones(5, "f4")}, ["W2 (5,)", "2 dimensions"]),
    "a filter": ({"conv1.weight": np.ones((8, 1, 3, 3), "f4")}, ["conv1.weight (8, 1, 3, 3)"]),
    "a normalisation": ({"norm.weight": np.ones(5, "f4")}, ["norm.weight (5,)", "2 dimensions"]),
    "a bias of two dimensions": ({"b2": np.ones((4, 2), "f4")}, ["b2 (4, 2)", "nor a bias"]),
    "a number": ({"accuracy": np.array(0.9)}, ["accuracy ()", "nor a bias"]),
    "an empty one": ({"W2": np.ones((5, 0), "f4")}, ["W2 (5, 0) is empty"]),
    "a column of losses": ({"losses": np.ones(30, "f4")}, ["losses (30,) has no weight"]),
    "a momentum": ({"vW1": np.ones((7, 5), "f4")}, ["vW1 (7, 5) has no bias"]),
    "a network of another": (
        {f"other_{name}": array for name, array in named(NAMES[0]).items()},
        ["do not chain", "one network"],
    ),
    "two epochs": (
        {f"{name}_epoch2": array for name, array in named(NAMES[0]).items()},
        ["do not chain", "one network"],
    ),
}


@in_all_forms
@pytest.mark.parametrize("wrong", WRONG)
def test_arrays_that_make_no_network_are_named(write: Writer, wrong: str, tmp_path: Path) -> None:
    changed, parts = WRONG[wrong]
    arrays = {k: v for k, v in (named(NAMES[0]) | changed).items() if v is not None}
    path = write(tmp_path / "weights", arrays)
    refused(lambda: weights.load(path), DataError, f"weights {path}: ", *parts)


def test_counts_of_nameless_arrays_must_agree(tmp_path: Path) -> None:
    arrays = list(named(NAMES[0]).values())[:-1]
    np.savez(tmp_path / "weights.npz", *arrays)
    refused(lambda: weights.load(tmp_path / "weights.npz"), DataError, "has no bias")


def test_weights_of_another_network_than_asked_for(tmp_path: Path) -> None:
    path = npz(tmp_path / "weights", named(NAMES[0]))
    assert weights.load(path, list(SIZES)).sizes == SIZES
    refused(lambda: weights.load(path, (7, 5, 3)), DataError, "are of 7-5-4-3, not 7-5-3")


# On the command line


def test_weights_of_others_are_evaluated(small_digits: Dataset, tmp_path: Path) -> None:
    """Whatever words their file has about precision."""
    data = write_data(tmp_path, small_digits)
    rng = np.random.RandomState(0)
    arrays = {"0.weight": rng.standard_normal((10, 784)), "0.bias": np.zeros(10)}
    save_file(arrays, tmp_path / "weights", metadata={"format": "pt", "precision": "mixed"})
    folder(tmp_path / "arrays", {"w1": arrays["0.weight"].T, "b1": arrays["0.bias"][:, None]})
    evaluated = [
        invoke("evaluate", "--weights", tmp_path / name, "--data", data)
        for name in ("weights", "arrays")
    ]
    assert [done.exit_code for done in evaluated] == [0, 0]
    assert evaluated[0].stdout == evaluated[1].stdout
    assert evaluated[0].stdout.startswith("784-10 on ")
