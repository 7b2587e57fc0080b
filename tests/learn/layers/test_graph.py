"""kemfeat.learn.layers.graph."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.layers.graph import EdgeConv, SAGEConv, Spell
from tests.learn.layers import kit

N, SIZES = 24, (3, 4, 2)
PUBLISHED: dict[str, Any] = {"branch_norm": "shared", "outputs": "probabilities"}


def graph(n_nodes: int = N, *, reach: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Edges between nodes at most ``reach`` apart, self-loops too, in any order; and their directions."""
    place = torch.arange(n_nodes)
    edges = torch.nonzero((place[:, None] - place).abs() <= reach).T
    edges = edges[:, torch.randperm(edges.shape[1], generator=torch.Generator().manual_seed(seed))]
    return edges, (edges[0] - edges[1]).sign()


def spell(**settings: Any) -> Spell:
    with kit.seeded(1):
        return Spell(**{"in_features": SIZES, "n_classes": 5, "sizes": (6, 4), **settings})


def nodes(n_nodes: int = N) -> Tensor:
    return kit.random(n_nodes, sum(SIZES))


def edge_conv(w: list[Tensor], x_NF: Tensor, edges: Tensor) -> Tensor:
    """By a loop over the nodes, from the specification."""
    rows = []
    for node in range(len(x_NF)):
        sources = edges[0, edges[1] == node]
        both = torch.cat((x_NF[node].expand(len(sources), -1), x_NF[sources] - x_NF[node]), dim=1)
        messages = functional.linear(functional.linear(both, w[0], w[1]).relu(), w[2], w[3])
        rows.append(messages.amax(dim=0) if len(sources) else torch.zeros(len(w[3])))
    return torch.stack(rows)


def sage_conv(w: list[Tensor], x_NF: Tensor, edges: Tensor) -> Tensor:
    rows = []
    for node in range(len(x_NF)):
        sources = edges[0, edges[1] == node]
        mean = x_NF[sources].mean(dim=0) if len(sources) else torch.zeros(x_NF.shape[1])
        rows.append(w[0] @ mean + w[1] + w[2] @ x_NF[node])
    return torch.stack(rows)


def reference(w: dict[str, Tensor], x_NF: Tensor, edges: Tensor, direction: Tensor) -> Tensor:
    """The published network with the statistics of the batch, flat; no dropout."""

    def of(part: str) -> list[Tensor]:
        return [value for name, value in w.items() if name.startswith(f"{part}.")]

    def normed(x: Tensor, part: str) -> Tensor:
        return functional.batch_norm(x, None, None, *of(part), training=True).relu()

    x = sum((functional.linear(e, *of(f"projections.{i}")) for i, e in enumerate(x_NF.split(SIZES, dim=1))))
    x = normed(x, "norm")
    total: Any = 0
    for name, kept in (("later", direction >= 0), ("earlier", direction <= 0), ("all", direction < 9)):
        y = normed(edge_conv(of(f"edge_convs.{name}"), x, edges[:, kept]), f"edge_norms.{name}")
        y = normed(sage_conv(of("shared"), y, edges[:, kept]), "shared_norms.later")
        total = total + sage_conv(of(f"last.{name}"), y, edges[:, kept])
    return total.softmax(dim=1)


def test_published_counts() -> None:
    with torch.device("meta"):
        assert kit.count(Spell(branch_norm="shared")) == 139_045
        assert kit.count(Spell()) == 139_045 + 2 * 2 * 16
        assert kit.count(EdgeConv(64, 64)) == 12_416
        assert kit.count(SAGEConv(64, 16)) == 2_064


def test_forward_and_a_step_are_the_published_ones() -> None:
    model = spell(**PUBLISHED, dropout=0.0)
    flat = {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}
    edges, direction = graph()
    target = torch.arange(N) % 5
    made, embedding = model(nodes(), edges, direction)
    expected = reference(flat, nodes(), edges, direction)
    assert embedding.shape == (N, 12)
    torch.testing.assert_close(made, expected, atol=1e-6, rtol=0)
    kit.step(list(model.parameters()), functional.cross_entropy(made, target))
    kit.step(list(flat.values()), functional.cross_entropy(expected, target))
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter, flat[name], atol=1e-6, rtol=0)


def geometric() -> Any:
    """The layers of torch_geometric, an independent implementation, if it is installed."""
    reason = "torch_geometric is not installed: it comes with kemfeat[dev]"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it names its own deprecated parts
        return pytest.importorskip("torch_geometric.nn", reason=reason)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_edges=st.integers(0, 120), chunk=st.sampled_from([7, 1000]))
def test_layers_equal_those_of_torch_geometric(seed: int, n_edges: int, chunk: int) -> None:
    """Outputs and gradients, on any edges: repeated ones, loops, and nodes without any."""
    pyg, generator = geometric(), torch.Generator().manual_seed(seed)
    edges = torch.randint(N, (2, n_edges), generator=generator)
    mlp = nn.Sequential(nn.Linear(18, 6), nn.ReLU(), nn.Linear(6, 6))
    with kit.seeded(seed):
        ours, theirs = EdgeConv(9, 6, chunk=chunk), pyg.EdgeConv(mlp, aggr="max")
        ours_mean, theirs_mean = SAGEConv(9, 4, chunk=chunk), pyg.SAGEConv(9, 4)
    parts = ((ours.inner, mlp[0]), (ours.outer, mlp[2]), (ours_mean.neighbours, theirs_mean.lin_l))
    for mine, other in (*parts, (ours_mean.root, theirs_mean.lin_r)):
        other.load_state_dict(mine.state_dict())
    results = []
    for edge_conv, sage_conv in ((ours, ours_mean), (theirs, theirs_mean)):
        x = nodes().requires_grad_()
        one, other = edge_conv(x, edges), sage_conv(x, edges)
        (one.square().sum() + other.square().sum()).backward()
        results.append((one, other, x.grad, *(p.grad for p in edge_conv.parameters())))
    for made, wanted in zip(*results, strict=True):
        torch.testing.assert_close(made, wanted, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"causal": True}, {"self_loops_in_directed": False}, PUBLISHED])
def test_every_parameter_learns(settings: dict[str, Any]) -> None:
    model = spell(**settings)
    logits, _ = model(nodes(), *graph())
    functional.cross_entropy(logits, torch.arange(N) % 5).backward()
    kit.assert_what_trains_has_a_gradient(model)


@pytest.mark.parametrize("layer", [EdgeConv, SAGEConv])
@pytest.mark.parametrize("chunk", [1, 7, 40, 167])
def test_chunks_give_what_all_edges_at_once_give(layer: type[EdgeConv] | type[SAGEConv], chunk: int) -> None:
    edges, _ = graph()
    edges = edges[:, edges[1] % 5 != 0]  # some nodes without an edge
    with kit.seeded(1):
        whole = layer(4, 6)
    chunked = layer(4, 6, chunk=chunk)
    chunked.load_state_dict(whole.state_dict())
    x = kit.random(N, 4)
    gradients = []
    for model in (whole, chunked):
        given = x.clone().requires_grad_()
        model(given, edges).square().sum().backward()
        gradients.append([given.grad, *(p.grad for p in model.parameters())])
    with torch.no_grad():
        # not equal to the bit: a product of matrices rounds by the number of its rows
        torch.testing.assert_close(whole(x, edges), chunked(x, edges), atol=1e-6, rtol=1e-6)
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_the_network_in_chunks_is_the_network() -> None:
    edges, direction = graph()
    whole, chunked = spell().eval(), spell(chunk=30).eval()
    with torch.no_grad():
        for a, b in zip(whole(nodes(), edges, direction), chunked(nodes(), edges, direction), strict=True):
            torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)


@settings(deadline=None, max_examples=50)
@given(n_nodes=st.integers(1, 12), n_edges=st.integers(0, 40), chunk=st.integers(1, 20), seed=st.integers(0, 999))
def test_any_graph_in_any_chunks_is_what_the_loop_gives(n_nodes: int, n_edges: int, chunk: int, seed: int) -> None:
    edges = torch.randint(n_nodes, (2, n_edges), generator=torch.Generator().manual_seed(seed))
    x = kit.random(n_nodes, 3, seed=seed)
    with kit.seeded(seed), torch.no_grad():
        edge, sage = EdgeConv(3, 4, chunk=chunk), SAGEConv(3, 4, chunk=chunk)
        torch.testing.assert_close(edge(x, edges), edge_conv(kit.like(edge), x, edges), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(sage(x, edges), sage_conv(kit.like(sage), x, edges), atol=1e-5, rtol=1e-5)


def test_order_of_edges_and_other_graphs_change_nothing() -> None:
    model = spell().eval()
    edges, direction = graph()
    order = torch.randperm(edges.shape[1], generator=torch.Generator().manual_seed(5))
    two = torch.cat((edges, edges + N), dim=1)
    with torch.no_grad():
        alone, _ = model(nodes(), edges, direction)
        shuffled, _ = model(nodes(), edges[:, order], direction[order])
        mate = 3 * nodes().flip(0)
        both, _ = model(torch.cat((nodes(), mate)), two, torch.cat((direction, direction)))
    torch.testing.assert_close(shuffled, alone, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(both[:N], alone, atol=1e-6, rtol=1e-6)


def test_messages_go_from_source_to_target() -> None:
    with kit.seeded(1), torch.no_grad():
        layer = SAGEConv(2, 2)
    x = kit.random(3, 2)
    changed = x.clone()
    changed[0] += 1
    edges = torch.tensor([[0], [1]])
    with torch.no_grad():
        same = (layer(x, edges) == layer(changed, edges)).all(dim=1)
    assert same.tolist() == [False, False, True]


def test_only_the_causal_network_does_not_see_later_nodes() -> None:
    edges, direction = graph()
    changed = nodes()
    changed[N // 2 :] += 1
    for causal in (True, False):
        model = spell(causal=causal).eval()
        with torch.no_grad():
            same = (model(nodes(), edges, direction)[0] == model(changed, edges, direction)[0]).all(dim=1)
        assert same[: N // 2].all() == causal  # P11
        assert not same[N // 2 :].any()


def test_self_loops_in_the_directed_branches_are_a_choice() -> None:
    edges, direction = graph(reach=0)
    assert edges.shape == (2, N)
    kept = {name: spell()._edges(name, edges, direction).shape[1] for name in ("later", "earlier", "all")}
    without = spell(self_loops_in_directed=False)
    left = {name: without._edges(name, edges, direction).shape[1] for name in ("later", "earlier", "all")}
    assert kept == {"later": N, "earlier": N, "all": N}
    assert left == {"later": 0, "earlier": 0, "all": N}
    with pytest.raises(ConfigError, match="leaves a branch without edges"):
        spell(self_loops_in_directed=False, causal=True)


def test_own_norms_see_one_branch_each() -> None:
    shared, own = spell(branch_norm="shared").shared_norms, spell().shared_norms
    assert len({id(norm) for norm in shared.values()}) == 1  # P15
    assert len({id(norm) for norm in own.values()}) == 3
    model = spell()
    model(nodes(), *graph())
    assert all(norm.num_batches_tracked == 1 for norm in model.shared_norms.values())


def test_published_outputs_are_probabilities() -> None:
    edges, direction = graph()
    with torch.no_grad():
        probabilities, _ = spell(outputs="probabilities").eval()(nodes(), edges, direction)
        logits, _ = spell().eval()(nodes(), edges, direction)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(N))
    assert not torch.allclose(logits.sum(dim=1), torch.ones(N))


def test_one_node_and_no_edge_and_one_modality() -> None:
    model = spell(in_features=(3,)).eval()
    with torch.no_grad():
        logits, embedding = model(kit.random(1, 3), torch.zeros(2, 0, dtype=torch.long), torch.zeros(0))
    assert logits.isfinite().all()
    assert embedding.shape == (1, 12)


def test_nodes_of_another_size_are_refused() -> None:
    with pytest.raises(AnalysisError, match="8 numbers each; expected 9"):
        spell()(nodes()[:, :8], *graph())
