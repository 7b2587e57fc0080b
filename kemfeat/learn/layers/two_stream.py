"""System 4's network over a spectrogram image and a video, and the loss that trains its streams to agree."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from kemfeat.learn.layers.audio_visual import EMBEDDING_SIZE, ImageEncoder, Kind, VideoConvolutions


class TwoStream(nn.Module):
    """Logits from an image and a video. 13,621,260 parameters as published, with ``cnn-rnn`` over a flat sequence.

    The embeddings of both streams, 64 numbers each, side by side, pass a linear layer to 64, a ReLU and a linear
    layer to the classes.

    Parameters
    ----------
    kind, sequence : str
        Audio stream; see :class:`~kemfeat.learn.layers.audio_visual.ImageEncoder` (S4).
    image_size : tuple of int
        Height and width of the image.
    video_size : tuple of int
        Frames, height and width of the video.
    n_classes : int, >= 1
        Number of logits.
    """

    def __init__(
        self,
        kind: Kind = "cnn-rnn",
        *,
        sequence: Literal["time", "flat"] = "time",
        image_size: tuple[int, int] = (200, 300),
        video_size: tuple[int, int, int] = (20, 60, 100),
        n_classes: int = 4,
    ) -> None:
        super().__init__()
        self.embedding_size = EMBEDDING_SIZE
        self.audio = ImageEncoder(kind, sequence=sequence, size=image_size)
        self.video = VideoConvolutions(size=video_size)
        self.joint = nn.Sequential(nn.Linear(2 * EMBEDDING_SIZE, EMBEDDING_SIZE), nn.ReLU())
        self.classifier = nn.Linear(EMBEDDING_SIZE, n_classes)

    def streams(self, image_BCHW: Tensor, video_BCTHW: Tensor) -> tuple[Tensor, Tensor]:
        """Embed both streams, for contrastive training.

        Parameters
        ----------
        image_BCHW : Tensor, shape (B, 3, height, width), float
            Images.
        video_BCTHW : Tensor, shape (B, 3, frames, height, width), float
            Videos.

        Returns
        -------
        audio, video : Tensor, shape (B, 64), float
            Embeddings.

        Raises
        ------
        AnalysisError
            Images or videos have another size.
        """
        return self.audio(image_BCHW), self.video(video_BCTHW)

    def forward(
        self, image_BCHW: Tensor, video_BCTHW: Tensor, video_mask_B: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Classify clips.

        Parameters
        ----------
        image_BCHW : Tensor, shape (B, 3, height, width), float
            Images.
        video_BCTHW : Tensor, shape (B, 3, frames, height, width), float
            Videos.
        video_mask_B : Tensor or None, shape (B,), bool
            False where there is no video: its embedding is then 0, whatever the frames are. None where all are there.

        Returns
        -------
        logits : Tensor, shape (B, n_classes), float
            Logits.
        embedding : Tensor, shape (B, 64), float
            What the classifier reads.

        Raises
        ------
        AnalysisError
            Images or videos have another size.
        """
        return self.joined(*self.streams(image_BCHW, video_BCTHW), video_mask_B)

    def joined(self, audio_BE: Tensor, video_BE: Tensor, video_mask_B: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Classify clips whose streams were embedded already.

        Parameters
        ----------
        audio_BE, video_BE : Tensor, shape (B, 64), float
            Embeddings of both streams.
        video_mask_B : Tensor or None, shape (B,), bool
            As in :meth:`forward`.

        Returns
        -------
        logits : Tensor, shape (B, n_classes), float
            Logits.
        embedding : Tensor, shape (B, 64), float
            What the classifier reads.
        """
        if video_mask_B is not None:
            video_BE = video_BE.masked_fill(~video_mask_B[:, None], 0.0)
        embedding_BE: Tensor = self.joint(torch.cat((audio_BE, video_BE), dim=1))
        return self.classifier(embedding_BE), embedding_BE


def contrastive_loss(
    audio_PE: Tensor,
    video_PE: Tensor,
    same_P: Tensor,
    *,
    margin: float = 1.0,
    clamp: Literal["min", "max"] = "min",
) -> Tensor:
    """Mean over pairs of ``y d^2 + (1 - y) max(margin - d, 0)^2``, where d is the L2 distance.

    From Hadsell et al., Dimensionality Reduction by Learning an Invariant Mapping, 2006, equation 4, for audio and
    video as in Korbar et al., Cooperative Learning of Audio and Video Models, 2018.

    Parameters
    ----------
    audio_PE, video_PE : Tensor, shape (P, E), float
        Embeddings of each pair.
    same_P : Tensor, shape (P,), bool
        Whether audio and video of a pair belong together, y.
    margin : float, > 0
        Distance from which on a negative pair costs nothing.
    clamp : {"min", "max"}
        Which side of ``margin - d`` is cut off at 0. The published ``max`` punishes distant negatives and lets near
        ones be, so that all embeddings collapse (S2).

    Returns
    -------
    Tensor, shape (), float
        The loss.

    Examples
    --------
    >>> import torch
    >>> audio, video = torch.zeros(3, 2), torch.tensor([[0.0, 3.0], [0.0, 3.0], [0.0, 0.5]])
    >>> pairs_of = torch.tensor([True, False, False])
    >>> [float(contrastive_loss(audio[i : i + 1], video[i : i + 1], pairs_of[i : i + 1])) for i in range(3)]
    [9.0, 0.0, 0.25]
    """
    difference_PE = audio_PE - video_PE
    short_P = margin - torch.linalg.vector_norm(difference_PE, dim=1)
    short_P = short_P.clamp(min=0.0) if clamp == "min" else short_P.clamp(max=0.0)
    return torch.where(same_P, difference_PE.square().sum(dim=1), short_P.square()).mean()


class Pairs(NamedTuple):
    """Pairs of audio and video of a batch.

    Parameters
    ----------
    audio, video : Tensor, shape (P,), int64
        Rows of the batch.
    same : Tensor, shape (P,), bool
        Whether both are of one row.
    """

    audio: Tensor
    video: Tensor
    same: Tensor


def pairs(
    emotion_B: Tensor,
    utterance_B: Tensor,
    *,
    rule: Literal["other-utterance", "published"] = "other-utterance",
    generator: torch.Generator,
) -> Pairs:
    """Every row's audio with its own video, and with the video of another one: hard negatives and super-hard ones.

    Parameters
    ----------
    emotion_B : Tensor, shape (B,), int
        Emotion of each row.
    utterance_B : Tensor, shape (B,), int
        Utterance of each row: clips of one utterance are not negatives of each other.
    rule : {"other-utterance", "published"}
        Negatives by label, drawn at random: three of four rows, at random, get a row of another emotion, the others
        one of the same emotion, always of another utterance; a row for which there is none gets any row of another
        utterance, or no negative. Or by position, as published: of the first three quarters the next row, of the last
        quarter the fourth row after it, which has the same emotion only in a certain order of the batch (S3). After
        the last row comes the first one; a row that would come to itself has no negative.
    generator : torch.Generator
        Draws negatives by label; on the CPU.

    Returns
    -------
    Pairs
        First the B positives, then the negatives, in the order of their audio.

    Examples
    --------
    >>> import torch
    >>> made = pairs(torch.tensor([0, 1]), torch.tensor([7, 8]), generator=torch.Generator().manual_seed(0))
    >>> made.audio.tolist(), made.video.tolist(), made.same.tolist()
    ([0, 1, 0, 1], [0, 1, 1, 0], [True, True, False, False])
    """
    place_B = torch.arange(len(emotion_B), device=emotion_B.device)
    if not len(place_B):
        return Pairs(place_B, place_B, place_B.bool())
    n_hard = len(place_B) * 3 // 4
    if rule == "published":
        video_B = (place_B + torch.where(place_B < n_hard, 1, 4)) % len(place_B)
        audio_P, video_P = place_B[video_B != place_B], video_B[video_B != place_B]
    else:
        audio_P, video_P = _other_utterances(emotion_B, utterance_B, n_hard=n_hard, generator=generator)
    same_P = torch.arange(len(place_B) + len(audio_P), device=place_B.device) < len(place_B)
    return Pairs(torch.cat((place_B, audio_P)), torch.cat((place_B, video_P)), same_P)


def _other_utterances(
    emotion_B: Tensor, utterance_B: Tensor, *, n_hard: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Rows that have a negative, and the negative of each."""
    size, device = len(emotion_B), emotion_B.device
    hard_B = (torch.randperm(size, generator=generator) < n_hard).to(device)
    other_BB = utterance_B[:, None] != utterance_B
    wanted_BB = other_BB & ((emotion_B[:, None] != emotion_B) == hard_B[:, None])
    chosen_BB = torch.where(wanted_BB.any(dim=1, keepdim=True), wanted_BB, other_BB)
    # the candidate with the largest number drawn
    drawn_BB = torch.rand(size, size, generator=generator).to(device).masked_fill(~chosen_BB, -1.0)
    rows_P = chosen_BB.any(dim=1).nonzero().flatten()
    return rows_P, drawn_BB.argmax(dim=1)[rows_P]
