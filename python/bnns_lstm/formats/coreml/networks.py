"""The neural networks in a Core ML model: its own, those of a pipeline's models, those in branches and loops.

In: a message `Model`. Out: a :class:`Network` for each, and for each function of an ML program. What layers
compute is not known here, but for those that move axes alone. Source: NeuralNetwork.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bnns_lstm import codes
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.coreml.kinds import LSTMS
from bnns_lstm.formats.coreml.programs import networks_of
from bnns_lstm.formats.coreml.steps import Move, Network, Step

__all__ = ["networks_in"]

OWN = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
PIPELINES = ("pipelineClassifier", "pipelineRegressor")
MOVES = {"squeeze": "squeeze", "expandDims": "expand", "transpose": "transpose"}
BODIES = {"branch": ("ifBranch", "elseBranch"), "loop": ("conditionNetwork", "bodyNetwork")}
# What an LSTM layer reads and gives.
AXES = ("steps", "batch", "values", "1", "1")


def networks_in(path: Path, folder: Path, model: Any) -> list[Network]:
    """All networks of a model, those in branches and loops after the ones that they are in.

    Args:
        path: What errors call the model.
        folder: Where the weights of ML programs are looked for.
        model: The message.

    Raises:
        WeightsError: If there are none, with what the model is.
    """
    found: list[Network] = []
    others: list[str] = []
    _collect(folder, model, "", found, others)
    if not found:
        kinds = " and ".join(dict.fromkeys(others)) or "an empty pipeline"
        expected = "a neural network or an ML program"
        raise fail(str(path), expected, kinds, codes.UNSUPPORTED_HERE)
    return found


def _collect(
    folder: Path, model: Any, prefix: str, found: list[Network], others: list[str]
) -> None:
    """Add a model's networks, or what it is instead."""
    kind = model.WhichOneof("kind")
    if kind in OWN:
        _collect_network(getattr(model, kind), prefix, found)
    elif kind == "mlProgram":
        own = networks_of(folder, model.mlProgram, prefix)
        found += own
        others += [] if own else ["an ML program without functions"]
    elif kind == "pipeline" or kind in PIPELINES:
        pipeline = model.pipeline if kind == "pipeline" else getattr(model, kind).pipeline
        for number, one in enumerate(pipeline.models):
            # A pipeline without names has these.
            has_name = number < len(pipeline.names)
            name = pipeline.names[number] if has_name else f"model{number}"
            _collect(folder, one, f"{prefix}{name}/", found, others)
    else:
        others.append(kind or "a model of an unknown kind")


def _collect_network(network: Any, prefix: str, found: list[Network]) -> None:
    own = Network(prefix, [_step(layer) for layer in network.layers], AXES)
    found.append(own)
    for number, layer in enumerate(network.layers):
        for body in _bodies(layer):
            _collect_network(body, f"{own.name(number)}/", found)


def _step(layer: Any) -> Step:
    """A layer."""
    kind = layer.WhichOneof("kind") or "of a kind that is not known"
    is_lstm = kind in LSTMS
    return Step(
        layer.name, kind, list(layer.input), list(layer.output), _made_by(layer), layer, _move(layer, kind),
        is_lstm, is_lstm and getattr(layer, kind).params.sequenceOutput,
    )  # fmt: skip


def _move(layer: Any, kind: str) -> Move | None:
    """What a layer does to axes, if that is all that it does."""
    if kind == "activation" and layer.activation.WhichOneof("kind") == "linear":
        linear = layer.activation.linear
        return Move("identity") if linear.alpha == 1 and linear.beta == 0 else None
    if kind == "copy":
        return Move("identity")
    if kind not in MOVES:
        return None
    own = getattr(layer, kind)
    is_all = kind == "squeeze" and own.squeezeAll
    return Move(MOVES[kind], None if is_all else tuple(own.axes))


def _bodies(layer: Any) -> Iterator[Any]:
    """The networks in a layer."""
    kind = layer.WhichOneof("kind")
    for name in BODIES.get(kind, ()):
        yield getattr(getattr(layer, kind), name)


def _made_by(layer: Any) -> set[str]:
    """The values that a layer makes, in its branches too, which share the names around them."""
    made = set(layer.output)
    for body in _bodies(layer):
        for inner in body.layers:
            made |= _made_by(inner)
    return made
