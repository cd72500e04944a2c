"""The Python examples of the documents run as they stand, one after the other, like a reader's session."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("document", "least"),
    [
        ("README.md", 4),
        ("docs/bnns.md", 1),
        ("docs/clusters.md", 2),
        ("docs/module.md", 5),
        ("docs/porting.md", 4),
        ("docs/structure.md", 3),
        ("docs/training.md", 1),
    ],
)
def test_the_examples_run_and_print_what_they_say(
    document: str, least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= least
    namespace: dict[str, object] = {}
    for block in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, document, "exec"), namespace)
        promised = re.findall(r"^# (.*)$", block, re.MULTILINE)
        assert printed.getvalue().splitlines() == promised


def test_lines_of_documents_can_be_read_in_a_diff() -> None:
    documents = sorted(ROOT.glob("*.md"))
    assert {"README.md", "RELEASING.md", "SECURITY.md"} <= {path.name for path in documents}
    documents += (ROOT / "docs").glob("*.md")
    assert len(documents) > 10
    for document in documents:
        is_code = False
        for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
            is_code ^= line.startswith("```")
            is_text = not is_code and not line.startswith(("|", "- Command:"))
            if is_text:
                assert len(line) <= 120, f"{document.name}:{number} has {len(line)} characters"
