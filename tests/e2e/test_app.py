"""The last resort of the command line: an error of the system is not called a defect, any other one is."""

import errno
import os

import pytest
from kemfeat_cli import app


def _said(monkeypatch, capsys, error):
    def fail(*, args, standalone_mode):
        raise error

    monkeypatch.setattr(app, "app", fail)
    monkeypatch.setattr("sys.argv", ["kemfeat", "info", "x"])
    with pytest.raises(SystemExit) as end:
        app.main()
    return end.value.code, capsys.readouterr().err


@pytest.mark.parametrize("code", sorted(errno.errorcode))
def test_an_error_of_the_system_is_no_defect(monkeypatch, capsys, code):
    error = OSError(code, os.strerror(code), "/some/file")
    exit_code, said = _said(monkeypatch, capsys, error)
    told = f"kemfeat: /some/file: the system refuses ({os.strerror(code)}); make it possible, and run the same command "
    assert (exit_code, said) == (1, f"{told}again\n")


def test_an_error_without_a_number_or_a_file_has_its_own_words(monkeypatch, capsys):
    exit_code, said = _said(monkeypatch, capsys, OSError("the pipe is odd"))
    assert exit_code == 1
    assert said.startswith("kemfeat: the system refuses (the pipe is odd); ")


def test_any_other_error_is_called_a_defect(monkeypatch, capsys):
    exit_code, said = _said(monkeypatch, capsys, ZeroDivisionError("division by zero"))
    assert exit_code == 1
    assert said.startswith("kemfeat: this is a defect of kemfeat; ")
    assert said.endswith("ZeroDivisionError: division by zero\n")
