"""Files of Keras that are old, damaged or hostile."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import bnns_lstm as bl
import h5py
import keras_models
import numpy as np
import pytest
from bnns_lstm.formats import read_keras
from formats_tools import assert_same, random_stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras_tools import arrays_of, keras2, lstm
from refused import refused_in_little_memory

FOLDER = keras_models.FOLDER


def test_older_files_without_names_are_matched_by_their_order(tmp_path: Path) -> None:
    """Keras before 3.0.5 gave groups the names of classes and did not store those of layers."""
    path = tmp_path / "a.keras"
    weights = io.BytesIO((FOLDER / "model.weights.h5").read_bytes())
    with h5py.File(weights, "r+") as file:
        for layer in file["layers"].values():
            layer["vars"].attrs.pop("name", None)
    with zipfile.ZipFile(FOLDER / "model.keras") as old, zipfile.ZipFile(path, "w") as new:
        for name in ("config.json", "metadata.json"):
            new.writestr(name, old.read(name))
        new.writestr("model.weights.h5", weights.getvalue(), zipfile.ZIP_DEFLATED)
    for layer in ("bi", "middle", "plain"):
        assert_same(read_keras(path, layer), read_keras(FOLDER / "model.keras", layer))
    path.with_suffix(".h5").write_bytes(weights.getvalue())
    assert read_keras(path.with_suffix(".h5"), "lstm_1").bias is False


Change = Callable[[h5py.File], object]
HOSTILE: dict[str, tuple[Change, str]] = {
    "external link": (
        lambda f: f["model_weights/a/a/lstm"].__setitem__(
            "bias:0", h5py.ExternalLink("b.h5", "/x")
        ),
        "bias:0: expected values in the file itself, found a link",
    ),
    "soft link": (
        lambda f: f["model_weights/a/a/lstm"].__setitem__(
            "bias:0", h5py.SoftLink("/model_weights")
        ),
        "bias:0: expected values in the file itself, found a link",
    ),
    "external values": (
        lambda f: f.create_dataset(
            "model_weights/a/a/lstm/bias:0", (16,), "f4", external=[("/etc/hostname", 0, 64)]
        ),
        "bias:0: expected values in the file itself, found a reference to another file",
    ),
    "virtual": (
        lambda f: f["model_weights/a/a/lstm"].create_virtual_dataset("bias:0", virtual()),
        "bias:0: expected values in the file itself, found a reference to another file",
    ),
    "no values": (
        lambda f: f.create_dataset("model_weights/a/a/lstm/bias:0", (16,), "f4"),
        "bias:0: expected 64 bytes of values, found 0 in a file of",
    ),
    "integers": (
        lambda f: f.create_dataset("model_weights/a/a/lstm/bias:0", data=np.zeros(16, np.int32)),
        "bias:0: expected float16, bfloat16, float32 or float64, found 'int32'",
    ),
    "texts": (
        lambda f: f.create_dataset("model_weights/a/a/lstm/bias:0", data=[b"a"] * 16),
        "bias:0: expected float16, bfloat16, float32 or float64, found 'object'",
    ),
    "missing": (lambda _: None, "bias:0: expected an array, as weight_names says, found none"),
    "a name that moves the cursor": (
        lambda f: f["model_weights"].attrs.__setitem__("layer_names", [b"\x1b[31m"]),
        r"/\x1b[31m: expected a group for each of the layer names, found none",
    ),
    "a long name": (
        lambda f: f["model_weights"].attrs.__setitem__("layer_names", [b"a" * 5000]),
        f"/{'a' * 56}...: expected a group for each of the layer names, found none",
    ),
    "no group": (
        lambda f: f["model_weights"].pop("a"),
        "a: expected a group for each of the layer names, found none",
    ),
    "config": (
        lambda f: f.attrs.__setitem__("model_config", b"{"),
        "model_config: expected an object in JSON, found something else",
    ),
    "deep": (
        lambda f: f.attrs.__setitem__("model_config", b'{"a":' + b"[" * 50000),
        "model_config: expected an object in JSON, found something else",
    ),
    "layers": (
        lambda f: f.attrs.__setitem__("model_config", b'{"config": {"layers": [7]}}'),
        "expected a model with a list of layers, found none",
    ),
    "a class": (
        lambda f: f.attrs.__setitem__("model_config", b'{"class_name": "Mine", "config": {}}'),
        "found none in a 'Mine' (of a model of its own class, the arrays of a layer's get_weights()",
    ),
}


def virtual() -> h5py.VirtualLayout:
    layout = h5py.VirtualLayout((16,), "f4")
    layout[:] = h5py.VirtualSource("b.h5", "x", (16,))
    return layout


@pytest.mark.parametrize(("change", "message"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_refused(change: Change, message: str, tmp_path: Path) -> None:
    path = keras2(tmp_path / "a.h5", {"a": (lstm(), arrays_of(random_stored()))})
    with h5py.File(path, "r+") as file:
        if "bias" in message:
            del file["model_weights/a/a/lstm/bias:0"]
        change(file)
    with pytest.raises(bl.WeightsError) as raised:
        read_keras(path)
    assert message in str(raised.value)


@pytest.mark.parametrize("packed", [None, "gzip"])
def test_no_memory_is_asked_for_by_a_size_in_the_file(packed: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    units = 1 << 14
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"a"]
        group = file.create_group("a")
        group.attrs["weight_names"] = [b"kernel", b"recurrent_kernel"]
        words = {"compression": packed, "chunks": (64, 64)} if packed else {}
        group.create_dataset("kernel", (units, 4 * units), "f4", **words)
        group.create_dataset("recurrent_kernel", (units, 4 * units), "f4", **words)
        if packed:
            group["kernel"][:64, :64] = 1
    message = "kernel: expected 4294967296 bytes of values, found"
    with refused_in_little_memory(bl.WeightsError, message):
        read_keras(path)


def test_no_memory_is_asked_for_by_a_chunk(tmp_path: Path) -> None:
    path = keras2(tmp_path / "a.h5", {"a": (lstm(), arrays_of(random_stored()))})
    with h5py.File(path, "r+") as file:
        name = "model_weights/a/a/lstm/bias:0"
        del file[name]
        words = {"chunks": (1 << 28,), "maxshape": (None,), "compression": "gzip"}
        file.create_dataset(name, (16,), "f4", **words)
    with pytest.raises(
        bl.WeightsError, match="bias:0: expected 1073741824 bytes of values, found 0 in"
    ):
        read_keras(path)


def archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(FOLDER / "model.keras") as old, zipfile.ZipFile(path, "w") as new:
        for name in ("config.json", "metadata.json", "model.weights.h5"):
            content = members.get(name.partition(".")[0], old.read(name))
            if content:
                new.writestr(name, content, zipfile.ZIP_DEFLATED)
    return path


ARCHIVES: dict[str, tuple[dict[str, bytes], str]] = {
    "no config": ({"config": b""}, "expected a whole .keras file, found a damaged one"),
    "no weights": ({"model": b""}, "expected a whole .keras file, found a damaged one"),
    "no json": ({"config": b"[]"}, "config.json: expected an object in JSON, found something else"),
    "no hdf5": ({"model": b"nothing"}, "model.weights.h5: expected a whole HDF5 file, found a damaged one"),
    "half": ({"model": (FOLDER / "model.weights.h5").read_bytes()[:20000]}, "a whole HDF5 file, found a dam"),
    "a bomb": ({"model": bytes(1 << 24)}, "model.weights.h5: expected at most"),
    "no lstm": ({"config": b'{"config": {"layers": []}}'}, "found none (of a model of its own class, the"),
}  # fmt: skip


@pytest.mark.parametrize(("members", "message"), ARCHIVES.values(), ids=ARCHIVES.keys())
def test_bad_archives_are_refused(members: dict[str, bytes], message: str, tmp_path: Path) -> None:
    with pytest.raises(bl.WeightsError) as raised:
        read_keras(archive(tmp_path / "a.keras", **members), "bi")
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("way", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "lzma"), (77, "77")]
)
@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_other_compressions_are_refused(way: int, name: str, member: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "a.keras")
    with zipfile.ZipFile(path) as old:
        members = {one: old.read(one) for one in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for one, content in members.items():
            new.writestr(one, content, way if one == member and way != 77 else zipfile.ZIP_STORED)
    if way == 77:  # in the directory at the end, ten bytes after the entry's signature
        written = bytearray(path.read_bytes())
        written[written.rindex(b"PK\x01\x02", 0, written.rindex(member.encode())) + 10] = way
        path.write_bytes(written)
    message = f"{member}: expected a stored or deflated member, found the compression {name}"
    with pytest.raises(bl.WeightsError, match=message):
        read_keras(path, "bi")


def test_a_member_before_the_beginning_of_the_file_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.keras")
    content = path.read_bytes()
    end = content.rindex(b"PK\x05\x06")
    # A directory that is said to be farther behind: as if the file had lost its beginning.
    place = int.from_bytes(content[end + 16 : end + 20], "little") + 1000
    path.write_bytes(content[: end + 16] + place.to_bytes(4, "little") + content[end + 20 :])
    message = (
        r"expected a whole \.keras file, found a damaged one \(\[Errno 22\] Invalid argument\)"
    )
    with pytest.raises(bl.WeightsError, match=message):
        read_keras(path, "bi")


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"text", b"PK", b"\x89HDF\r\n\x1a\n"])
def test_files_that_are_no_keras_model_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(content)
    with pytest.raises(bl.WeightsError, match=r"expected a .*, found"):
        read_keras(path)
    with pytest.raises(FileNotFoundError):
        read_keras(tmp_path / "none.h5")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_cut_files_are_refused_or_read_never_worse(tmp_path: Path, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(keras_models.FILES))
    content = (FOLDER / file).read_bytes()
    path = tmp_path / file
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(bl.WeightsError):
        read_keras(path, "bi")


def test_any_configuration_is_read_or_refused(tmp_path: Path) -> None:
    outcomes = {"accepted": 0, "refused": 0}
    with zipfile.ZipFile(FOLDER / "model.keras") as file:
        written = file.read("config.json")

    @settings(max_examples=60, derandomize=True)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        names = (
            "units",
            "activation",
            "use_bias",
            "layer",
            "merge_mode",
            "class_name",
            "config",
            "name",
        )
        leaves = st.sampled_from([None, True, 4, "LSTM", "Bidirectional", "tanh", "a"])
        values = st.recursive(
            leaves,
            lambda inner: (
                st.dictionaries(st.sampled_from(names), inner) | st.lists(inner, max_size=2)
            ),
        )
        drawn = data.draw(values)
        config = json.loads(written)
        layers = config["config"]["layers"]
        (plain,) = (layer for layer in layers if layer["config"]["name"] == "plain")
        # Something else in one place of the layer, around it, or instead of all layers.
        where = data.draw(st.sampled_from(["within", "around", "all"]))
        if where == "all":
            config["config"]["layers"] = [drawn, {"class_name": "LSTM", "config": drawn}]
        else:
            at = plain["config"] if where == "within" else plain
            at[data.draw(st.sampled_from(names) | st.sampled_from(sorted(at)))] = drawn
        path = archive(tmp_path / "a.keras", config=json.dumps(config).encode())
        try:
            stored = read_keras(path, "plain")
        except bl.WeightsError as error:
            assert error.issues
            outcomes["refused"] += 1
        else:
            assert stored.num_layers == 1
            outcomes["accepted"] += 1

    check()
    assert min(outcomes.values()) > 5, outcomes


def test_without_h5py_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    for file in keras_models.FILES:
        with pytest.raises(bl.ExtraError, match=r"'h5py': pip install bnns-lstm\[keras\]"):
            read_keras(FOLDER / file, "bi")
    assert read_keras(arrays_of(random_stored())).hidden_size == 4
