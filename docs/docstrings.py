"""Have the site show this project's docstrings as they are meant.

They say ``name : what it is``, where the numpy convention has a type; types are in the signature. They use reStructured
Text roles and definition lists, where the site speaks Markdown.
"""

from __future__ import annotations

import re

import griffe

_SECTION = re.compile(r"^(?:Parameters|Attributes)\n-+\n(?:.+\n?)+", re.MULTILINE)
_NAMED = re.compile(r"^(\w+(?:, \w+)*) : ", re.MULTILINE)
_ROLE = re.compile(r":\w+:`~?\.?([^`]+)`")
_TERM = re.compile(r"^(\S[^\n.:]*)\n    (?=\S)", re.MULTILINE)
_LITERAL = re.compile(r"^::$", re.MULTILINE)


def to_markdown(text: str, *, definitions: bool) -> str:
    """Rewrite a docstring; ``definitions`` says whether a line above indented ones is a term."""
    text = _SECTION.sub(lambda section: _NAMED.sub(r"\1\n    ", section[0]), text)
    text = _LITERAL.sub("", _ROLE.sub(r"`\1`", text))
    return _TERM.sub(r"\n\1\n:   ", text) if definitions else text


class Docstrings(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_instance(self, *, obj: griffe.Object, **_: object) -> None:
        """Rewrite the docstring of one object."""
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value, definitions=obj.is_module)
