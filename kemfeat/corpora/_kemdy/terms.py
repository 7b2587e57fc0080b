"""The licence of ETRI's corpora and of stores made from them."""

from __future__ import annotations


def etri_licence(corpus: str) -> str:
    """The licence of a corpus of ETRI, in the words that every store of it repeats."""
    return (
        f"Restricted: ETRI provides {corpus} under a signed licence agreement. "
        "Neither the corpus nor anything derived from it, such as this store, may be passed on to others. "
        "Share the configuration and the digest instead: anyone who has the corpus can rebuild this store from them."
    )
