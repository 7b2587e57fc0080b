"""Emotion from a temporal graph of ticks: each tick sees those around it, of its speaker and of the other one."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from torch import nn

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.labels import FIVE_CLASSES
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.data.side_store import ARRAY
from kemfeat.learn.layers.graph import Spell
from kemfeat.learn.models._batches import Outputs
from kemfeat.learn.models._classes import ClassifierConfig
from kemfeat.learn.models._spec import ModelSpec
from kemfeat.learn.settings import Aggregate


class SpellConfig(ClassifierConfig):
    """Settings of ``spell``.

    Parameters
    ----------
    name : {"spell"}
        The model.
    emotions : tuple of str, length >= 2
        Classes, in the order of their ids.
    embeddings : str
        Side store whose embeddings are the nodes: a folder that ``kemfeat embed`` wrote.
    parts : tuple of int
        Numbers of each modality in an embedding, in its order: EDA, temperature, sound (P7).
    branch_norm : {"own", "shared"}
        Batch norm of the layer that the branches share: one for each branch, or, as published, one for all (P15).
    causal : bool
        Leave out what comes later. The published model sees the future (P11), which a live system cannot.
    loops : bool
        Whether the branches of earlier and of later ticks also have the edge of a tick to itself, as published (P11);
        a causal model needs them.
    outputs : {"logits", "probabilities"}
        What goes into the loss; as published, probabilities (P3).
    dropout : float, in [0, 1)
        Dropout probability.
    rows : {"mean-logit", "mean-probability", "vote"}
        How the ticks of an utterance become one prediction (P5).
    """

    name: Literal["spell"] = "spell"
    emotions: tuple[str, ...] = Field(default=FIVE_CLASSES, min_length=2)
    embeddings: str = ""
    parts: tuple[int, ...] = Field(default=(512, 512, 512), min_length=1)
    branch_norm: Literal["own", "shared"] = "own"
    causal: bool = False
    loops: bool = False
    outputs: Literal["logits", "probabilities"] = "logits"
    dropout: float = Field(default=0.2, ge=0, lt=1)
    rows: Aggregate = "mean-logit"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.causal and not self.loops:
            raise ValueError("causal leaves the branch of later ticks without edges; set loops to true as well")
        return self

    @property
    def media(self) -> tuple[str, ...]:
        """The graph; its nodes are in the side store."""
        return ("temporal_graph",)

    @property
    def side(self) -> str:
        """The side store."""
        return self.embeddings

    @property
    def aggregate(self) -> Aggregate:
        """How the ticks of an utterance become one prediction."""
        return self.rows


class SpellClassifier(nn.Module):
    """Emotion of every tick of a graph. 139,045 parameters as published.

    Parameters
    ----------
    config : SpellConfig
        Settings.
    """

    def __init__(self, config: SpellConfig) -> None:
        super().__init__()
        self.config = config
        self.graph = Spell(
            config.parts,
            len(config.emotions),
            branch_norm=config.branch_norm,
            causal=config.causal,
            self_loops_in_directed=config.loops,
            outputs=config.outputs,
            dropout=config.dropout,
        )

    def forward(self, batch: Batch) -> Outputs:
        """Predict the emotion of every tick.

        Parameters
        ----------
        batch : Batch
            Whole chunks of a graph with embeddings.

        Returns
        -------
        Outputs
            ``logits`` and ``embedding``.

        Raises
        ------
        AnalysisError
            The batch has no edges or no embeddings.
        ConfigError
            The embeddings have another size.
        """
        if batch.edges is None or batch.directions is None or ARRAY not in batch.arrays:
            raise AnalysisError(
                "the batch has no edges or no embeddings; spell reads whole chunks of a graph (unit='chunk') and the "
                "side store that model.embeddings gives"
            )
        nodes_NF = batch.arrays[ARRAY]
        if nodes_NF.shape[1] != sum(self.config.parts):
            raise ConfigError(
                f"model.parts: {list(self.config.parts)} are {sum(self.config.parts)} numbers, but an embedding has "
                f"{nodes_NF.shape[1]}; pass the sizes of its modalities"
            )
        logits_NC, embedding_NH = self.graph(nodes_NF, batch.edges, batch.directions)
        return Outputs(logits=logits_NC, embedding=embedding_NH, probabilities=self.config.outputs == "probabilities")


MODEL = ModelSpec(tasks=("emotion",), config=SpellConfig, build=SpellClassifier, axis="tick", unit="chunk")
