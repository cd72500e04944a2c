from bnns_lstm.descriptors import FilterParameters, LayerParametersLSTM

__all__ = [
    "__version__",
    "direct_apply_lstm_batch_training_caching",
    "error_codes",
    "info",
    "validate",
]

__version__: str

def validate(
    params: LayerParametersLSTM, filter_params: FilterParameters | None = None
) -> None: ...
def direct_apply_lstm_batch_training_caching(
    params: LayerParametersLSTM, filter_params: FilterParameters | None = None
) -> None: ...
def info() -> dict[str, object]: ...
def error_codes() -> list[tuple[str, str]]: ...
