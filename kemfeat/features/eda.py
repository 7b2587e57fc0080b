"""Electrodermal activity: skin conductance as measured, in microsiemens.

``eda`` (max_length,) float32 and ``eda_mask`` along ``eda_sample``, 4 Hz by default. Raw values differ between people
more than between emotions and identify the person; normalise per speaker, on training data, before fitting anything.
"""

from __future__ import annotations

from kemfeat.features._uniform import uniform_extractor

EXTRACTOR = uniform_extractor("eda", unit="uS", description="skin conductance, raw")
