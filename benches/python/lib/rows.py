"""The layers that are timed.

In: nothing. Out: `ROWS`, one `Row` a layer, and `CRATE_ROWS`, those that are timed beside other crates; what
follows from a row's sizes: name, widths, active samples. A row knows neither engines nor arrays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["step", "forward", "ragged", "peephole", "train"]
Form = Literal["", "out", "batch_first"]


@dataclass(frozen=True)
class Row:
    """One layer and what is done with it.

    Attributes:
        kind: `step` computes one step and replaces the states in place; `forward`, `ragged` and `peephole`
            compute a sequence from zero states; `train` computes the outputs and all gradients.
        seq_len: Steps (of the longest sample).
        batch: Samples.
        hidden: Hidden units.
        inputs: Elements of one input vector; 0: as many as hidden units.
        layers: Stacked layers.
        bidirectional: Whether each layer reads both ways.
        shortest: Steps of the shortest sample; 0: all samples are equally long.
        projection: Elements of the projected hidden state; 0: as many as hidden units, not projected.
        form: How the module is called: with an array for the output, or with the batch first. Other engines
            compute the same as without.
    """

    kind: Kind
    seq_len: int
    batch: int
    hidden: int
    inputs: int = 0
    layers: int = 1
    bidirectional: bool = False
    shortest: int = 0
    projection: int = 0
    form: Form = ""

    @property
    def name(self) -> str:
        """Such as `forward.T100.B1.H64`; I = H and L = 1 are left out."""
        steps = f"T{self.shortest}-{self.seq_len}" if self.shortest else f"T{self.seq_len}"
        parts = [self.kind, steps, f"B{self.batch}"]
        if self.width != self.hidden:
            parts.append(f"I{self.inputs}")
        parts.append(f"H{self.hidden}")
        if self.projection:
            parts.append(f"P{self.projection}")
        if self.layers > 1:
            parts.append(f"L{self.layers}")
        if self.bidirectional:
            parts.append("bidirectional")
        if self.form:
            parts.append(self.form)
        return ".".join(parts)

    @property
    def width(self) -> int:
        """Elements of one input vector."""
        return self.inputs or self.hidden

    @property
    def directions(self) -> int:
        """1 or 2."""
        return 2 if self.bidirectional else 1

    def layer_width(self, layer: int) -> int:
        """Elements of one input vector of a layer."""
        return self.width if layer == 0 else self.directions * self.outputs

    @property
    def outputs(self) -> int:
        """Elements of the hidden state, which is the output of one direction."""
        return self.projection or self.hidden

    def lengths(self) -> list[int]:
        """Steps of each sample: evenly from the longest down to the shortest."""
        if not self.shortest:
            return [self.seq_len] * self.batch
        drop = (self.seq_len - self.shortest) / (self.batch - 1)
        return [round(self.seq_len - sample * drop) for sample in range(self.batch)]

    def active(self) -> list[int]:
        """Samples that have each step."""
        lengths = self.lengths()
        return [sum(length > step for length in lengths) for step in range(self.seq_len)]


# What is done with projected layers.
PROJECTED: list[Kind] = ["forward", "train"]

# Forms of calls of the module.
FORMS: list[Form] = ["", "out", "batch_first"]

ROWS: list[Row] = [
    *(Row("step", 1, 1, hidden) for hidden in (32, 128, 256, 512, 1024)),
    *(Row("forward", 100, 1, hidden) for hidden in (32, 64, 128, 256, 512, 1024)),
    Row("forward", 100, 1, 256, inputs=40, layers=3),
    *(Row("forward", 2000, 1, hidden, inputs=4) for hidden in (20, 40, 96)),
    *(Row("forward", 100, 32, hidden) for hidden in (64, 128, 256, 512, 1024)),
    *(Row("forward", 50, 256, hidden) for hidden in (128, 512)),
    Row("forward", 100, 1, 128, layers=4),
    Row("forward", 100, 32, 256, layers=4),
    *(Row("forward", 20, 4, 16, form=form) for form in FORMS),
    Row("ragged", 20, 4, 16, shortest=5),
    Row("forward", 200, 16, 256, inputs=80, layers=2, bidirectional=True),
    Row("ragged", 200, 32, 256, inputs=128, shortest=10),
    *(Row("peephole", 100, batch, 256) for batch in (1, 32)),
    *(Row("train", 100, 32, hidden) for hidden in (64, 128, 256, 512)),
    Row("train", 35, 64, 650, layers=2),
    Row("train", 100, 1, 128),
    Row("train", 200, 32, 256, inputs=128, shortest=10),
    *(Row(kind, 100, batch, 512, projection=128) for kind in PROJECTED for batch in (1, 32)),
]

# Enough to see one step, one sequence, batches, and each kind of call.
CRATE_ROWS: list[Row] = [
    Row("step", 1, 1, 128),
    *(Row("forward", 100, 1, hidden) for hidden in (32, 128, 256)),
    *(Row("forward", 100, 32, hidden) for hidden in (64, 128, 256)),
    Row("ragged", 100, 32, 128, shortest=7),
    Row("forward", 100, 32, 64, layers=2, bidirectional=True),
    Row("train", 100, 32, 128),
]

# Those that are computed with both routes of products.
ROUTE_ROWS = [
    "forward.T100.B1.H256",
    "forward.T100.B32.H256",
    "forward.T100.B32.H1024",
    "forward.T50.B256.H512",
    "train.T100.B32.H256",
    "train.T100.B32.H512",
]

# Those that are computed with more threads than cores as well.
CROWDED_ROWS = [
    "forward.T100.B1.H128",
    "forward.T100.B1.H256",
    "forward.T100.B1.H128.L4",
    "forward.T100.B32.H256",
    "train.T100.B32.H256",
]


def rows_like(pattern: str, rows: Sequence[Row] = ROWS) -> list[Row]:
    """The rows in whose names a regular expression is found, in order."""
    return [row for row in rows if re.search(pattern, row.name)]


def row_named(name: str) -> Row:
    """The row of this name."""
    return next(row for row in ROWS if row.name == name)
