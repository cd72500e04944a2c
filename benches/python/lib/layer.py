"""This package's structures for a row.

In: a row and its arrays. Out: `Layer`, the structures of a call and the arrays that it writes, shared by
the engines of this package.
"""

from __future__ import annotations

import bnns_lstm as bl
import numpy as np
from cases import GATES, Array, Arrays
from rows import Row


def joined(parts: list[list[Array]]) -> Array:
    """An array `[layers, directions, ...]` from one array for each layer and direction."""
    return np.stack([np.stack(directions) for directions in parts])


class Layer:
    """Weights by gate, results, and the structures that hold both."""

    def __init__(self, row: Row, arrays: Arrays) -> None:
        self.row = row
        self.arrays = arrays
        self.y = np.zeros((row.seq_len, row.batch, row.directions * row.outputs), np.float32)
        states = (row.layers, row.directions, row.batch, row.hidden)
        in_place = row.kind == "step"
        self.h = np.zeros(states, np.float32) if in_place else None
        self.c = np.zeros(states, np.float32) if in_place else None
        self.params = self.structure(
            bl.LSTMDataDescriptor(arrays.x, self.h, self.c),
            bl.LSTMDataDescriptor(self.y, self.h, self.c),
            [self.gate(number) for number in range(len(GATES))],
            self.projection(),
        )

    def structure(
        self,
        inputs: bl.LSTMDataDescriptor,
        outputs: bl.LSTMDataDescriptor,
        gates: list[bl.LSTMGateDescriptor],
        projection: Array | None,
    ) -> bl.LayerParametersLSTM:
        """The row's sizes with these arrays."""
        row = self.row
        flags = bl.LayerFlags.LSTM_DEFAULT_ACTIVATIONS
        if row.bidirectional:
            flags |= bl.LayerFlags.LSTM_BIDIRECTIONAL
        return bl.LayerParametersLSTM(
            input_size=row.width,
            hidden_size=row.hidden,
            batch_size=row.batch,
            num_layers=row.layers,
            seq_len=row.seq_len,
            lstm_flags=flags,
            sequence_descriptor=np.array(row.active(), np.uint32) if row.shortest else None,
            input_descriptor=inputs,
            output_descriptor=outputs,
            input_gate=gates[0],
            forget_gate=gates[1],
            candidate_gate=gates[2],
            output_gate=gates[3],
            extensions=self.extensions(projection),
        )

    def parts(self, field: str, gate: int) -> list[list[Array]]:
        """One gate's part of a field of the weights, by layer and direction."""
        rows = slice(gate * self.row.hidden, (gate + 1) * self.row.hidden)
        return [
            [getattr(weights, field)[rows] for weights in directions]
            for directions in self.arrays.weights
        ]

    def extensions(self, projection: Array | None) -> bl.LSTMExtensions | None:
        """What the row has beyond BNNS, with this array of the projection."""
        if projection is None:
            return None
        return bl.LSTMExtensions(projection_size=self.row.projection, projection_desc=projection)

    def projection(self) -> Array | None:
        """The weights of the projection, if there is one."""
        if not self.row.projection:
            return None
        return joined(
            [
                [weights.hr for weights in directions if weights.hr is not None]
                for directions in self.arrays.weights
            ]
        )

    def gate(self, number: int) -> bl.LSTMGateDescriptor:
        """The weights of one gate."""
        lowest, *upper = self.parts("w", number)
        has_peephole = self.row.kind == "peephole" and GATES[number] != "candidate"
        return bl.LSTMGateDescriptor(
            iw_desc=(joined([lowest]), joined(upper) if upper else None),
            hw_desc=joined(self.parts("r", number)),
            cw_desc=joined(self.parts("p", number)) if has_peephole else None,
            b_desc=joined(self.parts("b", number)),
        )

    def results(self) -> dict[str, Array]:
        """Outputs of the last forward call."""
        if self.h is None or self.c is None:
            return {"y": self.arrays.masked(self.y)}
        return {"y": self.y, "h": self.h[0, 0], "c": self.c[0, 0]}


class Gradients:
    """Room for all gradients of a layer, and the second structure of a backward call."""

    def __init__(self, layer: Layer) -> None:
        row = layer.row
        self.layer = layer
        self.dx = np.zeros_like(layer.arrays.x)
        self.gates = [self.room(number) for number in range(len(GATES))]
        projection = layer.projection()
        self.projection = None if projection is None else np.zeros_like(projection)
        self.params = layer.structure(
            bl.LSTMDataDescriptor(self.dx),
            bl.LSTMDataDescriptor(layer.arrays.dy),
            self.gates,
            self.projection,
        )
        self.params.sequence_descriptor = None
        self.row = row

    def room(self, number: int) -> bl.LSTMGateDescriptor:
        """Zeros in the shapes of one gate's weights."""
        lowest, *upper = self.layer.parts("w", number)
        return bl.LSTMGateDescriptor(
            iw_desc=(
                np.zeros_like(joined([lowest])),
                np.zeros_like(joined(upper)) if upper else None,
            ),
            hw_desc=np.zeros_like(joined(self.layer.parts("r", number))),
            b_desc=np.zeros_like(joined(self.layer.parts("b", number))),
        )

    def results(self) -> dict[str, Array]:
        """All gradients and the outputs, by the names of `cases.Way`."""
        found = {"y": self.layer.arrays.masked(self.layer.y), "dx": self.dx}
        for layer in range(self.row.layers):
            for direction in range(self.row.directions):
                place = f"{layer}.{direction}"
                if self.projection is not None:
                    found[f"dhr{place}"] = self.projection[layer, direction]
                found[f"dw{place}"] = np.concatenate(
                    [self.input_weights(gate, layer)[direction] for gate in self.gates]
                )
                found[f"dr{place}"] = np.concatenate(
                    [gate.hw_desc[layer, direction] for gate in self.gates]  # type: ignore[index]
                )
                found[f"db{place}"] = np.concatenate(
                    [gate.b_desc[layer, direction] for gate in self.gates]  # type: ignore[index]
                )
        return found

    @staticmethod
    def input_weights(gate: bl.LSTMGateDescriptor, layer: int) -> Array:
        """Gradients of one layer's input weights, `[directions, H, I]`."""
        lowest, upper = gate.iw_desc  # type: ignore[misc]
        found: Array = lowest[0] if layer == 0 else upper[layer - 1]  # type: ignore[index]
        return found
