"""`mnist-bench run` with backends that go wrong, each in its way."""

import re
from types import SimpleNamespace

import pytest
from command_line import FILES, SMALL, mnist_bench
from results_of import rows

from bench.files import load_json
from bench.results import load

TIMES = ["median_s", "q1_s", "q3_s", "ci_low_s", "ci_high_s", "host_s", "images_per_s", "gflops"]


@pytest.fixture(scope="module")
def village(data, plugin, tmp_path_factory):
    """One run of numpy beside backends that go wrong, each in its way."""
    out = tmp_path_factory.mktemp("village") / "run"
    names = ("numpy", "wrong", "turns", "dies", "expires")
    backends = [word for name in names for word in ("--backend", name)]
    levels = ("--level", "step", "--level", "forward")
    options = ("--plugin", plugin, "--data", data, "--quick", "--out", out)
    done = mnist_bench("run", *SMALL, *backends, *levels, *options)
    return SimpleNamespace(done=done, out=out, table=load(out))


@pytest.mark.long
def test_a_run_with_a_wrong_backend_exits_with_1_and_still_writes_everything(village):
    assert village.done.returncode == 1
    progress = village.done.stderr.splitlines()
    assert all(
        re.fullmatch(r" *\d+ s  (starting|compiling|verifying|measuring|timing) .*", line)
        for line in progress
    )
    assert any(line.endswith("timing step, 784-16-10, batch 32") for line in progress)
    assert {entry.name for entry in village.out.iterdir()} == set(FILES)
    assert village.table.columns[0] == "schema"
    assert len(village.table) == 5 * 2


@pytest.mark.long
def test_the_others_still_have_times(village):
    numpy = rows(village, "numpy")
    assert set(numpy.status) == {"ok"}
    assert set(numpy.certificate) == {"float32"}
    assert (numpy.median_s > 0).all()
    assert (numpy.ci_low_s <= numpy.median_s).all()
    assert (numpy.median_s <= numpy.ci_high_s).all()
    assert (numpy.reason == "").all()


@pytest.mark.long
def test_a_wrong_gradient_is_refused_and_has_no_times(village):
    wrong = rows(village, "wrong")
    assert set(wrong.status) == {"refused"}
    assert wrong.reason.str.startswith("softmax_cross_entropy/doubled: dlogits differs from").all()
    assert wrong[TIMES].isna().all(axis=None)
    assert (wrong.certificate == "").all()


@pytest.mark.long
def test_the_reason_of_a_refusal_stands_in_the_table_and_in_the_report(village):
    reason = rows(village, "wrong").reason.iloc[0]
    beginning = reason.split(" (")[0]
    assert beginning in " ".join(village.done.stdout.split())
    assert beginning in (village.out / "report.html").read_text()
    certificates = load_json(village.out, "certificates.json")
    [certificate] = [c for c in certificates if c["backend"] == "wrong"]
    assert not certificate["passed"]
    assert certificate["reason"] == reason


@pytest.mark.long
def test_a_backend_that_is_right_until_it_is_timed_is_refused_and_its_times_removed(village):
    turns = rows(village, "turns")
    assert set(turns.status) == {"refused"}
    assert turns.reason.str.startswith("after timing: sgd/turns: param differs").all()
    assert turns[TIMES].isna().all(axis=None)
    assert (turns.certificate == "").all()


@pytest.mark.long
def test_a_kernel_that_kills_its_process_fails_alone(village):
    dies = rows(village, "dies")
    assert set(dies.status) == {"failed"}
    assert dies.reason.str.endswith("the process of dies died (exit code 7)").all()
    assert dies[TIMES].isna().all(axis=None)


@pytest.mark.long
def test_a_process_that_dies_while_timed_fails_from_then_on(village):
    expires = rows(village, "expires")
    assert set(expires.status) == {"failed"}
    death = "step, 784-16-10, batch 32: the process of expires died (exit code 9)"
    assert set(expires.reason) == {death}
    assert death in " ".join(village.done.stdout.split())
