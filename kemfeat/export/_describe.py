"""What an export contains and where it is from: ``README.md`` for people, ``export.json`` for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kemfeat import provenance
from kemfeat.corpora import terms_of
from kemfeat.export._selection import Selection
from kemfeat.plural import many
from kemfeat.store import disk
from kemfeat.store.card import escape

MANIFEST = "export.json"
README = "README.md"
VERSION = 1


def describe(selection: Selection, folder: Path, *, name: str, top: str, reading: str) -> None:
    """Write both files into the folder of an export.

    Parameters
    ----------
    selection : Selection
        What was written.
    folder : Path
        Where.
    name : str
        Name of the format.
    top, reading : str
        Begin and end of ``README.md``; ``<axis>`` and ``<array>`` of the end become names of this export.
    """
    disk.write_json(folder / MANIFEST, _manifest(selection, name))
    disk.write_bytes(folder / README, (top + _readme(selection, name, reading)).encode())


def _manifest(selection: Selection, name: str) -> dict[str, Any]:
    header = selection.store.header
    return {
        "export_version": VERSION,
        "format": name,
        "dataset": header.dataset,
        "synthetic": header.synthetic,
        "store_digest": header.digest,
        "axis": selection.axis,
        "rows": len(selection),
        "rows_dropped": selection.dropped,
        "rows_not_chosen": header.axes[selection.axis].rows - selection.dropped - len(selection),
        "labels": selection.labels,
        "columns": list(selection.table.columns),
        "arrays": {
            array: {
                "dims": list(info.dims),
                "shape": [len(selection), *info.shape[1:]],
                "dtype": info.dtype,
                "unit": info.unit,
                "description": info.description,
            }
            for array, info in ((array, header.arrays[array]) for array in selection.arrays)
        },
    }


def _readme(selection: Selection, name: str, reading: str) -> str:
    header, terms = selection.store.header, terms_of(selection.store.dataset)
    lines = [f"| `{array}` | {_shape(selection, array)} | {header.arrays[array].dtype} |" for array in selection.arrays]
    table = "\n".join(["| array | dims | dtype |", "| --- | --- | --- |", *lines])
    banner = f"> **{provenance.BANNER}**\n\n" if header.synthetic else ""
    return f"""# {escape(header.dataset)} as {name}

{banner}{many(len(selection), "row")} of the axis `{selection.axis}` of the store with the digest `{header.digest}`.
`{MANIFEST}` says the same for programs, with units.

{table}

Row i belongs to row i of the table, which names it by its id; join by `id`, never by place. `emotion` follows the
label rule `{escape(selection.labels)}`. `<array>_length` counts the real elements of a row, up to the last one, along
the first axis after the row axis; what follows them is padding. `missing` lists the features that could not be
extracted; their rows are padding throughout.

{reading.replace("<axis>", selection.axis).replace("<array>", next(iter(selection.arrays), "<array>"))}

## Licence and citation

{escape(terms.licence)}

Cite: {escape(terms.citation)}
"""


def _shape(selection: Selection, array: str) -> str:
    info = selection.store.header.arrays[array]
    shape = (len(selection), *info.shape[1:])
    return " x ".join(f"{escape(dim)} {size}" for dim, size in zip(info.dims, shape, strict=True))
