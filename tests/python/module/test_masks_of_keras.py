"""Masks and `merge` against what Keras computed; Keras itself where it is installed."""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import keras_masks
import numpy as np
import pytest
from bnns_lstm.formats import read_keras
from keras_masks import FILE, MERGES


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    with np.load(FILE) as file:
        return dict(file)


def lstm_of(stored: dict[str, Any], name: str, **words: Any) -> bl.LSTM:
    directions = 1 if name == "lstm" else 2
    arrays = read_keras([stored[f"{name}.{number}"] for number in range(3 * directions)])
    made = bl.LSTM(2, 3, batch_first=True, bidirectional=directions == 2, **words)
    made.load_state_dict(arrays.parameters)
    return made


def test_real_steps_and_final_states_are_keras_own(stored: dict[str, Any]) -> None:
    lstm, mask = lstm_of(stored, "lstm"), stored["mask"]
    y, state = lstm(stored["x"], mask=mask)
    np.testing.assert_allclose(y[mask], stored["lstm.y"][mask], atol=1e-6)
    np.testing.assert_allclose(state.h[0], stored["lstm.h"], atol=1e-6)
    np.testing.assert_allclose(state.c[0], stored["lstm.c"], atol=1e-6)
    assert not y[~mask].any()
    repeated = stored["lstm.y"][1]  # what Keras puts after the end of a sample
    np.testing.assert_array_equal(repeated[3:], repeated[[2, 2]])
    assert repeated[2].any()


@pytest.mark.parametrize("merge", MERGES)
def test_both_directions_are_keras_own_at_every_step(stored: dict[str, Any], merge: Any) -> None:
    y, _ = lstm_of(stored, str(merge), merge=merge)(stored["x"], mask=stored["mask"])
    found = np.stack(y) if merge is None else y
    np.testing.assert_allclose(found, stored[f"{merge}.y"], atol=1e-6)


@pytest.mark.filterwarnings("ignore")  # Keras' NumPy backend warns about NumPy's newer versions
def test_keras_still_computes_what_is_stored(stored: dict[str, Any]) -> None:
    try:
        keras = keras_masks.keras_models.imported()
    except ImportError:
        pytest.skip("Keras is not installed, or what its backend needs")
    found = keras_masks.made(keras)
    assert found.keys() == stored.keys()
    for name, array in stored.items():
        np.testing.assert_allclose(found[name], array, atol=1e-6)
