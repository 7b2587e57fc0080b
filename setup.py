"""What pyproject.toml cannot say: packages of a renamed folder, and a README whose links work in an index."""

import re
import tomllib
from pathlib import Path

from setuptools import find_packages, setup

COMMAND = ["kemfeat_cli", *(f"kemfeat_cli.{name}" for name in find_packages("cli"))]
HERE = Path(__file__).parent
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://)([^)]*)\)")


def readme(text: str, *, source: str = "") -> str:
    """Lead relative links to the repository at ``source``; without one they become plain text, and pictures go."""

    def absolute(link: re.Match[str]) -> str:
        picture, words, path = link.groups()
        if not source:
            return "" if picture else words
        return f"{picture}[{words}]({source.rstrip('/')}/{'raw' if picture else 'blob'}/HEAD/{path})"

    return LINK.sub(absolute, text)


if __name__ == "__main__":
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    setup(
        packages=[*find_packages(include=["kemfeat", "kemfeat.*"]), *COMMAND],
        package_dir={"kemfeat_cli": "cli"},
        long_description=readme(
            (HERE / "README.md").read_text(encoding="utf-8"), source=project.get("urls", {}).get("Source", "")
        ),
        long_description_content_type="text/markdown",
    )
