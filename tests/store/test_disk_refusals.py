"""Every error of the system has advice that fits into the sentence."""

import errno
import os

import pytest

from kemfeat.errors import StoreError, StoreWriteError
from kemfeat.store import disk
from kemfeat.store.disk_refusals import advice


@pytest.mark.parametrize("code", sorted(errno.errorcode))
def test_every_error_is_a_sentence(tmp_path, code):
    with pytest.raises(StoreWriteError) as caught, disk.writing(tmp_path):
        raise OSError(code, os.strerror(code))
    said = str(caught.value)
    assert said.startswith(f"{tmp_path}: ")
    assert said.endswith(f" and run the same command again: what is finished is kept ({os.strerror(code)})")
    assert "\n" not in said


@pytest.mark.parametrize("code", sorted(errno.errorcode))
def test_no_advice_destroys(code):
    assert ";" in advice(code)
    assert not {"delete", "remove", "empty", "format"} & set(advice(code).split())


def test_a_sentence_of_kemfeat_passes_as_it_is(tmp_path):
    with pytest.raises(StoreError, match=r"^mine$") as caught, disk.writing(tmp_path):
        raise StoreError("mine")
    assert type(caught.value) is StoreError
