"""Settings for all tests: which level computes, and how long hypothesis searches."""

from __future__ import annotations

import os

import bnns_lstm as bl
from hypothesis import HealthCheck, settings

settings.register_profile(
    "project",
    deadline=None,
    max_examples=60,
    # The same examples every time in continuous integration, new ones at a developer's desk.
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("project")


def pytest_report_header() -> str:
    """The level and the threads of this run."""
    info = bl.info()
    return f"bnns_lstm {info['version']}: level {info['level']}, {info['n_threads']} threads"
