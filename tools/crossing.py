"""What builds for other machines share.

In: a target of Rust, a command. Out: whether the compiler in use can build for it; the command, run in the
repository. It must not know any machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Where cargo puts what it builds.
BUILT = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()


def has_standard_library(target: str) -> bool:
    """Whether the Rust compiler in use can build for this target."""
    for name in ("cargo", "rustc"):
        if shutil.which(name) is None:
            sys.exit(f"{name} not found: Rust 1.95 or newer builds the tests")
    words = ["rustc", "--print", "target-libdir", "--target", target]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode == 0 and Path(done.stdout.strip()).is_dir()


def run(command: list[str | Path], variables: dict[str, str]) -> None:
    """Show a command with its variables and run it in the repository; end as it ends if it fails."""
    words = [str(word) for word in command]
    shown = [f"{name}={value}" for name, value in variables.items()]
    print(f"\n$ {' '.join([*shown, *words])}", flush=True)
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, **variables}, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)
