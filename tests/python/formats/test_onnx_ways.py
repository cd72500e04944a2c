"""What stands between LSTM nodes of ONNX and breaks a stack: refused with the node and the reason."""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import read_onnx
from formats_tools import assert_same, computed, random_stored
from onnx import TensorProto, helper
from onnx_tools import ints, lstm, make, model, run, shaped, stack, weights

Way = tuple[list[Any], dict[str, Any]]
SECOND = {"W": "W1", "R": "R1", "B": "B1"}


def two(order: str, **words: Any) -> Way:
    """Directions cut out and put side by side in some order."""
    nodes = [
        helper.make_node("Split", ["y"], ["f", "b"], axis=1),
        make("Squeeze", "f one", "0"),
        make("Squeeze", "b one", "1"),
        make("Concat", order, "z", **{"axis": 2, **words}),
    ]
    return nodes, {"one": ints(1)}


SQUEEZE = make("Squeeze", "y one", "a")
ONE = {"one": ints(1)}
# Directions, the way from "y" to "z", and what is said of it.
BROKEN: dict[str, tuple[int, Way, str]] = {
    "activation": (
        1,
        ([SQUEEZE, make("Relu", "a", "z")], ONE),
        "cannot be followed: 'z' (Relu) computes",
    ),
    "scaled": (
        1,
        ([SQUEEZE, make("Mul", "a two", "z")], {**ONE, "two": np.full(1, 2, np.float32)}),
        "'z' (Mul) computes",
    ),
    "dense": (
        1,
        (
            [SQUEEZE, make("MatMul", "a m", "b"), make("Add", "b k", "z")],
            {**ONE, "m": np.eye(4, dtype=np.float32), "k": np.zeros(4, np.float32)},
        ),
        "'b' (MatMul) computes",
    ),
    "norm": (
        1,
        ([SQUEEZE, make("LayerNormalization", "a k", "z")], {**ONE, "k": np.ones(4, np.float32)}),
        "'z' (LayerNormalization) computes",
    ),
    "batch and steps": (
        1,
        ([SQUEEZE, make("Transpose", "a", "b", perm=[1, 0, 2]), make("Identity", "b", "z")], ONE),
        "in the wrong order: 'b' (Transpose) makes [batch, steps, hidden] of the output of 'low'",
    ),
    "batch into steps": (
        1,
        (
            [SQUEEZE, make("Reshape", "a s", "b"), make("Reshape", "b t", "z")],
            {**ONE, "s": ints(-1, 4), "t": ints(5, -1, 4)},
        ),
        "'b' (Reshape) makes [steps*batch, hidden] of the output of 'low'",
    ),
    "directions before the batch": (
        2,
        ([make("Reshape", "y s", "z")], {"s": ints(0, -1, 8)}),
        "'z' (Reshape) makes [steps, directions*batch, batch*hidden]",
    ),
    "interleaved directions": (
        2,
        (
            [make("Transpose", "y", "b", perm=[0, 2, 3, 1]), make("Reshape", "b s", "z")],
            {"s": ints(0, 0, -1)},
        ),
        "'b' (Transpose) makes [steps, batch, hidden, directions]",
    ),
    "directions exchanged": (
        2,
        two("1 0"),
        "'z' (Concat) makes [steps, batch, directions*hidden in another order]",
    ),
    "one direction twice": (
        2,
        two("0 0"),
        "'z' (Concat) makes [steps, batch, hidden in another order]",
    ),
    "directions in the batch": (
        2,
        two("0 1", axis=1),
        "'z' (Concat) makes [steps, directions*batch, hidden]",
    ),
    "one direction alone": (
        2,
        (
            [helper.make_node("Split", ["y"], ["f", "b"], axis=1), make("Squeeze", "f one", "z")],
            ONE,
        ),
        "'z' (Squeeze) makes [steps, batch, hidden]",
    ),
    "both ways": (
        1,
        ([SQUEEZE, make("Identity", "a", "b"), make("Add", "a b", "z")], ONE),
        "'z' (Add) computes",
    ),
    "the input beside": (
        1,
        ([SQUEEZE, make("Concat", "a x", "z", axis=2)], ONE),
        "makes [steps, batch, other values]",
    ),
    "three axes too many": (
        1,
        ([make("Identity", "y", "z")], {}),
        "'z' (Identity) makes [steps, 1, batch, hidden]",
    ),
    "padded": (
        1,
        (
            [
                SQUEEZE,
                make("Shape", "a", "s"),
                make("ConstantOfShape", "s", "b"),
                make("Concat", "b a", "z", axis=0),
            ],
            ONE,
        ),
        "makes [other values, other values, other values]",
    ),
    "cut": (
        1,
        (
            [SQUEEZE, make("Slice", "a zero hundred zero", "z")],
            {**ONE, "zero": ints(0), "hundred": ints(100)},
        ),
        "'z' (Slice): it cuts longer axes",
    ),
    "nothing": (
        1,
        ([SQUEEZE, make("Slice", "a zero zero zero", "z")], {**ONE, "zero": ints(0)}),
        "'z' (Slice) makes [0, 5, 4], which is nothing, of the output of 'low'",
    ),
    "whole numbers": (
        1,
        (
            [SQUEEZE, make("Cast", "a", "b", to=TensorProto.INT32), make("Cast", "b", "z", to=1)],
            ONE,
        ),
        "'b' (Cast) rounds",
    ),
    "the final state": (
        1,
        ([make("Identity", "y_h", "z")], {}),
        "'low' (LSTM) gives its final states there",
    ),
    "a shape that is given": (
        1,
        ([make("Reshape", "y given", "z")], {}),
        "'z' (Reshape) reads sizes or axes",
    ),
    "a custom operator": (
        1,
        ([make("Squeeze", "y one", "z", domain="mine")], ONE),
        "'z' (Squeeze) does more than move values",
    ),
    "a condition": (
        1,
        (
            [
                SQUEEZE,
                make(
                    "If",
                    "flag",
                    "z",
                    **{
                        f"{name}_branch": helper.make_graph(
                            [make("Identity", "a", f"{name}z")],
                            name,
                            [],
                            [helper.make_tensor_value_info(f"{name}z", TensorProto.FLOAT, None)],
                        )
                        for name in ("then", "else")
                    },
                ),
            ],
            ONE,
        ),
        "'z' (If) does more than move values",
    ),
}


def inputs() -> list[Any]:
    return [
        helper.make_tensor_value_info("given", TensorProto.INT64, [3]),
        helper.make_tensor_value_info("flag", TensorProto.BOOL, []),
    ]


# Of the ways above, those after which the shape of X is none that the upper node takes.
UNFIT = (
    "directions*batch, hidden",
    "'z' (Squeeze) makes [steps, batch, hidden]",
    "[steps, 1, batch, hidden]",
)


@pytest.mark.parametrize(("directions", "way", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_what_breaks_a_stack_is_named(directions: int, way: Way, message: str) -> None:
    made = stack(random_stored(num_layers=2, bidirectional=directions == 2), way, inputs=inputs())
    for nodes in (None, ["low", "high"]):
        with pytest.raises(bl.WeightsError) as raised:
            read_onnx(made, nodes)
        issue = raised.value.issues[-1]
        assert (issue.path, issue.code) == ("node: high", "stack_mismatch")
        assert issue.expected == (
            "a node that reads the output of 'low' as [steps, batch, directions*hidden]; "
            "node=['low'] and node=['high'] can be read, each by itself"
        )
        assert message in issue.actual
        codes = [one.code for one in raised.value.issues]
        assert codes == (["ambiguous_choice"] if nodes is None else []) + ["stack_mismatch"]
    assert read_onnx(made, ["low"]).num_layers == 1
    if any(shape in message for shape in UNFIT):
        # No node could compute from such a sequence, as the sizes show that are known.
        with pytest.raises(bl.WeightsError, match=r"^high: X: expected"):
            read_onnx(made, "high")
    else:
        assert read_onnx(made, "high").num_layers == 1


def test_each_pair_that_does_not_join_is_named_with_its_part_of_the_list() -> None:
    stored = random_stored(num_layers=2)
    made = stack(stored, ([make("Squeeze", "y one", "z")], ONE))
    made.graph.node.extend([
        make("Squeeze", "top one", "u"), make("Tanh", "u", "v"), lstm("third", "v", "t", SECOND),
        make("Squeeze", "t one", "w"), lstm("fourth", "w", "f", SECOND), lstm("fifth", "w", "g", SECOND),
    ])  # fmt: skip
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(made, ["low", "high", "third", "fourth", "low"])
    assert [issue.path for issue in raised.value.issues] == ["node: third", "node: low"]
    first, last = raised.value.issues
    assert "node=['low', 'high'] and node=['third', 'fourth'] can be read" in first.expected
    assert "'v' (Tanh) computes" in first.actual
    assert last.actual == "an X that depends on no LSTM node"
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(made)
    assert [issue.path for issue in raised.value.issues] == [
        "node", "node: third", "node: fourth", "node: fifth",
    ]  # fmt: skip
    assert "one of 2 that read it as they should (node=['third', 'fifth']" in str(raised.value)
    assert read_onnx(made, ["third", "fifth"]).num_layers == 2


# A state that the layer below computes cannot be given by the caller; zeros of a computed shape can.
@pytest.mark.parametrize("place", [4, 5, 6])
def test_a_second_way_from_the_layer_below_is_refused(place: int) -> None:
    name = {4: "sequence_lens", 5: "initial_h", 6: "initial_c"}[place]
    made = stack(random_stored(num_layers=2), ([make("Squeeze", "y one", "z")], ONE))
    upper = made.graph.node[-1]
    upper.input.extend([""] * (place - len(upper.input)) + ["s"])
    made.graph.node.insert(2, make("Relu", "y_c", "s"))
    with pytest.raises(
        bl.WeightsError, match=f"a node whose {name} is computed from the outputs of 'low' too"
    ):
        read_onnx(made, ["low", "high"])
    if name == "sequence_lens":
        # These are no lengths for anybody, as their shape shows.
        with pytest.raises(
            bl.WeightsError, match=r"^high: sequence_lens: expected \[batch\], found"
        ):
            read_onnx(made, ["high"])
    else:
        assert read_onnx(made, ["high"]).num_layers == 1


def test_states_that_only_have_a_shape_from_the_layer_below_are_no_second_way() -> None:
    stored = random_stored(num_layers=2)
    made = stack(stored, ([make("Squeeze", "y one", "z")], ONE))
    made.graph.node[-1].input.extend(["", "zeros", "zeros"])
    for node in (make("Shape", "y_h", "s"), make("ConstantOfShape", "s", "zeros")):
        made.graph.node.insert(len(made.graph.node) - 1, node)
    assert_same(read_onnx(made), stored)


def in_a_body(kind: str) -> Any:
    """The upper node in a body, the lower one outside of it."""
    stored = random_stored(num_layers=2)
    made = stack(stored, ([make("Squeeze", "y one", "z")], ONE))
    upper = made.graph.node.pop()
    flag = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    top = helper.make_tensor_value_info("top", TensorProto.FLOAT, None)
    if kind == "If":
        other = make("Identity", "y", "else_top")
        body = helper.make_graph([upper], "then", [], [top])
        no = helper.make_tensor_value_info("else_top", TensorProto.FLOAT, None)
        node = make(
            "If",
            "flag",
            "out",
            then_branch=body,
            else_branch=helper.make_graph([other], "e", [], [no]),
        )
    else:
        count = helper.make_tensor_value_info("i", TensorProto.INT64, [])
        body = helper.make_graph([upper, make("Identity", "c", "d")], "loop", [count, flag], [
            helper.make_tensor_value_info("d", TensorProto.BOOL, []), top])  # fmt: skip
        node = make("Loop", "five flag", "out", body=body)
    made.graph.node.append(node)
    del made.graph.output[:]
    made.graph.output.append(helper.make_tensor_value_info("out", TensorProto.FLOAT, None))
    made.graph.input.extend(
        [inputs()[1], helper.make_tensor_value_info("five", TensorProto.INT64, [])]
    )
    return made, stored


def test_a_stack_may_go_on_in_a_branch_but_not_in_a_loop() -> None:
    made, stored = in_a_body("If")
    assert_same(read_onnx(made, ["low", "high"]), stored)
    made, _ = in_a_body("Loop")
    with pytest.raises(
        bl.WeightsError, match=r"a node in the body of 'out' \(Loop\), outside of which"
    ):
        read_onnx(made, ["low", "high"])
    assert read_onnx(made, ["high"]).input_size == 4


def test_a_static_way_counts_if_it_is_right_at_its_sizes() -> None:
    stored = random_stored(num_layers=2)
    way: Way = ([make("Reshape", "y s", "z")], {"s": ints(5, 3, 4)})
    made = shaped(stack(stored, way), 5, 3, stored.input_size)
    assert_same(read_onnx(made), stored)
    assert run(made, x=np.zeros((5, 3, stored.input_size), np.float32))[0].shape == (5, 1, 3, 4)
    for shape in ((5, "n", 3), ("t", 3, 3), (3, 5, 3)):
        with pytest.raises(bl.WeightsError, match="node: high: expected a node that reads"):
            read_onnx(shaped(stack(stored, way), *shape))


def test_the_final_state_of_one_step_is_its_output() -> None:
    stored = random_stored(num_layers=2)
    made = shaped(stack(stored, ([make("Identity", "y_h", "z")], {})), 1, "n", 3)
    assert_same(read_onnx(made, ["low", "high"]), stored)
    x = np.random.default_rng(2).standard_normal((1, 3, 3)).astype(np.float32)
    np.testing.assert_allclose(run(made, x=x)[0][:, 0], computed(stored, x)[0], atol=2e-6)
    made.graph.node[1].input[0] = "y_c"
    with pytest.raises(bl.WeightsError, match=r"'low' \(LSTM\) gives its final states there"):
        read_onnx(made)
    made.graph.node[1].input[0] = "y_h"
    made.graph.node[0].input.append("n")
    made.graph.input.append(helper.make_tensor_value_info("n", TensorProto.INT32, ["n"]))
    with pytest.raises(bl.WeightsError, match=r"'low' \(LSTM\) gives its final states there"):
        read_onnx(made)


def test_sizes_come_from_what_the_model_declares_behind_operators_that_are_not_followed() -> None:
    stored = random_stored(input_size=4, num_layers=2)
    way: Way = ([make("Reshape", "y s", "z")], {"s": ints(6, 2, 4)})
    made = stack(stored, way)
    made.graph.node.insert(0, make("Custom", "x", "u", domain="mine"))
    made.graph.node[1].input[0] = "u"
    with pytest.raises(bl.WeightsError, match="cannot reshape"):
        read_onnx(made)
    made.graph.value_info.append(helper.make_tensor_value_info("u", TensorProto.FLOAT, [6, 2, 4]))
    assert_same(read_onnx(made), stored)


def test_nodes_in_one_model_may_be_two_stacks() -> None:
    first, second = random_stored(num_layers=2), random_stored(num_layers=2, seed=9)
    made = stack(first, ([make("Squeeze", "y one", "z")], ONE))
    constants = {
        f"{key}{layer}o": array for layer in (0, 1) for key, array in weights(second, layer).items()
    }
    names = [{key: f"{key}{layer}o" for key in ("W", "R", "B")} for layer in (0, 1)]
    nodes = [
        lstm("c", "x", "yc", names[0]),
        make("Squeeze", "yc one", "zc"),
        lstm("d", "zc", "yd", names[1]),
    ]
    other = model(nodes, constants, ["yd"])
    made.graph.node.extend(other.graph.node)
    made.graph.initializer.extend(other.graph.initializer)
    assert_same(read_onnx(made, "low"), first)
    assert_same(read_onnx(made, ["c", "d"]), second)
    with pytest.raises(
        bl.WeightsError, match="'low' \\+ 'high'; 'c' \\+ 'd', found none"
    ) as raised:
        read_onnx(made)
    assert len(raised.value.issues) == 1
    with pytest.raises(bl.WeightsError, match=r"node: d: .*, found an X that depends on 'c'"):
        read_onnx(made, ["low", "d"])
