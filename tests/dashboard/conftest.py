"""The browser tests' fixtures, for every file of this folder."""

from tests.dashboard.browser import chromium, phone, reference, screen, server

__all__ = ["chromium", "phone", "reference", "screen", "server"]
