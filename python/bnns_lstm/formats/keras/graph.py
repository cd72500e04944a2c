"""Whether one layer of a model reads another one's outputs, and what stands between them.

In: layers of a :class:`~bnns_lstm.formats.keras.model.Model`. Out: what is wrong, by the names of layers. What
LSTMs compute, and which fields they have, is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.errors import WeightsIssue
from bnns_lstm.formats.keras.model import INPUT, Layer, Model, Tensor
from bnns_lstm.formats.keras.wrappers import TIMES, fields_of, inner_of, kind_of

__all__ = ["is_in_training", "stack_issues"]

# At inference these give what they read.
DROPPING = {
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity",
    "SpatialDropout1D",
}  # fmt: skip
# This one gives what it reads at all steps that are not masked.
MASKING = "Masking"
HARMLESS = "Dropout, noise, Masking, Activation('linear') and Identity"


def stack_issues(layers: Sequence[Layer]) -> Iterator[WeightsIssue]:
    """Why layers of a model, the lowest first, are no stack.

    A stack's layers are called once each. Each but the lowest reads the outputs of the one below, and none has
    an initial state that the stack itself computes.
    """
    counts = {id(layer): _times(layer, layers) for layer in layers}
    for layer in layers:
        count = counts[id(layer)]
        if count != 1:
            found = f"{count} calls" if count else "no inbound_nodes"
            code = codes.UNSUPPORTED_HERE if count else codes.MISSING_ENTRY
            yield WeightsIssue(layer.path, "one call of each layer of a stack", found, code)
    for lower, upper in pairwise(layers):
        is_clear = counts[id(lower)] == counts[id(upper)] == 1
        source = _source(lower, upper) if is_clear else None
        if source is not None:
            expected = f"the outputs of {shown(lower.path)}, with nothing between but {HARMLESS}"
            yield WeightsIssue(f"{upper.path}: input", expected, source, codes.UNSUPPORTED_HERE)
    for layer in layers:
        states = [tensor for call in layer.calls for tensor in (*call.states, *call.inputs[1:])]
        sources = [shown(one.path) for one in layers if _is_below(one, layer.parent, states)]
        if sources:
            expected = "one that does not come from the stack, so that it can be given to the call"
            found = f"one that comes from {', '.join(sources)}"
            path = f"{layer.path}: initial_state"
            yield WeightsIssue(path, expected, found, codes.UNSUPPORTED_HERE)


def is_in_training(layer: Layer) -> bool:
    """Whether a layer, or a model that it is in, is called with training=True."""
    owners = (model.owner for model in _around(layer))
    return any(call.training for one in (layer, *owners) if one is not None for call in one.calls)


def _times(layer: Layer, layers: Sequence[Layer]) -> int:
    """How often a layer is called, by models in the model that all the layers share."""
    shared = set.intersection(*({id(model) for model in _around(one)} for one in layers))
    count, one = len(layer.calls), layer
    while id(one.parent) not in shared and one.parent.owner is not None:
        one = one.parent.owner
        count *= len(one.calls)
    return count


def _around(layer: Layer) -> Iterator[Model]:
    """The models that a layer is in, the innermost first."""
    owner: Layer | None = layer
    while owner is not None:
        yield owner.parent
        owner = owner.parent.owner


def _source(lower: Layer, upper: Layer) -> str | None:
    """What the upper layer reads, if it is not the lower one's outputs."""
    model, inputs = upper.parent, upper.calls[0].inputs
    tensor = inputs[0] if inputs else None
    # The calls of models that the way has gone into, and what it has seen.
    inside: list[int] = []
    seen: set[tuple[int, Tensor, int]] = set()
    while tensor is not None:
        layer = _layer(model, tensor)
        place = (id(model), tensor, len(inside))
        if layer is None or place in seen:
            return f"no outputs of {shown(tensor.layer)}"
        seen.add(place)
        if layer is lower:
            return None if tensor.output == 0 else f"output {tensor.output} of {layer.label}"
        owner = model.owner
        if kind_of(layer.config) == INPUT and owner is not None and kind_of(owner.config) != TIMES:
            number = inside.pop() if inside else 0
            inputs = owner.calls[number].inputs if number < len(owner.calls) else ()
            model, tensor = owner.parent, dict(zip(model.inputs, inputs, strict=False)).get(tensor)
        elif any(call.training for call in layer.calls[tensor.call : tensor.call + 1]):
            return f"{layer.label}, which is called with training=True"
        elif layer.model is not None and kind_of(layer.config) != TIMES:
            inside.append(tensor.call)
            model, tensor = layer.model, dict(enumerate(layer.model.outputs)).get(tensor.output)
        elif _is_harmless(layer.config) and len(layer.calls[tensor.call].inputs) == 1:
            tensor = layer.calls[tensor.call].inputs[0]
        else:
            # Inputs of a model in a TimeDistributed are what that makes of its own.
            is_inside = kind_of(layer.config) == INPUT and owner is not None
            stands = owner if is_inside and owner is not None else layer
            is_below = _is_below(lower, layer.parent, [tensor])
            more = "" if is_below else f", which does not read {shown(lower.path)} at all"
            return f"{stands.label}{more}"
    return "nothing"


def _layer(model: Model, tensor: Tensor) -> Layer | None:
    """The layer of a tensor, if there is one of this name, and the call is one of its calls."""
    named = model.named.get(tensor.layer, [])
    if len(named) != 1:
        return None
    is_call = kind_of(named[0].config) == INPUT or 0 <= tensor.call < len(named[0].calls)
    return named[0] if is_call else None


def _is_below(layer: Layer, model: Model, tensors: Sequence[Tensor]) -> bool:
    """Whether tensors of a model depend on a layer, in whatever call."""
    waiting = [(model, tensor.layer) for tensor in tensors]
    seen: set[int] = set()
    while waiting:
        within, name = waiting.pop()
        for one in within.named.get(name, []):
            if one is layer:
                return True
            # A model's input has what the model is called with.
            is_input = kind_of(one.config) == INPUT and within.owner is not None
            for reader in (one, within.owner) if is_input else (one,):
                if reader is None or id(reader) in seen:
                    continue
                seen.add(id(reader))
                for call in reader.calls:
                    read = (*call.inputs, *call.states)
                    waiting += [(reader.parent, tensor.layer) for tensor in read]
                if one.model is not None:
                    waiting += [(one.model, tensor.layer) for tensor in one.model.outputs]
    return False


def _is_harmless(layer: Mapping[str, Any]) -> bool:
    """Whether a layer gives what it reads, at inference and where nothing is masked."""
    if kind_of(layer) == TIMES:
        layer = inner_of(layer)
        return kind_of(layer) in DROPPING
    if kind_of(layer) == "Activation":
        return fields_of(layer).get("activation") in (None, "linear")
    return kind_of(layer) in {*DROPPING, MASKING}
