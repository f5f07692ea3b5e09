"""The last word on a backend decides whether its rows stand."""

import pytest

from bench.words import Words

ROW = {
    "backend": "a", "network": "784-16-10", "batch": 32, "median_s": 0.5, "rounds": 9,
    "baseline": "numpy", "speedup": 2.0,
}  # fmt: skip


def certificate(passed: bool = True, batch: int = 32) -> dict:
    return {
        "network": "784-16-10", "batch": batch, "passed": passed,
        "claim": "float32" if passed else "", "reason": None if passed else "relu is wrong",
    }  # fmt: skip


def words(*entries: dict) -> Words:
    heard = Words()
    for entry in entries:
        heard.hear({"backend": "a"} | entry)
    return heard


BEFORE = {"certificate": certificate(), "again": False}
AFTER = {"certificate": certificate(), "again": True}


def test_a_row_is_signed_by_both_verifications():
    row = words(BEFORE, AFTER).applied(ROW)
    assert (row["status"], row["certificate"]) == ("ok", "float32")
    assert "reason" not in row
    once = words(BEFORE).applied(ROW)
    assert once["status"] == "ok"
    assert once["reason"] == "verified before timing only: the run ended early"


@pytest.mark.parametrize(
    ("last", "status", "reason"),
    [
        (
            {"certificate": certificate(False), "again": True},
            "refused",
            "after timing: relu is wrong",
        ),
        ({"certificate": certificate(False), "again": False}, "refused", "relu is wrong"),
        ({"status": "failed", "reason": "died"}, "failed", "died"),
    ],
)
def test_a_backend_that_fell_takes_its_times_along(last, status, reason):
    row = words(BEFORE, last).applied(ROW)
    assert (row["status"], row["reason"]) == (status, reason)
    assert "median_s" not in row
    assert "speedup" not in row


def test_no_row_stands_without_a_certificate_of_its_network_and_batch():
    other = {"certificate": certificate(batch=64), "again": False}
    row = words(other).applied(ROW)
    assert row["status"] == "failed"
    assert "median_s" not in row


def test_a_process_of_a_run_that_was_gone_on_with_is_judged_anew():
    died = {"status": "failed", "reason": "died"}
    assert words(BEFORE, died, BEFORE, AFTER).applied(ROW)["status"] == "ok"
    again = words(BEFORE, AFTER, BEFORE).applied(ROW)
    assert again["reason"].startswith("verified before timing only")


def test_a_baseline_that_fell_takes_the_speedups_along():
    heard = words(BEFORE, AFTER)
    assert heard.applied(ROW)["speedup"] == 2.0
    heard.hear({"backend": "numpy", "status": "failed", "reason": "died"})
    row = heard.applied(ROW)
    assert row["median_s"] == 0.5
    assert "speedup" not in row
    assert "baseline" not in row


def test_a_row_that_was_refused_by_itself_stays_refused():
    impossible = {k: ROW[k] for k in ("backend", "network", "batch")}
    impossible |= {"status": "refused", "reason": "impossible speed"}
    row = words(BEFORE, AFTER).applied(impossible)
    assert (row["status"], row["reason"]) == ("refused", "impossible speed")
