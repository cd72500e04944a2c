"""Layers of a file of Keras to networks of one layer each, where together they are a stack.

In: the layers that are meant, the lowest first. Out: a network for each cell, and how its outputs go on to the
next one. Which layers are meant, and how networks become one, is not known here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.keras.arrays import check, one_layer
from bnns_lstm.formats.keras.config import Config, config_of
from bnns_lstm.formats.keras.files import KerasLayer
from bnns_lstm.formats.keras.graph import is_in_training, stack_issues
from bnns_lstm.formats.keras.h5 import Array
from bnns_lstm.formats.keras.training import training_issues
from bnns_lstm.formats.stack import FOLDED
from bnns_lstm.formats.stored import StoredLSTM

__all__ = ["cells_of"]


def cells_of(
    chosen: Sequence[KerasLayer], merges: Collection[str] = FOLDED
) -> tuple[list[tuple[str, StoredLSTM]], set[int]]:
    """Each cell of the layers as a network of one layer, with a name for errors.

    Args:
        chosen: The layers, the lowest first.
        merges: What may become of the outputs of all layers but the last.

    Returns:
        The networks, and the numbers of those whose directions go on alone.

    Raises:
        WeightsError: Naming everything in the configurations, and between the layers, that cannot be honoured.
    """
    configs = _configs(chosen, merges)
    cells = [
        network
        for layer, own in zip(chosen, configs, strict=True)
        for network in _networks(layer, own)
    ]
    flat = [config for own in configs for config in own]
    return cells, {number for number, config in enumerate(flat) if config.apart}


def _configs(chosen: Sequence[KerasLayer], merges: Collection[str]) -> list[list[Config]]:
    """The configurations of each layer's cells, and whether the layers are a stack, all problems at once."""
    issues: list[WeightsIssue] = []
    configs: list[list[Config]] = []
    for one in chosen:
        try:
            configs.append(_config(one, in_stack=len(chosen) > 1))
        except WeightsError as error:  # noqa: PERF203
            issues += error.issues
    if not issues:
        issues += _stack_issues(chosen, configs, merges)
    layers = [one.layer for one in chosen if one.layer is not None]
    issues += stack_issues(layers) if len(layers) > 1 else ()
    if issues:
        raise WeightsError(tuple(issues))
    return configs


def _config(layer: KerasLayer, *, in_stack: bool) -> list[Config]:
    """A layer's configuration; where the file has none, its arrays say what they say."""
    if layer.layer is not None:
        own = layer.layer.config
        issues = tuple(training_issues(layer.name, own)) if is_in_training(layer.layer) else ()
        if issues:
            raise WeightsError(issues)
        return config_of(layer.name, own, layer.version, in_stack=in_stack)
    weights = layer.weights()
    count = len(weights)
    if layer.directions is None:
        _check_list(layer.name, weights)
        return [Config(bidirectional=count > 3, use_bias=count in {3, 6})]
    size = layer.directions * layer.cells
    if count not in {2 * size, 3 * size}:
        expected = f"{2 * size} or {3 * size} arrays"
        raise fail(layer.name, expected, str(count), codes.SIZE_MISMATCH)
    top = Config(bidirectional=layer.directions == 2, use_bias=count == 3 * size)
    return [replace(top, apart=top.bidirectional)] * (layer.cells - 1) + [top]


def _check_list(name: str, weights: Sequence[Array]) -> None:
    """Refuse a list of Keras 2's that is no LSTM's, and one of which it is not known what it is."""
    count = len(weights)
    if count not in {2, 3, 4, 6}:
        expected = "2 or 3 arrays of an LSTM, or 4 or 6 of a Bidirectional"
        found = f"{count}, the last {shown(weights[-1].path)}" if weights else "none"
        raise fail(name, expected, found, codes.SIZE_MISMATCH)
    if count > 3 and not any("backward" in one.path for one in weights[count // 2 :]):
        expected = (
            "the arrays of a layer forward and of a layer backward (or the file of a whole model)"
        )
        found = f"no 'backward' in {shown(weights[-1].path)}"
        raise fail(name, expected, found, codes.UNSUPPORTED_HERE)


def _stack_issues(
    chosen: Sequence[KerasLayer], configs: Sequence[Sequence[Config]], merges: Collection[str]
) -> Iterator[WeightsIssue]:
    """What the fields of layers say against a stack."""
    for one, own in list(zip(chosen, configs, strict=True))[:-1]:
        top = own[-1]
        if not top.sequences:
            expected = "true for all layers of a stack but the last"
            path = f"{one.name}: return_sequences"
            yield WeightsIssue(path, expected, "false", codes.STACK_MISMATCH)
        if top.merge not in merges:
            known = (
                "'concat', 'sum', 'ave' or 'mul'" if "mul" in merges else "'concat', 'sum' or 'ave'"
            )
            expected = f"{known} for all layers of a stack but the last"
            if top.merge is not None:
                expected += f" (bl.Stack.from_keras reads {top.merge!r}, too)"
            path = f"{one.name}: merge_mode"
            yield WeightsIssue(path, expected, shown(top.merge), codes.UNSUPPORTED_HERE)
    first = configs[0][0].distributed
    for one, own in zip(chosen, configs, strict=True):
        if own[0].distributed != first:
            expected = f"{first} around it, as around {shown(chosen[0].name)}"
            found = str(own[0].distributed)
            yield WeightsIssue(
                f"{one.name}: TimeDistributed", expected, found, codes.STACK_MISMATCH
            )


def _networks(layer: KerasLayer, configs: Sequence[Config]) -> Iterator[tuple[str, StoredLSTM]]:
    """Each cell of a layer of a file as a network of one layer, the lowest first, with a name for errors."""
    weights = layer.weights()
    directions = 1 + configs[0].bidirectional
    sizes = [3 if config.use_bias else 2 for config in configs]
    half = sum(sizes)
    if len(weights) != directions * half:
        found = str(len(weights))
        raise fail(layer.name, f"{directions * half} arrays", found, codes.SIZE_MISMATCH)
    # One array under many names would be read as often.
    total = sum(array.stored for array in weights)
    if total > weights[0].size_of_file:
        expected = f"at most the {weights[0].size_of_file} bytes of the file"
        raise fail(layer.name, expected, f"arrays of {total}", codes.DAMAGED_FILE)
    start = 0
    for number, (config, size) in enumerate(zip(configs, sizes, strict=True)):
        own = [*weights[start : start + size], *weights[half + start : half + start + size]]
        name = f"{layer.name}.cells[{number}]" if len(configs) > 1 else layer.name
        yield name, _network(own, config)
        start += size


def _network(weights: Sequence[Array], config: Config) -> StoredLSTM:
    """One cell's network."""
    paths = [array.path for array in weights]
    hidden, is_cudnn = check(paths, [array.shape for array in weights])
    if config.units is not None and config.units != hidden:
        expected = f"{config.units} units, as the configuration says"
        raise fail(paths[1], expected, str(hidden), codes.SIZE_MISMATCH)
    if config.is_cudnn and not is_cudnn:
        expected = f"[{8 * hidden}], as a CuDNNLSTM has it"
        raise fail(paths[-1], expected, f"[{4 * hidden}]", codes.SIZE_MISMATCH)
    return one_layer(paths, [array.read() for array in weights], config)
