"""What every test may ask for: the shared photographs and models, skipped with a word where they
are absent."""

import os
from pathlib import Path

import pytest

from analysis.processor import settle

settle()  # before torch is imported


def shared_folder() -> Path:
    """The folder of test data: ``NEURONSCOPE_SHARED`` or ``../shared`` beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    return Path(os.environ.get("NEURONSCOPE_SHARED") or beside)


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = shared_folder()
    if not (folder / "photos").is_dir():
        pytest.skip("needs ../shared (or NEURONSCOPE_SHARED) with its photographs and models")
    return folder
