"""Wrong pairs of structures for the backward pass: the field is named, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from gradients import WAYS, assert_same_bits, filled_cache
from hypothesis import given, settings
from hypothesis import strategies as st
from pairs import (
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
    wrapped,
)
from reference import GATES
from test_validation import (
    FILTER_ROWS,
    ROWS,
    absurd,
    desc,
    fields_of,
    floats,
    misaligned,
    put,
    read_only,
)

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


@pytest.mark.parametrize(("code", "path", "corrupt"), PAIR_ROWS, ids=lambda value: str(value))
@pytest.mark.parametrize("has_cache", [False, True])
def test_the_wrong_field_of_a_pair_is_named(
    code: str, path: str, corrupt: Callable[[Pair], None], has_cache: bool
) -> None:
    pair = Pair()
    cache = filled_cache(pair.params, bl.FilterParameters()) if has_cache else None
    corrupt(pair)
    assert pair.refused(cache=cache) == [(path, code)]


def test_the_valid_pair_is_valid() -> None:
    pair = Pair()
    pair.backward()
    assert all(np.isfinite(array).all() for array in pair.found.values())
    assert not any((array == 0.5).any() for array in pair.found.values())


# What the backward pass does not look at: outputs, which it leaves alone.
FORWARD_ONLY = {"missing_output", "read_only", "self_overlap"}


@pytest.mark.parametrize(("corrupt", "path", "code"), ROWS, ids=lambda value: str(value))
def test_what_is_wrong_with_the_layer_is_named(
    corrupt: Callable[[Any], None], path: str, code: str
) -> None:
    pair = Pair()
    corrupt(pair.params)
    if code in FORWARD_ONLY:
        pair.backward()
        assert all(np.isfinite(array).all() for array in pair.found.values())
    else:
        assert (f"params.{path}", code) in pair.refused()


@pytest.mark.parametrize(("filter_params", "path", "code"), FILTER_ROWS)
def test_wrong_filter_parameters_are_named(
    filter_params: bl.FilterParameters, path: str, code: str
) -> None:
    assert Pair().refused(filter_params=filter_params) == [(path, code)]


def test_all_problems_of_a_pair_come_at_once_in_reading_order() -> None:
    pair = Pair()
    for corrupt in (
        delta("output_gate.b_desc", read_only(2, 2, 5)),
        share(f"delta.{HW}", f"params.{HW}"),
        delta("output_descriptor", bl.LSTMDataDescriptor()),
        delta(DC, floats(2, 2, 3, 4)),
        delta(SEQ, np.array([3, 3, 2, 2])),
        delta("seq_len", 5),
        params("forget_gate.cw_desc", None),
        params("input_gate.hw_desc", None),
        carried("cell_state_desc"),
        params("dropout", 2.0),
        delta("dropout", 0.5),
    ):
        corrupt(pair)
    filter_params = bl.FilterParameters(n_threads=9999, seed=-1)
    cache = np.zeros(4, np.int8)
    found = pair.refused(filter_params=filter_params, cache=cache)
    assert found == [
        ("params.dropout", "invalid_dropout"),
        (f"params.{DC}.data", "initial_state_overwritten"),
        ("params.input_gate.hw_desc.data", "null_data"),
        ("delta_params.seq_len", "delta_mismatch"),
        (f"delta_params.{SEQ}.data[3]", "delta_mismatch"),
        (f"delta_params.{DC}.size[3]", "size_mismatch"),
        ("delta_params.output_descriptor", "missing_gradient"),
        ("delta_params.forget_gate.cw_desc", "gradient_without_weight"),
        (f"delta_params.{HW}.data", "overlap"),
        ("delta_params.output_gate.b_desc.data", "read_only"),
        ("filter_params.n_threads", "too_many_threads"),
        ("filter_params.seed", "out_of_range"),
        ("cache", "unsupported_data_type"),
    ]


def test_what_is_no_structure_at_all() -> None:
    for thing in (None, 5, "params", object(), Pair().params.input_gate):
        for name in ("params", "delta"):
            pair = Pair()
            setattr(pair, name, thing)
            path = "params" if name == "params" else "delta_params"
            assert pair.refused() == [(path, "wrong_type")]
    pair = Pair()
    pair.params = pair.delta = None
    assert pair.refused() == [("params", "wrong_type"), ("delta_params", "wrong_type")]


ACCEPTED: dict[str, Callable[[Pair], None]] = {
    "the same lengths": delta(SEQ, np.array([3, 3, 2, 1], np.int64)),
    "the same dropout": both("dropout", 0.0, -0.0),
    "default activations": delta("lstm_flags", 3),
    "an unknown activation": delta("hidden_activation", bl.Activation(999)),
    "another activation": delta("input_gate.activation", bl.Activation.clamp(float("nan"), 0)),
    "no outputs": params("output_descriptor", bl.LSTMDataDescriptor()),
    "outputs that are read-only": params(DY, read_only(4, 3, 10)),
    "an output that is the incoming gradient": share(f"params.{DY}", f"delta.{DY}"),
    "a rule for what is read": wrapped(f"delta.{DY}", flags=7),
}


@pytest.mark.parametrize("difference", ACCEPTED)
def test_what_a_pair_may_have(difference: str) -> None:
    plain, pair = Pair(), Pair()
    ACCEPTED[difference](pair)
    plain.backward()
    pair.backward()
    assert_same_bits(pair.found, plain.found)


def test_a_rule_for_a_gradient_that_is_not_wanted() -> None:
    pair = Pair()
    delta(B, bl.NDArrayDescriptor(flags=7))(pair)
    pair.backward()
    assert (pair.found.pop("candidate.b") == 0.5).all()
    assert not any((array == 0.5).any() for array in pair.found.values())


@settings(max_examples=600)
@given(st.data())
def test_anything_anywhere_in_the_gradients_computes_or_names_the_field(
    data: st.DataObject,
) -> None:
    pair = Pair()
    for path in (DX, DY, HW):
        wrapped(f"delta.{path}")(pair)
    path = data.draw(st.sampled_from(fields_of(pair.delta)))
    put(path, absurd()[data.draw(st.integers(0, len(absurd()) - 1))])(pair.delta)
    way = WAYS[data.draw(st.sampled_from(sorted(WAYS)))]
    cache = filled_cache(pair.params, way.filter_params()) if way.has_cache else None
    before = {name: array.copy() for name, array in pair.found.items()}
    try:
        pair.backward(way.filter_params(), cache)
    except bl.DescriptorError as error:
        assert_same_bits(pair.found, before)
        # A wrong stride may show as data that is too small.
        named = path.split("_desc.")[0] + "_desc" if "_desc." in path else path
        found = [issue.path for issue in error.issues]
        assert any(issue.startswith(f"delta_params.{named}") for issue in found), (path, error)
