"""Have the site show the reStructuredText of this project's docstrings, roles and definition lists, as Markdown."""

from __future__ import annotations

import re

import griffe

_ROLE = re.compile(r":\w+:`~?\.?([^`]+)`")
_TERM = re.compile(r"^(\S[^\n.:]*)\n    (?=\S)", re.MULTILINE)
_LITERAL = re.compile(r"^::$", re.MULTILINE)


def to_markdown(text: str, *, definitions: bool) -> str:
    """Rewrite a docstring; ``definitions`` says whether a line above indented ones is a term."""
    text = _LITERAL.sub("", _ROLE.sub(r"`\1`", text))
    return _TERM.sub(r"\n\1\n:   ", text) if definitions else text


class Docstrings(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_instance(self, *, obj: griffe.Object, **_: object) -> None:
        """Rewrite the docstring of one object."""
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value, definitions=obj.is_module)
