"""The neural networks in a Core ML model: its own, those of a pipeline's models, those in branches and loops.

In: a message `Model`. Out: a :class:`Network` for each, with the way from a value to the layer that makes it.
What layers compute is not known here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bnns_lstm import codes
from bnns_lstm._show import named, shown
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.coreml.kinds import LSTMS

__all__ = ["LSTMLayer", "Network", "networks_in"]

OWN = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
PIPELINES = ("pipelineClassifier", "pipelineRegressor")
BODIES = {"branch": ("ifBranch", "elseBranch"), "loop": ("conditionNetwork", "bodyNetwork")}
PROGRAM = (
    "an ML program (a neural network can be read: the coremltools call convert(…, "
    'convert_to="neuralnetwork") makes one; or read the model that was converted)'
)


class Network:
    """The layers of a network in the order in which they are computed.

    Attributes:
        prefix: What stands before their names: empty, or the model or layer that the network is in and `/`.
        layers: Messages `Layer`.
    """

    def __init__(self, prefix: str, layers: Sequence[Any]) -> None:
        self.prefix, self.layers = prefix, list(layers)
        self._makers: dict[str, list[int]] = {}
        for number, layer in enumerate(self.layers):
            for value in _made_by(layer):
                self._makers.setdefault(value, []).append(number)

    def maker(self, value: str, reader: int) -> int | None:
        """The number of the last layer before a reader that makes a value; None for the network's inputs."""
        numbers = self._makers.get(value, [])
        place = bisect_left(numbers, reader)
        return numbers[place - 1] if place else None

    def name(self, number: int) -> str:
        """A layer's name, for callers and errors."""
        return self.prefix + str(self.layers[number].name)

    def label(self, number: int) -> str:
        """A layer's name and kind, for errors."""
        kind = self.layers[number].WhichOneof("kind") or "of a kind that is not known"
        return f"{shown(self.name(number))} ({kind})"

    def lstms(self) -> Iterator[LSTMLayer]:
        """Its LSTM layers, not those in branches and loops."""
        for number, layer in enumerate(self.layers):
            if layer.WhichOneof("kind") in LSTMS:
                yield LSTMLayer(self, number)


class LSTMLayer:
    """An LSTM layer in its network.

    Attributes:
        network: The network.
        number: Which of its layers.
        name: Its name.
        path: The name as the path of an issue.
        message: The message `Layer`.
    """

    def __init__(self, network: Network, number: int) -> None:
        self.network, self.number = network, number
        self.name = network.name(number)
        self.path = named(self.name)
        self.message = network.layers[number]

    @property
    def content(self) -> Any:
        """The message of its kind."""
        return getattr(self.message, self.message.WhichOneof("kind"))


def networks_in(path: Path, model: Any) -> list[Network]:
    """All networks of a model, those in branches and loops after the ones that they are in.

    Raises:
        WeightsError: If there are none, with what the model is.
    """
    found: list[Network] = []
    others: list[str] = []
    _collect(model, "", found, others)
    if not found:
        kinds = " and ".join(dict.fromkeys(others)) or "an empty pipeline"
        raise fail(str(path), "a neural network", kinds, codes.UNSUPPORTED_HERE)
    return found


def _collect(model: Any, prefix: str, found: list[Network], others: list[str]) -> None:
    """Add a model's networks, or what it is instead."""
    kind = model.WhichOneof("kind")
    if kind in OWN:
        _collect_network(getattr(model, kind), prefix, found)
    elif kind == "pipeline" or kind in PIPELINES:
        pipeline = model.pipeline if kind == "pipeline" else getattr(model, kind).pipeline
        for number, one in enumerate(pipeline.models):
            # A pipeline without names has these.
            has_name = number < len(pipeline.names)
            name = pipeline.names[number] if has_name else f"model{number}"
            _collect(one, f"{prefix}{name}/", found, others)
    else:
        others.append(PROGRAM if kind == "mlProgram" else kind or "a model of an unknown kind")


def _collect_network(network: Any, prefix: str, found: list[Network]) -> None:
    own = Network(prefix, network.layers)
    found.append(own)
    for number, layer in enumerate(own.layers):
        for body in _bodies(layer):
            _collect_network(body, f"{own.name(number)}/", found)


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
