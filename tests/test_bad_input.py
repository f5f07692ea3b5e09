"""What a person gets wrong: exit code 2, one line that says what and where, nothing left behind."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import invoke, mnist_bench, write_data
from idx_files import idx

from mnist_core import registry
from mnist_core.data.download import CHECKSUMS

RUN = ("run", "--backend", "numpy", "--quick")


@pytest.fixture(scope="module")
def small(small_digits, tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("small"), small_digits)


@pytest.fixture
def data(small, tmp_path):
    """A copy to damage."""
    return Path(shutil.copytree(small, tmp_path / "copy"))


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    """Work in an empty folder, with an empty cache; forget the backends of plug-ins."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.delenv("MNIST_DATA_DIR", raising=False)
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "cache"))
    monkeypatch.setattr(registry, "_backends", dict(registry.backends()))


def one_line(stderr: str, *parts: object) -> None:
    assert "Traceback" not in stderr
    assert len(stderr.splitlines()) == 1, stderr
    assert stderr.startswith("mnist-bench: ")
    for part in parts:
        assert str(part) in stderr


def refused(arguments: tuple, *parts: object) -> None:
    """Check that a command exits with 2, says one line with ``parts``, and writes no file."""
    done = invoke(*arguments)
    assert done.exit_code == 2
    one_line(done.stderr, *parts)
    assert not [path for path in Path.cwd().rglob("*") if path.is_file()]


def train(data, *arguments) -> tuple:
    defaults = ("--network", "784-16-10", "--epochs", 1, "--batch", 100)
    return ("train", "--data", data, *defaults, "--out", "out", *arguments)


def run(data, *arguments) -> tuple:
    return (*RUN, "--data", data, "--network", "784-16-10", "--out", "out", *arguments)


# Data


def damage(file: Path, change) -> None:
    file.write_bytes(change(file.read_bytes()))


DAMAGES = {
    "truncated": (lambda b: b[:-1], "is truncated"),
    "header only": (lambda b: b[:7], "is truncated"),
    "oversized": (lambda b: b + b"\0", "is oversized"),
    "wrong magic": (lambda b: b"PK\3\4" + b[4:], "is not an IDX file"),
    "not bytes": (lambda b: b[:2] + b"\x0d" + b[3:], "not uint8"),
    "zero bytes": (lambda b: b"", "is empty"),
    "no images": (lambda b: b[:4] + bytes(4) + b[8:16], "is an empty data set"),
    "petabytes": (lambda b: b[:4] + b"\xff" * 12 + b[16:], "is truncated"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_images_are_refused_by_name(data, name):
    change, reason = DAMAGES[name]
    file = data / "train-images-idx3-ubyte"
    damage(file, change)
    for arguments in (("data", data), train(data), run(data)):
        refused(arguments, file, reason)


def test_swapped_images_and_labels_are_refused(data):
    images, labels = data / "train-images-idx3-ubyte", data / "train-labels-idx1-ubyte"
    images_content = images.read_bytes()
    images.write_bytes(labels.read_bytes())
    labels.write_bytes(images_content)
    refused(("data", data), images, "swapped")


def test_swapped_training_and_test_files_are_refused(data):
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        train_file, test_file = data / f"train-{kind}", data / f"t10k-{kind}"
        content = train_file.read_bytes()
        train_file.write_bytes(test_file.read_bytes())
        test_file.write_bytes(content)
    refused(("data", data), data, "swapped")


def test_a_label_out_of_range_is_refused_with_its_position(data):
    labels = np.zeros(2000, np.uint8)
    labels[1234] = 10
    file = data / "train-labels-idx1-ubyte"
    file.write_bytes(idx(labels))
    refused(("data", data), file, "label 10 at position 1234", "0-9")


def test_images_and_labels_of_different_number_are_refused(data):
    file = data / "t10k-labels-idx1-ubyte"
    file.write_bytes(idx(np.zeros(499, np.uint8)))
    refused(("data", data), "500 images", file.name, "499")


def test_a_missing_file_is_named(data):
    (data / "t10k-labels-idx1-ubyte").unlink()
    refused(train(data), data, "t10k-labels-idx1-ubyte")


def test_a_cached_file_with_another_checksum_is_named(tmp_path):
    import platformdirs

    folder = platformdirs.user_cache_path("mnist-bench") / "mnist"
    assert tmp_path in folder.parents
    folder.mkdir(parents=True)
    for name in CHECKSUMS["mnist"]:
        (folder / name).write_bytes(b"something else")
    wrong = folder / "train-images-idx3-ubyte.gz"
    for source in ("auto", "mnist"):
        refused(("data", source), wrong, "SHA-256", "delete the file")


def test_mnist_that_cannot_be_had_is_not_replaced_by_something_else():
    refused(("data", "mnist"), "mnist is not in the cache", "MNIST_DATA_DIR")


# Names and numbers

UNKNOWN = {
    "backend": ("run", ("--backend", "numppy"), "numppy", "numpy, cupy"),
    "level": ("run", ("--level", "steps"), "steps", "epoch, step"),
    "operator": ("run", ("--operator", "conv"), "conv", "gather_batch, dense"),
    "preset": ("run", ("--preset", "best"), "best", "standard"),
    "precision": ("run", ("--precision", "float8"), "float8", "float32, float64"),
    "kernel": ("run", ("--kernel", "dense=fast"), "dense=fast", "array, reference"),
    "operator of a kernel": ("run", ("--kernel", "conv=array"), "conv", "dense"),
    "kernel without operator": ("run", ("--kernel", "array"), "--kernel array", "OPERATOR=NAME"),
    "backend to train": ("train", ("--backend", "numppy"), "numppy", "numpy, cupy"),
    "preset to train": ("train", ("--preset", "best"), "best", "standard"),
    "precision to train": ("train", ("--precision", "half"), "half", "float32, float64"),
    "nothing in tf32": (
        "train",
        ("--precision", "tf32"),
        "no kernel of numpy computes in tf32",
        "take float32",
    ),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_an_unknown_name_is_refused_with_the_names_that_there_are(small, what):
    command, arguments, name, known = UNKNOWN[what]
    make = {"run": run, "train": train}[command]
    refused(make(small, *arguments), name, known)


def test_unknown_data_is_refused_with_the_names_that_there_are():
    for arguments in (("data", "imagenet"), train("imagenet"), run("imagenet")):
        refused(arguments, "imagenet", "mnist, fashion-mnist, digits")


@pytest.mark.parametrize("batch", [0, -1, 2001])
@pytest.mark.parametrize("make", [train, run])
def test_a_batch_that_the_data_cannot_fill_is_refused(small, make, batch):
    refused(make(small, "--batch", batch), f"batch {batch}", "between 1 and 2000")


NETWORKS = {
    "783-16-10": ("783", "784 pixels"),
    "784-16-9": ("9 classes", "has 10"),
    "784": ("'784'", "at least two"),
    "784-0-10": ("'784-0-10'", "positive"),
    "784--10": ("'784--10'", "positive"),
    "784x16x10": ("'784x16x10'", "such as 784-128-64-10"),
    "many-10": ("'many-10'", "such as 784-128-64-10"),
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("make", [train, run])
def test_a_network_that_is_none_or_does_not_fit_the_data_is_refused(small, make, network):
    arguments = make(small)
    place = arguments.index("784-16-10")
    refused((*arguments[:place], network, *arguments[place + 1 :]), *NETWORKS[network])


@pytest.mark.parametrize("rate", ["0", "-0.1", "nan", "inf"])
def test_a_learning_rate_that_is_not_positive_is_refused(small, rate):
    refused(train(small, "--learning-rate", rate), f"learning rate {float(rate):g}", "positive")


def test_training_that_diverges_names_the_step(small):
    done = mnist_bench(*train(small, "--learning-rate", "1e30"))
    assert done.returncode == 2
    one_line(done.stderr, "step 2 of epoch 1", "learning rate 1e+30")
    assert not os.path.exists("out")


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--epochs", "0"),
        ("train", "--epochs", "many"),
        ("train", "--batch", "1.5"),
        ("run", "--seed", "-1"),
        ("run", "--threads", "0"),
        ("evaluate",),
        ("report",),
        ("list", "everything"),
        ("sing",),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_says_in_a_line_what_is_wrong(arguments):
    done = invoke(*arguments)
    assert done.exit_code == 2
    one_line(done.stderr, "mnist-bench: ")


# Files


@pytest.fixture
def below(tmp_path):
    """A folder that cannot be made."""
    (tmp_path / "file").write_text("not a folder")
    return tmp_path / "file" / "out"


def test_results_that_cannot_be_written_are_refused(small, below):
    refused((*run(small), "--out", below), below, "Not a directory", "choose another --out")


def test_weights_that_cannot_be_written_are_refused_before_training(small, below):
    done = invoke(*train(small, "--out", below))
    assert done.exit_code == 2
    one_line(done.stderr, below, "choose another --out")
    assert done.stdout == ""


def test_a_folder_with_the_results_of_another_run_is_refused_and_kept(small, tmp_path):
    (tmp_path / "results.csv").write_text("theirs")
    refused(run(small, "--out", tmp_path), tmp_path, "another run")
    assert (tmp_path / "results.csv").read_text() == "theirs"


def test_results_that_are_not_there_are_named(tmp_path):
    refused(("report", tmp_path / "nowhere"), tmp_path / "nowhere", "no results.csv")


def test_an_unavailable_backend_cannot_train_or_evaluate(small):
    gone = registry.Backend("gone", base="numpy", unavailable=lambda: "out of order")
    registry.backends()["gone"] = gone
    refused(train(small, "--backend", "gone"), "gone is unavailable: out of order")


PLUGINS = {
    "raises": ("x = 1\nraise ValueError('no luck')\n", "ValueError: no luck (plugin.py, line 2)"),
    "divides": (
        "def f():\n    1 / 0\nf()\n",
        "ZeroDivisionError: division by zero (plugin.py, line 2)",
    ),
    "speaks in lines": ("raise ValueError('one\\n  two')\n", "ValueError: one two"),
    "misses a package": ("import surely_not_installed\n", "surely_not_installed"),
    "is no Python": ("x = (\n", "SyntaxError"),
    "has no backend": ("x = 1\n", "it declares no Backend"),
    "takes a name": (
        "from mnist_core import Backend\nbackend = Backend('numpy', base='cupy')\n",
        "two backends named 'numpy'",
    ),
    "stands on nothing": ("from mnist_core import Backend\nb = Backend('b')\n", "base"),
}


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_that_does_not_load_is_named_with_the_place(small, tmp_path, name):
    content, reason = PLUGINS[name]
    file = tmp_path / "plugin.py"
    file.write_text(content)
    for arguments in (("list",), run(small), train(small)):
        refused((*arguments, "--plugin", file), f"plug-in {file}", reason)


def test_a_plugin_that_is_missing_or_no_python_file_is_named(tmp_path):
    refused(("list", "--plugin", tmp_path / "gone.py"), tmp_path / "gone.py", "no such file")
    (tmp_path / "notes.txt").write_text("words")
    refused(("list", "--plugin", tmp_path / "notes.txt"), "notes.txt", "must end in .py")


@pytest.fixture
def weights(small_digits, tmp_path):
    from mnist_core.network import Network
    from mnist_core.weights import save

    file = tmp_path / "weights.safetensors"
    save(file, Network((100, 16, 10), registry.backend("numpy")), {})
    return file


def test_weights_of_another_network_than_the_data_are_refused(small, weights):
    refused(("evaluate", "--weights", weights, "--data", small), "100-16-10", "784 pixels")


@pytest.mark.parametrize("content", [None, b"", b"words", "half"])
def test_weights_that_are_missing_or_damaged_are_named(small, weights, content):
    if content is None:
        weights.unlink()
    else:
        whole = weights.read_bytes()
        weights.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    refused(("evaluate", "--weights", weights, "--data", small), weights)


def test_errors_look_the_same_in_a_process_of_their_own(data, below):
    (data / "train-images-idx3-ubyte").write_bytes(b"")
    for arguments, part in (
        (("data", data), "is empty"),
        (("data", "nowhere"), "nowhere"),
        ((*RUN, "--level", "all"), "unknown level 'all'"),
    ):
        done = mnist_bench(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        one_line(done.stderr, part)
