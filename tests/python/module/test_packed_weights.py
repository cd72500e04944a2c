"""One packed copy of the weights, whatever an LSTM is called with."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import outputs_of, parameters
from calls import small_layer

SHAPES = [(1, 1), (7, 1), (3, 2), (5, 4)]

PROGRAM = """
import bnns_lstm as bl, numpy as np
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
def call(steps, rows):
    lstm(np.zeros((steps, rows, 1024), np.float32))
lstm = bl.LSTM(1024, 1024, num_threads=1, seed=0)
lstm.stream(1).step(np.zeros((1, 1024), np.float32))
one = resident()
for shape in SHAPES:
    call(*shape)
lstm.stream(2).process(np.zeros((3, 2, 1024), np.float32))
more = resident() - one
for shape in SHAPES:
    lstm.update()
    call(*shape)
print(lstm._engine.packed.nbytes, more, resident() - one)
"""


def ones(steps: int, rows: int) -> Any:
    return np.ones((steps, rows, 3), np.float32)


def test_all_shapes_and_streams_share_one_packed_copy() -> None:
    lstm = bl.LSTM(3, 20, 2, seed=0)
    for steps, rows in SHAPES:
        lstm(ones(steps, rows))
    streams = [lstm.stream(1), lstm.stream(3)]
    streams[0].process(ones(6, 1))
    engine = lstm._engine
    layers = [kept.prepared for kept in engine.kept.values()]
    layers += [stream._step for stream in streams]
    assert len(layers) == 6
    assert all(layer.weights is engine.packed for layer in layers)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="counts pages as Linux does")
def test_further_shapes_and_streams_take_no_further_copy_of_the_weights() -> None:
    program = PROGRAM.replace("SHAPES", repr(SHAPES))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    packed, more, after_updates = map(int, done.stdout.split())
    assert 32 << 20 <= packed < 33 << 20
    assert more < packed // 2, f"{more} bytes more"
    # The thread keeps the memory of the last copy for the next one; no shape keeps an old copy.
    assert after_updates < packed * 3 // 2, f"{after_updates} bytes more after updates"


def test_large_weights_have_the_same_bits_whatever_number_of_threads_packs_them() -> None:
    x = np.random.default_rng(1).normal(size=(2, 1, 8)).astype(np.float32)
    found = []
    for threads in (1, 2):
        lstm = bl.LSTM(8, 1024, seed=0, num_threads=threads)
        first = lstm(x)[0]
        lstm.parameters["weight_hh_l0"] *= -2
        second = lstm(x)[0]
        packed = lstm._engine.packed
        assert packed is not None
        assert packed.nbytes >= 8 << 20  # from 4 MiB a thread on, two of them pack
        params = lstm.layer_parameters(x)
        bl.prepare(params, bl.FilterParameters(n_threads=threads)).forward()
        found.append((first, second, params.output_descriptor.data_desc))
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)
    assert np.array_equal(found[0][1], found[0][2])
    assert not np.array_equal(found[0][0], found[0][1])


def test_new_weights_reach_all_shapes_and_streams() -> None:
    lstm = bl.LSTM(3, 20, seed=0)
    stream = lstm.stream(1)
    before = [lstm(ones(*shape))[0] for shape in SHAPES]
    lstm.parameters["weight_ih_l0"][...] *= 2
    lstm.update()
    other = bl.LSTM(3, 20, seed=1)
    other.load_state_dict(lstm.state_dict())
    for shape, old in zip(SHAPES, before, strict=True):
        new = lstm(ones(*shape))[0]
        assert np.array_equal(new, other(ones(*shape))[0])
        assert not np.array_equal(new, old)
    assert np.array_equal(stream.step(ones(1, 1)[0]), other(ones(1, 1))[0][0])


class SlowWeights:
    """Packed weights that are packed anew when they are let go on; the first attempts may fail."""

    def __init__(self, packed: Any, failures: int = 0) -> None:
        self.packed, self.failures = packed, failures
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()

    def update(self) -> None:
        self.has_begun.set()
        self.may_go_on.wait()
        if self.failures:
            self.failures -= 1
            raise bl.ComputeError("no memory")
        self.packed.update()


def changed(lstm: bl.LSTM) -> Any:
    """What an LSTM with the same weights gives, after a change that this one has not packed yet."""
    lstm.parameters["weight_ih_l0"][...] *= 2
    lstm.update()
    other = bl.LSTM(3, 4, seed=1)
    other.load_state_dict(lstm.state_dict())
    return other(ones(5, 2))[0]


def test_a_call_while_another_thread_packs_changed_weights_uses_the_new_ones() -> None:
    lstm = bl.LSTM(3, 4, seed=0)
    lstm(ones(5, 2))
    wanted = changed(lstm)
    slow = SlowWeights(lstm._engine.packed)
    lstm._engine.packed = slow  # type: ignore[assignment]
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda: results.append(lstm(ones(5, 2))[0])) for _ in range(2)
    ]
    threads[0].start()
    slow.has_begun.wait()
    threads[1].start()
    threads[1].join(0.2)  # it has to wait; without that it would have given its result by now
    slow.may_go_on.set()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert all(np.array_equal(result, wanted) for result in results)


def test_a_change_that_could_not_be_packed_counts_in_the_next_call() -> None:
    lstm = bl.LSTM(3, 4, seed=0)
    lstm(ones(5, 2))
    wanted = changed(lstm)
    slow = SlowWeights(lstm._engine.packed, failures=1)
    slow.may_go_on.set()
    lstm._engine.packed = slow  # type: ignore[assignment]
    with pytest.raises(bl.ComputeError, match="no memory"):
        lstm(ones(5, 2))
    assert np.array_equal(lstm(ones(5, 2))[0], wanted)


def test_a_chunk_of_no_steps_changes_nothing() -> None:
    stream = bl.LSTM(3, 4, seed=0).stream(2)
    stream.step(ones(1, 2)[0])
    before = stream.state
    assert stream.process(ones(0, 2)).shape == (0, 2, 4)
    assert np.array_equal(stream.state.h, before.h)


def test_unaligned_chunks_give_the_same_bits() -> None:
    lstm = bl.LSTM(3, 4, seed=0)
    memory = np.zeros(5 * 3 * 4 + 1, np.uint8)
    odd = memory[1:].view(np.float32).reshape(5, 1, 3)
    odd[...] = np.random.default_rng(0).normal(size=odd.shape)
    assert np.array_equal(lstm.stream(1).process(odd), lstm(odd.copy())[0])


def test_weights_of_another_layer_are_refused_by_name() -> None:
    def params(hidden: int) -> bl.LayerParametersLSTM:
        layer = small_layer(hidden_size=hidden)
        return parameters(layer, **outputs_of(layer))

    weights = bl.prepare(params(4)).weights
    assert bl.prepare(params(4), None, weights).weights is weights
    with pytest.raises(bl.ComputeError, match="weights: expected one of this layer"):
        bl.prepare(params(5), None, weights)
    with pytest.raises(bl.DescriptorError, match=r"weights: expected PackedWeights.*found ndarray"):
        bl.prepare(params(4), None, np.ones(3))  # type: ignore[arg-type]


def test_a_shape_in_constant_use_stays_prepared() -> None:
    """The prepared layer is the same object after calls of more shapes than are kept."""
    lstm, x = bl.LSTM(3, 5, seed=1), ones(6, 4)
    lstm(x)
    key = (x.shape, None)
    engine = lstm._engine
    kept = engine.kept[key]
    for steps in range(1, 9):
        if steps != len(x):
            lstm(x[:steps])
        lstm(x)
        assert engine.kept[key] is kept, f"thrown out by {steps} steps"
    for steps in range(1, 6):
        lstm(x[:steps, :1])
    assert key not in engine.kept
