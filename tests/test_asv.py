"""ASV's names are the registry's; its benchmarks time what they say."""

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bench import asv_cases, asv_pages
from bench.asv_benchmarks import training as asv_training
from bench.compare import VERDICTS
from mnist_core.errors import DataError

ROOT = Path(__file__).parents[1]


def test_names_that_asv_selects_by_index_are_those_of_the_registry() -> None:
    # In a process of its own: other tests add backends to this one's registry.
    code = "from bench.asv_cases import text; print(text(), end='')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert asv_cases.FILE.read_text() == done.stdout, "run python -m bench.asv_cases"


def test_what_asv_takes_for_one_call_is_a_block_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    class Task:
        calls = resets = 0

        def run(self) -> None:
            self.calls += 1

        def reset(self) -> None:
            self.resets += 1

    task, clock = Task(), asv_training.Clock()
    monkeypatch.setattr(asv_training, "perf_counter", lambda: task.calls * 3e-6)
    clock.time(task, lambda: None)
    assert clock() == pytest.approx(3e-6)
    assert task.calls == 2**13 - 1  # the first block of at least 10 ms has 2**12 calls
    assert task.resets == 13


@pytest.mark.long
def test_asv_times_the_working_tree(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("asv")), "run", "--python=same", "--quick"]
    wanted = "Operators|track_error_ratio|time_level.*'numpy', 'step', 128"
    environment = {**os.environ, "ASV_CONF_DIR": str(ROOT), "HOME": str(tmp_path)}
    subprocess.run([command[0], "machine", "--yes"], cwd=ROOT, env=environment, check=True)
    done = subprocess.run(
        [*command, "--dry-run", "--show-stderr", "--bench", wanted],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "failed" not in output
    for operator in ("dense", "sgd", "softmax_cross_entropy"):
        assert operator in output


ASV = Path(sys.executable).with_name("asv")
SELECTED = "Operators.time_operator.*'numpy', '(relu|sgd)'|track_error_ratio.*numpy"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with two commits more, of which the second slows relu down."""
    folder = tmp_path_factory.mktemp("asv") / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    commit(folder, "one more")
    relu = folder / "kernels" / "array" / "operators" / "relu.py"
    once = "    space.xp.maximum(z, 0, out=out)\n"
    relu.write_text(relu.read_text().replace(once, 4 * once))
    commit(folder, "slow relu down")
    asv(folder, "machine", "--yes")
    return folder


def commit(folder: Path, message: str) -> None:
    who = ["-c", "user.name=nobody", "-c", "user.email=nobody"]
    what = ["commit", "--quiet", "--all", "--allow-empty", "--message", message]
    subprocess.run(["git", "-C", str(folder), *who, *what], check=True)


def asv(folder: Path, *arguments: str, code: int | None = 0) -> str:
    """Output of ASV in the clone, with its machine file beside it."""
    environment = {**os.environ, "HOME": str(folder.parent)}
    done = subprocess.run(
        [str(ASV), *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    output = done.stdout + done.stderr
    assert code is None or done.returncode == code, output
    return output


@pytest.fixture(scope="module")
def measured(clone: Path) -> Path:
    """The clone once ASV has run its last two commits."""
    output = asv(clone, "run", "HEAD~2..HEAD", "--show-stderr", "--bench", SELECTED)
    assert "failed" not in output, output
    return clone


@pytest.mark.long
def test_asv_runs_across_commits_and_compares_them(measured: Path) -> None:
    results = measured / "results" / "asv"
    files = [f for f in results.glob("*/*.json") if f.name != "machine.json"]
    assert len(files) == 2 * 2  # commits and numbers of threads
    compared = asv(measured, "compare", "HEAD~1", "HEAD", "--factor", "1.5")
    of = "time_operator('numpy', 'relu') "
    (line,) = [line for line in compared.splitlines() if of in line and "THREADS1]" in line]
    assert line.split("|")[1].strip() == "+", compared


@pytest.mark.long
def test_asvs_files_can_be_compared_by_the_suite(measured: Path) -> None:
    heads = [
        subprocess.check_output(
            ["git", "-C", str(measured), "rev-parse", "--short=8", name], text=True
        ).strip()
        for name in ("HEAD~1", "HEAD")
    ]
    files = [
        sorted((measured / "results" / "asv").glob(f"*/{head}*THREADS1*.json"))[0] for head in heads
    ]
    command = [sys.executable, "-m", "bench", "compare", *map(str, files), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    verdicts = {c["case"]: c["verdict"] for c in json.loads(done.stdout)["changes"]}
    assert verdicts["time_operator relu"] == "slower"
    assert verdicts["time_operator sgd"] in VERDICTS


@pytest.mark.long
def test_asv_finds_the_commit_that_slowed_a_benchmark(measured: Path) -> None:
    benchmark = "Operators.time_operator.*'numpy', 'relu'"
    found = asv(measured, "find", "HEAD~3..HEAD", benchmark)
    head = subprocess.check_output(["git", "-C", str(measured), "rev-parse", "HEAD"], text=True)
    (regression,) = re.findall(r"Greatest regression found: (\w+)", found)
    assert head.startswith(regression)


@pytest.mark.long
def test_the_pages_open_offline_and_show_the_graphs(measured: Path, tmp_path: Path) -> None:
    asv(measured, "publish")
    pages = measured / ".asv" / "html"
    assert "https://" in re.findall(r"<script src=\"[^\"]*", (pages / "index.html").read_text())[0]
    try:
        placed = asv_pages.make_local(pages)
    except DataError as error:
        if "cannot fetch" in str(error):
            pytest.skip(f"no network: {error}")
        raise
    assert len(placed) == 10
    assert all((pages / file).stat().st_size > 1000 for file in placed)
    index = (pages / "index.html").read_text()
    assert not re.search(r"(src|href)=\"https://[^\"]*\.(js|css)", index)
    with served(pages) as address:
        graph = f"{address}/#training.Operators.time_operator?p-backend='numpy'&p-operator='relu'"
        seen = browse(graph, tmp_path / "graph")
        assert "time_operator" in seen
        assert re.search(r'<canvas class="flot-(base|overlay)"', seen)
        summary = browse(f"{address}/#/", tmp_path / "summary")
        assert "training.Operators.time_operator" in summary


class served:
    """The pages behind a web server of this machine."""

    def __init__(self, pages: Path) -> None:
        handler = functools.partial(Quiet, directory=str(pages))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *exception: object) -> None:
        self.server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def browse(address: str, profile: Path) -> str:
    """The page as a browser shows it that can reach nothing but this machine."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed")
    done = subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--no-proxy-server",
            f"--user-data-dir={profile}", "--virtual-time-budget=20000", "--dump-dom", address,
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout


def test_pages_that_are_missing_or_want_something_unknown_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file; `asv publish` writes it"):
        asv_pages.make_local(tmp_path)
    (tmp_path / "index.html").write_text('<script src="https://cdn.example/new.js"></script>')
    with pytest.raises(DataError, match=r"wants https://cdn\.example/new\.js"):
        asv_pages.make_local(tmp_path)
