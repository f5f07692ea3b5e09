"""Single instructions that Numba has no word for: atomics, prefetch, a pause in a spinning loop."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

_INT = ir.IntType(32)

_YIELD = 1  # of AArch64's hints


def _pointer(context: Any, builder: Any, kind: types.Array, array: Any, place: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [place])


@intrinsic
def fetch_add(typing: Any, array: Any, place: Any, value: Any) -> Any:
    """Add to an element of an int64 array at once for all threads; what it was before."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _pointer(context, builder, array, values[0], values[1])
        return builder.atomic_rmw("add", pointer, values[2], "seq_cst")

    return types.int64(array, types.int64, types.int64), code


@intrinsic
def acquire(typing: Any, array: Any, place: Any) -> Any:
    """An element of an int64 array, and with it all that was written before its `release`."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _pointer(context, builder, array, *values)
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(array, types.int64), code


@intrinsic
def release(typing: Any, array: Any, place: Any, value: Any) -> Any:
    """Set an element of an int64 array after all that this thread wrote before."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _pointer(context, builder, array, values[0], values[1])
        builder.store_atomic(values[2], pointer, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), code


@intrinsic
def pause(typing: Any) -> Any:
    """Tell the core that this is a loop that waits."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        triple = cpu_target.target_context.codegen().magic_tuple()[0]
        if triple.startswith("x86_64"):
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(builder.module.declare_intrinsic("llvm.x86.sse2.pause", (), kind), [])
        elif triple.startswith(("aarch64", "arm64")):
            kind = ir.FunctionType(ir.VoidType(), [_INT])
            hint = builder.module.declare_intrinsic("llvm.aarch64.hint", (), kind)
            builder.call(hint, [_INT(_YIELD)])
        return context.get_dummy_value()

    return types.void(), code


@intrinsic
def prefetch(typing: Any, array: Any, place: Any) -> Any:
    """Ask for the cache line of an element, which may also lie beyond the array's end."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.bitcast(
            _pointer(context, builder, array, *values), ir.IntType(8).as_pointer()
        )
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, _INT, _INT, _INT])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
        reading, close, of_data = _INT(0), _INT(3), _INT(1)
        builder.call(function, [pointer, reading, close, of_data])
        return context.get_dummy_value()

    return types.void(array, types.int64), code


@intrinsic
def nonzero_bytes(typing: Any, array: Any, place: Any) -> Any:
    """Bit i says whether ``array[place + i]`` is not 0, for 64 bytes from there."""
    if not isinstance(array, types.Array) or array.dtype != types.uint8:
        return None

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.VectorType(ir.IntType(8), 64)
        pointer = _pointer(context, builder, array, *values)
        these = builder.load(builder.bitcast(pointer, kind.as_pointer()), align=1)
        differ = builder.icmp_unsigned("!=", these, ir.Constant(kind, None))
        return builder.bitcast(differ, ir.IntType(64))

    return types.uint64(array, types.int64), code


@intrinsic
def lowest_bit(typing: Any, bits: Any) -> Any:
    """Number of the lowest bit that is set; there must be one."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.IntType(1)(1))

    return types.int64(types.uint64), code
