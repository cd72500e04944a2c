"""Files that are no models: each refused with its reason, in one line, and at no great expense."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from bnns_lstm.cli import main
from bnns_lstm.demo import UserError, storage
from bnns_lstm.demo.model import Model
from bnns_lstm.demo.weights import shapes
from bnns_lstm.formats.safetensors.content import RefusedError, arrays_of, encode, parse
from refused import refused_in_little_memory


def divided(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and arrays of a good file."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def joined(header: object, data: bytes) -> bytes:
    """A file of any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def edit(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    """A change of a file's header."""

    def make(content: bytes) -> bytes:
        header, data = divided(content)
        change(header)
        return joined(header, data)

    return make


def put(name: str, field: str, value: object) -> Callable[[bytes], bytes]:
    """A change of one field of one entry."""
    return edit(lambda header: header[name].update({field: value}))


def number(name: str, value: float) -> Callable[[bytes], bytes]:
    """A change of an array's first number."""

    def make(content: bytes) -> bytes:
        header, data = divided(content)
        start = header[name]["data_offsets"][0]
        raw = np.array(value, "<f4").tobytes()
        return joined(header, data[:start] + raw + data[start + 4 :])

    return make


def foreign(**arrays: np.ndarray) -> Callable[[bytes], bytes]:
    """A good safetensors file of something else."""
    return lambda _: safetensors.numpy.save(arrays)


def other_units(content: bytes) -> bytes:
    """A head for other units than the gates have."""
    arrays = {**Model.embedded().arrays, "head_weight": np.zeros(15, np.float32)}
    arrays["scaling"] = np.ones(2, np.float32)
    return encode(arrays, divided(content)[0]["__metadata__"])


def no_arrays(content: bytes) -> bytes:
    """The right words and nothing else."""
    return encode({}, divided(content)[0]["__metadata__"])


NINES = "9" * 5000
BAD = {
    "empty": (lambda _: b"", "expected a safetensors file, found another kind"),
    "a picture": (lambda _: b"\x89PNG\r\n\x1a\n" * 9, "expected a safetensors file, found another"),
    "length cut off": (lambda c: c[:7], "expected a safetensors file, found another kind"),
    "header cut off": (lambda c: c[:100], "bytes, found 92"),
    "arrays cut off": (lambda c: c[:-1], "'scaling': expected 4876 bytes of arrays, found 4875"),
    "half of it": (lambda c: c[: len(c) // 2], "bytes of arrays, found"),
    "more at the end": (lambda c: c + b"\0", "expected 4876 bytes of arrays, found 4877"),
    "header of 2^64 - 1": (lambda c: b"\xff" * 8 + c[8:], "at most 65536 bytes, found 1844674407"),
    "too large": (lambda c: c + bytes(1 << 24), "expected a file of at most 16777216 bytes"),
    "no json": (lambda c: joined(b"{'a': 1}", c), "expected a header in JSON"),
    "no text": (lambda c: joined(b"{\xff}", c), "expected a header in JSON"),
    "an endless number": (lambda _: joined(b'{"a":%s}' % NINES.encode(), b""), "header in JSON"),
    "deep": (lambda _: joined(b'{"a":' + b"[" * 60000, b""), "expected a header in JSON"),
    "a name twice": (lambda _: joined(b'{"a":1,"a":2}', b""), "different names, found one twice"),
    "metadata is a list": (
        edit(lambda h: h.update(__metadata__=[])),
        "expected an object, found [",
    ),
    "metadata is missing": (
        edit(lambda h: h.pop("__metadata__")),
        "metadata format 'bnns-lstm forecast 1'), found none",
    ),
    "foreign": (
        foreign(w=np.zeros((2, 2), np.float16)),
        "model of `bnns-lstm train` (metadata format",
    ),
    "another version": (
        edit(lambda h: h["__metadata__"].update(format="bnns-lstm forecast 2")),
        "found 'bnns-lstm forecast 2'",
    ),
    "no year": (edit(lambda h: h["__metadata__"].pop("test_from")), "expected a year, found none"),
    "other digits": (
        edit(lambda h: h["__metadata__"].update(test_from="\u0661")),
        "test_from: expected a year, found '\\u0661'",
    ),
    "a far year": (
        edit(lambda h: h["__metadata__"].update(test_from="1000001")),
        "test_from: expected a year, found '1000001'",
    ),
    "no arrays": (no_arrays, "expected an array 'candidate.b', found none"),
    "entry is no object": (edit(lambda h: h.update(scaling=7)), "'scaling': expected dtype, shape"),
    "a field too many": (
        put("input.b", "more", 1),
        "'input.b': expected dtype, shape and data_off",
    ),
    "another type": (
        put("input.b", "dtype", "F64"),
        "'input.b': expected dtype 'F32', found 'F64'",
    ),
    "a negative size": (put("input.b", "shape", [1, 1, -16]), "up to 8 sizes, found [1, 1, -16]"),
    "a size of 0": (put("input.b", "shape", [0]), "'input.b': expected data_offsets from"),
    "a size that is true": (put("input.b", "shape", [True, 16]), "sizes, found [True, 16]"),
    "a size of 16.0": (put("input.b", "shape", [16.0]), "sizes, found [16.0]"),
    "a size as text": (put("input.b", "shape", "16"), "sizes, found '16'"),
    "nine sizes": (put("input.b", "shape", [1] * 9), "expected up to 8 sizes"),
    "a size of 2^62": (put("input.b", "shape", [2**62]), "expected data_offsets from"),
    "sizes of 4000 digits": (
        put("input.b", "shape", [10**4000] * 8),
        "'input.b': expected data_off",
    ),
    "offsets of 2^62": (
        put("input.b", "data_offsets", [2**62, 2**63]),
        "expected data_offsets from",
    ),
    "offsets as numbers": (put("input.b", "data_offsets", [0.0, 64.0]), "two data_offsets, found"),
    "three offsets": (
        put("input.b", "data_offsets", [0, 1, 2]),
        "two data_offsets, found [0, 1, 2]",
    ),
    "overlap": (put("input.b", "data_offsets", [0, 64]), "'input.b': expected data_offsets from"),
    "an array missing": (edit(lambda h: h.pop("scaling")), "bytes of arrays, found"),
    "another name": (
        edit(lambda h: h.update({"x\ny": h.pop("head_bias")})),
        "expected an array 'head_bias', found none",
    ),
    "another shape": (
        put("input.hw", "shape", [1, 1, 8, 32]),
        "'input.hw': expected shape [1, 1, 16, 16], found [1, 1, 8, 32]",
    ),
    "units differ": (other_units, "'candidate.b': expected shape [1, 1, 15], found [1, 1, 16]"),
    "nan": (number("forget.cw", np.nan), "'forget.cw': expected numbers within 1000000"),
    "infinite": (number("head_bias", -np.inf), "'head_bias': expected numbers within 1000000"),
    "scaling of 0": (number("scaling", 0), "'scaling': expected a divisor above 0, found 0.0"),
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD.keys())
def test_a_file_that_is_no_model_is_refused_with_the_reason(
    make: Callable[[bytes], bytes],
    message: str,
    model_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model_file.write_bytes(make(model_file.read_bytes()))
    assert main(["forecast", "--model", str(model_file)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert len(printed.err) < 300 + len(str(model_file))
    assert printed.err.startswith(f"bnns-lstm: {model_file}: ")
    assert message in printed.err


@pytest.mark.parametrize(
    "make",
    [
        lambda content: (2**16).to_bytes(8, "little") + content[8:],
        put("input.hw", "shape", [2**20, 2**20]),
        put("input.hw", "data_offsets", [0, 2**50]),
        edit(lambda h: h["input.hw"].update(shape=[2**30], data_offsets=[0, 2**32])),
    ],
)
def test_no_memory_is_asked_for_by_a_number_in_the_file(
    make: Callable[[bytes], bytes], model_file: Path
) -> None:
    content = make(model_file.read_bytes())
    with refused_in_little_memory(RefusedError):
        arrays_of(*parse(content)[1:])


def test_damaged_bytes_are_refused_or_read_never_worse(model_file: Path) -> None:
    good, draw = model_file.read_bytes(), random.Random(2)
    refused = 0
    for _ in range(400):
        content = bytearray(good)
        for _ in range(draw.randint(1, 4)):
            # Mostly in the header, where it matters.
            content[draw.randrange(1200)] = draw.choice(b'\0 "{}[]:,019-xF\xff')
        model_file.write_bytes(content)
        try:
            assert storage.load(model_file).arrays.keys() == shapes(16).keys()
        except UserError:
            refused += 1
    assert refused > 300
