"""Run as two processes by test__ranks.py: each writes the rows that its loader yields in two epochs.

``ranks_script.py WAY STORE OUT``: WAY is ``torch``, ``accelerate`` or ``lightning``.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from kemfeat.learn import StoreLoader
from kemfeat.store.reader import open_store


def by_torch(loader: StoreLoader) -> list[list[int]]:
    """Plain torch.distributed with gloo."""
    distributed.init_process_group("gloo")
    found = [[row for batch in loader for row in batch.rows.tolist()] for _ in range(2)]
    distributed.destroy_process_group()
    return found


def by_accelerate(loader: StoreLoader) -> list[list[int]]:
    """The loader goes through ``prepare``."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    _, loader = accelerator.prepare(torch.nn.Linear(1, 1), loader)
    found = [[row for batch in loader for row in batch.rows.tolist()] for _ in range(2)]
    accelerator.end_training()
    return found


def by_lightning(loader: StoreLoader) -> list[list[int]]:
    """The loader is a trainer's ``train_dataloaders``."""
    import lightning

    epochs: list[list[int]] = [[], []]

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            epochs[self.current_epoch].extend(batch.rows.tolist())
            return self.layer(torch.ones(1, 1)).sum()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    plain = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "barebones": False}
    strategy = lightning.pytorch.strategies.DDPStrategy(process_group_backend="gloo")
    trainer = lightning.Trainer(
        accelerator="cpu", devices=2, strategy=strategy, max_epochs=2, enable_model_summary=False, **plain
    )
    trainer.fit(Module(), train_dataloaders=loader)
    return epochs


def main() -> None:
    """Write OUT/RANK.json."""
    warnings.simplefilter("ignore")
    way, store, out = sys.argv[1:]
    loader = StoreLoader(open_store(store), batch_size=8, shuffle=True, media=(), drop_last=True)
    found = {"torch": by_torch, "accelerate": by_accelerate, "lightning": by_lightning}[way](loader)
    Path(out, f"{os.environ['RANK']}.json").write_text(json.dumps(found))


main()
