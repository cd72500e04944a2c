"""Write `torch_optim.npz`: what PyTorch's optimisers make of given gradients. It needs PyTorch.

python tests/python/data/optim/make.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

# By the name of a run: the class, its arguments, and max_norm of clipping or None.
RUNS = {
    "sgd": ("SGD", {"lr": 0.1}, None),
    "sgd_momentum": ("SGD", {"lr": 0.1, "momentum": 0.9}, None),
    "sgd_dampening": (
        "SGD",
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05},
        None,
    ),
    "sgd_nesterov": (
        "SGD",
        {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.1, "nesterov": True},
        None,
    ),
    "adam": ("Adam", {"lr": 0.01}, None),
    "adam_decay": (
        "Adam",
        {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1},
        None,
    ),
    "adamw": ("AdamW", {"lr": 0.02, "weight_decay": 0.2}, None),
    "clipped": ("Adam", {"lr": 0.01}, 1.0),
}
STEPS = 12


def main() -> None:
    random = np.random.default_rng(0)
    shapes = {"weight": (3, 4), "bias": (3,)}
    start = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    slopes = {
        name: (random.normal(size=(STEPS, *shape)) * np.linspace(0.1, 1, STEPS)[(...,) + (None,) * len(shape)])
        .astype(np.float32)
        for name, shape in shapes.items()
    }  # fmt: skip
    arrays = {f"start.{name}": array for name, array in start.items()}
    arrays |= {f"slopes.{name}": array for name, array in slopes.items()}
    for run, (kind, options, max_norm) in RUNS.items():
        named = {name: torch.tensor(array, requires_grad=True) for name, array in start.items()}
        optimizer = getattr(torch.optim, kind)(list(named.values()), **options)
        norms, found = [], {name: [] for name in shapes}
        for step in range(STEPS):
            for name, tensor in named.items():
                tensor.grad = torch.tensor(slopes[name][step])
            if max_norm is not None:
                norms.append(float(torch.nn.utils.clip_grad_norm_(list(named.values()), max_norm)))
            optimizer.step()
            for name, tensor in named.items():
                found[name].append(tensor.detach().numpy().copy())
        arrays |= {f"{run}.{name}": np.array(each) for name, each in found.items()}
        if norms:
            arrays[f"{run}.norms"] = np.array(norms)
    x = random.normal(size=(5, 2, 4)).astype(np.float32)
    linear = torch.nn.Linear(4, 3)
    linear.load_state_dict({name: torch.tensor(array) for name, array in start.items()})
    given = torch.tensor(x, requires_grad=True)
    target = random.normal(size=(5, 2, 3)).astype(np.float32)
    target[0, 0, 0] = 0.5
    classes = random.integers(0, 3, (5, 2))
    for loss in ("mse_loss", "l1_loss", "cross_entropy"):
        for reduction in ("mean", "sum"):
            linear.zero_grad()
            given.grad = None
            y = linear(given)
            y.retain_grad()
            if loss == "cross_entropy":
                value = torch.nn.functional.cross_entropy(
                    y.reshape(-1, 3), torch.tensor(classes.ravel()), reduction=reduction
                )
            else:
                value = getattr(torch.nn.functional, loss)(
                    y, torch.tensor(target), reduction=reduction
                )
            value.backward()
            arrays |= {
                f"{loss}.{reduction}": np.float64(value.item()),
                f"{loss}.{reduction}.slope": y.grad.numpy(),
                f"{loss}.{reduction}.input": given.grad.numpy().copy(),
                f"{loss}.{reduction}.weight": linear.weight.grad.numpy().copy(),
                f"{loss}.{reduction}.bias": linear.bias.grad.numpy().copy(),
            }
    arrays |= {"x": x, "y": linear(given).detach().numpy(), "target": target, "classes": classes}
    arrays["torch"] = np.array(torch.__version__)
    np.savez_compressed(Path(__file__).with_name("torch_optim.npz"), **arrays)


if __name__ == "__main__":
    main()
