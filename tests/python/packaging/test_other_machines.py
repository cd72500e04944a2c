"""The tasks for Arm and WebAssembly: what they run, and what they say where something is missing.

What they would run is replaced: the programs on the path are scripts of the test.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EXPECTED = ROOT / "rust/core/examples/wasi/expected.txt"
TARGET = "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU"

on_linux = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="qemu and Debian's packages are for Linux, and Arm needs neither",
)
with_scripts = pytest.mark.skipif(
    os.name == "nt", reason="the programs of the test are shell scripts"
)


class Machine:
    """A machine that has these programs and no other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"

    def has(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(self, tool: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, ROOT / "tools" / tool, *words],
            # The folder of the machine that the test runs on may hold packages already.
            env={"PATH": str(self.folder), "CARGO_TARGET_DIR": str(self.folder / "target")},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@on_linux
def test_arm_takes_what_is_there(machine: Machine) -> None:
    machine.has("rustc", f"echo {machine.folder}")
    machine.has("aarch64-linux-gnu-gcc", "exit 1")
    machine.has("qemu-aarch64", "exit 1")
    variables = ("LINKER", "RUNNER", "RUSTFLAGS")
    shown = " ".join(f"${TARGET}_{name}" for name in variables)
    machine.has("cargo", f'echo "$@ - {shown} $RUSTC-" >> {machine.log}')
    done = machine.run("arm.py", "--test", "layer")
    assert done.returncode == 0, done.stderr
    folder = machine.folder / "target/arm"
    words = f"test --locked --package bnns-lstm --target aarch64-unknown-linux-gnu --target-dir {folder}"
    tools = "aarch64-linux-gnu-gcc qemu-aarch64 -U LD_LIBRARY_PATH -L /usr/aarch64-linux-gnu  -"
    assert machine.log.read_text().splitlines() == [
        f"{words} --no-run --test layer - {tools}",
        f"{words} --test layer - {tools}",
    ]


@on_linux
def test_arm_says_what_it_lacks_where_apt_is_not_there(machine: Machine) -> None:
    machine.has("rustc", "echo /nowhere")
    machine.has("cargo", "exit 0")
    done = machine.run("arm.py")
    assert done.returncode == 1
    for name in ("apt-get", "rustup target add aarch64-unknown-linux-gnu", "qemu-aarch64"):
        assert name in done.stderr, done.stderr


@on_linux
def test_arm_fails_as_its_tests_do(machine: Machine) -> None:
    machine.has("rustc", f"echo {machine.folder}")
    machine.has("aarch64-linux-gnu-gcc", "exit 1")
    machine.has("qemu-aarch64", "exit 1")
    machine.has("cargo", "exit 101")
    assert machine.run("arm.py").returncode == 101


@with_scripts
@pytest.mark.parametrize("tool", ["arm.py", "wasm.py"])
def test_a_machine_without_rust_is_told_so(tool: str, machine: Machine) -> None:
    machine.has("node", "exit 0")
    done = machine.run(tool)
    assert done.returncode == 1
    arm = platform.machine() in {"aarch64", "arm64"} or platform.system() != "Linux"
    assert ("cargo" in done.stderr) or (tool == "arm.py" and arm), done.stderr


def wasm(machine: Machine, values: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """What the task says of a program that prints these values and ends with this code."""
    printed = machine.folder / "values"
    printed.write_text(values)
    machine.has("rustc", f"echo {machine.folder}")
    machine.has("cargo", "exit 0")
    machine.has("node", f'while read -r line; do echo "$line"; done < {printed}; exit {code}')
    return machine.run("wasm.py")


@with_scripts
def test_wasm_compares_what_the_program_prints(machine: Machine) -> None:
    right = EXPECTED.read_text()
    done = wasm(machine, right)
    assert done.returncode == 0, done.stderr
    assert "32 values, all within 1e-06" in done.stdout


@with_scripts
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lines: [*lines[:-1], str(float(lines[-1]) + 2e-6)], "not within 1e-06"),
        (lambda lines: [*lines[:-1], "nan"], "lines [32]"),
        (lambda lines: ["nan", *lines[1:]], "not within 1e-06"),
        (lambda lines: lines[:-1], "31 values, expected 32"),
        (lambda _: [], "0 values, expected 32"),
    ],
)
def test_wasm_refuses_other_values(machine: Machine, change, reason: str) -> None:
    lines = change(EXPECTED.read_text().splitlines())
    done = wasm(machine, "".join(f"{line}\n" for line in lines))
    assert done.returncode == 1
    assert reason in done.stderr


@with_scripts
def test_wasm_fails_with_its_program(machine: Machine) -> None:
    done = wasm(machine, EXPECTED.read_text(), code=3)
    assert done.returncode == 1
    assert "ended with 3" in done.stderr
