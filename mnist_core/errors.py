"""What a person did that cannot work. The command line shows such an error as one line, exit 2."""


class MnistBenchError(Exception):
    """Base of all errors that a user can cause and mend; the message says what, where and how."""


class DataError(MnistBenchError):
    """A data set that is missing, damaged or does not fit."""


class BackendError(MnistBenchError):
    """A backend or plug-in that is unknown, unavailable or does not load."""


class NetworkError(MnistBenchError):
    """A network, batch or recipe that cannot be built or does not fit the data."""


class DivergedError(MnistBenchError):
    """Training reached NaN or infinity; the message holds the step at which it did."""


class OutputError(MnistBenchError):
    """A folder or file that cannot be written."""
