"""Masks of dropout: the generator by hand, rates, and where dropout acts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import assert_close, outputs_of, parameters, random_layer, run
from gradients import WAYS, filled_cache, gradients, incoming_of
from memory import batch_major
from reference import GATES, Array, Layer, forward

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
WORD = 0xFFFFFFFF
SHIFT = np.uint64(32)


def philox(counter: Array, key: tuple[int, int]) -> Array:
    """Philox4x32-10 (Salmon et al., SC'11), written from the paper: words `[..., 4]` of counters `[..., 4]`."""
    words = np.moveaxis(counter.astype(np.uint64), -1, 0)
    for number in range(10):
        first, second = words[0] * np.uint64(MULTIPLIERS[0]), words[2] * np.uint64(MULTIPLIERS[1])
        keys = [
            np.uint64(part + number * step & WORD) for part, step in zip(key, WEYL, strict=True)
        ]
        words = np.array(
            [
                second >> SHIFT ^ words[1] ^ keys[0],
                second & np.uint64(WORD),
                first >> SHIFT ^ words[3] ^ keys[1],
                first & np.uint64(WORD),
            ]
        )
    return np.moveaxis(words, 0, -1)


def mask_by_hand(shape: tuple[int, int, int, int], seed: int, dropout: float) -> Array:
    """The factors `[layers - 1, steps, samples, units]`, by the keying in rust/core/src/dropout.rs."""
    number, step, sample, block = np.indices((*shape[:3], -(-shape[3] // 4)))
    counters = np.stack([block, sample, step, number], -1)
    words = philox(counters, (seed & WORD, seed >> 32)).reshape(*shape[:3], -1)[..., : shape[3]]
    ratio = float(np.float32(dropout))
    # Whole numbers below 2^32 and a ratio of f32 are exact in f64, and so is their product with 2^32.
    return np.where(words >= ratio * 2.0**32, np.float32(1 / (1 - ratio)), np.float32(0))


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ([0] * 4, (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([WORD] * 4, (WORD, WORD), "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_the_generator_gives_the_published_vectors(
    counter: list[int], key: tuple[int, int], words: str
) -> None:
    """Random123's `kat_vectors` for philox4x32, 10 rounds."""
    assert [f"{word:08x}" for word in philox(np.array(counter), key)] == words.split()


def layer_of(**fixed: Any) -> Layer:
    sizes = {"num_layers": 3, "batch": 3, "seq_len": 4, "hidden_size": 6, "any_activation": False}
    return random_layer(11, **(sizes | fixed))


def params_of(layer: Layer, dropout: float = 0.3) -> bl.LayerParametersLSTM:
    return replace(parameters(layer, **outputs_of(layer)), dropout=dropout)


def mask_of(layer: Layer, seed: int = 5, dropout: float = 0.3) -> Array:
    return bl.dropout_mask(params_of(layer, dropout), bl.FilterParameters(seed=seed))


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("dropout", [0.001, 0.1, 0.3, 0.5, 0.99])
@pytest.mark.parametrize("seed", [0, 7, 2**63 + 2**32 - 1, 2**64 - 1])
def test_each_factor_is_what_the_generator_says(seed: int, dropout: float, directions: int) -> None:
    mask = mask_of(layer_of(directions=directions), seed, dropout)
    assert mask.shape == (2, 4, 3, directions * 6)
    assert mask.dtype == np.float32
    np.testing.assert_array_equal(mask, mask_by_hand(mask.shape, seed, dropout))


@pytest.mark.parametrize("seed", [0, 3, 2**40])
@pytest.mark.parametrize("dropout", [0.05, 0.1, 0.5, 0.9])
def test_the_share_of_kept_values_is_that_of_the_ratio(dropout: float, seed: int) -> None:
    layer = layer_of(seq_len=50, batch=7, hidden_size=64, num_layers=2, directions=1)
    mask = mask_of(layer, seed, dropout)
    kept = 1 - dropout
    assert set(np.unique(mask)) == {np.float32(0), np.float32(1 / (1 - float(np.float32(dropout))))}
    # Five standard deviations of a binomial; as seeds are fixed, this holds always or never.
    assert abs(np.mean(mask != 0) - kept) < 5 * np.sqrt(dropout * kept / mask.size)
    for unit in range(64):
        rows = mask[..., unit]
        assert abs(np.mean(rows != 0) - kept) < 5 * np.sqrt(dropout * kept / rows.size), unit


def test_masks_differ_between_seeds_layers_steps_and_samples() -> None:
    layer = layer_of(hidden_size=64)
    masks = np.array([mask_of(layer, seed) for seed in (0, 1, 2**32, 2**63)])
    rows = masks.reshape(-1, masks.shape[-1])
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_smaller_layers_have_the_first_factors_of_larger_ones() -> None:
    whole = mask_of(layer_of(batch=7, seq_len=9, num_layers=4, hidden_size=20, directions=1))
    for sizes in ({"batch": 2}, {"seq_len": 5}, {"num_layers": 2}, {"hidden_size": 7}):
        full = {"batch": 7, "seq_len": 9, "num_layers": 4, "hidden_size": 20, "directions": 1}
        part = mask_of(layer_of(**(full | sizes)))
        assert part.size < whole.size
        np.testing.assert_array_equal(part, whole[tuple(slice(extent) for extent in part.shape)])


def test_lengths_activations_and_threads_are_not_in_the_mask() -> None:
    layer = layer_of(lengths=False)
    wanted = mask_of(layer)
    layer.arrays["batch_sizes"] = np.array([2, 1, 1, 0], np.uint32)
    layer.activations["hidden"] = bl.Activation.identity()
    found = bl.dropout_mask(params_of(layer), bl.FilterParameters(n_threads=2, seed=5))
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("seed", [0, 5])
def test_without_dropout_or_layers_to_drop_between_every_factor_is_1(seed: int) -> None:
    assert (mask_of(layer_of(), seed, 0.0) == 1).all()
    layer = layer_of(num_layers=1)
    assert mask_of(layer, seed).shape == (0, 4, 3, 6 * layer.directions)
    for found, wanted in zip(trained(layer, seed=seed), run(layer), strict=True):
        np.testing.assert_array_equal(found, wanted)


def trained(
    layer: Layer, dropout: float = 0.3, n_threads: int = 0, seed: int = 5, way: str = "cache"
) -> list[Array]:
    """Output and final states of a forward call with a cache."""
    outputs = outputs_of(layer)
    params = replace(parameters(layer, **outputs), dropout=dropout)
    filled_cache(params, WAYS[way].filter_params(n_threads, seed))
    return list(outputs.values())


def assert_equal(found: list[Array], wanted: list[Array]) -> None:
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize("seed", [0, 2**64 - 1])
def test_a_training_call_computes_the_layer_under_the_mask(
    seed: int, lengths: bool, directions: int
) -> None:
    layer = layer_of(directions=directions, lengths=lengths)
    mask = mask_by_hand((2, 4, 3, 6 * directions), seed, 0.3)
    wanted = forward(layer, mask)
    for way in ("cache", "every third step", "square root"):
        for found, expected in zip(trained(layer, seed=seed, way=way), wanted, strict=True):
            assert_close(found, expected, 1e-5)
    assert np.abs(forward(layer)[0] - wanted[0]).max() > 0.01


def test_threads_and_layouts_do_not_change_what_is_dropped() -> None:
    layer = layer_of(batch=7)
    one = trained(layer, n_threads=1)
    for n_threads in (0, 2, 3):
        assert_equal(trained(layer, n_threads=n_threads), one)
    outputs = outputs_of(layer)
    y = outputs["data_desc"] = batch_major(outputs["data_desc"])
    params = replace(parameters(layer, **outputs), dropout=0.3)
    params.input_descriptor.data_desc = batch_major(layer.arrays["x"])
    filled_cache(params, bl.FilterParameters(seed=5))
    assert_equal([np.swapaxes(y.data, 0, 1), *list(outputs.values())[1:]], one)


def test_a_smaller_batch_drops_what_the_first_samples_of_a_larger_one_do() -> None:
    layer = layer_of(batch=7, lengths=False, h0=True, c0=True)
    y, hn, cn = trained(layer)
    part = replace(layer, arrays=dict(layer.arrays))
    part.arrays["x"] = layer.arrays["x"][:, :3]
    for state in ("h0", "c0"):
        part.arrays[state] = layer.arrays[state][:, :, :3]
    assert_equal(trained(part), [y[:, :3], hn[:, :, :3], cn[:, :, :3]])


def test_without_a_cache_nothing_is_dropped() -> None:
    layer = layer_of()
    outputs = outputs_of(layer)
    params = replace(parameters(layer, **outputs), dropout=0.9)
    bl.direct_apply_lstm_batch_training_caching(params, bl.FilterParameters(seed=5))
    assert_equal(list(outputs.values()), trained(layer, 0.0))
    assert (outputs["data_desc"] != trained(layer, 0.9)[0]).any()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("directions", [1, 2])
def test_the_weights_of_what_was_dropped_have_no_gradient(directions: int, way: str) -> None:
    """Slopes in all directions are those of the reference under the mask: test_random_gradients."""
    # With a cell state, or the forget gate would have no gradient anyway.
    layer = layer_of(
        directions=directions, num_layers=2, seq_len=1, batch=1, hidden_size=40, lengths=False,
        c0=True,
    )  # fmt: skip
    for seed in (0, 9):
        is_dropped = mask_by_hand((1, 1, 1, 40 * directions), seed, 0.5).ravel() == 0
        assert 0 < is_dropped.sum() < is_dropped.size
        found = gradients(layer, incoming_of(layer), way=WAYS[way], dropout=0.5, seed=seed)
        for gate in GATES:
            largest = np.abs(found[f"{gate}.iw1"]).max(axis=(0, 1, 2))
            np.testing.assert_array_equal(largest == 0, is_dropped)
