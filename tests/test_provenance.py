"""A synthetic corpus is known by its notice, from any folder within it; a recorded command names no host or home."""

from __future__ import annotations

import sys

import pytest

from kemfeat.provenance import BANNER, NOTICE, command, is_synthetic
from kemfeat.synth.kemdy20 import SYNTH


def test_the_notice_is_found_from_any_folder_of_the_corpus(tmp_path):
    SYNTH.write(tmp_path / "corpus", utterances=6, sessions=1)
    assert all(map(is_synthetic, (tmp_path / "corpus", tmp_path / "corpus/wav", tmp_path / "corpus/wav/Session01")))
    assert not is_synthetic(tmp_path)


def test_a_link_to_a_synthetic_corpus_is_synthetic(tmp_path):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / NOTICE).touch()
    (tmp_path / "KEMDy20").symlink_to("corpus")
    assert is_synthetic(tmp_path / "KEMDy20")


def test_a_folder_of_that_name_or_another_notice_means_nothing(tmp_path):
    (tmp_path / NOTICE).mkdir()
    (tmp_path / "README.txt").write_text(BANNER)
    assert not is_synthetic(tmp_path)
    assert not is_synthetic(tmp_path / "absent")


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ("--scheduler tcp://10.0.0.7:8786", "--scheduler HOST:PORT"),
        ("--scheduler=tcp://[fe80::1]:8786", "--scheduler=HOST:PORT"),
        ("--root /home/ann/KEMDy20 --out=/srv/stores/KEMDy20/", "--root .../KEMDy20 --out=.../KEMDy20"),
        ("--cache ~/cache --cache ~ann/cache", "--cache .../cache --cache .../cache"),
        ("--set tokens.tokenizer=/home/ann/bert", "--set tokens.tokenizer=.../bert"),
        ("--set=tokens.tokenizer=/home/ann/bert", "--set=tokens.tokenizer=.../bert"),
        ("--root s3://bucket/KEMDy20 --out stores/KEMDy20", "--root s3://bucket/KEMDy20 --out stores/KEMDy20"),
        ("--features mel,text -j 4 --set mel.n_mels=64", "--features mel,text -j 4 --set mel.n_mels=64"),
    ],
)
def test_a_recorded_command_names_no_host_and_no_folder_above(
    given: str, recorded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/home/ann/venv/bin/kemfeat", "build", *given.split()])
    assert command() == f"kemfeat build {recorded}"
