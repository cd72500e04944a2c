"""Keras' weights and files for tests, made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from bnns_lstm.formats import StoredLSTM
from formats_tools import computed
from reference import Array


def by_sample(stored: StoredLSTM, x: Array) -> Array:
    """The output of a network for x [N, S, I]."""
    assert stored.batch_first
    return computed(stored, x.swapaxes(0, 1))[0].swapaxes(0, 1)


def arrays_of(stored: StoredLSTM) -> list[Array]:
    """What `get_weights()` would return; the two biases added."""
    found = []
    for suffix in ("", "_reverse")[: stored.directions]:
        own = {
            key: stored.parameters.get(f"{key}_l0{suffix}") for key in ("weight_ih", "weight_hh")
        }
        found += [value.T for value in own.values() if value is not None]
        if stored.bias:
            biases = [stored.parameters[f"{key}_l0{suffix}"] for key in ("bias_ih", "bias_hh")]
            found.append(biases[0] + biases[1])
    return found


def cudnn(stored: StoredLSTM) -> list[Array]:
    """The arrays as Keras 2 stored a CuDNNLSTM: cuDNN's rows, gate by gate, under the plain format's shapes."""
    found = []
    for suffix in ("", "_reverse")[: stored.directions]:
        for kind in ("weight_ih", "weight_hh"):
            gates = np.split(stored.parameters[f"{kind}_l0{suffix}"], 4)
            found.append(
                np.concatenate([gate.ravel().reshape(gate.shape[::-1]) for gate in gates], axis=1)
            )
        biases = [stored.parameters[f"{kind}_l0{suffix}"] for kind in ("bias_ih", "bias_hh")]
        found.append(np.concatenate(biases))
    return found


def keras2(
    path: Path,
    layers: dict[str, tuple[dict[str, Any] | None, list[Array]]],
    version: str | None = "2.2.4",
    calls: dict[str, list[Any]] | None = None,
) -> Path:
    """A file as Keras 2 wrote it: of a whole model, or of weights alone if a layer has no configuration.

    With `calls`, the `inbound_nodes` of layers, the model is a functional one, otherwise a Sequential.
    """
    configs = [
        {**config, "config": {"name": name, **config["config"]}}
        for name, (config, _) in layers.items()
        if config
    ]
    model = {"class_name": "Sequential", "config": {"name": "sequential_1", "layers": configs}}
    if calls is not None:
        for one in configs:
            name = one["config"]["name"]
            one.update({"name": name, "inbound_nodes": calls[name]} if name in calls else {})
        model["class_name"] = "Model"
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if configs else file
        if configs:
            file.attrs["model_config"] = json.dumps(model).encode()
        if version is not None:
            file.attrs["keras_version"] = root.attrs["keras_version"] = version.encode()
        root.attrs["layer_names"] = [name.encode() for name in layers]
        for name, (_, arrays) in layers.items():
            group, names = root.create_group(name), []
            for i, array in enumerate(arrays):
                half = ("forward_", "backward_")[i // 3] if len(arrays) == 6 else ""
                own = f"{half}lstm" if half or i < 3 else f"lstm_{i // 3}"
                names.append(f"{name}/{own}/{('kernel', 'recurrent_kernel', 'bias')[i % 3]}:0")
                group.create_dataset(names[-1], data=array)
            group.attrs["weight_names"] = [text.encode() for text in names]
    return path


def lstm(**fields: Any) -> dict[str, Any]:
    """The configuration of an LSTM of four units."""
    return {"class_name": "LSTM", "config": {"units": 4, **fields}}


def pair(layer: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"class_name": "Bidirectional", "config": {"layer": layer, **fields}}
