"""Make the header of a changed store vouch for what lies there now, as whoever forges a store would."""

from __future__ import annotations

import json
from pathlib import Path

from kemfeat.store import disk, schema
from kemfeat.store.reader import Store, open_store


def vouch(folder: Path) -> Store:
    """Write new receipts of every file that the header names, and the digest over them."""
    path = folder / schema.HEADER
    content = json.loads(path.read_bytes())
    for receipts in (content["tables"], content["documents"], *(part["files"] for part in content["parts"])):
        receipts.update({name: disk.receipt(folder / name).model_dump() for name in receipts})
    for session, told in content["sessions"].items():
        told["file"] = disk.receipt(folder / schema.session_path(session)).model_dump()
    header = schema.Header.model_validate_json(json.dumps(content))
    disk.write_json(path, content | {"digest": schema.store_digest(header)})
    return open_store(folder)
