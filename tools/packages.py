"""Builds and judges what is published for Python: the source distribution and a wheel that pip makes of it.

    python tools/packages.py build [--out FOLDER] [--target FOLDER]   both, into `dist` unless told otherwise
    python tools/packages.py check [--out FOLDER]                     tags, symbols, metadata, contents
    python tools/packages.py unpacked [--out FOLDER] [--all]          tests of the source distribution, there
    python tools/packages.py twice                                    two builds: the same bytes?

In: the checkout, and the tools of the dependency group `package`. Out: files, and code 1 where something is
wrong with them. Must not know what the package computes.

The wheel is made by `pip wheel` from the source distribution alone, which pip unpacks in a folder of its own: a
file that is missing there is missing here. On Linux, zig links it for glibc 2.17 (manylinux2014).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Seconds since 1970 that archives bear if nobody says otherwise: the first moment that a zip archive can name.
EPOCH = "315532800"
# What a source distribution must have beside the sources, so that whoever packages it can test it.
PARTS = {
    "Cargo.lock",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "docs/errors.md",
    "examples/stream.py",
    "rust/Cargo.lock",
    "rust/testkit/src/forward.rs",
    "tasks.py",
    "tests/golden/batch_1.npz",
    "tests/python/conftest.py",
    "tests/rust/main.rs",
}
# What stays in the repository: the benchmark beside other crates, with a lock file of some hundred packages.
KEPT = "benches/crates/"
# What runs from the unpacked source distribution each time: a part that reads cases, documents and examples.
TESTED = ["tests/python/docs", "tests/python/structure/test_golden.py", "tests/python/architecture"]


def run(*words: str | Path, folder: Path = ROOT, **variables: str) -> None:
    """Show a command and run it in a folder; end with its code if it fails."""
    shown = [str(word) for word in words]
    said = [f"{key}={value}" for key, value in variables.items() if key != "PATH"]
    print("\n$", *said, *shown, flush=True)
    environment = {**os.environ, **variables}
    code = subprocess.run(shown, cwd=folder, env=environment, check=False).returncode
    if code != 0:
        sys.exit(code)


def old_linux() -> bool:
    """Whether wheels of this machine are linked for manylinux2014."""
    return sys.platform == "linux" and platform.libc_ver()[0] == "glibc"


def build(out: Path, target: Path) -> Path:
    """The source distribution, and the wheel that pip makes of it; artifacts of Rust go to `target`."""
    for old in [*out.glob("*.whl"), *out.glob("*.tar.gz")]:
        old.unlink()
    epoch = os.environ.get("SOURCE_DATE_EPOCH", EPOCH)
    run(sys.executable, "-m", "maturin", "sdist", "--out", out, SOURCE_DATE_EPOCH=epoch)
    [source] = out.glob("*.tar.gz")
    options = (
        ["--zig", "--compatibility", "manylinux2014"]
        if old_linux()
        else ["--compatibility", "pypi"]
    )
    run(
        *(
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "wheel",
            "--quiet",
            "--no-deps",
        ),
        *("--no-build-isolation", "--no-cache-dir", "--wheel-dir", out, source),
        CARGO_TARGET_DIR=str(target),
        MATURIN_PEP517_ARGS=" ".join(options),
        # Where maturin finds zig.
        PATH=path_with(Path(sys.executable).parent),
        RUSTFLAGS=renamed(target),
        SOURCE_DATE_EPOCH=epoch,
    )
    [wheel] = out.glob("*.whl")
    for path in (source, wheel):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, sha256 {digest}")
    return wheel


def renamed(target: Path) -> str:
    """Flags that keep this machine's folders out of the messages of panics."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    folders = {home / "registry" / "src": "registry", target: "target"}
    words = [f"--remap-path-prefix={path}={name}" for path, name in folders.items()]
    return " ".join([*os.environ.get("RUSTFLAGS", "").split(), *words])


def check(out: Path) -> None:
    """End with a message unless both files are what an index and its users expect."""
    [source], [wheel] = out.glob("*.tar.gz"), out.glob("*.whl")
    run(sys.executable, "-m", "twine", "check", "--strict", source, wheel)
    if sys.platform == "linux":
        run(sys.executable, "-m", "auditwheel", "show", wheel)
    if "-abi3-" in wheel.name:
        run(sys.executable, "-m", "abi3audit", "--strict", "--verbose", wheel)
    faults = [*faults_of_source(names_of(source), PARTS | tracked()), *faults_of_wheel(wheel)]
    if faults:
        sys.exit("\n".join(faults))
    print(f"{source.name} and {wheel.name}: nothing is wrong")


def path_with(folder: Path) -> str:
    """The path of programs with this folder before others."""
    return os.pathsep.join([str(folder), os.environ.get("PATH", "")])


def names_of(source: Path) -> set[str]:
    """The files of a source distribution, below its one folder."""
    with tarfile.open(source) as archive:
        return {name.split("/", 1)[1] for name in archive.getnames()}


def tracked() -> set[str]:
    """The files that git keeps, but for those that stay there; none where this is no checkout."""
    if not (ROOT / ".git").exists():
        return set()
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = {name for name in done.stdout.decode().split("\0") if name and (ROOT / name).exists()}
    return {name for name in names if not name.startswith(KEPT)}


def faults_of_source(names: set[str], needed: set[str]) -> Iterable[str]:
    """What a source distribution lacks, or has too much."""
    yield from (f"the source distribution lacks {name}" for name in sorted(needed - names))
    wrong = (".pyc", ".so", ".pyd", ".rlib")
    yield from (
        f"the source distribution has {name}"
        for name in sorted(names)
        if name.endswith(wrong) or name.startswith(KEPT)
    )


def faults_of_wheel(wheel: Path) -> Iterable[str]:
    """Tags that are not those of the oldest supported systems, and traces of the machine that built it."""
    if old_linux() and f"manylinux2014_{platform.machine()}" not in wheel.name:
        yield f"{wheel.name} is not for manylinux2014"
    home = str(Path.home()).encode()
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            if "/sboms/" in info.filename:
                yield f"{info.filename} holds the time of a build"
            if home in archive.read(info):
                yield f"{info.filename} names {home.decode()}, a folder of the machine that built it"


def unpacked(out: Path, tests: list[str]) -> None:
    """Test the installed package with what the source distribution brings for that."""
    [source] = out.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        shutil.unpack_archive(source, folder)
        [tree] = Path(folder).iterdir()
        run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests, folder=tree)


def twice() -> None:
    """Build twice, pip in two folders and Rust in two target directories, and compare the bytes."""
    folder = ROOT / "target" / "twice"
    shutil.rmtree(folder, ignore_errors=True)
    wheels = [build(folder / name / "dist", folder / name / "rust") for name in ("first", "second")]
    sources = [next(wheel.parent.glob("*.tar.gz")) for wheel in wheels]
    for one, other in (wheels, sources):
        if one.read_bytes() != other.read_bytes():
            sys.exit(f"{one} and {other} differ")
        print(f"{one.name}: the same bytes twice")


def main() -> None:
    """Do what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("command", choices=["build", "check", "unpacked", "twice"])
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--target", type=Path, default=ROOT / "target")
    parser.add_argument("--all", action="store_true", help="unpacked: every test, not a part")
    asked = parser.parse_args()
    out = asked.out.resolve()
    if asked.command == "build":
        build(out, asked.target.resolve())
    elif asked.command == "check":
        check(out)
    elif asked.command == "unpacked":
        unpacked(out, ["tests/python"] if asked.all else TESTED)
    else:
        twice()


if __name__ == "__main__":
    main()
