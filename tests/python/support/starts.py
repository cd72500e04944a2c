"""Start and end interpreters that compute: `python starts.py [COUNT]`, 1000 without one.

Every second one ends while a thread that nobody waits for is in the middle of a call.
"""

from __future__ import annotations

import subprocess
import sys

__all__ = ["PROGRAM", "start"]

PROGRAM = """
import sys, threading
import numpy as np, bnns_lstm as bl
lstm = bl.LSTM(16, 128, seed=0)
x = np.ones((100, 16, 16), np.float32)
wanted, _, tape = lstm.forward(x, training=True)
lstm.backward(tape, wanted)
begun = threading.Event()

def compute():
    while True:
        lstm(x)
        begun.set()

if sys.argv[1] == "computing":
    threading.Thread(target=compute, daemon=True).start()
    begun.wait()
y, _ = lstm(x)
print(np.array_equal(y, wanted))
"""


def start(number: int) -> str:
    """Start one and wait for its end; says what is wrong, or nothing."""
    how = "computing" if number % 2 else "idle"
    command = [sys.executable, "-c", PROGRAM, how]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    is_right = (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
    return "" if is_right else f"number {number} ({how}): {done}"


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    wrong = list(filter(None, map(start, range(count))))
    print(*wrong, f"{count - len(wrong)} of {count} interpreters ended well", sep="\n")
    sys.exit(bool(wrong))
