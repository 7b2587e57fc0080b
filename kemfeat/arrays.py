"""Types of NumPy arrays, so that a signature says what an array contains."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""Values in double precision."""

AnyFloats = NDArray[np.floating[Any]]
"""Values of any floating-point precision, not converted."""

Indices = NDArray[np.int64]
"""Positions along an axis, from 0."""
