"""Tasks that measure: the check of a claim, the groups and their removal, and the map of pixels."""

from collections.abc import Callable
from typing import Any

import numpy as np

from analysis.attribution import Target
from dashboard.bench import Bench

DRAWS = 20
GROUPS = 6
