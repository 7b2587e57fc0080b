"""Synthetic corpora in the real folder shape: one file per corpus, found by its name.

A file of this room ends in ``SYNTH``, a :class:`SyntheticCorpus`. Bytes depend on the options alone.
"""

from kemfeat.synth.writing import SyntheticCorpus

__all__ = ["SyntheticCorpus"]
