"""The keys, in one table: what they do, and where the help names them."""

from typing import NamedTuple


class Key(NamedTuple):
    keys: str  # as Textual names them, separated by commas
    action: str
    zh: str
    en: str


# Typed one after the other, as in Chinese trading terminals.
CODES = {"21": ("ticket('B')", "买入", "buy"), "23": ("ticket('S')", "卖出", "sell")}

KEYS = [
    Key("b", "best('B')", "按卖一价买入", "buy at the best ask"),
    Key("s", "best('S')", "按买一价卖出", "sell at the best bid"),
    Key("f6,w", "show('watchlist')", "自选列表", "watchlist"),
    Key("l", "show('ladder')", "盘口", "ladder"),
    Key("o", "show('orders')", "委托", "my orders"),
    Key("j,n", "next(1)", "下一个品种", "next instrument"),
    Key("k,p", "next(-1)", "上一个品种", "instrument before"),
    Key("c", "cancel", "撤销所选委托", "cancel the chosen order"),
    Key("escape", "leave", "放弃", "leave the ticket"),
    Key("question_mark,f1", "help", "帮助", "help"),
    Key("q", "quit", "退出", "quit"),
]
