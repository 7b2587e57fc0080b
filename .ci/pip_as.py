"""Run pip for another CPython: ``pip_as.py 3.14 install --dry-run --python-version 3.14 ...``.

pip chooses wheels by ``--python-version``, but reads environment markers for the Python it runs on. Here it reads them
for the one that was asked for. ``pip_as.py wanted FILE...`` prints all requirements of the given pyproject.toml files.
"""

import sys
import tomllib
from pathlib import Path

from pip._internal.cli.main import main as pip
from pip._vendor.packaging import markers


def wanted(files: list[str]) -> list[str]:
    """All dependencies of the projects, those of their extras too, but the projects themselves."""
    projects = [tomllib.loads(Path(file).read_text(encoding="utf-8"))["project"] for file in files]
    names = {project["name"] for project in projects}
    lists = [
        lines
        for project in projects
        for lines in (project.get("dependencies", []), *project.get("optional-dependencies", {}).values())
    ]
    return sorted({line for lines in lists for line in lines} - names)


def pretend(version: str) -> None:
    """Make pip read environment markers as CPython ``version`` does."""
    short = ".".join(version.split(".")[:2])
    full = version if version.count(".") > 1 else f"{version}.0"
    environment = {**markers.default_environment(), "python_version": short, "python_full_version": full}
    markers.default_environment = lambda: environment
    if not markers.Marker(f"python_full_version == '{full}'").evaluate():
        sys.exit("pip_as.py: this pip no longer asks packaging.markers.default_environment: mend `pretend`")


if __name__ == "__main__":
    if sys.argv[1] == "wanted":
        sys.stdout.write("\n".join(wanted(sys.argv[2:])) + "\n")
    else:
        pretend(sys.argv[1])
        sys.exit(pip(sys.argv[2:]))
