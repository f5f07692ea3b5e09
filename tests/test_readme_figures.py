"""README's table and the pictures in docs/ are those of the reference run as it lies there."""

import shutil
from pathlib import Path

import pytest
from command_line import invoke

ROOT = Path(__file__).parents[1]
RUN = ROOT / "results" / "reference" / "epyc-2-cores"
PICTURES = ("throughput.svg", "roofline.svg", "error-growth.svg")


@pytest.fixture
def page(tmp_path):
    """A copy of README with its pictures."""
    (tmp_path / "docs").mkdir()
    for name in PICTURES:
        shutil.copy(ROOT / "docs" / name, tmp_path / "docs")
    return Path(shutil.copy(ROOT / "README.md", tmp_path))


def rewrite(page, run=RUN):
    return invoke("report", run, "--format", "readme", "--out", page)


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_they_are_not_stale(page):
    before = files(page.parent)
    done = rewrite(page)
    assert done.exit_code == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(before) == 4
    stale = [str(name) for name, content in files(page.parent).items() if before[name] != content]
    assert not stale, f"{', '.join(stale)}: not what results/reference gives; run `make readme`"


def test_what_is_stale_is_written_anew_and_nothing_else(page):
    before = files(page.parent)
    text = page.read_text()
    line = next(line for line in text.splitlines() if line.startswith("numba-sparse "))
    page.write_text(
        text.replace(line, "numba-sparse   old").replace("MIT licence", "Their licence")
    )
    for name in PICTURES:
        (page.parent / "docs" / name).write_text("old")
    assert rewrite(page).exit_code == 0
    after = files(page.parent)
    assert after.pop(Path("README.md")).decode() == text.replace("MIT licence", "Their licence")
    assert after.items() <= before.items()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("<!-- table -->", ""), "no place for a table"),
        (lambda text: text.replace("<!-- /table -->", ""), "no place for a table"),
        (lambda text: "\udc80", "cannot be read"),
    ],
)
def test_a_readme_without_a_place_for_the_table_is_left_as_it_is(page, change, said):
    page.write_bytes(change(page.read_text()).encode(errors="surrogateescape"))
    before = files(page.parent)
    done = rewrite(page)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"mnist-bench: {page}: {said}")
    assert len(done.stderr.splitlines()) == 1
    assert files(page.parent) == before


def test_a_run_with_nothing_to_draw_leaves_everything_as_it_is(page, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(RUN, run)
    (run / "certificates.json").write_text("[]")
    before = files(page.parent)
    done = rewrite(page, run)
    assert done.exit_code == 2
    assert "hold no training to draw" in done.stderr
    assert files(page.parent) == before


def test_it_takes_one_run_and_a_file():
    for arguments in ((RUN,), (RUN, f"{RUN}-epochs", "--out", "README.md")):
        done = invoke("report", *arguments, "--format", "readme")
        assert done.exit_code == 2
        assert "takes one run" in done.stderr
