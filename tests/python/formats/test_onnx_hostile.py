"""ONNX graphs that claim or would make much between LSTM nodes: refused within bounds."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import read_onnx
from formats_tools import assert_same, random_stored
from onnx import TensorProto, helper
from onnx_tools import ints, make, shaped, stack
from refused import refused_in_little_memory

Way = tuple[list[Any], dict[str, Any]]
SQUEEZE = make("Squeeze", "y one", "a")
ONE = {"one": ints(1)}


def doubled(value: str, **words: Any) -> list[Any]:
    """A value concatenated with itself sixty times."""
    return [
        make("Concat", f"{value} {value}", "a0", **words),
        *(make("Concat", f"a{number} a{number}", f"a{number + 1}", **words) for number in range(60)),
    ]  # fmt: skip


HUGE = ints(2**40)
# Small models that claim or would make much.
HOSTILE: dict[str, tuple[Way, str]] = {
    "expand": (
        ([make("Expand", "y s", "a"), make("Reshape", "a s", "z")], {"s": ints(2**30, 1, 1, 1, 1)}),
        "too much memory",
    ),
    "filled": (
        ([make("ConstantOfShape", "s", "a"), make("Reshape", "y a", "z")], {"s": HUGE}),
        "are not known",
    ),
    "filled beyond": (
        (
            [make("ConstantOfShape", "s", "a"), make("Reshape", "y a", "z")],
            {"s": ints(2**62, 2**62)},
        ),
        "too large",
    ),
    "range": (
        (
            [make("Range", "o s i", "a"), make("Gather", "y a", "z")],
            {"o": np.array(0), "s": np.array(2**60), "i": np.array(1)},
        ),
        "'a' (Range): there are too many numbers",
    ),
    "endless range": (
        (
            [make("Range", "o s i", "a"), make("Gather", "y a", "z")],
            {"o": np.array(0.0), "s": np.array(np.inf), "i": np.array(1.0)},
        ),
        "'a' (Range): the step is 0, or a number is not finite",
    ),
    "division": (
        ([make("Div", "s o", "a"), make("Reshape", "y a", "z")], {"s": HUGE, "o": ints(0)}),
        "a division by zero",
    ),
    "axes": (
        ([make("Unsqueeze", "y s", "z")], {"s": ints(*range(60))}),
        "the axes are missing or too many",
    ),
    "no axis": (([make("Concat", "y y", "z", axis=7)], {}), "the axis is none of the array's"),
    "no inputs": (([make("Concat", "", "z", axis=0)], {}), "depends on no LSTM node"),
    "shapes": (
        ([*doubled("s", axis=0), make("Reshape", "y a60", "z")], {"s": ints(1)}),
        "too large or has negative sizes",
    ),
}


@pytest.mark.parametrize(("way", "message"), HOSTILE.values(), ids=HOSTILE.keys())
def test_claimed_sizes_ask_for_no_memory(way: Way, message: str) -> None:
    made = stack(random_stored(num_layers=2), way)
    with refused_in_little_memory(bl.WeightsError) as raised:
        read_onnx(made, ["low", "high"])
    assert message in str(raised.value)


@pytest.mark.parametrize("size", [2**15, 2**62])
def test_smaller_sizes_stand_in_for_those_that_take_too_much_memory(size: int) -> None:
    stored = random_stored(num_layers=2)
    made = shaped(stack(stored, ([make("Squeeze", "y one", "z")], ONE)), size, size, 3)
    assert_same(read_onnx(made), stored)
    way: Way = ([make("Reshape", "y s", "z")], {"s": ints(size, size, 4)})
    with refused_in_little_memory(
        bl.WeightsError, "cannot be followed: 'z' .Reshape.: cannot reshape"
    ) as raised:
        read_onnx(shaped(stack(stored, way), size, size, 3))
    told = "with smaller sizes than those that the model declares, which take too much memory"
    assert (told in str(raised.value)) == (size == 2**15)


def test_values_that_grow_are_followed_within_bounds() -> None:
    made = stack(random_stored(num_layers=2), (doubled("y", axis=0), {}))
    made.graph.node[-1].input[0] = "a60"
    tracemalloc.start()
    try:
        with pytest.raises(bl.WeightsError, match="it takes too much memory at the sizes"):
            read_onnx(made, ["low", "high"])
        assert tracemalloc.get_traced_memory()[1] < 160 << 20
    finally:
        tracemalloc.stop()


def test_long_ways_are_followed_without_recursion_and_not_for_ever() -> None:
    stored = random_stored(num_layers=2)
    for count in (5_000, 35_000):
        names = ["a", *(f"b{number}" for number in range(count)), "z"]
        pairs = pairwise(names)
        made = stack(stored, ([SQUEEZE, *(make("Identity", *pair) for pair in pairs)], ONE))
        if count == 5_000:
            assert_same(read_onnx(made), stored)
            continue
        with pytest.raises(bl.WeightsError, match="an X that stands behind too many operators"):
            read_onnx(made, ["low", "high"])
        assert read_onnx(made, "high").num_layers == 1


def test_a_value_that_is_made_of_itself_is_refused() -> None:
    made = stack(
        random_stored(num_layers=2), ([make("Identity", "b", "a"), make("Identity", "a", "b")], {})
    )
    made.graph.node[-1].input[0] = "b"
    with pytest.raises(bl.WeightsError, match="source: expected a graph without cycles, found"):
        read_onnx(made)


def test_weights_of_any_size_are_not_read_to_find_stacks() -> None:
    stored = random_stored(num_layers=2)
    made = stack(stored, ([make("Squeeze", "y one", "z")], ONE))
    # Its numbers are missing, but only its shape is needed.
    table = helper.make_tensor("table", TensorProto.FLOAT, [1], [0.0])
    del table.dims[:]
    table.dims.extend([2**20, 3])
    made.graph.initializer.append(table)
    made.graph.node.insert(0, make("Gather", "table words", "u"))
    made.graph.node[1].input[0] = "u"
    made.graph.input.append(helper.make_tensor_value_info("words", TensorProto.INT64, ["t", "n"]))
    assert_same(read_onnx(made), stored)


def test_names_that_are_no_text_are_refused_with_the_rest() -> None:
    made = stack(random_stored(num_layers=2), ([make("Squeeze", "y one", "z")], ONE))
    node = make("Constant", "", "s", values=[1.5])
    made.graph.node.insert(0, node)
    made.graph.node[-1].input[1] = "s"
    content = made.SerializeToString().replace(b"values", b"v\xffluez")
    with pytest.raises(
        bl.WeightsError, match=r"high: W: s: expected a constant of numbers, found b'v"
    ):
        read_onnx(type(made).FromString(content), ["low", "high"])
