"""Which of several processes this is, according to torch or to whatever started them."""

from __future__ import annotations

import os

from torch import distributed

from kemfeat.errors import ConfigError


def ranks() -> tuple[int, int]:
    """Number of this process and of all processes, from ``torch.distributed`` or else from the environment.

    Lightning, accelerate and ``torchrun`` set both.

    Returns
    -------
    rank, world_size : int
        Rank, from 0, and world size; 0 and 1 where there is one process.

    Raises
    ------
    ConfigError
        The environment says that there are several processes but not which of them this is.

    Examples
    --------
    >>> ranks()
    (0, 1)
    """
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    world = os.environ.get("WORLD_SIZE", "1")
    if world == "1":
        return 0, 1
    rank = os.environ.get("RANK", "")
    if not (world.isdecimal() and rank.isdecimal() and int(rank) < int(world)):
        raise ConfigError(
            f"WORLD_SIZE is {world!r} and RANK is {rank!r} in the environment; expected a rank from 0 on that is less "
            "than the world size, as torchrun sets them; pass rank and world_size to the loader, or unset WORLD_SIZE"
        )
    return int(rank), int(world)
