"""Write the result of an analysis: ``result.json``, tables, figures, provenance."""

from __future__ import annotations

import html
import json
import math
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kemfeat import provenance
from kemfeat.analyses import AnalysisResult, AnyAnalysis
from kemfeat.analyses._place import ANALYSES, RESULT, made_aside, prepare
from kemfeat.config import FrozenConfig
from kemfeat.figures.style import watermarked
from kemfeat.paths import StrPath, to_path
from kemfeat.store import disk
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
__all__ = ["RESULT", "SCHEMA_VERSION", "default_folder", "markdown", "plain", "prepare", "write"]


def default_folder(store: Store, analysis: AnyAnalysis) -> Path:
    """Folder of a result unless the user chooses another one: in the store, where the report looks for it.

    Parameters
    ----------
    store : Store
        The store that is analysed.
    analysis : Analysis
        The analysis whose result is written.

    Returns
    -------
    Path
        ``STORE/analyses/NAME``.

    Raises
    ------
    ConfigError
        The store is behind an address.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat import plugins
    >>> store = kemfeat.open_store("stores/KEMDy20")
    >>> default_folder(store, plugins.find("analyses", "balance")).relative_to(store.path).as_posix()
    'analyses/balance'
    """
    return store.own_folder / ANALYSES / analysis.name


def write(
    analysis: AnyAnalysis, result: AnalysisResult, *, store: Store, config: FrozenConfig, out: StrPath
) -> dict[str, Any]:
    """Write tables (Parquet, CSV, LaTeX, Markdown), figures (SVG, PNG) and ``result.json`` into ``out``.

    They are written to a folder beside ``out`` and put in place together, so ``out`` always contains one complete
    result: the earlier one until the new one is finished.

    Parameters
    ----------
    analysis : Analysis
        The analysis that was run.
    result : AnalysisResult
        Its result.
    store : Store
        The store that was analysed.
    config : FrozenConfig
        The settings of the analysis.
    out : str or PathLike
        Folder: absent, empty, or an earlier result, which is replaced.

    Returns
    -------
    dict
        The content of ``result.json``; see ``docs/analyses.md`` for its schema.

    Raises
    ------
    ConfigError
        ``out`` is inside a store, other than as ``STORE/analyses/NAME``, or contains files that no analysis wrote.
    StoreWriteError
        The system refuses.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.analyses.balance import ANALYSIS as balance
    >>> store, config = kemfeat.open_store("stores/KEMDy20"), balance.config()
    >>> content = write(balance, balance.run(store, config), store=store, config=config, out="results/balance")
    >>> content["analysis"], content["store"]["synthetic"]
    ('balance', True)
    """
    with made_aside(to_path(out), store=store) as folder:
        tables = {name: _write_table(disk.inside(folder, f"tables/{name}"), t) for name, t in result.tables.items()}
        with watermarked(provenance.WATERMARK if store.synthetic else ""):
            figures = {name: _draw(disk.inside(folder, f"figures/{name}"), one) for name, one in result.figures.items()}
        content = {
            "schema_version": SCHEMA_VERSION,
            "analysis": analysis.name,
            "title": analysis.title,
            "store": {
                "dataset": store.dataset,
                "digest": store.digest,
                "label_rule": store.header.label_rule,
                "synthetic": store.synthetic,
            },
            "config": config.model_dump(mode="json"),
            "verdicts": [plain(asdict(verdict)) for verdict in result.verdicts],
            "summary": list(result.summary),
            "warnings": list(result.warnings),
            "values": plain(result.values),
            "tables": tables,
            "figures": figures,
            "briefs": {name: plain(asdict(brief)) for name, brief in result.briefs.items() if name in tables},
            "lines": {name: list(found) for name, found in result.lines.items() if found},
            "captions": {name: result.captions[name] for name in figures if name in result.captions},
            "provenance": {
                "created": provenance.now(),
                "command": provenance.command(),
                "versions": provenance.versions(),
            },
        }
        disk.write_bytes(folder / RESULT, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    return content


def plain(value: Any) -> Any:
    """Convert a value to what JSON can express.

    Parameters
    ----------
    value : object
        A number, text, list, tuple, mapping, array or Series, nested as deeply as needed.

    Returns
    -------
    object
        The same with Python's own types: NumPy scalars become numbers, NaN and infinity None, tuples lists.

    Examples
    --------
    >>> import numpy as np
    >>> plain({"f": np.float64("nan"), "n": np.arange(3)})
    {'f': None, 'n': [0, 1, 2]}
    """
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple) or hasattr(value, "tolist"):
        items = value.tolist() if hasattr(value, "tolist") else value
        return [plain(item) for item in items] if isinstance(items, list | tuple) else plain(items)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _write_table(stem: Path, table: pd.DataFrame) -> dict[str, Any]:
    files = {kind: stem.with_name(f"{stem.name}.{kind}") for kind in ("parquet", "csv", "tex", "md")}
    disk.write_table(files["parquet"], table)
    disk.write_bytes(files["csv"], table.to_csv(index=False).encode())
    disk.write_bytes(files["tex"], _latex(table).encode())
    disk.write_bytes(files["md"], markdown(table).encode())
    names = [f"tables/{path.name}" for path in files.values()]
    return {"rows": len(table), "columns": list(table.columns), "files": names}


def _draw(stem: Path, draw: Any) -> list[str]:
    draw(stem)
    return [f"figures/{stem.name}.svg", f"figures/{stem.name}.png"]


def _latex(table: pd.DataFrame) -> str:
    return str(table.map(_one_line).to_latex(index=False, escape=True, float_format="%.6g"))


def markdown(table: pd.DataFrame) -> str:
    r"""Format a table as Markdown.

    Parameters
    ----------
    table : DataFrame
        Any table. Numeric columns are formatted as numbers with six digits; all others are text, even where a cell
        looks like a number, and their markup is escaped.

    Returns
    -------
    str
        The table in pipe syntax, with a final newline.

    Examples
    --------
    >>> import pandas as pd
    >>> print(markdown(pd.DataFrame({"name": ["a|b"], "n": [2]})).splitlines()[-1])
    | a\|b   |   2 |
    """
    from pandas.api.types import is_numeric_dtype

    # tabulate sees no columns in a table without rows.
    texts = len(table) == 0 or [at for at, dtype in enumerate(table.dtypes) if not is_numeric_dtype(dtype)]
    escaped = table.rename(columns=_without_markup).map(_without_markup)
    return str(escaped.to_markdown(index=False, floatfmt=".6g", disable_numparse=texts)) + "\n"


def _one_line(cell: Any) -> Any:
    return " ".join(cell.split()) if isinstance(cell, str) else cell


def _without_markup(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    return html.escape(re.sub(r"([\\`*\[\]|])", r"\\\1", _one_line(cell)), quote=False)
