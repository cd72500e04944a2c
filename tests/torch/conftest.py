"""Settings of the tests beside PyTorch: few threads, and the same random numbers in every test."""

from __future__ import annotations

import bnns_lstm as bl
import pytest
import torch


def pytest_report_header() -> str:
    """The versions and the level of this run."""
    info = bl.info()
    return f"bnns_lstm {info['version']}: level {info['level']}; PyTorch {torch.__version__}"


@pytest.fixture(autouse=True)
def _settled() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
