"""A process that is killed before a change of the disk, within one process."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest


class Killed(BaseException):
    """Stands for SIGKILL: from this moment on the process changes nothing on the disk."""


CHANGES = ("mkdir", "rename", "replace", "link", "symlink", "unlink", "rmdir", "fsync")


def run_until(
    change: int, run: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, *, changes: Sequence[str] = CHANGES
) -> bool:
    """Run up to a change of the disk, counted from 0; whether it was killed there."""
    done = count()

    def killed_at(change_disk: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(done) >= change:
                raise Killed
            return change_disk(*arguments, **options)

        return call

    with monkeypatch.context() as patched:
        for name in changes:
            patched.setattr(os, name, killed_at(getattr(os, name)))
        try:
            run()
        except Killed:
            return True
    return False
