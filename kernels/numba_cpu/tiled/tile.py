"""Register tiles: a block of a matrix as one value in compiled code, kept in vector registers.

A tile has ``rows`` times ``vectors`` vectors; in the code that uses it, it is a number like any
other: it starts from `zeros` or `load`, sums products with `fma`, ends with `store`. LLVM keeps
what it is made of in registers as long as there are enough. Arrays are flat, and places in them are
elements from their beginning: nothing is checked, and nothing wraps around.
"""

from collections.abc import Callable, Iterator
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from kernels.numba_cpu.tiled.target import VECTOR_BYTES

_FLOATS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}
_PLACE = ir.IntType(64)

Signature = Any
Values = Any


class Tile(types.Type):
    """The type of a tile of ``rows`` by ``vectors`` vectors of ``dtype``."""

    def __init__(self, rows: int, vectors: int, dtype: types.Type) -> None:
        super().__init__(f"Tile({rows}, {vectors}, {dtype})")
        self.rows, self.vectors, self.dtype = rows, vectors, dtype
        self.lanes = VECTOR_BYTES * 8 // dtype.bitwidth
        self.vector = ir.VectorType(_FLOATS[dtype], self.lanes)

    @property
    def places(self) -> Iterator[tuple[int, int, int]]:
        """Each vector's number, row and column."""
        return ((r * self.vectors + v, r, v) for r in range(self.rows) for v in range(self.vectors))


@register_model(Tile)
class _TileModel(models.PrimitiveModel):
    def __init__(self, manager: Any, tile: Tile) -> None:
        super().__init__(manager, tile, ir.ArrayType(tile.vector, tile.rows * tile.vectors))


class _Code:
    """Writes one operation's instructions: loads, stores and products of vectors."""

    def __init__(self, context: Any, builder: Any, tile: Tile) -> None:
        self.context, self.builder, self.tile = context, builder, tile

    def pointer(self, kind: types.Array, array: Any, place: Any) -> Any:
        data = self.context.make_array(kind)(self.context, self.builder, array).data
        return self.builder.gep(data, [place])

    def row(self, place: Any, step: Any, r: int) -> Any:
        return self.builder.add(place, self.builder.mul(step, _PLACE(r)))

    def _vector_pointer(self, pointer: Any, v: int) -> Any:
        moved = self.builder.gep(pointer, [_PLACE(v * self.tile.lanes)])
        return self.builder.bitcast(moved, self.tile.vector.as_pointer())

    def load(self, pointer: Any, v: int) -> Any:
        return self.builder.load(self._vector_pointer(pointer, v), align=self._align)

    def store(self, vector: Any, pointer: Any, v: int) -> None:
        self.builder.store(vector, self._vector_pointer(pointer, v), align=self._align)

    @property
    def _align(self) -> int:
        return self.tile.dtype.bitwidth // 8

    def splat(self, value: Any) -> Any:
        undefined, i32 = ir.Constant(self.tile.vector, ir.Undefined), ir.IntType(32)
        first = self.builder.insert_element(undefined, value, i32(0))
        everywhere = ir.Constant(ir.VectorType(i32, self.tile.lanes), None)
        return self.builder.shuffle_vector(first, undefined, everywhere)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """a b + c, fused where the machine can: without such an instruction it would be a call."""
        kind = ir.FunctionType(self.tile.vector, [self.tile.vector] * 3)
        name = f"llvm.fmuladd.v{self.tile.lanes}f{self.tile.dtype.bitwidth}"
        function = self.builder.module.globals.get(name)
        if function is None:
            function = ir.Function(self.builder.module, kind, name)
        return self.builder.call(function, [a, b, c])

    def build(self, vector: Callable[[int, int, int], Any]) -> Any:
        """The tile whose vectors are ``vector(number, row, column)``."""
        made = ir.Constant(self.context.get_value_type(self.tile), ir.Undefined)
        for number, r, v in self.tile.places:
            made = self.builder.insert_value(made, vector(number, r, v), number)
        return made

    def update(self, tile: Any, factors: Callable[[int, int], tuple[Any, Any]]) -> Any:
        """The tile plus the product of the two ``factors(row, column)``."""
        take = self.builder.extract_value
        return self.build(
            lambda number, r, v: self.multiply_add(*factors(r, v), take(tile, number))
        )


def _tile_of(rows: types.Type, vectors: types.Type, array: types.Array) -> Tile | None:
    if isinstance(rows, types.IntegerLiteral) and isinstance(vectors, types.IntegerLiteral):
        return Tile(rows.literal_value, vectors.literal_value, array.dtype)
    return None  # Numba asks again with what it knows of their values


@intrinsic
def zeros(typing: Any, rows: Any, vectors: Any, like: Any) -> Any:
    """Tile of zeros in the dtype of an array."""
    tile = _tile_of(rows, vectors, like)
    if tile is None:
        return None

    def code(context: Any, builder: Any, signature: Signature, values: Values) -> Any:
        return ir.Constant(context.get_value_type(tile), None)

    return tile(rows, vectors, like), code


@intrinsic
def load(typing: Any, rows: Any, vectors: Any, array: Any, place: Any, step: Any) -> Any:
    """Tile whose row r begins at ``array[place + r step]``; with step 0 all rows are alike."""
    tile = _tile_of(rows, vectors, array)
    if tile is None:
        return None

    def code(context: Any, builder: Any, signature: Signature, values: Values) -> Any:
        _, _, source, start, stride = values
        write = _Code(context, builder, tile)
        pointers = [
            write.pointer(array, source, write.row(start, stride, r)) for r in range(tile.rows)
        ]
        return write.build(lambda number, r, v: write.load(pointers[r], v))

    return tile(rows, vectors, array, types.int64, types.int64), code


@intrinsic
def square(typing: Any, array: Any, place: Any, step: Any) -> Any:
    """Tile of one column of vectors and as many rows as a vector has elements."""
    tile = Tile(VECTOR_BYTES * 8 // array.dtype.bitwidth, 1, array.dtype)

    def code(context: Any, builder: Any, signature: Signature, values: Values) -> Any:
        source, start, stride = values
        write = _Code(context, builder, tile)
        pointers = [
            write.pointer(array, source, write.row(start, stride, r)) for r in range(tile.rows)
        ]
        return write.build(lambda number, r, v: write.load(pointers[r], v))

    return tile(array, types.int64, types.int64), code


@intrinsic
def transposed(typing: Any, tile: Any) -> Any:
    """The transpose of a square tile.

    Interleaving the rows of the upper half with those of the lower half moves the highest bit of a
    row's number into the columns'; after as many rounds as it has bits, rows are columns.
    """
    lanes = tile.lanes
    low = [lane // 2 + lanes * (lane % 2) for lane in range(lanes)]
    halves = [low, [lane + lanes // 2 for lane in low]]

    def code(context: Any, builder: Any, signature: Signature, values: Values) -> Any:
        picks = [ir.Constant(ir.VectorType(ir.IntType(32), lanes), half) for half in halves]
        rows = [builder.extract_value(values[0], r) for r in range(lanes)]
        for _ in range(lanes.bit_length() - 1):
            pairs = zip(rows[: lanes // 2], rows[lanes // 2 :], strict=True)
            rows = [builder.shuffle_vector(*pair, pick) for pair in pairs for pick in picks]
        return _Code(context, builder, tile).build(lambda number, r, v: rows[r])

    return tile(tile), code


@intrinsic
def store(typing: Any, tile: Any, array: Any, place: Any, step: Any) -> Any:
    """Row r of a tile goes to ``array[place + r step]`` and what follows."""

    def code(context: Any, builder: Any, signature: Signature, values: Values) -> Any:
        vectors, target, start, stride = values
        write = _Code(context, builder, tile)
        for number, r, v in tile.places:
            pointer = write.pointer(array, target, write.row(start, stride, r))
            write.store(builder.extract_value(vectors, number), pointer, v)
        return context.get_dummy_value()

    return types.void(tile, array, types.int64, types.int64), code


@intrinsic
def fma(typing: Any, tile: Any, a: Any, place: Any, step: Any, b: Any, row: Any) -> Any:
    """``tile[r, :] + a[place + r step] * b[row : row + columns]``: one term of a product."""

    def code(context: Any, builder: Any, signature: Signature, values: Values) -> Any:
        vectors, left, start, stride, right, first = values
        write = _Code(context, builder, tile)
        pointer = write.pointer(b, right, first)
        rights = [write.load(pointer, v) for v in range(tile.vectors)]
        lefts = [
            write.splat(builder.load(write.pointer(a, left, write.row(start, stride, r))))
            for r in range(tile.rows)
        ]
        return write.update(vectors, lambda r, v: (lefts[r], rights[v]))

    return tile(tile, a, types.int64, types.int64, b, types.int64), code


@intrinsic
def fma_of_bytes(
    typing: Any, tile: Any, table: Any, a: Any, place: Any, step: Any, b: Any, row: Any
) -> Any:
    """`fma` with ``table[a[...]]`` for an array ``a`` of bytes."""

    def code(context: Any, builder: Any, signature: Signature, values: Values) -> Any:
        vectors, entries, left, start, stride, right, first = values
        write = _Code(context, builder, tile)
        pointer = write.pointer(b, right, first)
        rights = [write.load(pointer, v) for v in range(tile.vectors)]
        lefts = []
        for r in range(tile.rows):
            byte = builder.load(write.pointer(a, left, write.row(start, stride, r)))
            entry = write.pointer(table, entries, builder.zext(byte, _PLACE))
            lefts.append(write.splat(builder.load(entry)))
        return write.update(vectors, lambda r, v: (lefts[r], rights[v]))

    return tile(tile, table, a, types.int64, types.int64, b, types.int64), code


@intrinsic
def fma_of_rows(typing: Any, row: Any, table: Any, a: Any, place: Any, tile: Any) -> Any:
    """``row + sum over r of table[a[place + r]] * tile[r, :]`` for a row and an array of bytes."""

    def code(context: Any, builder: Any, signature: Signature, values: Values) -> Any:
        total, entries, left, start, rights = values
        write = _Code(context, builder, row)
        for r in range(tile.rows):
            byte = builder.load(write.pointer(a, left, builder.add(start, _PLACE(r))))
            entry = write.pointer(table, entries, builder.zext(byte, _PLACE))
            factor = write.splat(builder.load(entry))
            these = [
                builder.extract_value(rights, r * tile.vectors + v) for v in range(row.vectors)
            ]
            total = write.update(total, lambda _, v, f=factor, b=these: (f, b[v]))
        return total

    return row(row, table, a, types.int64, tile), code


@intrinsic
def scaled_sum(typing: Any, tile: Any, scale: Any, other: Any) -> Any:
    """``tile + scale * other``, elementwise."""

    def code(context: Any, builder: Any, signature: Signature, values: Values) -> Any:
        vectors, factor, others = values
        write = _Code(context, builder, tile)
        factor = write.splat(factor)
        second = [builder.extract_value(others, number) for number, _, _ in tile.places]
        return write.update(vectors, lambda r, v: (factor, second[r * tile.vectors + v]))

    return tile(tile, tile.dtype, other), code


@intrinsic
def relu(typing: Any, tile: Any) -> Any:
    """max(tile, 0), which leaves NaN as it is."""

    def code(context: Any, builder: Any, signature: Signature, values: Values) -> Any:
        write, zero = _Code(context, builder, tile), ir.Constant(tile.vector, None)

        def vector(number: int, r: int, v: int) -> Any:
            value = builder.extract_value(values[0], number)
            return builder.select(builder.fcmp_ordered("<", value, zero), zero, value)

        return write.build(vector)

    return tile(tile), code


@intrinsic
def masked(typing: Any, tile: Any, other: Any) -> Any:
    """The tile where ``other`` is positive, and 0 elsewhere."""

    def code(context: Any, builder: Any, signature: Signature, values: Values) -> Any:
        write, zero = _Code(context, builder, tile), ir.Constant(tile.vector, None)

        def vector(number: int, r: int, v: int) -> Any:
            positive = builder.fcmp_ordered(">", builder.extract_value(values[1], number), zero)
            return builder.select(positive, builder.extract_value(values[0], number), zero)

        return write.build(vector)

    return tile(tile, other), code
