"""Files of ONNX models: external data, damage, other models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import onnx
import pytest
from bnns_lstm.formats import read_onnx
from formats_tools import assert_same, random_stored
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from onnx_tools import ints, make, model, one_node, stack
from refused import refused_in_little_memory

OTHERS: dict[str, tuple[list[Any], str]] = {
    "empty": ([make("Neg", "x", "y")], "expected a model with an LSTM node, found none"),
    "gru": ([make("GRU", "x w r", "y")], "found none, but GRU"),
    "quantised": (
        [make("DynamicQuantizeLSTM", "x", "y", domain="com.nobody")],
        "but DynamicQuantizeL",
    ),
}


@pytest.mark.parametrize(("nodes", "message"), OTHERS.values(), ids=OTHERS.keys())
def test_models_without_a_node_are_refused(nodes: list[Any], message: str) -> None:
    with pytest.raises(bl.WeightsError, match=message):
        read_onnx(model(nodes, {}, ["y"]))


def external(tmp_path: Path, location: str, **words: str) -> Path:
    """A model whose W lies in another file."""
    made = one_node(random_stored())
    for tensor in made.graph.initializer:
        if tensor.name == "W":
            content = tensor.raw_data
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in {"location": location, **words}.items():
                tensor.external_data.add(key=key, value=value)
    folder = tmp_path / "model"
    (folder / "below").mkdir(parents=True)
    for place in (folder / "w.bin", folder / "below" / "w.bin", tmp_path / "w.bin"):
        place.write_bytes(b"1234" + content)
    if location == "link.bin":
        try:
            (folder / location).symlink_to(tmp_path / "w.bin")
        except OSError:
            pytest.skip("no links here")
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    return folder / "model.onnx"


def test_a_stack_without_its_external_data_is_refused_for_that() -> None:
    """The shapes are there, so that the nodes are known to be a stack."""
    made = stack(random_stored(num_layers=2), ([make("Squeeze", "y one", "z")], {"one": ints(1)}))
    assert read_onnx(made).num_layers == 2
    for tensor in made.graph.initializer:
        if tensor.name[0] in "WR":
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="w.bin")
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(made)
    assert {issue.code for issue in raised.value.issues} == {"missing_entry"}
    assert [issue.path[0] for issue in raised.value.issues] == ["W", "R", "W", "R"]
    assert "give the path of the file instead" in str(raised.value)


@pytest.mark.parametrize("location", ["w.bin", "below/w.bin", "below/../w.bin"])
def test_external_data_is_read_from_next_to_the_model(location: str, tmp_path: Path) -> None:
    path = external(tmp_path, location, offset="4")
    assert_same(read_onnx(path), random_stored())
    assert_same(read_onnx(str(path)), random_stored())
    with pytest.raises(bl.WeightsError, match="W: expected data in the model: give the path"):
        read_onnx(onnx.load(path, load_external_data=False))


@pytest.mark.parametrize(
    ("location", "words", "message"),
    [
        (
            "../w.bin",
            {},
            "W: external data: expected a file in the folder of the model, found '../w.b",
        ),
        ("/etc/hostname", {}, "expected a file in the folder of the model"),
        ("link.bin", {}, "expected a file in the folder of the model"),
        ("below", {}, "expected a file in the folder of the model"),
        ("none.bin", {}, "expected a file in the folder of the model"),
        ("", {}, "expected a file in the folder of the model"),
        ("w\0.bin", {}, "expected a file in the folder of the model"),
        ("w.bin", {"offset": "-4"}, "expected offset and length as decimal"),
        ("w.bin", {"offset": "9" * 30}, "expected offset and length as decimal"),
        ("w.bin", {"offset": "8"}, "expected 192 bytes from 8, found a file of 196 bytes"),
        ("w.bin", {"length": str(2**50)}, "bytes from 0, found a file of 196 bytes"),
        ("w.bin", {"length": "100"}, "expected 48 numbers for the shape"),
        ("w.bin", {"length": "99"}, "expected raw data in multiples of 4 bytes, found 99 bytes"),
    ],
)
def test_external_data_elsewhere_is_refused(
    location: str, words: dict[str, str], message: str, tmp_path: Path
) -> None:
    path = external(tmp_path, location, **words)
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(path)
    assert message in str(raised.value)


def huge(**fields: Any) -> bytes:
    made = one_node(random_stored())
    tensor = made.graph.initializer[0]
    for name, value in fields.items():
        if name == "dims":
            del tensor.dims[:]
            tensor.dims.extend(value)
        else:
            setattr(tensor, name, value)
    return bytes(made.SerializeToString())


FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "expected an ONNX model, found none"),
    "text": (b"no model", "expected an ONNX model, found none"),
    "huge": (huge(dims=[2**40, 2**20]), "numbers for the shape [1099511627776, 1048576], found 48 numbers"),
    "negative": (huge(dims=[-1, 16, 3]), "W: expected up to 8 sizes of at least 0, found [-1, 16, 3]"),
    "rank": (huge(dims=[1] * 9), "W: expected up to 8 sizes of at least 0"),
    "bytes": (huge(raw_data=b"123"), "W: expected raw data in multiples of 4 bytes, found 3 bytes"),
    "type": (huge(data_type=77), "found 77"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), FILES.values(), ids=FILES.keys())
def test_files_that_are_no_models_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(content)
    with refused_in_little_memory(bl.WeightsError) as raised:
        read_onnx(path)
    assert message in str(raised.value)


WAY = (
    [make("Transpose", "y", "a", perm=[0, 2, 1, 3]), make("Reshape", "a shape", "z")],
    {"shape": ints(0, 0, -1)},
)


def test_damaged_files_are_refused_or_read_never_worse(tmp_path: Path) -> None:
    outcomes = {"accepted": 0, "refused": 0}

    @settings(max_examples=150)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        content = bytearray(stack(random_stored(num_layers=2), WAY).SerializeToString())
        end = data.draw(st.integers(0, len(content)))
        for _ in range(data.draw(st.integers(0, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path = tmp_path / "a.onnx"
        path.write_bytes(content[: end if data.draw(st.booleans()) else None])
        try:
            stored = read_onnx(path)
        except bl.WeightsError as error:
            assert error.issues
            outcomes["refused"] += 1
        else:
            assert stored.num_layers in {1, 2}
            outcomes["accepted"] += 1

    check()
    assert min(outcomes.values()) > 5, outcomes


def test_arguments_that_are_no_onnx_model_are_refused() -> None:
    with pytest.raises(
        bl.WeightsError, match=r"source: expected a path or an onnx.ModelProto, found int"
    ):
        read_onnx(7)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(bl.ExtraError, match=r"pip install bnns-lstm\[onnx\]"):
        read_onnx("a.onnx")


def test_operators_whose_names_are_no_utf8(tmp_path: Path) -> None:
    content = one_node(random_stored()).SerializeToString()
    (tmp_path / "model.onnx").write_bytes(content.replace(b"LSTM", b"LS\xffM"))
    with pytest.raises(bl.WeightsError, match="expected a model with an LSTM node, found none"):
        read_onnx(tmp_path / "model.onnx")
