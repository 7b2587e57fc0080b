"""The data card beside a store: README.md for people, croissant.json for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kemfeat.store import schema

if TYPE_CHECKING:
    import pandas as pd


def render(header: schema.Header, utterances: pd.DataFrame) -> dict[str, str]:
    """The text of both files, by file name; nothing in them depends on time, host or command."""
    return {schema.README: f"# {header.dataset}: {len(utterances)} utterances\n"}
