"""LSTMs in files: this package and the Rust crate read what both write, and give the same bits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import bnns_lstm as bl
import crate_files
import numpy as np
import pytest
from crate_files import CASES, FOLDER, calls, content, load, made


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """What the calls of all files give by plain code, whose bits no machine changes."""
    path = tmp_path_factory.mktemp("crate") / "computed.npz"
    environment = os.environ | {"BNNSLSTM_LEVEL": "fallback", "BNNSLSTM_PRODUCTS": "panels"}
    command = [sys.executable, crate_files.__file__, "--compute", str(path)]
    subprocess.run(command, env=environment, check=True)
    with np.load(path) as found:
        return dict(found)


@pytest.mark.parametrize("name", crate_files.names())
def test_files_of_both_sides_give_the_same_bits(name: str, computed: dict[str, np.ndarray]) -> None:
    stored = calls(name)
    found = {key.split("/")[1]: a for key, a in computed.items() if key.startswith(f"{name}/")}
    assert {"y", "train", "d.x", "d.weight_ih_l0"} <= set(found)
    assert set(stored) - set(found) <= {"x", "lengths", "state.h", "state.c", "dy", "dh", "dc"}
    for key, array in found.items():
        np.testing.assert_array_equal(array.view(np.uint32), stored[key].view(np.uint32), key)


@pytest.mark.parametrize("name", crate_files.names())
def test_a_file_says_the_same_when_it_is_written_again(name: str, tmp_path: Path) -> None:
    lstm = load(name)
    lstm.save(tmp_path / "again.safetensors")
    metadata, arrays = content(FOLDER / f"{name}.safetensors")
    again, own = content(tmp_path / "again.safetensors")
    assert bl.LSTM.load(tmp_path / "again.safetensors").config == lstm.config
    assert {**metadata, "config": ""} == {**again, "config": ""}
    assert set(arrays) == set(own) == set(lstm.state_dict())
    for key, array in arrays.items():
        np.testing.assert_array_equal(array, own[key], key)


@pytest.mark.parametrize("name", CASES)
def test_the_files_of_this_side_are_what_it_writes(name: str, tmp_path: Path) -> None:
    seed = list(CASES).index(name)
    options, lengths = CASES[name]
    lstm = bl.LSTM(3, 5, seed=seed, **options)
    lstm.save(tmp_path / "lstm.safetensors")
    assert (tmp_path / "lstm.safetensors").read_bytes() == (
        FOLDER / f"{name}.safetensors"
    ).read_bytes()
    stored, found = calls(name), made(lstm, lengths, seed)
    for key, array in found.items():
        # The bits of plain code; other levels round otherwise.
        np.testing.assert_allclose(array, stored[key], rtol=1e-4, atol=1e-5, err_msg=key)
