"""Many callers at once, forked children, and the interpreter lock."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import bnns_lstm as bl
import numpy as np
import pytest
from build import outputs_of, parameters, random_layer, run


def large_layer():
    """Enough work for two threads."""
    return random_layer(
        9, batch=32, seq_len=60, input_size=40, hidden_size=64, num_layers=2, any_activation=False,
        lengths=False,
    )  # fmt: skip


def test_any_number_of_threads_gives_the_same_bits() -> None:
    layer = large_layer()
    one = run(layer, 1)
    for n_threads in (0, 2, 3, 7, 1024):
        for found, wanted in zip(run(layer, n_threads), one, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_ten_callers_at_once_get_what_one_gets() -> None:
    layer = large_layer()
    one = run(layer, 1)
    with ThreadPoolExecutor(10) as pool:
        for results in pool.map(lambda n_threads: run(layer, n_threads), [1, 2, 0, 2, 1] * 4):
            for found, wanted in zip(results, one, strict=True):
                np.testing.assert_array_equal(found, wanted)


def test_callers_that_share_an_output_work_or_are_told() -> None:
    layer = large_layer()
    outputs = outputs_of(layer)
    params = parameters(layer, **outputs)

    def call(_: int) -> str:
        try:
            bl.direct_apply_lstm_batch_training_caching(params)
        except bl.DescriptorError as error:
            return error.issues[0].code
        return "computed"

    with ThreadPoolExecutor(4) as pool:
        results = set(pool.map(call, range(24)))
    assert "computed" in results
    assert results <= {"computed", "in_use"}
    np.testing.assert_array_equal(outputs["data_desc"], run(layer)[0])


def test_an_array_in_use_is_named() -> None:
    layer = random_layer(
        9, batch=64, seq_len=400, input_size=64, hidden_size=128, num_layers=2, directions=1,
        any_activation=False, lengths=False,
    )  # fmt: skip
    params = parameters(layer, **outputs_of(layer))
    started = threading.Event()

    def compute() -> None:
        started.set()
        bl.direct_apply_lstm_batch_training_caching(params)

    for _ in range(20):
        started.clear()
        thread = threading.Thread(target=compute)
        thread.start()
        started.wait()
        time.sleep(0.01)
        try:
            bl.direct_apply_lstm_batch_training_caching(params)
        except bl.DescriptorError as error:
            assert [issue.code for issue in error.issues] == ["in_use"]
            assert error.issues[0].path.startswith(("input_", "output_", "forget_", "candidate_"))
            return
        finally:
            thread.join()
    pytest.fail("two calls never met")


def test_the_interpreter_lock_is_released() -> None:
    layer = large_layer()
    stop = threading.Event()
    counted = 0

    def count() -> None:
        nonlocal counted
        while not stop.is_set():
            counted += 1
            time.sleep(0)

    params = parameters(layer, **outputs_of(layer))
    one_thread = bl.FilterParameters(n_threads=1)
    thread = threading.Thread(target=count)
    thread.start()
    try:
        most = 0
        for _ in range(50):
            before = counted
            bl.direct_apply_lstm_batch_training_caching(params, one_thread)
            most = max(most, counted - before)
    finally:
        stop.set()
        thread.join()
    # A call that held the lock would let the other thread run at most once, at its end.
    assert most > 10


def child(layer: object, queue: multiprocessing.Queue[bytes]) -> None:
    queue.put(run(layer, 2)[0].tobytes())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_computes_too() -> None:
    layer = large_layer()
    wanted = run(layer, 2)[0].tobytes()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=child, args=(layer, queue))
    process.start()
    try:
        assert queue.get(timeout=60) == wanted
    finally:
        process.join(10)
        process.kill()
    assert run(layer, 2)[0].tobytes() == wanted
