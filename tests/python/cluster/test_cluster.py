"""Training and scoring on processes of a LocalCluster: bits, deaths, memory, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import cluster_tools
import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster

RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(12, 21, 3)).astype(np.float32)
TARGET = RANDOM.normal(size=(12, 21, 2)).astype(np.float32)
LENGTHS = RANDOM.integers(1, 13, 21)
SHARDS = 5


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    # A step is over sooner than a lost worker is looked for by default.
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0",
        memory_limit=0, silence_logs=60,
    ) as made:  # fmt: skip
        yield made


@pytest.fixture(scope="module")
def client(cluster: LocalCluster) -> Iterator[Client]:
    with Client(cluster) as made:
        yield made


def workers(client: Client) -> list[str]:
    return sorted(client.scheduler_info(n_workers=-1)["workers"])


def modules() -> list[Any]:
    return [bl.LSTM(3, 6, 2, dropout=0.3, seed=0), bl.optim.Linear(6, 2, seed=0)]


def trained(client: Client, objective: Any) -> tuple[list[float], bytes]:
    """Losses of three steps, and the weights after them."""
    parts = modules()
    parallel = bl.dask.DataParallel(parts, objective, shards=SHARDS, seed=3, client=client)
    optimizer = bl.optim.Adam(parts, lr=0.01)
    batches = [(X, TARGET, LENGTHS)]
    epochs = bl.optim.fit(parallel, optimizer, batches, 3, max_norm=1.0)
    weights = b"".join(array.tobytes() for array in optimizer.copies().values())
    return [epoch.loss for epoch in epochs], weights


def here() -> tuple[list[float], bytes]:
    """The same in this process, shard after shard."""
    parts = modules()
    optimizer = bl.optim.Adam(parts, lr=0.01)
    losses = []
    for step in range(3):
        loss, total = 0.0, None
        cuts = [
            np.array_split(array, SHARDS, axis)
            for array, axis in ((X, 1), (TARGET, 1), (LENGTHS, 0))
        ]
        for number, shard in enumerate(zip(*cuts, strict=True)):
            parts[0]._random = np.random.default_rng([3, step, number, 0])
            one, gradients = cluster_tools.objective(*parts, *shard)
            share = shard[0].shape[1] / 21
            scaled = [
                {name: array * np.float32(share) for name, array in each.parameters.items()}
                for each in gradients
            ]
            loss += one * share
            total = scaled if total is None else [
                {name: a[name] + b[name] for name in a} for a, b in zip(total, scaled, strict=True)
            ]  # fmt: skip
        bl.optim.clip_grad_norm_(total, 1.0)
        optimizer.step(total)
        losses.append(loss)
    return losses, b"".join(array.tobytes() for array in optimizer.copies().values())


def test_any_number_of_workers_and_a_death_give_the_same_bits(
    cluster: LocalCluster, client: Client, tmp_path: Path
) -> None:
    expected = here()
    assert expected[0][2] < expected[0][0]
    for number in (1, 2, 4):
        cluster.scale(number)
        client.wait_for_workers(number, timeout=60)
        assert trained(client, cluster_tools.objective) == expected
        marker = tmp_path / str(number)
        before = client.run(os.getpid)
        assert trained(client, partial(cluster_tools.dying, marker)) == expected
        assert marker.exists()
        client.wait_for_workers(number, timeout=60)
        deadline = time.monotonic() + 60
        while set((now := client.run(os.getpid)).values()) == set(before.values()):
            assert time.monotonic() < deadline, now
            time.sleep(0.1)


def test_shards_of_a_batch_are_its_gradient(client: Client) -> None:
    lstm = bl.LSTM(3, 6, seed=0)
    expected_loss, expected = cluster_tools.summed(lstm, X)
    parallel = bl.dask.DataParallel(
        lstm, cluster_tools.summed, shards=4, reduction="sum", client=client
    )
    loss, gradients = parallel(X)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert list(gradients) == list(expected.parameters)
    for name, array in gradients.items():
        np.testing.assert_allclose(array, expected.parameters[name], rtol=1e-4, atol=1e-4)
    few, _ = parallel(X[:, :2])  # fewer samples than shards
    assert few == pytest.approx(cluster_tools.summed(lstm, X[:, :2])[0], rel=1e-5)


def test_weights_come_to_a_worker_once_and_are_packed_once(
    cluster: LocalCluster, client: Client
) -> None:
    cluster.scale(4)
    client.wait_for_workers(4, timeout=60)
    client.run(cluster_tools.count)
    lstm = bl.LSTM(3, 32, 2, seed=0)
    x = np.tile(X, (1, 40, 1))
    y = bl.dask.predict(lstm, da.from_array(x, chunks=(12, 7, 3)), client=client)
    assert y.numblocks == (1, 120, 1)
    found = client.compute(y, retries=2).result()
    assert (found == lstm(x)[0]).all()
    counted = client.run(cluster_tools.counts)
    assert len(counted) == 4
    for each in counted.values():
        assert each["made"] == each["packed"] <= 1
    assert sum(each["made"] for each in counted.values()) >= 2


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is in KiB on Linux")
def test_memory_is_bounded_by_chunks_and_not_by_the_data(client: Client) -> None:
    before = client.run(cluster_tools.peak)
    # Inputs of 160 MB and outputs of 330 MB in chunks of 4 and 8 MB, made when they are read.
    x = da.zeros((128, 40_000, 8), chunks=(-1, 1000, -1), dtype=np.float32)
    lstm = bl.LSTM(8, 16, seed=0)
    total = bl.dask.predict(lstm, x, client=client).max()
    assert float(client.compute(total).result()) == lstm(np.zeros((128, 1, 8), np.float32))[0].max()
    after = client.run(cluster_tools.peak)
    grown = {name: after[name] - before[name] for name in before}
    # About 25 MB; workers that keep what they have computed hold 70 to 100 MB more.
    assert all(grown[name] < 55e6 for name in before), grown


def refused(call: Any) -> dict[str, tuple[str, str]]:
    with pytest.raises(bl.ArgumentError) as found:
        call()
    return {issue.path: (issue.code, issue.message) for issue in found.value.issues}


def test_a_worker_without_the_package_is_refused_by_name(client: Client) -> None:
    lstm, [first, *_] = bl.LSTM(3, 4, seed=0), workers(client)
    client.run(cluster_tools.lose_package, workers=[first])
    try:
        x = da.from_array(X, chunks=(12, 7, 3))
        for call in (
            lambda: bl.dask.predict(lstm, x),
            lambda: bl.dask.DataParallel(lstm, cluster_tools.summed),
        ):
            [(path, (code, message))] = refused(call).items()
            assert (path, code) == (f"workers[{first!r}]", "missing_entry")
            assert f"expected bnns-lstm {bl.__version__} on every worker" in message
            assert "ModuleNotFoundError" in message
    finally:
        client.run(cluster_tools.find_package, workers=[first])


def test_a_worker_of_another_level_is_refused_by_name_also_later(client: Client) -> None:
    levels = bl.info()["levels"]
    assert isinstance(levels, list | tuple)
    if bl.info()["level"] == "fallback":
        pytest.skip("there is one level only")
    lstm, before = bl.LSTM(3, 4, seed=0), workers(client)
    parallel = bl.dask.DataParallel(lstm, cluster_tools.summed, client=client)
    loss, _ = parallel(X)
    command = ["-m", "distributed.cli.dask_worker", client.scheduler.address]
    options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", "other"]
    with subprocess.Popen(
        [sys.executable, *command, *options],
        env={**os.environ, "BNNSLSTM_LEVEL": "fallback"},
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            client.wait_for_workers(len(before) + 1, timeout=60)
            [other] = set(workers(client)) - set(before)
            for call in (
                lambda: parallel(X),
                lambda: bl.dask.DataParallel(lstm, cluster_tools.summed),
                lambda: bl.dask.predict(lstm, da.from_array(X, chunks=(12, 7, 3))),
            ):
                [(path, (code, message))] = refused(call).items()
                assert (path, code) == (f"workers[{other!r}].level", "unsupported_here")
                assert "start all workers with BNNSLSTM_LEVEL=" in message
                assert message.endswith("found fallback [unsupported_here]")
        finally:
            process.kill()
    while len(workers(client)) > len(before):
        time.sleep(0.1)
    assert parallel(X)[0] == loss


def test_a_worker_of_another_version_is_refused_by_name(client: Client) -> None:
    lstm, [first, *_] = bl.LSTM(3, 4, seed=0), workers(client)
    client.run(cluster_tools.be_version, "0.0.1", workers=[first])
    try:
        found = refused(lambda: bl.dask.DataParallel(lstm, cluster_tools.summed))
    finally:
        client.run(cluster_tools.be_version, bl.__version__, workers=[first])
    [(path, (_, message))] = found.items()
    assert path == f"workers[{first!r}].version"
    assert f"expected {bl.__version__}, as on 3 of 4 workers (install one version" in message


def test_a_task_on_a_worker_that_came_meanwhile_looks_itself() -> None:
    from bnns_lstm.dask.machines import TRAINING, differences, fingerprint  # noqa: PLC0415

    own = {field: fingerprint()[field] for field in TRAINING}
    differences(own)
    found = refused(lambda: differences({**own, "version": "0.0.1", "arithmetic": "?"}))
    assert list(found) == ["worker.version", "worker.arithmetic"]


def test_wrong_arguments_of_training_are_refused_before_anything_is_sent(client: Client) -> None:
    lstm = bl.LSTM(3, 4, seed=0)
    made = partial(bl.dask.DataParallel, client=client)
    found = refused(
        lambda: bl.dask.DataParallel(
            3, None, shards=0, axes="1", reduction="max", seed=-1, client=4
        )
    )
    assert {path: code for path, (code, _) in found.items()} == {
        "shards": "invalid_number",
        "axes": "wrong_type",
        "seed": "out_of_range",
        "objective": "wrong_type",
        "reduction": "unknown_choice",
        "client": "wrong_type",
        "lstm": "wrong_type",
    }
    parallel = made(lstm, cluster_tools.summed, shards=2)
    assert list(refused(lambda: parallel(X, np.zeros((21, 12), np.float32)))) == ["batch[1]"]
    assert list(refused(lambda: parallel(X[:, :0]))) == ["batch[0]"]
    assert list(refused(parallel)) == ["batch"]
    paired = made(lstm, cluster_tools.summed, axes=(1, 0))
    assert list(refused(lambda: paired(X))) == ["batch"]
    # What an objective finds wrong on a worker is told here.
    wrong = made(bl.LSTM(4, 4, seed=0), cluster_tools.summed)
    assert list(refused(lambda: wrong(X))) == ["x"]
