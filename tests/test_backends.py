"""Backends: who is found, who is available and why not, which kernel is used, what plug-ins do."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mnist_core import operators, registry
from mnist_core.arrays import Space
from mnist_core.backends import Backend, Kernel, TakeOver, kernel, kernels_in
from mnist_core.errors import BackendError
from mnist_core.network import Network


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test a registry that it may add to."""
    known = set(sys.modules)
    monkeypatch.setattr(registry, "_backends", dict(registry.backends()))
    monkeypatch.setattr(registry, "_operators", dict(registry.operators()))
    yield
    for name in set(sys.modules) - known:
        if name.startswith("mnist_bench_plugin_"):
            del sys.modules[name]


def refused(action: Any, *parts: str) -> None:
    """Check that the action is refused in one line that holds all of ``parts``."""
    with pytest.raises(BackendError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


# What is found


def test_entry_points_lead_to_the_backends() -> None:
    values = [entry.value for entry in metadata.entry_points(group=registry.ENTRY_POINTS)]
    assert "kernels" in values
    assert {"numpy", "numba", "cupy"} <= set(registry.backends())
    for name, backend in registry.backends().items():
        assert backend.name == name
        assert backend.role in ("own", "peer")
        assert backend.driven, "a line that says how it is driven"


def test_unknown_names_list_the_known() -> None:
    refused(
        lambda: registry.backend("nunpy"), "unknown backend 'nunpy'; there are", "numpy", "cupy"
    )
    refused(lambda: registry.operator("dens"), "unknown operator 'dens'; there are", "dense", "sgd")


def test_variants_that_do_not_exist_are_refused() -> None:
    refused(lambda: registry.backend("numpy[dense=fast]"), "numpy has no kernel dense=fast; it has")
    refused(lambda: registry.backend("numpy[dens=array]"), "unknown operator 'dens'")
    refused(lambda: registry.backend("nunpy[dense=array]"), "unknown backend 'nunpy[dense=array]'")


def test_entry_point_that_does_not_load_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = metadata.EntryPoint("theirs", "no_such_module_xyz", registry.ENTRY_POINTS)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [broken])
    monkeypatch.setattr(registry, "_discovered", False)
    refused(registry.backends, "entry point theirs = no_such_module_xyz", "No module named")


HEAVY = ("numba", "cupy", "scipy", "pandas", "torch", "jax", "pooch")


def test_core_imports_nothing_heavy() -> None:
    modules = "mnist_core, mnist_core.backends, mnist_core.network, mnist_core.registry"
    code = f"""
import sys, {modules}
from mnist_core import registry
[backend.unavailable() for backend in registry.backends().values()]
print([name for name in {HEAVY} if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]", "neither the core nor looking for backends may import these"


# Who is available


def test_missing_packages_are_named() -> None:
    absent = Backend("absent", base="numpy", requires=("numpy", "no_such_a", "no_such_b"))
    assert absent.unavailable() == "no_such_a, no_such_b is not installed"


def test_cupy_without_a_device_says_so() -> None:
    cupy = registry.backend("cupy")
    if cupy.unavailable() is None:
        pytest.skip("this machine has a CUDA device, so cupy is available")
    assert re.match("no CUDA device: |CuPy is not installed: ", cupy.unavailable())


def test_a_backend_is_as_unavailable_as_its_base() -> None:
    registry._backends["closed"] = Backend("closed", space=Space, unavailable=lambda: "on holiday")
    assert Backend("heir", base="closed").unavailable() == "on holiday"
    assert Backend("heir of heir", base="numpy").unavailable() is None


def test_base_that_is_unknown_is_named() -> None:
    orphan = Backend("orphan", base="nobody")
    refused(orphan.unavailable, "unknown backend 'nobody'")


def test_a_backend_has_a_base_or_a_space() -> None:
    refused(lambda: Backend("none"), "backend 'none': give it a base or an array space")
    refused(lambda: Backend("both", base="numpy", space=Space), "one of them")


def test_packages_include_the_bases() -> None:
    assert registry.backend("numba").packages == ("numba", "scipy", "numpy")


# Which kernel is used


def test_own_kernels_come_first_then_the_bases_then_the_reference() -> None:
    candidates = registry.backend("numba").candidates(operators.dense)
    rungs = ("sums", "rows", "blocks", "four-rows")
    names = ["blocked", "tiled", "fused", *rungs, "array", "reference"]
    assert [kernel.name for kernel in candidates] == names
    assert registry.backend("numba").kernel_for(operators.dense).name == "tiled"


def test_choosing_takes_another_kernel_and_leaves_the_original_alone() -> None:
    numba = registry.backend("numba")
    chosen = numba.choosing({"dense": "array"})
    assert chosen.kernel_for(operators.dense).name == "array"
    assert chosen.kernel_for(operators.sgd).name == "fused"
    assert chosen.choosing({"sgd": "array"}).kernel_for(operators.dense).name == "array"
    assert numba.kernel_for(operators.dense).name == "tiled"


def test_choosing_reaches_calls_that_were_made_before() -> None:
    called = []

    @kernel(operators.relu, name="first")
    def first(z: Any, out: Any) -> None:
        called.append("first")

    @kernel(operators.relu, name="second")
    def second(z: Any, out: Any) -> None:
        called.append("second")

    backend = Backend("two", base="numpy", kernels=[first, second])
    backend.relu(None, None)
    backend.choosing({"relu": "second"}).relu(None, None)
    backend.relu(None, None)
    assert called == ["first", "second", "first"]


def test_choosing_drops_take_overs() -> None:
    """They would bypass the choice."""
    peer = registry.backend("bare-numpy")
    assert peer.take_over("epoch") is not None
    assert peer.choosing({"dense": "array"}).take_over("epoch") is None


def test_choosing_what_is_not_there_is_refused() -> None:
    numba = registry.backend("numba")
    refused(
        lambda: numba.choosing({"dense": "fast"}),
        "numba has no kernel dense=fast; it has tiled, fused, ",
    )
    refused(lambda: numba.choosing({"denser": "fused"}), "unknown operator 'denser'")


def test_what_nobody_computes_falls_to_the_reference() -> None:
    bare = Backend("bare", space=Space)
    z, out = np.array([[-1.0, 2.0]]), np.empty((1, 2))
    bare.relu(z, out)
    np.testing.assert_array_equal(out, [[0, 2]])
    param = np.ones(2)
    bare.sgd(param, np.ones(2), lr=0.25)
    np.testing.assert_array_equal(param, [0.75, 0.75])


def test_other_attributes_do_not_exist() -> None:
    with pytest.raises(AttributeError, match="no attribute or operator 'convolution'"):
        registry.backend("numpy").convolution  # noqa: B018


def test_kernels_in_a_package_are_imported_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "kernels_in_test"
    package.mkdir()
    (package / "__init__.py").touch()
    shared = (
        "from mnist_core import operators\nfrom mnist_core.backends import kernel, takes_over\n"
    )
    relu = "@kernel(operators.relu)\ndef mine(z, out): ...\n"
    (package / "a.py").write_text(f"{shared}{relu}number = 1\n")
    epoch = "@takes_over('epoch')\ndef whole(network, *arguments): ...\n"
    (package / "b.py").write_text(f"{shared}from kernels_in_test.a import mine\n{epoch}")
    monkeypatch.syspath_prepend(tmp_path)

    load = kernels_in("kernels_in_test")
    assert "kernels_in_test" not in sys.modules
    # The kernel that b imports from a is one kernel.
    parts = load()
    assert [(type(part), part.name) for part in parts] == [(Kernel, "mine"), (TakeOver, "whole")]


# Plug-in files

GOOD = """
from mnist_core import operators
from mnist_core.backends import Backend, kernel

@kernel(operators.relu)
def halved(z, out):
    out[...] = z / 2

backend = Backend("plugged-in", base="numpy", kernels=[halved])
"""


def plugin(folder: Path, text: str, name: str = "plug_in_test.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_plugin_is_registered_and_used(tmp_path: Path) -> None:
    registry.load_plugin(plugin(tmp_path, GOOD))
    backend = registry.backend("plugged-in")
    assert backend.unavailable() is None
    out = np.empty(1)
    backend.relu(np.array([-3.0]), out)
    assert out[0] == -1.5
    assert Network((3, 2), backend).layers


def test_plugin_may_bring_an_operator(tmp_path: Path) -> None:
    text = """
from mnist_core.operators import Operator
twice = Operator("twice", reference=lambda z: 2 * z, inputs=lambda rng: [],
                 workload=lambda sizes, batch, rng: [], flops=lambda z: (z.size,))
"""
    registry.load_plugin(plugin(tmp_path, GOOD + text))
    out = np.empty(1)
    registry.backend("plugged-in").twice(np.array([3.0]), out)
    assert out[0] == 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "import numpy\n\nnumpy.no_such_thing\n",
            ("AttributeError: module 'numpy'", "(plug_in_test.py, line 3)"),
        ),
        (
            "def f():\n    1 / 0\nf()\n",
            ("ZeroDivisionError: division by zero (plug_in_test.py, line 2)",),
        ),
        (
            "import no_such_module_xyz\n",
            ("ModuleNotFoundError: No module named", "(plug_in_test.py, line 1)"),
        ),
        ("x = 1\ndef f(:\n", ("SyntaxError: ", "(plug_in_test.py, line 2)")),
        ("raise ValueError('two\\nlines')\n", ("ValueError: two lines (plug_in_test.py, line 1)",)),
        ("x = 1\n", (": it declares no Backend",)),
        (
            GOOD.replace("plugged-in", "numba"),
            ("there are two backends named 'numba'; rename one",),
        ),
        (GOOD.replace("plugged-in", "numpy"), ("backend 'numpy' cannot be its own base",)),
        (
            GOOD.replace('base="numpy"', 'base="numpie"'),
            ("backend 'plugged-in' has the unknown base 'numpie'; there are numpy",),
        ),
        (GOOD.replace('base="numpy", ', ""), ("give it a base or an array space, one of them",)),
    ],
)
def test_plugin_that_cannot_be_used_is_refused_where_it_fails(
    text: str, said: tuple[str, ...], tmp_path: Path
) -> None:
    path, before = plugin(tmp_path, text), set(registry.backends())
    refused(lambda: registry.load_plugin(path), f"plug-in {path}", *said)
    assert set(registry.backends()) == before


def test_plugin_that_is_no_python_file_is_refused(tmp_path: Path) -> None:
    refused(lambda: registry.load_plugin(tmp_path / "no.py"), "no.py: no such file")
    refused(lambda: registry.load_plugin(tmp_path), "no such file")
    other = plugin(tmp_path, GOOD, "notes.txt")
    refused(lambda: registry.load_plugin(other), "notes.txt: not a Python file")


def test_names_are_unique_over_plugins(tmp_path: Path) -> None:
    registry.load_plugin(plugin(tmp_path, GOOD))
    again = plugin(tmp_path, GOOD, "plug_in_test_too.py")
    refused(lambda: registry.load_plugin(again), str(again), "two backends named 'plugged-in'")


def test_names_given_twice_to_one_object_are_one() -> None:
    module = ModuleType("module_in_test")
    module.a = module.b = Backend("once", base="numpy")
    registry.add_module(module)
    registry.add_module(module)
    assert registry.backend("once") is module.a


def test_what_raises_while_it_says_whether_it_is_available_is_the_reason() -> None:
    def broken() -> None:
        raise OSError("driver\nmissing")

    reason = Backend("any", base="numpy", unavailable=broken).unavailable()
    assert reason is not None
    assert reason.startswith("OSError: driver missing (test_backends.py, line ")


def test_kernels_that_cannot_be_imported_are_one_line() -> None:
    def broken() -> list[Kernel]:
        raise ImportError("needs NumPy 2.3\nor less")

    with pytest.raises(BackendError, match="any: its kernels cannot be loaded: ImportError: needs"):
        _ = Backend("any", base="numpy", kernels=broken).parts
