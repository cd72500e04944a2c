"""Masks of dropout: the generator by hand, rates, and where dropout acts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import assert_close, outputs_of, parameters, random_layer
from gradients import filled_cache
from reference import Array, Layer, forward

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
WORD = 0xFFFFFFFF


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10 (Salmon et al., SC'11), written from the paper."""
    for _ in range(10):
        products = [multiplier * counter[2 * half] for half, multiplier in enumerate(MULTIPLIERS)]
        counter = [
            (products[1] >> 32) ^ counter[1] ^ key[0],
            products[1] & WORD,
            (products[0] >> 32) ^ counter[3] ^ key[1],
            products[0] & WORD,
        ]
        key = [(word + step) & WORD for word, step in zip(key, WEYL, strict=True)]
    return counter


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([WORD] * 4, [WORD] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_the_generator_gives_the_published_vectors(
    counter: list[int], key: list[int], words: str
) -> None:
    """Random123's `kat_vectors` for philox4x32, 10 rounds."""
    assert [f"{word:08x}" for word in philox(counter, key)] == words.split()


def layer_of(**fixed: Any) -> Layer:
    sizes = {"num_layers": 3, "batch": 3, "seq_len": 4, "hidden_size": 6, "any_activation": False}
    return random_layer(11, **(sizes | fixed))


def params_of(layer: Layer, dropout: float = 0.3) -> bl.LayerParametersLSTM:
    return replace(parameters(layer, **outputs_of(layer)), dropout=dropout)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_each_factor_is_what_the_generator_says(directions: int, seed: int) -> None:
    layer = layer_of(directions=directions, lengths=False)
    mask = bl.dropout_mask(params_of(layer), bl.FilterParameters(seed=seed))
    ratio = float(np.float32(0.3))
    kept = np.float32(1 / (1 - ratio))
    assert mask.shape == (2, 4, 3, directions * 6)
    for (number, step, sample, unit), factor in np.ndenumerate(mask):
        words = philox([unit // 4, sample, step, number], [seed & WORD, seed >> 32])
        assert factor == (kept if words[unit % 4] / 2**32 >= ratio else 0)


def test_the_share_of_kept_values_is_that_of_the_ratio() -> None:
    layer = layer_of(seq_len=50, batch=7, hidden_size=64, num_layers=2, directions=1, lengths=False)
    for dropout in (0.1, 0.5, 0.9):
        mask = bl.dropout_mask(params_of(layer, dropout), bl.FilterParameters(seed=3))
        share, wanted = np.mean(mask != 0), 1 - dropout
        # Five standard deviations of a binomial; the seed is fixed.
        assert abs(share - wanted) < 5 * np.sqrt(dropout * wanted / mask.size)
        assert abs(mask.mean() - 1) < 5 * np.sqrt(dropout / wanted / mask.size)


def test_masks_differ_between_seeds_layers_steps_and_samples() -> None:
    layer = layer_of(hidden_size=64, lengths=False)
    first, other = (
        bl.dropout_mask(params_of(layer), bl.FilterParameters(seed=seed)) for seed in (1, 2)
    )
    assert (first != other).any()
    rows = first.reshape(-1, first.shape[-1])
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_a_part_of_the_batch_has_its_rows_of_the_mask() -> None:
    whole = bl.dropout_mask(params_of(layer_of(batch=7, lengths=False)))
    part = bl.dropout_mask(params_of(layer_of(batch=2, lengths=False)))
    np.testing.assert_array_equal(part, whole[:, :, :2])


def trained(layer: Layer, dropout: float, n_threads: int = 0, seed: int = 5) -> list[Array]:
    params = params_of(layer, dropout)
    filled_cache(params, bl.FilterParameters(n_threads, seed))
    found = params.output_descriptor
    assert isinstance(found, bl.LSTMDataDescriptor)
    return [np.array(found.data_desc), np.array(found.hidden_desc), np.array(found.cell_state_desc)]


@pytest.mark.parametrize("directions", [1, 2])
def test_a_training_call_computes_the_layer_under_the_mask(directions: int) -> None:
    layer = layer_of(directions=directions)
    mask = bl.dropout_mask(params_of(layer), bl.FilterParameters(seed=5))
    for found, wanted in zip(trained(layer, 0.3), forward(layer, mask), strict=True):
        assert_close(found, wanted, 1e-4)


def test_threads_and_layouts_do_not_change_the_mask() -> None:
    layer = layer_of(batch=7)
    one = trained(layer, 0.3, 1)
    for n_threads in (2, 3):
        for found, wanted in zip(trained(layer, 0.3, n_threads), one, strict=True):
            np.testing.assert_array_equal(found, wanted)
    layer.arrays["x"] = layer.arrays["x"].transpose(1, 0, 2).copy().transpose(1, 0, 2)
    for found, wanted in zip(trained(layer, 0.3), one, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_without_a_cache_nothing_is_dropped() -> None:
    layer = layer_of()
    params = params_of(layer, 0.9)
    bl.direct_apply_lstm_batch_training_caching(params, bl.FilterParameters(seed=5))
    found = params.output_descriptor
    assert isinstance(found, bl.LSTMDataDescriptor)
    np.testing.assert_array_equal(found.data_desc, trained(layer, 0.0)[0])
    assert (np.array(found.data_desc) != trained(layer, 0.9)[0]).any()
