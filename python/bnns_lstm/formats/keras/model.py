"""A model's configuration as a graph: layers at any depth, and what each call of a layer reads.

In: the configuration of a model as Keras 2 and 3 store it, `Sequential` and functional. Out: :class:`Model`.
What layers compute is not known here, nor where weights are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.keras.wrappers import (
    BY_ARRAYS,
    PAIR,
    RNN,
    TIMES,
    cells_of,
    fields_of,
    inner_of,
    is_lstm,
    kind_of,
)

__all__ = ["INPUT", "Call", "Layer", "Model", "Tensor", "model_of"]

INPUT, SEQUENTIAL = "InputLayer", "Sequential"
Step = tuple[str, str]
# Models around a layer.
DEEPEST = 16
# How many cells of an RNN an error names.
MOST = 4
# Arguments of a call by these names are no input whose values a layer passes on.
STATES, MASKS = "initial_state", "mask"


@dataclass(frozen=True)
class Tensor:
    """One output of one call of a layer, within a model."""

    layer: str
    call: int
    output: int


@dataclass(frozen=True)
class Call:
    """What one call of a layer reads: its inputs, and initial states that are given by that name.

    With `training` it does at inference what others do in training alone.
    """

    inputs: tuple[Tensor, ...]
    states: tuple[Tensor, ...] = ()
    training: bool = False


@dataclass(eq=False)
class Layer:
    """A layer of a model.

    Attributes:
        name: Its name in that model.
        path: The names of the models that it is in, and its own, with `/` between them.
        steps: The same way as pairs of a name and Keras 3's name of the group; a single `layer` leads into a
            `TimeDistributed`.
        config: Its class and configuration.
        parent: The model that it stands in.
        calls: What each of its calls reads.
        model: The model that it is, or that a `TimeDistributed` is around.
    """

    name: str
    path: str
    steps: tuple[Step, ...]
    config: Mapping[str, Any]
    parent: Model
    calls: list[Call] = field(default_factory=list)
    model: Model | None = None

    @property
    def kind(self) -> str:
        """The name of its class; with those of what it is around, if it is around another layer or cells."""
        kind = kind_of(self.config)
        if kind in {TIMES, PAIR}:
            return f"{kind}({kind_of(inner_of(self.config))})"
        cells = cells_of(self.config) if kind == RNN else ()
        return f"{kind}({', '.join(map(kind_of, cells[:MOST]))})" if cells else kind

    @property
    def label(self) -> str:
        """What errors call it."""
        return f"{shown(self.path)} ({self.kind})" if self.path else self.kind


@dataclass(eq=False)
class Model:
    """The layers of a model, and which tensors are its inputs and outputs.

    Attributes:
        owner: The model as a layer of another one.
        layers: In the order of the file.
        named: The same by their names in the model, of which there should be one each.
        inputs: The outputs of its input layers.
        outputs: What it gives.
    """

    owner: Layer | None
    layers: list[Layer] = field(default_factory=list)
    named: dict[str, list[Layer]] = field(default_factory=dict)
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)

    def add(self, layer: Layer) -> None:
        """One more layer."""
        self.layers.append(layer)
        self.named.setdefault(layer.name, []).append(layer)

    def all(self) -> Iterator[Layer]:
        """All layers, those of models in it after the layers that the models are."""
        for layer in self.layers:
            yield layer
            if layer.model is not None:
                yield from layer.model.all()


def model_of(path: str, model: Mapping[str, Any]) -> Model:
    """The graph of a whole model.

    Args:
        path: What errors call the model.
        model: Its class and configuration.

    Raises:
        WeightsError: If it has no list of layers, or too many models stand in each other.
    """
    if _listed(model) is None:
        kind = model.get("class_name")
        found = "none" if kind is None else f"none in a {shown(kind)} ({BY_ARRAYS})"
        raise fail(path, "a model with a list of layers", found, codes.MISSING_ENTRY)
    return _model(path, model, None, "", ())


def _listed(model: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The layers' configurations; None if this is no model."""
    config = model.get("config")
    # The oldest Sequential models are lists.
    layers = config.get("layers") if isinstance(config, dict) else config
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        return None
    return layers


def _model(
    path: str, config: Mapping[str, Any], owner: Layer | None, prefix: str, steps: tuple[Step, ...]
) -> Model:  # fmt: skip
    if len(steps) > DEEPEST:
        raise fail(path, f"at most {DEEPEST} models around a layer", "more", codes.TOO_LARGE)
    made, counts = Model(owner), dict[str, int]()
    for one in _listed(config) or ():
        name = str(fields_of(one).get("name", one.get("name")))
        key = _snake(str(one.get("class_name")))
        number = counts[key] = counts.get(key, -1) + 1
        way = (*steps, (name, f"{key}_{number}" if number else key))
        calls = _calls(one.get("inbound_nodes"))
        layer = Layer(name, f"{prefix}{name}", way, one, made, calls)
        inner: Mapping[str, Any] = one
        within = f"{prefix}{name}/"
        while kind_of(inner) == TIMES and not is_lstm(one):
            inner, way = inner_of(inner), (*way, ("", "layer"))
            within += f"{fields_of(inner).get('name')}/"
        if _listed(inner) is not None:
            layer.model = _model(path, inner, layer, within, way)
        made.add(layer)
    if kind_of(config) == SEQUENTIAL or isinstance(config.get("config"), list):
        _chain(made)
    else:
        fields = fields_of(config)
        made.inputs = list(_tensors(fields.get("input_layers")))
        made.outputs = list(_tensors(fields.get("output_layers")))
    return made


def _chain(model: Model) -> None:
    """Let each layer of a Sequential model read the one before."""
    below = Layer("", "", (), {"class_name": INPUT}, model)
    if model.layers and kind_of(model.layers[0].config) == INPUT:
        below = model.layers[0]
    else:
        model.named[""] = [below]
    model.inputs = [Tensor(below.name, 0, 0)]
    for layer in model.layers:
        if layer is not below:
            layer.calls = [Call((Tensor(below.name, 0, 0),))]
            below = layer
    model.outputs = [Tensor(below.name, 0, 0)]


def _calls(nodes: object) -> list[Call]:
    """What `inbound_nodes` say."""
    return [_call(node) for node in nodes] if isinstance(nodes, list) else []


def _call(node: object) -> Call:
    """One call: of Keras 3 a record of arguments, of Keras 2 a list of tensors that may end with one."""
    inputs: list[Tensor] = []
    states: list[Tensor] = []
    training = False
    if isinstance(node, dict) and "args" in node:
        inputs += _tensors(node["args"])
        words = [node.get("kwargs")]
        training = isinstance(node["args"], list) and any(one is True for one in node["args"])
    else:
        inputs += _tensors(node)
        tensors = [node, *node] if isinstance(node, list) else []
        words = [one[3] for one in tensors if isinstance(one, list) and len(one) > 3]
    for word in words:
        for name, value in word.items() if isinstance(word, dict) else ():
            training = training or (name == "training" and value not in (None, False))
            if name == STATES:
                states += _tensors(value)
            elif name != MASKS:
                inputs += _tensors(value)
    return Call(tuple(inputs), tuple(states), training)


def _tensors(value: object) -> Iterator[Tensor]:
    """The tensors in lists and records, in order; those of a record by its names, as Keras takes them."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            history = fields_of(one).get("keras_history")
            if one.get("class_name") == "__keras_tensor__":
                waiting.append(history)
            else:
                waiting += [one[name] for name in sorted(one, reverse=True)]
        elif isinstance(one, list):
            head = one[:3]
            if len(head) == 3 and type(head[0]) is str and type(head[1]) is type(head[2]) is int:
                yield Tensor(*head)
            else:
                waiting += reversed(one)


def _snake(name: str) -> str:
    """A class's name as Keras makes names of groups of it."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
