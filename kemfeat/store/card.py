"""The data card of a store: README.md for people, croissant.json for programs.

Both depend on the content of the store alone, never on time, host or command, and contain no transcript.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kemfeat import provenance
from kemfeat.plural import many
from kemfeat.records import Terms
from kemfeat.store import columns, croissant, schema, summary
from kemfeat.toml_settings import as_toml

if TYPE_CHECKING:
    import pandas as pd

_MARKUP = re.compile(r"([\\`*_{}\[\]<>|~&$])")


def render(
    header: schema.Header, utterances: pd.DataFrame, *, terms: Terms, own_columns: Mapping[str, str]
) -> dict[str, str]:
    """The text of both files.

    Parameters
    ----------
    header : Header
        Header of the store.
    utterances : DataFrame
        Table of the utterances.
    terms : Terms
        Terms of the corpus.
    own_columns : mapping of str to str
        Meaning of the columns that only this corpus has, by name.

    Returns
    -------
    dict of str to str
        Text by file name.
    """
    return {
        schema.README: _readme(header, utterances, terms, own_columns),
        schema.CROISSANT: croissant.document(header, utterances, terms=terms, own_columns=own_columns),
    }


def escape(text: object) -> str:
    r"""A name from a corpus as Markdown on one line, without markup or control characters.

    Parameters
    ----------
    text : object
        Its ``str`` is used.

    Returns
    -------
    str
        Markdown.

    Examples
    --------
    >>> print(escape("a_b"))
    a\_b
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return _MARKUP.sub(r"\\\1", line)


def _readme(header: schema.Header, utterances: pd.DataFrame, terms: Terms, own_columns: Mapping[str, str]) -> str:
    sections = (
        _introduction(header, utterances, terms),
        _opening(header),
        f"## Licence and citation\n\n{escape(terms.licence)}\n\nCite: {escape(terms.citation)}",
        _corpora(utterances),
        _labels(header, utterances),
        _speakers(utterances),
        _coverage(utterances),
        _losses(header, utterances),
        _arrays(header),
        _columns(utterances, own_columns),
        _settings(header),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _introduction(header: schema.Header, utterances: pd.DataFrame, terms: Terms) -> str:
    known = utterances["duration"].dropna()
    lengths = (
        f", {known.min():.2f} to {known.max():.2f} s long (median {known.median():.2f} s)"
        if len(known)
        else ", no audio"
    )
    banner = f"> **{provenance.BANNER}**\n\n" if header.synthetic else ""
    return f"""# {escape(header.dataset)}: feature store

{banner}{escape(terms.title)}, as features: {many(len(utterances), "utterance")} of \
{many(utterances["speaker"].nunique(), "speaker")} in {many(utterances["session"].nunique(), "session")}, \
{known.sum() / 3600:.2f} h of speech{lengths}.

- digest `{header.digest}` (the version of this store; cite it)
- format version {header.format_version}
- corpus fingerprint `{header.manifest_fingerprint}`
- configuration digest `{header.config_digest}`"""


def _opening(header: schema.Header) -> str:
    first = next(iter(header.arrays), None)
    use = f'store.array("{first}")[:32]' if first is not None else "store.ratings"
    return f"""## How to open it

```python
import kemfeat
store = kemfeat.open_store("PATH OF THIS FOLDER")
rows, values = store.utterances[:32], {use}
```

Row i of every array on the axis `utterance` is row i of `utterances.parquet`.{_other_axes(header)} Check the files with
`kemfeat verify PATH`. Other programs read the Parquet files and `features.zarr` (Zarr version 3) as they are."""


def _other_axes(header: schema.Header) -> str:
    others = {name: axis for name, axis in header.axes.items() if axis.table != schema.UTTERANCES}
    each = [
        f" Row i of those on the axis `{name}` is row i of `{axis.table}`, {axis.rows:,} rows, whose `parent` is "
        "the id of an utterance."
        for name, axis in others.items()
    ]
    return "".join(each)


def _scale(name: str, values: pd.Series[float]) -> str:
    import numpy as np

    with np.errstate(over="ignore"):  # a rating may be anything; validation says so
        return f"{name} {values.mean():.3g} on average, standard deviation {round(values.std(), 6):.3g}"


def _labels(header: schema.Header, utterances: pd.DataFrame) -> str:
    counts = utterances["emotion"].fillna("(none)").value_counts()
    rows = sorted(counts.items(), key=lambda item: (-int(item[1]), str(item[0])))
    scales = "; ".join(
        _scale(name, utterances[name]) for name in ("valence", "arousal") if utterances[name].notna().sum() > 1
    )
    table = _table(("emotion", "utterances", "share"), [(escape(n), f"{c:,}", _share(c, utterances)) for n, c in rows])
    ties = int(utterances["is_tie"].sum())
    return f"""## Labels

Label rule `{header.label_rule}`: `emotion` is {summary.label_rule(header)}, ties joined by `;`. \
{ties:,} utterances ({_share(ties, utterances)}) are ties; {int(utterances["in_5class"].sum()):,} are in the \
five-class subset. {scales}

{table}"""


def _corpora(utterances: pd.DataFrame) -> str:
    """The corpora of a joined store."""
    if "corpus" not in utterances:
        return ""
    rows = [
        (escape(name), f"{len(group):,}", f"{group['speaker'].nunique():,}", f"{group['duration'].sum() / 60:.1f}")
        for name, group in utterances.groupby("corpus", sort=False)
    ]
    return f"## Corpora\n\n{_table(('corpus', 'utterances', 'speakers', 'minutes'), rows)}"


def _speakers(utterances: pd.DataFrame) -> str:
    media = summary.media(utterances)
    rows = [
        (
            *("-" if isinstance(name, float) else escape(name) for name in names),
            f"{len(group):,}",
            f"{group['duration'].sum() / 60:.1f}",
            f"{int(group['is_tie'].sum()):,}",
            *(f"{int((group[f'{medium}_coverage'] > 0).sum()):,}" for medium in media),
        )
        for names, group in utterances.groupby(["session", "speaker", "sex"], sort=True, dropna=False)
    ]
    head = ("session", "speaker", "sex", "utterances", "minutes", "ties", *(f"with {name.upper()}" for name in media))
    return f"## Sessions and speakers\n\n{_table(head, rows)}"


def _coverage(utterances: pd.DataFrame) -> str:
    rows = []
    for medium in summary.media(utterances):
        have, inside = summary.covered(utterances, medium)
        rows.append((medium.upper(), f"{have:,}", _share(have, utterances), f"{inside:.1%}" if have else "-"))
    if not rows:
        return ""
    head = ("signal", "utterances with any", "share", "of their time covered, on average")
    return f"""## Physiology

Signals are raw. What was not measured is NaN under a mask that is False, never zero, never filled.

{_table(head, rows)}"""


def _losses(header: schema.Header, utterances: pd.DataFrame) -> str:
    """Rows that are missing, and rows that a fixed length cut."""
    rows = [
        (f"`{name}`", "missing rows (see `failures.parquet`)", f"{count:,}")
        for name, count in summary.missing_rows(header).items()
    ]
    what = "rows or cells that could not be read (see `failures.parquet`)"
    rows.append(("annotation", what, f"{header.annotation_faults:,}"))
    for cut in summary.cuts(header, utterances):
        rows.append((f"`{cut.what}`", "rows cut at the stored length", f"{cut.rows:,}"))
        if cut.amount is not None:
            rows.append((f"`{cut.what}`", "frames or samples cut", f"{cut.amount:,}"))
    return f"## What is missing or cut\n\n{_table(('what', 'how', 'count'), rows)}"


def _arrays(header: schema.Header) -> str:
    rows = [
        (
            f"`{name}`",
            " x ".join(f"{dim} {size}" for dim, size in zip(info.dims, info.shape, strict=True)),
            info.dtype,
            escape(info.unit),
            f"{info.max_abs_error:g}",
            escape(info.description),
        )
        for name, info in header.arrays.items()
    ]
    head = ("array", "shape", "dtype", "unit", "rounding error", "description")
    return f"## Arrays\n\nEach lies in `features.zarr/FEATURE/ARRAY`.\n\n{_table(head, rows)}"


def _columns(utterances: pd.DataFrame, own: Mapping[str, str]) -> str:
    rows = [(f"`{escape_code(name)}`", escape(columns.describe(name, own))) for name in utterances.columns]
    return f"## Columns of utterances.parquet\n\n{_table(('column', 'meaning'), rows)}"


def escape_code(name: str) -> str:
    """A name for a Markdown code span in a table.

    Parameters
    ----------
    name : str
        Name of a column, which a corpus may choose.

    Returns
    -------
    str
        The name without backticks, bars and control characters.
    """
    return "".join(c for c in name if c.isprintable() and c not in "`|")


def _settings(header: schema.Header) -> str:
    return f"## Settings\n\n```toml\n{as_toml(header.config)}```"


def _share(count: int, utterances: pd.DataFrame) -> str:
    return f"{count / max(len(utterances), 1):.1%}"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
