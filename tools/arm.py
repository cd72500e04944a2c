"""The Rust tests at the NEON level, on a machine that is not Arm: built for it, run by qemu.

    python tools/arm.py [ARGUMENTS OF cargo test]

Without arguments, all test targets of the core crate run: `--lib --tests`. They go through every level that the
processor has, which are `neon` and `fallback` there.

Three things are needed: Rust's standard library for aarch64-unknown-linux-gnu
(`rustup target add aarch64-unknown-linux-gnu`), `aarch64-linux-gnu-gcc`, which links, and `qemu-aarch64`. What
is not there is fetched as packages of Debian, for x86-64, and unpacked into `target/arm`: nothing on the system
changes, and deleting the folder undoes all of it. Rust comes with a compiler of its own then, `rustc-web`, as a
standard library belongs to one compiler.
"""

from __future__ import annotations

import platform
import shutil
import sys
import time
from pathlib import Path

# The modules that the tools share.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from crossing import BUILT, has_standard_library, run
from debian import Packages

TARGET = "aarch64-unknown-linux-gnu"
LINKER = "aarch64-linux-gnu-gcc"
QEMU = "qemu-aarch64"
# Where Debian's cross compiler has Arm's C library.
LIBRARIES = "usr/aarch64-linux-gnu"


def tools() -> dict[str, str]:
    """The variables that tell cargo how to build for Arm and how to run what it built."""
    prefix = f"CARGO_TARGET_{TARGET.upper().replace('-', '_')}"
    names, foreign = [], []
    if not has_standard_library(TARGET):
        names += ["rustc-web", "libstd-rust-web-dev"]
        foreign += ["libstd-rust-web-dev:arm64"]
    if shutil.which(LINKER) is None:
        names += ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"]
    if shutil.which(QEMU) is None:
        names += ["qemu-user"]
    needs = f"needed are `rustup target add {TARGET}`, {LINKER} and {QEMU}"
    packages = Packages(BUILT / "arm/debian", needs)
    root = packages.unpack(names, foreign) if names else Path("/")

    variables = {f"{prefix}_LINKER": LINKER}
    # The libraries of a cross compiler that is installed are those that its programs find.
    libraries = Path("/") / LIBRARIES
    if "rustc-web" in names:
        variables["RUSTC"] = str(packages.program("rustc"))
    if shutil.which(LINKER) is None:
        libraries = root / LIBRARIES
        variables[f"{prefix}_LINKER"] = str(packages.program(LINKER))
        # The C library's linker script names its parts by absolute paths.
        variables[f"{prefix}_RUSTFLAGS"] = f"-Clink-arg=--sysroot={root}"
    qemu = QEMU if shutil.which(QEMU) else packages.program(QEMU)
    # Arm's loader has no use for the libraries that qemu itself needs.
    variables[f"{prefix}_RUNNER"] = f"{qemu} -U LD_LIBRARY_PATH -L {libraries}"
    return variables


def main() -> None:
    """Build the tests for Arm and run them."""
    if platform.machine() in {"aarch64", "arm64"}:
        sys.exit(
            "this machine is Arm: `python3 tasks.py test-rust` runs the tests at its NEON level"
        )
    if platform.system() != "Linux":
        sys.exit("qemu runs programs for Linux on Linux only: these tests need a machine with it")
    variables = tools()
    chosen = sys.argv[1:] or ["--lib", "--tests"]
    command: list[str | Path] = ["cargo", "test", "--locked", "--package", "bnns-lstm"]
    command += ["--target", TARGET, "--target-dir", BUILT / "arm"]
    start = time.monotonic()
    run([*command, "--no-run", *chosen], variables)
    built = time.monotonic()
    run([*command, *chosen], variables)
    minutes = [f"{(b - a) / 60:.1f}" for a, b in ((start, built), (built, time.monotonic()))]
    print(f"\nbuilt in {minutes[0]} minutes, run in {minutes[1]}")


if __name__ == "__main__":
    main()
