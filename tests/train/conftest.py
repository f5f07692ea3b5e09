"""Data and a training that most tests of a file share."""

import pytest
from command_line import write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory, small_digits):
    return write_data(tmp_path_factory.mktemp("data"), small_digits)
