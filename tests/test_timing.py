"""The clock measures the calls and nothing around them, here on a simulated device."""

from dataclasses import replace

import pytest

from bench import timing
from bench.tasks import Task


class Device:
    """An asynchronous device: work is queued, and time passes where one waits for it.

    ``costs`` are the seconds of each kind of call; the first call of all takes ``compile``
    seconds more. ``log`` holds what happened, in order.
    """

    def __init__(self, compile: float = 0.0, **costs: float) -> None:
        self.costs = {"run": 0.003, "warm": 0.5, "reset": 40.0} | costs
        self.compile = compile
        self.now = 1000.0
        self.queued = 0.0
        self.log: list[str] = []
        self.task = Task(
            self.does("run"), self.does("reset"), self.does("warm"), "kernel", 1, 1, 1, None
        )

    def does(self, what):
        def call():
            self.log.append(what)
            self.queued += self.costs[what] + self.compile
            self.compile = 0.0

        return call

    def synchronize(self) -> None:
        self.log.append("synchronize")
        self.now += self.queued
        self.queued = 0.0

    def clock(self) -> float:
        self.log.append("clock")
        return self.now

    def pause(self, seconds: float) -> None:
        self.log.append("pause")
        self.now += 7.0

    @property
    def clocks(self) -> timing.Clock:
        return timing.Clock(self.synchronize, now=self.clock, pause=self.pause)

    def sample(self, iterations: int, count: int = 1) -> list[float]:
        blocks = timing.sample(self.task, self.clocks, timing.Blocks(iterations, count))
        return [block.seconds for block in blocks]

    def calibrate(self, round_s: float) -> timing.Blocks:
        return timing.calibrate(self.task, self.clocks, round_s)

    def compile_time(self) -> float:
        return timing.compile_time(self.task, self.clocks)


@pytest.mark.parametrize("iterations", [1, 2, 50])
def test_sample_is_the_mean_of_a_call_without_pause_reset_and_warm_up(iterations):
    assert Device(run=0.003).sample(iterations) == pytest.approx([0.003])


def test_sample_averages_calls_of_different_length():
    device = Device()
    lengths = iter([0.001, 0.002, 0.006])

    def run():
        device.queued += next(lengths)

    device.task = Task(run, device.does("reset"), device.does("warm"), "kernel", 1, 1, 1, None)
    assert device.sample(3) == pytest.approx([0.003])


def test_sample_has_a_figure_for_each_block_and_a_stall_is_in_one_alone():
    device = Device()
    lengths = iter([0.001, 0.001, 0.001, 0.033, 0.001, 0.001])

    def run():
        device.queued += next(lengths)

    device.task = Task(run, device.does("reset"), device.does("warm"), "kernel", 1, 1, 1, None)
    assert device.sample(2, count=3) == pytest.approx([0.001, 0.017, 0.001])


def test_sample_pauses_and_warms_up_before_it_starts_from_the_initial_state():
    device = Device()
    device.sample(3)
    assert device.log[0] == "pause"
    assert "warm" in device.log
    first_run = device.log.index("run")
    assert device.log[:first_run][-3:] == ["reset", "synchronize", "clock"]
    assert device.log[first_run:] == ["run"] * 3 + ["synchronize", "clock"]


def test_sample_and_compile_time_read_the_clock_on_a_quiet_device():
    for measure in (lambda device: device.sample(4), lambda device: device.compile_time()):
        device = Device()
        device.queued = 500.0  # somebody else's work
        measure(device)
        readings = [i for i, what in enumerate(device.log) if what == "clock"]
        assert all(device.log[i - 1] == "synchronize" for i in readings[-2:])


def test_compile_time_is_what_the_first_call_takes_beyond_the_second():
    device = Device(compile=9.0, warm=0.5)
    assert device.compile_time() == pytest.approx(9.0)
    assert device.log[-1] == "reset"
    assert device.compile_time() == 0.0


@pytest.mark.parametrize("run", [1e-5, 1e-4, 0.0007])
def test_calibrated_calls_fill_a_block_and_blocks_the_round(run):
    blocks = Device(run=run).calibrate(0.02)
    assert blocks.iterations * run == pytest.approx(timing.BLOCK_S, abs=run / 2)
    assert blocks.iterations * run * blocks.count == pytest.approx(0.02, rel=0.1)


def test_a_call_longer_than_the_round_is_made_once():
    assert Device(run=30.0).calibrate(0.02) == timing.Blocks(1, 1)


def test_calls_too_short_to_see_are_limited_in_number():
    device = Device(run=0.0)
    assert device.calibrate(0.02) == timing.Blocks(timing._MAX_ITERATIONS, 10)
    assert device.log.count("run") < 15 * timing._MAX_ITERATIONS


def test_calibration_does_not_count_compilation_or_reset():
    device = Device(run=0.001, reset=100.0, compile=100.0)
    assert device.calibrate(0.02) == timing.Blocks(2, 10)
    assert device.log[0] == "reset"
    assert device.log[-1] == "reset"


def test_calibration_does_not_take_a_stall_for_a_slow_kernel():
    device = Device()
    lengths = iter([0.032, 0.0001, 0.0001])

    def run():
        device.queued += next(lengths, 0.0001)

    device.task = Task(run, device.does("reset"), device.does("warm"), "kernel", 1, 1, 1, None)
    assert device.calibrate(0.02) == timing.Blocks(20, 10)


def test_warm_up_goes_on_for_milliseconds_but_not_for_more_calls_than_it_needs():
    long, short = Device(warm=10.0), Device(warm=0.0)
    for device in (long, short):
        timing.warm_up(device.task, device.clocks)
    assert long.log.count("warm") == 1
    assert short.log.count("warm") == timing._WARM_CALLS


def test_a_device_with_a_clock_of_its_own_is_read_from_it_too():
    device = Device(run=0.003)
    clocks = replace(
        device.clocks, mark=lambda: device.now + device.queued, between=lambda a, b: (b - a) / 2
    )
    (block,) = timing.sample(device.task, clocks, timing.Blocks(4, 1))
    assert block.seconds == pytest.approx(0.003)
    assert block.device_s == pytest.approx(0.0015)  # this device says that half the time was idle


def test_a_call_on_cold_caches_is_timed_alone_and_its_flush_is_not():
    device = Device(run=0.003, flush=5.0)
    device.task = replace(device.task, flush=device.does("flush"))
    blocks = device.calibrate(0.02)
    assert blocks.iterations == 1
    assert device.sample(1, blocks.count) == pytest.approx([0.003] * blocks.count)
    timed = [what for what in device.log if what in ("flush", "run")]
    assert timed == ["flush", "run"] * blocks.count
