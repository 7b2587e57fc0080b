"""Skin temperature as measured, in degrees Celsius.

``temp`` (max_length,) float32 and ``temp_mask`` along ``temp_sample``, 4 Hz by default. The level drifts over minutes
and differs between people; the change within an utterance is a few steps of the sensor's 0.02 degrees.
"""

from __future__ import annotations

from kemfeat.features._uniform import uniform_extractor

EXTRACTOR = uniform_extractor("temp", unit="degC", description="skin temperature, raw")
