"""Packed sequences beside `torch.nn.LSTM`: in, out, states, gradients, any order of lengths."""

from __future__ import annotations

import bnns_lstm.torch
import pytest
import torch
from pairs import both, pair, results
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
)

SORTED, UNSORTED = [6, 4, 4, 1], [4, 1, 6, 4]
VARIANTS = [
    {},
    {"num_layers": 2, "bidirectional": True},
    {"num_layers": 2, "proj_size": 3, "bidirectional": True, "bias": False},
    {"batch_first": True},
]


def sequence(lengths: list[int], *, enforce_sorted: bool) -> PackedSequence:
    padded = torch.randn(max(lengths), len(lengths), 5)
    return pack_padded_sequence(padded, torch.tensor(lengths), enforce_sorted=enforce_sorted)


@pytest.mark.parametrize("options", VARIANTS, ids=str)
@pytest.mark.parametrize(
    ("lengths", "enforce_sorted"),
    [(SORTED, True), (SORTED, False), (UNSORTED, False), ([3, 3], True), ([5], True)],
    ids=str,
)
def test_values_states_and_gradients(
    options: dict[str, int], lengths: list[int], enforce_sorted: bool
) -> None:
    modules = pair(5, 7, **options)
    x = sequence(lengths, enforce_sorted=enforce_sorted)
    both(modules, x)
    stack = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    rows = len(lengths)
    hx = (torch.randn(stack, rows, options.get("proj_size", 7)), torch.randn(stack, rows, 7))
    both(modules, x, hx)


def test_the_output_has_the_sizes_and_the_order_of_the_input() -> None:
    for lengths in (SORTED, UNSORTED):
        x = sequence(lengths, enforce_sorted=False)
        y, _ = bnns_lstm.torch.LSTM(5, 7)(x)
        assert type(y) is PackedSequence
        assert y.batch_sizes is x.batch_sizes
        assert y.sorted_indices is x.sorted_indices
        assert y.unsorted_indices is x.unsorted_indices
        padded, found = pad_packed_sequence(y)
        assert found.tolist() == lengths
        assert padded.shape == (6, 4, 7)


def test_each_sample_is_computed_as_if_it_were_alone() -> None:
    lstm = bnns_lstm.torch.LSTM(5, 7, bidirectional=True)
    samples = [torch.randn(length, 5) for length in UNSORTED]
    with torch.no_grad():
        y, (h, c) = lstm(pack_sequence(samples, enforce_sorted=False))
        padded, _ = pad_packed_sequence(y)
        for number, sample in enumerate(samples):
            alone, state = lstm(sample)
            torch.testing.assert_close(padded[: len(sample), number], alone, rtol=0, atol=0)
            torch.testing.assert_close(h[:, number], state[0], rtol=0, atol=0)
            torch.testing.assert_close(c[:, number], state[1], rtol=0, atol=0)


def test_wrong_packed_sequences_are_refused_with_pytorchs_words() -> None:
    _, ours = pair(5, 7)
    x = sequence(SORTED, enforce_sorted=True)
    with pytest.raises(RuntimeError, match=r"must be equal to input_size\. Expected 5, got 4"):
        ours(x._replace(data=x.data[:, :4]))
    with pytest.raises(RuntimeError, match="input must have 2 dimensions, got 3"):
        ours(x._replace(data=x.data.unsqueeze(0)))
    with pytest.raises(
        RuntimeError, match=r"Expected hidden\[0\] size \(1, 4, 7\), got \[1, 3, 7\]"
    ):
        ours(x, (torch.zeros(1, 3, 7), torch.zeros(1, 3, 7)))
    with pytest.raises(bnns_lstm.torch.TensorError, match=r"input\.data: expected torch.float32"):
        ours(x.to(torch.float64))


def test_a_packed_sequence_that_somebody_else_sorted() -> None:
    x = sequence(UNSORTED, enforce_sorted=False)
    found = [results(module, x)["h"] for module in pair(5, 7)]
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=1e-6)


def test_sizes_that_no_packed_sequence_has_are_refused() -> None:
    _, ours = pair(5, 7)
    x = sequence(SORTED, enforce_sorted=True)
    for sizes, path in (
        ([4, 3, 3, 3, 1], "input.data"),
        ([3, 4, 3, 3, 1, 1], "input.batch_sizes"),
        ([4, 4, 4, 3, 0], "input.batch_sizes"),
    ):
        odd = PackedSequence(x.data, torch.tensor(sizes))
        with pytest.raises(bnns_lstm.torch.TensorError) as caught:
            ours(odd)
        assert [(issue.path, issue.code) for issue in caught.value.issues] == [
            (path, "size_mismatch")
        ]


@pytest.mark.parametrize(
    ("order", "back"), [([2, 0, 3, 1], [2, 0, 3, 1]), ([0, 0, 1, 3], [3, 2, 2, 1])], ids=str
)
def test_orders_that_are_no_inverses_of_each_other(order: list[int], back: list[int]) -> None:
    x = sequence(SORTED, enforce_sorted=True)
    odd = PackedSequence(x.data, x.batch_sizes, torch.tensor(order), torch.tensor(back))
    hx = torch.randn(1, 4, 7), torch.randn(1, 4, 7)
    both(pair(5, 7), odd, hx)
