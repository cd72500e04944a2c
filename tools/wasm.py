"""The example for WebAssembly, built for WASI, run by Node, its values compared.

    python tools/wasm.py

Two things are needed: Rust's standard library for wasm32-wasip1 (`rustup target add wasm32-wasip1`), and
`node` 20 or newer. Where the library is not there, its sources, their compiler `rustc-web` and a C library for
WASI are fetched as packages of Debian, for x86-64, and unpacked into `target/wasm`, and cargo builds it from
them (`-Zbuild-std`). Nothing on the system changes. Debian's C library is older than what Rust expects and has
no functions for threads: a program that tries to start one ends there with an error, so that the run also
proves that none is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

# The modules that the tools share.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from crossing import BUILT, ROOT, has_standard_library, run
from debian import Packages

EXAMPLE = ROOT / "rust/core/examples/wasi"
TARGET = "wasm32-wasip1"
# Values of the plain level are nearer to those in double precision than this.
TOLERANCE = 1e-6


def linker() -> Path:
    """The linker for WebAssembly that comes with Rust's own toolchains."""
    words = ["rustc", "--print", "target-libdir"]
    libraries = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = Path(libraries.strip()).parent / "bin/rust-lld"
    if not found.exists():
        sys.exit(f"{found} not found: `rustup target add {TARGET}` brings all that is needed")
    return found


def standard_library() -> tuple[list[str | Path], dict[str, str]]:
    """Words and variables with which cargo builds the standard library too."""
    lld = linker()
    packages = Packages(BUILT / "wasm/debian", f"needed is `rustup target add {TARGET}`")
    names = ["rustc-web", "libstd-rust-web-dev"]
    root = packages.unpack(names, ["rust-web-src", "wasi-libc"])
    c_library = root / "usr/lib/wasm32-wasi"
    flags = [
        "-Clink-self-contained=no",
        f"-Lnative={c_library}",
        f"-Clink-arg={c_library / 'crt1-command.o'}",
        "-Clink-arg=--unresolved-symbols=ignore-all",
    ]
    prefix = f"CARGO_TARGET_{TARGET.upper().replace('-', '_')}"
    variables = {
        "RUSTC": str(packages.program("rustc")),
        # The switch below is for nightly compilers, or with this for others.
        "RUSTC_BOOTSTRAP": "1",
        f"{prefix}_LINKER": str(lld),
        f"{prefix}_RUSTFLAGS": " ".join(flags),
    }
    return ["-Zbuild-std=std,panic_abort", "-Zbuild-std-features="], variables


def main() -> None:
    """Build the example, run it and compare."""
    if shutil.which("node") is None:
        sys.exit("node not found: Node 20 or newer runs the program")
    extra, variables = ([], {}) if has_standard_library(TARGET) else standard_library()
    folder = BUILT / "wasm"
    command: list[str | Path] = ["cargo", "build", "--locked", "--package", "bnns-lstm"]
    command += ["--example", "wasi", "--target", TARGET, "--target-dir", folder]
    run([*command, *extra], variables)

    program = folder / TARGET / "debug/examples/wasi.wasm"
    words = ["node", "--no-warnings", str(EXAMPLE / "run.mjs"), str(program)]
    print(f"\n$ {' '.join(words)}", flush=True)
    done = subprocess.run(words, env=os.environ, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"the program ended with {done.returncode}")
    found = [float(line) for line in done.stdout.splitlines()]
    expected = [float(line) for line in (EXAMPLE / "expected.txt").read_text().splitlines()]
    if not expected or len(found) != len(expected):
        sys.exit(f"{len(found)} values, expected {len(expected)}")
    # NaN is near to nothing.
    far = [
        line
        for line, (a, b) in enumerate(zip(found, expected, strict=True), 1)
        if not abs(a - b) <= TOLERANCE
    ]
    if far:
        sys.exit(f"not within {TOLERANCE:.0e} of {EXAMPLE / 'expected.txt'}: lines {far}")
    print(f"{len(found)} values, all within {TOLERANCE:.0e} of those in double precision")


if __name__ == "__main__":
    main()
