"""Wrong structures: the wrong field is named, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable

import bnns_lstm as bl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wrong_structures import (
    FILTER_ROWS,
    ROWS,
    SEQ,
    B,
    H,
    Params,
    absurd,
    fields_of,
    floats,
    put,
    valid,
    written,
)


def test_the_valid_structure_is_valid() -> None:
    params = valid()
    assert bl.validate(params) is None
    bl.direct_apply_lstm_batch_training_caching(params)
    assert np.isfinite(params.output_descriptor.data_desc).all()


@pytest.mark.parametrize(
    ("corrupt", "path", "code"), ROWS, ids=lambda value: "" if callable(value) else str(value)
)
def test_the_wrong_field_is_named(corrupt: Callable[[Params], None], path: str, code: str) -> None:
    params = valid()
    corrupt(params)
    with pytest.raises(bl.DescriptorError) as caught:
        bl.direct_apply_lstm_batch_training_caching(params)
    found = [(issue.path, issue.code) for issue in caught.value.issues]
    assert (path, code) in found, caught.value
    assert not written(params)
    with pytest.raises(bl.DescriptorError) as again:
        bl.validate(params)
    assert again.value.issues == caught.value.issues


@pytest.mark.parametrize(("filter_params", "path", "code"), FILTER_ROWS)
def test_wrong_filter_parameters_are_named(
    filter_params: bl.FilterParameters, path: str, code: str
) -> None:
    params = valid()
    with pytest.raises(bl.DescriptorError) as caught:
        bl.direct_apply_lstm_batch_training_caching(params, filter_params)
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [(path, code)]
    assert not written(params)


def test_all_problems_come_at_once_in_reading_order() -> None:
    params = valid()
    for corrupt in (
        put(B, floats(9, 9, 9)),
        put(H, None),
        put("dropout", -1),
        put(SEQ, np.array([9, 9, 9, 9])),
        put("hidden_activation", bl.Activation(77)),
    ):
        corrupt(params)
    with pytest.raises(bl.DescriptorError) as caught:
        bl.validate(params)
    assert [issue.path for issue in caught.value.issues] == [
        "dropout",
        "sequence_descriptor.data[0]",
        "input_gate.hw_desc.data",
        "output_gate.b_desc.size[0]",
        "output_gate.b_desc.size[1]",
        "output_gate.b_desc.size[2]",
        "hidden_activation.function",
    ]
    assert str(caught.value).startswith("7 problems:\n  dropout: expected")


def test_arguments_that_are_no_structure_have_the_wrong_type() -> None:
    for thing in (None, 5, "params", object(), valid().input_gate):
        with pytest.raises(bl.DescriptorError) as caught:
            bl.validate(thing)  # type: ignore[arg-type]
        assert [(issue.path, issue.code) for issue in caught.value.issues] == [
            ("params", "wrong_type")
        ]


def test_sizes_that_overflow_are_refused_at_once() -> None:
    for sizes in ({"hidden_size": 2**30}, {"seq_len": 2**40}, {"batch_size": 2**33}):
        params = valid()
        for name, size in sizes.items():
            setattr(params, name, size)
        with pytest.raises(bl.DescriptorError):
            bl.direct_apply_lstm_batch_training_caching(params)


def test_anything_anywhere_computes_or_names_the_field() -> None:
    outcomes = {"accepted": 0, "refused": 0}

    @settings(max_examples=600)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        params = valid()
        params.input_gate.hw_desc = bl.NDArrayDescriptor(params.input_gate.hw_desc)
        path = data.draw(st.sampled_from(fields_of(params)))
        put(path, data.draw(st.sampled_from(range(len(absurd()))).map(lambda at: absurd()[at])))(
            params
        )
        try:
            bl.direct_apply_lstm_batch_training_caching(params)
        except bl.DescriptorError as error:
            outcomes["refused"] += 1
            assert error.issues
            assert not written(params)
            if path.count(".") > 0:
                # A wrong stride may show as data that is too small.
                named = path.split(".hw_desc.")[0] + ".hw_desc" if ".hw_desc." in path else path
                assert any(issue.path.startswith(named) for issue in error.issues), (path, error)
        else:
            outcomes["accepted"] += 1

    check()
    assert min(outcomes.values()) > 5, outcomes
