"""Installs the wheel in `dist` on every CPython of this machine and runs a part of the tests there.

    python tools/wheels.py [--python VERSION ...] [ARGUMENTS OF pytest]

In: a wheel for the stable ABI, and interpreters: the one that runs this, those of pyenv, `python3.N` on the
path. Out: a line for each, and code 1 where tests failed or no interpreter was found. Must not know how wheels
are built (`packages.py`).

The oldest CPython gets the oldest NumPy that the wheel's metadata allow, the others the newest that they can
have. Environments are made anew in `target/wheels`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST = (3, 10)
# Reading of structures, both passes, errors, threads, the module and streams: what an interpreter or a
# NumPy could change.
PART = [
    "tests/python/structure/test_golden.py",
    "tests/python/structure/test_golden_gradients.py",
    "tests/python/structure/test_forward.py",
    "tests/python/structure/test_prepared.py",
    "tests/python/structure/test_threads.py",
    "tests/python/structure/test_training_cache.py",
    "tests/python/structure/test_wrong_structures.py",
    "tests/python/module/test_lstm.py",
    "tests/python/module/test_stream.py",
]
ASK = """
import json, sys, sysconfig
free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
print(json.dumps([sys.implementation.name, *sys.version_info[:2], free]))
"""


def run(*words: str | Path) -> int:
    """The code of a command, run in the repository."""
    return subprocess.run([str(word) for word in words], cwd=ROOT, check=False).returncode


def candidates() -> Iterator[Path]:
    """Programs that may be an interpreter, each once."""
    yield Path(getattr(sys, "_base_executable", sys.executable))
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(root.glob("versions/*/bin/python3"))
    for minor in range(OLDEST[1], 30):
        found = shutil.which(f"python3.{minor}")
        # What stands before pyenv's versions starts one of these, or fails.
        if found is not None and "shims" not in Path(found).parts:
            yield Path(found)


def interpreters() -> dict[tuple[int, int], Path]:
    """For each version of CPython with a lock, from the oldest that is supported on, one interpreter."""
    found: dict[tuple[int, int], Path] = {}
    for program in candidates():
        done = subprocess.run([program, "-c", ASK], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            continue
        name, major, minor, is_free = json.loads(done.stdout)
        # Wheels for the stable ABI are not for builds without a lock.
        if name == "cpython" and (major, minor) >= OLDEST and not is_free:
            found.setdefault((major, minor), program)
    return dict(sorted(found.items()))


def oldest_numpy(wheel: Path) -> str:
    """The requirement of exactly the oldest NumPy that a wheel's metadata allow."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode()
    [version] = re.findall(r"^Requires-Dist: numpy>=([\d.]+)$", metadata, re.MULTILINE)
    return f"numpy=={version}"


def fails(program: Path, wheel: Path, numpy: str, tests: list[str]) -> bool:
    """Install into an environment of its own and run the tests; whether anything went wrong."""
    version = subprocess.run([program, "-V"], capture_output=True, text=True, check=True).stdout
    folder = ROOT / "target" / "wheels" / version.split()[1]
    shutil.rmtree(folder, ignore_errors=True)
    if run(program, "-m", "venv", folder) != 0:
        return True
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = (python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    # Wheels only: a NumPy that would have to be compiled is none that users have.
    words: list[str | Path] = [*pip, "--only-binary=:all:", "--group=smoke", numpy, wheel]
    if run(*pip, "pip>=25.1") != 0 or run(*words) != 0:
        return True
    # The program that the wheel installs.
    if run(python.parent / "bnns-lstm", "--help") != 0:
        return True
    return run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests) != 0


def main() -> None:
    """Test on all interpreters, and say on which."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--python", nargs="*", help="versions, as 3.12; otherwise all that are here"
    )
    asked, rest = parser.parse_known_args()
    wheels = list((ROOT / "dist").glob("*-abi3-*.whl"))
    if len(wheels) != 1:
        sys.exit(
            f"dist has {len(wheels)} wheels for the stable ABI, not one: tasks.py wheel builds it"
        )
    found = interpreters()
    if asked.python:
        found = {
            pair: path for pair, path in found.items() if f"{pair[0]}.{pair[1]}" in asked.python
        }
    if not found:
        sys.exit("no CPython 3.10 or newer was found")
    failed = []
    for pair, program in found.items():
        numpy = oldest_numpy(wheels[0]) if pair == OLDEST else "numpy"
        print(f"\n== CPython {pair[0]}.{pair[1]} ({program}), {numpy}", flush=True)
        if fails(program, wheels[0], numpy, [*PART, *rest]):
            failed.append(f"{pair[0]}.{pair[1]}")
    if failed:
        sys.exit(f"failed on CPython {', '.join(failed)}")
    print(f"\npassed on CPython {', '.join(f'{major}.{minor}' for major, minor in found)}")


if __name__ == "__main__":
    main()
