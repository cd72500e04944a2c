"""The programs of `benches/crates`: one for each engine.

In: names of engines, and the folder of the rows' files (`crate_files.py`). Out: programs built by cargo, and a
`Client` for each.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from client import Client, version_of
from machine import ROOT

WORKSPACE = ROOT / "benches" / "crates"
TARGET = ROOT / "target" / "crates"

# Name in the report and of the program's folder, and the package that it stands for.
ENGINES: dict[str, str] = {
    "ours": "bnns-lstm",
    "rten": "rten",
    "tract": "tract-onnx",
    "candle": "candle-nn",
    "burn": "burn",
    "rust-lstm": "rust-lstm",
}

# Ours and rten choose their instructions when they run; for the others this is what a user can do.
FLAGS = "-C target-cpu=native"


class CrateClient(Client):
    """The near end of the pipe of one of these programs."""

    suffix = ".safetensors"


def build(engines: Iterable[str]) -> None:
    """Build one program after another, each alone, so that features of one engine do not reach another."""
    for engine in engines:
        words = ["cargo", "build", "--release", "--locked", "--package", f"crates-{engine}"]
        words += ["--manifest-path", str(WORKSPACE / "Cargo.toml"), "--target-dir", str(TARGET)]
        variables = {**os.environ, "RUSTFLAGS": FLAGS}
        if subprocess.run(words, cwd=ROOT, env=variables, check=False).returncode != 0:
            sys.exit(
                f"the program of {engine} was not built; --engines takes those that are to be there"
            )


def program(engine: str) -> list[str]:
    """The command of a program that was built."""
    suffix = ".exe" if os.name == "nt" else ""
    return [str(TARGET / "release" / f"crates-{engine}{suffix}")]


def locked(engine: str) -> str:
    """The version of an engine's package in the workspace's lock file."""
    text = (WORKSPACE / "Cargo.lock").read_text(encoding="utf-8")
    found = re.search(rf'^name = "{ENGINES[engine]}"\nversion = "(.*)"$', text, re.MULTILINE)
    if found is None:
        raise ValueError(f"{ENGINES[engine]} is not in the lock file")
    return found[1]


def start(
    engines: Iterable[str], folder: Path, commands: Mapping[str, Sequence[str]]
) -> tuple[list[Client], dict[str, str]]:
    """Start the commands on one core, and say which version each engine has."""
    clients: list[Client] = []
    versions = {}
    for engine in engines:
        client = CrateClient(engine, 1, [*commands[engine], str(folder)])
        if "error" in client.hello:
            versions[engine] = version_of(client.hello)
            client.close()
        else:
            versions[engine] = locked(engine)
            clients.append(client)
    return clients, versions
