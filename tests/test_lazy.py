"""Names are completed before they are imported, and importing the package stays light."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PACKAGES = ("kemfeat", "kemfeat.learn", "kemfeat.learn.augment")


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_is_completed_and_there(name: str) -> None:
    package = importlib.import_module(name)
    assert set(package.__all__) <= set(dir(package))
    for public in package.__all__:
        assert getattr(package, public) is not None


def test_completing_imports_nothing() -> None:
    code = "import sys, kemfeat; names = dir(kemfeat); print('build_store' in names, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'kemfeat' has no attribute 'open_stor'"):
        importlib.import_module("kemfeat").open_stor  # noqa: B018
