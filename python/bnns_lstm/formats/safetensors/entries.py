"""An LSTM as a configuration in JSON and arrays by name, as they stand in files of safetensors.

In: a network. Out: the two; or the way back, with a finding for everything that does not hold. It reads and
writes no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.activation import Activation
from bnns_lstm.enums import ActivationFunction
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.activations import ACTIVATIONS, fault_of_names
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.stored import FIELDS as CONFIGURATION
from bnns_lstm.formats.stored import Floats, StoredLSTM
from bnns_lstm.variants import PLAIN

__all__ = ["described", "fields_of", "stored_of"]

FIELDS = (*CONFIGURATION, "activations")
# Only in the configuration of what carries lengths.
LENGTHS = "lengths"
# Files of before the field was there have not got it; it is written where it says something.
LATER: dict[str, Any] = {"merge": "concat", **PLAIN}
STATES = ("state.h", "state.c")


def described(stored: StoredLSTM) -> tuple[dict[str, Any], dict[str, Floats]]:
    """The configuration, of what JSON has, and the arrays."""
    config = {name: getattr(stored, name) for name in FIELDS}
    for name, default in LATER.items():
        if config[name] == default:
            del config[name]
    if stored.activations is not None:
        config["activations"] = {
            name: [ActivationFunction(item.function).name, float(item.alpha), float(item.beta)]
            for name, item in stored.activations.items()
        }
    if stored.lengths is not None:
        config[LENGTHS] = list(stored.lengths)
    arrays = dict(stored.parameters)
    if stored.state is not None:
        arrays |= dict(zip(STATES, stored.state, strict=True))
    return config, arrays


def fields_of(path: str, config: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The fields of a configuration.

    Args:
        path: What errors call the file.
        config: What JSON holds, an object.
        count: The arrays that the file has for it, which bound everything that the configuration claims.

    Raises:
        WeightsError: If a field is missing, surplus or of another type.
    """
    fields = _config(path, config)
    if fields["num_layers"] > max(count, 1):
        actual = f"{fields['num_layers']} with {count} arrays"
        expected = "at most one layer for each array"
        raise fail(f"{path}: num_layers", expected, actual, codes.MISSING_ENTRY)
    return fields


def stored_of(path: str, fields: Mapping[str, Any], arrays: Mapping[str, Floats]) -> StoredLSTM:
    """The network of what `fields_of` gave and of arrays by name.

    Raises:
        WeightsError: If they do not fit together.
    """
    parameters = dict(arrays)
    found = [name for name in STATES if name in parameters]
    if len(found) == 1:
        raise fail(
            f"{path}: {found[0]}",
            "both initial states, state.h and state.c",
            "only one of them",
            codes.MISSING_ENTRY,
        )
    state = (parameters.pop(STATES[0]), parameters.pop(STATES[1])) if found else None
    try:
        return StoredLSTM(**fields, parameters=parameters, state=state)
    except WeightsError as error:
        issues = (
            WeightsIssue(f"{path}: {i.path}", i.expected, i.actual, i.code) for i in error.issues
        )
        raise WeightsError(tuple(issues)) from None


def _config(path: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a configuration, activations made of it."""
    config = dict(given)
    issues = [
        WeightsIssue(f"{path}: config", f"a field {name!r}", "no such field", codes.MISSING_ENTRY)
        for name in FIELDS
        if name not in config and name not in LATER
    ]
    known = f"only the fields {', '.join((*FIELDS, LENGTHS))}"
    issues += [
        WeightsIssue(f"{path}: config", known, shown(name), codes.UNEXPECTED_ENTRY)
        for name in config
        if name not in (*FIELDS, LENGTHS)
    ]
    if not issues and type(config["num_layers"]) is not int:
        found = shown(config["num_layers"])
        issues.append(
            WeightsIssue(f"{path}: num_layers", "an integer of at least 1", found, codes.WRONG_TYPE)
        )
    if not issues and not isinstance(config["peephole"], str | None):
        found = shown(config["peephole"])
        issues.append(
            WeightsIssue(
                f"{path}: peephole", "none, 'diagonal' or 'full'", found, codes.UNKNOWN_CHOICE
            )
        )
    if not issues and config["activations"] is not None:
        config["activations"] = _activations(path, config["activations"], issues)
    if issues:
        raise WeightsError(tuple(issues))
    return config


def _activations(path: str, found: object, issues: list[WeightsIssue]) -> dict[str, Activation]:
    """Activations of [function, alpha, beta] each; what is wrong is added to the issues."""
    path = f"{path}: activations"
    if not isinstance(found, dict):
        issues.append(WeightsIssue(path, "an object in JSON", shown(found), codes.WRONG_TYPE))
        return {}
    code = fault_of_names(found)
    if code is not None:
        issues.append(WeightsIssue(path, ", ".join(ACTIVATIONS), shown(found), code))
        return {}
    made: dict[str, Activation] = {}
    for name, entry in found.items():
        if _is_activation(entry):
            made[name] = Activation(ActivationFunction[entry[0]], *entry[1:])
        else:
            expected = "a function's name, alpha and beta"
            issues.append(WeightsIssue(f"{path}.{name}", expected, shown(entry), codes.WRONG_TYPE))
    return made


def _is_activation(entry: object) -> bool:
    if not isinstance(entry, list) or len(entry) != 3:
        return False
    names: Iterable[str] = (member.name for member in ActivationFunction)
    numbers = all(type(number) in {int, float} for number in entry[1:])
    return numbers and isinstance(entry[0], str) and entry[0] in set(names)
