"""The loops that stand for CuPy's kernels on the CPU do as CuPy does, or refuse."""

import numpy as np
import pytest
from cuda_host import needs_compiler
from cuda_host.elementwise import ElementwiseKernel
from cuda_host.namespace import BACKWARD, FORWARD, LaunchError, RawModule, Stream
from cuda_host.reduction import ReductionKernel

pytestmark = needs_compiler


def test_arrays_are_broadcast_and_outputs_made() -> None:
    add = ElementwiseKernel("T x, T y", "T z", "z = x + 10 * y", "add")
    x, y = np.arange(6, dtype="f").reshape(2, 3), np.arange(3, dtype="f")
    for a, b in ((x, y), (x, x[:, :1].copy()), (y, x[:, :1].copy()), (x, x)):
        made = add(a, b)
        assert made.dtype == np.float32
        np.testing.assert_array_equal(made, a + 10 * b)
    with pytest.raises(ValueError, match="Out shape is mismatched"):
        add(x, y, np.empty((1, 2, 3), "f")[:, :1].copy())
    with pytest.raises(ValueError, match="broadcast"):
        add(x, np.zeros(2, "f"))


def test_letters_stand_for_one_type_and_scalars_take_it() -> None:
    scale = ElementwiseKernel("T x, T by, int32 n_more", "T y", "y = x * by + n_more", "scale")
    x = np.ones(3, "f")
    assert scale(x, 0.1, 2)[0] == np.float32(1) * np.float32(0.1) + 2
    with pytest.raises(TypeError, match=r"mismatched\. x float32 float64 T"):
        scale(x, 0.1, 2, np.ones(3))
    with pytest.raises(TypeError, match=r"mismatched\. n_more float32 int32 int32"):
        scale(x, 0.1, x)
    with pytest.raises(TypeError, match="no array gives T a type"):
        scale(1.0, 0.1, np.ones(3, np.int32))
    with pytest.raises(TypeError, match="y: float is no array"):
        scale(x, 0.1, 2, 1.0)
    with pytest.raises(TypeError, match="Wrong number of arguments"):
        scale(x, 0.1)


def test_raw_arrays_are_taken_by_index_and_sized() -> None:
    turned = ElementwiseKernel("raw T x", "raw T y", "y[i] = x[_ind.size() - 1 - i]", "turned")
    x = np.arange(6, dtype="f").reshape(2, 3)
    y = np.empty_like(x)
    assert turned(x, y, size=6) is y
    np.testing.assert_array_equal(y.ravel(), x.ravel()[::-1])
    with pytest.raises(ValueError, match="Loop size is undecided"):
        turned(x, y)
    with pytest.raises(ValueError, match="Output array size is Undecided"):
        ElementwiseKernel("T x", "raw T y", "y[i] = x")(x)
    with pytest.raises(LaunchError, match=r"turned: x\[6\] is outside of the array"):
        turned(x, np.empty(7, "f"), size=7)
    picked = ElementwiseKernel("raw uint8 x, T at", "T y", "y = x[at] * x.shape()[1]", "picked")
    with pytest.raises(ValueError, match="'size' can be used only if all"):
        picked(x.astype(np.uint8), x, size=6)
    np.testing.assert_array_equal(
        picked(x.astype(np.uint8), np.array([5, 0])), np.array([5, 0]) * 3
    )


def test_dependence_between_elements_is_caught_by_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running = ElementwiseKernel("", "raw T x", "if (i > 0) x[i] += x[i - 1]", "running")
    results = set()
    for order in (FORWARD, BACKWARD, 2):
        monkeypatch.setattr(RawModule, "order", order)
        x = np.ones(9, "f")
        running(x, size=9)
        results.add(x.tobytes())
    assert len(results) == 3


def test_preamble_knows_the_letters() -> None:
    preamble = "__device__ inline T twice(T x) { return 2 * x; }"
    double = ElementwiseKernel("T x", "T y", "y = twice(x)", "doubled", preamble=preamble)
    for dtype in ("float32", "float64", "int64"):
        np.testing.assert_array_equal(double(np.arange(3, dtype=dtype)), [0, 2, 4])


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (3, 10), (128, 64), (5000, 3)])
def test_reduction_adds_a_column(shape: tuple[int, int]) -> None:
    squares = ReductionKernel("T x", "T y", "x * x", "a + b", "y = a / 2", "0", "squares")
    x = np.random.RandomState(0).randint(-9, 9, shape).astype("f")
    np.testing.assert_array_equal(squares(x, axis=0), (x * x).sum(axis=0) / 2)


def test_what_is_not_emulated_is_refused() -> None:
    for operation in ("y = threadIdx.x", "__syncthreads()", "return", "y = n"):
        with pytest.raises(LaunchError, match="is not emulated"):
            ElementwiseKernel("T x", "T y", operation)
    for parameters in ("T x y", "complex64 x", "raw x", "T i"):
        with pytest.raises(LaunchError, match=r"is no parameter|are not emulated"):
            ElementwiseKernel(parameters, "T y", "y = 0")
    total = ReductionKernel("T x", "T y", "x", "a + b", "y = a", "0", "total")
    for axis, x in ((1, np.ones((2, 3))), (None, np.ones((2, 3))), (0, np.ones(3))):
        with pytest.raises(LaunchError, match="is not emulated"):
            total(x, axis=axis)
    with pytest.raises(LaunchError, match="not C-contiguous"):
        total(np.ones((2, 3)).T, axis=0)


def test_a_captured_launch_runs_when_its_graph_does() -> None:
    halve, stream, x = ElementwiseKernel("T by", "T x", "x *= by"), Stream(), np.ones(3)
    stream.begin_capture()
    halve(0.5, x)
    graph = stream.end_capture()
    np.testing.assert_array_equal(x, [1, 1, 1])
    graph.launch()
    graph.launch()
    np.testing.assert_array_equal(x, [0.25, 0.25, 0.25])
