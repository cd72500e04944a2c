"""What can go wrong, as exceptions that say which field is meant.

The native module raises these classes; nothing here depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

__all__ = [
    "ArgumentError",
    "BNNSLSTMError",
    "CacheError",
    "ComputeError",
    "ConfigurationError",
    "DescriptorError",
    "ErrorCode",
    "ExtraError",
    "Issue",
    "WeightsError",
    "WeightsIssue",
]


class ErrorCode(NamedTuple):
    """A kind of fault and what to do about it.

    Example:
        >>> import bnns_lstm as bl
        >>> bl.error_codes()[0].code in {code.code for code in bl.error_codes()}
        True
    """

    code: str
    explanation: str


class _Finding:
    """What all issues have in common: a line that says what they say."""

    path: str
    code: str
    expected: str
    actual: str

    @property
    def message(self) -> str:
        """The finding as one line, in which all characters can be printed."""
        suffix = f" [{self.code}]" if self.code else ""
        line = f"{self.path}: expected {self.expected}, found {self.actual}{suffix}"
        return line if line.isprintable() else "".join(map(_printable, line))


@dataclass(frozen=True)
class Issue(_Finding):
    """One finding about one field.

    Attributes:
        path: Which field, for example ``input_gate.iw_desc[0].size[1]``.
        code: What kind of fault; stable, one of :mod:`bnns_lstm.codes`, explained by
            :func:`bnns_lstm.error_codes`.
        expected: What the field should have held.
        actual: What it held.

    Example:
        >>> import bnns_lstm as bl
        >>> bl.Issue("dropout", "invalid_dropout", "a ratio in [0, 1)", "2").message
        'dropout: expected a ratio in [0, 1), found 2 [invalid_dropout]'
    """

    path: str
    code: str
    expected: str
    actual: str


@dataclass(frozen=True)
class WeightsIssue(_Finding):
    """One finding about a model of another library, or a file of weights.

    Attributes:
        path: Which argument, file, entry, node or attribute, for example ``weight_hh_l0``.
        expected: What it should have been.
        actual: What it is.
        code: What kind of fault, as of an :class:`Issue`. All issues of this package have one; those that
            others make may be without.

    Example:
        >>> import bnns_lstm as bl
        >>> bl.WeightsIssue("weight_hh_l0", "[16, 4]", "[16, 5]", "size_mismatch").message
        'weight_hh_l0: expected [16, 4], found [16, 5] [size_mismatch]'
    """

    path: str
    expected: str
    actual: str
    code: str = ""


class BNNSLSTMError(Exception):
    """Base of all errors of this package.

    Example:
        >>> import bnns_lstm as bl
        >>> try:
        ...     bl.LSTM(0, 4)
        ... except bl.BNNSLSTMError as error:
        ...     print(type(error).__name__)
        ArgumentError
    """


Found = TypeVar("Found", bound=_Finding)


class _IssuesError(BNNSLSTMError, ValueError, Generic[Found]):
    """An error made of issues."""

    issues: tuple[Found, ...]

    def __init__(self, issues: tuple[Found, ...]) -> None:
        """An error from all its issues."""
        # The only argument, so that the error survives pickling.
        super().__init__(tuple(issues))
        self.issues = tuple(issues)

    def __str__(self) -> str:
        """One line for each issue, with a heading if there are several."""
        return _listed([issue.message for issue in self.issues])


class DescriptorError(_IssuesError[Issue]):
    """A structure that cannot be computed. Nothing was computed and nothing was written.

    Attributes:
        issues: All faults in the order in which the structure's fields stand; never empty.

    Example:
        >>> import bnns_lstm as bl
        >>> try:
        ...     bl.validate(bl.LayerParametersLSTM(3, 4, 1, 1, 10, dropout=2.0))
        ... except bl.DescriptorError as error:
        ...     print(error.issues[0].path)
        dropout
    """


class ArgumentError(_IssuesError[Issue]):
    """Arguments of a module's method that cannot be used. Nothing was computed.

    Attributes:
        issues: All faults, each with the name of the argument as its path; never empty.

    Example:
        >>> import bnns_lstm as bl
        >>> try:
        ...     bl.LSTM(3, 4, dropout=2.0, peephole="round")
        ... except bl.ArgumentError as error:
        ...     print(sorted(issue.path for issue in error.issues))
        ['dropout', 'peephole']
    """


class CacheError(_IssuesError[Issue]):
    """A training cache that cannot be used: too small, never filled, another layer's, or of other weights.

    Nothing was written.

    Attributes:
        issues: What is wrong with it; one issue with the path ``cache``.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> params = bl.LSTM(3, 4).layer_parameters(np.zeros((5, 2, 3), np.float32))
        >>> try:
        ...     bl.direct_apply_lstm_batch_training_caching(params, cache=np.zeros(8, np.uint8))
        ... except bl.CacheError as error:
        ...     print(error.issues[0].path, error.issues[0].code)
        cache cache_too_small
    """


class WeightsError(_IssuesError[WeightsIssue]):
    """A model, a file or a set of weights that cannot be taken over, or cannot be written.

    Attributes:
        issues: All that is wrong with it, each a :class:`WeightsIssue`; never empty.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> try:
        ...     bl.LSTM.from_torch({"weight_ih_l0": np.zeros((16, 3)), "weight_hh_l0": np.zeros((16, 5))})
        ... except bl.WeightsError as error:
        ...     print(error.issues[0].path)
        weight_hh_l0
    """


class ExtraError(BNNSLSTMError, ImportError):
    """A format needs a package that is not installed; the message says how to install it.

    Example:
        >>> import bnns_lstm as bl
        >>> issubclass(bl.ExtraError, ImportError)
        True
    """


class ConfigurationError(BNNSLSTMError, ValueError):
    """An environment variable asks for something that this machine does not have.

    Example:
        >>> import bnns_lstm as bl
        >>> try:
        ...     level = bl.info()["level"]  # with BNNSLSTM_LEVEL=avx1024 in the environment it raises
        ... except bl.ConfigurationError as error:
        ...     print(error)
    """


class ComputeError(BNNSLSTMError, RuntimeError):
    """A valid call could not be carried out: out of memory, or threads that do not start.

    Example:
        >>> import bnns_lstm as bl
        >>> try:
        ...     stream = bl.LSTM(3, 4).stream(2**59)
        ... except bl.ComputeError:
        ...     print("no memory for so many streams")
        no memory for so many streams
    """


def _printable(character: str) -> str:
    """A character, or its escape if it cannot be printed: names in files may move a terminal's cursor."""
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _listed(lines: list[str]) -> str:
    """Lines under a heading, or the only one by itself."""
    if len(lines) == 1:
        return lines[0]
    return f"{len(lines)} problems:\n" + "\n".join(f"  {line}" for line in lines)
