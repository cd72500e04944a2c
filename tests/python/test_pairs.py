"""Wrong pairs of structures: the wrong field of the right structure is named, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import outputs_of, parameters, random_layer
from gradients import delta_parameters, incoming_of, room, shapes_of
from reference import Array, Layer

Params = bl.LayerParametersLSTM
Pair = tuple[Layer, Params, Params, dict[str, Array]]


def pair(**fixed: Any) -> Pair:
    """A valid pair with everything in it, and the arrays of all gradients."""
    sizes = {
        "num_layers": 2, "directions": 2, "batch": 3, "seq_len": 4, "input_size": 3, "hidden_size": 5,
        "h0": True, "c0": True, "bias": True, "peephole": "full", "lengths": False,
        "any_activation": False,
    }  # fmt: skip
    layer = random_layer(1, **(sizes | fixed))
    outgoing = room(shapes_of(layer))
    delta = delta_parameters(layer, incoming_of(layer), outgoing)
    return layer, parameters(layer, **outputs_of(layer)), delta, outgoing


def delta_field(path: str, value: Any) -> Callable[[Pair], None]:
    """A corruption: set a field of the gradients' structure; a function gets the pair."""

    def corrupt(made: Pair) -> None:
        *parents, name = path.split(".")
        target: Any = made[2]
        for parent in parents:
            target = getattr(target, parent)
        setattr(target, name, value(made) if callable(value) else value)

    return corrupt


def params_field(path: str, value: Any) -> Callable[[Pair], None]:
    """The same for the layer's structure."""

    def corrupt(made: Pair) -> None:
        delta_field(path, value)((made[0], made[1], made[1], made[3]))

    return corrupt


def floats(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


def read_only(*shape: int) -> Array:
    array = floats(*shape)
    array.setflags(write=False)
    return array


DX = "input_descriptor.data_desc"
ROWS: list[tuple[Callable[[Pair], None], str, str]] = [
    (delta_field("input_size", 4), "delta_params.input_size", "delta_mismatch"),
    (delta_field("hidden_size", 0), "delta_params.hidden_size", "delta_mismatch"),
    (delta_field("batch_size", 2), "delta_params.batch_size", "delta_mismatch"),
    (delta_field("num_layers", 1), "delta_params.num_layers", "delta_mismatch"),
    (delta_field("seq_len", 5), "delta_params.seq_len", "delta_mismatch"),
    (delta_field("dropout", 0.5), "delta_params.dropout", "delta_mismatch"),
    (delta_field("lstm_flags", 0), "delta_params.lstm_flags", "delta_mismatch"),
    (
        delta_field("sequence_descriptor", np.array([3, 3, 2, 2])),
        "delta_params.sequence_descriptor.data[2]",
        "delta_mismatch",
    ),
    (params_field("seq_len", 0), "params.seq_len", "zero_size"),
    (params_field("dropout", 2.0), "params.dropout", "invalid_dropout"),
    (
        params_field("forget_gate.hw_desc", floats(2, 2, 5, 6)),
        "params.forget_gate.hw_desc.size[3]",
        "size_mismatch",
    ),
    (
        delta_field("output_descriptor", bl.LSTMDataDescriptor()),
        "delta_params.output_descriptor",
        "missing_gradient",
    ),
    (
        params_field("forget_gate.b_desc", None),
        "delta_params.forget_gate.b_desc",
        "gradient_without_weight",
    ),
    (
        params_field("candidate_gate.cw_desc", None),
        "delta_params.candidate_gate.cw_desc",
        "gradient_without_weight",
    ),
    (
        delta_field("input_gate.cw_desc", floats(2, 2, 5)),
        "delta_params.input_gate.cw_desc",
        "gradient_form",
    ),
    (
        delta_field("output_gate.hw_desc", floats(2, 2, 5, 4)),
        "delta_params.output_gate.hw_desc.size[3]",
        "size_mismatch",
    ),
    (delta_field(DX, read_only(4, 3, 3)), f"delta_params.{DX}.data", "read_only"),
    (delta_field(DX, np.zeros((4, 3, 3))), f"delta_params.{DX}.data_type", "unsupported_data_type"),
    (delta_field(DX, "dx"), f"delta_params.{DX}", "wrong_type"),
    (delta_field(DX, lambda made: made[0].arrays["x"]), f"delta_params.{DX}.data", "overlap"),
    (
        delta_field("forget_gate.b_desc", lambda made: made[3]["input.b"]),
        "delta_params.forget_gate.b_desc.data",
        "overlap",
    ),
    (
        delta_field("input_gate.hw_desc", lambda made: made[0].arrays["forget.hw"]),
        "delta_params.input_gate.hw_desc.data",
        "overlap",
    ),
    (
        params_field("output_descriptor.hidden_desc", lambda made: made[0].arrays["h0"]),
        "params.input_descriptor.hidden_desc.data",
        "initial_state_overwritten",
    ),
    (
        delta_field("input_gate.b_desc", bl.NDArrayDescriptor(floats(2, 2, 5), flags=2)),
        "delta_params.input_gate.b_desc.flags",
        "unknown_flag",
    ),
]


@pytest.mark.parametrize(("corrupt", "path", "code"), ROWS, ids=[f"{r[1]}-{r[2]}" for r in ROWS])
def test_each_fault_is_the_only_finding(
    corrupt: Callable[[Pair], None], path: str, code: str
) -> None:
    made = pair()
    _, params, delta, outgoing = made
    corrupt(made)
    with pytest.raises(bl.DescriptorError) as caught:
        bl.direct_apply_lstm_batch_backward(params, delta)
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [(path, code)]
    assert all(np.isnan(array).all() for array in outgoing.values()), "something was written"


def test_the_faults_of_both_structures_come_at_once() -> None:
    made = pair()
    _, params, delta, outgoing = made
    for corrupt in (
        params_field("dropout", 2.0),
        delta_field("batch_size", 9),
        delta_field(DX, read_only(4, 3, 3)),
        delta_field("hidden_size", 6),
    ):
        corrupt(made)
    with pytest.raises(bl.DescriptorError) as caught:
        bl.direct_apply_lstm_batch_backward(params, delta, bl.FilterParameters(flags=4))
    assert [issue.path for issue in caught.value.issues] == [
        "params.dropout",
        "delta_params.hidden_size",
        "delta_params.batch_size",
        "delta_params.input_descriptor.data_desc.data",
        "filter_params.flags",
    ]
    assert all(np.isnan(array).all() for array in outgoing.values())


def test_what_may_be_left_out_may_be() -> None:
    _, params, delta, outgoing = pair()
    params.output_descriptor = bl.LSTMDataDescriptor()
    delta.dropout = 0.0
    delta.lstm_flags = bl.LayerFlags.LSTM_BIDIRECTIONAL
    delta.output_descriptor = bl.LSTMDataDescriptor(hidden_desc=delta.output_descriptor.hidden_desc)
    bl.direct_apply_lstm_batch_backward(params, delta)
    assert all(np.isfinite(array).all() for array in outgoing.values())
