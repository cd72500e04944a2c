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
    """A kind of fault and what to do about it."""

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
    """

    path: str
    expected: str
    actual: str
    code: str = ""


class BNNSLSTMError(Exception):
    """Base of all errors of this package."""


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
    """


class ArgumentError(_IssuesError[Issue]):
    """Arguments of a module's method that cannot be used. Nothing was computed.

    Attributes:
        issues: All faults, each with the name of the argument as its path; never empty.
    """


class CacheError(_IssuesError[Issue]):
    """A training cache that cannot be used: too small, never filled, another layer's, or of other weights.

    Nothing was written.

    Attributes:
        issues: What is wrong with it; one issue with the path ``cache``.
    """


class WeightsError(_IssuesError[WeightsIssue]):
    """A model, a file or a set of weights that cannot be taken over, or cannot be written.

    Attributes:
        issues: All that is wrong with it, each a :class:`WeightsIssue`; never empty.
    """


class ExtraError(BNNSLSTMError, ImportError):
    """A format needs a package that is not installed; the message says how to install it."""


class ConfigurationError(BNNSLSTMError, ValueError):
    """An environment variable asks for something that this machine does not have."""


class ComputeError(BNNSLSTMError, RuntimeError):
    """A valid call could not be carried out: out of memory, or threads that do not start."""


def _printable(character: str) -> str:
    """A character, or its escape if it cannot be printed: names in files may move a terminal's cursor."""
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _listed(lines: list[str]) -> str:
    """Lines under a heading, or the only one by itself."""
    if len(lines) == 1:
        return lines[0]
    return f"{len(lines)} problems:\n" + "\n".join(f"  {line}" for line in lines)
