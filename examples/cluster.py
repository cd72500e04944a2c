"""Score a data set that is larger than memory: chunks on disk, an LSTM on every core, Dask's progress bar.

    python examples/cluster.py [--samples N] [--chunk N] [--workers N] [--folder FOLDER]

Data: generated sequences of 64 steps of 8 values, written as a stack of `.npy` files and read back as memory
maps. 2000 samples by default, 4 MB; 10 million are 20 GB, and take no more memory. A worker process holds one
chunk and its outputs. Prints the mean score and the highest one; needs `bnns-lstm[dask]`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import bnns_lstm as bl
import dask.array as da
import numpy as np
from distributed import Client, progress

STEPS, VALUES, UNITS = 64, 8, 32


def score(hidden: np.ndarray, head: bl.optim.Linear) -> np.ndarray:
    """Final hidden states `[1, samples, units]` to scores `[samples]`."""
    return head(hidden[-1])[:, 0]


def main(arguments: list[str] | None = None) -> np.ndarray:
    """Generate, score, print; returns the scores `[samples]`, which are what fits in memory."""
    parser = argparse.ArgumentParser(description="Score a data set that is larger than memory.")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--chunk", type=int, default=250, help="samples of a chunk")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument(
        "--folder", type=Path, help="where the data go; a temporary one if not given"
    )
    chosen = parser.parse_args(arguments)
    lstm = bl.LSTM(VALUES, UNITS, seed=0, num_threads=1)
    head = bl.optim.Linear(UNITS, 1, seed=0)
    with (
        tempfile.TemporaryDirectory() as temporary,
        Client(n_workers=chosen.workers, threads_per_worker=1, dashboard_address=":0") as client,
    ):
        folder = chosen.folder or Path(temporary) / "data"
        chunks = (STEPS, chosen.chunk, VALUES)
        normal = da.random.default_rng(0).standard_normal
        da.to_npy_stack(
            str(folder),
            normal((STEPS, chosen.samples, VALUES), chunks=chunks, dtype=np.float32),
            axis=1,
        )
        x = da.from_npy_stack(str(folder), mmap_mode="r")
        hidden = bl.dask.predict(lstm, x, output="final", client=client)
        lazy = hidden.map_blocks(score, head, drop_axis=(0, 2), dtype=np.float32)
        scores = client.compute(lazy)
        progress(scores, notebook=False)
        found: np.ndarray = scores.result()
    megabytes = x.nbytes / 1e6
    print(
        f"\n{chosen.samples} samples in {len(x.chunks[1])} chunks, {megabytes:.0f} MB: "
        f"mean score {found.mean():.4f}, highest {found.max():.4f}"
    )
    return found


if __name__ == "__main__":
    main()
