"""What it costs to have this package: import, first call, memory, disk; other engines next to it.

    python benches/python/commands/footprint.py [--rounds N] [--wheel FILE]

One LSTM of 128 inputs and 128 units, 10 steps of one sample. Each measurement is a process of its own; the
engines take turns, and the table, in Markdown, has medians, beyond what NumPy takes, which is imported first.
This package and ONNX Runtime read the weights from a file, PyTorch draws them. Engines that are not installed
are left out; ONNX Runtime needs the package `onnx` as well, for its model. Memory is what the system counts as
resident (Linux only).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from bnns_lstm import LSTM

# Around an engine's own lines: what was imported, made and called, and the figures after each.
PROGRAM = """
import json, sys, time
import numpy as np

def resident():
    try:
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))
    except OSError:
        return float("nan")

x = np.zeros((10, 1, 128), np.float32)
before, start = resident(), time.perf_counter()
{load}
imported, loaded = time.perf_counter() - start, resident() - before
start = time.perf_counter()
{call}
called, used = time.perf_counter() - start, resident() - before
assert np.asarray(y).shape == (10, 1, 128)
print(json.dumps([imported * 1e3, called * 1e3, loaded, used]))
"""
ENGINES = {
    "bnns_lstm": (
        "import bnns_lstm",
        "y, state = bnns_lstm.LSTM.load('lstm.safetensors')(x)",
    ),
    "onnxruntime": (
        "import onnxruntime",
        """session = onnxruntime.InferenceSession("lstm.onnx", providers=["CPUExecutionProvider"])
zeros = np.zeros((1, 1, 128), np.float32)
y = session.run(None, dict(x=x, h0=zeros, c0=zeros))[0]""",
    ),
    "torch": (
        "import torch",
        "with torch.inference_mode(): y, state = torch.nn.LSTM(128, 128)(torch.from_numpy(x))",
    ),
}
COLUMNS = ("import ms", "load and first call ms", "MB after import", "MB after the call")


def installed(name: str) -> float | None:
    """MB of an installed package, without compiled Python; None if it is not there."""
    found = find_spec(name)
    folders = None if found is None else found.submodule_search_locations
    if not folders:
        return None
    files = (path for path in Path(folders[0]).rglob("*") if "__pycache__" not in path.parts)
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def sample(name: str, folder: Path) -> list[float]:
    """One fresh process: the four figures of `COLUMNS`."""
    load, call = ENGINES[name]
    command = [sys.executable, "-c", PROGRAM.format(load=load, call=call)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{name}: {done.stderr.strip()}")
    found: list[float] = json.loads(done.stdout)
    return found


def table(medians: dict[str, list[float]], sizes: dict[str, float], wheel: Path | None) -> str:
    """The figures as a table in Markdown."""
    heads = ["engine", *COLUMNS, "MB installed"]
    lines = [f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * (len(heads) - 1)}"]
    for name, figures in medians.items():
        cells = [name, *(f"{figure:.1f}" for figure in figures), f"{sizes[name]:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    if wheel is not None:
        lines += ["", f"Wheel of bnns_lstm: {wheel.stat().st_size / 1e6:.2f} MB."]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--rounds", type=int, default=5, help="processes of each engine (default 5)"
    )
    parser.add_argument("--wheel", type=Path, help="this package's wheel, whose size is shown")
    chosen = parser.parse_args(arguments)
    if chosen.rounds < 1:
        parser.error("--rounds: expected a number above 0")
    if chosen.wheel is not None and not chosen.wheel.is_file():
        parser.error(f"--wheel: expected a file, found {chosen.wheel}")
    sizes = {name: size for name in ENGINES if (size := installed(name)) is not None}
    if find_spec("onnx") is None:
        sizes.pop("onnxruntime", None)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        lstm = LSTM(128, 128, seed=0)
        lstm.save(folder / "lstm.safetensors")
        if "onnxruntime" in sizes:
            lstm.to_onnx(folder / "lstm.onnx")
        # The first process of each fills the system's cache of files.
        turns = [{name: sample(name, folder) for name in sizes} for _ in range(chosen.rounds + 1)]
    columns = range(len(COLUMNS))
    medians = {
        name: [median(turn[name][i] for turn in turns[1:]) for i in columns] for name in sizes
    }
    print(table(medians, sizes, chosen.wheel))


if __name__ == "__main__":
    main()
