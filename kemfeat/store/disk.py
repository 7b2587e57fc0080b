"""Writing that survives a crash (write beside, fsync, rename), and errors of the disk as sentences."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kemfeat.errors import StoreCorruptError, StoreError, StoreWriteError
from kemfeat.stale_reads import asked_again
from kemfeat.store import disk_refusals, schema

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@contextmanager
def writing(path: Path, *, resumes: bool = True) -> Iterator[None]:
    """Turn an error of the disk while writing below a path into a sentence.

    Parameters
    ----------
    path : Path
        Folder or file that is written.
    resumes : bool
        Whether the same command continues where this one stopped, which the sentence then promises.

    Yields
    ------
    None
        While the path is written.

    Raises
    ------
    StoreWriteError
        The system refuses, for whatever reason.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:  # errors of kemfeat have their own sentence
            raise
        kept = ": what is finished is kept" if resumes else ""
        advice = disk_refusals.advice(error.errno)
        raise StoreWriteError(f"{path}: {advice} and run the same command again{kept} ({error.strerror})") from None


@contextmanager
def usable(out: Path) -> Iterator[None]:
    """Turn any error while a folder is looked up, made or moved into a sentence.

    Parameters
    ----------
    out : Path
        The folder.

    Yields
    ------
    None
        While the folder is used.

    Raises
    ------
    StoreWriteError
        The system refuses.
    """
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        raise StoreWriteError(
            f"{out}: no folder can be made or used there ({error.strerror}); choose another folder with --out"
        ) from None


def atomic_write(path: Path, write: Callable[[Path], None], *, durable: bool = True) -> None:
    """Write a file beside its place, then rename it: readers see all of it or nothing.

    Parameters
    ----------
    path : Path
        The file; its folder is made when absent.
    write : callable
        Takes the path of the file beside it and writes that file.
    durable : bool
        Whether the file is on the disk when this returns; otherwise a crash of the machine may lose part of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.aside")
    try:
        write(aside)
        if durable:
            fsync(aside)
        aside.replace(path)
        if durable:
            fsync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> schema.FileReceipt:
    """Write a file in one step.

    Parameters
    ----------
    path : Path
        The file; its folder is made when absent.
    content : bytes
        What the file contains.
    durable : bool
        As for :func:`atomic_write`.

    Returns
    -------
    FileReceipt
        Hash and size of the file.
    """
    atomic_write(path, lambda aside: _write_plain(aside, content), durable=durable)
    return schema.FileReceipt(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON in one step.

    Parameters
    ----------
    path : Path
        The file; its folder is made when absent.
    value : object
        Whatever JSON can express.
    """
    write_bytes(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def write_table(path: Path, table: pa.Table | pd.DataFrame, *, durable: bool = True) -> None:
    """Write Parquet (zstd) in one step; equal tables give equal bytes.

    Parameters
    ----------
    path : Path
        The file; its folder is made when absent.
    table : Table or DataFrame
        Content; an index and the metadata of the schema are not written.
    durable : bool
        As for :func:`atomic_write`.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, preserve_index=False)
    plain = table.replace_schema_metadata(None).cast(pa.schema([_typed(field) for field in table.schema]))
    atomic_write(path, lambda aside: pq.write_table(plain, aside, compression="zstd"), durable=durable)


def fsync(path: Path) -> None:
    """Have a file or folder written to the disk.

    Parameters
    ----------
    path : Path
        An existing file or folder.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def flushing(path: Path) -> Iterator[Callable[[Iterable[Path]], None]]:
    """Have files written to the disk in the background, while others are still made.

    Parameters
    ----------
    path : Path
        Folder of the files, for messages.

    Yields
    ------
    callable
        Takes an iterable of files that are complete.

    Raises
    ------
    StoreWriteError
        At the end of the context: the disk refused some of them.
    """
    with ThreadPoolExecutor(1) as thread:
        waiting: list[Future[None]] = []
        try:
            yield lambda files: waiting.append(thread.submit(_flush, tuple(files)))
        except BaseException:
            thread.shutdown(cancel_futures=True)
            raise
        with writing(path):
            for future in waiting:
                future.result()


def _flush(files: Iterable[Path]) -> None:
    for file in files:
        fsync(file)
        fsync(file.parent)


def sha256(path: Path) -> str:
    """SHA-256 of a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return asked_again(path, _digest)


def read_bytes(path: Path) -> bytes:
    """Content of a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bytes
        All of it.
    """
    return asked_again(path, Path.read_bytes)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def receipt(path: Path) -> schema.FileReceipt:
    """What a file is now.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    FileReceipt
        Hash and size of the file.
    """
    return schema.FileReceipt(sha256=sha256(path), bytes=path.stat().st_size)


def inside(folder: Path, name: str) -> Path:
    """The path of a file that a store lists, which must be inside the store.

    Parameters
    ----------
    folder : Path
        Folder of the store.
    name : str
        Path below the store, with ``/``.

    Returns
    -------
    Path
        The file below ``folder``.

    Raises
    ------
    StoreCorruptError
        The name is absolute or leads out of the folder.
    """
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in name:
        raise StoreCorruptError(f"{folder}: lists a file outside of the store, {name!r}; do not trust this store")
    return folder.joinpath(*pure.parts)


def used(folder: Path) -> int:
    """The size of the files in a folder; one with several names counts once.

    Parameters
    ----------
    folder : Path
        A folder, or a path where nothing is.

    Returns
    -------
    int [bytes]
        Links are not followed.
    """
    found = (path.lstat() for path in folder.rglob("*"))
    return sum({(of.st_dev, of.st_ino): of.st_size for of in found if stat.S_ISREG(of.st_mode)}.values())


def vacant(path: Path) -> Path:
    """A path where nothing is: this one, else with -2, -3 and so on at its end.

    Parameters
    ----------
    path : Path
        The path to begin with.

    Returns
    -------
    Path
        The first one that does not exist.
    """
    others = (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
    return next(each for each in itertools.chain([path], others) if not each.exists())


def link(source: Path, target: Path) -> None:
    """Give a file a second path: a hard link, or a copy where the disk does not support links.

    Parameters
    ----------
    source : Path
        An existing file.
    target : Path
        Its second path, which is replaced; its folder is made when absent.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _typed(field: pa.Field) -> pa.Field:
    """The field with the one type of text; a column of nothing but None is text too."""
    import pyarrow as pa

    texts = pa.types.is_null(field.type) or pa.types.is_large_string(field.type)
    return field.with_type(pa.string()) if texts else field


def _write_plain(path: Path, content: bytes) -> None:
    path.write_bytes(content)
