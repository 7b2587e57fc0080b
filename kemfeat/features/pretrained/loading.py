"""Loads a pretrained model of ``transformers``, all weights of it, float32, onto the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from kemfeat.features.pretrained.folder import Wanted, check_folder, check_size


def load(folder: Path, wanted: Wanted, *, needed: Callable[[str], bool]) -> nn.Module:
    """Load a model; nothing is downloaded, run or unpickled, and no weight that is needed is left random.

    Weights are safetensors, or a ``.bin`` read with ``weights_only=True``.

    Parameters
    ----------
    folder : Path
        Its folder.
    wanted : Wanted
        Which model it is, for messages.
    needed : callable
        Whether the weights of that name are needed; many checkpoints lack those of a pooler.

    Returns
    -------
    nn.Module
        The model, in training mode as ``transformers`` leaves it.

    Raises
    ------
    ConfigError
        It cannot be read, or lacks weights.
    """
    from transformers import AutoModel

    with wanted.refused("the model in the folder cannot be loaded"), silent():
        check_folder(folder, wanted)
        check_size(_parameters(folder), folder, wanted)
        model, report = AutoModel.from_pretrained(
            str(folder),
            local_files_only=True,
            trust_remote_code=False,
            weights_only=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    absent = sorted(filter(needed, report["missing_keys"]))
    if absent or report["mismatched_keys"]:
        raise wanted.refusal(
            f"{len(absent)} weights are not in its files (first: {', '.join(absent[:2])}) and would be random; "
            "download the files again"
        )
    return model  # type: ignore[no-any-return]


def _parameters(folder: Path) -> int:
    """The numbers of the model that a folder describes, counted without memory for them."""
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    with torch.device("meta"):
        described = AutoModel.from_config(config, trust_remote_code=False)
    return sum(parameter.numel() for parameter in described.parameters())


@contextmanager
def silent() -> Iterator[None]:
    """Silence the progress bars and reports of transformers: a library does not print.

    Yields
    ------
    None
        While it is silent.
    """
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
