"""The page as one HTML text, with its style, its script and a policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from kemfeat.report.tables import is_korean

_HERE = Path(__file__).parent
_STATISTIC = re.compile(r"\b([FtprzHWN])(?=\(| (?:=|&lt;|&gt;) )")
"""A sign of a statistic in a line in the style of the APA, after escaping."""
_TEMPLATE, _STYLE, _SCRIPT = "page.html.j2", "page.css", "page.js"


def render(facts: dict[str, Any]) -> str:
    """Render the page; every text in ``facts`` is escaped.

    Parameters
    ----------
    facts : dict of str to object
        The values that the template shows.

    Returns
    -------
    str
        HTML.
    """
    style, script = _asset(_STYLE), _asset(_SCRIPT)
    # Style and script are our own files and are included as they are; the policy contains their hashes.
    allowed = policy(style, script, sound=bool(facts["recordings"]))
    own = {"style": Markup(style), "script": Markup(script), "policy": Markup(allowed)}  # noqa: S704
    return _environment().get_template(_TEMPLATE).render(**facts, **own)


def policy(style: str, script: str, *, sound: bool) -> str:
    """Make a Content-Security-Policy that allows this style, this script, embedded images, and nothing else.

    Parameters
    ----------
    style, script : str
        The text within the tags, to the letter.
    sound : bool
        Whether embedded sound is allowed, too.

    Returns
    -------
    str
        Value of the header.
    """
    media = "media-src data:; " if sound else ""
    return (
        f"default-src 'none'; img-src data:; {media}style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["korean"] = is_korean
    environment.filters["statistics"] = _with_italics
    return environment


def _with_italics(line: str) -> Markup:
    """Escape a line, and put the signs of its statistics into italics."""
    return Markup(_STATISTIC.sub(r"<i>\1</i>", str(escape(line))))  # noqa: S704 - escaped before


@cache
def _asset(name: str) -> str:
    return f"\n{(_HERE / name).read_text(encoding='utf-8')}"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"
