from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from bnns_lstm.descriptors import FilterParameters, LayerParametersLSTM

__all__ = [
    "PackedWeights",
    "PreparedGradients",
    "PreparedLayer",
    "PreparedTraining",
    "__version__",
    "_cached_cell_states",
    "_fingerprint",
    "compute_lstm_training_cache_capacity",
    "direct_apply_lstm_batch_backward",
    "direct_apply_lstm_batch_training_caching",
    "dropout_mask",
    "error_codes",
    "info",
    "prepare",
    "prepare_gradients",
    "prepare_training",
    "validate",
]

_Floats: TypeAlias = npt.NDArray[np.float32]
_Axes: TypeAlias = tuple[int, int, int, int]
# The arrays of a data descriptor: sequence, hidden state, cell state.
_Three: TypeAlias = tuple[object, object, object]

__version__: str

def validate(
    params: LayerParametersLSTM, filter_params: FilterParameters | None = None
) -> None: ...
def compute_lstm_training_cache_capacity(
    params: LayerParametersLSTM, filter_params: FilterParameters | None = None
) -> int: ...
def _cached_cell_states(
    params: LayerParametersLSTM, filter_params: FilterParameters | None = None
) -> tuple[int, _Axes, _Axes] | None: ...
def _fingerprint(arrays: tuple[_Floats, ...]) -> int: ...
def dropout_mask(
    params: LayerParametersLSTM, filter_params: FilterParameters | None = None
) -> npt.NDArray[np.float32]: ...
def direct_apply_lstm_batch_training_caching(
    params: LayerParametersLSTM,
    filter_params: FilterParameters | None = None,
    cache: npt.NDArray[np.uint8] | None = None,
) -> None: ...
def direct_apply_lstm_batch_backward(
    params: LayerParametersLSTM,
    delta_params: LayerParametersLSTM,
    filter_params: FilterParameters | None = None,
    cache: npt.NDArray[np.uint8] | None = None,
) -> None: ...

@final
class PackedWeights:
    @property
    def nbytes(self) -> int: ...
    def update(self) -> None: ...

@final
class PreparedLayer:
    @property
    def weights(self) -> PackedWeights: ...
    def forward(self) -> None: ...
    def call(
        self, data: object, hidden: object, cell: object
    ) -> tuple[_Floats, _Floats, _Floats] | None: ...
    def call_into(
        self, data: object, hidden: object, cell: object, out: object
    ) -> tuple[_Floats, _Floats] | None: ...
    def update_weights(self) -> None: ...
    def explain(self) -> str: ...

def prepare(
    params: LayerParametersLSTM,
    filter_params: FilterParameters | None = None,
    weights: PackedWeights | None = None,
) -> PreparedLayer: ...

@final
class PreparedTraining:
    @property
    def nbytes(self) -> int: ...
    def forward(self, inputs: _Three, outputs: _Three, cache: object, seed: int) -> bool: ...

@final
class PreparedGradients:
    def backward(
        self,
        inputs: _Three,
        incoming: _Three,
        outgoing: _Three,
        blocks: tuple[
            _Floats, _Floats | None, _Floats, _Floats | None, _Floats | None, _Floats | None
        ],
        cache: object,
        seed: int,
    ) -> bool: ...

def prepare_training(
    params: LayerParametersLSTM, filter_params: FilterParameters
) -> PreparedTraining: ...
def prepare_gradients(
    params: LayerParametersLSTM,
    delta_params: LayerParametersLSTM,
    filter_params: FilterParameters,
) -> PreparedGradients: ...
def info() -> dict[str, object]: ...
def error_codes() -> list[tuple[str, str]]: ...
