"""What the commands print and write, and how options become a plan."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import invoke, mnist_bench, write_data

from bench import suite
from bench.cli import main
from bench.commands import run as run_module
from bench.plan import FULL, QUICK, Plan
from bench.run_folder import RunFolder
from mnist_core import registry
from mnist_core.presets import PRESETS

HEAVY = ("pandas", "numba", "scipy", "altair", "rich", "pyarrow", "jinja2", "cupy")


@pytest.fixture(scope="module")
def data(small_digits, tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), small_digits)


def ok(*arguments) -> str:
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    return done.stdout


# Help


def test_help_names_every_command_in_the_order_of_their_use():
    found = re.findall(r"^  (\w+) ", ok("--help").split("Commands:")[1], re.MULTILINE)
    assert found == list(main.commands)
    assert found[0] == "run"


@pytest.mark.parametrize("command", main.commands)
def test_every_command_and_option_has_help(command):
    text = ok(command, "--help")
    assert ok(command, "-h") == text
    assert text.startswith(f"Usage: main {command} ")
    assert main.commands[command].help.splitlines()[0] in text
    parameters = main.commands[command].params
    named = [option for option in parameters if option.param_type_name != "argument"]
    for option in named:
        assert option.opts[0] in text
        assert option.help


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from click.testing import CliRunner; from bench.cli import main\n"
        "for arguments in ['--help'], *([name, '--help'] for name in main.commands):\n"
        "    assert CliRunner().invoke(main, arguments).exit_code == 0\n"
        f"print(sorted(set(sys.modules) & set({HEAVY})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_module_and_the_console_script_are_the_same():
    script = Path(sys.executable).with_name("mnist-bench")
    if not script.exists():
        pytest.skip("the package is not installed beside this Python")
    for arguments in (["--help"], ["list", "presets"], ["data", "nowhere"]):
        one = subprocess.run([script, *arguments], capture_output=True, text=True)
        other = mnist_bench(*arguments)
        for field in ("returncode", "stdout", "stderr"):
            assert getattr(one, field) == getattr(other, field)


# Lists and data


def test_list_shows_backends_kernels_operators_and_presets():
    text = ok("list")
    assert re.findall(r"^\w+$", text, re.MULTILINE) == [
        "backends",
        "kernels",
        "operators",
        "presets",
    ]
    for what in ("backends", "kernels", "operators", "presets"):
        assert ok("list", what) in text


def test_list_says_why_a_backend_is_unavailable_and_which_are_peers(monkeypatch):
    gone = registry.Backend("gone", base="numpy", unavailable=lambda: "out of order")
    monkeypatch.setattr(registry, "_backends", registry.backends() | {"gone": gone})
    lines = ok("list", "backends").splitlines()
    assert "gone: unavailable, out of order" in lines
    assert any(line.startswith("bare-numpy (peer): ") for line in lines)
    assert [line.split(":")[0].split()[0] for line in lines] == list(registry.backends())


def test_list_kernels_names_what_the_kernel_option_takes():
    lines = ok("list", "kernels").splitlines()
    assert "numpy: dense=array" in lines
    assert "numpy: softmax=exact (exact)" in lines
    assert "numba: dense=tiled (cpu)" in lines
    assert "bare-numpy: epoch=bare_loop" in lines


def test_list_kernels_shows_every_rung_with_its_device_and_whether_it_can_run(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    lines = ok("list", "kernels").splitlines()
    rungs = [line for line in lines if line.startswith("cupy-raw: dense=")]
    reason = registry.backend("cupy-raw").unavailable()
    assert f"cupy-raw: dense=tf32 (cuda, tf32): unavailable, {reason}" in rungs
    assert f"cupy-raw: dense=tf32x3 (cuda, float32): unavailable, {reason}" in rungs
    assert f"cupy-raw: dense=naive (cuda): unavailable, {reason}" in rungs
    assert len(rungs) == 10


def test_data_describes_what_it_loaded(data, small_digits):
    first, second = ok("data", data).splitlines()
    assert first == (
        f"{data.name}: 2,000 training and 500 test images of 784 pixels, 10 classes, "
        f"{small_digits.zeros:.0%} zeros"
    )
    assert second == f"sha256 {small_digits.sha256}"


# Reports


@pytest.fixture
def results(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    row = {"backend": "numpy", "level": "step", "status": "refused", "reason": "no reason"}
    folder.add_rows([{"schema": 1, "run_id": folder.run_id, "role": "own", **row}])
    machine = {"cpu": "CPU", "cores": 2, "memory_bytes": 1, "load": 0.1, "governor": None}
    folder.finish([], {"machine": machine, "threads": 2, "packages": {}, "warnings": []})
    return folder.path


@pytest.mark.parametrize("given", ["", "results.csv"])
def test_report_writes_the_page_of_a_run_anew(results, given):
    page = results / "report.html"
    before = page.read_text()
    page.unlink()
    assert ok("report", results / given) == f"{page}\n"
    assert page.read_text() == before
    assert "no reason" in before


def test_report_goes_where_it_is_told(results, tmp_path):
    page = tmp_path / "page.html"
    assert ok("report", results, "--out", page) == f"{page}\n"
    assert page.read_text() == (results / "report.html").read_text()


@pytest.mark.parametrize("missing", ["certificates.json", "environment.json"])
def test_report_names_the_file_that_is_missing(results, missing):
    (results / missing).unlink()
    done = invoke("report", results)
    assert done.exit_code == 2
    assert str(results / missing) in done.stderr


def test_a_report_that_cannot_be_written_is_one_line(results):
    page = results / "results.csv" / "report.html"
    done = invoke("report", results, "--out", page)
    assert done.exit_code == 2
    assert done.stderr == (
        f"mnist-bench: cannot write {page}: Not a directory; choose another --out\n"
    )


# From options to a plan


@pytest.fixture
def plan(data, tmp_path, monkeypatch):
    """What a run with some options would do."""
    plans = []
    monkeypatch.setattr(
        run_module, "go", lambda plan, folder, environment: plans.append(plan) or folder.release()
    )

    def make(*arguments) -> Plan:
        ok("run", "--data", data, "--out", tmp_path / "out", *arguments)
        return plans.pop()

    return make


def names(plan: Plan) -> list[str]:
    return [backend.name for backend in plan.backends]


def test_a_bare_run_takes_the_standard_preset_at_every_level(plan):
    bare, standard = plan(), PRESETS["standard"]
    assert {case.network for case in bare.cases} == {standard.network}
    assert {case.batch for case in bare.cases} == {standard.batch}
    assert {case.level for case in bare.cases} == set(suite.LEVELS)
    timed = {case.operator for case in bare.cases if case.level != "part"}
    assert timed == {None, *registry.operators()}
    parts = [case.operator for case in bare.cases if case.level == "part"]
    assert parts == suite.parts_of(standard.network)
    assert (bare.lr, bare.seed, bare.precision) == (standard.lr, standard.seed, "float32")
    assert bare.effort == FULL


def test_options_override_the_preset(plan):
    one = plan("--preset", "batch-gd", "--level", "step")
    assert [(c.network, c.batch) for c in one.cases] == [((784, 128, 64, 10), 2000)]
    one = plan("--batch", 64, "--preset", "batch-gd", "--level", "step", "--seed", 5)
    assert [c.batch for c in one.cases] == [64]
    assert one.seed == 5
    one = plan("--network", "784-8-10", "--network", "784-10", "--batch", 1, "--level", "step")
    assert [(c.network, c.batch) for c in one.cases] == [((784, 8, 10), 1), ((784, 10), 1)]


def test_peers_run_only_when_named_or_with_all(plan):
    assert "bare-numpy" not in names(plan())
    assert "numpy" in names(plan())
    assert names(plan("--backend", "bare-numpy")) == ["bare-numpy"]
    assert names(plan("--backend", "all")) == list(registry.backends())
    assert "bare-numpy" in registry.backends()
    assert names(plan("--backend", "numpy", "--backend", "numpy")) == ["numpy"]


def test_naming_an_operator_asks_for_its_level(plan):
    one = plan("--operator", "dense")
    assert [(c.level, c.operator) for c in one.cases] == [("operator", "dense")]
    two = plan("--operator", "dense", "--level", "step")
    assert [(c.level, c.operator) for c in two.cases] == [("step", None), ("operator", "dense")]


def test_run_options_reach_the_plan(plan, data):
    one = plan("--quick", "--threads", 1, "--precision", "float64", "--kernel", "dense=reference")
    assert one.effort == QUICK
    assert (one.threads, one.precision) == (1, "float64")
    assert one.kernels == {"dense": "reference"}
    assert one.data == str(data)
