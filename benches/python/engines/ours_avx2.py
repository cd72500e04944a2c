"""This package at the level `avx2`."""

from __future__ import annotations

import os

os.environ["BNNSLSTM_LEVEL"] = "avx2"

from engines.forced import DISTRIBUTION, ways

__all__ = ["DISTRIBUTION", "ways"]
