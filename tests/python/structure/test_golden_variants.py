"""Coupled gates, reading backwards and limits against ONNX Runtime's outputs, at the SIMD level of this run."""

from __future__ import annotations

from dataclasses import asdict, replace

import bnns_lstm as bl
import numpy as np
import pytest
from build import assert_close, run
from onnx_variants import CASES, FOLDER, LIMIT, load
from reference import Array, Layer, forward

OUTPUTS = ("y", "hn", "cn")
LIMITED = [name for name, case in CASES.items() if "clip" in case.attributes]


def test_all_cases_are_there_and_are_what_they_are_called() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.npz")) == sorted(CASES)
    for name, case in CASES.items():
        layer, arrays, meta = load(name)
        assert meta["versions"]["onnxruntime"] == "1.32.0"
        written = meta["case"]
        assert {**written, "functions": tuple(written["functions"])} == asdict(case)
        assert ("input.cw" in arrays) == case.peephole
        assert ("batch_sizes" in arrays) == case.lengths
        assert layer.directions == case.directions
        assert layer.extensions == bl.LSTMExtensions(
            gate_clip=case.attributes.get("clip"),
            gate_clip_hidden="clip" not in case.attributes,
            coupled="forget" if "input_forget" in case.attributes else None,
            reverse=case.attributes.get("direction") == "reverse",
        )


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_those_of_onnx_runtime(name: str) -> None:
    layer, arrays, _ = load(name)
    for n_threads in (1, 2):
        for found, wanted in zip(run(layer, n_threads), OUTPUTS, strict=True):
            assert_close(found, arrays[wanted], 2e-6, wanted)


@pytest.mark.parametrize("name", CASES)
def test_the_numpy_reference_agrees(name: str) -> None:
    layer, arrays, _ = load(name)
    for found, wanted in zip(forward(layer), OUTPUTS, strict=True):
        assert_close(found, arrays[wanted], 1e-6, wanted)


@pytest.mark.parametrize("name", CASES)
def test_a_layer_without_the_variant_computes_something_else(name: str) -> None:
    """So that none of the cases can be right by chance."""
    layer, arrays, _ = load(name)
    more = layer.extensions
    others = []
    if more.reverse:
        others.append(replace(more, reverse=False))
    if more.gate_clip is not None:
        others.append(replace(more, gate_clip=None, gate_clip_hidden=True))
    if more.coupled is not None:
        others.append(replace(more, coupled="input"))
    assert others
    for other in others:
        changed = replace(layer, extensions=other)
        if other.coupled == "input":
            changed = _with_the_other_gate(changed)
        assert np.abs(run(changed)[0] - arrays["y"]).max() > 0.01


def _with_the_other_gate(layer: Layer) -> Layer:
    """The weights of the input gate as those of the forget gate."""
    named = {name: name.replace("input.", "forget.", 1) for name in layer.arrays}
    arrays = {named[name]: value for name, value in layer.arrays.items()}
    functions = dict(layer.activations)
    functions["forget"] = functions.pop("input")
    return replace(layer, arrays=arrays, activations=functions)


@pytest.mark.parametrize("name", LIMITED)
def test_the_text_of_onnx_limits_the_hidden_function_too(name: str) -> None:
    """What `gate_clip` computes by default: the operator's text, from which ONNX Runtime differs."""
    layer, arrays, _ = load(name)
    text = replace(layer, extensions=replace(layer.extensions, gate_clip_hidden=True))
    found = run(text)
    for one, wanted in zip(found, forward(text), strict=True):
        assert_close(one, wanted, 2e-6)
    assert np.abs(found[0] - arrays["y"]).max() > 0.01


def test_the_first_step_differs_where_cell_states_are_beyond_the_limit_and_nowhere_else() -> None:
    layer, arrays, _ = load("clip")
    first = replace(layer, arrays={**layer.arrays, "x": layer.arrays["x"][:1]})
    cells = run(first)[2][0, 0]
    text = run(replace(first, extensions=replace(layer.extensions, gate_clip_hidden=True)))[0][0]
    theirs: Array = arrays["y"][0]
    beyond = np.abs(cells) > LIMIT
    assert 10 < beyond.sum() < beyond.size - 10
    np.testing.assert_allclose(text[~beyond], theirs[~beyond], atol=2e-6)
    # Of both, the output gate is the same.
    wanted = theirs[beyond] / np.tanh(cells[beyond]) * np.tanh(np.sign(cells[beyond]) * LIMIT)
    np.testing.assert_allclose(text[beyond], wanted, rtol=1e-5)
    assert (np.abs(text[beyond]) < np.abs(theirs[beyond])).all()
