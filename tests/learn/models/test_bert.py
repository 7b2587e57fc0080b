"""kemfeat.learn.models.bert."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.models import build_model, check_trainable
from kemfeat.learn.models.bert import BertClassifier, BertConfig
from kemfeat.learn.training.recipe import load_recipe
from tests.learn.models import kit

KOBERT = 92_186_880


def test_it_is_the_published_count_and_all_of_it_trains() -> None:
    from transformers import BertConfig as Described
    from transformers import BertModel

    for variant in ("faithful", "corrected"):
        config = load_recipe("stacked/text", {"variant": variant}).model
        assert isinstance(config, BertConfig)
        with torch.device("meta"):
            model = BertClassifier(config, BertModel(Described(vocab_size=8002)))
        assert sum(p.numel() for p in model.parameters() if p.requires_grad) == KOBERT + 7 * 769
        assert not check_trainable(model)["frozen"].any()


def test_it_is_a_linear_layer_on_the_pooled_output() -> None:
    model, batch = kit.bert_model(), kit.batch()
    found = model.text_encoder.inner(input_ids=batch.input_ids, attention_mask=batch.attention_mask)
    expected = functional.linear(found.pooler_output, model.classifier.weight, model.classifier.bias)
    torch.testing.assert_close(model(batch).logits, expected)
    torch.testing.assert_close(model(batch).embedding, found.pooler_output)


def test_dropout_runs_in_training_in_front_of_the_last_layer_too() -> None:
    model, batch = kit.bert_model(BertConfig(dropout=0.9)).train(), kit.batch()
    model.text_encoder.eval()
    assert not torch.equal(model(batch).logits, model(batch).logits)


def test_an_instance_of_the_tokens_is_read() -> None:
    batch = kit.batch()
    assert batch.input_ids is not None
    assert batch.attention_mask is not None
    named = {"input_ids@9": batch.input_ids.int(), "attention_mask@9": batch.attention_mask.to(torch.int8)}
    other = replace(batch, input_ids=None, attention_mask=None, arrays=named)
    torch.testing.assert_close(
        kit.bert_model(BertConfig(tokens="tokens@9"))(other).logits, kit.bert_model()(batch).logits
    )
    assert BertConfig(tokens="tokens@9").media == ("tokens@9",)
    with pytest.raises(AnalysisError, match="reads the feature tokens@9"):
        kit.bert_model(BertConfig(tokens="tokens@9"))(batch)


def test_ids_of_another_vocabulary_are_refused() -> None:
    batch = kit.batch()
    assert batch.input_ids is not None
    batch.input_ids[0, 0] = kit.VOCABULARY
    with pytest.raises(ConfigError, match=f"found token id {kit.VOCABULARY}"):
        kit.bert_model()(batch)
    with pytest.raises(ConfigError, match="rows have 60 tokens"):
        kit.bert_model()(kit.batch(tokens=(60, 3, 2)))


def test_an_encoder_without_the_weights_of_a_pooler_is_refused(tmp_path: Path) -> None:
    from transformers import BertModel

    kit.saved_bert(tmp_path / "whole")
    BertModel.from_pretrained(tmp_path / "whole", add_pooling_layer=False).save_pretrained(tmp_path / "part")
    assert isinstance(build_model(BertConfig(text_encoder=str(tmp_path / "whole"))), BertClassifier)
    with pytest.raises(ConfigError, match="2 weights are not in its files \\(first: pooler"):
        build_model(BertConfig(text_encoder=str(tmp_path / "part")))
