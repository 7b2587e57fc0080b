"""kemfeat.learn.models._attention against torch's own layer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kemfeat.errors import ConfigError
from kemfeat.learn.models._attention import EncoderLayer, SelfAttention, WithResidual, attend, attend_as_published
from kemfeat.learn.models._tokens import length_mask
from tests.learn.models.kit import audio_config

MASK = length_mask(torch.tensor([5, 3]), size=5)


def values(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_layer_is_the_post_norm_layer_of_torch() -> None:
    ours = EncoderLayer(16, config=audio_config()).eval()
    theirs = nn.TransformerEncoderLayer(16, 2, dim_feedforward=12, batch_first=True).eval()
    attention, first, last = ours.attention, ours.feed_forward[0], ours.feed_forward[3]
    projections = torch.cat([attention.query.weight, attention.key.weight, attention.value.weight])
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(projections)
        theirs.self_attn.in_proj_bias.zero_()
        theirs.self_attn.out_proj.weight.copy_(attention.out.weight)
        theirs.self_attn.out_proj.bias.zero_()
        theirs.linear1.load_state_dict(first.state_dict())
        theirs.linear2.load_state_dict(last.state_dict())
        x_BTH = values(2, 5, 16)
        torch.testing.assert_close(
            ours(x_BTH, MASK)[MASK], theirs(x_BTH, src_key_padding_mask=~MASK)[MASK], rtol=1e-5, atol=1e-5
        )


def test_without_dropout_the_published_attention_is_the_other() -> None:
    heads = (values(2, 2, 5, 8), values(2, 2, 5, 8, seed=1), values(2, 2, 5, 8, seed=2))
    torch.testing.assert_close(attend_as_published(heads, MASK, 0.0, False), attend(heads, MASK, 0.0, False))


def test_a_row_without_any_token_stays_finite() -> None:
    heads = (values(2, 2, 5, 8),) * 3
    none = torch.zeros(2, 5, dtype=torch.bool)
    for way in (attend, attend_as_published):
        assert way(heads, none, 0.0, False).isfinite().all()


@pytest.mark.parametrize("way", [attend, attend_as_published])
def test_a_masked_token_is_not_read(way: object) -> None:
    attention = SelfAttention(16, n_heads=2, dropout=0.0, attend=way).eval()  # type: ignore[arg-type]
    x_BTH = values(2, 5, 16)
    before = attention(x_BTH, MASK)
    x_BTH[1, 3:] += 7
    torch.testing.assert_close(attention(x_BTH, MASK)[1, :3], before[1, :3])


def test_the_published_feed_forward_adds_its_input_once_more() -> None:
    plain = EncoderLayer(16, config=audio_config()).eval()
    doubled = EncoderLayer(16, config=audio_config(ffn_residual=True)).eval()
    assert isinstance(doubled.feed_forward, WithResidual)
    doubled.feed_forward.part.load_state_dict(plain.feed_forward.state_dict())
    x_BTH = values(2, 5, 16)
    torch.testing.assert_close(doubled.feed_forward(x_BTH), x_BTH + plain.feed_forward(x_BTH))


def test_heads_must_divide() -> None:
    with pytest.raises(ConfigError, match="3 heads do not divide tokens of 16"):
        SelfAttention(16, n_heads=3, dropout=0.0, attend=attend)
