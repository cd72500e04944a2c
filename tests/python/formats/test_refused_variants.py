"""Layer normalisation, zoneout and recurrent dropout, which are not there: each is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import read_keras, read_keras_stack, read_onnx, read_torch
from formats_tools import random_stored
from keras_norms import FILE, WEIGHTS
from keras_tools import arrays_of, keras2, lstm
from onnx_tools import one_node
from reference import Array

WORDS: dict[str, Any] = {"layer_norm": True, "zoneout": 0.1, "recurrent_dropout": 0.2}


@pytest.mark.parametrize("word", WORDS)
def test_arguments_are_named(word: str) -> None:
    given = {word: WORDS[word]}
    for make in (
        lambda: bl.LSTM(3, 4, **given),
        lambda: bl.Stack([bl.LSTM(3, 4)], **given),
        lambda: bl.LSTMExtensions(**given),
        lambda: bl.LSTMGateDescriptor(**given),
        lambda: bl.LayerParametersLSTM(**given),
    ):
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{word}'"):
            make()
    # Nor can a structure be given such a field later, which nothing would read.
    with pytest.raises(AttributeError, match=word):
        setattr(bl.LSTMExtensions(), word, WORDS[word])


@pytest.mark.parametrize("word", ["layer_norm", "zoneout", "use_layer_norm", "norm_gain"])
def test_fields_of_a_layer_of_keras_are_named(word: str, tmp_path: Path) -> None:
    path = keras2(tmp_path / "a.h5", {"a": (lstm(**{word: 0.5}), arrays_of(random_stored()))})
    for read in (read_keras, read_keras_stack):
        with pytest.raises(
            bl.WeightsError, match=f"a: {word}: expected only the fields of an LSTM, found 0.5"
        ):
            read(path)


def test_recurrent_dropout_of_keras_is_refused_where_it_acts(tmp_path: Path) -> None:
    """In training alone, unless the layer is called as in training at inference."""
    stored = random_stored(batch_first=True)
    layers = {"a": (lstm(recurrent_dropout=0.2), arrays_of(stored))}
    calls: dict[str, list[Any]] = {"a": [[["x", 0, 0, {}]]]}
    found = read_keras(keras2(tmp_path / "a.h5", layers, calls=calls))
    assert found.dropout == 0
    calls["a"][0][0][3] = {"training": True}
    with pytest.raises(
        bl.WeightsError, match=r"a: recurrent_dropout: expected 0 where .* training=True"
    ):
        read_keras(keras2(tmp_path / "a.h5", layers, calls=calls))


def test_cells_of_ones_own_are_named_by_their_class() -> None:
    with pytest.raises(bl.WeightsError, match=r"'normed' \(RNN\(LayerNormLSTMCell\)\)"):
        read_keras(FILE, "normed")
    with pytest.raises(bl.WeightsError) as raised:
        bl.Stack.from_keras(FILE, "pair")
    assert [(issue.path, issue.actual) for issue in raised.value.issues] == [
        (f"pair.{half}.cells[1]", "'LayerNormLSTMCell'") for half in ("layer", "backward_layer")
    ]
    assert read_keras(FILE, "plain").hidden_size == 2


def test_weights_alone_tell_a_normalised_cell_by_its_other_weights() -> None:
    for read in (read_keras, read_keras_stack):
        for name, cell in (("normed", "cell"), ("pair", "layer_norm_lstm_cell")):
            with pytest.raises(bl.WeightsError) as raised:
                read(WEIGHTS, name)
            assert len(raised.value.issues) == (2 if name == "pair" else 1)
            for issue in raised.value.issues:
                assert issue.path.endswith(f"/{cell}/kernel_norm")
                assert issue.expected.startswith("vars alone, as an LSTMCell has (normalised cells")
                assert issue.code == bl.codes.UNSUPPORTED_HERE
    # This one's dropout has no weights.
    assert read_keras(WEIGHTS, "plain").hidden_size == 2


def test_weights_alone_of_keras_2_are_named_by_the_last(tmp_path: Path) -> None:
    arrays = [*arrays_of(random_stored()), np.ones(16, np.float32), np.zeros(16, np.float32)]
    path = keras2(tmp_path / "a.h5", {"a": (None, arrays)})
    with pytest.raises(
        bl.WeightsError, match=r"a: expected 2 or 3 arrays of an LSTM, .*, found 5, the last '.*"
    ):
        read_keras(path)


@pytest.mark.parametrize(
    "name", ["ln_ih.weight", "ln_h_gamma", "layernorm_i.weight", "layer_norm.bias", "cell.ln.weight"]
)  # fmt: skip
def test_entries_of_a_normalised_lstm_are_named(name: str) -> None:
    entries: dict[str, Array] = {**random_stored().parameters, name: np.ones(16, np.float32)}
    with pytest.raises(bl.WeightsError) as raised:
        read_torch(entries)
    (issue,) = raised.value.issues
    assert (issue.path, issue.code) == (name, bl.codes.UNEXPECTED_ENTRY)
    assert issue.expected.endswith(": an LSTM without layer normalisation")
    with pytest.raises(bl.ArgumentError, match=name):
        bl.LSTM(3, 4).load_state_dict(entries)


def test_names_of_other_libraries_are_named() -> None:
    names = [f"rnn/ln_lstm/{one}" for one in ("kernel", "ln_gamma", "ln_beta")]
    with pytest.raises(bl.WeightsError) as raised:
        read_torch({name: np.ones(3, np.float32) for name in names})
    (issue,) = raised.value.issues
    assert issue.code == bl.codes.MISSING_ENTRY
    assert issue.actual == f"only {', '.join(map(repr, names))}"


def test_other_surplus_entries_say_nothing_of_normalisation() -> None:
    with pytest.raises(bl.WeightsError) as raised:
        read_torch({**random_stored().parameters, "head.weight": np.ones(3, np.float32)})
    assert "normalisation" not in str(raised.value)


@pytest.mark.parametrize("word", WORDS)
def test_attributes_of_onnx_and_fields_of_files_are_named(word: str, tmp_path: Path) -> None:
    with pytest.raises(bl.WeightsError, match=word):
        read_onnx(one_node(random_stored(), **{word: 1}))
    path = tmp_path / "a.safetensors"
    bl.LSTM(3, 4).save(path)
    written = path.read_bytes()
    size = int.from_bytes(written[:8], "little")
    header = json.loads(written[8 : 8 + size])
    config = {**json.loads(header["__metadata__"]["config"]), word: 1}
    header["__metadata__"]["config"] = json.dumps(config)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + written[8 + size :])
    with pytest.raises(
        bl.WeightsError, match=f"config: expected only the fields .* found '{word}'"
    ):
        bl.LSTM.load(path)
