"""Wrong pairs of structures for a backward call: how a valid pair is corrupted, and what must be found."""

from __future__ import annotations

from collections.abc import Callable

import bnns_lstm as bl
import numpy as np
from backward_pairs import (
    Pair,
    both,
    carried,
    delta,
    in_the_sequence,
    joint,
    params,
    share,
    shifted,
    windows,
)
from reference import GATES
from wrong_structures import desc, floats, misaligned, read_only

DX, DH, DC = (f"input_descriptor.{name}_desc" for name in ("data", "hidden", "cell_state"))
DY, DHN = "output_descriptor.data_desc", "output_descriptor.hidden_desc"
IW, HW, CW, B = (f"candidate_gate.{name}_desc" for name in ("iw", "hw", "cw", "b"))
SEQ = "sequence_descriptor"
RULE = bl.NDArrayFlags.BACKPROP_ACCUMULATE
LAYOUTS = bl.DataLayout

# The code, the path of the only finding, and how a valid pair is made wrong.
PAIR_ROWS: list[tuple[str, str, Callable[[Pair], None]]] = [
    ("delta_mismatch", "delta_params.input_size", delta("input_size", 4)),
    ("delta_mismatch", "delta_params.hidden_size", delta("hidden_size", 0)),
    ("delta_mismatch", "delta_params.batch_size", delta("batch_size", 2)),
    ("delta_mismatch", "delta_params.num_layers", delta("num_layers", 1)),
    ("delta_mismatch", "delta_params.seq_len", delta("seq_len", 2**40)),
    ("delta_mismatch", "delta_params.lstm_flags", delta("lstm_flags", 2)),
    ("delta_mismatch", "delta_params.dropout", delta("dropout", 0.5)),
    ("delta_mismatch", "delta_params.dropout", both("dropout", 0.5, 0.25)),
    ("delta_mismatch", f"delta_params.{SEQ}.data[2]", delta(SEQ, np.array([3, 3, 3, 1]))),
    ("delta_mismatch", f"delta_params.{SEQ}.data[3]", both(SEQ, None, np.array([3, 3, 3, 2]))),
    ("sequence_increasing", f"delta_params.{SEQ}.data[2]", delta(SEQ, np.array([3, 2, 3, 1]))),
    ("unsupported_data_type", f"delta_params.{SEQ}.data_type", delta(SEQ, np.ones(4))),
    ("size_mismatch", f"delta_params.{SEQ}.size[0]", delta(SEQ, np.array([3, 3]))),
    ("wrong_type", "delta_params.hidden_size", delta("hidden_size", "5")),
    ("wrong_type", "delta_params.forget_gate", delta("forget_gate", None)),
    ("wrong_type", "delta_params.output_descriptor", delta("output_descriptor", floats(4, 3, 10))),
    ("wrong_type", f"delta_params.{HW}", delta(HW, [[1.0]])),
    ("wrong_type", f"delta_params.{DX}", delta(DX, np.ma.masked_array(floats(4, 3, 3)))),
    ("out_of_range", "delta_params.batch_size", delta("batch_size", -3)),
    ("unknown_flag", "delta_params.lstm_flags", delta("lstm_flags", 5)),
    ("unknown_flag", f"delta_params.{DX}.flags", delta(DX, desc((4, 3, 3), flags=2))),
    ("unknown_flag", f"delta_params.{B}.flags", delta(B, desc((2, 2, 5), flags=3))),
    ("missing_gradient", "delta_params.output_descriptor",
     delta("output_descriptor", bl.LSTMDataDescriptor())),
    ("missing_gradient", "delta_params.output_descriptor",
     delta("output_descriptor", bl.LSTMDataDescriptor(bl.NDArrayDescriptor()))),
    *[("gradient_without_weight", f"delta_params.{gate}_gate.{name}_desc",
       params(f"{gate}_gate.{name}_desc", None)) for gate in GATES for name in ("cw", "b")],
    ("gradient_form", f"delta_params.{CW}", delta(CW, floats(2, 2, 5))),
    ("gradient_form", f"delta_params.{CW}", params(CW, floats(2, 2, 5))),
    ("gradient_form", "delta_params.input_gate.iw_desc[1]", joint),
    ("gradient_form", f"delta_params.{IW}[1]",
     delta(IW, (floats(1, 2, 5, 3)[:],) * 2)),
    ("initial_state_overwritten", f"params.{DH}.data", carried("hidden_desc")),
    ("initial_state_overwritten", f"params.{DC}.data", carried("cell_state_desc")),
    ("overlap", "params.output_descriptor.hidden_desc.data", shifted),
    ("read_only", f"delta_params.{DX}.data", delta(DX, read_only(4, 3, 3))),
    ("read_only", f"delta_params.{DC}.data", delta(DC, read_only(2, 2, 3, 5))),
    ("read_only", f"delta_params.{IW}[0].data", delta(IW, (read_only(1, 2, 5, 3), None))),
    ("read_only", f"delta_params.{IW}[1].data", delta(IW, (None, read_only(1, 2, 5, 10)))),
    ("read_only", f"delta_params.{HW}.data", delta(HW, read_only(2, 2, 5, 5))),
    ("read_only", f"delta_params.{CW}.data",
     delta(CW, bl.NDArrayDescriptor(read_only(2, 2, 5, 5), flags=RULE))),
    ("read_only", f"delta_params.{B}.data", delta(B, read_only(2, 2, 5))),
    # With each other, with what the layer reads, with its outputs, with incoming gradients.
    ("overlap", f"delta_params.{DC}.data", share(f"delta.{DC}", f"delta.{DH}")),
    ("overlap", "delta_params.output_gate.hw_desc.data",
     share("delta.output_gate.hw_desc", "delta.input_gate.hw_desc")),
    ("overlap", "delta_params.output_gate.b_desc.data", windows),
    ("overlap", f"delta_params.{DX}.data", share(f"delta.{DX}", f"params.{DX}")),
    ("overlap", f"delta_params.{DH}.data", share(f"delta.{DH}", f"params.{DC}")),
    ("overlap", f"delta_params.{HW}.data", share(f"delta.{HW}", f"params.{HW}")),
    ("overlap", f"delta_params.{HW}.data", share(f"delta.{HW}", f"params.{CW}")),
    ("overlap", f"delta_params.{B}.data", share(f"delta.{B}", f"params.{B}")),
    ("overlap", f"delta_params.{DH}.data", share(f"delta.{DH}", f"params.{DHN}")),
    ("overlap", f"delta_params.{DH}.data", share(f"delta.{DH}", f"delta.{DHN}")),
    ("overlap", "delta_params.forget_gate.b_desc.data", in_the_sequence("params")),
    ("overlap", "delta_params.forget_gate.b_desc.data", in_the_sequence("delta")),
    ("self_overlap", f"delta_params.{DX}.stride",
     delta(DX, desc((99,), layout=LAYOUTS.SNE, size=(3, 3, 4), stride=(1, 2, 9)))),
    ("size_mismatch", f"delta_params.{DX}.size[0]", delta(DX, floats(4, 3, 4))),
    ("size_mismatch", f"delta_params.{DY}.size[2]", delta(DY, floats(5, 3, 10))),
    ("size_mismatch", f"delta_params.{DH}.size[2]", delta(DH, floats(2, 2, 4, 5))),
    ("size_mismatch", f"delta_params.{HW}.size[3]", delta(HW, floats(2, 2, 5, 4))),
    ("size_mismatch", f"delta_params.{IW}[0].size[0]", delta(IW, floats(2, 2, 5, 3))),
    ("size_mismatch", f"delta_params.{IW}[1].size[3]", delta(IW, (None, floats(1, 2, 5, 5)))),
    ("rank_mismatch", f"delta_params.{B}.layout", delta(B, floats(5))),
    ("rank_mismatch", f"delta_params.{CW}.layout", delta(CW, floats(20))),
    ("unsupported_data_type", f"delta_params.{DX}.data_type", delta(DX, np.zeros((4, 3, 3)))),
    ("unsupported_data_type", f"delta_params.{DY}.data_type", delta(DY, np.zeros((4, 3, 10)))),
    ("unsupported_data_type", f"delta_params.{HW}.data_type",
     delta(HW, np.zeros((2, 2, 5, 5), np.float16))),
    ("unsupported_layout", f"delta_params.{HW}.layout",
     delta(HW, desc((100,), layout=LAYOUTS.SNE, size=(5, 5, 4)))),
    ("out_of_bounds", f"delta_params.{DX}.data",
     delta(DX, desc((35,), layout=LAYOUTS.SNE, size=(3, 3, 4)))),
    ("misaligned", f"delta_params.{B}.data", delta(B, misaligned(2, 2, 5))),
    ("invalid_stride", f"delta_params.{DY}.stride", delta(DY, floats(4, 3, 10)[::-1])),
    ("missing_activation", "params.hidden_activation", params("hidden_activation", None)),
    ("null_data", f"params.{DX}.data", params(DX, None)),
    ("size_mismatch", "params.output_descriptor.data_desc.size[2]", params(DY, floats(5, 3, 10))),
    ("read_only", f"delta_params.{DX}.data",
     both(DX, np.zeros((4, 3, 3), np.float32), read_only(4, 3, 3))),
]  # fmt: skip
