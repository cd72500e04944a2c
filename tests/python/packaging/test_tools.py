"""What judges packages finds what is wrong with them, and the wheel is tried on the right interpreters."""

from __future__ import annotations

import importlib.util
import platform
import sys
import sysconfig
import zipfile
from pathlib import Path
from types import ModuleType

TOOLS = Path(__file__).parents[3] / "tools"


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tools_{name}", TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


packages = tool("packages")
wheels = tool("wheels")


def planted(folder: Path, name: str, **files: str) -> Path:
    """A wheel with these files, whose names are written with underscores."""
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file.replace("__", "/"), text)
    return path


def test_a_wheel_for_new_systems_only_is_found(tmp_path: Path) -> None:
    machine = platform.machine()
    new = planted(tmp_path, f"p-1-cp310-abi3-manylinux_2_34_{machine}.whl")
    old = planted(tmp_path, f"p-1-cp310-abi3-manylinux_2_17_{machine}.manylinux2014_{machine}.whl")
    expected = [f"{new.name} is not for manylinux2014"] if packages.old_linux() else []
    assert list(packages.faults_of_wheel(new)) == expected
    assert list(packages.faults_of_wheel(old)) == []


def test_traces_of_a_build_in_a_wheel_are_found(tmp_path: Path) -> None:
    name = f"p-1-cp310-abi3-manylinux2014_{platform.machine()}.whl"
    files = {"d__sboms__p.json": "{}", "p__native": f"at {Path.home()}/.cargo/registry/lib.rs:1"}
    assert list(packages.faults_of_wheel(planted(tmp_path, name, **files))) == [
        "d/sboms/p.json holds the time of a build",
        f"p/native names {Path.home()}, a folder of the machine that built it",
    ]


def test_a_source_distribution_without_its_tests_or_with_artifacts_is_found() -> None:
    kept, artifact = "benches/crates/Cargo.lock", "python/p/_native.abi3.so"
    names = (packages.PARTS - {"tests/golden/batch_1.npz"}) | {kept, artifact}
    assert list(packages.faults_of_source(names, packages.PARTS)) == [
        "the source distribution lacks tests/golden/batch_1.npz",
        f"the source distribution has {kept}",
        f"the source distribution has {artifact}",
    ]
    assert list(packages.faults_of_source(packages.PARTS, packages.PARTS)) == []


def test_folders_of_the_machine_are_renamed_in_messages_of_panics(tmp_path: Path) -> None:
    flags = packages.renamed(tmp_path).split()
    assert f"--remap-path-prefix={tmp_path}=target" in flags
    assert any(flag.endswith("=registry") for flag in flags)


def test_the_oldest_numpy_is_the_one_that_the_metadata_allow(tmp_path: Path) -> None:
    text = "Name: p\nRequires-Dist: h5py>=3.8 ; extra == 'keras'\nRequires-Dist: numpy>=1.23\n"
    wheel = tmp_path / "p.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("p-1.dist-info/METADATA", text)
    assert wheels.oldest_numpy(wheel) == "numpy==1.23"


def test_the_interpreter_that_runs_is_found_and_each_version_is_there_once() -> None:
    found = wheels.interpreters()
    assert list(found) == sorted(found)
    assert min(found) >= wheels.OLDEST
    # Wheels for the stable ABI are not for interpreters without a lock.
    is_free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    assert is_free or sys.version_info[:2] in found


def test_the_part_that_every_interpreter_runs_exists() -> None:
    root = TOOLS.parent
    assert all((root / path).exists() for path in [*wheels.PART, *packages.TESTED])
