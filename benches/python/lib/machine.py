"""What a report says about where it was made.

In: the system, the checkout, and either the output of `benches/rust/machine.rs` in a file or a Rust
toolchain to run it. Out: plain data for the report.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def describe() -> dict[str, Any]:
    """Processor, cores, system, interpreter."""
    return {
        "cpu": cpu_name(),
        "cores": f"{len(cores())} cores",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def cpu_name() -> str:
    """The processor's name, where the system tells."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def cores() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def commit() -> str:
    """The checkout's commit, with a plus sign if files differ from it."""
    try:
        head = git("rev-parse", "HEAD")
        return head + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def git(*arguments: str) -> str:
    """What git prints."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def benches(command: str, program: str, target: Path = ROOT / "target") -> list[str]:
    """A cargo command for a program of `rust/bench`, which is a workspace of its own.

    What it has in common with the package is built once, in the target directory of the project.
    """
    manifest = ROOT / "rust" / "bench" / "Cargo.toml"
    words = ["cargo", command, "--release", "--locked", "--quiet", "--bin", program]
    return [*words, "--manifest-path", str(manifest), "--target-dir", str(target)]


def rates(file: Path | None, threads: Sequence[int]) -> dict[str, Any]:
    """Peak and bandwidths: from a file, or measured now."""
    if file is not None:
        text = file.read_text()
    else:
        words = [*benches("run", "machine"), "--", *map(str, threads)]
        text = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(text)
    return found
