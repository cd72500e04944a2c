"""Wrong pairs of structures for the backward pass: the field is named, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from backward_pairs import Pair, both, carried, delta, params, share, wrapped
from gradients import WAYS, assert_same_bits, filled_cache
from hypothesis import given, settings
from hypothesis import strategies as st
from wrong_pairs import DC, DX, DY, HW, PAIR_ROWS, SEQ, B
from wrong_structures import FILTER_ROWS, ROWS, absurd, fields_of, floats, put, read_only


@pytest.mark.parametrize(
    ("code", "path", "corrupt"), PAIR_ROWS, ids=lambda value: "" if callable(value) else str(value)
)
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


@pytest.mark.parametrize(
    ("corrupt", "path", "code"), ROWS, ids=lambda value: "" if callable(value) else str(value)
)
def test_a_wrong_field_of_the_layer_is_named_in_a_backward_call(
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


def test_arguments_that_are_no_structures_have_the_wrong_type() -> None:
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
def test_differences_of_a_pair_that_are_accepted(difference: str) -> None:
    plain, pair = Pair(), Pair()
    ACCEPTED[difference](pair)
    plain.backward()
    pair.backward()
    assert_same_bits(pair.found, plain.found)


def test_an_accumulate_flag_of_a_gradient_that_is_not_wanted_is_ignored() -> None:
    pair = Pair()
    delta(B, bl.NDArrayDescriptor(flags=7))(pair)
    pair.backward()
    assert (pair.found.pop("candidate.b") == 0.5).all()
    assert not any((array == 0.5).any() for array in pair.found.values())


def test_anything_anywhere_in_the_gradients_computes_or_names_the_field() -> None:
    outcomes = {"accepted": 0, "refused": 0}

    @settings(max_examples=600)
    @given(st.data())
    def check(data: st.DataObject) -> None:
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
            outcomes["refused"] += 1
            assert_same_bits(pair.found, before)
            # A wrong stride may show as data that is too small.
            named = path.split("_desc.")[0] + "_desc" if "_desc." in path else path
            found = [issue.path for issue in error.issues]
            assert any(issue.startswith(f"delta_params.{named}") for issue in found), (path, error)
        else:
            outcomes["accepted"] += 1

    check()
    assert min(outcomes.values()) > 5, outcomes
