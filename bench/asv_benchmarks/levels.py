"""Levels of training by backend, on drawn digits: `asv run`.

The project is imported inside the benchmarks: ASV takes this file from the working tree and the
package from the commit that it measures.
"""


class Training:
    """Forward, backward and step of the standard network at batch 128."""

    # Written out, not read from a registry: ASV selects parameters by index, and an older commit's
    # registry may hold other names.
    params = (["numpy", "numba"], ["forward", "backward", "step"])
    param_names = ("backend", "level")

    def setup(self, backend: str, level: str) -> None:
        from bench.suite import Bench, Case
        from mnist_core import registry
        from mnist_core.data.digits import digits
        from mnist_core.numerics import certify
        from mnist_core.precision import FLOAT32

        chosen = registry.backend(backend)
        if chosen.unavailable():
            raise NotImplementedError(chosen.unavailable())
        data, network = digits(train=6000, test=100), (784, 128, 64, 10)
        certificate = certify(chosen, network, 128, FLOAT32, data)
        if not certificate.passed:
            raise AssertionError(certificate.reason)
        bench = Bench(chosen, data, "float32", lr=0.1, seed=0)
        self.task = bench.prepare(Case(level, None, network, 128))
        self.task.warm()
        self.task.reset()

    def time_level(self, backend: str, level: str) -> None:
        self.task.run()
