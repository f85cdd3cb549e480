"""What a person types for a path, and what is suggested, when the working directory was removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.model.errors import UsageError
from strongroom_tui.dialogs.form import start_folder, typed_path


def test_a_removed_working_directory_is_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, home = tmp_path / "gone", tmp_path / "home"
    gone.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(gone)
    assert (start_folder(), typed_path("x")) == (gone, gone / "x")
    gone.rmdir()
    assert start_folder() == home
    assert (typed_path(" ~/x "), typed_path("/x")) == (home / "x", Path("/x"))
    with pytest.raises(UsageError, match="working directory was removed"):
        typed_path("x")
    monkeypatch.chdir(tmp_path)


def test_a_home_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="no home"):
        typed_path("~nobody-of-that-name/x")
