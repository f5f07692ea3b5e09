"""Every backend and operator there is: the suite's own, installed packages' and plug-in files'."""

import importlib
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from mnist_core.backends import Backend
from mnist_core.errors import BackendError, described
from mnist_core.operators import BUILTIN, Operator

ENTRY_POINTS = "mnist_bench.backends"

_T = TypeVar("_T")

VARIANT = re.compile(r"(?P<backend>[^\[]+)\[(?P<operator>[^=]+)=(?P<kernel>[^\]]+)\]")

_backends: dict[str, Backend] = {}
_variants: dict[str, Backend] = {}
_operators: dict[str, Operator] = {operator.name: operator for operator in BUILTIN}
_plugins: set[Path] = set()
_discovered = False


def backends() -> dict[str, Backend]:
    """All backends by name, available or not; the first call looks through installed packages."""
    global _discovered
    if not _discovered:
        for entry in metadata.entry_points(group=ENTRY_POINTS):
            try:
                add_module(entry.load())
            except Exception as error:
                raise BackendError(f"entry point {entry.name} = {entry.value}: {error}") from error
        _discovered = True
    return _backends


def backend(name: str) -> Backend:
    """The backend of that name; `BackendError` lists the names if there is none.

    ``cupy-raw[dense=naive]`` is `cupy-raw` with another kernel for an operator, under that name.
    """
    if name in backends():
        return backends()[name]
    if name in _variants:
        return _variants[name]
    variant = VARIANT.fullmatch(name)
    if variant is None or variant["backend"] not in backends():
        known = ", ".join(backends())
        raise BackendError(f"unknown backend {name!r}; there are {known}")
    chosen = backends()[variant["backend"]].choosing({variant["operator"]: variant["kernel"]})
    chosen.name = name
    return _variants.setdefault(name, chosen)


def available(name: str) -> Backend:
    """The backend of that name if it can run here; `BackendError` says why it cannot."""
    found = backend(name)
    reason = found.unavailable()
    if reason:
        raise BackendError(f"backend {name} is unavailable: {reason}")
    return found


def operators() -> dict[str, Operator]:
    """All operators by name."""
    backends()
    return _operators


def operator(name: str) -> Operator:
    """The operator of that name; `BackendError` lists the names if there is none."""
    try:
        return operators()[name]
    except KeyError:
        raise BackendError(
            f"unknown operator {name!r}; there are {', '.join(operators())}"
        ) from None


def add_module(module: ModuleType) -> None:
    """Register what stands in a module, or in the direct submodules of a package."""
    modules = [module]
    if hasattr(module, "__path__"):
        names = sorted(info.name for info in pkgutil.iter_modules(module.__path__))
        modules += [importlib.import_module(f"{module.__name__}.{name}") for name in names]
    for value in [v for m in modules for v in vars(m).values()]:
        if isinstance(value, Backend):
            _add(_backends, value.name, value, "backends", module)
        elif isinstance(value, Operator):
            _add(_operators, value.name, value, "operators", module)


def _add(registered: dict[str, _T], name: str, value: _T, kind: str, module: ModuleType) -> None:
    if registered.setdefault(name, value) is not value:
        raise BackendError(f"{module.__name__}: there are two {kind} named {name!r}; rename one")


def load_plugins(paths: Iterable[str | Path]) -> None:
    """Register what stands in loose Python files."""
    for path in paths:
        load_plugin(path)


def load_plugin(path: str | Path) -> None:
    """Register what stands in a loose Python file; once, however often it is asked for."""
    given, path = path, Path(path).resolve()
    if path in _plugins:
        return
    if not path.is_file():
        raise BackendError(f"plug-in {given}: no such file")
    backends()
    name = f"mnist_bench_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BackendError(f"plug-in {path}: not a Python file (its name must end in .py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        _check_declared([v for v in vars(module).values() if isinstance(v, Backend)])
        add_module(module)
    except BackendError as error:
        raise BackendError(f"plug-in {path}: {error}") from error
    except Exception as error:
        raise BackendError(f"plug-in {path}: {described(error)}") from error
    _plugins.add(path)


def _check_declared(backends: list[Backend]) -> None:
    if not backends:
        raise BackendError("it declares no Backend")
    known = [*_backends, *(backend.name for backend in backends)]
    for backend in backends:
        if backend.base is not None and backend.base not in known:
            raise BackendError(
                f"backend {backend.name!r} has the unknown base {backend.base!r}; "
                f"there are {', '.join(_backends)}"
            )
