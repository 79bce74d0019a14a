"""The embedded network, once for all tests of dreams."""

import pytest

from analysis.models import Classifier, load


@pytest.fixture(scope="package")
def squeezenet() -> Classifier:
    return load("squeezenet1_1", device="cpu")
