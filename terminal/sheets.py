"""Reports as tables, in Chinese or English."""

from collections.abc import Sequence

from engine.commands import CASH
from ledger.closing import Close, Payable
from ledger.custody.billing import Storage
from ledger.days import date_of
from ledger.exports import Cell, Money, Table, Time
from ledger.statements import Line, Standing, Statement
from terminal.text import Lang

Words = tuple[str, str]  # zh, en

KINDS: dict[str, Words] = {
    "deposit": ("存入", "deposit"),
    "withdrawal": ("取出", "withdrawal"),
    "hold": ("委托冻结", "held for an order"),
    "release": ("委托解冻", "released from an order"),
    "trade": ("成交", "trade"),
    "transfer": ("划转", "transfer"),
    "offer": ("发售", "offering"),
    "subscription": ("申购", "subscription"),
    "allotment": ("配售", "allotment"),
    "opening": ("期初", "opening"),
    "closing": ("期末", "closing"),
}
FLOWS: dict[str, Words] = {  # what a transfer was part of
    "deposit": ("存入", "deposit"),
    "withdraw": ("取出", "withdrawal"),
    "booking": ("入库", "booked into the warehouse"),
    "pickup": ("提货冻结", "held for a pickup"),
    "release": ("提货出库", "picked up"),
    "cancel": ("撤销提货", "pickup called off"),
    "expiry": ("提货过期", "pickup expired"),
    "late": ("迟延补偿", "paid for a late pickup"),
    "shipment": ("发运", "pickup shipped"),
    "delivery": ("签收", "pickup delivered"),
    "claim": ("理赔", "claim settled"),
    "storage": ("仓储费", "storage fee"),
    "lien": ("留置", "lien"),
    "lift": ("解除留置", "lien lifted"),
    "count": ("盘点", "stocktake"),
    "departure": ("调出", "sent to another warehouse"),
    "arrival": ("调入", "arrived from another warehouse"),
}
TITLES: dict[str, Words] = {
    "statement": ("对账单", "statement"),
    "storage": ("仓储", "storage"),
    "instruments": ("品种", "instruments"),
    "accounts": ("账户成交", "turnover"),
    "holdings": ("持有", "holdings"),
    "settlement": ("结算", "settlement"),
}
COLUMNS: dict[str, Words] = {
    "time": ("时间", "time"),
    "command": ("序号", "command"),
    "what": ("摘要", "what"),
    "voucher": ("凭证", "voucher"),  # the order, the trade, or the key of a transfer
    "free_change": ("可用变动", "free change"),
    "held_change": ("冻结变动", "held change"),
    "free": ("可用", "free"),
    "held": ("冻结", "held"),
    "first_day": ("起", "from"),
    "last_day": ("止", "to"),
    "acct": ("账户", "account"),
    "asset": ("资产", "asset"),
    "sym": ("代码", "symbol"),
    "trades": ("笔数", "trades"),
    "volume": ("瓶数", "bottles"),
    "turnover": ("成交额", "turnover"),
    "open": ("开盘", "open"),
    "high": ("最高", "high"),
    "low": ("最低", "low"),
    "close": ("收盘", "close"),
    "fees": ("手续费", "fees"),
    "bought": ("买入额", "bought"),
    "sold": ("卖出额", "sold"),
    "accrued": ("应计", "accrued"),
    "billed": ("已出账", "billed"),
    "owed": ("欠费", "owed"),
    "party": ("对手方", "party"),
    "came": ("收", "in"),
    "went": ("付", "out"),
    "net": ("净额", "net"),
    "postings": ("分录数", "postings"),
    "first": ("首分录", "first posting"),
    "last": ("末分录", "last posting"),
    "total": ("合计", "total"),
}


def _pick(words: Words, lang: Lang) -> str:
    return words[0] if lang == "zh" else words[1]


def _table(title: str, names: Sequence[str], rows: Sequence[Sequence[Cell]], lang: Lang) -> Table:
    return Table(title, [_pick(COLUMNS[name], lang) for name in names], rows)


def what(kind: str, key: str, lang: Lang) -> str:
    """What a movement was, in words: of a transfer, the flow that its key begins with."""
    flow = FLOWS.get(key.partition(":")[0]) if kind == "transfer" and ":" in key else None
    return _pick(flow or KINDS.get(kind, (kind, kind)), lang)


def amount(asset: str, value: int) -> Cell:
    return Money(value) if asset == CASH else value


def statement_tables(found: Statement, storage: Storage, lang: Lang) -> list[Table]:
    """Whose and when, one table an asset with its opening and closing, and one of storage."""
    names = ("time", "command", "what", "voucher", "free_change", "held_change", "free", "held")
    period = [str(date_of(found.first_day)), str(date_of(found.last_day))]
    head = ("acct", "first_day", "last_day", "command")
    tables = [_table(_pick(TITLES["statement"], lang), head, [[found.acct, *period, found.seq]], lang)]
    for section in found.sections:

        def of(value: int, asset: str = section.asset) -> Cell:
            return amount(asset, value)

        def edge(kind: str, standing: Standing) -> list[Cell]:
            return ["", "", what(kind, "", lang), "", "", "", of(standing.free), of(standing.held)]

        def row(line: Line) -> list[Cell]:
            told = (of(line.free), of(line.held), of(line.after.free), of(line.after.held))
            return [Time(line.ts), line.seq, what(line.kind, line.key, lang), line.key or str(line.ref or ""), *told]

        rows = [edge("opening", section.opening), *map(row, section.lines), edge("closing", section.closing)]
        tables.append(_table(section.asset, names, rows, lang))
    fen = (Money(storage.accrued_millifen // 1_000), Money(storage.billed_fen), Money(storage.owed_fen))
    tables.append(_table(_pick(TITLES["storage"], lang), ("accrued", "billed", "owed"), [fen], lang))
    return tables


def close_tables(found: Close, lang: Lang) -> list[Table]:
    """Instruments with their totals, accounts, holdings."""
    day = str(date_of(found.day))
    instruments: list[list[Cell]] = [
        [t.sym, t.trades, t.volume, *map(Money, (t.turnover, t.open, t.high, t.low, t.close, t.fees))]
        for t in found.instruments
    ]
    sums = [sum(getattr(t, name) for t in found.instruments) for name in ("trades", "volume", "turnover", "fees")]
    total = _pick(COLUMNS["total"], lang)
    instruments.append([total, sums[0], sums[1], Money(sums[2]), "", "", "", "", Money(sums[3])])
    names = ("sym", "trades", "volume", "turnover", "open", "high", "low", "close", "fees")
    return [
        _table(f"{_pick(TITLES['instruments'], lang)} {day}", names, instruments, lang),
        _table(
            f"{_pick(TITLES['accounts'], lang)} {day}",
            ("acct", "bought", "sold", "fees"),
            [[t.acct, Money(t.bought), Money(t.sold), Money(t.fees)] for t in found.turnover],
            lang,
        ),
        _table(
            f"{_pick(TITLES['holdings'], lang)} {day}",
            ("acct", "asset", "free", "held"),
            [[h.acct, h.asset, amount(h.asset, h.free), amount(h.asset, h.held)] for h in found.holdings],
            lang,
        ),
    ]


def settlement_tables(found: Sequence[Payable], lang: Lang) -> list[Table]:
    names = ("party", "asset", "what", "came", "went", "net", "postings", "first", "last")
    rows = [
        [
            p.party, p.asset, what(p.kind, f"{p.flow}:", lang), amount(p.asset, p.came), amount(p.asset, p.went),
            amount(p.asset, p.came - p.went), p.postings, p.first, p.last,
        ]
        for p in found
    ]  # fmt: skip
    return [_table(_pick(TITLES["settlement"], lang), names, rows, lang)]
