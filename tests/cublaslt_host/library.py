"""The calls of ``nvmath.bindings.cublasLt`` that products need, on NumPy's memory."""

import ctypes
import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from cuda_host.namespace import launched

from cublaslt_host.memory import Memory, value
from cublaslt_host.rules import (
    RESULT,
    TYPES,
    Epilogue,
    Layout,
    MatmulDescAttribute,
    MatmulPreferenceAttribute,
    check,
    require,
)


@dataclass
class Algorithm:
    """What an algorithm was chosen for."""

    problem: tuple[Any, ...]
    alignments: tuple[int, int, int]
    workspace: int


@dataclass
class CublasLt:
    """The module ``nvmath.bindings.cublasLt``; ``calls`` are the epilogues of the products done."""

    memory: Memory = field(default_factory=Memory)
    calls: list[str] = field(default_factory=list)

    Epilogue, MatmulDescAttribute = Epilogue, MatmulDescAttribute
    MatmulPreferenceAttribute, matmul_heuristic_result_dtype = MatmulPreferenceAttribute, RESULT

    def __post_init__(self) -> None:
        self._objects: dict[int, Any] = {}
        self._numbers = itertools.count(1)

    def create(self) -> int:
        return self._made("handle")

    def matmul_desc_create(self, compute_type: int, scale_type: int) -> int:
        require((compute_type, scale_type) == (68, 0), "not in full float32")
        return self._made({"TRANSA": 0, "TRANSB": 0, "EPILOGUE": 1})

    def matrix_layout_create(self, type: int, rows: int, cols: int, ld: int) -> int:
        require(type == 0 and ld >= rows > 0 < cols, "no layout")
        return self._made(Layout(rows, cols, ld))

    def matmul_preference_create(self) -> int:
        return self._made(dict.fromkeys(MatmulPreferenceAttribute.__members__, 256))

    def matmul_desc_destroy(self, number: int) -> None:
        del self._objects[number]

    matrix_layout_destroy = matmul_preference_destroy = matmul_desc_destroy

    @staticmethod
    def get_matmul_desc_attribute_dtype(attribute: Any) -> np.dtype:
        return np.dtype(TYPES.get(attribute.name, "i8"))

    @staticmethod
    def get_matmul_preference_attribute_dtype(attribute: Any) -> np.dtype:
        return np.dtype(TYPES.get(attribute.name, "u4"))

    def matmul_desc_set_attribute(self, number: int, attribute: Any, at: int, size: int) -> None:
        dtype = self.get_matmul_desc_attribute_dtype(attribute)
        self._objects[number][attribute.name] = value(at, size, dtype)

    def matmul_preference_set_attribute(
        self, number: int, attribute: Any, at: int, size: int
    ) -> None:
        dtype = self.get_matmul_preference_attribute_dtype(attribute)
        self._objects[number][attribute.name] = value(at, size, dtype)

    def matmul_algo_get_heuristic(
        self,
        handle: int,
        description: int,
        a: int,
        b: int,
        c: int,
        d: int,
        preference: int,
        requested: int,
        results: int,
        count: int,
    ) -> None:
        """Choose the one algorithm that there is, after all checks."""
        problem, asked = self._problem(description, a, b, c, d), self._objects[preference]
        alignments = tuple(asked[f"MIN_ALIGNMENT_{matrix}_BYTES"] for matrix in "ABD")
        chosen = self._made(Algorithm(problem, alignments, asked["MAX_WORKSPACE_BYTES"]))
        result = np.zeros(1, RESULT)
        result["algo"]["data_"][0, 0] = chosen
        ctypes.memmove(results, result.ctypes.data, result.nbytes)
        ctypes.memmove(count, np.ones(1, "i4").ctypes.data, 4)

    def matmul(
        self,
        handle: int,
        description: int,
        alpha: int,
        a: int,
        a_layout: int,
        b: int,
        b_layout: int,
        beta: int,
        c: int,
        c_layout: int,
        d: int,
        d_layout: int,
        algorithm: int,
        workspace: int,
        workspace_size: int,
        stream: int,
    ) -> None:
        problem = self._problem(description, a_layout, b_layout, c_layout, d_layout)
        chosen = self._objects[int(value(algorithm, 8, np.dtype("u8")))]
        require(chosen.problem == problem, "an algorithm for another problem")
        at = zip((a, b, d), chosen.alignments, strict=True)
        require(not any(start % least for start, least in at), "less aligned than promised")
        require(workspace_size >= chosen.workspace, "too little workspace")
        self.memory.at(workspace, workspace_size, "uint8")
        scalars = [value(at, 4, np.dtype("f4")) for at in (alpha, beta)]
        require(scalars == [1, 0] and c == d, "a sum with another matrix")
        launched(lambda: self._run(self._objects[description], problem, a, b, d))

    def _made(self, thing: Any) -> int:
        number = next(self._numbers)
        self._objects[number] = thing
        return number

    def _problem(self, description: int, a: int, b: int, c: int, d: int) -> tuple[Any, ...]:
        attributes, *layouts = (self._objects[number] for number in (description, a, b, d))
        require(c == d, "C is laid out as D")
        check(attributes, *layouts)
        kept = {name: v for name, v in attributes.items() if not name.endswith("POINTER")}
        return (*sorted(kept.items()), *layouts)

    def _run(self, attributes: dict[str, int], problem: Any, a: int, b: int, d: int) -> None:
        *_, a_layout, b_layout, d_layout = problem
        name, at = Epilogue(attributes["EPILOGUE"]).name, self.memory.at
        left, right, out = (
            layout.of(at(start, layout.size, "float32"))
            for start, layout in ((a, a_layout), (b, b_layout), (d, d_layout))
        )
        left = left.T if attributes["TRANSA"] else left
        right = right.T if attributes["TRANSB"] else right
        rows, columns = out.shape
        size = {"DEFAULT": 0, "BGRADB": columns}.get(name, rows)
        vector = at(attributes["BIAS_POINTER"], size, "float32") if size else None
        z = left @ right
        if "BIAS" in name:
            z += vector[:, None]
        if "RELU" in name:
            ld = attributes["EPILOGUE_AUX_LD"]
            bits = at(attributes["EPILOGUE_AUX_POINTER"], ld // 8 * columns, "uint8")
            bits = bits.reshape(columns, ld // 8)
            if name == "RELU_AUX_BIAS":
                z = np.maximum(z, 0)
                bits[:, : -(-rows // 8)] = np.packbits(z.T > 0, axis=1, bitorder="little")
            else:
                z *= np.unpackbits(bits, axis=1, bitorder="little")[:, :rows].T
        if "BGRAD" in name:
            summed, axis = {"BGRADA": (left, 1), "BGRADB": (right, 0)}.get(name, (z, 1))
            summed.sum(axis=axis, out=vector)
        out[...] = z
        self.calls.append(name)
