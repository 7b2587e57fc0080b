"""What a store inherits from its corpus: terms and the meaning of its own columns."""

from __future__ import annotations

import pytest

from kemfeat.corpora import columns_of, terms_of


def test_a_corpus_without_known_terms_keeps_its_own() -> None:
    assert "The terms of MyCorpus apply" in terms_of("MyCorpus").licence
    assert columns_of("MyCorpus") == {}


@pytest.mark.parametrize("dataset", ["KEMDy20", "KEMDy19", "IEMOCAP"])
def test_restricted_corpora_say_so(dataset: str) -> None:
    terms = terms_of(dataset)
    assert terms.licence.startswith("Restricted: ")
    assert "this store, may be passed on to others" in terms.licence
    assert dataset in terms.title
    assert dataset in terms.citation
