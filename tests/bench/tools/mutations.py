"""Ways in which files of a corpus go wrong, each a function of a folder and a generator of random numbers."""

from __future__ import annotations

import os
import random
import shutil
import struct
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

Mutation = Callable[[Path, random.Random], str]
"""Changes something below a folder and says what; an empty text when there was nothing to change."""

TABLES = (".csv", ".txt")
CELLS = (
    *("", " ", "NaN", "nan", "None", "null", "-", "0", "-1", "1_0", "0x10", "１２", "9" * 400),
    *("1e400", "inf", "-inf", "1e308", "2022-13-45 99:99:99", "1970-01-01"),
    *("=1+1", "<script>alert(1)</script>", "../../etc/passwd", "/etc/passwd", "C:\\x"),
    *("a\x00b", "\u202eabc", "\ufeff", '"', "'", ";", "\t"),
    *("neutral", "neutral;neutral", "disqust", "ANG", "분노", "Sess99_script01_User001F_001"),
)
ENCODINGS = ("utf-16", "utf-8-sig", "cp949", "latin-1", "utf-32", "shift_jis")


def _files(root: Path, suffixes: Sequence[str] = ()) -> list[Path]:
    found = (path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink())
    return [path for path in found if not suffixes or path.suffix.lower() in suffixes]


def _pick(root: Path, rng: random.Random, suffixes: Sequence[str] = ()) -> Path | None:
    files = _files(root, suffixes)
    return rng.choice(files) if files else None


def _of_file(suffixes: Sequence[str], change: Callable[[Path, random.Random], None]) -> Mutation:
    def mutate(root: Path, rng: random.Random) -> str:
        path = _pick(root, rng, suffixes)
        if path is None:
            return ""
        change(path, rng)
        return f"{change.__name__.strip('_')} {path.relative_to(root)}"

    mutate.__name__ = change.__name__.strip("_") + "".join(suffixes)
    return mutate


def _delete(path: Path, rng: random.Random) -> None:
    path.unlink()


def _empty(path: Path, rng: random.Random) -> None:
    path.write_bytes(b"")


def _truncate(path: Path, rng: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content) + 1)])


def _flip_bytes(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 8)):
        if content:
            content[rng.randrange(min(len(content), 4096))] = rng.randrange(256)
    path.write_bytes(bytes(content))


def _append(path: Path, rng: random.Random) -> None:
    path.write_bytes(path.read_bytes() + rng.randbytes(rng.randint(1, 64)))


def _drop_line(path: Path, rng: random.Random) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    if lines:
        del lines[rng.randrange(len(lines))]
    path.write_bytes(b"".join(lines))


def _double_line(path: Path, rng: random.Random) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    if lines:
        line = rng.choice(lines)
        lines.insert(rng.randrange(len(lines) + 1), line)
    path.write_bytes(b"".join(lines))


def _join_lines(path: Path, rng: random.Random) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    if len(lines) > 1:
        place = rng.randrange(len(lines) - 1)
        lines[place] = lines[place].rstrip(b"\r\n")
    path.write_bytes(b"".join(lines))


def _swap_lines(path: Path, rng: random.Random) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    rng.shuffle(lines)
    path.write_bytes(b"".join(lines))


def _change_cell(path: Path, rng: random.Random) -> None:
    lines = path.read_bytes().split(b"\n")
    place = rng.randrange(len(lines))
    cells = lines[place].split(b",")
    cells[rng.randrange(len(cells))] = rng.choice(CELLS).encode("utf-8", "surrogatepass")
    lines[place] = b",".join(cells)
    path.write_bytes(b"\n".join(lines))


def _drop_column(path: Path, rng: random.Random) -> None:
    rows = [line.split(b",") for line in path.read_bytes().split(b"\n")]
    place = rng.randrange(max(len(row) for row in rows))
    path.write_bytes(b"\n".join(b",".join(row[:place] + row[place + 1 :]) for row in rows))


def _other_delimiter(path: Path, rng: random.Random) -> None:
    path.write_bytes(path.read_bytes().replace(b",", rng.choice((b";", b"\t", b"|"))))


def _other_line_ends(path: Path, rng: random.Random) -> None:
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n"))))


def _other_encoding(path: Path, rng: random.Random) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    path.write_bytes(text.encode(rng.choice(ENCODINGS), "replace"))


def _login_page(path: Path, rng: random.Random) -> None:
    path.write_text("<!DOCTYPE html><html><body>Please log in</body></html>", encoding="utf-8")


def _lfs_pointer(path: Path, rng: random.Random) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", encoding="utf-8")


def _wav_header(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    field, form = rng.choice(((4, "<I"), (20, "<H"), (22, "<H"), (24, "<I"), (32, "<H"), (34, "<H"), (40, "<I")))
    if len(content) > 44:
        values = (0, 1, 2, 3, 7, 8, 16, 24, 255, 65535, 2**31 - 36, 2**32 - 1)
        value = rng.choice(values) % 2 ** (8 * struct.calcsize(form))
        struct.pack_into(form, content, field, value)
    path.write_bytes(bytes(content))


def _as_folder(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.mkdir()


def _as_pipe(path: Path, rng: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def _as_device(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.symlink_to(rng.choice(("/dev/zero", "/dev/null", "/dev/random")))


def _as_loop(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _as_link_outside(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.symlink_to(rng.choice(("/etc/hostname", "../" * 40 + "etc/hostname", "/")))


def swap_files(root: Path, rng: random.Random) -> str:
    """Exchange two files of the same kind."""
    first = _pick(root, rng)
    if first is None:
        return ""
    second = rng.choice([path for path in _files(root) if path.suffix == first.suffix])
    aside = first.with_name(f".{first.name}.swap")
    first.rename(aside)
    if second != first:
        second.rename(first)
        aside.rename(second)
    else:
        aside.rename(first)
    return f"swap {first.relative_to(root)} and {second.relative_to(root)}"


def text_for_sound(root: Path, rng: random.Random) -> str:
    """Put the content of a text in place of a sound, or the reverse."""
    sound, text = _pick(root, rng, (".wav",)), _pick(root, rng, (".txt", ".csv"))
    if sound is None or text is None:
        return ""
    source, target = rng.choice(((sound, text), (text, sound)))
    target.write_bytes(source.read_bytes())
    return f"content of {source.relative_to(root)} in {target.relative_to(root)}"


def rename(root: Path, rng: random.Random) -> str:
    """Spell the name of a file in another way."""
    path = _pick(root, rng)
    if path is None:
        return ""
    ways = (
        path.name.upper(),
        path.name.lower(),
        f"._{path.name}",
        f" {path.name}",
        f"{path.name}.bak",
        unicodedata.normalize("NFD", path.name + "가"),
        path.name.replace("_", "-"),
        path.name.replace("1", "2"),
    )
    target = path.with_name(rng.choice(ways))
    if target.exists():
        return ""
    path.rename(target)
    return f"rename {path.relative_to(root)} to {target.name!r}"


def double_file(root: Path, rng: random.Random) -> str:
    """Copy a file to another folder of the corpus."""
    path = _pick(root, rng)
    folders = [folder for folder in sorted(root.rglob("*")) if folder.is_dir() and not folder.is_symlink()]
    if path is None or not folders:
        return ""
    target = rng.choice(folders) / path.name
    if not target.exists():
        shutil.copyfile(path, target)
    return f"copy {path.relative_to(root)} to {target.relative_to(root)}"


def remove_folder(root: Path, rng: random.Random) -> str:
    """Remove a folder with all that is in it."""
    folders = [folder for folder in sorted(root.rglob("*")) if folder.is_dir() and not folder.is_symlink()]
    if not folders:
        return ""
    folder = rng.choice(folders)
    shutil.rmtree(folder)
    return f"remove folder {folder.relative_to(root)}"


_ANY = (_delete, _empty, _truncate, _flip_bytes, _append, _login_page, _lfs_pointer)
_KINDS = (_as_folder, _as_pipe, _as_device, _as_loop, _as_link_outside)
_LINES = (_drop_line, _double_line, _join_lines, _swap_lines, _other_line_ends, _other_encoding)
_COLUMNS = (_change_cell, _change_cell, _change_cell, _drop_column, _other_delimiter)
_SOUNDS = (_wav_header, _wav_header, _truncate)

MUTATIONS: tuple[Mutation, ...] = (
    *(_of_file((), change) for change in (*_ANY, *_KINDS)),
    *(_of_file(TABLES, change) for change in _LINES),
    *(_of_file((".csv",), change) for change in _COLUMNS),
    *(_of_file((".txt",), change) for change in (_change_cell,)),
    *(_of_file((".wav",), change) for change in _SOUNDS),
    *(swap_files, text_for_sound, rename, double_file, remove_folder),
)
"""Every kind; those of tables and sound stand more than once, as there is more to go wrong in them."""
NAMED = {mutation.__name__: mutation for mutation in MUTATIONS}
"""By name, such as ``drop_line.csv.txt``."""
