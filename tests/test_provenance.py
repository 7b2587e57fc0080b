"""A synthetic corpus is known by its notice, from any folder within it."""

from __future__ import annotations

from kemfeat.provenance import BANNER, NOTICE, is_synthetic
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
