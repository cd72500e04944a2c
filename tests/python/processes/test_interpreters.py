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


# A field whose code lets other threads run, so that the interpreter begins to end in the middle of a call; and
# an object that makes the end last longer than the call.
SLOW = """
import dataclasses, sys, threading, time
import numpy as np, bnns_lstm as bl

begun = threading.Event()

class Slow(bl.LayerParametersLSTM):
    def __getattribute__(self, name):
        if name == "hidden_size":
            begun.set()
            time.sleep(0.2)
        return super().__getattribute__(name)

class Last:
    def __del__(self, sleep=time.sleep):
        sleep(0.5)

sys.last = Last()
plain = bl.LSTM(3, 4, seed=0).layer_parameters(np.ones((5, 2, 3), np.float32))
params = Slow(**{field.name: getattr(plain, field.name) for field in dataclasses.fields(plain)})
begun.clear()

def call():
    while True:
        try:
            bl.{call}
        except bl.BNNSLSTMError:  # gradients of no use
            pass

threading.Thread(target=call, daemon=True).start()
begun.wait()
print("ends")
"""
CALLS = (
    "validate(params)",
    "prepare(params)",
    "compute_lstm_training_cache_capacity(params)",
    "direct_apply_lstm_batch_training_caching(params)",
    "direct_apply_lstm_batch_backward(params, params)",
    "dropout_mask(params)",
)


@pytest.mark.parametrize("call", CALLS)
def test_the_end_waits_for_a_call_that_runs_code_of_the_caller(call: str) -> None:
    command = [sys.executable, "-c", SLOW.replace("{call}", call)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, "ends\n"), done
