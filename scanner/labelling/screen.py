"""The full-screen interface of `unflub label`: keys to steps of a session, and its view."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.events import Key
from textual.widgets import Rule, Static

from scanner.labelling import view
from scanner.labelling.session import NO_FLUB, Item, Session
from scanner.learning.corpus import Example

Keep = Callable[[Item, Example | None], None]
"""Keeps the label of a message from now on, or none any more."""

_STEPS: dict[str, Callable[[Session], Session]] = {
    "up": lambda session: session.moved(-1),
    "down": lambda session: session.moved(1),
    "pageup": lambda session: session.moved(-5),
    "pagedown": lambda session: session.moved(5),
    "home": lambda session: session.moved(-len(session.item.sentences.items)),
    "end": lambda session: session.moved(len(session.item.sentences.items)),
    "space": Session.taken,
    "n": lambda session: session.marked(NO_FLUB),
    "minus": lambda session: session.marked(NO_FLUB),
    "k": Session.kind_turned,
    "f": Session.severity_turned,
    "enter": Session.done,
    "l": Session.later,
    "b": Session.back,
    "u": Session.undone,
}
_AT_THE_END = frozenset({"b", "u"})


class Screen(App[None]):
    """Shows one message after the other; what is done is kept at once."""

    ENABLE_COMMAND_PALETTE = False
    # Of the terminal's own colours, so that it can be read on light and dark.
    CSS = """
    #body { height: 1fr; }
    #head, #legend { height: auto; }
    Rule { margin: 0; color: ansi_default; }
    """
    BINDINGS: ClassVar = [("ctrl+c", "quit", "Quit")]

    def __init__(self, session: Session, keep: Keep) -> None:
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"  # its ground and text are the terminal's, dark or not
        self.session = session
        self._keep = keep
        self._helping = False

    def compose(self) -> ComposeResult:
        """Lay out the parts of the screen."""
        yield Static(id="head")
        yield Rule()
        yield Static(id="body")
        yield Rule()
        yield Static(id="legend")

    def on_mount(self) -> None:
        """Show the first message."""
        self.query_one("#legend", Static).update("\n".join(view.LEGEND))

    def on_resize(self) -> None:
        """Lay the message out anew."""
        self.call_after_refresh(self._show)

    def on_key(self, event: Key) -> None:
        """Take a step, or leave."""
        if self._helping:
            self._helping = False
        elif event.key.lower() == "q" or (self.session.is_over and event.key == "enter"):
            self.exit()
        elif event.key == "question_mark":
            self._helping = True
        else:
            self._go(self._step(event.key.lower()))
        self._show()

    def _step(self, key: str) -> Session:
        now = self.session
        if now.is_over:
            return _STEPS[key](now) if key in _AT_THE_END else now
        if key in view.KEYS:
            return now.marked(view.KEYS[key])
        if key.isdecimal():
            return now.typed_digit(int(key))
        step = _STEPS.get(key)
        return step(now) if step else now

    def _go(self, there: Session) -> None:
        for item, before, after in zip(there.items, self.session.kept, there.kept, strict=True):
            if before != after:
                self._keep(item, after)
        self.session = there

    def _show(self) -> None:
        part = self.query_one("#body", Static)
        width, height = part.size
        self.query_one("#head", Static).update(view.head(self.session, width))
        shown = view.body(self.session, width, height)
        part.update(Text(view.HELP) if self._helping else shown)

    def _fatal_error(self) -> None:
        # Textual would show a traceback, and in it the message at hand; `labelled` raises instead.
        self._close_messages_no_wait()


def labelled(session: Session, keep: Keep) -> Session:
    """Have the user label messages; give where they left off. Raises what `keep` raises."""
    screen = Screen(session, keep)
    screen.run()
    if screen._exception:  # noqa: SLF001 - Textual has no other word for it
        raise screen._exception  # noqa: SLF001
    return screen.session
