"""What the licence agreement of ETRI's corpora means for a store."""

from __future__ import annotations


def etri_licence(corpus: str) -> str:
    """The licence of a corpus of ETRI, in the words that every store repeats."""
    return (
        f"Restricted: ETRI gives {corpus} out under a signed licence agreement. "
        "Neither the corpus nor anything derived from it, such as this store, may be passed on to others. "
        "Share the configuration and the digest instead: whoever holds the corpus can rebuild this store from them."
    )
