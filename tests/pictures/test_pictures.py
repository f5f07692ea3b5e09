"""Pictures show what was put in, and every one becomes an SVG and a PNG that can be looked at."""

import base64
import io
import math
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from report_page import HOSTILE

from bench import pictures
from mnist_core.errors import OutputError
from mnist_core.training import Epoch

RNG = np.random.RandomState(0)


def history(numbers, *, reached=0.98, tau=4.0, seconds=0.3):
    """Epochs of a training whose loss falls by e in tau epochs."""
    left = {e: math.exp(-e / tau) for e in numbers}
    return [
        Epoch(e, 0.1, 2.3 * left[e], 2 * left[e] + 0.1, reached - 0.8 * left[e], seconds, 0.1)
        for e in numbers
    ]


def drawn(chart, folder):
    """Texts of the SVG, and the PNG; both are whole and show something."""
    svg, png = pictures.save(chart, folder, "picture")
    assert sorted(folder.iterdir()) == [png, svg]
    root = ElementTree.parse(svg).getroot()
    image = Image.open(png).convert("L")
    assert image.size == tuple(math.ceil(2 * float(root.get(side))) for side in ("width", "height"))
    assert image.getpixel((0, 0)) == 255 > image.getextrema()[0]
    return [
        "".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")
    ], image


def panels(chart):
    """Panels of a picture's specification."""
    spec = chart.to_dict()
    data = spec.get("datasets", {})
    return [panel | {"rows": data[panel["data"]["name"]]} for panel in spec.get("hconcat", [spec])]


def scale(panel, channel):
    return panel["layer"][0]["encoding"][channel]["scale"]


@pytest.mark.parametrize("numbers", [[1], [1, 2], range(1, 251), range(500, 5001, 500)], ids=len)
def test_curves_hold_every_epoch(numbers, tmp_path):
    epochs = history(numbers, tau=max(numbers) / 8)
    chart = pictures.curves(epochs)
    losses, accuracies = (panel["rows"] for panel in panels(chart))
    rows = {(row["run"], row["epoch"]): row["loss"] for row in losses}
    assert rows == {("train", e.epoch): e.loss for e in epochs} | {
        ("test", e.epoch): e.test_loss for e in epochs
    }
    assert {r["epoch"]: r["accuracy"] for r in accuracies} == {
        e.epoch: 100 * e.test_accuracy for e in epochs
    }
    words, _ = drawn(chart, tmp_path)
    assert {"loss", "train", "test", "epoch"} <= set(words)
    assert f"after epoch {epochs[-1].epoch:,}" in " ".join(words)


def test_all_of_a_training_is_within_the_axes():
    epochs = history(range(1, 30))
    losses, accuracies = panels(pictures.curves(epochs))
    low, high = scale(accuracies, "y")["domain"]
    assert low < 100 * epochs[0].test_accuracy < 100 * epochs[-1].test_accuracy < high
    low, high = scale(losses, "y")["domain"]
    assert low < epochs[-1].loss < epochs[0].loss < high


def test_loss_is_on_a_logarithmic_axis_where_it_spans_much():
    shown = [panels(pictures.curves(history(range(1, 30), tau=tau)))[0] for tau in (5, 50)]
    assert [scale(panel, "y").get("type") for panel in shown] == ["log", None]


def test_a_loss_of_zero_can_be_drawn(tmp_path):
    zero = [Epoch(e, 0.1, 0.0, 0.0, 1.0, 0.0, 0.0) for e in (1, 2)]
    drawn(pictures.curves(zero), tmp_path)
    drawn(pictures.curves(zero + history([3])), tmp_path)
    drawn(pictures.convergence({"a": zero, "b": history([1, 2])}), tmp_path)


def test_points_mark_first_and_last_and_few_between():
    _, accuracies = panels(pictures.curves(history(range(1, 251))))
    marked = [row["epoch"] for row in accuracies["rows"] if row["point"]]
    assert marked[0] == 1
    assert marked[-1] == 250
    assert 5 < len(marked) < 20


def test_convergence_adds_up_seconds_and_tells_runs_apart(tmp_path):
    runs = {"numba, batch 128": history(range(1, 6)), "numpy": history([1, 2], seconds=3)}
    chart = pictures.convergence(runs)
    for panel in panels(chart):
        for name, epochs in runs.items():
            rows = [row for row in panel["rows"] if row["run"] == name]
            assert [row["accuracy"] for row in rows] == [100 * e.test_accuracy for e in epochs]
            assert [row["epoch"] for row in rows] == [e.epoch for e in epochs]
            expected = np.cumsum([e.seconds for e in epochs])
            np.testing.assert_allclose([row["seconds"] for row in rows], expected)
        line, point = panel["layer"]
        for encoding in (line["encoding"]["strokeDash"], point["encoding"]["shape"]):
            assert encoding["scale"]["domain"] == list(runs)
            assert len(set(map(str, encoding["scale"]["range"]))) == len(runs)
    words, _ = drawn(chart, tmp_path)
    assert all(words.count(name) == 1 for name in runs)


def test_no_two_of_forty_runs_look_alike():
    runs = {f"run {i}": history([1]) for i in range(40)}
    line, point = panels(pictures.convergence(runs))[0]["layer"]
    looks = [
        line["encoding"]["color"]["scale"]["range"],
        point["encoding"]["shape"]["scale"]["range"],
    ]
    assert len(set(zip(*looks, strict=True))) == 40


def test_axes_are_logarithmic_where_a_run_is_much_longer_than_another():
    short = history(range(1, 11), seconds=0.1)
    for long, kinds in (
        (history(range(500, 5001, 500), seconds=0.1), ["log", None]),
        (history(range(1, 11), seconds=10), [None, "log"]),
    ):
        shown = panels(pictures.convergence({"short": short, "long": long}))
        assert [scale(panel, "x").get("type") for panel in shown] == kinds


@pytest.mark.parametrize(
    ("reached", "shown"), [((0.98, 0.985), {90, 95, 97, 98}), ((0.93,), {90}), ((0.5,), set())]
)
def test_targets_within_the_axis_are_rules(reached, shown):
    runs = {f"{r}": history(range(1, 40), reached=r) for r in reached}
    panel = panels(pictures.convergence(runs))[0]
    encoding = panel["layer"][0]["encoding"]["y"]
    low, high = encoding["scale"]["domain"]
    assert low == pytest.approx(100 * min(reached) - 10, abs=1)
    assert {90, 95, 97, 98} & {*encoding["axis"]["values"]} == shown
    assert all(low <= tick <= high for tick in encoding["axis"]["values"])


def test_points_below_the_axis_are_not_drawn_over_other_things():
    panel = panels(pictures.convergence({"a": history(range(1, 12))}))[0]
    low, _ = scale(panel, "y")["domain"]
    below = [row for row in panel["rows"] if row["accuracy"] < low]
    assert below
    assert not any(row["point"] for row in below)


NAMES = [*HOSTILE, "two\nlines", 'say "so"', "", "a.b[0]", "datum.run", "%s{}\\", "null"]


def test_hostile_names_of_runs_are_text(tmp_path):
    runs = {name: history([1, 2, 3], reached=0.9 + i / 200) for i, name in enumerate(NAMES)}
    chart = pictures.convergence(runs)
    assert {row["run"] for row in panels(chart)[0]["rows"]} == set(NAMES)
    words, image = drawn(chart, tmp_path)
    assert "<script>alert(1)</script>" in words
    assert image.width < 2500
    assert "<script" not in (tmp_path / "picture.svg").read_text()


def certain(said, classes=10, share=0.9):
    """Probabilities (n, classes) of a network that is as sure as ``share`` of what it says."""
    probabilities = np.full((len(said), classes), 0.1 / classes)
    probabilities[np.arange(len(said)), said] = share
    return probabilities


def test_chosen_are_random_right_ones_and_the_surest_wrong_ones():
    labels = RNG.randint(0, 10, 200)
    said = np.where(np.arange(200) < 50, (labels + 1) % 10, labels)
    probabilities = certain(said, share=np.linspace(0.3, 0.99, 200))
    indices = pictures.chosen(labels, probabilities, right=7, wrong=3)
    assert indices[7:].tolist() == [49, 48, 47]
    assert len(set(indices[:7])) == 7
    assert indices[:7].min() >= 50
    assert (indices == pictures.chosen(labels, probabilities, right=7, wrong=3)).all()
    assert (indices != pictures.chosen(labels, probabilities, right=7, wrong=3, seed=1)).any()


@pytest.mark.parametrize(("errors", "right", "wrong"), [(0, 10, 0), (2, 10, 2), (30, 0, 10)])
def test_fewer_are_chosen_where_there_are_fewer(errors, right, wrong):
    labels = RNG.randint(0, 10, 30)
    said = np.where(np.arange(30) < errors, (labels + 1) % 10, labels)
    indices = pictures.chosen(labels, certain(said))
    assert ((said == labels)[indices].sum(), (said != labels)[indices].sum()) == (right, wrong)


def test_an_image_is_drawn_pixel_by_pixel_with_what_is_said_of_it(tmp_path):
    images = RNG.randint(0, 256, (3, 784)).astype(np.uint8)
    chart = pictures.predictions(images, np.array([7, 2, 0]), certain([7, 7, 0], share=0.81))
    cells = panels(chart)[0]["rows"]
    for cell, image in zip(cells, images, strict=True):
        decoded = Image.open(io.BytesIO(base64.b64decode(cell["image"].partition(",")[2])))
        assert (np.asarray(decoded) == image.reshape(28, 28)).all()
    assert [cell["words"] for cell in cells] == ["7 · 81 %", "7, is 2 · 81 %", "0 · 81 %"]
    assert [cell["wrong"] for cell in cells] == [False, True, False]
    words, _ = drawn(chart, tmp_path)
    assert {cell["words"] for cell in cells} <= set(words)
    assert "pixelated" in (tmp_path / "picture.svg").read_text()


def test_pixels_look_like_pixels(tmp_path):
    checks = (np.indices((28, 28)).sum(axis=0) % 2 * 255).astype(np.uint8).reshape(1, 784)
    _, image = drawn(pictures.predictions(checks, None, certain([3])), tmp_path)
    # In the middle of the first image, which lies 84 wide in a cell 118 wide.
    middle = np.asarray(image)[60:200, 50:190]
    assert ((middle < 16) | (middle > 239)).mean() > 0.95


@pytest.mark.parametrize(("n", "features"), [(0, 784), (1, 1), (5, 2), (6, 200), (20, 1024)])
def test_images_of_any_size_and_number_are_drawn(n, features, tmp_path):
    images = RNG.randint(0, 256, (n, features)).astype(np.uint8)
    labels = RNG.randint(0, 1000, n)
    drawn(pictures.predictions(images, labels, certain(labels, 1000)), tmp_path)
    drawn(pictures.predictions(images, None, certain(labels, 1000)), tmp_path)


@given(st.data(), st.integers(1, 6), st.integers(0, 40))
def test_counts_are_those_of_a_plain_loop(data, classes, n):
    labels, predicted = (
        data.draw(arrays(np.int64, n, elements=st.integers(0, classes - 1))) for _ in range(2)
    )
    counts = pictures.confusion_counts(labels, predicted, classes)
    expected = np.zeros((classes, classes), np.int64)
    for true, said in zip(labels, predicted, strict=True):
        expected[true, said] += 1
    assert (counts == expected).all()
    for score in pictures.by_class(counts):
        images, taken = (labels == score.label), (predicted == score.label)
        assert score.images == images.sum()
        assert score.recall == pytest.approx(share(images & taken, images), nan_ok=True)
        assert score.precision == pytest.approx(share(images & taken, taken), nan_ok=True)


def share(part, whole):
    return part.sum() / whole.sum() if whole.any() else math.nan


def test_a_label_that_is_no_class_is_no_count():
    with pytest.raises(ValueError, match="invalid entry"):
        pictures.confusion_counts(np.array([0, 3]), np.array([0, 0]), 3)


TABLES = {
    "some wrong": np.array([[90, 10, 0], [1, 99, 0], [0, 0, 1234567]]),
    "all right": np.diag([5, 6, 7]),
    "all wrong": np.array([[0, 4], [3, 0]]),
    "no images": np.zeros((3, 3), np.int64),
    "one class": np.array([[8]]),
    "26 classes": RNG.randint(0, 900, (26, 26)),
}


@pytest.mark.parametrize("name", TABLES)
def test_confusion_shows_every_count(name, tmp_path):
    counts = TABLES[name]
    chart = pictures.confusion(counts)
    shown = np.zeros_like(counts)
    for cell in panels(chart)[0]["rows"]:
        shown[cell["true"], cell["predicted"]] = cell["images"]
        assert cell["share"] == cell["images"] / counts[cell["true"]].sum()
        assert cell["right"] == (cell["true"] == cell["predicted"])
    assert (shown == counts).all()
    words, image = drawn(chart, tmp_path)
    assert f"{np.trace(counts):,} of {counts.sum():,} recognised" in words
    assert {*map(str, counts[counts > 0]), *map(str, range(len(counts)))} <= set(words)
    assert image.width < 2000


def test_the_scale_of_colours_ends_with_the_largest_error():
    _, wrong, _ = panels(pictures.confusion(TABLES["some wrong"]))[0]["layer"]
    assert wrong["encoding"]["color"]["scale"]["domain"] == [0, 0.1]


@pytest.mark.parametrize(("name", "legends"), [("some wrong", 1), ("all right", 0)])
def test_a_scale_stands_beside_errors_alone(name, legends, tmp_path):
    words, _ = drawn(pictures.confusion(TABLES[name]), tmp_path)
    assert words.count("of the true class") == legends


def test_where_a_folder_is_no_folder_it_says_so(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OutputError, match="file"):
        pictures.save(pictures.confusion(TABLES["all right"]), file, "picture")
