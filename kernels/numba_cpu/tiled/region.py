"""A parallel region: a compiled function run by every rank, handed over without the interpreter.

Threads that wait for work do so in compiled code, spinning, since to be woken costs some 50
microseconds, and so does the interpreter's lock where two threads want it. What they are given is
the address of a function and that of its arguments, which lie on the stack of the thread that
leads and waits for their return.
"""

import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.tiled.inner import inlined, pasted
from kernels.numba_cpu.tiled.instructions import acquire, fetch_add, pause, release

Array = Any

# Places in the array that ranks share, those that they wait for on cache lines of their own.
_TICKET, _RETURNED, _ARRIVED, _GENERATION, _WANTED, _TASK = 0, 16, 32, 48, 64, 80
_FUNCTION, _ARGUMENTS, PROCESSOR = _TASK, _TASK + 1, _TASK + 2
_SHARED = 96

_TICKETS = 1024
"""A ticket is the number of a region times this, plus its ranks: both are seen at once."""

MOST_RANKS = _TICKETS - 1

MOVE = -1
"""Instead of a ticket: that a rank should go to another processor."""

_SPINS = 200
"""Turns of a waiting loop, some 3 microseconds, before the core is offered to other threads: the
one that is waited for may be among them.
"""

_LINGER = 500
"""Turns, most of them with such an offer, that a rank waits for more work before it sleeps."""

LEAST_PRODUCTS, LEAST_ELEMENTS = 1 << 17, 1 << 14
"""Multiply-adds of a product, or elements of a pass, that a rank must have to be worth calling:
some 2 microseconds.
"""

_sched_yield = types.ExternalFunction("sched_yield", types.int32())

if sys.platform == "linux":
    _processor = types.ExternalFunction("sched_getcpu", types.int32())
else:

    @inlined()
    def _processor() -> int:
        """None that is known, nor is it another's."""
        return -1


_INT = ir.IntType(64)
_BYTES = ir.IntType(8).as_pointer()
_ENTRY = ir.FunctionType(ir.VoidType(), [_INT, _BYTES])


def shared_array() -> Array:
    """What the ranks of a team meet in."""
    return np.zeros(_SHARED, np.int64)


@inlined()
def wait_until(shared: Array, place: int, value: int) -> None:
    """Wait for an element of the shared array to have a value."""
    spins = 0
    while acquire(shared, place) != value:
        spins += 1
        if spins < _SPINS:
            pause()
        else:
            _sched_yield()


@inlined()
def barrier(shared: Array, ranks: int) -> None:
    """Wait for the other ranks; what any of them wrote before, all of them see after."""
    generation = acquire(shared, _GENERATION)
    if fetch_add(shared, _ARRIVED, 1) == ranks - 1:
        release(shared, _ARRIVED, 0)
        release(shared, _GENERATION, generation + 1)
    else:
        wait_until(shared, _GENERATION, generation + 1)


@inlined()
def share(n: int, unit: int, rank: int, ranks: int) -> tuple[int, int]:
    """First and last of the part of n, in whole units, that is a rank's."""
    units = (n + unit - 1) // unit
    first, last = units * rank // ranks * unit, units * (rank + 1) // ranks * unit
    return min(first, n), min(last, n)


@inlined()
def worthwhile(ranks: int, work: int, least: int) -> int:
    """So many of the ranks that each has ``least`` of the work, or one."""
    return max(1, min(ranks, work // least))


@intrinsic
def _prepare(typing: Any, function: Any, shared: Any, ranks: Any, arguments: Any) -> Any:
    """Addresses of ``function(rank, ranks, shared, *arguments)`` and of its arguments."""
    given = (types.int64, types.int64, shared, *arguments)
    signature = function.get_call_type(typing, given, {})

    def code(context: Any, builder: Any, _: Any, values: Any) -> Any:
        taken = [values[2], values[1], *_elements(builder, values[3])]
        kept = ir.LiteralStructType([value.type for value in taken])
        place = builder.alloca(kept)
        for i, value in enumerate(taken):
            builder.store(value, builder.gep(place, [ir.IntType(32)(0), ir.IntType(32)(i)]))
        entry = _entry(context, builder.module, function, signature, kept)
        pair = [builder.ptrtoint(entry, _INT), builder.ptrtoint(place, _INT)]
        return context.make_tuple(builder, types.UniTuple(types.int64, 2), pair)

    return types.UniTuple(types.int64, 2)(function, shared, types.int64, arguments), code


def _elements(builder: Any, values: Any) -> list[Any]:
    return [builder.extract_value(values, i) for i in range(len(values.type.elements))]


def _entry(context: Any, module: Any, function: Any, signature: Any, kept: Any) -> Any:
    """The function that a rank is given: it takes its number, and the rest from memory."""
    result = function.dispatcher.get_compile_result(signature)
    context.active_code_library.add_linking_library(result.library)
    entry = ir.Function(module, _ENTRY, module.get_unique_name("region_entry"))
    entry.linkage = "internal"
    builder = ir.IRBuilder(entry.append_basic_block())
    rank, place = entry.args
    taken = builder.load(builder.bitcast(place, kept.as_pointer()))
    ranks, shared, *arguments = _elements(builder, taken)
    callee = context.declare_function(module, result.fndesc)
    values = [rank, ranks, shared, *arguments]
    context.call_conv.call_function(builder, callee, signature.return_type, signature.args, values)
    builder.ret_void()
    return entry


@intrinsic
def _enter(typing: Any, entry: Any, rank: Any, arguments: Any) -> Any:
    """Call an address that `_prepare` gave."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        function = builder.inttoptr(values[0], _ENTRY.as_pointer())
        builder.call(function, [values[1], builder.inttoptr(values[2], _BYTES)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), code


@pasted()
def on_all_ranks(shared: Array, ranks: int, function: Any, arguments: Any) -> None:
    """``function(rank, ranks, shared, *arguments)`` on every rank, this one among them, at once.

    The function must not raise: the others would wait for a rank that has left.
    """
    entry, kept = _prepare(function, shared, ranks, arguments)
    if ranks > 1:
        shared[_FUNCTION], shared[_ARGUMENTS] = entry, kept
        shared[PROCESSOR] = _processor()
        region = shared[_TICKET] // _TICKETS + 1
        release(shared, _TICKET, region * _TICKETS + ranks)
    _enter(entry, 0, kept)
    if ranks > 1:
        wait_until(shared, _RETURNED, ranks - 1)
        release(shared, _RETURNED, 0)


@compiled(nogil=True)
def want(shared: Array, wanted: int) -> None:
    """Say whether there may be work at any time: ranks then stay awake."""
    release(shared, _WANTED, wanted)


@compiled(nogil=True)
def serve(shared: Array, rank: int, known: int, moves: int) -> int:
    """Do what is asked of a rank until nothing is for a while; the last ticket that it knows of.

    Where the rank finds itself on the processor of the thread that leads, it returns ``MOVE`` at
    once, ``moves`` times at the most: the system leaves two busy threads on one for seconds.
    """
    idle = 0
    while idle < _LINGER or acquire(shared, _WANTED):
        ticket = acquire(shared, _TICKET)
        if ticket == known:
            idle += 1
            if idle < _SPINS:
                pause()
            else:
                _sched_yield()
            continue
        asked = rank < ticket % _TICKETS
        if asked and moves > 0 and 0 <= shared[PROCESSOR] == _processor():
            return MOVE
        known, idle = ticket, 0
        if asked:
            _enter(shared[_FUNCTION], rank, shared[_ARGUMENTS])
            fetch_add(shared, _RETURNED, 1)
    return known
