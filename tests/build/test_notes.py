"""Audio of several channels: one of them is used, the build says which, and none is used that hears nobody."""

import numpy as np
import pytest
import soundfile

from kemfeat import BuildOptions, KemfeatError, build_store, validate_corpus

RATE = 16000
COUNT = 6
SMALL = {"n_mels": 16, "max_frames": 64}


def speech(number):
    time = np.arange(RATE // 2) / RATE
    return 0.3 * np.sin(2 * np.pi * (150 + 40 * number) * time) * np.sin(2 * np.pi * 3 * time) ** 2


@pytest.fixture
def corpus(tmp_path):
    """Six clips: noise on channel 1, speech on channel 2."""
    root = tmp_path / "corpus"
    root.mkdir()
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        words = speech(number)
        stereo = np.column_stack([0.003 * rng.normal(size=len(words)), words])
        soundfile.write(root / f"{number}.wav", stereo, RATE, subtype="FLOAT")
    rows = [f"u{number},{number}.wav,s{number % 2}" for number in range(COUNT)]
    (root / "utterances.csv").write_text("\n".join(["id,audio,speaker", *rows]) + "\n")
    return root


def build(root, out, *, on_error="raise", **settings):
    features = {"features": ["mel"], "mel": SMALL}
    return build_store(
        "folder", root=root, out=out, settings=features | settings, options=BuildOptions(on_error=on_error)
    )


def of_speech_alone(corpus, folder):
    """The mels of the same speech in clips of one channel."""
    folder.mkdir()
    (folder / "utterances.csv").write_bytes((corpus / "utterances.csv").read_bytes())
    for number in range(COUNT):
        samples, _ = soundfile.read(corpus / f"{number}.wav", dtype="float32")
        soundfile.write(folder / f"{number}.wav", samples[:, 1], RATE, subtype="FLOAT")
    return build(folder, folder.with_name("alone.store")).store.array("mel")[:]


def test_noise_on_the_first_channel_is_refused_and_named(corpus, tmp_path):
    report = validate_corpus("folder", root=corpus)
    (finding,) = [finding for finding in report.findings if finding.severity == "error"]
    assert (finding.rule, finding.count) == ("quiet-channel", COUNT)
    with pytest.raises(KemfeatError, match=r"u0: mel: the sound is in channel 2 of 2.*set mel\.channel to mean"):
        build(corpus, tmp_path / "store")


@pytest.mark.parametrize("channel", [2, "loudest"])
@pytest.mark.parametrize("where", ["audio", "mel"])
def test_the_channel_with_speech_gives_the_mel_of_speech(corpus, tmp_path, channel, where):
    settings = {"audio": {"channel": channel}} if where == "audio" else {"mel": {**SMALL, "channel": channel}}
    report = build(corpus, tmp_path / "store", **settings)
    np.testing.assert_array_equal(report.store.array("mel")[:], of_speech_alone(corpus, tmp_path / "alone"))
    used = "number 2" if channel == 2 else "the loudest"
    assert f"6 audio files have several channels, and one is used (mel: {used})" in report.notes[0]
    assert build(corpus, tmp_path / "store", **settings).notes == report.notes


def test_the_mean_has_the_speech_too(corpus, tmp_path):
    report = build(corpus, tmp_path / "store", audio={"channel": "mean"})
    made, alone = report.store.array("mel")[:], of_speech_alone(corpus, tmp_path / "alone")
    loud = alone > -20
    assert np.abs(made - alone)[loud].max() < 1
    assert "(mel: the mean of all)" in report.notes[0]


def test_clips_of_one_channel_are_not_spoken_of(corpus, tmp_path):
    of_speech_alone(corpus, tmp_path / "alone")
    assert build(tmp_path / "alone", tmp_path / "alone.store").notes == ()


def test_a_channel_that_is_not_there_is_refused(corpus, tmp_path):
    with pytest.raises(KemfeatError, match="the audio has 2 channels, expected a channel 3"):
        build(corpus, tmp_path / "store", audio={"channel": 3})


def test_tokens_that_are_left_out_for_want_of_a_tokenizer_are_spoken_of(corpus, tmp_path):
    of_speech_alone(corpus, tmp_path / "alone")
    table = tmp_path / "alone/utterances.csv"
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{header},text", *(f"{row},word" for row in rows)]))
    report = build_store("folder", root=tmp_path / "alone", out=tmp_path / "store", settings={"mel": SMALL})
    assert "tokens" not in report.store.header.features
    assert ["no tokenizer" in note and "--tokenizer" in note for note in report.notes] == [True]
    chosen = {"features": ["mel", "text"], "mel": SMALL}
    assert build_store("folder", root=tmp_path / "alone", out=tmp_path / "other", settings=chosen).notes == ()
