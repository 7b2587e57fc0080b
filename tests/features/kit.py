"""Wristband signals of one utterance, by slots of the 4 Hz clock."""

import numpy as np

from kemfeat.records import Signal

START = np.datetime64("2020-08-22T11:40:57.250", "ms")
UNITS = {"eda": "uS", "temp": "degC"}


def stamps(slots):
    return START + np.asarray(slots, dtype=np.int64) * np.timedelta64(250, "ms")


def signal(medium, slots, values=None):
    """Samples in some slots; unless given, a value is the number of its slot."""
    values = np.asarray(slots if values is None else values, dtype=np.float64)
    return Signal(values, 4.0, UNITS[medium], stamps(slots))


def both(slots, other=None):
    return {"eda": signal("eda", slots), "temp": signal("temp", slots if other is None else other)}
