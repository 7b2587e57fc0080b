"""Message passing over large graphs in plain torch, and SPELL, the graph network of system 3.

An edge is a column of ``edges_2E``: messages go from its source, ``edges_2E[0]``, to its target, ``edges_2E[1]``.
Edges beyond ``CHUNK`` are read in chunks that end between two targets, so that memory does not grow with their number;
every target's messages are in one chunk, and results and gradients are those of all edges at once, up to float
rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.layers.norms import BatchNorm1d

CHUNK = 1 << 18
"""Edges that are read at once: 67 MB of messages of 64 numbers."""

Aggregate = Callable[[Tensor, int, int], Tensor]
"""(edges of shape (2, E), first target, number of targets) -> Tensor of shape (targets, G)."""


def by_target(edges_2E: Tensor, direction_E: Tensor) -> tuple[Tensor, Tensor]:
    """Edges in the order of their targets; those of one target keep their order.

    Parameters
    ----------
    edges_2E : Tensor, shape (2, E), int64
        Source and target of each edge.
    direction_E : Tensor, shape (E,), any type
        What moves along with the edges.

    Returns
    -------
    edges_2E, direction_E : Tensor
        The same ones, sorted.
    """
    if bool((edges_2E[1, 1:] >= edges_2E[1, :-1]).all()):
        return edges_2E, direction_E
    order_E = edges_2E[1].argsort(stable=True)
    return edges_2E[:, order_E], direction_E[order_E]


def _chunks(edges_2E: Tensor, *, n_nodes: int, size: int) -> Iterator[tuple[int, int, Tensor]]:
    """First target, number of targets and edges of each chunk; a target of more than ``size`` edges has its own."""
    stops_N = torch.bincount(edges_2E[1], minlength=n_nodes).cumsum(0).cpu()
    node, edge = 0, 0
    while node < n_nodes:
        last = int(torch.searchsorted(stops_N, edge + size, right=True))
        last = min(max(last, node + 1), n_nodes)
        stop = int(stops_N[last - 1])
        yield node, last - node, edges_2E[:, edge:stop]
        node, edge = last, stop


def _aggregated(aggregate: Aggregate, edges_2E: Tensor, *, n_nodes: int, size: int) -> Tensor:
    if edges_2E.shape[1] <= size:
        return aggregate(edges_2E, 0, n_nodes)
    edges_2E, _ = by_target(edges_2E, edges_2E[0])
    parts = _chunks(edges_2E, n_nodes=n_nodes, size=size)
    if not torch.is_grad_enabled():
        return torch.cat([aggregate(edges, first, count) for first, count, edges in parts])
    # what a chunk computes is thrown away and computed again for its gradient
    return torch.cat([checkpoint(aggregate, edges, first, count, use_reentrant=False) for first, count, edges in parts])


class EdgeConv(nn.Module):
    """Largest message of each node's edges, ``max MLP([x_i, x_j - x_i])``, i target and j source; 0 without an edge.

    The MLP is a linear layer, ReLU and a linear layer. From Wang et al., Dynamic Graph CNN for Learning on Point
    Clouds, 2019, equation 8.

    Parameters
    ----------
    in_features : int, >= 1
        Numbers of a node.
    out_features : int, >= 1
        Numbers of a node afterwards, and of the inner layer.
    chunk : int, >= 1
        Edges that are read at once.
    """

    def __init__(self, in_features: int, out_features: int, *, chunk: int = CHUNK) -> None:
        super().__init__()
        self.chunk = chunk
        self.inner = nn.Linear(2 * in_features, out_features)
        self.outer = nn.Linear(out_features, out_features)

    def forward(self, x_NF: Tensor, edges_2E: Tensor) -> Tensor:
        """Pass messages.

        Parameters
        ----------
        x_NF : Tensor, shape (N, in_features), float
            Nodes.
        edges_2E : Tensor, shape (2, E), int64
            Source and target of each edge.

        Returns
        -------
        Tensor, shape (N, out_features), float
            Nodes.
        """
        of_target, of_difference = self.inner.weight.chunk(2, dim=1)
        # W [x_i, x_j - x_i] by node, not by edge: a half of the numbers, and a product of matrices less for each edge
        target_NG = functional.linear(x_NF, of_target - of_difference, self.inner.bias)
        source_NG = functional.linear(x_NF, of_difference)

        def largest(edges_2E: Tensor, first: int, count: int) -> Tensor:
            messages_EG: Tensor = self.outer((target_NG[edges_2E[1]] + source_NG[edges_2E[0]]).relu())
            index_EG = (edges_2E[1] - first)[:, None].expand_as(messages_EG)
            empty_NG = messages_EG.new_zeros(count, messages_EG.shape[1])
            return empty_NG.scatter_reduce(0, index_EG, messages_EG, "amax", include_self=False)

        return _aggregated(largest, edges_2E, n_nodes=len(x_NF), size=self.chunk)


class SAGEConv(nn.Module):
    """``W mean(x_j) + V x_i + b`` over the sources j of each target i; the mean is 0 without an edge.

    From Hamilton et al., Inductive Representation Learning on Large Graphs, 2017, with the mean as aggregator.

    Parameters
    ----------
    in_features : int, >= 1
        Numbers of a node.
    out_features : int, >= 1
        Numbers of a node afterwards.
    chunk : int, >= 1
        Edges that are read at once.
    """

    def __init__(self, in_features: int, out_features: int, *, chunk: int = CHUNK) -> None:
        super().__init__()
        self.chunk = chunk
        self.neighbours = nn.Linear(in_features, out_features)
        self.root = nn.Linear(in_features, out_features, bias=False)

    def forward(self, x_NF: Tensor, edges_2E: Tensor) -> Tensor:
        """Pass messages.

        Parameters
        ----------
        x_NF : Tensor, shape (N, in_features), float
            Nodes.
        edges_2E : Tensor, shape (2, E), int64
            Source and target of each edge.

        Returns
        -------
        Tensor, shape (N, out_features), float
            Nodes.
        """

        def mean(edges_2E: Tensor, first: int, count: int) -> Tensor:
            target_E = edges_2E[1] - first
            total_NF = x_NF.new_zeros(count, x_NF.shape[1]).index_add(0, target_E, x_NF[edges_2E[0]])
            return total_NF / torch.bincount(target_E, minlength=count).clamp(min=1)[:, None].to(x_NF.dtype)

        mean_NF = _aggregated(mean, edges_2E, n_nodes=len(x_NF), size=self.chunk)
        out_NG: Tensor = self.neighbours(mean_NF) + self.root(x_NF)
        return out_NG


_BRANCHES = ("later", "earlier", "all")
"""Edges from nodes that are not earlier than the target, from nodes that are not later, and from all."""


class Spell(nn.Module):
    """Logits of each node from the nodes around it. 139,045 parameters as published, and 64 more with ``own`` norms.

    Projections of the modalities are added and pass batch norm and a ReLU. Three branches follow, of edges from later
    nodes, from earlier ones and of all: EdgeConv, a SAGEConv whose weights the branches share, and a SAGEConv to the
    classes, with batch norm, ReLU and dropout after the first two. Their sum is the result. After Min et al.,
    Learning Long-Term Spatial-Temporal Graphs for Active Speaker Detection (SPELL), 2022.

    Parameters
    ----------
    in_features : tuple of int
        Numbers of each modality, which are slices of a node in this order.
    n_classes : int, >= 1
        Number of logits.
    branch_norm : {"own", "shared"}
        Batch norm after the SAGEConv that the branches share: one for each, or, as published, one whose statistics
        mix them (P15).
    causal : bool
        Whether edges from later nodes are left out of all branches. The published model sees the future (P11). The
        branch of later nodes then has the edges between simultaneous nodes only.
    self_loops_in_directed : bool
        Whether the two directed branches keep the edge of a node to itself, as published (P11).
    outputs : {"logits", "probabilities"}
        Probabilities are published, and went into a loss that takes logits (P3).
    dropout : float, [0, 1)
        Share of numbers that is dropped after the first two layers of a branch in training.
    sizes : tuple of int
        Numbers of a node in and after EdgeConv, and after the shared SAGEConv.
    chunk : int, >= 1
        Edges that are read at once.

    Raises
    ------
    ConfigError
        ``causal`` without ``self_loops_in_directed``: a branch would have no edges.
    """

    def __init__(
        self,
        in_features: tuple[int, ...] = (512, 512, 512),
        n_classes: int = 7,
        *,
        branch_norm: Literal["own", "shared"] = "own",
        causal: bool = False,
        self_loops_in_directed: bool = True,
        outputs: Literal["logits", "probabilities"] = "logits",
        dropout: float = 0.2,
        sizes: tuple[int, int] = (64, 16),
        chunk: int = CHUNK,
    ) -> None:
        super().__init__()
        if causal and not self_loops_in_directed:
            raise ConfigError("causal without self_loops_in_directed leaves a branch without edges; choose one of them")
        self.in_features, self.outputs, self.chunk = in_features, outputs, chunk
        self.causal, self.self_loops_in_directed = causal, self_loops_in_directed
        wide, narrow = sizes
        self.embedding_size = narrow * len(_BRANCHES)
        self.projections = nn.ModuleList(nn.Linear(size, wide) for size in in_features)
        self.norm = BatchNorm1d(wide)
        self.edge_convs = nn.ModuleDict({name: EdgeConv(wide, wide, chunk=chunk) for name in _BRANCHES})
        self.edge_norms = nn.ModuleDict({name: BatchNorm1d(wide) for name in _BRANCHES})
        self.shared = SAGEConv(wide, narrow, chunk=chunk)
        shared_norm = BatchNorm1d(narrow)
        self.shared_norms = nn.ModuleDict(
            {name: shared_norm if branch_norm == "shared" else BatchNorm1d(narrow) for name in _BRANCHES}
        )
        self.last = nn.ModuleDict({name: SAGEConv(narrow, n_classes, chunk=chunk) for name in _BRANCHES})
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_NF: Tensor, edges_2E: Tensor, direction_E: Tensor) -> tuple[Tensor, Tensor]:
        """Classify nodes.

        Parameters
        ----------
        x_NF : Tensor, shape (N, sum of in_features), float
            Nodes, the modalities side by side.
        edges_2E : Tensor, shape (2, E), int64
            Source and target of each edge; graphs of a batch are numbered through.
        direction_E : Tensor, shape (E,), int
            Sign of the time of the source less that of the target.

        Returns
        -------
        logits : Tensor, shape (N, n_classes), float
            Logits, or probabilities.
        embedding : Tensor, shape (N, 48), float
            The branches side by side before their last layer.

        Raises
        ------
        AnalysisError
            Nodes have more or fewer numbers than the modalities.
        """
        if x_NF.shape[1] != sum(self.in_features):
            raise AnalysisError(f"nodes: {x_NF.shape[1]} numbers each; expected {sum(self.in_features)}")
        slices = torch.split(x_NF, list(self.in_features), dim=1)
        first, *others = (project(part) for project, part in zip(self.projections, slices, strict=True))
        x_NH = self.norm(sum(others, first)).relu()
        if edges_2E.shape[1] > self.chunk:
            edges_2E, direction_E = by_target(edges_2E, direction_E)
        inner, outputs = [], []
        for name in _BRANCHES:
            kept_2E = self._edges(name, edges_2E, direction_E)
            inner.append(self._branch(name, x_NH, kept_2E))
            outputs.append(self.last[name](inner[-1], kept_2E))
        total_NC: Tensor = sum(outputs[1:], outputs[0])
        if self.outputs == "probabilities":
            total_NC = total_NC.softmax(dim=1)
        return total_NC, torch.cat(inner, dim=1)

    def _branch(self, name: str, x_NH: Tensor, edges_2E: Tensor) -> Tensor:
        x_NH = self.dropout(self.edge_norms[name](self.edge_convs[name](x_NH, edges_2E)).relu())
        out_NH: Tensor = self.dropout(self.shared_norms[name](self.shared(x_NH, edges_2E)).relu())
        return out_NH

    def _edges(self, name: str, edges_2E: Tensor, direction_E: Tensor) -> Tensor:
        """The edges of a branch."""
        kept_E = torch.ones_like(direction_E, dtype=torch.bool)
        if name != "all":
            kept_E = direction_E >= 0 if name == "later" else direction_E <= 0
            if not self.self_loops_in_directed:
                kept_E = kept_E & (edges_2E[0] != edges_2E[1])
        if self.causal:
            kept_E = kept_E & (direction_E <= 0)
        return edges_2E if bool(kept_E.all()) else edges_2E[:, kept_E]
