"""What `import bnns_lstm` leaves for later: stacks and the formats of files come when they are asked for."""

from __future__ import annotations

import json
import subprocess
import sys

import bnns_lstm as bl
import bnns_lstm.module
import bnns_lstm.torch
import pytest

PROGRAM = """
import json, sys
import bnns_lstm as bl
def there():
    late = ("bnns_lstm.module.stack", "bnns_lstm.formats")
    return sorted(name for name in sys.modules if name.startswith(late))
found = [there(), "Stack" in dir(bl), "StackTape" in dir(bl.module)]
bl.Stack([bl.LSTM(2, 3)])
found.append(there())
print(json.dumps(found))
"""


def fresh(program: str) -> list[object]:
    """What a program prints in a new interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout)
    return found


def test_stacks_and_formats_are_imported_when_they_are_asked_for() -> None:
    before, has_stack, has_tape, after = fresh(PROGRAM)
    assert before == []
    assert has_stack
    assert has_tape
    assert isinstance(after, list)
    assert "bnns_lstm.module.stack" in after
    assert not [name for name in after if name.startswith("bnns_lstm.formats")]


def test_a_star_and_a_name_bring_the_same_class() -> None:
    found = fresh(
        "import json\nfrom bnns_lstm import *\nfrom bnns_lstm.module.stack import Stack as own\n"
        "from bnns_lstm.module import Stack as other\nprint(json.dumps([Stack is own is other]))"
    )
    assert found == [True]


def test_all_public_names_are_there_and_no_others() -> None:
    for module in (bl, bnns_lstm.module):
        assert set(module.__all__) <= set(dir(module))
        for name in module.__all__:
            assert getattr(module, name) is not None
        with pytest.raises(AttributeError, match=f"'{module.__name__}' has no attribute 'Stak'"):
            module.Stak  # noqa: B018
    assert bl.Stack is bnns_lstm.module.Stack


def test_pytorch_is_imported_when_its_module_is_asked_for() -> None:
    """Importing either package needs no PyTorch; a name of the second one does, and says how to get it."""
    found = fresh(
        "import json, sys\nsys.modules['torch'] = None\nimport bnns_lstm\n"
        "first = 'bnns_lstm.torch' in sys.modules\nimport bnns_lstm.torch\n"
        "try:\n    bnns_lstm.torch.LSTM\nexcept bnns_lstm.ExtraError as error:\n"
        "    print(json.dumps([first, 'LSTM' in dir(bnns_lstm.torch), str(error)]))"
    )
    need = "this needs the package 'torch': pip install bnns-lstm[torch]"
    assert found == [False, True, need]


def test_a_name_that_the_pytorch_package_has_not() -> None:
    with pytest.raises(AttributeError, match=r"'bnns_lstm\.torch' has no attribute 'GRU'"):
        bnns_lstm.torch.GRU  # noqa: B018
