"""One build at a time behind an address: an object says who builds, and is put anew for as long as they do.

There is no lock that ends with its process. A claim that has not been put anew for a while is void, and who takes it
over does so on the condition that it has not changed since. Ages are told by the clock of the server alone.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kemfeat.errors import StoreLockedError
from kemfeat.findings import printable
from kemfeat.store import schema
from kemfeat.store.bucket import Bucket, Found
from kemfeat.store.objects import ConflictError

_NAME = f"{schema.BUILDING}/claim.json"
_MOST_BYTES = 1 << 16
_VOID = 90.0
"""Seconds after which a claim that was not put anew is void."""
_RENEWAL = 15.0
"""Seconds between two times that a claim is put."""
_UNKNOWN = {"owner": "?"}
"""The owner of a claim that cannot be read."""


class RemoteClaim:
    """The right to build behind an address, once it is taken.

    Parameters
    ----------
    bucket : Bucket
        Objects below the address.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._owner = {"owner": uuid.uuid4().hex, "host": os.uname().nodename, "pid": os.getpid()}
        self._mark = ""
        self._lost = False
        self._putting = threading.Lock()

    def take(self) -> None:
        """Take what nobody has.

        Raises
        ------
        StoreLockedError
            Somebody has it; the message says who, and since when they have not been heard of.
        OSError
            The server refuses or does not answer.
        """
        found = self._bucket.find(_NAME)
        if found is not None:
            self._refuse_living(found)
            self._mark = found.mark
        self.require()

    def require(self) -> None:
        """Put the claim anew.

        Raises
        ------
        StoreLockedError
            Somebody else has taken it over.
        OSError
            The server refuses or does not answer.
        """
        with self._putting:
            if not self._lost:
                try:
                    self._mark = self._bucket.write(_NAME, self._content(), instead_of=self._mark).mark
                except ConflictError:
                    self._find_again()
        if self._lost:
            raise StoreLockedError(
                f"{self._bucket.address}: {_told(self._read())} has begun to build this store meanwhile; wait for it, "
                "then run the same command again: what is finished is kept"
            )

    def release(self) -> None:
        """Let others have it at once."""
        with self._putting, suppress(OSError, ConflictError):
            self._bucket.write(_NAME, b"{}", instead_of=self._mark)

    def keep_alive(self, ended: threading.Event) -> None:
        """Put the claim anew again and again.

        Parameters
        ----------
        ended : Event
            Set when that is to end.
        """
        while not ended.wait(_RENEWAL):
            with suppress(OSError):  # the next one may get through; whoever commits asks again
                try:
                    self.require()
                except StoreLockedError:
                    return

    def _content(self) -> bytes:
        return json.dumps(self._owner | {"time": time.time()}).encode()

    def _find_again(self) -> None:
        """Where it has changed: the answer to our own put was lost, or somebody else has it."""
        if self._read().get("owner") != self._owner["owner"]:
            self._lost = True
            return
        found = self._bucket.find(_NAME)
        self._mark = "" if found is None else found.mark

    def _read(self) -> dict[str, Any]:
        found = self._bucket.find(_NAME)
        if found is None:
            return {}
        if found.size > _MOST_BYTES:
            return _UNKNOWN
        try:
            told = json.loads(self._bucket.read(_NAME, _MOST_BYTES))
        except ValueError:
            return _UNKNOWN
        return told if isinstance(told, dict) else _UNKNOWN

    def _refuse_living(self, found: Found) -> None:
        told = self._read()
        age = self._now() - found.changed
        if told and age < _VOID:
            raise StoreLockedError(
                f"{self._bucket.address}: {_told(told)} is building this store, and said so {max(age, 0):.0f} s ago; "
                f"wait for it; if it no longer runs, run the same command again in {_VOID - age:.0f} s"
            )

    def _now(self) -> float:
        """The time of the server."""
        name = f"{schema.BUILDING}/now-{uuid.uuid4().hex}"
        self._bucket.write(name, b"kemfeat asks for the time")
        found = self._bucket.find(name)
        with suppress(OSError):  # whoever may not remove anything leaves it
            self._bucket.remove([name])
        return time.time() if found is None else found.changed


@contextmanager
def kept_alive(claim: RemoteClaim) -> Iterator[None]:
    """Keep a claim that has been taken, and release it at the end.

    Parameters
    ----------
    claim : RemoteClaim
        The claim.

    Yields
    ------
    None
        While the claim is put anew again and again.
    """
    ended = threading.Event()
    thread = threading.Thread(target=claim.keep_alive, args=(ended,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        claim.release()


def _told(owner: dict[str, Any]) -> str:
    pid, host = (printable(str(owner.get(name, "?"))[:100]) for name in ("pid", "host"))
    return f"process {pid} on {host}"
