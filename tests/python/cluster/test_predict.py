"""`predict` without a cluster: values, laziness, and what is refused before anything is computed."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys

import bnns_lstm as bl
import dask
import dask.array as da
import dask.bag as db
import numpy as np
import pytest
from bnns_lstm.dask import blocks
from bnns_lstm.dask.blocks import Model

predict = bl.dask.predict
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(9, 20, 3)).astype(np.float32)
LENGTHS = RANDOM.integers(0, 10, 20)
CHUNKS = (7, 7, 6)

LSTMS = {
    "plain": lambda: bl.LSTM(3, 5, seed=0),
    "deep": lambda: bl.LSTM(3, 5, 2, bidirectional=True, merge="sum", seed=0),
    "batch_first": lambda: bl.LSTM(3, 5, batch_first=True, bidirectional=True, seed=0),
    "projected": lambda: bl.LSTM(3, 5, proj_size=2, seed=0),
    "stack": lambda: bl.Stack([bl.LSTM(3, 5, seed=0), bl.LSTM(5, 4, 2, seed=1)]),
}


def chunked(x: np.ndarray, batch: int = 1) -> da.Array:
    chunks = [size if axis != batch else CHUNKS for axis, size in enumerate(x.shape)]
    return da.from_array(x, chunks=tuple(chunks))


@pytest.fixture(autouse=True)
def _in_this_thread() -> object:
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.mark.parametrize("with_lengths", ["none", "numpy", "dask"])
@pytest.mark.parametrize("name", LSTMS)
def test_results_have_the_bits_of_one_call(name: str, with_lengths: str) -> None:
    lstm = LSTMS[name]()
    batch = 0 if name == "batch_first" else 1
    x = X.swapaxes(0, 1) if batch == 0 else X
    given = {"none": None, "numpy": LENGTHS, "dask": da.from_array(LENGTHS, chunks=11)}
    y, state = lstm(x, lengths=None if with_lengths == "none" else LENGTHS)
    hidden = state[-1].h if name == "stack" else state.h
    found = predict(lstm, chunked(x, batch), lengths=given[with_lengths])
    assert isinstance(found, da.Array)
    assert (found.shape, found.dtype, found.chunks[batch]) == (y.shape, y.dtype, CHUNKS)
    final = predict(lstm, chunked(x, batch), lengths=given[with_lengths], output="final")
    assert (final.shape, final.chunks[1]) == (hidden.shape, CHUNKS)
    computed, last = dask.compute(found, final)
    assert (computed == y).all()
    assert (last == hidden).all()


def test_nothing_is_computed_before_and_the_weights_are_those_of_the_call() -> None:
    asked = []

    def read(block: np.ndarray) -> np.ndarray:
        asked.append(block.shape)
        return block

    lstm = bl.LSTM(3, 5, seed=0)
    expected, _ = lstm(X)
    x = chunked(X).map_blocks(read, dtype=np.float32, meta=np.empty((0, 0, 0), np.float32))
    found = predict(lstm, x)
    assert not asked
    lstm.parameters["weight_ih_l0"][:] = 0
    assert (found[:, 15:].compute() == expected[:, 15:]).all()
    assert asked == [(9, 6, 3)]


@pytest.mark.parametrize("name", LSTMS)
def test_a_bag_of_sequences_gives_an_array_for_each(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bnns_lstm.dask.blocks.TOGETHER", 3)
    lstm = LSTMS[name]()
    sequences = [X[:length, index] for index, length in enumerate(LENGTHS)]
    bag = db.from_sequence(sequences, npartitions=3)
    found, final = predict(lstm, bag), predict(lstm, bag, output="final")
    assert isinstance(found, da.Array)
    assert found.numblocks == (3,)
    outputs, hidden = dask.compute(found, final)
    assert outputs.shape == (20,)
    assert hidden.dtype == np.float32
    for index, sequence in enumerate(sequences):
        y, state = lstm(sequence)
        assert (outputs[index] == y).all()
        assert outputs[index].shape == y.shape
        assert (hidden[:, index] == (state[-1].h if name == "stack" else state.h)).all()
    with pytest.raises(
        bl.ArgumentError, match=r"sequence 1 of its partition: expected float32\[st"
    ):
        predict(lstm, db.from_sequence([X[:, 0], X[:, 0, :2]], npartitions=1)).compute()


def refused(*arguments: object, **options: object) -> dict[str, str]:
    with pytest.raises(bl.ArgumentError) as found:
        predict(*arguments, **options)  # type: ignore[arg-type]
    return {issue.path: issue.code for issue in found.value.issues}


def test_what_cannot_be_divided_is_refused_by_name() -> None:
    lstm = bl.LSTM(3, 5, seed=0)
    assert refused(lstm, da.from_array(X, chunks=(4, 7, 2))) == {
        "x.chunks[0]": "unsupported_here",
        "x.chunks[2]": "unsupported_here",
    }
    with pytest.raises(bl.ArgumentError, match=r"one chunk along time \(x.rechunk\({0: -1}\)\)"):
        predict(lstm, da.from_array(X, chunks=(4, 7, 3)))
    first = bl.LSTM(3, 5, batch_first=True, seed=0)
    with pytest.raises(bl.ArgumentError, match=r"one chunk along time \(x.rechunk\({1: -1}\)\)"):
        predict(first, da.from_array(X, chunks=(9, 7, 3)))
    x = chunked(X)
    assert refused(lstm, X) == {"x": "wrong_type"}
    assert refused(lstm, x[..., :2]) == {"x": "size_mismatch"}
    assert refused(lstm, x[0]) == {"x": "size_mismatch"}
    assert refused(lstm, x.astype(float)) == {"x": "unsupported_data_type"}
    assert refused(lstm, x[:, x[0, :, 0] > 0]) == {"x": "unsupported_here"}
    assert refused(lstm, x, lengths=[1, 2]) == {"lengths": "size_mismatch"}
    assert refused(lstm, x, lengths=[10] * 20) == {"lengths[0]": "invalid_number"}
    assert refused(lstm, x, lengths=[1.0] * 20) == {"lengths": "size_mismatch"}
    assert refused(3, x, output="last") == {"lstm": "wrong_type", "output": "unknown_choice"}
    pair = bl.LSTM(3, 5, bidirectional=True, merge=None)
    assert refused(pair, db.from_sequence([X[:, 0]]), lengths=[3]) == {
        "lstm.merge": "unsupported_here",
        "lengths": "unsupported_here",
    }
    converting = bl.LSTM(3, 5, convert=True, seed=0)
    assert (predict(converting, x.astype(float)).compute() == lstm(X)[0]).all()


def fresh(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_dask_comes_when_it_is_asked_for_and_is_missed_by_name() -> None:
    assert fresh(
        "import sys, bnns_lstm as bl, bnns_lstm.dask; bl.dask.predict; "
        "print([n for n in sys.modules if n.split('.')[0] in ('dask', 'distributed')])"
    ) == "[]\n"  # fmt: skip
    told = fresh(
        "import sys; sys.modules['dask.array'] = sys.modules['distributed'] = None\n"
        "import bnns_lstm as bl\n"
        "for make in (lambda: bl.dask.predict(None, None), lambda: bl.dask.DataParallel(None, None)):\n"
        "    try: make()\n"
        "    except bl.ExtraError as error: print(error)"
    )
    lines = told.splitlines()
    assert len(lines) == 2
    assert all(line.endswith("pip install bnns-lstm[dask]") for line in lines)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_that_is_forked_while_a_model_is_looked_for_finds_it_too() -> None:
    model = Model.of(bl.LSTM(3, 4, seed=0))
    content = pickle.dumps(model)
    with blocks._kept.lock:  # as another thread may hold it
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            found = pickle.loads(content).lstm.config.hidden_size  # our own
            os._exit(found)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 4
