"""The browser tests' fixtures, for every file of this folder.

A test in the browser that fails is tried once more, and the report says so: on two shared cores a
page can be starved for longer than any patience. One that fails twice fails. What the report calls
a rerun is a race to be found, not a pass to be glad of.
"""

import pytest

from tests.dashboard.atlas_page import atlas, bare, pocket
from tests.dashboard.browser import chromium, phone, reference, screen, server

__all__ = ["atlas", "bare", "chromium", "phone", "pocket", "reference", "screen", "server"]


@pytest.hookimpl(tryfirst=True)  # before "-m browser" chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A second try for those that drive a browser, also where the file forgot to say that it does:
    the patch bench had none."""
    for item in items:
        drives = "chromium" in getattr(item, "fixturenames", ())
        if drives or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.flaky(reruns=1))
