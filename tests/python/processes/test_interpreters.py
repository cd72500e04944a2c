"""Interpreters that start and end, and more than one of them in a process."""

from __future__ import annotations

import subprocess
import sys

import pytest
from starts import start

# Runs code in a new interpreter of this process, by whichever module this version of Python has for it.
IN_ANOTHER = """
def in_another(code):
    try:
        from concurrent import interpreters
    except ImportError:
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
    made = interpreters.create()
    run = made.exec if hasattr(made, "exec") else lambda code: interpreters.run_string(made, code)
    found = run(code)
    if found is not None:
        print(found)
"""
COMPUTES = """
import warnings
warnings.simplefilter("ignore")  # NumPy's own, of interpreters such as this one
try:
    import bnns_lstm as bl  # before NumPy, which refuses as well
    import numpy as np
except ImportError as error:
    print("refused:", error, flush=True)
else:
    y, _ = bl.LSTM(3, 4, seed=0)(np.ones((2, 1, 3), np.float32))
    print("computed", y.shape, flush=True)
"""


def has_subinterpreters() -> bool:
    known = ("_interpreters", "_xxsubinterpreters")
    code = f"import importlib.util as u, sys; sys.exit(not any(map(u.find_spec, {known})))"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def run(code: str) -> list[str]:
    """The lines that a process prints which ends well."""
    command = [sys.executable, "-c", IN_ANOTHER + code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done
    return done.stdout.splitlines()


@pytest.mark.parametrize("number", range(20))
def test_an_interpreter_starts_computes_and_ends(number: int) -> None:
    assert start(number) == ""


@pytest.mark.skipif(not has_subinterpreters(), reason="this Python has one interpreter")
def test_a_second_interpreter_is_refused_and_the_first_one_goes_on() -> None:
    computes = f"exec({COMPUTES!r})"
    lines = run(f"{computes}\nin_another({COMPUTES!r})\n{computes}")
    assert len(lines) == 3, lines
    assert lines[0] == lines[2] == "computed (2, 1, 4)"
    assert lines[1].startswith("refused:"), lines
    assert "interpreter" in lines[1]
