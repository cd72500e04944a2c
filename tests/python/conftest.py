"""Settings for all tests: which level computes, how long hypothesis searches, and a model in a file."""

from __future__ import annotations

import os
from pathlib import Path

import bnns_lstm as bl
import pytest
from bnns_lstm.demo import storage
from bnns_lstm.demo.model import Model
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


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    """The embedded model in a file, alone in its folder."""
    path = tmp_path / "model.safetensors"
    storage.save(path, Model.embedded())
    return path
