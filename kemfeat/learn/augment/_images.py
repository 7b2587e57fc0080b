"""Spectrogram images cropped, turned and mirrored."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.augment._draws import Stream
from kemfeat.learn.augment.settings import HorizontalFlip, ImageCrop, ImageRotation
from kemfeat.learn.data.batch import Batch

if TYPE_CHECKING:
    from kemfeat.store.reader import Store

_ARRAY = "stft_image"
_AMOUNT = 1
"""The slot of rows or degrees."""


def require_images(store: Store, what: str) -> None:
    """Refuse a store without spectrogram images.

    Raises
    ------
    AnalysisError
        The store has none.
    """
    if _ARRAY not in store.arrays:
        raise AnalysisError(
            f"{store.path}: the store has no {_ARRAY}, which {what} changes (it has {', '.join(store.arrays)}); build "
            f"it with --features stft-image, or leave {what} out"
        )


def cropped(batch: Batch, epoch: int, *, settings: ImageCrop, stream: Stream) -> Batch:
    """Cut rows off the top of the chosen images, and stretch what is left.

    Raises
    ------
    ConfigError
        The batch has no images.
    """
    image_BHW, draws = _image_of(batch, settings.name), stream.draws(batch.rows, batch.copies, epoch=epoch)
    drawn_B = draws.integers(_AMOUNT, settings.rows if settings.faithful else 0, settings.rows + 1)
    cut_B11 = torch.where(draws.chosen(settings), drawn_B, 0)[:, None, None]
    y_H1, x_W, height, _ = _places(image_BHW)
    y_BH1 = cut_B11 + (y_H1 + 0.5) * (height - cut_B11) / height - 0.5
    y_BH1 = torch.maximum(y_BH1, cut_B11.to(y_BH1.dtype)).clamp(max=height - 1)  # nothing from outside
    return _with(batch, _sampled(image_BHW, y_BH1, x_W))


def rotated(batch: Batch, epoch: int, *, settings: ImageRotation, stream: Stream) -> Batch:
    """Turn the chosen images around their middle.

    Raises
    ------
    ConfigError
        The batch has no images.
    """
    image_BHW, draws = _image_of(batch, settings.name), stream.draws(batch.rows, batch.copies, epoch=epoch)
    share_B = torch.where(draws.chosen(settings), 2 * draws.uniform(_AMOUNT) - 1, 0.0)
    angle_B11 = (share_B * math.radians(settings.degrees))[:, None, None]
    y_H1, x_W, height, width = _places(image_BHW)
    up_H1, right_W = y_H1 - (height - 1) / 2, x_W - (width - 1) / 2
    y_BHW = (height - 1) / 2 + angle_B11.cos() * up_H1 + angle_B11.sin() * right_W
    x_BHW = (width - 1) / 2 + angle_B11.cos() * right_W - angle_B11.sin() * up_H1
    return _with(batch, _sampled(image_BHW, y_BHW, x_BHW))


def flipped(batch: Batch, epoch: int, *, settings: HorizontalFlip, stream: Stream) -> Batch:
    """Mirror the chosen images, left for right.

    Raises
    ------
    ConfigError
        The batch has no images.
    """
    image_BHW, draws = _image_of(batch, settings.name), stream.draws(batch.rows, batch.copies, epoch=epoch)
    return _with(batch, torch.where(draws.chosen(settings)[:, None, None], image_BHW.flip(2), image_BHW))


def _image_of(batch: Batch, what: str) -> Tensor:
    if _ARRAY not in batch.arrays:
        raise ConfigError(
            f"{what} changes {_ARRAY}, and the batch has none; add {_ARRAY!r} to media, or leave {what} out"
        )
    return batch.arrays[_ARRAY]


def _with(batch: Batch, image_BHW: Tensor) -> Batch:
    return batch.with_tensors({f"arrays.{_ARRAY}": image_BHW})


def _places(image_BHW: Tensor) -> tuple[Tensor, Tensor, int, int]:
    """Rows, shape (H, 1), columns, shape (W,), and how many there are."""
    height, width = image_BHW.shape[1:]
    rows, columns = (torch.arange(size, device=image_BHW.device, dtype=torch.float32) for size in (height, width))
    return rows[:, None], columns, height, width


def _sampled(image_BHW: Tensor, y_BHW: Tensor, x_BHW: Tensor) -> Tensor:
    """Grey values at places between pixels, bilinear; 0 outside the image. Whole places keep their values."""
    size, height, width = image_BHW.shape
    y_BHW, x_BHW = (places.expand(size, height, width) for places in (y_BHW, x_BHW))
    grid_BHW2 = torch.stack([2 * x_BHW / max(width - 1, 1) - 1, 2 * y_BHW / max(height - 1, 1) - 1], dim=3)
    made_B1HW = functional.grid_sample(image_BHW.float()[:, None], grid_BHW2, align_corners=True)
    return made_B1HW[:, 0].round().to(image_BHW.dtype)
