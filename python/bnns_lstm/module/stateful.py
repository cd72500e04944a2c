"""An LSTM that holds weights: reading, writing, copying and pickling them.

In: weights by name, of one configuration. Out: the same; and an engine that calls are computed with. It knows
no call, and no format of others.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from bnns_lstm.config import LSTMConfig, truth
from bnns_lstm.module.arguments import refuse, threads
from bnns_lstm.module.engine import Engine
from bnns_lstm.module.parameters import Parameters, Weights
from bnns_lstm.module.results import LSTMState
from bnns_lstm.module.samples import Floats
from bnns_lstm.variants import PLAIN

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Stateful"]


class Stateful:
    """The part of an LSTM that holds weights.

    Attributes:
        initial_state: The initial states that a model of another library carried with it, or None. Calls begin
            from zeros all the same, unless they are given it.
        lengths: The steps of each sample that a model of another library carried with it, or None. Calls take
            all samples to the end all the same, unless they are given them.
    """

    initial_state: LSTMState | None = None
    lengths: tuple[int, ...] | None = None
    _engine: Engine
    # None until the first seed is drawn: NumPy's generators take longer to import than this package.
    _random: np.random.Generator | None

    def _set_up(self, config: LSTMConfig, num_threads: int | None, *, convert: bool) -> Weights:
        """Make the engine, over weights that are 0."""
        weights = Weights.made(config)
        self._engine = Engine(weights, num_threads or 0, convert=convert)
        return weights

    @classmethod
    def _empty(cls, config: LSTMConfig, *, num_threads: int | None, convert: bool) -> Self:
        """An LSTM whose weights are 0."""
        issues: list[Any] = []
        number = threads(num_threads, issues)
        is_converting = truth("convert", convert, issues)
        refuse(issues)
        made = cls.__new__(cls)
        made._random = None
        made._set_up(config, number, convert=is_converting)
        return made

    @property
    def config(self) -> LSTMConfig:
        """The configuration; equal for LSTMs that differ in their weights alone."""
        return self._engine.config

    @property
    def num_threads(self) -> int | None:
        """Threads to use at most; None where the library chooses."""
        return self._engine.num_threads or None

    @property
    def parameters(self) -> Parameters:
        """The weights by PyTorch's names, as views that may be written; the next call sees what was written.

        Blocks along the first axis are input, forget, candidate and output gate. `weight_ch_l0` holds the
        peepholes. Whoever keeps a view and writes it after a call has been made calls `update()`. An array
        that is assigned to a name is copied.

        Raises:
            ArgumentError: Where something is assigned that does not fit.

        Example:
            >>> import bnns_lstm as bl
            >>> lstm = bl.LSTM(3, 4, seed=0)
            >>> lstm.parameters["bias_ih_l0"][4:8] = 1
            >>> {name: weight.shape for name, weight in lstm.parameters.items() if name.startswith("w")}
            {'weight_ih_l0': (16, 3), 'weight_hh_l0': (16, 4)}
        """
        self._engine.changed()
        return Parameters(self._engine.weights.named, self._engine.changed)

    def update(self) -> None:
        """Use the weights as they are now from the next call on.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> lstm = bl.LSTM(3, 4, seed=0)
            >>> weight = lstm.parameters["weight_ih_l0"]
            >>> y, state = lstm(np.zeros((5, 2, 3), np.float32))
            >>> weight += 1
            >>> lstm.update()
        """
        self._engine.changed()

    def state_dict(self) -> dict[str, Floats]:
        """Copies of the weights, by PyTorch's names and in PyTorch's order.

        Example:
            >>> import bnns_lstm as bl
            >>> list(bl.LSTM(3, 4, seed=0).state_dict())
            ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0']
        """
        return self._engine.weights.copies()

    def load_state_dict(self, given: Mapping[str, Any]) -> None:
        """Take the weights of a mapping with exactly these names and shapes.

        Raises:
            ArgumentError: For every missing, surplus or misshapen entry; nothing was changed then.

        Example:
            >>> import bnns_lstm as bl
            >>> lstm, other = bl.LSTM(3, 4, seed=0), bl.LSTM(3, 4, seed=1)
            >>> lstm.load_state_dict(other.state_dict())
        """
        self._engine.weights.load(given, convert=self._engine.convert)
        self._engine.changed()

    def __getstate__(self) -> dict[str, Any]:
        """Configuration and weights; nothing that was prepared."""
        return {
            "config": asdict(self.config),
            "num_threads": self.num_threads,
            "convert": self._engine.convert,
            "random": deepcopy(self._random),
            "weights": self.state_dict(),
            "initial_state": self.initial_state,
            "lengths": self.lengths,
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """See `__getstate__`."""
        config = LSTMConfig(**state["config"])
        weights = self._set_up(config, state["num_threads"], convert=state["convert"])
        weights.fill(state["weights"])
        self._random = state["random"]
        self.initial_state = state["initial_state"]
        self.lengths = state["lengths"]

    def __repr__(self) -> str:
        """As it could be made again, but for the weights."""
        config = self.config
        words = [str(config.input_size), str(config.hidden_size)]
        if config.num_layers > 1:
            words.append(str(config.num_layers))
        for name, default in (
            ("bias", True), ("batch_first", False), ("dropout", 0.0), ("bidirectional", False),
            ("peephole", None), ("merge", "concat"), *PLAIN.items(),
        ):  # fmt: skip
            value = getattr(config, name)
            if value != default:
                words.append(f"{name}={value!r}")
        if config.activations:
            words.append("activations={...}")
        return f"LSTM({', '.join(words)})"
