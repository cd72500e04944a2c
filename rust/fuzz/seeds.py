"""Pick the seeds of a fuzz target from its corpus: a hundred small inputs that reach most of the code.

In: `rust/fuzz/corpus/TARGET`, as the runner left it, and the seeds that are there. Out:
`rust/fuzz/seeds/TARGET`. Run it in the root of the repository: `python3 rust/fuzz/seeds.py TARGET`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FUZZ = Path(__file__).resolve().parent

MOST_FILES = 100
MOST_BYTES = 64 * 1024
LONGEST = 2048


def features(target: str, folders: list[Path]) -> dict[Path, frozenset[int]]:
    """Run the target on all inputs, and read what each of them reaches."""
    with tempfile.TemporaryDirectory() as temporary:
        control, merged = Path(temporary, "control"), Path(temporary, "merged")
        merged.mkdir()
        command: list[str | Path] = [
            "cargo",
            "fuzz",
            "run",
            "--fuzz-dir",
            FUZZ,
            target,
            merged,
            *folders,
        ]
        options = ["-set_cover_merge=1", f"-max_len={LONGEST}", f"-merge_control_file={control}"]
        env = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
        subprocess.run([*command, "--", *options], env=env, check=True)
        lines = control.read_text().splitlines()
    # The number of files, that of those in the first folder, the files, and then a record a line.
    names = [Path(line) for line in lines[2 : 2 + int(lines[0])]]
    records = [line.split() for line in lines if line.startswith("FT ")]
    return {names[int(index)]: frozenset(map(int, found)) for _, index, *found in records}


def pick(reached: dict[Path, frozenset[int]]) -> list[Path]:
    """Take whatever reaches the most that is new for its size, as long as there is room."""
    sizes = {path: path.stat().st_size for path in reached}
    seen: set[int] = set()
    picked: list[Path] = []
    room = MOST_BYTES
    while len(picked) < MOST_FILES:
        worth = {
            path: len(found - seen) / (64 + sizes[path])
            for path, found in reached.items()
            if sizes[path] <= room and not found <= seen
        }
        if not worth:
            break
        best = max(worth, key=lambda path: (worth[path], path.name))
        picked.append(best)
        seen |= reached[best]
        room -= sizes[best]
    everything = frozenset[int]().union(*reached.values())
    print(f"{len(picked)} of {len(reached)} inputs reach {len(seen)} of {len(everything)} features")
    return picked


def main(target: str) -> None:
    """Replace the seeds of one target."""
    seeds = FUZZ / "seeds" / target
    seeds.mkdir(parents=True, exist_ok=True)
    picked = pick(features(target, [FUZZ / "corpus" / target, seeds]))
    contents = [path.read_bytes() for path in picked]
    shutil.rmtree(seeds)
    seeds.mkdir()
    for content in contents:
        (seeds / hashlib.sha256(content).hexdigest()[:12]).write_bytes(content)


if __name__ == "__main__":
    main(sys.argv[1])
