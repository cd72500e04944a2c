"""Types as a user's type checker sees them, and what `help` shows first.

In: `tests/python/data/typing/user.py`, a program of a user, and the installed package. Out: what mypy and
basedpyright say of it in their strict modes.
"""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import bnns_lstm as bl

PROGRAM = Path(__file__).parents[1] / "data" / "typing" / "user.py"

# What a user may not write, and a part of what each checker says then.
WRONG = """
import bnns_lstm as bl
import numpy as np

y, state, tape = bl.LSTM(3, 4).forward(np.zeros((5, 2, 3), np.float32))
lstm = bl.LSTM(3, 4, peephole="round")
text: str = bl.LSTM(3, 4)(np.zeros((5, 2, 3), np.float32))[0]
"""


def checked(
    folder: Path, checker: str, *arguments: str, program: Path
) -> subprocess.CompletedProcess[str]:
    # From another folder than the repository's, so that its settings and sources are not looked at.
    command = [sys.executable, "-m", checker, *arguments, str(program)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_mypy_finds_nothing_in_a_users_program(tmp_path: Path) -> None:
    program = tmp_path / "user.py"
    program.write_text(PROGRAM.read_text())
    done = checked(tmp_path, "mypy", "--strict", program=program)
    assert done.returncode == 0, done.stdout
    assert "no issues found in 1 source file" in done.stdout


def test_mypy_finds_what_is_wrong(tmp_path: Path) -> None:
    program = tmp_path / "wrong.py"
    program.write_text(WRONG)
    found = checked(tmp_path, "mypy", "--strict", program=program).stdout
    assert [int(line.split(":")[1]) for line in found.splitlines()[:-1] if "error" in line] == [
        5,
        6,
        7,
    ]


def test_basedpyright_finds_no_error_in_a_users_program(tmp_path: Path) -> None:
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}))
    for name, text, lines in (
        ("user.py", PROGRAM.read_text(), set()),
        ("wrong.py", WRONG, {5, 6, 7}),
    ):
        program = tmp_path / name
        program.write_text(text)
        done = checked(
            tmp_path,
            "basedpyright",
            "--outputjson",
            "--pythonpath",
            sys.executable,
            program=program,
        )
        report = json.loads(done.stdout)
        errors = [one for one in report["generalDiagnostics"] if one["severity"] == "error"]
        assert {one["range"]["start"]["line"] + 1 for one in errors} == lines, errors
        assert report["summary"]["filesAnalyzed"] == 1


def test_help_leads_with_the_module() -> None:
    text = inspect.getdoc(bl) or ""
    assert 0 < text.index("`LSTM`") < text.index("LayerParametersLSTM")
