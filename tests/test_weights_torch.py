"""Weights from PyTorch and for it: both compute the same with them."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from weight_files import SIZES, refused

from mnist_core import registry, weights
from mnist_core.errors import DataError
from mnist_core.network import Network
from mnist_core.precision import FLOAT64

PAGE = Path(__file__).parents[1] / "docs" / "weights.md"
IMAGES = np.random.RandomState(0).standard_normal((5, SIZES[0]))


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="peers are not installed")


def sequential(torch: Any, sizes: Sequence[int]) -> Any:
    """A model with random weights, in float64 to be compared closely."""
    layers = [
        layer
        for n_in, n_out in pairwise(sizes)
        for layer in (torch.nn.Linear(n_in, n_out), torch.nn.ReLU())
    ]
    torch.manual_seed(1)
    return torch.nn.Sequential(*layers[:-1]).double()


def named_layers(torch: Any, sizes: Sequence[int]) -> Any:
    """The same, as many write it: layers called fc1, fc2 and out."""
    layers = list(sequential(torch, sizes))

    class Model(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.fc2, self.out = layers[::2]

        def forward(self, x: Any) -> Any:
            return self.out(torch.relu(self.fc2(torch.relu(self.fc1(x)))))

    return Model()


@pytest.mark.parametrize("model", [sequential, named_layers])
def test_a_state_dict_gives_the_same_logits(torch: Any, model: Any, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    theirs = model(torch, SIZES)
    save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    loaded = weights.load(tmp_path / "model.safetensors")
    network = Network(
        loaded.sizes, registry.backend("numpy"), precision=FLOAT64, initial=loaded.parameters
    )
    expected = theirs(torch.from_numpy(IMAGES)).detach().numpy()
    np.testing.assert_allclose(network.forward(IMAGES), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_short_floats_of_pytorch_become_float32(torch: Any, kind: str, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    model = sequential(torch, SIZES).to(getattr(torch, kind))
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    loaded = weights.load(tmp_path / "model.safetensors").parameters
    for (weight, bias), linear in zip(loaded, model[::2], strict=True):
        assert weight.dtype == bias.dtype == np.float32
        np.testing.assert_array_equal(weight, linear.weight.detach().float().numpy().T)
        np.testing.assert_array_equal(bias, linear.bias.detach().float().numpy())


def test_what_numpy_has_no_floats_for_is_refused(torch: Any, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "model.safetensors"
    model = sequential(torch, SIZES).to(torch.float8_e4m3fn)
    save_file(model.state_dict(), path)
    refused(lambda: weights.load(path), DataError, str(path), "0.bias holds F8_E4M3, not floats")


def test_a_checkpoint_of_pytorch_is_refused_with_the_remedy(torch: Any, tmp_path: Path) -> None:
    for i, modern in enumerate((True, False)):
        path = tmp_path / f"{i}.pt"
        state = sequential(torch, SIZES).state_dict()
        torch.save(state, path, _use_new_zipfile_serialization=modern)
        remedy = "safetensors.torch.save_file(model.state_dict()"
        refused(lambda path=path: weights.load(path), DataError, "a Python pickle, which", remedy)


def test_the_page_shows_how_pytorch_reads_what_is_saved(
    torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    sizes = (784, 128, 64, 10)
    network = Network(sizes, registry.backend("numpy"))
    weights.save(tmp_path / "results" / "runs" / "trained" / weights.FILE_NAME, network, {})
    monkeypatch.chdir(tmp_path)
    shown: dict[str, Any] = {}
    exec(code, shown)
    images = np.random.RandomState(0).random_sample((5, 784)).astype(np.float32)
    theirs = shown["model"](torch.from_numpy(images)).detach().numpy()
    np.testing.assert_allclose(theirs, network.forward(images), rtol=1e-5, atol=1e-5)
