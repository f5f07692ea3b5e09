"""OpenML through scikit-learn, which is not there: a stand-in answers as it would."""

from __future__ import annotations

import sys
import types
from http.client import IncompleteRead
from urllib.error import URLError

import numpy as np
import pytest
from idx_files import refusal

from mnist_core.data import load, openml, sources


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_BENCH_NO_DOWNLOAD", "0")
    monkeypatch.setattr(openml, "TRAIN", 6)


def answer(monkeypatch: pytest.MonkeyPatch, reply: object) -> list[dict[str, object]]:
    """Make scikit-learn return, or raise, `reply`; return what it is asked for."""
    asked = []

    def fetch_openml(name: str, **options: object) -> object:
        asked.append({"name": name, **options})
        if isinstance(reply, Exception):
            raise reply
        return reply

    datasets = types.ModuleType("sklearn.datasets")
    datasets.fetch_openml = fetch_openml
    monkeypatch.setitem(sys.modules, "sklearn", types.ModuleType("sklearn"))
    monkeypatch.setitem(sys.modules, "sklearn.datasets", datasets)
    return asked


def bunch(labels: list[str], **changes: object) -> types.SimpleNamespace:
    images = np.arange(4.0 * len(labels)).reshape(-1, 4)
    parts = {"data": images, "target": np.array(labels, object)}
    return types.SimpleNamespace(**(parts | changes))


def test_first_images_are_for_training_the_others_for_testing(monkeypatch) -> None:
    asked = answer(monkeypatch, bunch(list("504192131")))
    dataset = load("openml")
    assert dataset.name == "mnist_784"
    assert dataset.train_labels.tolist() == [5, 0, 4, 1, 9, 2]
    assert dataset.test_labels.tolist() == [1, 3, 1]
    np.testing.assert_array_equal(dataset.test_images, np.arange(24, 36).reshape(3, 4))
    assert asked == [{"name": "mnist_784", "version": 1, "as_frame": False, "parser": "auto"}]


def test_official_images_are_named_mnist(monkeypatch) -> None:
    answer(monkeypatch, bunch(list("504192131")))
    monkeypatch.setitem(sources.OFFICIAL, "mnist", load("openml").sha256)
    assert load("openml").name == "mnist"


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (URLError("no route"), "no route"),
        (TimeoutError("timed\nout"), "timed out"),
        (IncompleteRead(b"half"), "IncompleteRead"),
        (ValueError("md5 checksum of local file does not match"), "md5"),
    ],
)
def test_a_fetch_that_fails(monkeypatch, failure: Exception, reason: str) -> None:
    answer(monkeypatch, failure)
    refusal(lambda: load("openml"), "mnist_784", "OpenML", reason, "retry")


def test_labels_that_are_no_numbers(monkeypatch) -> None:
    answer(monkeypatch, bunch(["5", "cat"]))
    refusal(lambda: load("openml"), "mnist_784", "cat")


def test_without_scikit_learn(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    refusal(lambda: load("openml"), "scikit-learn", "pip install 'mnist-bench[openml]'")


def test_a_download_that_is_forbidden_asks_nobody(monkeypatch) -> None:
    asked = answer(monkeypatch, bunch(list("504192131")))
    monkeypatch.setenv("MNIST_BENCH_NO_DOWNLOAD", "1")
    refusal(lambda: load("openml"), "MNIST_BENCH_NO_DOWNLOAD", "--data mnist")
    assert asked == []
