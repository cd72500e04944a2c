"""Weights that are stored as their parts: weight norm, spectral norm, pruning, in PyTorch's two ways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
import safetensors.numpy
from bnns_lstm.formats import read_torch
from formats_tools import random_stored
from reference import Array

STORED = random_stored(num_layers=2, bidirectional=True)
GOOD = STORED.parameters
NAME = "weight_hh_l1_reverse"
WEIGHT = GOOD[NAME].astype(np.float64)
RANDOM = np.random.default_rng(5)
LEFT, RIGHT = RANDOM.normal(size=16), RANDOM.normal(size=4)
MASK = (RANDOM.uniform(size=(16, 4)) < 0.5).astype(np.float32)


def norm(axis: int | None) -> tuple[Array, Array]:
    """Lengths and directions of which weight norm makes the weight."""
    lengths = np.sqrt((WEIGHT**2).sum(axis, keepdims=axis is not None))
    return np.asarray(lengths), WEIGHT * 3.5


SIGMA = float(LEFT @ WEIGHT @ RIGHT)
OLD: dict[str, tuple[dict[str, Array], Array]] = {
    "norm of rows": (dict(zip("gv", norm(1), strict=True)), WEIGHT),
    "norm of columns": (dict(zip("gv", norm(0), strict=True)), WEIGHT),
    "norm of all": (dict(zip("gv", norm(None), strict=True)), WEIGHT),
    "spectral": ({"orig": WEIGHT, "u": LEFT, "v": RIGHT}, WEIGHT / SIGMA),
    "spectral, columns first": ({"orig": WEIGHT, "u": RIGHT, "v": LEFT}, WEIGHT / SIGMA),
    "pruned": ({"orig": WEIGHT, "mask": MASK}, WEIGHT * MASK),
}
NEW: dict[str, tuple[dict[str, Array], Array]] = {
    "norm of rows": (dict(zip(("original0", "original1"), norm(1), strict=True)), WEIGHT),
    "norm of columns": (dict(zip(("original0", "original1"), norm(0), strict=True)), WEIGHT),
    "norm of all": (dict(zip(("original0", "original1"), norm(None), strict=True)), WEIGHT),
    "spectral": ({"original": WEIGHT, "0._u": LEFT, "0._v": RIGHT}, WEIGHT / SIGMA),
}
CASES: dict[str, tuple[dict[str, Array], Array]] = {
    **{f"old, {k}": ({f"{NAME}_{n}": a for n, a in p.items()}, w) for k, (p, w) in OLD.items()},
    **{
        f"new, {k}": ({f"parametrizations.{NAME}.{n}": a for n, a in p.items()}, w)
        for k, (p, w) in NEW.items()
    },
}


def entries(parts: dict[str, Any], prefix: str = "", without: str = NAME) -> dict[str, Any]:
    """A state dict in which one weight is its parts."""
    named = {name: array for name, array in GOOD.items() if name != without} | parts
    return {prefix + name: array for name, array in named.items()}


@pytest.mark.parametrize(("parts", "wanted"), CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("prefix", ["", "encoder.lstm."])
def test_parts_of_a_state_dict_are_folded(
    parts: dict[str, Array], wanted: Array, prefix: str, tmp_path: Path
) -> None:
    given = entries(parts, prefix)
    path = tmp_path / "a.safetensors"
    safetensors.numpy.save_file(
        {name: np.array(array, order="C") for name, array in given.items()}, path
    )
    for source in (given, path):
        found = read_torch(source, prefix)
        assert list(found.parameters) == list(GOOD)
        np.testing.assert_allclose(found.parameters[NAME], wanted, rtol=1e-6, atol=1e-9)
        for name in GOOD.keys() - {NAME}:
            np.testing.assert_array_equal(found.parameters[name], GOOD[name])


def test_parts_are_folded_in_cells_of_a_stack() -> None:
    weights = {"weight_ih": (16, 3), "weight_hh": (16, 4), "bias_ih": (16,), "bias_hh": (16,)}
    arrays = {
        f"{i}.{name}": RANDOM.normal(size=(16, 4) if i and name == "weight_ih" else shape)
        for i in range(2)
        for name, shape in weights.items()
    }
    weight = arrays.pop("1.weight_hh")
    parts = {"1.weight_hh_g": np.sqrt((weight**2).sum(1, keepdims=True)), "1.weight_hh_v": weight}
    found = read_torch(arrays | parts)
    assert found.num_layers == 2
    np.testing.assert_allclose(found.parameters["weight_hh_l1"], weight, rtol=1e-6)


def test_the_weights_of_a_lowest_layer_may_all_be_parts() -> None:
    stored = random_stored()
    parts: dict[str, Array] = {}
    for name in ("weight_ih_l0", "weight_hh_l0"):
        array = stored.parameters[name].astype(np.float64)
        parts |= {f"{name}_g": np.sqrt((array**2).sum(1, keepdims=True)), f"{name}_v": array}
    for name in ("bias_ih_l0", "bias_hh_l0"):  # as the older form has vectors: a length for each
        array = stored.parameters[name].astype(np.float64)
        parts |= {f"{name}_g": np.abs(array), f"{name}_v": array}
    found = read_torch(parts)
    for name, array in stored.parameters.items():
        np.testing.assert_allclose(found.parameters[name], array, rtol=1e-6)
    with pytest.raises(bl.WeightsError, match=r"LSTMs under the prefixes 'a\.' alone"):
        read_torch({f"a.{name}": array for name, array in parts.items()})


def test_a_direction_of_length_zero_gives_what_pytorch_gives() -> None:
    lengths, direction = norm(1)
    direction[2] = 0
    found = read_torch(entries({f"{NAME}_g": lengths, f"{NAME}_v": direction})).parameters[NAME]
    assert np.isnan(found[2]).all()
    assert np.isfinite(np.delete(found, 2, axis=0)).all()


def zeros(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


REMOVE_OLD = (
    rf'`torch\.nn\.utils\.remove_weight_norm\(module, "{NAME}"\)` or '
    rf'`torch\.nn\.utils\.remove_spectral_norm\(module, "{NAME}"\)` or '
    rf'`torch\.nn\.utils\.prune\.remove\(module, "{NAME}"\)` stores the weight'
)
REMOVE_NEW = rf'`torch\.nn\.utils\.parametrize\.remove_parametrizations\(module, "{NAME}"\)` stores'
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no direction": (
        {f"{NAME}_g": zeros(16, 1)},
        rf"{NAME}_v: expected an array, as there is {NAME}_g, found no such entry \[missing_entry\]",
    ),
    "no length": (
        {f"parametrizations.{NAME}.original1": zeros(16, 4)},
        rf"^parametrizations\.{NAME}\.original0: expected an array, as there is parametrizations",
    ),
    "vectors alone": (
        {f"{NAME}_orig": zeros(16, 4), f"{NAME}_u": zeros(16)},
        rf"^{NAME}_v: expected an array, as there is {NAME}_orig, found no such entry",
    ),
    "both": (
        {NAME: zeros(16, 4), f"{NAME}_g": zeros(16, 1), f"{NAME}_v": zeros(16, 4)},
        rf"{NAME}: expected {NAME} or what it is computed from, not both, found also '{NAME}_g', ",
    ),
    "lengths of another size": (
        {f"{NAME}_g": zeros(15, 1), f"{NAME}_v": zeros(16, 4)},
        rf"{NAME}: expected a vector for each .*; {REMOVE_OLD}, found {NAME}_v \[16, 4\], {NAME}_g \[15, 1\]",
    ),
    "a length for each value": (
        {f"{NAME}_g": zeros(16, 4), f"{NAME}_v": zeros(16, 4)},
        r"expected a vector for each row, ",
    ),
    "lengths of another rank": (
        {f"{NAME}_g": zeros(16), f"{NAME}_v": zeros(16, 4)},
        r"expected a vector for each row, ",
    ),
    "a length in two axes": (
        {f"{NAME}_g": zeros(1, 1), f"{NAME}_v": zeros(16, 4)},
        r"expected a vector for each row, ",
    ),
    "a vector of another size": (
        {f"{NAME}_orig": zeros(16, 4), f"{NAME}_u": zeros(16), f"{NAME}_v": zeros(3)},
        rf"{NAME}: expected a matrix that is not square, and a vector for each .*; {REMOVE_OLD}, found ",
    ),
    "a mask of another size": (
        {f"{NAME}_orig": zeros(16, 4), f"{NAME}_mask": zeros(16, 1)},
        r"expected a mask of the weight's shape; ",
    ),
    "a parametrisation of someone's own": (
        {f"parametrizations.{NAME}.original": zeros(16, 4), f"parametrizations.{NAME}.0.base": 0},
        rf"{NAME}: expected a weight, or the .* pruning; {REMOVE_NEW} the weight, found only .param.*base",
    ),
    "the wrong shape": (
        {f"{NAME}_orig": zeros(12, 4), f"{NAME}_mask": zeros(12, 4)},
        rf"^{NAME}: expected \[16, 4\], found \[12, 4\] \[size_mismatch\]$",
    ),
    "no array": (
        {f"{NAME}_orig": object(), f"{NAME}_mask": zeros(16, 4)},
        rf"^{NAME}_orig: expected a tensor or an array of numbers, found object",
    ),
    "integers": (
        {f"{NAME}_orig": zeros(16, 4), f"{NAME}_mask": np.ones((16, 4), bool)},
        rf"^{NAME}_mask: expected float16, bfloat16, float32 or float64, found bool",
    ),
    "too large": (
        {f"{NAME}_g": np.full((16, 1), 1e30), f"{NAME}_orig": zeros(16, 4)},
        rf"{NAME}: expected a weight, or the parts of weight_norm",
    ),
    "too large when folded": (
        {f"{NAME}_orig": np.full((16, 4), 1e30), f"{NAME}_mask": np.full((16, 4), 1e30)},
        rf"^{NAME}: expected numbers within the range of float32, found 1.*e\+60",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("parts", "message"), BAD.values(), ids=BAD.keys())
def test_parts_that_make_no_weight_are_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(bl.WeightsError, match=message) as raised:
        read_torch(entries(parts))
    assert len(raised.value.issues) == 1


def test_vectors_of_a_square_matrix_do_not_tell_their_axes() -> None:
    stored = random_stored(input_size=16)
    weight = stored.parameters.pop("weight_ih_l0")
    parts = {f"weight_ih_l0_{name}": LEFT for name in ("u", "v")} | {"weight_ih_l0_orig": weight}
    with pytest.raises(bl.WeightsError, match="expected a matrix that is not square, and a vector"):
        read_torch(stored.parameters | parts)


def module(parts: dict[str, Any], weight: Callable[[], Any]) -> Any:
    """A module whose attribute is computed when it is read."""

    class Module:
        batch_first = True
        dropout = 0.25

        def state_dict(self) -> dict[str, Any]:
            return entries(parts)

    setattr(Module, NAME, property(lambda _: weight()))
    return Module()


def never() -> Any:
    raise AssertionError("the attribute was read")


@pytest.mark.parametrize(
    "names", [("original", "0.base"), ("original",), ("original0", "original1")]
)
def test_a_modules_own_parametrisation_gives_the_attribute(names: tuple[str, ...]) -> None:
    parts = {f"parametrizations.{NAME}.{name}": zeros(16, 4) for name in names}
    found = read_torch(module(parts, lambda: WEIGHT))
    np.testing.assert_array_equal(found.parameters[NAME], WEIGHT.astype(np.float32))
    assert (found.batch_first, found.dropout) == (True, 0.25)
    outer = SimpleNamespace(
        state_dict=lambda: entries(parts, "a.b."),
        a=SimpleNamespace(b=module(parts, lambda: WEIGHT)),
    )
    np.testing.assert_array_equal(
        read_torch(outer, "a.b.").parameters[NAME], found.parameters[NAME]
    )
    with pytest.raises(
        bl.WeightsError, match=rf"{NAME}: expected a weight that can be read, found th"
    ):
        read_torch(module(parts, never))
    with pytest.raises(bl.WeightsError, match=rf"^{NAME}: expected \[16, 4\], found \[3\]"):
        read_torch(module(parts, lambda: zeros(3)))


@pytest.mark.parametrize(
    "case", [name for name in CASES if "new" not in name or "spectral" in name]
)
def test_attributes_that_are_stale_or_change_when_read_are_not_read(case: str) -> None:
    parts, wanted = CASES[case]
    found = read_torch(module(parts, never)).parameters[NAME]
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)
