"""Keras' `go_backwards`: what stored outputs of Keras are here, where it is refused, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import read_keras, read_keras_stack, write_keras, write_keras_stack
from formats_tools import assert_same, random_stored
from keras_backwards import FILE, SEQUENCES, VALUES
from keras_tools import arrays_of, by_sample, keras2, lstm, pair
from reference import Array


@pytest.fixture(scope="module")
def values() -> dict[str, Array]:
    with np.load(VALUES) as found:
        return dict(found)


@pytest.mark.parametrize("name", SEQUENCES)
def test_outputs_of_keras_are_these_flipped_in_time(name: str, values: dict[str, Array]) -> None:
    """Of the RNN of two cells, too: both read each step in turn, from the last one on."""
    made = bl.LSTM.from_keras(FILE, name)
    assert made.config.direction == "reverse"
    assert made.config.num_layers == (2 if name == "cells" else 1)
    y, state = made(values["x"])
    np.testing.assert_allclose(y[:, ::-1], values[name], atol=1e-6)
    np.testing.assert_allclose(state.h[-1], values[name][:, -1], atol=1e-6)
    np.testing.assert_allclose(by_sample(read_keras(FILE, name), values["x"]), y, atol=1e-6)
    stack = bl.Stack.from_keras(FILE, name)
    np.testing.assert_allclose(stack(values["x"])[0], y, atol=1e-6)
    assert {one.config.direction for one in stack.lstms} == {"reverse"}


def test_a_last_output_is_the_final_state(values: dict[str, Array]) -> None:
    made = bl.LSTM.from_keras(FILE, "final")
    assert made.config.direction == "reverse"
    _, state = made(values["x"])
    np.testing.assert_allclose(state.h[0], values["final"], atol=1e-6)
    _, state = made(values["x"], mask=values["mask"])
    np.testing.assert_allclose(state.h[0], values["final.masked"], atol=1e-6)


@pytest.mark.parametrize("name", SEQUENCES)
def test_real_steps_of_masked_samples_are_flipped_too(name: str, values: dict[str, Array]) -> None:
    mask = values["mask"]
    y, state = bl.LSTM.from_keras(FILE, name)(values["x"], mask=mask)
    keras = values[f"{name}.masked"][:, ::-1]
    np.testing.assert_allclose(y[mask], keras[mask], atol=1e-6)
    np.testing.assert_allclose(state.h[-1], keras[:, 0], atol=1e-6)
    assert not y[~mask].any()
    # Padding after the real steps is read before them, so that Keras has nothing to repeat.
    np.testing.assert_allclose(y[0], keras[0], atol=1e-6)
    np.testing.assert_array_equal(keras[1, :2], keras[1, [2, 2]])
    assert keras[1, 2].any()


@pytest.mark.parametrize(
    ("names", "back"),
    [
        (["plain", "above"], "plain"),
        (["low", "top"], "top"),
        (["plain", "low"], "plain"),
        (["cells", "top"], "cells top"),
    ],
)
def test_within_a_stack_it_is_refused_by_name(names: list[str], back: str) -> None:
    for read in (bl.LSTM.from_keras, bl.Stack.from_keras, read_keras, read_keras_stack):
        with pytest.raises(bl.WeightsError) as raised:
            read(FILE, names)
        found = {issue.path: issue for issue in raised.value.issues}
        for name in back.split():
            issue = found[f"{name}: go_backwards"]
            assert issue.expected.startswith("false in a stack and in the layer forward of a pair")
            assert issue.actual == "true"
            assert issue.code == bl.codes.UNSUPPORTED_HERE
        assert len([path for path in found if "go_backwards" in path]) == len(back.split())


def test_layers_one_at_a_time_give_what_keras_gives(values: dict[str, Array]) -> None:
    """As the documentation says: the layer above reads the order of reading."""
    y, _ = bl.LSTM.from_keras(FILE, "plain")(values["x"])
    found, _ = bl.LSTM.from_keras(FILE, "above")(np.ascontiguousarray(y[:, ::-1]))
    np.testing.assert_allclose(found, values["above"], atol=1e-6)
    y, _ = bl.LSTM.from_keras(FILE, "low")(values["x"])
    found, _ = bl.LSTM.from_keras(FILE, "top")(y)
    np.testing.assert_allclose(found[:, ::-1], values["top"], atol=1e-6)


PAIRS: dict[str, dict[str, Any]] = {
    "alone": pair(lstm(go_backwards=True)),
    "both": pair(lstm(go_backwards=True), backward_layer=lstm(go_backwards=True)),
    "turned": pair(lstm(go_backwards=True), backward_layer=lstm()),
}


@pytest.mark.parametrize("config", PAIRS.values(), ids=PAIRS.keys())
def test_a_layer_forward_of_a_pair_has_to_read_forward(
    config: dict[str, Any], tmp_path: Path
) -> None:
    stored = random_stored(bidirectional=True)
    path = keras2(tmp_path / "a.h5", {"a": (config, arrays_of(stored))})
    with pytest.raises(
        bl.WeightsError, match=r"a\.layer: go_backwards: expected false .* found true"
    ):
        read_keras(path)
    good = pair(lstm(), backward_layer=lstm(go_backwards=True))
    found = read_keras(keras2(path, {"a": (good, arrays_of(stored))}))
    assert (found.bidirectional, found.direction) == (True, "forward")


def test_one_layer_is_written_as_one_that_goes_backwards(tmp_path: Path) -> None:
    stored = random_stored(direction="reverse", batch_first=True)
    (arrays,) = write_keras(stored)
    path = keras2(tmp_path / "a.h5", {"a": (lstm(go_backwards=True), arrays)})
    again = read_keras(path)
    assert_same(again, stored, but=("parameters",))
    (once_more,) = write_keras(again)
    for one, other in zip(once_more, arrays, strict=True):
        np.testing.assert_array_equal(one, other)
    x = np.random.default_rng(0).normal(0, 1, (2, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(by_sample(again, x), by_sample(stored, x), atol=1e-6)
    (alone,) = write_keras_stack([stored])
    np.testing.assert_array_equal(alone[0], arrays[0])


def test_a_stack_that_reads_backwards_is_not_written() -> None:
    """Keras has no such stack: an upper layer would read what is below in the other order."""
    stored = random_stored(direction="reverse", num_layers=2)
    with pytest.raises(bl.WeightsError) as raised:
        write_keras(stored)
    (issue,) = raised.value.issues
    assert (issue.path, issue.actual) == ("direction", "'reverse'")
    assert issue.expected.startswith("'forward' in a stack: Keras' layers read the one below in")
    assert issue.code == bl.codes.NOT_EXPRESSIBLE
    stack = bl.Stack(
        [bl.LSTM(3, 4, direction="reverse"), bl.LSTM(4, 3, cell_clip=1.0), bl.LSTM(3, 2, direction="reverse")]
    )  # fmt: skip
    with pytest.raises(bl.WeightsError) as raised:
        stack.to_keras()
    paths = [issue.path for issue in raised.value.issues]
    assert paths == ["lstms[0].direction", "lstms[1].cell_clip", "lstms[2].direction"]
