"""Debian packages in a folder of ours: what is installed on the system stays as it is.

In: names of packages, with `:arm64` behind those of another architecture. Out: a folder in which they are
unpacked, with what they depend on and the system lacks. It must not know what they are for.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path


class Packages:
    """Packages of the system's own releases of Debian, unpacked below `folder / "root"`."""

    def __init__(self, folder: Path, otherwise: str) -> None:
        """Take this folder; nothing is fetched yet. `otherwise` is what to do where apt cannot help."""
        self.folder = folder
        self.otherwise = otherwise
        self.root = folder / "root"
        self.stamp = folder / "packages.txt"

    def unpack(self, names: list[str], foreign: list[str]) -> Path:
        """Fetch and unpack `names` with their dependencies, and `foreign` without theirs.

        A folder that holds just these is left as it is. Where apt cannot do it, the program ends and says
        what to do otherwise.
        """
        asked = "\n".join([*names, *foreign])
        if self.stamp.exists() and self.stamp.read_text() == asked:
            return self.root
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            packages = " ".join([*names, *foreign])
            sys.exit(f"{self.otherwise}; no apt-get and dpkg-deb here to fetch {packages}")
        shutil.rmtree(self.folder, ignore_errors=True)
        debs = self.folder / "debs"
        for folder in (debs, self.folder / "lists/partial", self.folder / "cache"):
            folder.mkdir(parents=True)
        self.apt("update", "--quiet")
        # What the system has of these is fetched too: it must be of one version with the foreign ones.
        planned = self.apt(
            *("install", "--simulate", "--reinstall", "--no-install-recommends", *names),
            catch=True,
        )
        words = [line.split() for line in planned.splitlines()]
        wanted = [line[1] for line in words if line and line[0] == "Inst"]
        self.apt("download", "--quiet", *wanted, *foreign, cwd=debs)
        for deb in sorted(debs.glob("*.deb")):
            subprocess.run(["dpkg-deb", "--extract", deb, self.root], check=True)
        for folder in (debs, self.folder / "lists", self.folder / "cache"):
            shutil.rmtree(folder)
        self.stamp.write_text(asked)
        return self.root

    def apt(self, *words: str, cwd: Path | None = None, catch: bool = False) -> str:
        """Run apt-get with lists of our own, which know both architectures; what it printed, if caught."""
        options = {
            "APT::Architectures": "amd64,arm64",
            "APT::Sandbox::User": "root",
            "Dir::State::lists": self.folder / "lists",
            "Dir::Cache": self.folder / "cache",
        }
        command = ["apt-get"]
        for name, value in options.items():
            command += ["-o", f"{name}={value}"]
        print(f"\n$ apt-get {' '.join(words)}", flush=True)
        done = subprocess.run(
            [*command, *words],
            cwd=cwd,
            stdout=subprocess.PIPE if catch else None,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            sys.exit(f"apt-get {words[0]} failed, as it says above; {self.otherwise}")
        return done.stdout or ""

    def program(self, name: str) -> Path:
        """A script that runs an unpacked program with the unpacked libraries."""
        libraries = self.root / "usr/lib/x86_64-linux-gnu"
        script = self.folder / "bin" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(
            "#!/bin/sh\n"
            f'LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}" '
            f'exec "{self.root}/usr/bin/{name}" "$@"\n'
        )
        script.chmod(0o755)
        return script
