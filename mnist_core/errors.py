"""What a person did that cannot work. The command line shows such an error as one line, exit 2."""

import importlib
import traceback
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_MACHINERY = (str(_ROOT / "mnist_core"), str(_ROOT / "bench"), importlib.__file__, "<frozen")


class MnistBenchError(Exception):
    """Base of all errors that a user can cause and mend; the message says what, where and how."""


class DataError(MnistBenchError):
    """A data set that is missing, damaged or does not fit."""


class BackendError(MnistBenchError):
    """A backend or plug-in that is unknown, unavailable or does not load."""


class NetworkError(MnistBenchError):
    """A network, batch or recipe that cannot be built or does not fit the data."""


class ExactRangeError(MnistBenchError):
    """Sums that would round in exact precision; the message names tensor, step and arithmetic."""


class DivergedError(MnistBenchError):
    """Training reached NaN or infinity; the message holds the step at which it did."""


class OutputError(MnistBenchError):
    """A folder or file that cannot be written."""


_REMEDIES = {
    "MemoryError": "the host's memory is full: try a smaller --batch",
    "OutOfMemoryError": "the GPU's memory is full: try a smaller --batch",
}


def described(error: Exception) -> str:
    """Any exception in a line: its type, its message, and the line of somebody's code it met."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if type(error).__name__ in _REMEDIES:
        text = f"{text}; {_REMEDIES[type(error).__name__]}"
    place = _place(error)
    return f"{text} ({place})" if place else text


def _place(error: Exception) -> str | None:
    """Line in the first file outside the suite's own machinery that the error passed through."""
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith(_MACHINERY)
    ]
    if isinstance(error, SyntaxError) or not frames:  # its message names the line already
        return None
    file = frames[0][0]
    return f"{Path(file).name}, line {[line for name, line in frames if name == file][-1]}"
