"""What the presets reach: kept as it was measured, shown as it is kept."""

import re
from pathlib import Path
from runpy import run_path

import pytest
from command_line import invoke

from bench import reached
from mnist_core.presets import PRESETS

ROOT = Path(__file__).parents[1]
VARIATIONS = run_path(str(ROOT / "scripts" / "reach-presets"))["VARIATIONS"]


def test_every_recipe_and_variation_was_trained_to_its_end():
    measured = {(found.preset, found.options): found for found in reached.read()}
    wanted = [(name, options) for name in PRESETS for options in ("", *VARIATIONS.get(name, ()))]
    assert sorted(measured) == sorted(wanted)
    for (name, options), found in measured.items():
        epochs = re.search(r"--epochs (\d+)", options)
        assert found.epochs == (int(epochs[1]) if epochs else PRESETS[name].epochs)
        assert found.data.startswith("mnist")
        assert 0 < found.test_accuracy < 1
        assert found.seconds > 0
        assert re.fullmatch("[0-9a-f]{64}", found.weights_sha256)


def test_the_page_shows_what_was_measured():
    page = (ROOT / "docs" / "training.md").read_text()
    shown = page[page.index("<!-- presets -->") : page.index("<!-- /presets -->")]
    assert shown.splitlines()[1:] == reached.markdown().splitlines(), "python -m bench.reached"


def test_the_list_shows_it_too():
    done = invoke("list", "presets")
    for found in reached.read():
        (line,) = [
            line
            for line in done.stdout.splitlines()
            if line.strip().startswith(found.options or f"{found.preset} ")
            and f"{found.test_accuracy:.2%} in {found.seconds:.3g} s" in line
        ]
        if not found.options:
            assert PRESETS[found.preset].claim in line


def test_what_was_not_measured_is_said(tmp_path, monkeypatch):
    some = [found for found in reached.read() if found.preset != "to-98"]
    monkeypatch.setattr(reached, "FILE", tmp_path / "reached.csv")
    reached.write(some)
    assert reached.read() == some
    done = invoke("list", "presets")
    assert done.stdout.count("not measured") == 1


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_the_page_names_every_preset_and_its_data(preset):
    page = (ROOT / "docs" / "training.md").read_text()
    assert f"`{preset.name}`" in page
