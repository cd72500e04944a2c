"""This package at the level `fallback`."""

from __future__ import annotations

import os

os.environ["BNNSLSTM_LEVEL"] = "fallback"

from engines.forced import DISTRIBUTION, ways

__all__ = ["DISTRIBUTION", "ways"]
