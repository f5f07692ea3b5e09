"""The whole way from the clock to the verdict on a machine whose noise is known."""

import random
from collections.abc import Sequence

import numpy as np
import pytest

from bench import statistics, timing
from bench.compare import LEAST_FLOOR, Timed, compare
from bench.noise_runs import floor_of
from bench.statistics import Rounds
from bench.tasks import Task

ROUNDS = 30
TROUBLES = ({}, {"outliers": 0.1}, {"drift": 0.03}, {"step": 0.3})


class Machine:
    """A machine on which time passes when it computes, and more of it than it should.

    ``noise`` is the spread of a block, ``outliers`` the share of blocks in which it loses the
    processor for 30 ms, ``drift`` how much slower it has become after a second, ``step`` how much
    slower it is in the second half of the rounds.
    """

    def __init__(self, seed: int, noise=0.005, outliers=0.0, drift=0.0, step=0.0) -> None:
        self.rng = random.Random(seed)
        self.noise, self.outliers, self.drift, self.step = noise, outliers, drift, step
        self.now = 0.0
        self.late = False

    def compute(self, seconds: float) -> None:
        slower = (1 + self.drift * self.now) * (1 + self.step * self.late)
        self.now += seconds * slower * self.rng.lognormvariate(0, self.noise)
        if self.rng.random() < self.outliers:
            self.now += 0.03

    def pass_by(self, seconds: float) -> None:
        self.now += seconds

    @property
    def clock(self) -> timing.Clock:
        return timing.Clock(lambda: None, now=lambda: self.now, pause=self.pass_by)

    def task(self, seconds: float) -> Task:
        def run() -> None:
            self.compute(seconds)

        return Task(run, lambda: None, run, "kernel", 1, 1, 1, None)

    def round(self, seconds: float) -> list[float]:
        blocks = timing.sample(self.task(seconds), self.clock, timing.Blocks(1, 5))
        return [block.seconds for block in blocks]

    def in_turn(self, *cases: float) -> list[dict[int, list[float]]]:
        """Rounds of each case, the cases in random order in each."""
        taken: list[dict[int, list[float]]] = [{} for _ in cases]
        for number in range(ROUNDS):
            self.late = number >= ROUNDS // 2
            for i in self.rng.sample(range(len(cases)), len(cases)):
                taken[i][number] = self.round(cases[i])
        return taken

    def apart(self, *cases: float) -> list[dict[int, list[float]]]:
        """All rounds of one case, then all of the next."""
        taken = []
        for i, case in enumerate(cases):
            self.late = i >= len(cases) / 2
            taken.append({number: self.round(case) for number in range(ROUNDS)})
        return taken


def floor(in_turn: bool = True, **trouble: float) -> float:
    """The noise floor of such a machine, found as `doctor --noise` finds it."""
    draws = []
    for seed in range(1000, 1006):
        machine = Machine(seed, **trouble)
        once, again = machine.in_turn(0.002, 0.002)
        draws.append((once, again))
    found = floor_of(draws)
    return max(LEAST_FLOOR, found.in_turn if in_turn else found.apart)


def verdicts(pairs: Sequence[Sequence[Rounds]], floor: float, in_turn: bool = True) -> list[str]:
    """Verdicts of many cases at once, each a list of rounds before and one after."""
    sides = [
        {("numpy", str(i)): Timed(pair[side]) for i, pair in enumerate(pairs)} for side in (0, 1)
    ]
    changes = compare(*sides, dict.fromkeys(sides[0], floor), in_turn)
    return [change.verdict for change in changes]


@pytest.mark.parametrize("trouble", [{"drift": 0.03}, {"step": 0.3}, {"drift": -0.03, "step": 0.2}])
def test_taking_turns_cancels_drift_and_steps_in_the_ratio(trouble):
    for seed in range(20):
        before, after = Machine(seed, **trouble).in_turn(0.002, 0.002)
        ratio = statistics.evidence(before, after, in_turn=True).ratio
        medians = [[sorted(blocks)[2] for blocks in side.values()] for side in (after, before)]
        speedup = statistics.speedup(*medians)
        for found in (ratio, speedup):
            assert found.low < 1 < found.high or abs(found.value - 1) < LEAST_FLOOR
            assert found.high / found.low < 1.05
        first, second = Machine(seed, **trouble).apart(0.002, 0.002)
        assert abs(statistics.evidence(first, second, in_turn=False).ratio.value - 1) > 0.02


@pytest.mark.parametrize("kind", TROUBLES)
def test_a_change_of_three_percent_is_found(kind):
    known = floor(**kind)
    assert known < 0.03
    found = [verdicts([Machine(s, **kind).in_turn(0.002, 0.00206)], known) for s in range(40)]
    assert sum(v == ["slower"] for v in found) >= 38
    gained = [verdicts([Machine(s, **kind).in_turn(0.00206, 0.002)], known) for s in range(40)]
    assert sum(v == ["faster"] for v in gained) >= 38


# What is timed apart meets drift and steps: they are in its noise floor.
@pytest.mark.parametrize(
    ("kind", "in_turn"),
    [
        *(
            pytest.param(kind, True, marks=[pytest.mark.long] * (i > 1))
            for i, kind in enumerate(TROUBLES)
        ),
        ({}, False),
        pytest.param(TROUBLES[1], False, marks=pytest.mark.long),
    ],
)
def test_no_change_is_not_claimed_of_any_of_twenty_cases(kind, in_turn):
    claims, same, known = 0, 0, floor(in_turn, **kind)
    for seed in range(20):
        machine = Machine(seed, **kind)
        timed = machine.in_turn if in_turn else machine.apart
        found = verdicts([timed(0.002, 0.002) for _ in range(20)], known, in_turn)
        claims += bool({"slower", "faster"} & set(found))
        same += found.count("same")
    assert claims <= 1  # at a family-wise 5 %, one of twenty is to be expected even with no floor
    assert same >= 0.9 * 20 * 20


def test_a_change_within_the_floor_is_the_same():
    for seed in range(20):
        assert verdicts([Machine(seed, noise=0.002).in_turn(0.002, 0.00201)], 0.01) == ["same"]


def test_few_and_noisy_rounds_leave_it_ambiguous():
    machine = Machine(0, noise=0.3)
    assert verdicts([machine.in_turn(0.002, 0.00206)], 0.01) == ["ambiguous"]


@pytest.mark.long
@pytest.mark.parametrize(("rounds", "blocks"), [(6, 5), (12, 10), (30, 10), (30, 1)])
@pytest.mark.parametrize("wild", [0.0, 0.1])
@pytest.mark.parametrize("in_turn", [True, False])
def test_the_interval_of_the_ratio_covers_the_truth(rounds, blocks, wild, in_turn):
    rng, inside = np.random.default_rng(1), 0
    count = 1000 if rounds * blocks < 200 else 300
    for _ in range(count):
        draws = rng.lognormal(0, 0.05, (2, rounds, blocks))
        draws *= np.where(rng.random(draws.shape) < wild, 3, 1)
        before, after = (dict(enumerate(side)) for side in draws * [[[1.0]], [[1.1]]])
        ratio = statistics.evidence(before, after, in_turn).ratio
        inside += ratio.low <= 1.1 <= ratio.high
    assert 0.92 <= inside / count <= 0.98


def test_a_machine_that_is_slow_most_of_the_time_is_still_compared_by_the_rest():
    rng = np.random.default_rng(0)
    ratios = []
    for _ in range(50):
        draws = rng.lognormal(0, 0.01, (2, 12, 10))
        draws *= np.where(rng.random(draws.shape) < 0.7, rng.uniform(1.1, 1.6, draws.shape), 1)
        before, after = (dict(enumerate(side)) for side in draws * [[[1.0]], [[1.1]]])
        ratios.append(statistics.evidence(before, after, in_turn=False).ratio.value)
    assert max(abs(np.array(ratios) / 1.1 - 1)) < 0.03


def test_holm_keeps_findings_until_the_first_that_could_be_chance():
    assert statistics.holm([0.04, 0.001, 0.02, 0.9]) == [False, True, False, False]
    assert statistics.holm([0.01, 0.02, 0.03]) == [True, True, True]
    assert statistics.holm([0.02, 0.02, 0.02]) == [False, False, False]
    assert statistics.holm([]) == []
