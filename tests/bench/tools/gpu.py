"""Every recipe at its published size on a GPU: ``python -m kemfeat_bench.tools.gpu OUT``, in about five minutes.

Each recipe takes some steps of its optimiser on random batches of the published size, brought from the memory of the
host each time. The first table has their time, the largest memory of the device, and the share of the time that the
model waits for a batch; the second compares the losses of the same steps in float32 and in bfloat16. What loaders
deliver from stores is measured by ``kemfeat bench --only loader``, which this runs last. ``--device cpu --steps 1``
tries it out.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from kemfeat_bench.tools._four_published import READ, batch_of, loss_of, recipe_of, save_encoder

from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models import build_model
from kemfeat.learn.training.optimiser import optimiser_of

WARM = 2
"""Steps before time is taken: the first ones choose kernels."""
AMP = ("kor/audio-arousal", "stacked/audio", "av/two-stream")


@dataclass(frozen=True)
class Steps:
    """What some steps of a recipe took."""

    rows: int
    seconds: float
    waited: float
    bytes: int
    peak: int
    losses: tuple[float, ...]


def taken(name: str, encoder: Path, device: torch.device, *, steps: int, amp: bool = False, rows: int = 0) -> Steps:
    """Take steps of the optimiser; the same batches and weights whenever it is called."""
    torch.manual_seed(0)
    recipe = recipe_of(name, encoder)
    batches = [batch_of(name, rows or READ[name][0]) for _ in range(2)]
    model, loss = build_model(recipe.model).to(device).train(), loss_of(recipe)
    optimizer, losses, waited, began = optimiser_of(model, recipe.train, recipe.model), [], 0.0, 0.0
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    for step in range(WARM + steps):
        if step == WARM:
            began, waited = _now(device), 0.0
        asked = _now(device)
        batch = batches[step % 2].to(device)
        waited += _now(device) - asked
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=amp):
            value = loss.value(loss.sums(model(batch), batch))
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(value.detach())  # read at the end: reading waits for the device
    seconds = _now(device) - began
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    said = tuple(map(float, losses))
    return Steps(rows or READ[name][0], seconds / steps, waited / steps, _size(batches[0]), peak, said)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.monotonic()


def _size(batch: Batch) -> int:
    values = [getattr(batch, field.name) for field in fields(batch)]
    tensors = [value for value in values if isinstance(value, torch.Tensor)]
    tensors += [value for part in (batch.arrays, batch.lengths) for value in part.values()]
    return sum(tensor.nbytes for tensor in tensors)


def costs(
    names: Sequence[str], encoder: Path, device: torch.device, *, steps: int, rows: int
) -> Iterator[dict[str, str]]:
    """A row of what each recipe costs."""
    for name in names:
        found = taken(name, encoder, device, steps=steps, rows=rows)
        yield {
            "recipe": f"`{name}`",
            "batch": f"{found.rows} x {READ[name][1]}",
            "ms a step": f"{1000 * found.seconds:.1f}",
            "peak memory, GB": f"{found.peak / 1e9:.2f}",
            "waits for data": f"{found.waited / found.seconds:.0%}",
            "MB/s": f"{found.bytes / found.seconds / 1e6:,.0f}",
        }


def precisions(
    names: Sequence[str], encoder: Path, device: torch.device, *, steps: int, rows: int
) -> Iterator[dict[str, str]]:
    """A row of how the losses of the same steps differ between float32 and bfloat16."""
    for name in names:
        plain, half = (taken(name, encoder, device, steps=steps, amp=amp, rows=rows) for amp in (False, True))
        gaps = [abs(a - b) / max(abs(a), 1e-9) for a, b in zip(plain.losses, half.losses, strict=True)]
        yield {
            "recipe": f"`{name}`",
            "loss, float32": f"{plain.losses[0]:.4f} to {plain.losses[-1]:.4f}",
            "loss, bfloat16": f"{half.losses[0]:.4f} to {half.losses[-1]:.4f}",
            "largest relative difference": f"{max(gaps):.2%}",
            "times as fast": f"{plain.seconds / half.seconds:.2f}",
        }


def _print(rows: Iterator[Mapping[str, Any]]) -> None:
    for number, row in enumerate(rows):
        if not number:
            sys.stdout.write(f"\n| {' | '.join(row)} |\n{'|---' * len(row)}|\n")
        sys.stdout.write(f"| {' | '.join(row.values())} |\n")
        sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the text encoder")
    parser.add_argument("--device", default="cuda", help="cuda or cpu")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rows", type=int, default=0, help="rows of a batch, in place of the published number")
    parser.add_argument("--only", nargs="+", choices=list(READ), default=list(READ))
    given = parser.parse_args()
    device = torch.device(given.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SystemExit("gpu: there is no GPU that PyTorch can use; pass --device cpu to try the script out")
    given.out.mkdir(parents=True, exist_ok=True)
    encoder = save_encoder(given.out / "encoder")
    _print(costs(given.only, encoder, device, steps=given.steps, rows=given.rows))
    _print(precisions([one for one in AMP if one in given.only], encoder, device, steps=given.steps, rows=given.rows))
    if device.type == "cuda":
        subprocess.run([Path(sys.executable).with_name("kemfeat"), "bench", "--quick", "--only", "loader"], check=True)


if __name__ == "__main__":
    main()
