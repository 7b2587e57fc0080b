"""From stored pixels to what the image and video networks read: colours, size and scale."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from kemfeat.errors import AnalysisError
from kemfeat.learn.data.batch import Batch

Scale = Literal["image", "imagenet"]
"""Pixels less the mean of their image, by its standard deviation; or, as published, of each channel over ImageNet."""

_SEISMIC = ((0.0, 0.0, 0.3), (0.0, 0.0, 1.0), (1.0, 1.0, 1.0), (1.0, 0.0, 0.0), (0.5, 0.0, 0.0))
"""Red, green and blue at five evenly spaced points of the public colour map ``seismic``, which is linear in between."""

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of red, green and blue, from 0 to 1, over the images of ImageNet."""

_LEAST_DEVIATION = 1 / 255
"""One step of grey: an image that varies less than this is even, and stays so."""

PUBLISHED_CROP = (slice(4, 186), slice(5, 295))
"""Rows and columns of an image of 200 x 300 that the published crop shows: 565 to 7,835 Hz, without 1.6 % of the time
at each end (S11)."""


def array_of(batch: Batch, name: str, *, feature: str) -> Tensor:
    """An array of a batch.

    Parameters
    ----------
    batch : Batch
        The batch.
    name : str
        Name of the array.
    feature : str
        The feature that it belongs to.

    Returns
    -------
    Tensor
        The array.

    Raises
    ------
    AnalysisError
        The batch does not have it.
    """
    if name not in batch.arrays:
        raise AnalysisError(
            f"the batch has no {name}; this model reads the feature {feature}; build the store with it, and load it"
        )
    return batch.arrays[name]


def seismic() -> Tensor:
    """The colour map ``seismic``.

    Returns
    -------
    Tensor, shape (256, 3), float32
        Red, green and blue of each grey value, from 0 to 1: dark blue, blue, white, red, dark red.
    """
    points_3P = torch.tensor(_SEISMIC).T[None]
    table_13G = functional.interpolate(points_3P, size=256, mode="linear", align_corners=True)
    return table_13G[0].T.contiguous()


def coloured(grey: Tensor, table_G3: Tensor | None) -> Tensor:
    """Three channels from grey values.

    Parameters
    ----------
    grey : Tensor, shape (B, H, W), uint8
        Grey values.
    table_G3 : Tensor or None, shape (256, 3), float32
        Colour of each; None for three equal channels.

    Returns
    -------
    Tensor, shape (B, 3, H, W), float32
        Channels from 0 to 1.
    """
    if table_G3 is None:
        return (grey.float() / 255)[:, None].expand(-1, 3, -1, -1)
    return table_G3[grey.long()].permute(0, 3, 1, 2)


def resized(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Images of another size: means of the pixels under each new one, or between them where there are too few.

    Parameters
    ----------
    pixels : Tensor, shape (N, C, H, W), float
        Images.
    size : tuple of int
        Height and width.

    Returns
    -------
    Tensor, shape (N, C, *size), float
        Images; the same ones where they have that size.
    """
    if tuple(pixels.shape[2:]) == size:
        return pixels
    if pixels.shape[2] < size[0] or pixels.shape[3] < size[1]:
        return functional.interpolate(pixels, size=size, mode="bilinear", align_corners=False)
    return functional.adaptive_avg_pool2d(pixels, size)


def scaled(pixels: Tensor, scale: Scale) -> Tensor:
    """Pixels on the scale of the network.

    A spectrogram on a fixed scale is mostly one value, and networks without normalisation hardly learn from it: over
    time, the recurrent ones stay at their start for tens of epochs.

    Parameters
    ----------
    pixels : Tensor, shape (N, 3, H, W), float
        Channels from 0 to 1.
    scale : {"image", "imagenet"}
        ``image``: every image, all channels together, has mean 0 and standard deviation 1; an even one is 0.
        ``imagenet``: less the means of photographs' channels, by their standard deviations.

    Returns
    -------
    Tensor, shape (N, 3, H, W), float
        Scaled pixels.
    """
    if scale == "image":
        deviation_N111, mean_N111 = torch.std_mean(pixels, dim=(1, 2, 3), correction=0, keepdim=True)
        return (pixels - mean_N111) / deviation_N111.clamp_min(_LEAST_DEVIATION)
    mean_311, deviation_311 = (pixels.new_tensor(channel)[:, None, None] for channel in _IMAGENET)
    return (pixels - mean_311) / deviation_311
