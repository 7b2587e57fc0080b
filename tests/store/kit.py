"""Make the header of a changed store vouch for what lies there now, as whoever forges a store would."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from kemfeat.store import disk, schema
from kemfeat.store.reader import Store, open_store


def vouch(folder: Path) -> Store:
    """Write new receipts of every file that the header names, and the digest over them."""
    version = open_store(folder).folder
    content = json.loads((folder / schema.HEADER).read_bytes())
    for receipts in (content["tables"], content["documents"], *(part["files"] for part in content["parts"])):
        receipts.update({name: disk.receipt(version / name).model_dump() for name in receipts})
    for session, told in content["sessions"].items():
        told["file"] = disk.receipt(version / schema.session_path(session)).model_dump()
    header = schema.Header.model_validate_json(json.dumps(content))
    for path in (version / schema.HEADER, folder / schema.HEADER):
        disk.write_json(path, content | {"digest": schema.store_digest(header)})
    return open_store(folder)


def as_format_1(store: Store, out: Path) -> Store:
    """The version of a store as format 1 has it: everything beside a header without the members of format 2."""
    shutil.copytree(store.folder, out)
    path = out / schema.HEADER
    content = json.loads(path.read_bytes()) | {"format_version": 1}
    content = {name: value for name, value in content.items() if name not in ("changes", "history")}
    digest = schema.store_digest(schema.Header.model_validate_json(json.dumps(content)))
    disk.write_json(path, content | {"digest": digest})
    return open_store(out)
