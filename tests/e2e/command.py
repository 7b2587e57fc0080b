"""Run the installed command and look at what it leaves; for the tests of the command line."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from dataclasses import dataclass

from tests.build.kit import KEMFEAT


@dataclass(frozen=True)
class Said:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


def kemfeat(*arguments, cwd=None, **environment):
    """Run the command without a terminal; whatever happens, nobody sees a trace or a warning."""
    done = subprocess.run(
        [KEMFEAT, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
        check=False,
    )
    said = Said(done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "replace"))
    for text in (said.out, said.err):
        assert "Traceback" not in text
        assert "Warning" not in text
        assert "defect of kemfeat" not in text
    return said


def at_terminal(*arguments, cwd=None, columns=80, **environment):
    """What a person sees, and the exit code: stdout and stderr on a terminal of that width, without escape codes."""
    ours, theirs = pty.openpty()
    size = {"COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"}
    with subprocess.Popen(
        [KEMFEAT, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **size, **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as running:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode("utf-8", "replace"))
    return running.returncode, text.replace("\r\n", "\n")


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # how a terminal says that nobody writes to it any more
        return b""


def refused(*arguments, code, **where):
    """A command that ends in one line on stderr, and nothing on stdout."""
    said = kemfeat(*arguments, **where)
    assert (said.code, said.out) == (code, ""), said
    return said.err


def sentence(*arguments, code, **where):
    """A refusal of the library: one line with the name of the command before it."""
    said = refused(*arguments, code=code, **where)
    lines = [line for line in said.splitlines() if not line.startswith(("reading:", "physiology:", "extracting:"))]
    assert len(lines) == 1
    assert lines[0].startswith("kemfeat: ")
    return lines[0]


def build(bench, *more, **where):
    return kemfeat("build", "--dataset", "KEMDy20", "--root", bench.corpus.root, "--out", bench.out, *more, **where)
