"""Downloads, from a server on this machine."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from idx_files import (
    NAMES,
    TRAIN_IMAGES,
    refusal,
    write,
)

from mnist_core.data import download as downloads
from mnist_core.data import load, sources


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
