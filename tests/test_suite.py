"""What there is to time: which cases, and each case made ready on each backend."""

import numpy as np
import pytest

from bench.suite import LEVELS, Case, cases, computed_by, ladder
from bench.tasks import Bench
from mnist_core import operators, registry
from mnist_core.backends import Backend, kernel, takes_over
from mnist_core.data.digits import digits
from mnist_core.network import Network
from mnist_core.operators import BUILTIN
from mnist_core.precision import FLOAT32

SIZES, BATCH, LR, IMAGES = (784, 16, 10), 32, 0.1, 200
COMPOSED = LEVELS[: LEVELS.index("part")]
PARTS = (
    *("gather_batch", "dense 1", "dense 2", "softmax_cross_entropy"),
    *("dense_backward 2", "dense_backward 1", "sgd", "fused"),
)
OWN = [name for name, backend in registry.backends().items() if backend.unavailable() is None]


@pytest.fixture(scope="module")
def data():
    return digits(IMAGES, 50)


@pytest.fixture(scope="module", params=OWN)
def bench(request, data):
    return Bench(registry.backend(request.param), data, "float32", LR, seed=3)


@pytest.fixture(scope="module")
def numpy(data):
    return Bench(registry.backend("numpy"), data, "float32", LR, seed=3)


def case(level: str, operator: str | None = None) -> Case:
    return Case(level, operator, SIZES, BATCH)


@pytest.mark.parametrize(
    ("part", "computed"),
    [
        (takes_over("epoch")(print), ["epoch"]),
        (takes_over("forward")(print), ["epoch", "step", "forward", "fused"]),
        (kernel(operators.relu)(print), [*COMPOSED, "relu", "part"]),
    ],
    ids=["epoch", "forward", "operator"],
)
def test_a_peer_is_timed_only_where_it_computes_something_of_its_own(part, computed):
    peer = Backend("peer", base="numpy", kernels=[part], role="peer")
    assert computed_by(peer) == computed
    own = Backend("own", base="numpy", kernels=[part])
    fused = getattr(part, "level", "epoch") != "epoch"
    assert computed_by(own) == [*COMPOSED, *registry.operators(), "fused" if fused else "part"]


def test_the_ladder_of_an_operator_is_each_kernel_under_a_name_of_its_own(monkeypatch):
    rungs = [kernel(operators.relu, name=name)(print) for name in ("fast", "slow", "slower")]
    other = [
        kernel(operators.relu, name="special", precision="exact")(print),
        kernel(operators.sgd, name="sgd")(print),
    ]
    many = Backend("many", base="numpy", kernels=[*rungs, *other, takes_over("step")(print)])
    monkeypatch.setattr(registry, "_backends", registry.backends() | {"many": many})
    found = ladder(many, ["relu"], FLOAT32)
    names = ["many", "many[relu=slow]", "many[relu=slower]"]
    assert [backend.name for backend in found] == names
    for backend, rung in zip(found, rungs, strict=True):
        assert backend.kernel_for(operators.relu) is rung
        assert registry.backend(backend.name) is backend  # a worker finds it by its name
    assert found[1].take_over("step") is None  # it would bypass the rung
    assert [b.name for b in ladder(registry.backend("bare-numpy"), ["relu"], FLOAT32)] == [
        "bare-numpy"
    ]


@pytest.fixture
def networks(monkeypatch):
    """Every network that is made."""
    made, make = [], Network.__init__

    def remembering(self, *args, **kwargs):
        make(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(Network, "__init__", remembering)
    return made


def bits(network: Network) -> list[bytes]:
    return [array.tobytes() for pair in network.get_parameters() for array in pair]


def test_cases_come_by_network_then_batch_then_level_with_one_case_an_operator():
    small, large = (784, 16, 10), (784, 128, 10)
    found = cases([large, small], [64, 1], LEVELS, ["relu", "dense"])
    one = [("epoch", None), ("step", None), ("forward", None), ("backward", None)]
    one += [("operator", "relu"), ("operator", "dense")]
    one += [("part", name) for name in PARTS]
    assert [(c.network, c.batch, c.level, c.operator) for c in found] == [
        (network, batch, *what) for network in (large, small) for batch in (64, 1) for what in one
    ]


def test_only_levels_asked_for_are_cases():
    found = cases([SIZES], [BATCH], ["operator", "step"], ["dense"])
    assert [(c.level, c.operator) for c in found] == [("step", None), ("operator", "dense")]


def test_a_case_survives_json_and_names_itself():
    import json

    one = case("operator", "dense")
    assert Case.from_dict(json.loads(json.dumps(one.as_dict()))) == one
    assert one.label == "dense, 784-16-10, batch 32"
    assert case("step").label == "step, 784-16-10, batch 32"


@pytest.mark.parametrize("level", COMPOSED[:-1])
def test_every_level_runs_twice_on_every_backend(bench, level, networks):
    task = bench.prepare(case(level))
    task.run()
    task.reset()
    task.run()
    after = [array for pair in networks[-1].get_parameters() for array in pair]
    assert all(np.isfinite(array).all() for array in after)


@pytest.mark.parametrize("part", PARTS)
def test_every_part_runs_twice_on_every_backend(bench, part, networks):
    if part != "fused" and "fused" in computed_by(bench.backend):
        pytest.skip("its step is one piece")
    task = bench.prepare(case("part", part))
    task.run()
    task.reset()
    task.run()
    assert task.flops > 0
    after = [array for pair in networks[-1].get_parameters() for array in pair]
    assert all(np.isfinite(array).all() for array in after)


def test_the_parts_are_what_a_step_consists_of(numpy):
    pieces = [numpy.prepare(case("part", part)) for part in PARTS]
    # sgd also updates the padding between the parameters
    assert sum(piece.flops for piece in pieces[:-1]) == pytest.approx(pieces[-1].flops, rel=1e-4)
    assert pieces[-1].flops == numpy.prepare(case("step")).flops
    assert all(piece.bytes for piece in pieces[:-1])


def test_a_kernel_that_leaves_operations_out_says_how_many_it_executes(numpy, data):
    @kernel(operators.relu, executed=lambda call: 7)
    def skipping(z, out):
        out[...] = z * (z > 0)

    backend = Backend("skipping", base="numpy", kernels=[skipping])
    relu, useful = case("operator", "relu"), numpy.prepare(case("operator", "relu"))
    task = Bench(backend, data, "float32", LR, seed=3).prepare(relu)
    assert (task.flops, task.flops_executed) == (useful.flops, 7)
    assert useful.flops_executed == useful.flops


def test_a_part_does_to_the_networks_own_arrays_what_the_step_does(numpy, networks):
    task = numpy.prepare(case("part", "sgd"))
    before = networks[-1].get_parameters()
    task.run()
    gradients = networks[-1].get_gradients()
    for (old, _), (new, _), (grad, _) in zip(
        before, networks[-1].get_parameters(), gradients, strict=True
    ):
        np.testing.assert_allclose(new, old - LR * grad, rtol=1e-5, atol=1e-6)


def test_a_cold_operator_is_flushed_before_each_run_and_a_hot_one_is_not(numpy):
    assert numpy.prepare(case("operator", "relu")).flush is None
    cold = numpy.prepare(Case("operator", "relu", SIZES, BATCH, "cold"))
    assert cold.flush is not None
    cold.flush()
    cold.run()
    assert {c.cache for c in cases([SIZES], [BATCH], LEVELS, ["relu"], ["hot", "cold"])} == {
        *("hot", "cold", None)
    }


@pytest.mark.parametrize("operator", [operator.name for operator in BUILTIN])
def test_every_operator_runs_twice_on_every_backend(bench, operator):
    task = bench.prepare(case("operator", operator))
    task.run()
    task.reset()
    task.run()
    assert task.kernel == bench.backend.kernel_for(registry.operator(operator)).name


@pytest.mark.parametrize("level", ["step", "epoch"])
def test_training_changes_the_weights_and_reset_restores_them_bit_for_bit(bench, level, networks):
    task = bench.prepare(case(level))
    before = bits(networks[-1])
    for _ in range(3):
        task.run()
    assert bits(networks[-1]) != before
    task.reset()
    assert bits(networks[-1]) == before


@pytest.mark.parametrize("level", ["forward", "backward"])
def test_forward_and_backward_leave_the_weights_alone(bench, level, networks):
    task = bench.prepare(case(level))
    before = bits(networks[-1])
    task.run()
    assert bits(networks[-1]) == before


def test_backward_makes_the_gradients_of_a_real_batch(bench, networks):
    task = bench.prepare(case("backward"))
    assert not np.any(bench.backend.space.to_host(networks[-1].gradient))
    task.run()
    assert all(np.any(g) for pair in networks[-1].get_gradients() for g in pair)


def test_epoch_sees_every_image_once_and_other_levels_a_batch(bench):
    assert bench.prepare(case("epoch")).images == IMAGES
    for level in ("step", "forward", "backward"):
        assert bench.prepare(case(level)).images == BATCH
    assert bench.prepare(case("operator", "dense")).images == BATCH


def test_kernel_names_what_takes_a_level_over(data):
    bare = Bench(registry.backend("bare-numpy"), data, "float32", LR, seed=3)
    assert bare.prepare(case("epoch")).kernel == "bare_loop"
    assert bare.prepare(case("step")).kernel == "composed"


def test_flops_of_a_step_are_those_of_its_operators(numpy):
    parts = ("gather_batch", "dense", "softmax_cross_entropy", "dense_backward", "sgd")
    flops = [numpy.prepare(case("operator", name)).flops for name in parts]
    assert numpy.prepare(case("step")).flops == sum(flops) > 0


def test_flops_of_dense_are_counted_by_hand(numpy):
    products = 2 * BATCH * (784 * 16 + 16 * 10)
    assert numpy.prepare(case("operator", "dense")).flops == pytest.approx(products, rel=0.01)
    assert numpy.prepare(case("forward")).flops == numpy.prepare(case("operator", "dense")).flops


def test_flops_of_an_epoch_are_those_of_a_step_for_every_image(numpy):
    step, epoch = numpy.prepare(case("step")).flops, numpy.prepare(case("epoch")).flops
    assert epoch == step * IMAGES // BATCH


def test_operators_know_their_bytes_and_levels_do_not(numpy):
    floats = [
        BATCH * 784 + 784 * 16 + 16 + BATCH * 16,
        BATCH * 16 + 16 * 10 + 10 + BATCH * 10,
    ]
    assert numpy.prepare(case("operator", "dense")).bytes == 4 * sum(floats)
    assert numpy.prepare(case("step")).bytes is None


def test_an_operator_is_called_as_a_step_calls_it(data):
    shapes = []

    @kernel(operators.dense)
    def watched(x, w, b, out, *, activation):
        shapes.append((x.shape, w.shape, out.shape, activation))

    backend = Backend("watched", base="numpy", kernels=[watched])
    Bench(backend, data, "float32", LR, seed=3).prepare(case("operator", "dense")).run()
    assert shapes == [
        ((32, 784), (784, 16), (32, 16), "relu"),
        ((32, 16), (16, 10), (32, 10), "linear"),
    ]


def test_precision_is_that_of_the_arrays(data, networks):
    Bench(registry.backend("numpy"), data, "float64", LR, seed=3).prepare(case("step")).run()
    assert networks[-1].parameters.dtype == np.float64
