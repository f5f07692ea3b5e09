"""cuBLASLt on the CPU: the calls of ``nvmath.bindings``, on NumPy's memory.

It refuses what cuBLASLt's documentation and nvmath-python refuse, and what a GPU would do wrong
without a word: memory that is gone or too small, an alignment that was not promised.
"""

import sys
from types import SimpleNamespace

import pytest

from cublaslt_host.library import CublasLt
from cublaslt_host.rules import ComputeType, Operation
from kernels.cublaslt import product


def installed(monkeypatch: pytest.MonkeyPatch) -> CublasLt:
    """cuBLASLt of this module in the place of nvmath-python's."""
    lt = CublasLt()
    cublas = SimpleNamespace(Operation=Operation, ComputeType=ComputeType)
    bindings = SimpleNamespace(cublas=cublas, cublasLt=lt)
    monkeypatch.setitem(sys.modules, "nvmath", SimpleNamespace(bindings=bindings))
    monkeypatch.setitem(sys.modules, "nvmath.bindings", bindings)
    monkeypatch.setattr(product, "address", lt.memory.address)
    return lt
