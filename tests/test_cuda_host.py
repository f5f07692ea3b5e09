"""The launcher that runs CUDA kernels on the CPU sees what a GPU would do wrong without a word."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from cuda_host import build, host_backend, needs_compiler
from cuda_host.namespace import BACKWARD, FORWARD, Graph, LaunchError, RawModule, Stream

from kernels.cuda.source import options, source
from mnist_core.backends import kernels_in
from mnist_core.numerics.operator_check import run_case

pytestmark = needs_compiler

ORDERS = (FORWARD, BACKWARD, 2, 3)
BATCH, N_OUT = 37, 41
TILE = 32


@pytest.fixture(autouse=True)
def forward_again() -> Iterator[None]:
    """Threads in their order once a test has had them in another."""
    yield
    RawModule.order = FORWARD


def edited(file: str, edits: dict[str, str]) -> str:
    """A kernel's text with a fault planted in it: each text replaced once."""
    text = source(file)
    for before, after in edits.items():
        assert before in text, "the kernel has changed: plant the fault anew"
        text = text.replace(before, after, 1)
    return text


def shared_tiles(edits: dict[str, str], n_in: int = 70) -> np.ndarray:
    rng = np.random.RandomState(0)
    x, w, b = (rng.standard_normal(s).astype("f") for s in ((BATCH, n_in), (n_in, N_OUT), (N_OUT,)))
    out = np.full((BATCH, N_OUT), np.nan, "f")
    code = edited("dense_3_shared_tiles.cu", edits)
    launch = RawModule(code, options("float32")).get_function("dense")
    sizes = map(np.int32, (BATCH, n_in, N_OUT, 0))
    launch((-(-BATCH // TILE), -(-N_OUT // TILE)), (TILE, TILE), (x, w, b, out, *sizes))
    return out


def bias_gradient(edits: dict[str, str]) -> np.ndarray:
    code = edited("bias_gradient.cu", edits)
    grad = np.random.RandomState(0).standard_normal((1000, N_OUT)).astype("f")
    db, parts, across = np.full(N_OUT, np.nan, "f"), 5, 2
    memory, counters = np.zeros(parts * across * 32, "f"), np.zeros(across, np.int32)
    launch = RawModule(code, options("float32")).get_function("bias_gradient")
    sizes = map(np.int32, (1000, N_OUT, parts))
    launch((across, parts), (32, 8), (grad, db, *sizes, memory, counters))
    return db


def softmax(edits: dict[str, str]) -> np.ndarray:
    logits = np.random.RandomState(0).standard_normal((9, 10)).astype("f")
    out = np.full_like(logits, np.nan)
    launch = RawModule(edited("softmax.cu", edits), options("float32")).get_function("softmax")
    launch((3,), (128,), (logits, out, np.int32(9), np.int32(10)))
    return out


def in_each_order(run: Callable[[], np.ndarray]) -> list[bytes]:
    """Distinct results of the orders of threads and blocks."""
    results = set()
    for RawModule.order in ORDERS:
        results.add(run().tobytes())
    return sorted(results)


SOUND = {
    "shared tiles": lambda: shared_tiles({}),
    "bias gradient": lambda: bias_gradient({}),
    "softmax": lambda: softmax({}),
}


@pytest.mark.parametrize("run", SOUND.values(), ids=SOUND)
def test_kernels_give_the_same_bits_in_every_order(run: Callable[[], np.ndarray]) -> None:
    (result,) = in_each_order(run)
    assert np.isfinite(np.frombuffer(result, "f")).all()


BARRIER = "        __syncthreads();\n"
LOOP = "        for (int k = 0; k < TILE; ++k) sum += x_tile[i][k] * w_tile[k][j];\n"


@pytest.mark.parametrize(
    "edit", [{BARRIER + LOOP: LOOP}, {LOOP + BARRIER: LOOP}], ids=["before", "after"]
)
def test_planted_missing_barrier_is_caught_by_the_order_of_threads(edit: dict[str, str]) -> None:
    assert len(in_each_order(lambda: shared_tiles(edit))) > 1


def test_planted_race_between_blocks_is_caught_by_the_order_of_blocks() -> None:
    # The last part's block adds all parts, whether the others have come or not.
    waits = "if (!last_of(parts, counters + blockIdx.x, last) || threadIdx"
    edit = {waits: "last = part == parts - 1;\n    if (!last || threadIdx"}
    assert len(in_each_order(lambda: bias_gradient(edit))) > 1


def test_planted_race_within_a_block_is_caught_by_the_order_of_threads() -> None:
    # Two rows of threads write their sums to one place.
    edit = {
        "sums[threadIdx.y][j] = sum;": "sums[threadIdx.y / 2][j] = sum;",
        "i < ROWS": "i < ROWS / 2",
    }
    assert len(in_each_order(lambda: bias_gradient(edit))) > 1


def test_planted_uninitialised_shared_memory_is_caught_by_its_poison() -> None:
    filled = "x_tile[i][j] = row < batch && start + j < n_in ? x[row * n_in + start + j] : real(0);"
    edit = {
        filled: "if (row < batch && start + j < n_in) x_tile[i][j] = x[row * n_in + start + j];"
    }
    assert np.isnan(shared_tiles(edit, n_in=20)).any()
    assert np.isfinite(shared_tiles({}, n_in=20)).all()


def test_planted_divergent_barrier_is_reported_with_its_place() -> None:
    edit = {"    real sum = 0;\n": "    real sum = 0;\n    if (row >= batch) return;\n"}
    with pytest.raises(
        LaunchError, match=r"divergent barrier: .*dense_3_shared_tiles\.cu:\d+, .* ended"
    ):
        shared_tiles(edit)


def test_planted_barriers_in_two_branches_are_reported() -> None:
    branches = "        if (i) __syncthreads();\n        else\n            __syncthreads();\n"
    where = r"divergent barrier: thread \d+ waits at .*, thread \d+ at"
    with pytest.raises(LaunchError, match=where):
        shared_tiles({BARRIER + LOOP: branches + LOOP})


def test_planted_shuffle_without_all_its_lanes_is_reported() -> None:
    edit = {"if (row >= batch) return;": "if (row >= batch || lane() >= classes) return;"}
    with pytest.raises(LaunchError, match="waits for lanes that never come"):
        softmax(edit)


def sanitized(code: str) -> str:
    """What a process that runs ``code`` under the sanitizers writes before it ends."""
    find = ["g++", "-print-file-name=libasan.so"]
    preload = subprocess.run(find, capture_output=True, text=True, check=True).stdout.strip()
    here = Path(__file__).parent
    environment = {
        **os.environ,
        "LD_PRELOAD": preload,
        "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
        "PYTHONPATH": f"{here}:{here.parent}",
        "OPENBLAS_NUM_THREADS": "1",
        build.SANITIZE: "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    return done.stdout + done.stderr


BOUNDS = "    if (row >= batch || column >= n_out) return;\n    const real z"


@pytest.mark.parametrize(
    ("call", "seen"),
    [
        ("shared_tiles({})", "sound"),
        ("softmax({})", "sound"),
        (f"shared_tiles({ {BOUNDS: '    const real z'} })", "heap-buffer-overflow"),
        ("shared_tiles({'k < TILE; ++k) sum': 'k <= TILE; ++k) sum'})", "out of bounds"),
        ("bias_gradient({'i < ROWS; ++i)': 'i <= ROWS; ++i)'})", "out of bounds"),
    ],
    ids=["nothing", "nothing in shuffles", "write", "shared read", "shared row"],
)
def test_planted_out_of_bounds_is_caught_by_a_sanitizer(call: str, seen: str) -> None:
    output = sanitized(f"import test_cuda_host as t; t.{call}; print('sound')")
    assert seen in output
    assert (seen == "sound") == ("ERROR" not in output and "runtime error" not in output), output


def run_every_kernel() -> int:
    """Each kernel on a few inputs of each kind, and dense in many parts; how many calls."""
    calls, space = 0, host_backend("host", "kernels.cuda.operators").space
    for kernel in kernels_in("kernels.cuda.operators")():
        dtype = "float64" if kernel.precision == "exact" else "float32"
        for case in list(kernel.operator.inputs(np.random.RandomState(0)))[::7]:
            own = kernel.operator.reference(*case.rounded(dtype), **case.attributes)
            own = [a.astype(dtype) if a.dtype.kind == "f" else a for a in own]
            run_case(kernel, space, case, own, dtype)
            calls += 1
    return calls


@pytest.mark.long
def test_no_kernel_steps_out_of_bounds() -> None:
    output = sanitized("import test_cuda_host as t; print('sound:', t.run_every_kernel())")
    assert "ERROR" not in output, output
    assert "runtime error" not in output, output
    assert int(output.split("sound:")[1]) > 100


# Calls that a GPU would take


def test_arguments_of_another_size_are_refused() -> None:
    launch = RawModule(source("sgd.cu"), options("float32")).get_function("sgd")
    param = np.ones(3, "f")
    with pytest.raises(LaunchError, match=r"arguments of \[8, 8, 8, 4\] bytes .* \[8, 8, 4, 4\]"):
        launch((1,), (32,), (param, param, np.float64(1), np.int32(3)))
    with pytest.raises(LaunchError, match="float is neither an array nor a NumPy scalar"):
        launch((1,), (32,), (param, param, 1.0, np.int32(3)))
    with pytest.raises(LaunchError, match="not C-contiguous"):
        launch((1,), (32,), (np.ones((3, 3), "f").T, param, np.float32(1), np.int32(3)))


def test_grids_and_blocks_that_no_gpu_takes_are_refused() -> None:
    launch = RawModule(source("sgd.cu"), options("float32")).get_function("sgd")
    arguments = np.ones(3, "f"), np.ones(3, "f"), np.float32(1), np.int32(3)
    for grid, block in (((1,), (1025,)), ((1, 65_536), (32,)), ((0,), (32,))):
        with pytest.raises(LaunchError, match="no GPU takes"):
            launch(grid, block, arguments)
    with pytest.raises(LaunchError, match="must be tuples"):
        launch([1], (32,), arguments)


def test_text_that_does_not_compile_is_an_error_with_its_line() -> None:
    broken = source("sgd.cu").replace("const int i = 4", "const int i = four")
    with pytest.raises(build.CompileError, match=r"sgd\.cu:\d+:\d+: error: .*four"):
        RawModule(broken, options("float32")).get_function("sgd")


def test_a_captured_launch_runs_when_its_graph_does() -> None:
    launch = RawModule(source("sgd.cu"), options("float32")).get_function("sgd")
    param, grad, stream = np.ones(3, "f"), np.ones(3, "f"), Stream()
    stream.begin_capture()
    launch((1,), (32,), (param, grad, np.float32(0.5), np.int32(3)))
    graph = stream.end_capture()
    assert isinstance(graph, Graph)
    np.testing.assert_array_equal(param, [1, 1, 1])
    graph.launch()
    graph.launch()
    np.testing.assert_array_equal(param, [0, 0, 0])


def test_shuffles_take_from_the_lane_they_name() -> None:
    code = """
    extern "C" __global__ void lanes(const int* given, int* up, int* across, int* first) {
        const int i = threadIdx.x, mine = given[i];
        up[i] = __shfl_down_sync(0xffffffffu, mine, 1);
        across[i] = __shfl_xor_sync(0xffffffffu, mine, 3);
        first[i] = __shfl_sync(0xffffffffu, mine, 0);
    }"""
    given = np.arange(100, 164, dtype=np.int32)
    up, across, first = (np.zeros(64, np.int32) for _ in range(3))
    lane, warp = np.arange(64) % 32, np.arange(64) // 32 * 32
    for RawModule.order in ORDERS:
        RawModule(code).get_function("lanes")((1,), (64,), (given, up, across, first))
        np.testing.assert_array_equal(up, given[warp + np.minimum(lane + 1, 31)])
        np.testing.assert_array_equal(across, given[warp + (lane ^ 3)])
        np.testing.assert_array_equal(first, given[warp])


def test_libraries_are_those_of_their_own_text() -> None:
    """Two kernels of one name live beside each other."""
    codes = [f'extern "C" __global__ void number(int* out) {{ *out = {n}; }}' for n in (1, 2)]
    out = np.zeros(1, np.int32)
    kernels = [RawModule(code).get_function("number") for code in codes]
    for expected, kernel in zip((1, 2), kernels, strict=True):
        kernel((1,), (1,), (out,))
        assert out[0] == expected
    assert all(isinstance(build.library(code, ()), ctypes.CDLL) for code in codes)
