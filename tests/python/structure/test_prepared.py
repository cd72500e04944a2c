"""Prepared layers: the bits of a direct call, from whatever the arrays hold at the time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import outputs_of, parameters, random_layer, run
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import GATES, Array, Layer


def prepared(layer: Layer, n_threads: int = 0) -> tuple[Any, dict[str, Array]]:
    outputs = outputs_of(layer)
    made = bl.prepare(parameters(layer, **outputs), bl.FilterParameters(n_threads=n_threads))
    return made, outputs


def assert_equal(outputs: dict[str, Array], wanted: tuple[Array, Array, Array]) -> None:
    for found, expected in zip(outputs.values(), wanted, strict=True):
        np.testing.assert_array_equal(found, expected)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), n_threads=st.sampled_from([0, 1, 2]))
def test_a_prepared_call_gives_the_bits_of_a_direct_one(seed: int, n_threads: int) -> None:
    layer = random_layer(seed)
    made, outputs = prepared(layer, n_threads)
    assert np.isnan(outputs["data_desc"]).all(), "preparing writes nothing"
    random = np.random.default_rng(seed)
    for _ in range(3):
        made.forward()
        assert_equal(outputs, run(layer))
        layer.arrays["x"][...] = random.uniform(-1, 1, layer.arrays["x"].shape)


def test_strided_arrays_are_read_and_written_in_place() -> None:
    layer = random_layer(3, num_layers=1, directions=1, lengths=False, any_activation=False)
    x = layer.arrays["x"]
    wide = np.zeros((*x.shape[:2], 2 * x.shape[2]), np.float32)
    layer.arrays["x"] = wide[..., ::2]
    layer.arrays["x"][...] = x
    y = np.full((layer.batch, layer.seq_len, layer.hidden_size), np.nan, np.float32)
    made = bl.prepare(parameters(layer, data_desc=y.transpose(1, 0, 2)))
    for value in (0.0, 0.5):
        layer.arrays["x"][...] = value
        made.forward()
        np.testing.assert_array_equal(y.transpose(1, 0, 2), run(layer)[0])


def test_a_stream_carries_its_state_in_place() -> None:
    layer = random_layer(
        8, batch=2, seq_len=6, num_layers=2, directions=1, lengths=False, any_activation=False
    )
    y, hn, cn = run(layer)
    x = layer.arrays["x"].copy()
    h, c = (
        layer.arrays.pop(state, np.zeros(layer.state_shape, np.float32)).copy()
        for state in ("h0", "c0")
    )
    layer.arrays |= {"h0": h, "c0": c, "x": np.empty_like(x[:1])}
    y_t = np.empty((1, *y.shape[1:]), np.float32)
    step = bl.prepare(parameters(layer, data_desc=y_t, hidden_desc=h, cell_state_desc=c))
    for number in range(6):
        layer.arrays["x"][0] = x[number]
        step.forward()
        np.testing.assert_array_equal(y_t[0], y[number])
    np.testing.assert_array_equal(h, hn)
    np.testing.assert_array_equal(c, cn)


def test_changed_weights_count_from_update_weights_on() -> None:
    for seed in range(20):
        layer = random_layer(seed)
        made, outputs = prepared(layer)
        before = run(layer)
        for gate in GATES:
            for field in ("iw0", "iw1", "hw", "cw", "b"):
                if f"{gate}.{field}" in layer.arrays:
                    layer.arrays[f"{gate}.{field}"][...] *= -0.5
        made.forward()
        assert_equal(outputs, before)
        made.update_weights()
        made.forward()
        assert_equal(outputs, run(layer))


def test_wrong_structures_are_refused_with_their_paths() -> None:
    layer = random_layer(1, num_layers=1)
    params = parameters(layer, **outputs_of(layer))
    params.forget_gate.hw_desc = None
    params.dropout = 2
    with pytest.raises(bl.DescriptorError) as caught:
        bl.prepare(params, bl.FilterParameters(n_threads=5000))
    codes = [(issue.path, issue.code) for issue in caught.value.issues]
    assert codes == [
        ("dropout", "invalid_dropout"),
        ("forget_gate.hw_desc.data", "null_data"),
        ("filter_params.n_threads", "too_many_threads"),
    ]


def test_the_layer_keeps_writable_views_of_its_own() -> None:
    layer = random_layer(1)
    made, outputs = prepared(layer)
    made.forward()
    wanted = run(layer)
    layer.arrays["x"][...] = 0
    outputs["data_desc"].setflags(write=False)
    # Only the flag of the caller's array has changed.
    made.forward()
    assert not np.array_equal(outputs["data_desc"], wanted[0])


def test_one_layer_serves_threads_in_turn() -> None:
    layer = random_layer(
        9, batch=16, seq_len=40, input_size=40, hidden_size=64, lengths=False, any_activation=False
    )
    made, outputs = prepared(layer)
    wanted = run(layer)

    def call(_: int) -> str:
        try:
            made.forward()
        except bl.DescriptorError as error:
            return str(error.issues[0].code)
        return "computed"

    with ThreadPoolExecutor(4) as pool:
        results = set(pool.map(call, range(40)))
    assert "computed" in results
    assert results <= {"computed", "in_use"}
    assert_equal(outputs, wanted)


def test_other_threads_run_during_a_long_call() -> None:
    layer = random_layer(
        9, batch=32, seq_len=200, input_size=64, hidden_size=128, num_layers=2, lengths=False,
        any_activation=False,
    )  # fmt: skip
    made, outputs = prepared(layer, 1)
    ticks, is_over = [0], threading.Event()

    def tick() -> None:
        while not is_over.is_set():
            ticks[0] += 1

    ticker = threading.Thread(target=tick)
    ticker.start()
    for _ in range(3):
        made.forward()
    is_over.set()
    ticker.join()
    assert ticks[0] > 0
    assert_equal(outputs, run(layer))


def test_explain_prints_the_plan_of_a_prepared_layer() -> None:
    layer = random_layer(2, batch=3, seq_len=5, hidden_size=8, num_layers=2)
    made, _ = prepared(layer, 1)
    text = made.explain()
    assert f"level {bl.info()['level']}" in text
    for word in ("lanes", "tiles", "threads 1", "packed weights", "workspace", "MFLOP"):
        assert word in text
    assert repr(made).startswith("<PreparedLayer: 5 steps, 3 samples, ")
