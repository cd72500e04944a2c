"""Stands for a program of `benches/crates`: this package, or one that errs in the way of its first argument.

    python fake_crate.py right|onnx|wrong|ignorant|failing|dead FOLDER

It reads the rows' files and answers as `benches/crates/protocol` does; every call takes a microsecond, in
`onnx` two.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import bnns_lstm as bl
from bnns_lstm.formats.safetensors.content import encode
from bnns_lstm.formats.safetensors.files import SafetensorsFile


def arrays_of(path: Path) -> dict[str, Any]:
    file = SafetensorsFile(path)
    found = {name: file.read(name) for name in file.entries}
    file.close()
    return found


def results_of(way: str, stem: Path, kind: str) -> dict[str, Any]:
    """As the programs compute them: steps three times, the others once."""
    call = arrays_of(Path(f"{stem}.call.safetensors"))
    weights = Path(f"{stem}.weights.safetensors")
    lstm = bl.LSTM.from_onnx(f"{stem}.onnx") if way == "onnx" else bl.LSTM.load(weights)
    if kind == "step":
        stream = lstm.stream(call["x"].shape[1])
        for _ in range(3):
            y = stream.step(call["x"][0])
        return {"y": y[None].copy(), "h": stream.state.h[0], "c": stream.state.c[0]}
    if kind == "train":
        y, _, tape = lstm.forward(call["x"], training=True)
        gradients = lstm.backward(tape, call["dy"])
        found = {"y": y, "dx": gradients.input}
        for name, short in (("weight_ih", "dw"), ("weight_hh", "dr"), ("bias_ih", "db")):
            found[f"{short}0.0"] = gradients.parameters[f"{name}_l0"]
        return found
    # The program `wrong` takes samples of different lengths, and does not look at the lengths.
    lengths = None if way == "wrong" else call["lengths"].astype(int)
    y, _ = lstm(call["x"], lengths=lengths)
    return {"y": y}


def answer(way: str, folder: Path, request: dict[str, str]) -> dict[str, Any]:
    if request["do"] != "build":
        seconds = {"onnx": 2e-6}.get(way, 1e-6)
        return {"calibrate": {"way": "", "calls": 1}, "sample": {"seconds": seconds}}.get(
            request["do"], {}
        )
    kind = request["row"].split(".")[0]
    if way == "ignorant" and kind != "forward":
        return {"unsupported": f"no {kind}"}
    if way == "failing":
        return {"error": "no memory"}
    found = results_of(way, folder / request["row"], kind)
    Path(request["results"]).write_bytes(encode(found, {}))
    return {"ways": [""]}


def main() -> None:
    way, folder = sys.argv[1], Path(sys.argv[2])
    if way == "dead":
        sys.exit(3)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(way, folder, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
