"""A split on disk: one Parquet file whose facts are JSON in its metadata; or a table that a user made."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kemfeat.config import SettingsTable, canonical
from kemfeat.errors import ConfigError, StoreWriteError
from kemfeat.paths import StrPath, to_path
from kemfeat.splits.split import PARTS, Split

if TYPE_CHECKING:
    import pandas as pd

_KEY = b"kemfeat_split"
_MAGIC = b"PAR1"
_UNKNOWN = dict.fromkeys(("seed", "labels", "store", "utterances", "dropped", "absent", "kemfeat"))


def write_split(path: StrPath, split: Split) -> None:
    """Write a split in one step; the same split gives the same bytes. An existing split is replaced.

    Parameters
    ----------
    path : str or PathLike
        The Parquet file.
    split : Split
        What to write.

    Raises
    ------
    ConfigError
        The file exists and is not a split that kemfeat wrote.
    StoreWriteError
        The disk refuses.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.splits import make_split
    >>> split = make_split(kemfeat.open_store("stores/KEMDy20").utterances, scheme="speaker", folds=2)
    >>> write_split("splits/speakers.parquet", split)
    >>> read_split("splits/speakers.parquet").digest == split.digest
    True
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = to_path(path)
    if (target.exists() or target.is_symlink()) and not _is_split(target):
        raise ConfigError(f"{path}: exists and is not a split that kemfeat wrote; pass another --out")
    facts = canonical({**split.facts, "digest": split.digest})
    columns = pa.schema([("fold", pa.int64()), ("id", pa.string()), ("part", pa.string())], {_KEY: facts.encode()})
    table = pa.Table.from_pandas(split.rows, schema=columns, preserve_index=False).replace_schema_metadata(
        columns.metadata
    )
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex}.aside")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
    except OSError as error:
        raise StoreWriteError(f"{target}: cannot be written ({error.strerror}); choose another --out") from None
    finally:
        if aside.parent.is_dir():
            aside.unlink(missing_ok=True)


def read_split(path: StrPath) -> Split:
    """Read a split that kemfeat wrote, or a user's CSV or Parquet table with ``id``, ``part`` and perhaps ``fold``.

    Parameters
    ----------
    path : str or PathLike
        The file.

    Returns
    -------
    Split
        Its rows in the order of folds.

    Raises
    ------
    ConfigError
        The file is absent or damaged, or a row of it cannot be used; the message says which.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.splits import make_split
    >>> split = make_split(kemfeat.open_store("stores/KEMDy20").utterances, scheme="speaker", folds=2)
    >>> write_split("splits/speaker.parquet", split)
    >>> read_split("splits/speaker.parquet").folds
    2
    """
    file = to_path(path)
    try:
        with file.open("rb") as opened:
            is_parquet = opened.read(len(_MAGIC)) == _MAGIC
        table, facts = _read_parquet(file) if is_parquet else (_read_csv(file), None)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror or error}); make it with `kemfeat split`") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file}: is not a split that kemfeat can read ({error})") from None
    rows = _checked(table, file)
    if facts is None:
        folds = int(rows["fold"].max()) + 1
        return Split(rows, SettingsTable({"scheme": "user", "folds": folds, **_UNKNOWN}))
    return _unchanged(rows, facts, file)


def _is_split(file: Path) -> bool:
    import pyarrow.parquet as pq

    try:
        return _KEY in (pq.read_schema(file).metadata or {})
    except (OSError, ValueError):
        return False


def _read_parquet(file: Path) -> tuple[pd.DataFrame, Any]:
    import pyarrow.parquet as pq

    table = pq.read_table(file)
    facts = (table.schema.metadata or {}).get(_KEY)
    return table.to_pandas(), None if facts is None else json.loads(facts)


def _read_csv(file: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def _checked(table: pd.DataFrame, file: Path) -> pd.DataFrame:
    """The three columns, each validated, in the order of folds; within a fold as in the file."""
    import pandas as pd

    if lacking := [name for name in ("id", "part") if name not in table.columns]:
        raise ConfigError(f"{file}: has no column {lacking[0]!r}; expected id, part and perhaps fold")
    fold = table["fold"] if "fold" in table.columns else pd.Series(0, index=table.index)
    numbers = pd.to_numeric(fold, errors="coerce")
    bad = numbers.isna() | (numbers < 0) | (numbers % 1 != 0) | (numbers >= len(table))
    _refuse_rows(table, bad, fold, "a fold from 0", file)
    _refuse_rows(table, ~table["part"].isin(PARTS), table["part"], f"a part ({', '.join(PARTS)})", file)
    empty = table["id"].isna() | (table["id"] == "")
    _refuse_rows(table, empty, table["id"], "the id of an utterance", file)
    rows = pd.DataFrame(
        {"fold": numbers.astype("int64"), "id": table["id"].astype("str"), "part": table["part"].astype("str")}
    )
    _refuse_rows(table, rows.duplicated(), table["id"], "an id once in each part of a fold", file)
    _refuse_empty_folds(rows, file)
    return rows.sort_values("fold", kind="stable", ignore_index=True)


def _refuse_rows(table: pd.DataFrame, bad: pd.Series[bool], found: pd.Series[Any], expected: str, file: Path) -> None:
    if bad.any():
        place = int(bad.to_numpy().argmax())
        raise ConfigError(f"{file}: row {place + 1} of {len(table):,} has {found.iloc[place]!r}; expected {expected}")


def _refuse_empty_folds(rows: pd.DataFrame, file: Path) -> None:
    present = set(zip(rows["fold"], rows["part"], strict=True))
    for fold in range(int(rows["fold"].max()) + 1 if len(rows) else 1):
        for part in ("train", "test"):
            if (fold, part) not in present:
                raise ConfigError(f"{file}: fold {fold} has no row in {part}; expected train and test in every fold")


def _unchanged(rows: pd.DataFrame, facts: Any, file: Path) -> Split:
    """The split that kemfeat wrote, as its digest proves."""
    expected = {"scheme", "folds", "digest", *_UNKNOWN}
    if not isinstance(facts, Mapping) or not expected <= set(facts):
        raise ConfigError(f"{file}: its metadata is not that of a split; make it again with `kemfeat split`")
    split = Split(rows, SettingsTable({name: value for name, value in facts.items() if name != "digest"}))
    if split.digest != facts["digest"]:
        raise ConfigError(
            f"{file}: its rows are not those that were written (digest {split.digest[:12]}, "
            f"expected {str(facts['digest'])[:12]}); make it again with `kemfeat split`, or save your own rows as CSV"
        )
    return split
