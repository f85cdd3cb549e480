"""A fault ends the screen and is raised for those who put it into words; what the variables held is never printed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Label

from strongroom_tui.process import GuardedApp

SECRET = "clear text of a record"


class Fault(Exception):
    """What a test ends an app with."""


class Drawn(Fault):
    """A fault that can draw itself."""

    def __rich__(self) -> str:
        return SECRET


def fall(kind: type[Fault]) -> None:
    held = SECRET
    raise kind(str(len(held)))


class Word(Label):
    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__("here")
        self.work = work

    def on_mount(self) -> None:
        self.work()


class Falling(GuardedApp[None]):
    def __init__(self, where: str, kind: type[Fault]) -> None:
        super().__init__()
        self.where, self.kind = where, kind

    def compose(self) -> ComposeResult:
        yield Word(self.begin)

    def begin(self) -> None:
        if self.where == "a worker":
            self.run_worker(self.later())
        elif self.where == "a thread":
            self.run_worker(lambda: fall(self.kind), thread=True)
        elif self.where == "a timer":
            self.set_timer(0.01, lambda: fall(self.kind))
        elif self.where == "a widget":
            fall(self.kind)
        else:
            self.exit(return_code=3)

    async def later(self) -> None:
        fall(self.kind)


@pytest.mark.parametrize("kind", [Fault, Drawn])
@pytest.mark.parametrize("where", ["a widget", "a timer", "a worker", "a thread"])
async def test_a_fault_is_raised_afterwards_and_shows_nothing(
    where: str, kind: type[Fault], capfd: pytest.CaptureFixture[str]
) -> None:
    app = Falling(where, kind)
    await app.run_async(headless=True)
    assert app.return_code == 1
    with pytest.raises(kind, match=str(len(SECRET))):
        app.raise_fault()
    told = capfd.readouterr()
    assert SECRET not in told.out + told.err
    assert "Traceback" not in told.out + told.err


async def test_who_leaves_with_a_code_of_their_own_raises_nothing() -> None:
    app = Falling("nowhere", Fault)
    await app.run_async(headless=True)
    app.bell()
    app.raise_fault()
    assert app.return_code == 3


async def test_the_toolkit_by_itself_would_have_shown_it(capfd: pytest.CaptureFixture[str]) -> None:
    class Bare(App[None]):
        def on_mount(self) -> None:
            fall(Fault)

    await Bare().run_async(headless=True)
    assert SECRET in capfd.readouterr().err
