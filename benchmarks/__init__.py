"""Measurements against the peers. They run as the program's own processes do, all contestants
alike."""

from analysis.processor import settle

settle()
