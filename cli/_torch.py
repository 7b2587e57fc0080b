"""What the commands that need PyTorch share."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec

from kemfeat.errors import ConfigError


class Device(StrEnum):
    """Where to compute."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


def require_torch(command: str) -> None:
    """Refuse a command where PyTorch is not installed."""
    if find_spec("torch") is None:
        raise ConfigError(f"kemfeat {command} needs PyTorch, which is not installed; run pip install 'kemfeat[train]'")
