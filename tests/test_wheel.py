"""The wheel holds every package of kemfeat and its command, and neither tests nor benchmarks."""

from __future__ import annotations

import email
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # a wheel is built

ROOT = Path(__file__).resolve().parents[1]
LINKS = re.compile(r"\[[^\]]*\]\(([^)]*)\)")
FOLDERS = {"kemfeat": "kemfeat", "cli": "kemfeat_cli"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for folder in (*FOLDERS, "tests/bench"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for file in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    command = [sys.executable, "setup.py", "--quiet", "bdist_wheel", "--dist-dir", "dist"]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    (wheel,) = (source / "dist").iterdir()
    return wheel


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_module_is_in_the_wheel(names, folder):
    modules = {path.relative_to(ROOT / folder).as_posix() for path in (ROOT / folder).rglob("*.py")}
    assert {f"{FOLDERS[folder]}/{module}" for module in modules} == {
        name for name in names if name.startswith(f"{FOLDERS[folder]}/") and name.endswith(".py")
    }


def test_nothing_else_is_in_the_wheel(names):
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(FOLDERS.values())


def test_the_description_that_an_index_shows_has_no_link_that_leads_nowhere(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(path))
    assert metadata["Description-Content-Type"] == "text/markdown"
    text = metadata.get_payload()
    assert "# kemfeat" in text
    assert "kemfeat build --dataset KEMDy20" in text
    assert [link for link in LINKS.findall(text) if not link.startswith("https://")] == []


@pytest.mark.parametrize(
    ("text", "source", "wanted"),
    [
        ("see [docs](docs/cli.md#build) and ![a](b.png).", "", "see docs and ."),
        ("[docs](docs/cli.md#build)", "https://host/a/b/", "[docs](https://host/a/b/blob/HEAD/docs/cli.md#build)"),
        ("![a](docs/b.png)", "https://host/a/b", "![a](https://host/a/b/raw/HEAD/docs/b.png)"),
        ("[site](https://host/)", "", "[site](https://host/)"),
    ],
)
def test_relative_links_lead_to_the_repository_where_its_address_is_known(text, source, wanted):
    assert runpy.run_path(str(ROOT / "setup.py"))["readme"](text, source=source) == wanted


def test_the_files_of_the_page_are_in_the_wheel(names):
    page = ROOT / "kemfeat/browse/page"
    assert {f"kemfeat/browse/page/{path.name}" for path in page.iterdir()} <= names
    assert len(list(page.glob("*.js"))) > 5
