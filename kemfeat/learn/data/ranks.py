"""Which of several processes this is, as torch or whoever started them says."""

from __future__ import annotations

import os

from torch import distributed

from kemfeat.errors import ConfigError


def ranks() -> tuple[int, int]:
    """Number of this process and how many there are: of ``torch.distributed``, else of the environment.

    Lightning, accelerate and ``torchrun`` set both.

    Returns
    -------
    tuple of int
        Rank, from 0, and world size; 0 and 1 where there is one process.

    Raises
    ------
    ConfigError
        The environment names several processes but not which of them this is.

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
            f"WORLD_SIZE is {world!r} and RANK is {rank!r} in the environment; expected a rank from 0 to below the "
            "world size, as torchrun sets both; pass rank and world_size to the loader, or unset WORLD_SIZE"
        )
    return int(rank), int(world)
