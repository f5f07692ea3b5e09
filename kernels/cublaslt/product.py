"""A product and its epilogue, described to cuBLASLt once for arrays that stay where they are."""

import weakref
from typing import Any

import numpy as np

from mnist_core.arrays import Space
from mnist_core.errors import BackendError, described

Array = Any

WORKSPACE = 32 << 20
"""Bytes that an algorithm may work in: what cuBLAS itself takes on Hopper."""

SPARE = 256
"""Bytes beyond it: nvmath-python adds 16 for epilogues, around an error of the library."""

BEST_ALIGNMENT = 256
"""Bytes beyond which alignment makes no difference to cuBLASLt."""

_SCALARS = np.array([1, 0], "float32")
_ONE, _ZERO = _SCALARS.ctypes.data, _SCALARS.ctypes.data + _SCALARS.itemsize
_CUDA_R_32F = 0


def address(array: Array) -> int:
    """Where an array starts on the device."""
    return int(array.data.ptr)


class Product:
    """out = left right and what its epilogue adds, for row-major float32 arrays.

    cuBLASLt has its epilogues for matrices in column order only. A row-major array is in column
    order the transpose of itself, so it is asked for out' = right' left': its A is ``right``, its
    B ``left``, and the rows of its result are the columns of ``out``.

    Parameters
    ----------
    space
        Where the arrays live.
    left
        An array like those that the product will be called with.
    right, out, vector, mask
        Kept, since a descriptor holds their addresses alone; ``vector`` is a bias or a bias
        gradient, ``mask`` the bits of a ReLU, a row for each row of ``out``.
    epilogue
        Its name in ``cublasLtEpilogue_t``.
    transposed
        Which factor is transposed: "left", "right" or neither.
    """

    def __init__(
        self,
        space: Space,
        left: Array,
        right: Array,
        out: Array,
        epilogue: str,
        *,
        transposed: str = "",
        vector: Array | None = None,
        mask: Array | None = None,
    ) -> None:
        from nvmath.bindings import cublas, cublasLt

        self._lt, self._stream = cublasLt, space.xp.cuda.get_current_stream
        workspace = space.scratch("cublaslt", (WORKSPACE + SPARE,), space.xp.uint8)
        self._kept = right, out, vector, mask, workspace
        self._right, self._out = address(right), address(out)
        self._says = f"{epilogue} of {left.shape} by {right.shape}, transposed: {transposed!r}"
        self._handle = space.constant(("cublaslt handle",), cublasLt.create)
        self._workspace = address(workspace)
        compute = cublas.ComputeType.COMPUTE_32F  # no TF32
        self._description = cublasLt.matmul_desc_create(compute, _CUDA_R_32F)
        self._layouts = [_layout(cublasLt, array) for array in (right, left, out)]
        weakref.finalize(self, _destroy, cublasLt, self._description, self._layouts)
        self._describe(
            TRANSA=cublas.Operation.T if transposed == "right" else cublas.Operation.N,
            TRANSB=cublas.Operation.T if transposed == "left" else cublas.Operation.N,
            EPILOGUE=cublasLt.Epilogue[epilogue],
        )
        if vector is not None:
            self._describe(BIAS_POINTER=address(vector))
        if mask is not None:
            bits = 8 * mask.shape[1]
            self._describe(EPILOGUE_AUX_POINTER=address(mask), EPILOGUE_AUX_LD=bits)
        self._choose(BEST_ALIGNMENT)

    def __call__(self, left: Array) -> None:
        """Compute it for ``left``, in the current stream."""
        start = address(left)
        if start % self._alignment:
            self._choose(start & -start)
        a, b, d = self._layouts
        self._lt.matmul(
            self._handle,
            self._description,
            _ONE,
            self._right,
            a,
            start,
            b,
            _ZERO,
            self._out,
            d,
            self._out,
            d,
            self._algorithm,
            self._workspace,
            WORKSPACE + SPARE,
            self._stream().ptr,
        )

    def _describe(self, **attributes: int) -> None:
        lt = self._lt
        for name, value in attributes.items():
            attribute = lt.MatmulDescAttribute[name]
            held = np.array([value], lt.get_matmul_desc_attribute_dtype(attribute))
            lt.matmul_desc_set_attribute(
                self._description, attribute, held.ctypes.data, held.nbytes
            )

    def _choose(self, alignment: int) -> None:
        """Choose an algorithm for a ``left`` that starts at multiples of ``alignment`` bytes."""
        lt, (a, b, d), self._alignment = self._lt, self._layouts, alignment
        self._found = np.zeros(1, lt.matmul_heuristic_result_dtype)
        count = np.zeros(1, "int32")
        preference = _preference(lt, self._right, alignment, self._out)
        try:
            lt.matmul_algo_get_heuristic(
                self._handle,
                self._description,
                a,
                b,
                d,
                d,
                preference,
                1,
                self._found.ctypes.data,
                count.ctypes.data,
            )
        except Exception as error:
            raise BackendError(f"cuBLASLt refuses {self._says}: {described(error)}") from error
        finally:
            lt.matmul_preference_destroy(preference)
        if not count[0]:
            raise BackendError(f"cuBLASLt has no algorithm for {self._says}")
        self._algorithm = self._found["algo"].ctypes.data


def _layout(lt: Any, array: Array) -> int:
    rows, columns = array.shape
    return int(lt.matrix_layout_create(_CUDA_R_32F, columns, rows, columns))


def _preference(lt: Any, right: int, left_alignment: int, out: int) -> int:
    """What an algorithm may count on: workspace, and the alignment of each matrix."""
    preference = int(lt.matmul_preference_create())
    out_alignment = min(BEST_ALIGNMENT, out & -out)
    for name, value in {
        "MAX_WORKSPACE_BYTES": WORKSPACE,
        "MIN_ALIGNMENT_A_BYTES": min(BEST_ALIGNMENT, right & -right),
        "MIN_ALIGNMENT_B_BYTES": left_alignment,
        "MIN_ALIGNMENT_C_BYTES": out_alignment,
        "MIN_ALIGNMENT_D_BYTES": out_alignment,
    }.items():
        attribute = lt.MatmulPreferenceAttribute[name]
        held = np.array([value], lt.get_matmul_preference_attribute_dtype(attribute))
        lt.matmul_preference_set_attribute(preference, attribute, held.ctypes.data, held.nbytes)
    return preference


def _destroy(lt: Any, description: int, layouts: list[int]) -> None:
    lt.matmul_desc_destroy(description)
    for layout in layouts:
        lt.matrix_layout_destroy(layout)
