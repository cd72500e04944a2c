"""Outputs of an LSTM as a lazy array of Dask's. In: collections of Dask's. Out: a graph; nothing is computed.

What cannot be divided is refused before. What the tasks of the graph do is in `blocks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bnns_lstm import codes
from bnns_lstm._arrays import NUMBERS
from bnns_lstm._look import is_a
from bnns_lstm._show import shown
from bnns_lstm.dask.blocks import Model, block, bound, part
from bnns_lstm.dask.machines import LAYER, agreed, current_client
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.formats.extras import need
from bnns_lstm.module import LSTM, Stack

if TYPE_CHECKING:
    from dask.array import Array

__all__ = ["predict"]

KINDS = "a dask array [steps, batch, input] chunked along the batch, or a bag of sequences"


def predict(
    lstm: LSTM | Stack,
    x: Any,
    *,
    lengths: Any = None,
    output: Literal["steps", "final"] = "steps",
    client: Any = None,
) -> Array:
    """The outputs of an LSTM for a collection of Dask's, as a lazy array with its chunks.

    The weights are copied here, sent to each worker once and packed there once, whatever the number of chunks;
    a change of `lstm` is for the next call. A worker holds the chunks that it computes at the moment.

    Args:
        lstm: An LSTM, or a stack.
        x: A dask array of float32, `[steps, batch, input]`, with `batch_first` `[batch, steps, input]`, that is
            chunked along the batch alone; or a bag of sequences `[steps, input]`, each of its own length.
        lengths: Steps of each sample, as an array of NumPy's or of Dask's; None where all are complete. A bag's
            sequences have theirs.
        output: "steps" for the outputs of all steps, in the shape of those of `lstm`; of a bag, an array with
            an array `[steps, outputs]` for each sequence. "final" for the final hidden states,
            `[layers * directions, batch, outputs]`, of a stack those of its last LSTM.
        client: The client whose workers are looked at before; None for the one that Dask computes with.

    Raises:
        ArgumentError: With every argument that is wrong, and each worker that has not this package, or another
            version or SIMD level than the others.
        ExtraError: If Dask is not installed.

    Example:
        >>> import bnns_lstm as bl, bnns_lstm.dask, dask.array as da
        >>> x = da.ones((7, 100, 3), chunks=(-1, 25, -1), dtype="float32")
        >>> y = bnns_lstm.dask.predict(bl.LSTM(3, 4, seed=0), x)
        >>> y.shape, y.chunks[1], y.mean(axis=0).compute().shape
        ((7, 100, 4), (25, 25, 25, 25), (100, 4))
    """
    da, bags = need("dask.array", "dask"), need("dask.bag", "dask")
    issues: list[Issue] = []
    configs = _checked_configs(lstm, output, issues)
    is_bag = is_a(x, bags.Bag)
    if is_bag and lengths is not None:
        expected = "None with a bag, whose sequences have their lengths"
        issues.append(Issue("lengths", codes.UNSUPPORTED_HERE, expected, type(lengths).__name__))
    elif not is_bag and not is_a(x, da.Array):
        issues.append(Issue("x", codes.WRONG_TYPE, KINDS, type(x).__name__))
    elif configs and not is_bag:
        _check_array(x, configs[0], lstm, issues)
        if not issues and lengths is not None:
            lengths = _lengths(da, x, lengths, configs[0], issues)
    if issues:
        raise ArgumentError(tuple(issues))
    client = current_client() if client is None else client
    if client is not None:
        agreed(client, LAYER)
    made = Model.of(lstm)
    model = need("dask", "dask").delayed(made, name=f"bnns-lstm-model-{made.token}", traverse=False)
    final = output == "final"
    if is_bag:
        found: Array = _of_bag(da, x, lstm, model, final=final)
    else:
        found = _of_array(da, x, lengths, lstm, model, final=final)
    return found


def _of_array(da: Any, x: Any, lengths: Any, lstm: Any, model: Any, *, final: bool) -> Any:
    """A block of outputs for each block of samples."""
    configs = _configs(lstm)
    axes = "bti" if configs[0].batch_first else "tbi"
    layers, _, values = bound(lstm, 0)
    sizes = {"t": layers, "i": values} if final else {"i": configs[-1].output_size}
    pairs = [x, axes] if lengths is None else [x, axes, lengths, "b"]
    return da.blockwise(
        block,
        "tbi" if final else axes,
        *pairs,
        adjust_chunks=sizes,
        align_arrays=False,
        dtype=np.float32,
        meta=np.empty((0, 0, 0), np.float32),
        model=model,
        final=final,
    )


def _of_bag(da: Any, x: Any, lstm: Any, model: Any, *, final: bool) -> Any:
    """An array of arrays for each part of the bag, or the final hidden states."""
    parts = x.map_partitions(part, model=model, final=final).to_delayed()
    layers, _, values = bound(lstm, 0)
    shape = (layers, np.nan, values) if final else (np.nan,)
    dtype = np.float32 if final else object
    arrays = [da.from_delayed(each, shape, dtype=dtype) for each in parts]
    return da.concatenate(arrays, axis=int(final), allow_unknown_chunksizes=True)


def _configs(lstm: LSTM | Stack) -> tuple[Any, ...]:
    return (lstm.config,) if isinstance(lstm, LSTM) else lstm.configs


def _checked_configs(lstm: Any, output: Any, issues: list[Issue]) -> tuple[Any, ...]:
    """The configurations of an LSTM or a stack, nothing of anything else; with findings."""
    if not is_a(output, str) or output not in ("steps", "final"):
        expected = "'steps' or 'final'"
        issues.append(Issue("output", codes.UNKNOWN_CHOICE, expected, shown(output)))
    if not is_a(lstm, (LSTM, Stack)):
        expected = "an LSTM or a Stack"
        issues.append(Issue("lstm", codes.WRONG_TYPE, expected, type(lstm).__name__))
        return ()
    configs = _configs(lstm)
    if configs[-1].merge is None:
        expected = 'an LSTM with one output, such as merge="concat"'
        issues.append(Issue("lstm.merge", codes.UNSUPPORTED_HERE, expected, "None, a pair"))
    return configs


def _check_array(x: Any, config: Any, lstm: Any, issues: list[Issue]) -> None:
    """Findings for an array that cannot be divided into blocks of samples."""
    names = ("batch", "steps") if config.batch_first else ("steps", "batch")
    shape = f"[{names[0]}, {names[1]}, {config.input_size}]"
    if x.ndim != 3 or x.shape[2] != config.input_size:
        issues.append(Issue("x", codes.SIZE_MISMATCH, shape, str(list(x.shape))))
        return
    converts = isinstance(lstm, LSTM) and lstm._engine.convert  # noqa: SLF001  # of this package
    if x.dtype != np.float32 and not (converts and x.dtype.name in NUMBERS):
        expected = "float32 (x.astype('float32'))"
        issues.append(Issue("x", codes.UNSUPPORTED_DATA_TYPE, expected, str(x.dtype)))
    for axis, name in ((names.index("steps"), "time"), (2, "features")):
        chunks = x.chunks[axis]
        if len(chunks) > 1:
            expected = (
                f"one chunk along {name} (x.rechunk({{{axis}: -1}})): only samples are divided"
            )
            path, actual = f"x.chunks[{axis}]", f"{len(chunks)} chunks"
            issues.append(Issue(path, codes.UNSUPPORTED_HERE, expected, actual))
    if np.isnan(x.shape).any():
        expected = "chunks of known sizes (x.compute_chunk_sizes())"
        issues.append(Issue("x", codes.UNSUPPORTED_HERE, expected, str(list(x.shape))))


def _lengths(da: Any, x: Any, given: Any, config: Any, issues: list[Issue]) -> Any:
    """Lengths as an array of Dask's with the chunks of the batch."""
    axis = 0 if config.batch_first else 1
    steps, batch = x.shape[1 - axis], x.shape[axis]
    array: Any = given if is_a(given, da.Array) else np.asarray(given)
    if array.shape != (batch,) or array.dtype.kind not in "iu":
        expected = f"whole numbers [{batch}], one for each sample"
        actual = f"{array.dtype}{list(array.shape)}"
        issues.append(Issue("lengths", codes.SIZE_MISMATCH, expected, actual))
        return None
    if not is_a(array, da.Array):
        wrong = np.flatnonzero((array < 0) | (array > steps))
        if wrong.size:
            path, actual = f"lengths[{wrong[0]}]", str(array[wrong[0]])
            issues.append(Issue(path, codes.INVALID_NUMBER, f"0 to {steps} steps", actual))
            return None
        return da.from_array(array, chunks=(x.chunks[axis],))
    return array.rechunk((x.chunks[axis],))
