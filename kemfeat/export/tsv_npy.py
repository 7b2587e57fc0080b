"""One table of text, and one ``.npy`` per array whose row i is the table's row i.

``<axis>.tsv`` has a header and one line for each row, columns separated by tabs. Text in it is the inside of a JSON
string, which has neither tabs nor line breaks, so that a row is one line whatever the transcript. A missing cell is
empty. ``<array>.npy`` has the rows as the store does, (row, frame, bin), padding included; system 2 published MFCC as
(row, coefficient, frame), which is ``array.transpose(0, 2, 1)``.

An array is written from begin to end, never mapped: a full disk would kill a process that writes through a map.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from kemfeat.export import Exporter, Selection
from kemfeat.store.schema import ArrayInfo

_BREAKS = re.compile("[\x7f-\x9f\u2028\u2029]")
"""What some programs take for the end of a line or a control, and JSON does not escape."""


def _write(selection: Selection, out: Path) -> None:
    with ExitStack() as stack:
        table = stack.enter_context((out / f"{selection.axis}.tsv").open("w", encoding="utf-8", newline="\n"))
        arrays = {name: stack.enter_context((out / f"{name}.npy").open("wb")) for name in selection.arrays}
        table.write("\t".join(selection.table.columns) + "\n")
        for name, file in arrays.items():
            _write_header(file, selection.store.header.arrays[name], rows=len(selection))
        for block in selection.blocks(0, len(selection)):
            table.writelines(_lines(block.records()))
            for name, values in block.values.items():
                arrays[name].write(values.tobytes())


def _write_header(file: BinaryIO, info: ArrayInfo, *, rows: int) -> None:
    descr = np.lib.format.dtype_to_descr(np.dtype(info.dtype))
    header = {"descr": descr, "fortran_order": False, "shape": (rows, *info.shape[1:])}
    np.lib.format.write_array_header_1_0(file, header)


def _lines(records: list[dict[str, Any]]) -> Iterator[str]:
    return ("\t".join(map(_cell, record.values())) + "\n" for record in records)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        inside = json.dumps(value, ensure_ascii=False)[1:-1]
        return _BREAKS.sub(lambda found: f"\\u{ord(found[0]):04x}", inside)
    return "" if value is None else repr(value)


EXPORTER = Exporter(
    name="tsv-npy",
    description="one .tsv and one .npy per array, row by row",
    reading="""## How to read it

The table is UTF-8 with tabs between columns. Each cell of text is the inside of a JSON string (`\\t`, `\\n`, `\\"`,
`\\\\`), and an empty cell is missing: read it without quoting and without names for missing values, such as
`pandas.read_csv("<axis>.tsv", sep="\\t", quoting=3, keep_default_na=False)`. Open an array with
`numpy.load("<array>.npy", mmap_mode="r")`. Axes are in the order of the table above; programs that
want another one, such as (row, coefficient, frame), transpose.""",
    write=_write,
)
