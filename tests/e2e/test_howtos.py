"""Who follows a how-to touches one file of the package, and the package finds the new thing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAIN = "import sys; from kemfeat_cli.app import main; sys.exit(main())"


class Copy:
    """A copy of the package with one file more."""

    def __init__(self, folder: Path, page: str, file: str) -> None:
        self.folder = folder
        for source, name in (("kemfeat", "kemfeat"), ("cli", "kemfeat_cli")):
            shutil.copytree(ROOT / source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        before = self.content()
        code = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)[0]
        (folder / file).write_text(code, encoding="utf-8")
        after = self.content()
        self.touched = {name for name in before | after if before.get(name) != after.get(name)}

    def content(self) -> dict[str, bytes]:
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in self.folder.rglob("*.py")}

    def python(self, code: str, *arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder), "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def kemfeat(self, *arguments: object) -> str:
        return self.python(MAIN, *arguments)

    def knows(self, room: str, name: str) -> bool:
        code = "import kemfeat, sys; from kemfeat import plugins; print(kemfeat.__file__, *plugins.names(sys.argv[1]))"
        where, *names = self.python(code, room).split()
        assert Path(where).is_relative_to(self.folder)
        return name in names


def test_a_corpus_is_one_file(tmp_path):
    copy = Copy(tmp_path, "docs/howto/add-a-corpus.md", "kemfeat/corpora/msp.py")
    assert copy.touched == {"kemfeat/corpora/msp.py"}
    assert copy.knows("corpora", "msp")


def test_a_feature_is_one_file(tmp_path):
    copy = Copy(tmp_path, "docs/howto/add-a-feature.md", "kemfeat/features/loudness.py")
    assert copy.touched == {"kemfeat/features/loudness.py"}
    assert copy.knows("features", "loudness")


def test_an_analysis_is_one_file(tmp_path):
    copy = Copy(tmp_path, "docs/howto/add-an-analysis.md", "kemfeat/analyses/speaking_time.py")
    assert copy.touched == {"kemfeat/analyses/speaking_time.py"}
    assert copy.knows("analyses", "speaking_time")
    assert "--shortest" in copy.kemfeat("analyze", "speaking_time", "--help")
