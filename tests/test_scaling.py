"""How cost grows: the line through the times, where backends cross, and the command."""

import pytest
from command_line import mnist_bench, write_data

from bench.results import load
from bench.scaling import BATCHES, crossovers, fit, points, within


def test_the_line_gives_back_launch_and_cost_from_microseconds_to_seconds():
    sizes = [1, 16, 256, 4096, 60000]
    line = fit(sizes, [50e-6 + 3e-6 * size for size in sizes])
    assert line.launch == pytest.approx(50e-6)
    assert line.each == pytest.approx(3e-6)
    assert line.residual < 1e-9
    assert line(100) == pytest.approx(350e-6)


def test_no_cost_is_negative_and_the_distance_from_the_line_is_told():
    line = fit([1, 10, 100], [1.0, 1.0, 4.0])
    assert line.launch >= 0
    assert line.each >= 0
    assert line.residual > 0.1


def test_crossovers_lie_where_the_ratio_is_one():
    sizes = [1.0, 10.0, 100.0]
    (found,) = crossovers(sizes, [1.0, 2.0, 8.0], [2.0, 2.0 * 2, 4.0])
    assert found == (pytest.approx(10 * 10**0.5, rel=1e-6), True)
    assert crossovers(sizes, [1.0, 1.0, 1.0], [2.0, 2.0, 2.0]) == []
    there, back = crossovers(sizes, [1.0, 2.0, 1.0], [2.0, 1.0, 2.0])
    assert (there[1], back[1]) == (True, False)


def test_points_vary_one_thing_and_hold_the_rest():
    base = ((784, 128, 64, 10), 128, 2)
    assert [(p.network, p.batch, p.threads) for p in points("batch", [1, 8], *base)] == [
        ((784, 128, 64, 10), 1, 2),
        ((784, 128, 64, 10), 8, 2),
    ]
    assert [p.network for p in points("width", [32], *base)] == [(784, 32, 10)]
    assert [p.network for p in points("depth", [1, 3], *base)] == [
        (784, 128, 10),
        (784, 128, 128, 128, 10),
    ]
    assert [p.threads for p in points("threads", [1, 2], *base)] == [1, 2]
    assert within(BATCHES, 2000) == [1, 4, 16, 64, 256, 1024, 2000]


@pytest.mark.long
def test_scale_measures_fits_and_draws(small_digits, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    options = ("--data", write_data(folder, small_digits), "--backend", "numpy", "--threads", 1)
    out = tmp_path / "out"
    done = mnist_bench(
        *("scale", "--over", "batch", "--over", "depth", "--at", 1, "--at", 4),
        *("--network", "784-16-10", "--batch", 32, *options, "--out", out),
    )
    assert done.returncode == 0, done.stderr
    table = load(out / "threads-1")
    assert set(table.status) == {"ok"}
    assert set(table.certificate) == {"float32"}
    assert {(r.network, r.batch) for r in table.itertuples()} == {
        ("784-16-10", 1),
        ("784-16-10", 4),
        ("784-16-10", 32),
        ("784-16-16-16-16-10", 32),
    }
    assert "batch     numpy: " in done.stdout
    assert " an image" in done.stdout
    assert done.stdout.startswith("machine ")
    assert "a call and" in done.stdout
    assert "a layer" in done.stdout
    picture = (out / "scale.svg").read_text()
    assert picture.startswith("<svg")
    assert "batch" in picture


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--over", "height"), "--over height: give one of batch, width, depth, threads"),
        (("--over", "batch", "--at", 70_000), "batch goes up to 2000 here"),
        (("--level", "operator"), "--level operator: give one of epoch, step, forward, backward"),
    ],
)
def test_what_cannot_be_scaled_is_one_line(arguments, part, small_digits, tmp_path):
    refused = mnist_bench("scale", *arguments, "--data", write_data(tmp_path, small_digits))
    assert refused.returncode == 2
    assert part in refused.stderr
    assert refused.stderr.count("\n") == 1
