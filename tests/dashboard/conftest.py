"""The browser tests' fixtures, for every file of this folder."""

from tests.dashboard.atlas_page import atlas, bare, pocket
from tests.dashboard.browser import chromium, phone, reference, screen, server

__all__ = ["atlas", "bare", "chromium", "phone", "pocket", "reference", "screen", "server"]
