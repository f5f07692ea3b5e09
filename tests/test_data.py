"""Data sets: what is read, what is refused, and where `load` looks. Nothing here is downloaded."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from mnist_core.data import SOURCES, Dataset, load, sources
from mnist_core.data import download as downloads
from mnist_core.data.idx import read_idx, read_idx_folder
from mnist_core.errors import DataError

REAL = os.environ.get("MNIST_DATA_DIR")  # read before `isolated` hides it from the tests
NAMES = [f"{s}-{k}-ubyte.gz" for s in ("train", "t10k") for k in ("images-idx3", "labels-idx1")]
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give each test an empty cache, no data folder and no leave to download."""
    cache = tmp_path / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: cache)
    monkeypatch.delenv("MNIST_DATA_DIR", raising=False)
    monkeypatch.setenv("MNIST_BENCH_NO_DOWNLOAD", "1")
    return cache


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    header = struct.pack(">HBB", 0, kind, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def small_arrays(seed: int = 0, train: int = 20, test: int = 10) -> dict[str, np.ndarray]:
    random = np.random.RandomState(seed)
    return {
        TRAIN_IMAGES: random.randint(0, 256, (train, 28, 28)),
        TRAIN_LABELS: np.arange(train) % 10,
        TEST_IMAGES: random.randint(0, 256, (test, 28, 28)),
        TEST_LABELS: np.arange(test) % 10,
    }


def small_folder(folder: Path, **options: int) -> Path:
    for name, array in small_arrays(**options).items():
        write(folder / name, gzip.compress(idx(array)))
    return folder


def small_dataset(**changes: object) -> Dataset:
    parts: dict[str, object] = {
        "name": "small",
        "train_images": np.arange(24, dtype=np.uint8).reshape(6, 4),
        "train_labels": np.array([0, 1, 2, 0, 1, 2]),
        "test_images": np.zeros((3, 4), np.uint8),
        "test_labels": np.array([0, 1, 2]),
    }
    return Dataset(**(parts | changes))


def refusal(action: Callable[[], object], *parts: str) -> None:
    """Check that the action is refused in one line that holds all of `parts`."""
    with pytest.raises(DataError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


# One IDX file


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_gzip_is_told_by_content_not_by_name(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    images = np.arange(24).reshape(2, 3, 4)
    read = read_idx(write(tmp_path / name, pack(idx(images))))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, images)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_truncated_file(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = write(tmp_path / "images", pack(idx(np.zeros((2, 3, 4)))[:-1]))
    refusal(lambda: read_idx(path), str(path), "truncated", "24", "23")


def test_truncated_gzip_stream(tmp_path: Path) -> None:
    packed = gzip.compress(idx(np.arange(200)))
    path = write(tmp_path / "labels.gz", packed[:-20])
    refusal(lambda: read_idx(path), str(path), "damaged gzip")


def test_gzip_with_a_wrong_checksum(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(idx(np.arange(200))))
    packed[-8] ^= 1  # the first byte of the CRC-32
    path = write(tmp_path / "labels.gz", bytes(packed))
    refusal(lambda: read_idx(path), str(path), "damaged gzip", "CRC")


def test_gzip_with_damaged_data(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(idx(np.arange(200))))
    packed[10] ^= 0xFF
    path = write(tmp_path / "labels.gz", bytes(packed))
    refusal(lambda: read_idx(path), str(path), "damaged gzip")


def test_oversized_file(tmp_path: Path) -> None:
    path = write(tmp_path / "labels", idx(np.arange(5)) + b"more")
    refusal(lambda: read_idx(path), str(path), "oversized", "5", "9")


@pytest.mark.parametrize("magic", [b"\x89PNG", b"\0\0\x08\0", b"\0\0\x08\x04", b"\0\x01\x08\x01"])
def test_wrong_magic(tmp_path: Path, magic: bytes) -> None:
    path = write(tmp_path / "labels", magic + b"\0" * 100)
    refusal(lambda: read_idx(path), str(path), "magic", magic.hex())


def test_values_that_are_not_uint8(tmp_path: Path) -> None:
    path = write(tmp_path / "labels", idx(np.arange(5), kind=0x0D))
    refusal(lambda: read_idx(path), str(path), "0x0d", "uint8")


def test_header_that_declares_more_than_any_machine_holds(tmp_path: Path) -> None:
    header = struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1)
    path = write(tmp_path / "images", header + b"few")
    refusal(lambda: read_idx(path), str(path), "truncated", str((2**32 - 1) ** 3))


@pytest.mark.parametrize("length", [3, 4, 11])
def test_file_that_ends_within_its_header(tmp_path: Path, length: int) -> None:
    path = write(tmp_path / "images", idx(np.zeros((2, 3, 4)))[:length])
    refusal(lambda: read_idx(path), str(path), "truncated", "header")


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")], ids=["plain", "gzip"])
def test_empty_file(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path / "labels", content)
    refusal(lambda: read_idx(path), str(path), "is empty")


def test_missing_file(tmp_path: Path) -> None:
    refusal(lambda: read_idx(tmp_path / "nothing"), "nothing", "No such file")


# A folder of IDX files


@pytest.mark.parametrize("sign", ["-", "."])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_both_spellings(tmp_path: Path, sign: str, packed: bool) -> None:
    arrays = small_arrays()
    for name, array in arrays.items():
        name = name.replace("-idx", f"{sign}idx")
        content = gzip.compress(idx(array)) if packed else idx(array)
        write(tmp_path / (name if packed else name.removesuffix(".gz")), content)
    read = read_idx_folder(tmp_path)
    assert read.name == tmp_path.name
    assert (read.features, read.classes) == (784, 10)
    np.testing.assert_array_equal(read.train_images, arrays[TRAIN_IMAGES].reshape(20, 784))
    np.testing.assert_array_equal(read.train_labels, arrays[TRAIN_LABELS])
    np.testing.assert_array_equal(read.test_images, arrays[TEST_IMAGES].reshape(10, 784))
    np.testing.assert_array_equal(read.test_labels, arrays[TEST_LABELS])
    assert read.train_labels.dtype == read.test_labels.dtype == np.int32


@pytest.mark.parametrize("name", NAMES)
def test_folder_without_one_file(tmp_path: Path, name: str) -> None:
    (small_folder(tmp_path) / name).unlink()
    refusal(lambda: read_idx_folder(tmp_path), str(tmp_path), name.removesuffix(".gz"))


@pytest.mark.parametrize("split", ["train", "t10k"])
def test_images_swapped_with_labels(tmp_path: Path, split: str) -> None:
    small_folder(tmp_path)
    images = tmp_path / f"{split}-images-idx3-ubyte.gz"
    labels = tmp_path / f"{split}-labels-idx1-ubyte.gz"
    content = images.read_bytes(), labels.read_bytes()
    labels.write_bytes(content[0])
    images.write_bytes(content[1])
    refusal(lambda: read_idx_folder(tmp_path), images.name, "holds labels", "swapped")


def test_labels_file_that_holds_images(tmp_path: Path) -> None:
    small_folder(tmp_path)
    shutil.copy(tmp_path / TRAIN_IMAGES, tmp_path / TRAIN_LABELS)
    refusal(lambda: read_idx_folder(tmp_path), TRAIN_LABELS, "holds images", "swapped")


def test_images_file_that_holds_labels(tmp_path: Path) -> None:
    small_folder(tmp_path)
    shutil.copy(tmp_path / TRAIN_LABELS, tmp_path / TRAIN_IMAGES)
    refusal(lambda: read_idx_folder(tmp_path), TRAIN_IMAGES, "holds labels", "swapped")


def test_folder_whose_labels_stop_short_has_ten_classes(tmp_path: Path) -> None:
    assert read_idx_folder(small_folder(tmp_path, train=3, test=3)).classes == 10


def test_train_set_swapped_with_test_set(tmp_path: Path) -> None:
    small_folder(tmp_path, train=10, test=20)
    refusal(lambda: read_idx_folder(tmp_path), str(tmp_path), "10", "20", "swapped")


@pytest.mark.parametrize("name", [TRAIN_LABELS, TEST_LABELS])
def test_label_out_of_range_in_a_file(tmp_path: Path, name: str) -> None:
    small_folder(tmp_path)
    labels = small_arrays()[name]
    labels[3] = 11
    write(tmp_path / name, idx(labels))
    refusal(lambda: read_idx_folder(tmp_path), "label 11 at position 3", name, "0-9")


def test_images_and_labels_that_do_not_match_in_files(tmp_path: Path) -> None:
    small_folder(tmp_path)
    write(tmp_path / TEST_LABELS, idx(np.arange(9)))
    refusal(lambda: read_idx_folder(tmp_path), TEST_IMAGES, "10 images", TEST_LABELS, "9 labels")


@pytest.mark.parametrize(("name", "shape"), [(TRAIN_IMAGES, (0, 28, 28)), (TEST_LABELS, (0,))])
def test_empty_data_set_in_a_file(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    small_folder(tmp_path)
    write(tmp_path / name, idx(np.zeros(shape)))
    refusal(lambda: read_idx_folder(tmp_path), name, "empty data set")


# The data set itself


def test_dataset_knows_its_features_classes_and_zeros() -> None:
    dataset = small_dataset()
    assert (dataset.features, dataset.classes) == (4, 3)
    assert dataset.zeros == 1 / 24
    assert small_dataset(min_classes=10).classes == 10
    assert small_dataset(test_labels=np.array([0, 7, 2])).classes == 8


def test_dataset_stores_contiguous_images_and_int32_labels() -> None:
    wide = np.zeros((6, 8), np.uint8)
    dataset = small_dataset(train_images=wide[:, ::2], test_labels=np.array([0, 1, 2], np.uint8))
    assert dataset.train_images.flags.c_contiguous
    assert dataset.test_labels.dtype == np.int32


def test_sha256_is_the_same_on_every_machine() -> None:
    expected = "d5c39aaa25f3160ae5b3959e36aa1560bec8f3d96571ea6f7d41861fcf78adfb"
    assert small_dataset().sha256 == expected
    assert small_dataset(train_labels=np.array([0, 1, 2, 0, 1, 2], ">u2")).sha256 == expected


@pytest.mark.parametrize("part", ["train_images", "train_labels", "test_images", "test_labels"])
def test_sha256_covers_every_array(part: str) -> None:
    changed = getattr(small_dataset(), part).copy()
    changed.flat[-1] ^= 1
    assert small_dataset(**{part: changed}).sha256 != small_dataset().sha256


def test_sha256_covers_the_shapes() -> None:
    images = np.zeros((4, 4), np.uint8)
    labels = np.zeros(4, np.int32)
    square = Dataset("a", images, labels, images, labels)
    # The same bytes in the same order, otherwise divided.
    flat = Dataset("a", images.reshape(2, 8), labels[:2], images.reshape(2, 8), labels[:2])
    longer = Dataset("a", images.reshape(2, 8), labels[:2], np.zeros((3, 8), np.uint8), labels[:3])
    assert len({square.sha256, flat.sha256, longer.sha256}) == 3


def test_head_takes_the_first_images() -> None:
    dataset = small_dataset()
    head = dataset.head(4, 2)
    assert head.name == "small[:4]"
    np.testing.assert_array_equal(head.train_images, dataset.train_images[:4])
    np.testing.assert_array_equal(head.train_labels, dataset.train_labels[:4])
    np.testing.assert_array_equal(head.test_images, dataset.test_images[:2])
    np.testing.assert_array_equal(head.test_labels, dataset.test_labels[:2])
    assert dataset.head(1, 1).classes == 3  # although only label 0 is left
    assert dataset.head(100, 100) is dataset


def test_head_of_nothing() -> None:
    refusal(lambda: small_dataset().head(0, 1), "small", "at least 1")


@pytest.mark.parametrize("split", ["train", "test"])
def test_images_and_labels_that_do_not_match(split: str) -> None:
    labels = np.array([0, 1])
    refusal(
        lambda: small_dataset(**{f"{split}_labels": labels}),
        f"small: {split}",
        "images",
        "2 labels",
    )


@pytest.mark.parametrize("split", ["train", "test"])
def test_empty_data_set(split: str) -> None:
    empty = {f"{split}_images": np.zeros((0, 4), np.uint8), f"{split}_labels": np.zeros(0, int)}
    refusal(lambda: small_dataset(**empty), f"small: {split}", "empty")


@pytest.mark.parametrize("label", [-1, 256, 2**40])
def test_labels_out_of_range(label: int) -> None:
    labels = np.array([0, 1, label], dtype=np.int64)
    refusal(lambda: small_dataset(test_labels=labels), f"label {label} at position 2", "test")


def test_train_and_test_images_of_different_sizes() -> None:
    refusal(lambda: small_dataset(test_images=np.zeros((3, 5), np.uint8)), "4 pixels", "5")


def test_images_that_are_not_uint8() -> None:
    refusal(lambda: small_dataset(test_images=np.zeros((3, 4))), "float64", "uint8")


def test_images_that_are_not_flat() -> None:
    refusal(lambda: small_dataset(test_images=np.zeros((3, 2, 2), np.uint8)), "(3, 2, 2)")


def test_labels_that_are_not_integers() -> None:
    refusal(lambda: small_dataset(test_labels=np.zeros(3)), "float64", "integers")


# Where `load` looks


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Make two small data sets the official MNIST and Fashion-MNIST; return MNIST's folder."""
    for seed, name in enumerate(("mnist", "fashion-mnist")):
        folder = small_folder(tmp_path / "official" / name, seed=seed)
        sums = {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in NAMES}
        monkeypatch.setitem(downloads.CHECKSUMS, name, sums)
        monkeypatch.setitem(sources.OFFICIAL, name, read_idx_folder(folder).sha256)
    return tmp_path / "official" / "mnist"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the full set of drawn digits, which takes seconds."""
    monkeypatch.setattr(sources, "digits", lambda: small_dataset(name="digits"))


def test_auto_takes_the_folder_before_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, official: Path, isolated: Path
) -> None:
    shutil.copytree(official, isolated / "mnist")
    folder = small_folder(tmp_path / "mine", seed=5)
    monkeypatch.setenv("MNIST_DATA_DIR", str(folder))
    assert load("auto").name == "mine"


def test_auto_calls_the_official_split_mnist_whatever_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, official: Path
) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", str(shutil.copytree(official, tmp_path / "mine")))
    assert load("auto").name == "mnist"


def test_a_folder_that_is_merely_called_mnist_is_not_named_so(tmp_path: Path) -> None:
    folder = small_folder(tmp_path / "mnist", seed=5)
    assert load(str(folder)).name == "./mnist"


@pytest.mark.parametrize("spec", ["auto", "mnist", "fashion-mnist"])
def test_data_folder_without_a_data_set_is_never_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, official: Path, isolated: Path, spec: str
) -> None:
    shutil.copytree(official.parent, isolated, dirs_exist_ok=True)
    monkeypatch.setenv("MNIST_DATA_DIR", str(tmp_path / "nowhere"))
    refusal(lambda: load(spec), "nowhere")


def test_auto_takes_the_cache_before_a_download(
    monkeypatch: pytest.MonkeyPatch, official: Path, isolated: Path
) -> None:
    shutil.copytree(official, isolated / "mnist")
    monkeypatch.setattr(sources, "download", lambda name: pytest.fail("downloaded"))
    assert load("auto").name == "mnist"


@pytest.mark.usefixtures("drawn")
def test_auto_draws_digits_when_there_is_nothing_else() -> None:
    assert load("auto").name == "digits"


@pytest.mark.usefixtures("drawn", "official")
def test_auto_draws_digits_when_the_cache_lacks_a_file(official: Path, isolated: Path) -> None:
    (shutil.copytree(official, isolated / "mnist") / TEST_LABELS).unlink()
    assert load("auto").name == "digits"


@pytest.mark.parametrize("spec", ["auto", "mnist"])
def test_checksum_that_differs_in_the_cache(official: Path, isolated: Path, spec: str) -> None:
    path = shutil.copytree(official, isolated / "mnist") / TEST_LABELS
    expected = downloads.CHECKSUMS["mnist"][TEST_LABELS][:12]
    got = hashlib.sha256(b"damaged").hexdigest()[:12]
    path.write_bytes(b"damaged")
    refusal(lambda: load(spec), str(path), expected, got, "delete the file")


@pytest.mark.parametrize("spec", ["mnist", "fashion-mnist"])
def test_official_split_from_the_cache(official: Path, isolated: Path, spec: str) -> None:
    shutil.copytree(official.parent / spec, isolated / spec)
    dataset = load(spec)
    assert (dataset.name, dataset.sha256) == (spec, sources.OFFICIAL[spec])


@pytest.mark.parametrize("spec", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("folder", ["mnist", "fashion-mnist"])
def test_official_split_from_the_data_folder_or_the_one_beside_it(
    monkeypatch: pytest.MonkeyPatch, official: Path, spec: str, folder: str
) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", str(official.parent / folder))
    dataset = load(spec)
    assert (dataset.name, dataset.sha256) == (spec, sources.OFFICIAL[spec])


@pytest.mark.parametrize("spec", ["mnist", "fashion-mnist"])
@pytest.mark.usefixtures("drawn")
def test_nothing_stands_in_for_an_official_split(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spec: str
) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", str(small_folder(tmp_path / spec, seed=5)))
    refusal(lambda: load(spec), spec, "MNIST_BENCH_NO_DOWNLOAD", "MNIST_DATA_DIR")


def test_path_of_a_folder(tmp_path: Path) -> None:
    assert load(str(small_folder(tmp_path / "mine"))).name == "mine"


def test_path_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "notes.txt", b"not a data set")
    refusal(lambda: load(str(path)), str(path), "not a folder")


@pytest.mark.parametrize("spec", ["imagenet", ""])
def test_unknown_data_set(spec: str) -> None:
    refusal(lambda: load(spec), repr(spec), *SOURCES)


def test_import_costs_numpy_alone() -> None:
    code = (
        "import sys, mnist_core.data; "
        "print([m for m in ('pooch', 'platformdirs', 'requests', 'pandas') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True).stdout.strip() == "[]"


# Downloads, from a server on this machine


class Mirrors:
    """Two mirrors, `/first/` and `/second/`; a path with content None never answers."""

    def __init__(self, url: str) -> None:
        self.urls = (f"{url}/first/", f"{url}/second/")
        self.content: dict[str, bytes | None] = {}
        self.requests: list[str] = []
        self.closing = threading.Event()

    def serve(self, mirror: str, folder: Path) -> None:
        for name in NAMES:
            self.content[f"/{mirror}/{name}"] = (folder / name).read_bytes()


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrors]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append(self.path)
            content = state.content.get(self.path, b"")
            if content is None:
                state.closing.wait()
                return
            self.send_response(200 if content else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state = Mirrors(f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setitem(downloads.MIRRORS, "mnist", state.urls)
        monkeypatch.setattr(downloads, "READ_SECONDS", 0.3)
        monkeypatch.setenv("MNIST_BENCH_NO_DOWNLOAD", "0")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield state
        state.closing.set()
        server.shutdown()


@pytest.mark.parametrize("spec", ["auto", "mnist"])
def test_download_is_kept_in_the_cache(
    mirrors: Mirrors, official: Path, isolated: Path, spec: str
) -> None:
    mirrors.serve("first", official)
    assert load(spec).sha256 == sources.OFFICIAL["mnist"]
    assert sorted(p.name for p in (isolated / "mnist").iterdir()) == sorted(NAMES)
    before = len(mirrors.requests)
    assert load(spec).name == "mnist"
    assert len(mirrors.requests) == before == 4


@pytest.mark.parametrize("first", ["404", "wrong checksum", "hangs"])
def test_next_mirror_is_tried(mirrors: Mirrors, official: Path, isolated: Path, first: str) -> None:
    mirrors.serve("second", official)
    if first != "404":
        for name in NAMES:
            mirrors.content[f"/first/{name}"] = None if first == "hangs" else b"login page"
    assert load("mnist").sha256 == sources.OFFICIAL["mnist"]
    assert f"/first/{TRAIN_IMAGES}" in mirrors.requests


@pytest.mark.usefixtures("official")
def test_wrong_checksum_from_every_mirror(mirrors: Mirrors, isolated: Path) -> None:
    for mirror in ("first", "second"):
        mirrors.content[f"/{mirror}/{TRAIN_IMAGES}"] = b"login page"
    got = hashlib.sha256(b"login page").hexdigest()[:12]
    expected = downloads.CHECKSUMS["mnist"][TRAIN_IMAGES][:12]
    refusal(lambda: load("mnist"), TRAIN_IMAGES, *mirrors.urls, expected, got)
    assert list((isolated / "mnist").iterdir()) == []


@pytest.mark.usefixtures("official")
def test_missing_from_every_mirror(mirrors: Mirrors) -> None:
    refusal(lambda: load("mnist"), TRAIN_IMAGES, *mirrors.urls, "HTTP 404", "MNIST_DATA_DIR")


@pytest.mark.usefixtures("official")
def test_every_mirror_hangs(mirrors: Mirrors) -> None:
    for mirror in ("first", "second"):
        mirrors.content[f"/{mirror}/{TRAIN_IMAGES}"] = None
    start = time.monotonic()
    refusal(lambda: load("mnist"), TRAIN_IMAGES, *mirrors.urls, "Timeout")
    assert time.monotonic() - start < 20 * downloads.READ_SECONDS


@pytest.mark.usefixtures("official", "drawn")
def test_no_network(monkeypatch: pytest.MonkeyPatch, mirrors: Mirrors) -> None:
    monkeypatch.setitem(downloads.MIRRORS, "mnist", ("http://127.0.0.1:9/",))  # refuses at once
    refusal(lambda: load("mnist"), TRAIN_IMAGES, "ConnectionError", "MNIST_DATA_DIR")
    assert load("auto").name == "digits"


def test_cache_that_cannot_be_written(mirrors: Mirrors, official: Path, isolated: Path) -> None:
    mirrors.serve("first", official)
    write(isolated, b"a file where the folder should be")
    refusal(lambda: load("mnist"), TRAIN_IMAGES, str(isolated))


def test_forbidden_download_asks_no_mirror(
    monkeypatch: pytest.MonkeyPatch, mirrors: Mirrors, official: Path
) -> None:
    mirrors.serve("first", official)
    monkeypatch.setenv("MNIST_BENCH_NO_DOWNLOAD", "1")
    refusal(lambda: load("mnist"), "forbids")
    assert mirrors.requests == []


# The real MNIST


@pytest.fixture(scope="module")
def mnist() -> Dataset:
    if not REAL:
        pytest.skip("MNIST_DATA_DIR is not set")
    dataset = read_idx_folder(REAL)
    if dataset.sha256 != sources.OFFICIAL["mnist"]:
        pytest.skip("MNIST_DATA_DIR does not hold MNIST")
    return dataset


def test_mnist_labels(mnist: Dataset) -> None:
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(mnist.train_labels).tolist() == train
    assert np.bincount(mnist.test_labels).tolist() == test


def test_mnist_pixels(mnist: Dataset) -> None:
    assert mnist.train_images.shape == (60_000, 784)
    assert mnist.test_images.shape == (10_000, 784)
    assert int(mnist.train_images.sum(dtype=np.int64)) == 1_567_298_545
    assert int(mnist.test_images.sum(dtype=np.int64)) == 264_923_200
    assert round(1 - mnist.zeros, 4) == 0.1912


def test_mnist_files_have_the_official_checksums(mnist: Dataset) -> None:
    for name, sha256 in downloads.CHECKSUMS["mnist"].items():
        path = Path(str(REAL)) / name
        if path.is_file():  # the folder may hold the same data unpacked
            assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def test_fashion_mnist_beside_mnist(monkeypatch: pytest.MonkeyPatch, mnist: Dataset) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", str(REAL))
    if not (Path(str(REAL)).resolve().parent / "fashion-mnist").is_dir():
        pytest.skip("no fashion-mnist beside MNIST_DATA_DIR")
    fashion = load("fashion-mnist")
    assert int(fashion.train_images.sum(dtype=np.int64)) == 3_431_114_169
    assert int(fashion.test_images.sum(dtype=np.int64)) == 573_469_082
