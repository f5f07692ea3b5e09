"""Data and a plug-in of backends that are right, wrong and deadly."""

import pytest
from command_line import write_data

PLUGIN = '''
import os
import sys
from mnist_core import Backend, kernel, operators

began = False

def timed():
    """Whether the harness has begun to time: somewhere up the stack it calibrates."""
    global began
    frame = sys._getframe()
    while frame and not began:
        began = frame.f_code.co_name == "calibrate"
        frame = frame.f_back
    return began

@kernel(operators.sgd)
def in_place(param, grad, *, lr):
    param -= lr * grad

@kernel(operators.softmax_cross_entropy)
def doubled(logits, labels, loss, dlogits):
    reference = operators.softmax_cross_entropy.reference
    loss[...], dlogits[...] = reference(logits, labels)
    dlogits *= 2

@kernel(operators.sgd)
def turns(param, grad, *, lr):
    param -= (2 * lr if timed() else lr) * grad

@kernel(operators.gather_batch)
def dies(images, labels, index, x, y):
    os._exit(7)

@kernel(operators.sgd)
def expires(param, grad, *, lr):
    if timed():
        os._exit(9)
    param -= lr * grad

kernels = {"right": in_place, "wrong": doubled, "turns": turns, "dies": dies, "expires": expires}
right, wrong, turning, dying, expiring = [
    Backend(name, base="numpy", kernels=[part]) for name, part in kernels.items()
]
'''


@pytest.fixture(scope="module")
def data(small_digits, tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), small_digits)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    file = tmp_path_factory.mktemp("elsewhere") / "village.py"
    file.write_text(PLUGIN)
    return file
