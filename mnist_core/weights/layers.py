"""From tensors under anybody's names to the layers of one network."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise, permutations
from operator import attrgetter

import numpy as np

from mnist_core.errors import DataError
from mnist_core.operators import HostArray

_WEIGHT = {"w", "weight", "weights", "kernel", "kernels", "coef", "coefs"}
_BIAS = {"b", "bias", "biases", "intercept", "intercepts"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]{1,18}")

_MOST_SERIES = 6
"""Series of names whose order is looked for: 720 orders."""


@dataclass(frozen=True)
class _Tensor:
    """An array and what its name tells: "fc2.weight" is a weight of number 2, labelled "fc 2"."""

    name: str
    values: HostArray

    @cached_property
    def _words(self) -> list[str]:
        return [word.lower() for word in _WORD.findall(self.name)]

    @cached_property
    def _role(self) -> int | None:
        """Place of the last word for weight or bias: the module too may be named "b"."""
        roles = [i for i, word in enumerate(self._words) if word in _WEIGHT | _BIAS]
        return roles[-1] if roles else None

    @cached_property
    def is_weight(self) -> bool:
        """By its name; where that does not tell, weights are matrices."""
        if self._role is None:
            return self.values.ndim == 2 and 1 not in self.values.shape
        return self._words[self._role] in _WEIGHT

    @cached_property
    def label(self) -> tuple[str, ...]:
        """The name without the word for weight or bias: what both of a layer share."""
        return tuple(word for i, word in enumerate(self._words) if i != self._role)

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        return tuple(int(word) for word in self._words if word.isdigit())

    @cached_property
    def series(self) -> tuple[str, ...]:
        """The name without its numbers: what the layers share that are numbered through."""
        return tuple(word for word in self._words if not word.isdigit())

    def __str__(self) -> str:
        return f"{self.name} {self.values.shape}"


@dataclass(frozen=True)
class _Layer:
    weight: _Tensor
    bias: _Tensor
    out_first: bool = False

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of its inputs and outputs."""
        n_in, n_out = self.weight.values.shape[:: -1 if self.out_first else 1]
        return n_in, n_out

    @property
    def parameters(self) -> tuple[HostArray, HostArray]:
        """Weight (in, out) and bias (out,)."""
        weight = self.weight.values.T if self.out_first else self.weight.values
        return np.ascontiguousarray(weight), self.bias.values.reshape(-1)


def parameters(
    arrays: Mapping[str, HostArray], *, squares_out_first: bool
) -> list[tuple[HostArray, HostArray]]:
    """Weight (in, out) and bias (out,) of each layer, from the first to the last.

    Parameters
    ----------
    arrays
        A weight and a bias for each layer, under names that tell which belong together. Layers
        come in the order of the numbers in their names; those without in the one that fits.
    squares_out_first
        Whether weights are (out, in) where every one is square, and no bias can tell.

    Raises
    ------
    DataError
        If they are not the parameters of one network, or it cannot be told how.
    """
    if not arrays:
        raise DataError("there are no arrays in it")
    tensors = [_Tensor(name, values) for name, values in arrays.items()]
    for tensor in tensors:
        _check_shape(tensor)
    weights = [tensor for tensor in tensors if tensor.is_weight]
    biases = [tensor for tensor in tensors if not tensor.is_weight]
    layers = _oriented(_paired(weights, biases), squares_out_first)
    return [layer.parameters for layer in _in_order(layers)]


def _check_shape(tensor: _Tensor) -> None:
    shape = tensor.values.shape
    if 0 in shape:
        raise DataError(f"{tensor} is empty")
    if tensor.is_weight and len(shape) != 2:
        raise DataError(f"{tensor}: the weight of a dense layer has 2 dimensions")
    if not tensor.is_weight and not (len(shape) == 1 or (len(shape) == 2 and 1 in shape)):
        raise DataError(f"{tensor}: neither the weight of a dense layer nor a bias")


def _paired(weights: Sequence[_Tensor], biases: Sequence[_Tensor]) -> list[_Layer]:
    """Weights and biases of the same label or, if there are none, number; else in their order."""
    for key in attrgetter("label"), attrgetter("numbers"):
        partner = {key(bias): bias for bias in biases}
        keys = [key(weight) for weight in weights]
        if len(partner) == len(biases) == len(weights) and set(partner) == set(keys):
            return [_Layer(weight, partner[k]) for weight, k in zip(weights, keys, strict=True)]
    numbered = {t.numbers for t in weights if t.numbers} & {t.numbers for t in biases}
    if len(weights) == len(biases) and not numbered:
        in_order = (sorted(tensors, key=lambda t: t.numbers) for tensors in (weights, biases))
        return [_Layer(*pair) for pair in zip(*in_order, strict=True)]
    raise DataError(_unpaired(weights, biases))


def _unpaired(weights: Sequence[_Tensor], biases: Sequence[_Tensor]) -> str:
    for tensors, others, what in (weights, biases, "bias"), (biases, weights, "weight"):
        labels = {other.label for other in others}
        alone = [tensor for tensor in tensors if tensor.label not in labels]
        if alone:
            return f"{alone[0]} has no {what}: a layer has a weight and a bias"
    return f"{len(weights)} weights and {len(biases)} biases: a layer has one of each"


def _oriented(layers: Sequence[_Layer], squares_out_first: bool) -> list[_Layer]:
    """The same layers, all (in, out) or all (out, in): whichever their biases fit."""
    fits = {
        axis: [layer.weight.values.shape[axis] == layer.bias.values.size for layer in layers]
        for axis in (0, 1)
    }
    if all(fits[0]) or all(fits[1]):
        out_first = squares_out_first if all(fits[0]) and all(fits[1]) else all(fits[0])
        return [_Layer(layer.weight, layer.bias, out_first) for layer in layers]
    for layer, *sides in zip(layers, fits[0], fits[1], strict=True):
        if not any(sides):
            raise DataError(f"{layer.weight} and {layer.bias} do not fit: a bias holds the outputs")
    raise DataError(
        f"{layers[fits[0].index(False)].weight} is (in, out) and "
        f"{layers[fits[1].index(False)].weight} (out, in): turn one of them round"
    )


def _in_order(layers: Sequence[_Layer]) -> list[_Layer]:
    """By number in each series of names; the series in the one order in which the sizes chain."""
    series: dict[tuple[str, ...], list[_Layer]] = {}
    for layer in sorted(layers, key=lambda layer: layer.weight.numbers):
        series.setdefault(layer.weight.series, []).append(layer)
    if len(series) > _MOST_SERIES:
        raise DataError("the names do not tell the order of the layers: number them")
    orders = [list(chain(*order)) for order in permutations(series.values())]
    breaks = [_break(order) for order in orders]
    fitting = [order for order, found in zip(orders, breaks, strict=True) if found is None]
    if len(fitting) > 1:
        first, second = (group[0].weight.name for group in list(series.values())[:2])
        raise DataError(f"the names do not tell whether {first} or {second} is first: number them")
    if fitting:
        return fitting[0]
    before, after = next(found for found in breaks if found is not None)
    raise DataError(
        f"{before.weight} and {after.weight} do not chain: "
        "each layer takes what the one before gives, and all belong to one network"
    )


def _break(layers: Sequence[_Layer]) -> tuple[_Layer, _Layer] | None:
    """The first two layers in a row of which one does not take what the other gives."""
    rows = pairwise(layers)
    return next(((a, b) for a, b in rows if a.sizes[1] != b.sizes[0]), None)
