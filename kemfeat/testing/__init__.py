"""The laws that plug-ins keep, for those of other packages: ``python -m kemfeat.testing MODULE``.

kemfeat's own plug-ins keep the same laws in its own tests: there is one copy of each, here. A law is a function that
gets the object of a plug-in and a bench with all it is tried on, and raises :class:`LawBroken` with a sentence.
"""

from __future__ import annotations

from kemfeat.testing._check import Verdict, check
from kemfeat.testing._law import LawBroken

__all__ = ["LawBroken", "Verdict", "check"]
