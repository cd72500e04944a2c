"""`DistributedDataParallel` on two local processes gives the gradients of one process."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import bnns_lstm.torch
import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

PROCESSES, STEPS = 2, 3

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available() or not torch.distributed.is_gloo_available(),
    reason="this build of PyTorch has no gloo",
)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = bnns_lstm.torch.LSTM(3, 8, 2), nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.head(self.lstm(x)[0][-1])
        return y


def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(7, 8, 3, generator=generator), torch.randn(8, 1, generator=generator)


def train(model: nn.Module, x: torch.Tensor, wanted: torch.Tensor) -> list[torch.Tensor]:
    """Gradients of all steps."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    found = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        (model(x) - wanted).pow(2).mean().backward()
        found += [weight.grad.clone() for weight in model.parameters()]
        optimizer.step()
    return found


def work(rank: int, port: int, folder: str) -> None:
    """One of the processes, with its half of the batch."""
    torch.set_num_threads(1)
    address = f"tcp://127.0.0.1:{port}"
    torch.distributed.init_process_group(
        "gloo", init_method=address, rank=rank, world_size=PROCESSES
    )
    torch.manual_seed(rank)  # other weights in each, which the first one's replace
    model = DistributedDataParallel(Model())
    x, wanted = data()
    part = slice(4 * rank, 4 * rank + 4)
    first = {name: weight.clone() for name, weight in model.module.state_dict().items()}
    found = train(model, x[:, part], wanted[part])
    with torch.no_grad():
        output = model.module(x)
    torch.save((first, found, output), Path(folder) / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_two_processes_give_the_gradients_of_one(tmp_path: Path) -> None:
    spawn: Any = torch.multiprocessing.spawn
    spawn(work, (free_port(), str(tmp_path)), nprocs=PROCESSES)
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in range(PROCESSES)]
    model = Model()
    model.load_state_dict(parts[0][0])
    expected = train(model, *data())
    assert len(expected) == STEPS * 10
    for first, found, _ in parts:
        for name, weight in first.items():
            assert torch.equal(weight, parts[0][0][name]), name
        for together, alone in zip(found, expected, strict=True):
            torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)
    with torch.no_grad():
        output = model(data()[0])
    for _, _, found in parts:
        torch.testing.assert_close(found, output, rtol=0, atol=1e-6)


def forward(model: nn.Module, x: torch.Tensor, found: Any) -> None:
    """A process that computes with the parameters of another one."""
    torch.set_num_threads(1)
    with torch.no_grad():
        found.copy_(model(x))


def test_a_module_goes_to_another_process_in_shared_memory() -> None:
    model, (x, _) = Model(), data()
    found = torch.zeros(8, 1).share_memory_()
    context: Any = torch.multiprocessing.get_context("spawn")
    process = context.Process(target=forward, args=(model, x, found))
    process.start()
    process.join()
    assert process.exitcode == 0
    with torch.no_grad():
        torch.testing.assert_close(found, model(x), rtol=0, atol=0)
