"""Wrong structures for a forward call: how a valid one is corrupted, and what must be found.

In: nothing. Out: `valid`, the tables `ROWS` and `FILTER_ROWS` (corruption, path, code), and objects that nobody
would put into a field (`absurd`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bnns_lstm as bl
import numpy as np
from build import outputs_of, parameters, random_layer

Params = bl.LayerParametersLSTM
NaN = float("nan")


def valid() -> Params:
    """A structure with everything in it: 2 layers, 2 directions, 3 samples, 4 steps."""
    layer = random_layer(
        1, num_layers=2, directions=2, batch=3, seq_len=4, input_size=3, hidden_size=5,
        h0=True, c0=True, bias=True, peephole="full", lengths=False, any_activation=False,
    )  # fmt: skip
    layer.arrays["batch_sizes"] = np.array([3, 3, 2, 1], np.uint32)
    return parameters(layer, **outputs_of(layer))


def put(path: str, value: object) -> Callable[[Params], None]:
    """A corruption: set the field at `path`."""

    def corrupt(params: Params) -> None:
        *parents, name = path.split(".")
        target: Any = params
        for parent in parents:
            target = getattr(target, parent)
        setattr(target, name, value)

    return corrupt


def desc(shape: tuple[int, ...], **fields: Any) -> bl.NDArrayDescriptor:
    return bl.NDArrayDescriptor(np.zeros(shape, np.float32), **fields)


def floats(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def read_only(*shape: int) -> np.ndarray:
    array = floats(*shape)
    array.setflags(write=False)
    return array


def misaligned(*shape: int) -> np.ndarray:
    count = int(np.prod(shape))
    return np.zeros(4 * count + 1, np.uint8)[1:].view(np.float32).reshape(shape)


def overlapping(params: Params) -> None:
    params.output_descriptor.data_desc = params.input_descriptor.data_desc
    params.input_size, params.hidden_size = 10, 5
    params.input_descriptor.data_desc = params.output_descriptor.data_desc = floats(4, 3, 10)
    for gate in (
        params.input_gate, params.forget_gate, params.candidate_gate, params.output_gate,
    ):  # fmt: skip
        gate.iw_desc = floats(2, 2, 5, 10)


def no_outputs(params: Params) -> None:
    params.output_descriptor = bl.LSTMDataDescriptor()


H = "input_gate.hw_desc"
X = "input_descriptor.data_desc"
Y = "output_descriptor.data_desc"
B = "output_gate.b_desc"
SEQ = "sequence_descriptor"
ACT = "candidate_gate.activation"
EXT = "extensions"
LAYOUTS = bl.DataLayout

# How a valid structure is corrupted, the path of the finding, its code.
ROWS: list[tuple[Callable[[Params], None], str, str]] = [
    (put("input_size", "3"), "input_size", "wrong_type"),
    (put("num_layers", 2.0), "num_layers", "wrong_type"),
    (put(H, [[1.0]]), H, "wrong_type"),
    (put("forget_gate", None), "forget_gate", "wrong_type"),
    (put(ACT, "tanh"), ACT, "wrong_type"),
    (put(H, np.ma.masked_array(floats(2, 2, 5, 5))), H, "wrong_type"),
    (put("hidden_size", -5), "hidden_size", "out_of_range"),
    (put("seq_len", 2**70), "seq_len", "out_of_range"),
    (put("batch_size", 0), "batch_size", "zero_size"),
    (put("hidden_size", 2**62), "hidden_size", "size_overflow"),
    (put("dropout", NaN), "dropout", "invalid_dropout"),
    (put("dropout", 1.0), "dropout", "invalid_dropout"),
    (put("lstm_flags", 7), "lstm_flags", "unknown_flag"),
    (put(H, desc((2, 2, 5, 5), layout=0x12345, size=(5,))), f"{H}.layout", "unknown_layout"),
    (put(H, desc((100,), layout=LAYOUTS.SNE, size=(5, 5, 4))), f"{H}.layout", "unsupported_layout"),
    (put(X, desc((4, 3, 3), layout=LAYOUTS.IMAGE_CHW)), f"{X}.layout", "unsupported_layout"),
    (put(H, floats(5, 5)), f"{H}.layout", "rank_mismatch"),
    (put(H, desc((2, 2, 5, 5), stride=(1, 5, 25))), f"{H}.stride", "rank_mismatch"),
    (put(H, desc((2, 2, 5, 5), size=(5, 5))), f"{H}.size", "rank_mismatch"),
    (put(H, floats(2, 2, 5, 6)), f"{H}.size[3]", "size_mismatch"),
    (put(X, floats(4, 3, 7)), f"{X}.size[0]", "size_mismatch"),
    (put(B, floats(2, 2, 4)), f"{B}.size[2]", "size_mismatch"),
    (
        put(X, desc((99,), layout=LAYOUTS.SNE, size=(3, 3, 4), stride=(4, 1, 9))),
        f"{X}.stride[1]",
        "stride_order",
    ),
    (put(H, floats(2, 2, 5, 5)[..., ::-1]), f"{H}.stride", "invalid_stride"),
    (put(H, np.broadcast_to(np.float32(1), (2, 2, 5, 5))), f"{H}.stride", "invalid_stride"),
    (
        put(Y, desc((999,), layout=LAYOUTS.SNE, size=(10, 3, 4), stride=(1, 5, 40))),
        f"{Y}.stride",
        "self_overlap",
    ),
    (
        put(X, desc((35,), layout=LAYOUTS.SNE, size=(3, 3, 4))),
        f"{X}.data",
        "out_of_bounds",
    ),
    (
        put(X, bl.NDArrayDescriptor(floats(4, 3, 6)[..., ::2], stride=(1, 3, 9))),
        f"{X}.stride",
        "not_contiguous",
    ),
    (put(X, None), f"{X}.data", "null_data"),
    (put("candidate_gate.iw_desc", None), "candidate_gate.iw_desc[0].data", "null_data"),
    (no_outputs, "output_descriptor", "missing_output"),
    (put(Y, read_only(4, 3, 10)), f"{Y}.data", "read_only"),
    (overlapping, f"{Y}.data", "overlap"),
    (put(X, misaligned(4, 3, 3)), f"{X}.data", "misaligned"),
    (put(B, desc((2, 2, 5), data_type=0x777)), f"{B}.data_type", "unknown_data_type"),
    (put(B, np.zeros((2, 2, 5))), f"{B}.data_type", "unsupported_data_type"),
    (put(B, np.zeros((2, 2, 5), np.float16)), f"{B}.data_type", "unsupported_data_type"),
    (put(B, np.zeros((2, 2, 5), ">f4")), f"{B}.data_type", "unsupported_data_type"),
    (put(SEQ, np.zeros(4)), f"{SEQ}.data_type", "unsupported_data_type"),
    (
        put(B, bl.NDArrayDescriptor(np.zeros((2, 2, 5), np.int32), data_type=bl.DataType.FLOAT32)),
        f"{B}.data_type",
        "data_type_mismatch",
    ),
    (put(B, desc((2, 2, 5), table_data=floats(4))), f"{B}.table_data", "unexpected_table"),
    (
        put("forget_gate.iw_desc", floats(2, 2, 5, 3)),
        "forget_gate.iw_desc[0]",
        "joint_weights_width",
    ),
    (put(SEQ, np.array([2, 3, 1, 1])), f"{SEQ}.data[1]", "sequence_increasing"),
    (put(SEQ, np.array([0, 0, 0, 0])), f"{SEQ}.data[0]", "sequence_empty"),
    (put(SEQ, np.array([4, 3, 1, 1])), f"{SEQ}.data[0]", "sequence_exceeds_batch"),
    (put(SEQ, np.array([3, 1, -1, -1])), f"{SEQ}.data[2]", "sequence_negative"),
    (put(SEQ, np.array([3, 3], np.uint8)), f"{SEQ}.size[0]", "size_mismatch"),
    (put("hidden_activation", None), "hidden_activation", "missing_activation"),
    (put(ACT, bl.Activation(4000)), f"{ACT}.function", "unknown_activation"),
    (
        put(ACT, bl.Activation(bl.ActivationFunction.SOFTMAX)),
        f"{ACT}.function",
        "unsupported_activation",
    ),
    (put(ACT, bl.Activation.clamp(NaN, 1)), f"{ACT}.alpha", "invalid_activation_parameter"),
    (put(EXT, "coupled"), EXT, "wrong_type"),
    (put(EXT, bl.LSTMExtensions(cell_clip="1")), f"{EXT}.cell_clip", "wrong_type"),
    (put(EXT, bl.LSTMExtensions(cell_clip=0)), f"{EXT}.cell_clip", "invalid_number"),
    (put(EXT, bl.LSTMExtensions(cell_clip=10**400)), f"{EXT}.cell_clip", "out_of_range"),
    (put(EXT, bl.LSTMExtensions(gate_clip=1e40)), f"{EXT}.gate_clip", "invalid_number"),
    (put(EXT, bl.LSTMExtensions(gate_clip=NaN)), f"{EXT}.gate_clip", "invalid_number"),
    (put(EXT, bl.LSTMExtensions(gate_clip_hidden=0)), f"{EXT}.gate_clip_hidden", "wrong_type"),
    (
        put(EXT, bl.LSTMExtensions(gate_clip_hidden=False)),
        f"{EXT}.gate_clip_hidden",
        "extension_conflict",
    ),
    (put(EXT, bl.LSTMExtensions(coupled="output")), f"{EXT}.coupled", "unknown_choice"),
    (put(EXT, bl.LSTMExtensions(coupled=True)), f"{EXT}.coupled", "wrong_type"),
    (put(EXT, bl.LSTMExtensions(reverse=None)), f"{EXT}.reverse", "wrong_type"),
    (put(EXT, bl.LSTMExtensions(reverse=True)), f"{EXT}.reverse", "extension_conflict"),
    (put(EXT, bl.LSTMExtensions(coupled="forget")), "forget_gate.cw_desc", "derived_gate"),
    (put(EXT, bl.LSTMExtensions(coupled="input")), "input_gate.activation", "derived_gate"),
]

FILTER_ROWS = [
    (bl.FilterParameters(n_threads=1025), "filter_params.n_threads", "too_many_threads"),
    (bl.FilterParameters(seed=2**64), "filter_params.seed", "out_of_range"),
    (bl.FilterParameters(flags=2), "filter_params.flags", "unknown_flag"),
    (
        bl.FilterParameters(alloc_memory=print),
        "filter_params.alloc_memory",
        "unsupported_allocator",
    ),
]


def written(params: Params) -> bool:
    """Whether an output of a valid structure has been touched: they start as NaN."""
    outputs = params.output_descriptor
    if not isinstance(outputs, bl.LSTMDataDescriptor):
        return False
    names = ("data_desc", "hidden_desc", "cell_state_desc")
    arrays = [getattr(outputs, name, None) for name in names]
    fresh = [array for array in arrays if isinstance(array, np.ndarray) and array.dtype == "f4"]
    # A corrupted output may be another array, which starts as zeros.
    return any(not (np.isnan(array) | (array == 0)).all() for array in fresh)


class Hostile:
    """An object that raises whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __index__(self) -> int:
        raise RuntimeError("index")

    def __float__(self) -> float:
        raise RuntimeError("float")

    def __len__(self) -> int:
        raise RuntimeError("len")


def absurd() -> list[Any]:
    """Fresh objects that nobody would put into a field."""
    return [
    None, 0, 1, -1, 2**31, 2**63, 2**64, 10**30, 0.5, NaN, float("inf"), 1j, True, "", "x", b"x",
    [], [1, 2], (), (None,), {}, set(), object(), int, print, Hostile(), ..., np.float32(1),
    np.int64(3), np.zeros(0, np.float32), np.zeros((), np.float32), np.zeros((1,) * 9, np.float32),
    np.zeros(3), np.zeros(3, object), np.zeros(3, "U5"), np.zeros(3, "M8[s]"), np.zeros(3, bool),
    np.zeros((4, 3, 3), np.float32), np.zeros(3, [("a", "f4")]), np.float32([NaN] * 3),
    bl.NDArrayDescriptor(), bl.NDArrayDescriptor(np.zeros(5, np.float32), size=(2**63,) * 8),
    bl.NDArrayDescriptor(np.zeros(5, np.float32), size=[-1], stride="ab"),
    bl.NDArrayDescriptor(5, layout="SNE", data_type=[], flags=None, data_scale="1"),
    bl.LSTMDataDescriptor(), bl.LSTMGateDescriptor(), bl.Activation(-1), bl.Activation("x", "y"),
    ]  # fmt: skip


def fields_of(thing: Any, prefix: str = "") -> list[str]:
    """Paths of all attributes below a structure."""
    paths = []
    for name in getattr(type(thing), "__dataclass_fields__", {}):
        paths.append(f"{prefix}{name}")
        paths += fields_of(getattr(thing, name), f"{prefix}{name}.")
    return paths
