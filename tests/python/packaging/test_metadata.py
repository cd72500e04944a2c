"""What an index and its users are told: links, versions, locked dependencies, pinned actions."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import bnns_lstm as bl
import pytest

ROOT = Path(__file__).parents[3]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
[REPOSITORY] = re.findall(r'^Repository = "(.*)"$', PYPROJECT, re.MULTILINE)


def links(markdown: str) -> list[str]:
    """Targets of links and pictures."""
    found = re.findall(r"\]\(([^)\s]+)\)|<img[^>]* src=\"([^\"]+)\"", markdown)
    return [first or second for first, second in found]


def broken(markdown: str) -> list[str]:
    """Links that lead nowhere on an index's page: relative ones, and files of ours that do not exist."""
    wrong = []
    for link in links(markdown):
        inside = re.fullmatch(re.escape(REPOSITORY) + r"/(?:blob|tree)/main/([^#]+)(?:#.*)?", link)
        if not link.startswith("https://") or (inside and not (ROOT / inside[1]).exists()):
            wrong.append(link)
    return wrong


def test_every_link_of_the_readme_works_on_the_page_of_an_index() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(links(text)) >= 12
    assert broken(text) == []


def test_planted_links_that_break_are_found() -> None:
    planted = f"[a](docs/module.md) [b]({REPOSITORY}/blob/main/docs/none.md) [c]({REPOSITORY})"
    assert broken(planted) == ["docs/module.md", f"{REPOSITORY}/blob/main/docs/none.md"]


def test_the_links_of_the_metadata_are_those_of_the_installed_package() -> None:
    told = importlib.metadata.metadata("bnns-lstm").get_all("Project-URL")
    assert told is not None
    urls = dict(entry.split(", ", 1) for entry in told)
    assert urls["Repository"] == REPOSITORY
    assert all(url.startswith(REPOSITORY) for url in urls.values())
    assert {"Changelog", "Documentation", "Issues"} <= urls.keys()


def test_the_version_stands_in_one_place() -> None:
    cargo = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    [version] = re.findall(r'^version = "(.*)"$', cargo, re.MULTILINE)
    assert bl.__version__ == version
    assert importlib.metadata.version("bnns-lstm") == version
    assert not re.search(r"^version =", PYPROJECT, re.MULTILINE)
    for crate in ("core", "python", "testkit"):
        manifest = (ROOT / "rust" / crate / "Cargo.toml").read_text(encoding="utf-8")
        assert "\nversion.workspace = true\n" in manifest


def test_nothing_that_only_developers_need_is_published() -> None:
    extras = importlib.metadata.metadata("bnns-lstm").get_all("Provides-Extra")
    assert extras is not None
    assert sorted(extras) == ["coreml", "keras", "onnx", "plot", "progress"]


def locked(file: str) -> set[tuple[str, str]]:
    """Names and versions of a lock file's packages of the registry."""
    text = (ROOT / file).read_text(encoding="utf-8")
    form = r'^name = "(.*)"\nversion = "(.*)"\nsource = "registry'
    return set(re.findall(form, text, re.MULTILINE))


def test_the_benchmarks_are_built_with_the_locked_versions_of_the_package() -> None:
    ours, benches = locked("Cargo.lock"), locked("rust/Cargo.lock")
    shared = {name for name, _ in ours} & {name for name, _ in benches}
    assert {"fearless_simd", "ndarray", "rayon", "matrixmultiply"} <= shared
    assert {pair for pair in ours if pair[0] in shared} >= {
        pair for pair in benches if pair[0] in shared
    }


def test_the_benchmark_beside_other_crates_has_the_locked_versions_of_the_package() -> None:
    if not (ROOT / "benches" / "crates").exists():
        pytest.skip("the source distribution has no programs of other crates")
    kernels = {"fearless_simd", "matrixmultiply", "ndarray", "rayon", "rayon-core"}
    wanted = {pair for pair in locked("Cargo.lock") if pair[0] in kernels}
    assert {name for name, _ in wanted} == kernels
    assert wanted <= locked("benches/crates/Cargo.lock")


def test_actions_are_pinned_by_commit_with_the_version_beside_it() -> None:
    files = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    assert [file.name for file in files] == ["release.yml", "test.yml"]
    used = [line for file in files for line in file.read_text().splitlines() if "uses:" in line]
    assert len(used) >= 10
    for line in used:
        assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line
