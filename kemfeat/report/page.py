"""The page: one HTML text from the facts, with its style, its script and a policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_HERE = Path(__file__).parent
_TEMPLATE, _STYLE, _SCRIPT = "page.html.j2", "page.css", "page.js"


def render(facts: dict[str, Any]) -> str:
    """The page as HTML; every text in ``facts`` is escaped."""
    style, script = _asset(_STYLE), _asset(_SCRIPT)
    # The style and the script stand in the page as they are: they are our own files, and the policy holds their hashes.
    own = {"style": Markup(style), "script": Markup(script), "policy": Markup(policy(style, script))}  # noqa: S704
    return _environment().get_template(_TEMPLATE).render(**facts, **own)


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy: this style, this script, images that stand in the page, nothing else."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _asset(name: str) -> str:
    return f"\n{(_HERE / name).read_text(encoding='utf-8')}"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"
