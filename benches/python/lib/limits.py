"""The least time in which this machine could compute a row.

In: a row, what `benches/rust/machine.rs` measured, a number of threads. Out: seconds, a lower bound.

    product(rows)  = max(2 * rows * 4H * K / peak, 4 bytes * 4H * K / bandwidth)
    forward        = sum over layers and directions of
                     product(all active rows) with K = inputs of the layer
                     + sum over steps of product(active rows of the step) with K = P
                     + sum over steps of that of the projection [P, H], where there is one
    training       = forward
                     + both sums over steps again                                     (gradients of h)
                     + 2 * FLOP / peak of the input product  (gradients of inputs and input weights)
                     + FLOP / peak of all hidden products, and of all projections (gradients of their weights)

`peak` is the rate of fused multiply-adds with that many threads. `bandwidth` is the read bandwidth of all
threads together out of sets as large as each thread's part of the weights: the best of the measured sets
that are no smaller, so that weights that fit a cache are read at the rate of that cache. Biases,
peepholes, activations, inputs, outputs, latencies and calls are free: no row can reach its limit, and below
H = 64 none comes near it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rows import Row

FLOAT_BYTES = 4


@dataclass(frozen=True)
class Limits:
    """Rates with one number of threads.

    Attributes:
        threads: How many.
        peak: Floating-point operations a second, all threads together.
        reads: Size of each thread's set in bytes and bytes a second, all threads together; ascending.
    """

    threads: int
    peak: float
    reads: Sequence[tuple[float, float]]

    @classmethod
    def from_machine(cls, machine: Mapping[str, Any], threads: int) -> Limits | None:
        """What was measured with this number of threads, if it was."""
        for measured in machine["measured"]:
            if measured["threads"] == threads:
                reads = sorted(
                    (r["set_kib"] * 1024, r["gb_per_s"] * 1e9) for r in measured["reads"]
                )
                return cls(threads, measured["fma_gflop_per_s"] * 1e9, reads)
        return None

    def bandwidth(self, weight_bytes: float) -> float:
        """Bytes a second for weights that are divided among the threads."""
        part = weight_bytes / self.threads
        return max((rate for size, rate in self.reads if size >= part), default=self.reads[-1][1])

    def product(self, rows: int, columns: int, inner: int) -> float:
        """Seconds of `[rows, inner] x [inner, columns]` with the weights read once."""
        weight_bytes = FLOAT_BYTES * columns * inner
        return max(
            self.arithmetic(rows, columns, inner), weight_bytes / self.bandwidth(weight_bytes)
        )

    def arithmetic(self, rows: int, columns: int, inner: int) -> float:
        """Seconds of the same product with memory left out."""
        return 2 * rows * columns * inner / self.peak

    def seconds(self, row: Row) -> float:
        """The limit of a row."""
        active = row.active()
        units, total = 4 * row.hidden, sum(active)
        recurrence = sum(self.product(rows, units, row.outputs) for rows in active)
        if row.projection:
            recurrence += sum(self.product(rows, row.projection, row.hidden) for rows in active)
        seconds = 0.0
        for layer in range(row.layers):
            width = row.layer_width(layer)
            one = self.product(total, units, width) + recurrence
            if row.kind == "train":
                one += recurrence
                one += self.arithmetic(total, units, 2 * width + row.outputs)
                one += self.arithmetic(total, row.projection, row.hidden)
            seconds += row.directions * one
        return seconds
