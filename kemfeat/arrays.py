"""Types of NumPy arrays, so that a signature says what an array holds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""Values in double precision."""

AnyFloats = NDArray[np.floating[Any]]
"""Values of any precision, kept as they are."""

Indices = NDArray[np.int64]
"""Positions along an axis, from 0."""
