"""Encoders beside what transformers gives for one item at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kemfeat.errors import ConfigError
from kemfeat.features.pretrained.folder import Wanted, identity
from kemfeat.features.pretrained.frozen import Readout, most_workers
from kemfeat.features.pretrained.loading import silent
from kemfeat.features.pretrained.speech import SpeechEncoder, open_speech_encoder
from kemfeat.features.pretrained.text import open_text_encoder
from tests.features import encoder_kit

RATE = 16000
LENGTHS = (5000, 16000, 400, 5000, 31234, 9999, 720)


def wanted(folder: Path) -> Wanted:
    return Wanted(str(folder), role="speech_embedding", setting="speech_embedding.encoder")


def clips(lengths: tuple[int, ...] = LENGTHS) -> list[np.ndarray]:
    generator = np.random.default_rng(3)
    return [generator.normal(0.02, 0.1, size=length).astype(np.float32) for length in lengths]


def opened(folder: Path, kind: str, layers: tuple[int, ...] = (), *, mean: bool = False) -> SpeechEncoder:
    model_type = kind.removesuffix("-layer")
    return open_speech_encoder(folder, wanted(folder), Readout(layers, mean=mean), model_type=model_type)


def alone(folder: Path, kind: str, clip: np.ndarray, layers: tuple[int, ...]) -> np.ndarray:
    """What transformers gives for one clip, without a mask."""
    import transformers

    with silent():
        model = transformers.AutoModel.from_pretrained(folder).eval()
        prepare = transformers.AutoFeatureExtractor.from_pretrained(folder)
    given = prepare(clip, sampling_rate=RATE, return_tensors="pt")
    called: Any = model.get_encoder() if kind == "whisper" else model
    with torch.inference_mode():
        output = called(given["input_features" if kind == "whisper" else "input_values"], output_hidden_states=True)
    taken = [output.hidden_states[layer] for layer in layers] or [output.last_hidden_state]
    return torch.stack(taken, dim=2)[0].numpy()


@pytest.mark.parametrize("layers", [(), (0, 2)], ids=["output", "layers"])
@pytest.mark.parametrize("kind", [*encoder_kit.SPEECH, "whisper"])
def test_clips_of_all_lengths_together_are_what_transformers_gives_for_each(
    tmp_path: Path, kind: str, layers: tuple[int, ...]
) -> None:
    folder = encoder_kit.save_speech_encoder(tmp_path / kind, kind)
    for clip, found in zip(clips(), opened(folder, kind, layers).states(clips()), strict=True):
        expected = alone(folder, kind, clip, layers)
        if kind == "whisper":  # which has heard silence until 30 s
            expected = expected[: -(-len(clip) // 320)]
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1.0, float(np.abs(expected).max())))


def test_a_model_that_padding_changes_gets_clips_of_one_length(tmp_path: Path) -> None:
    folder = encoder_kit.save_speech_encoder(tmp_path / "data2vec", "data2vec-audio")
    encoder = opened(folder, "data2vec-audio")
    lengths = [{LENGTHS[number] for number in batch} for batch in encoder._batches(clips())]
    assert all(len(each) == 1 for each in lengths)
    wav2vec2 = opened(encoder_kit.save_speech_encoder(tmp_path / "wav2vec2"), "wav2vec2")
    assert len(list(wav2vec2._batches(clips()))) == 1


def test_the_mean_of_layers_is_their_mean(tmp_path: Path) -> None:
    folder = encoder_kit.save_speech_encoder(tmp_path / "hubert", "hubert")
    [clip] = clips((8000,))
    [mean] = opened(folder, "hubert", (2, 3), mean=True).states([clip])
    [both] = opened(folder, "hubert", (2, 3)).states([clip])
    np.testing.assert_allclose(mean[:, 0], both.mean(axis=1), atol=1e-6)


def test_the_number_of_threads_changes_no_byte_and_is_given_back(tmp_path: Path) -> None:
    encoder = opened(encoder_kit.save_speech_encoder(tmp_path / "w"), "wav2vec2")
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        two = encoder.states(clips())
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
        one = encoder.states(clips())
    finally:
        torch.set_num_threads(before)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(one, two, strict=True))


def test_texts_of_all_lengths_together_are_what_transformers_gives_for_each(tmp_path: Path) -> None:
    import transformers

    config = transformers.BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24
    )
    with silent():
        transformers.BertModel(config).save_pretrained(tmp_path)
        model = transformers.AutoModel.from_pretrained(tmp_path).eval()
    generator = np.random.default_rng(1)
    texts = [generator.integers(1, 50, size=size).tolist() for size in (7, 1, 30, 7, 2)]
    encoder = open_text_encoder(tmp_path, wanted(tmp_path), Readout(), pad_id=0)
    for text, found in zip(texts, encoder.states(texts), strict=True):
        with torch.inference_mode():
            expected = model(torch.tensor([text])).last_hidden_state[0].numpy()
        np.testing.assert_allclose(found[:, 0], expected, atol=1e-5)


def test_weights_that_are_missing_are_not_made_up(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = encoder_kit.save_speech_encoder(tmp_path / "w")
    weights = load_file(folder / "model.safetensors")
    weights.pop("encoder.layers.1.attention.k_proj.weight")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ConfigError, match="1 weights are not in its files"):
        opened(folder, "wav2vec2")


def test_an_identity_is_of_the_content(tmp_path: Path) -> None:
    one = encoder_kit.save_speech_encoder(tmp_path / "one")
    same = encoder_kit.save_speech_encoder(tmp_path / "same")
    other = encoder_kit.save_speech_encoder(tmp_path / "other", hidden_act="relu")
    digests = [identity(folder, wanted(folder), besides=b"") for folder in (one, same, other)]
    assert digests[0] == digests[1] != digests[2]
    assert identity(one, wanted(one), besides=b"rate") != digests[0]
    weights = one / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert identity(one, wanted(one), besides=b"") != digests[0]


def test_a_folder_without_weights_has_no_identity(tmp_path: Path) -> None:
    folder = encoder_kit.save_speech_encoder(tmp_path / "w")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="has no weights"):
        identity(folder, wanted(folder), besides=b"")


@pytest.mark.parametrize(
    ("device", "gpu", "most"),
    [("auto", True, 4), ("auto", False, None), ("cpu", True, None), ("cuda", False, 4), ("cuda:1", True, 4)],
)
def test_few_processes_share_a_gpu(device: str, gpu: bool, most: int | None) -> None:
    assert most_workers(device, gpu=gpu) == most


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_auto_is_the_processor_where_there_is_no_gpu(tmp_path: Path) -> None:
    folder = encoder_kit.save_speech_encoder(tmp_path)
    auto, cuda = (Readout((), mean=False, device=name) for name in ("auto", "cuda"))
    assert open_speech_encoder(folder, wanted(folder), auto, model_type="wav2vec2").device.type == "cpu"
    with pytest.raises(ConfigError, match=r"speech_embedding\.device: found 'cuda', which cannot be used here"):
        open_speech_encoder(folder, wanted(folder), cuda, model_type="wav2vec2")
