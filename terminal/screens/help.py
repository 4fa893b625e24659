"""The help: every key, from the one table of them."""

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Label

from terminal.format import left, right
from terminal.keymap import CODES, KEYS
from terminal.text import Text


class Help(ModalScreen[None]):
    def __init__(self, text: Text) -> None:
        super().__init__()
        self.text = text

    def compose(self) -> ComposeResult:
        zh = self.text.lang == "zh"
        lines = [(code, words_zh if zh else words_en) for code, (_, words_zh, words_en) in CODES.items()]
        lines += [(key.keys.replace("question_mark", "?").replace(",", " "), key.zh if zh else key.en) for key in KEYS]
        listed = "\n".join(f"{right(keys, 10)}   {left(words, 34)}" for keys, words in lines)
        yield Label(f"{self.text('help')}\n\n{listed}\n\n{self.text('close')}", id="help", markup=False)

    def on_key(self, event: events.Key) -> None:
        event.stop()
        self.dismiss()

    def on_click(self) -> None:
        self.dismiss()
