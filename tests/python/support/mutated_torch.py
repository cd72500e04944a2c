"""State dicts with small changes: names, shapes, types, values, and what holds them."""

from __future__ import annotations

from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
from formats_tools import random_stored
from mutated_values import ODD

Entries = dict[str, Any]

ENDINGS = (
    "_l0", "_l1", "_l99999", "_reverse", "_g", "_v", "_u", "_orig", "_mask", "x", ".original", ".original0",
    ".original1", ".0._u", ".0._v", "\n", "\0",
)  # fmt: skip
BEGINNINGS = (
    "parametrizations.", "0.", "1.", "00001.", "cells.", "0.cell.", "0.cell_bw.", "module.", "_packed_", "x",
    "_all_weight_values.0.", "\x1b",
)  # fmt: skip
PREFIXES: tuple[Any, ...] = (
    "", "cells.", "cells.0.", "lstm.", "a.b.", "x", ["", ""], ["0.", "1."], ["cells.1.", "cells.0."], "\0", [],
    3,
)  # fmt: skip


@cache
def seeds() -> list[Entries]:
    """Valid entries: whole LSTMs, a cell, cells in a list, parametrised ones, Paddle's."""
    whole = [
        dict(random_stored(i, **kind).parameters)
        for i, kind in enumerate(
            (
                {},
                {"num_layers": 2, "bidirectional": True},
                {"bias": False},
                {"peephole": "full"},
                {"proj_size": 2, "num_layers": 2},
            )
        )
    ]
    plain, stack = whole[0], random_stored(7, num_layers=2).parameters
    cell = {name.removesuffix("_l0"): array for name, array in plain.items()}
    cells = {f"{n[-1]}.{n[:-3]}": array for n, array in stack.items()}
    weight = plain["weight_hh_l0"]
    rest = {name: array for name, array in plain.items() if name != "weight_hh_l0"}
    lengths = np.sqrt((weight**2).sum(1, keepdims=True))
    left, right = np.ones(16, np.float32), np.ones(4, np.float32)
    new = "parametrizations.weight_hh_l0"
    parts: list[Entries] = [
        {"weight_hh_l0_g": lengths, "weight_hh_l0_v": weight},
        {"weight_hh_l0_orig": weight, "weight_hh_l0_u": left, "weight_hh_l0_v": right},
        {"weight_hh_l0_orig": weight, "weight_hh_l0_mask": np.ones_like(weight)},
        {f"{new}.original0": lengths, f"{new}.original1": weight},
        {f"{new}.original": weight, f"{new}.0._u": left, f"{new}.0._v": right},
    ]
    paddle = plain | {f"0.cell.{name[:-3]}": array for name, array in plain.items()}
    return [*whole, cell, cells, paddle, *(rest | one for one in parts)]


def mutated(seed: Entries, random: Random) -> tuple[Any, Any]:
    """A source made of changed entries, a mapping, a module, a checkpoint or several of them; and a prefix."""
    before = random.choice(("", "", "", "cells.", "cells.0.", "lstm.", "a.b.", "0."))
    prefix = before if random.randrange(4) else random.choice(PREFIXES)
    entries = {before + name: array for name, array in seed.items()}
    for _ in range(random.choice((0, 1, 1, 2, 4))):
        _change(entries, random)
    return _held(entries, random), prefix


def _change(entries: Entries, random: Random) -> None:
    """Change one entry."""
    if not entries:
        entries["weight_ih_l0"] = random.choice(ODD)
        return
    name = random.choice(list(entries))
    kind = random.randrange(7)
    if kind == 0:
        del entries[name]
    elif kind == 1:
        entries[_named(name, random)] = entries.pop(name)
    elif kind == 2:
        entries[_named(name, random)] = entries[name]
    elif kind == 3:
        entries[name] = entries[random.choice(list(entries))]
    elif kind == 4:
        entries[name] = random.choice(ODD)
    else:
        entries[name] = _array(entries[name], random)


def _named(name: str, random: Random) -> str:
    """Another name."""
    kind = random.randrange(6)
    at = random.randrange(len(name) + 1)
    if kind == 0:
        return name + random.choice(ENDINGS)
    if kind == 1:
        return random.choice(BEGINNINGS) + name
    if kind == 2:
        return name[:at] + name[at + 1 :]
    if kind == 3:
        return name[:at] + random.choice("_.l019 \0xé\ud800") + name[at:]
    if kind == 4:
        return name.replace("hh", random.choice(("ih", "hr", "ch", "ho")))
    return name.replace(
        "_l0", random.choice(("_l1", "", "_l00", "_l-1", "_l99999", "_l" + "9" * 400))
    )


def _array(found: Any, random: Random) -> Any:
    """Another array."""
    if not isinstance(found, np.ndarray) or found.ndim == 0 or found.size > 10000:
        return random.choice(ODD)
    kind = random.randrange(10)
    if kind == 0:
        return found.T
    if kind == 1:
        return found[..., :-1]
    if kind == 2:
        return found.reshape(-1)
    if kind == 3:
        return found[np.newaxis]
    if kind == 4:
        with np.errstate(all="ignore"):
            return found.astype(
                random.choice(("f2", ">f4", "f8", "i4", "c8", "?", "O", "S4", "M8[s]"))
            )
    if kind == 5:
        return np.zeros(random.choice(((), (0,), (0, 0), (16, 0), (4, 1), (1,) * 9)), np.float32)
    if kind == 6:
        return np.broadcast_to(
            np.float32(1), (1 << 40, 1 << 10)
        )  # as large as it claims, in four bytes
    if kind == 7:
        changed = found.astype(np.float64)
        changed.flat[random.randrange(changed.size or 1) : None] = random.choice(
            (np.nan, np.inf, 1e300, 0)
        )
        return changed
    if kind == 8:
        return Tensor(found, random.randrange(4))
    return found.tolist()


class Tensor:
    """What looks like PyTorch's tensor, and may fail at any step."""

    def __init__(self, array: Any, fault: int) -> None:
        self.array, self.fault, self.dtype = array, fault, "torch.float32"

    def detach(self) -> Tensor:
        if self.fault == 1:
            raise RuntimeError("detach\x1b[31m")
        return self

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> Any:
        if self.fault == 2:
            raise MemoryError
        return self if self.fault == 3 else self.array


def _held(entries: Entries, random: Random) -> Any:
    """What holds the entries."""
    kind = random.randrange(10)
    if kind == 0:
        return {
            "epoch": 3,
            random.choice(("state_dict", "model", "a")): entries,
            "optimizer": {"state": {0: 1}},
        }
    if kind == 1:
        looped: dict[Any, Any] = {
            "model": entries,
            "ema": dict(entries),
            "args": random.choice(ODD),
        }
        looped["itself"] = looped
        return looped
    if kind == 2:
        attributes = {
            name: random.choice((*ODD, "LSTM", 0, 0.5, True))
            for name in (
                "mode",
                "proj_size",
                "batch_first",
                "dropout",
                "time_major",
                "weight_hh_l0",
                "cells",
                "lstm",
            )
            if random.random() < 0.2
        }
        return SimpleNamespace(state_dict=lambda: entries, **attributes)
    if kind == 3:
        return [entries, random.choice((entries, None, {}, [entries]))]
    if kind == 4:
        return entries | {random.choice((0, None, "", b"weight_ih_l0", (1,))): 3}
    if kind == 5:
        return SimpleNamespace(state_dict=lambda: random.choice((entries, None, list(entries))))
    return entries
