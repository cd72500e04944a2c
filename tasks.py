#!/usr/bin/env python3
"""Everything there is to do in this repository, one command each.

Needs CPython 3.10 or newer and a Rust toolchain; the rest is set up on the way, in `.venv`.
`python3 tasks.py` lists the tasks.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")

BENCHES = ("--manifest-path", "rust/bench/Cargo.toml")
MODELS = ("--manifest-path", "rust/models/Cargo.toml")
# Programs of other people's crates: formatted here, built by `bench-crates` alone.
CRATES = "benches/crates/Cargo.toml"

TASKS: dict[str, Callable[[list[str]], None]] = {}


def task(function: Callable[[list[str]], None]) -> Callable[[list[str]], None]:
    """Register a function as a task under its name, with dashes."""
    TASKS[function.__name__.replace("_", "-")] = function
    return function


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Run a command in the repository, show it first, and stop if it fails."""
    words = [str(word) for word in command]
    shown = " ".join(f"{key}={value}" for key, value in (env or {}).items())
    print(f"\n$ {shown + ' ' if shown else ''}{' '.join(words)}", flush=True)
    code = subprocess.run(
        words, cwd=ROOT, env={**os.environ, **(env or {})}, check=False
    ).returncode
    if code != 0:
        sys.exit(code)


def pip(*arguments: str) -> None:
    """Run pip in the virtual environment."""
    run(PYTHON, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments)


def environment() -> None:
    """Make the virtual environment if there is none."""
    if sys.version_info < (3, 10):
        sys.exit("bnns-lstm needs CPython 3.10 or newer")
    if shutil.which("cargo") is None:
        sys.exit("bnns-lstm needs a Rust toolchain (cargo was not found)")
    if not PYTHON.exists():
        print(f"creating {VENV}", flush=True)
        venv.create(VENV, with_pip=True)
    # The first version that reads dependency groups.
    pip("install", "pip>=25.1")


def install(*, groups: Sequence[str] = (), extras: str = "") -> None:
    """Build the package and install it with dependency groups and extras of `pyproject.toml`."""
    environment()
    pip("install", *(f"--group={group}" for group in groups), f".[{extras}]" if extras else ".")


def install_groups(*groups: str) -> None:
    """Install dependency groups of `pyproject.toml` without the package."""
    environment()
    pip("install", *(f"--group={group}" for group in groups))


def packages(*arguments: str) -> None:
    """Run the tool that builds and judges the source distribution and the wheel."""
    run(PYTHON, "tools/packages.py", *arguments)


@task
def forecast(arguments: list[str]) -> None:
    """Build, install, and forecast the sunspot numbers (arguments go to `bnns-lstm forecast`)."""
    install(extras="plot")
    run(BIN / "bnns-lstm", "forecast", *arguments)


@task
def test(arguments: list[str]) -> None:
    """Run every test and every lint: Rust, Python at all SIMD levels, examples of the docs, instructions."""
    environment()
    with ThreadPoolExecutor() as beside:
        # Both are linked on one core, at the end of builds of their own.
        installed = beside.submit(install_and_build_rows)
        lint_rust()
        test_rust(arguments)
        models([])
        installed.result()
    lint_python()
    test_levels(arguments)
    packages("unpacked")
    instructions(["--if-possible"])


def install_and_build_rows() -> None:
    """Build what is tested in release mode: the package as published, and the program of `instructions`."""
    install_groups("dev")
    install_packaged()
    run(PYTHON, "benches/python/commands/instructions.py", "--if-possible", "--build")


def install_packaged() -> None:
    """Install the wheel that pip makes of the source distribution: what is published is what is tested."""
    packages("build")
    packages("check")
    [wheel] = (ROOT / "dist").glob("*.whl")
    pip("install", "--force-reinstall", "--no-deps", str(wheel))


@task
def test_rust(_: list[str]) -> None:
    """Run the Rust tests and the examples in Rust's documentation."""
    run("cargo", "test", "--locked", "--features", "safetensors")


@task
def models(arguments: list[str]) -> None:
    """Check every order in which threads may wait for each other (arguments go to cargo test)."""
    run(
        *("cargo", "test", "--locked", *MODELS, "--target-dir", ROOT / "target/models"),
        *arguments,
    )


@task
def package(_: list[str]) -> None:
    """Package the crate as the Rust registry takes it, and run the unit tests of the package."""
    run("cargo", "package", "--locked", "--allow-dirty", "--no-verify", "-p", "bnns-lstm")
    (crate,) = (ROOT / "target/package").glob("bnns-lstm-*.crate")
    # Below the repository, the package would be taken for a member of its workspace.
    with tempfile.TemporaryDirectory() as folder:
        shutil.unpack_archive(crate, folder, "gztar")
        (tree,) = Path(folder).iterdir()
        # As the repository's profile: kernels are inlined many times, and would build much longer without.
        profile = ("opt-level=1", 'debug="line-tables-only"', 'package."*".opt-level=3')
        settings = [word for line in profile for word in ("--config", f"profile.dev.{line}")]
        run(
            *("cargo", "test", "--locked", *settings),
            *("--manifest-path", tree / "Cargo.toml"),
            *("--lib", "--examples", "--features", "safetensors"),
            env={"CARGO_TARGET_DIR": str(ROOT / "target")},
        )


@task
def openblas(_: list[str]) -> None:
    """Run the Rust tests with OpenBLAS for the gemm route (Debian: libopenblas-serial-dev)."""
    run(
        *("cargo", "test", "--locked", "-p", "bnns-lstm", "--features", "openblas"),
        *("--lib", "--tests"),
        env={"OPENBLAS_NUM_THREADS": "1"},
    )


@task
def arm(arguments: list[str]) -> None:
    """Run the Rust tests at the NEON level under qemu (arguments go to cargo test)."""
    run(sys.executable, "tools/arm.py", *arguments)


@task
def wasm(_: list[str]) -> None:
    """Run the example for WebAssembly under Node, and compare its values."""
    run(sys.executable, "tools/wasm.py")


@task
def test_python(arguments: list[str]) -> None:
    """Run the Python tests, those of the layer at each SIMD level (arguments go to pytest)."""
    install(groups=["dev"])
    test_levels(arguments)


def test_levels(arguments: Sequence[str]) -> None:
    """Run the Python tests of the installed package: all at the best level, those of the layer at each.

    And, with products by a library, those that compare with other implementations: the rest compares bits.
    """
    chosen: list[str] = []
    for level in reversed(levels()):
        run(PYTHON, "-m", "pytest", *chosen, *arguments, env={"BNNSLSTM_LEVEL": level})
        if not arguments:
            # Formats, command line and documents compute with few layers: once is enough.
            chosen = ["tests/python/structure", "tests/python/module"]
    if not arguments:
        names = ("golden", "golden_gradients", "random_gradients", "onnxruntime_oracle")
        files = [f"tests/python/structure/test_{name}.py" for name in names]
        run(PYTHON, "-m", "pytest", *files, env={"BNNSLSTM_PRODUCTS": "gemm"})


def levels() -> Sequence[str]:
    """SIMD levels of this machine, slowest first."""
    code = "import bnns_lstm; print(*bnns_lstm.info()['levels'])"
    # From another folder than the repository's, where the sources have no compiled module.
    done = subprocess.run(
        [PYTHON, "-c", code], cwd=VENV, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout.split()


@task
def lint(_: list[str]) -> None:
    """Check formatting, lints, types, and the stubs against the compiled module."""
    install(groups=["dev"])
    lint_rust()
    lint_python()


def lint_rust() -> None:
    """Check formatting, lints and documents of the crates."""
    run("cargo", "fmt", "--all", "--check")
    files = ("--features", "bnns-lstm/safetensors")
    every = ("--locked", "--workspace", "--all-targets", *files)
    run("cargo", "clippy", *every, "--", "--deny", "warnings")
    # The benchmarks and the models are in workspaces of their own.
    for crate, folder, targets in (
        (BENCHES, "target", ["--all-targets"]),
        (MODELS, "target/models", ["--lib", "--test", "models"]),
    ):
        run("cargo", "fmt", *crate, "--check")
        run(
            *("cargo", "clippy", "--locked", *crate, "--target-dir", ROOT / folder),
            *(*targets, "--", "--deny", "warnings"),
        )
    if (ROOT / CRATES).exists():
        run("cargo", "fmt", "--manifest-path", CRATES, "--all", "--check")
    quiet = ("--locked", "--no-deps", "--quiet", *files)
    run("cargo", "doc", *quiet, env={"RUSTDOCFLAGS": "--deny warnings"})


def lint_python() -> None:
    """Check formatting, lints and types of the Python files, with the installed package."""
    run(PYTHON, "-m", "ruff", "check", ".")
    run(PYTHON, "-m", "ruff", "format", "--check", ".")
    run(PYTHON, "-m", "mypy")
    run(PYTHON, "-m", "mypy.stubtest", "bnns_lstm._native")
    if (ROOT / ".github").exists():
        run(BIN / "zizmor", "--offline", "--quiet", "--persona=pedantic", ".github")


@task
def format_all(_: list[str]) -> None:
    """Format all sources."""
    install(groups=["dev"])
    run("cargo", "fmt", "--all")
    run("cargo", "fmt", *BENCHES)
    run("cargo", "fmt", *MODELS)
    run("cargo", "fmt", "--manifest-path", CRATES, "--all")
    run(PYTHON, "-m", "ruff", "check", "--fix", ".")
    run(PYTHON, "-m", "ruff", "format", ".")


@task
def sweep(_: list[str]) -> None:
    """Measure exp, sigmoid and tanh on all 2^32 floats at every SIMD level (20 to 40 minutes)."""
    run(
        *("cargo", "test", "--locked", "--release", "--lib", "-p", "bnns-lstm", "math::"),
        *("--", "--ignored", "--nocapture", "--test-threads=1"),
    )


@task
def fuzz(arguments: list[str]) -> None:
    """Fuzz the check and both passes, 90 seconds each (or as many as given)."""
    seconds = arguments[0] if arguments else "90"
    # The stack of each allocation and a large quarantine cost a quarter of the time.
    asan = "malloc_context_size=1:quarantine_size_mb=16"
    if shutil.which("cargo-fuzz") is None:
        run("cargo", "install", "--locked", "cargo-fuzz")
    for target, length in (("check", 2048), ("forward", 1024), ("backward", 2048)):
        corpus, seeds = ROOT / "rust/fuzz/corpus" / target, ROOT / "rust/fuzz/seeds" / target
        corpus.mkdir(parents=True, exist_ok=True)
        options = [f"-max_total_time={seconds}", f"-max_len={length}"]
        run(
            *("cargo", "fuzz", "run", "--fuzz-dir", "rust/fuzz", target, corpus, seeds),
            *("--", *options),
            env={"RUSTC_BOOTSTRAP": "1", "ASAN_OPTIONS": asan},
        )


@task
def mutations(arguments: list[str]) -> None:
    """Read 20000 changed files a format, about half an hour (arguments go to mutations.py)."""
    install(groups=["dev"])
    run(PYTHON, "tests/python/support/mutations.py", *arguments)


@task
def torch(arguments: list[str]) -> None:
    """Run the tests beside PyTorch, in `.venv-torch` (some hundred megabytes; arguments go to pytest)."""
    environment()
    python = ROOT / ".venv-torch" / PYTHON.relative_to(VENV)
    if not python.exists():
        venv.create(ROOT / ".venv-torch", with_pip=True)
    quiet = (python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    run(*quiet, "pip>=25.1")
    run(*quiet, "--group=torch", ".")
    run(python, "-m", "pytest", *(arguments or ["tests/torch"]))


@task
def bench(arguments: list[str]) -> None:
    """Time the layer against other engines, into BENCHMARKS.md (or as arguments say: they go to peers.py)."""
    install(groups=["dev"])
    words = arguments or ["--markdown", "BENCHMARKS.md"]
    run(PYTHON, "benches/python/commands/peers.py", *words)


@task
def footprint(arguments: list[str]) -> None:
    """Measure import, first call, memory and size next to ONNX Runtime's (arguments go to footprint.py)."""
    install(groups=["dev"])
    run(PYTHON, "benches/python/commands/footprint.py", *arguments)


@task
def bench_rust(arguments: list[str]) -> None:
    """Time forward, packing and backward in Rust (arguments go to criterion)."""
    run(
        *("cargo", "bench", "--locked", *BENCHES, "--target-dir", ROOT / "target"),
        *("--bench", "layer", "--", *arguments),
    )


@task
def bench_crates(arguments: list[str]) -> None:
    """Build other crates' LSTMs, and time them beside ours, in turns (arguments go to crates.py)."""
    install(groups=["dev"])
    run(PYTHON, "benches/python/commands/crates.py", *arguments)


@task
def bench_routes(arguments: list[str]) -> None:
    """Time both routes of matrix products in turns, at each level (arguments go to routes.py)."""
    environment()
    run(PYTHON, "benches/python/commands/routes.py", *arguments)


@task
def instructions(arguments: list[str]) -> None:
    """Count instructions of a few rows under callgrind, and compare (needs valgrind)."""
    environment()
    run(PYTHON, "benches/python/commands/instructions.py", *arguments)


@task
def bits(_: list[str]) -> None:
    """Print hashes of all outputs and gradients of 242 layers, to compare two versions by."""
    run(
        *("cargo", "test", "--locked", "-p", "bnns-lstm", "--test", "layer", "print_bits"),
        *("--", "--ignored", "--nocapture"),
    )


@task
def interpreters(arguments: list[str]) -> None:
    """Start and end 1000 interpreters that compute, about ten minutes (or as many as given)."""
    install(groups=["dev"])
    run(PYTHON, "tests/python/support/starts.py", *arguments)


@task
def wheel(_: list[str]) -> None:
    """Build the source distribution and the wheel that is made of it, into `dist`, and check both."""
    install_groups("package")
    packages("build")
    packages("check")


@task
def wheel_twice(_: list[str]) -> None:
    """Build both twice, in folders of their own, and compare the bytes (ten minutes)."""
    install_groups("package")
    packages("twice")


@task
def wheels_test(arguments: list[str]) -> None:
    """Test the wheel in `dist` on every CPython here (arguments go to wheels.py)."""
    environment()
    run(PYTHON, "tools/wheels.py", *arguments)


@task
def audit(_: list[str]) -> None:
    """Judge the dependencies by `deny.toml`, the crate's interface by its last release (builds the tools)."""
    for tool in ("cargo-deny", "cargo-semver-checks"):
        if shutil.which(tool) is None:
            run("cargo", "install", "--locked", tool)
    run("cargo", "deny", "check")
    words = ["git", "describe", "--tags", "--abbrev=0", "--match", "v*"]
    tag = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if tag.returncode == 0:
        release = tag.stdout.strip()
        run("cargo", "semver-checks", "--package", "bnns-lstm", "--baseline-rev", release)
    else:
        print("the crate's interface was not compared: there is no release yet")


def main() -> None:
    """Run the task that was asked for."""
    width = max(map(len, TASKS))
    summaries = [f"  {name:{width}}  {(do.__doc__ or '').strip()}" for name, do in TASKS.items()]
    parser = argparse.ArgumentParser(
        description="Tasks of bnns-lstm.",
        epilog="tasks:\n" + "\n".join(summaries),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", nargs="?", choices=list(TASKS), metavar="task")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="handed on by some tasks")
    chosen = parser.parse_args()
    if chosen.task is None:
        parser.print_help()
        return
    TASKS[chosen.task](chosen.arguments)


if __name__ == "__main__":
    main()
