"""Every word of the terminal, in Simplified Chinese and English."""

import locale
import os
from typing import Literal

from gateway.wire import Fault

Lang = Literal["zh", "en"]

WORDS: dict[str, tuple[str, str]] = {
    "title": ("窖藏簿", "Cellarbook"),
    "watchlist": ("自选", "Watchlist"),
    "last": ("最新", "Last"),
    "change": ("涨跌幅", "Change"),
    "volume": ("成交", "Volume"),
    "ladder": ("盘口", "Ladder"),
    "price": ("价格", "Price"),
    "bid": ("买量", "Bid"),
    "ask": ("卖量", "Ask"),
    "spread": ("价差", "Spread"),
    "tape": ("分笔成交", "Tape"),
    "qty": ("数量", "Qty"),
    "ticket": ("下单", "Ticket"),
    "buy": ("买入", "BUY"),
    "sell": ("卖出", "SELL"),
    "side": ("方向", "Side"),
    "total": ("合计", "Total"),
    "max_buy": ("可买", "Can buy"),
    "max_sell": ("可卖", "Can sell"),
    "orders": ("委托", "My orders"),
    "status": ("状态", "Status"),
    "filled": ("成交", "Filled"),
    "open": ("未成交", "open"),
    "st_open": ("挂单", "open"),
    "st_filled": ("已成", "filled"),
    "st_cancelled": ("已撤", "cancelled"),
    "balances": ("资产", "Balances"),
    "asset": ("品种", "Asset"),
    "free": ("可用", "Free"),
    "held": ("冻结", "Held"),
    "cash": ("资金", "Cash"),
    "band": ("涨跌停", "Band"),
    "ref": ("昨结", "Ref"),
    "high": ("最高", "High"),
    "low": ("最低", "Low"),
    "turnover": ("成交额", "Turnover"),
    "phase_HALTED": ("停牌", "HALTED"),
    "phase_VOLATILITY_CALL": ("波动性集合竞价", "VOLATILITY CALL"),
    "phase_CANCEL_ONLY": ("只可撤单", "CANCELS ONLY"),
    "phase_CLOSED": ("休市", "CLOSED"),
    "phase_PRE_OPEN": ("盘前", "PRE-OPEN"),
    "phase_OPENING_CALL": ("开盘集合竞价", "OPENING CALL"),
    "phase_OPENING_CALL_NO_CANCEL": ("开盘集合竞价，不可撤单", "OPENING CALL, NO CANCELS"),
    "phase_BREAK": ("午间休市", "BREAK"),
    "phase_CLOSING_CALL": ("收盘集合竞价", "CLOSING CALL"),
    "connected": ("已连接", "connected"),
    "disconnected": ("连接中断，正在重连", "disconnected, trying again"),
    "stale": ("行情延迟", "STALE"),
    "no_orders": ("没有委托。按 21 买入，23 卖出", "No orders yet. Press 21 to buy, 23 to sell"),
    "no_trades": ("暂无成交", "No trades yet"),
    "no_book": ("暂无挂单", "No orders in the book"),
    "enter_to_arm": ("回车确认，Esc 放弃", "Enter to check, Esc to leave"),
    "armed": ("再按回车发出: {order}", "Enter again sends: {order}"),
    "bad_price": ("价格应为数字，最多两位小数", "the price is a number with at most two decimals"),
    "bad_qty": ("数量应为正整数", "the quantity is a whole number above 0"),
    "off_tick": ("价格应为 {tick} 的整数倍", "the price must be a multiple of {tick}"),
    "out_of_band": ("超出涨跌停 {lo} 至 {hi}", "outside the band, {lo} to {hi}"),
    "off_lot": ("数量应为 {lot} 的整数倍", "the quantity must be a multiple of {lot}"),
    "below_min": ("最少 {min} 瓶", "at least {min}"),
    "above_max": ("最多 {max} 瓶", "at most {max}"),
    "no_funds": ("资金不足，最多可买 {max} 瓶", "not enough cash; you can buy {max}"),
    "no_bottles": ("可卖数量不足，最多可卖 {max} 瓶", "not enough bottles; you can sell {max}"),
    "keys": (
        "21 买  23 卖  F6 自选  L 盘口  O 委托  C 撤单  ? 帮助  Q 退出",
        "21 buy  23 sell  F6 list  L ladder  O orders  C cancel  ? help  Q quit",
    ),
    "help": ("帮助", "Help"),
    "close": ("按任意键返回", "Press any key to go back"),
}


# The exchange's refusals 拒单原因 by name; its own words are English and say more.
REFUSALS_ZH: dict[str, str] = {
    "GATEWAY_DOWN": "连接不上交易所，结果不明时请查委托",
    "UNAUTHENTICATED": "未登录",
    "BAD_SIGNATURE": "密钥或签名无效",
    "FORBIDDEN": "此密钥无此权限",
    "BAD_ORIGIN": "此网页来源不被允许",
    "MALFORMED": "委托内容有误",
    "UNKNOWN_INSTRUMENT": "没有此品种",
    "UNKNOWN_OFFERING": "没有此申购",
    "UNKNOWN_HOLD": "没有此冻结",
    "OFF_TICK": "价格不是最小变动价位的整数倍",
    "OFF_LOT": "数量不是最小单位的整数倍",
    "BELOW_MIN_QTY": "低于单笔最少数量",
    "ABOVE_MAX_QTY": "超过单笔最多数量",
    "OFF_UNIT": "不是申购单位的整数倍",
    "BELOW_MIN_SUBSCRIPTION": "低于最小申购量",
    "ABOVE_MAX_SUBSCRIPTION": "超过最大申购量",
    "NOT_FOUND": "没有此内容",
    "TOO_LARGE": "请求过大",
    "TOO_SLOW": "请求超时",
    "INSUFFICIENT_FUNDS": "可用资金不足",
    "PRICE_OUT_OF_BAND": "价格超出涨跌停",
    "HALTED": "已停牌",
    "INSUFFICIENT_BOTTLES": "可卖数量不足",
    "ABOVE_POSITION_LIMIT": "超过持仓上限",
    "PHASE_CLOSED": "当前阶段不接受委托",
    "OFFERING_CLOSED": "申购不在受理时间",
    "ABOVE_HOLD": "超过冻结余额",
    "WRONG_SEED": "种子与公布的承诺不符",
    "BELOW_FILLED": "新数量不高于已成交数量",
    "WOULD_CROSS": "只挂单的委托会立即成交",
    "NOT_FILLABLE": "无法全部成交",
    "DUPLICATE_ID": "委托编号重复",
    "UNKNOWN_ORDER": "没有此委托，或已成交、已撤",
    "TOO_LATE": "已过有效时间",
    "BAD_LOGIN": "登录名、密码或验证码不对",
    "BAD_SESSION": "登录已失效，请重新登录",
    "BAD_CSRF": "请求缺少本次登录的校验码",
    "CODE_NEEDED": "请输入验证码",
    "NOT_PRIVATE": "密码只能经 HTTPS 或在本机发送",
    "LOGIN_TAKEN": "登录名已被使用",
    "NOT_EMPTY": "账户尚有资产，不能注销",
    "UNKNOWN_PERSON": "没有此人",
    "UNKNOWN_KEY": "没有此密钥",
    "UNKNOWN_SESSION": "没有此登录",
    "UNKNOWN_APPROVAL": "没有此待审事项",
    "FOUR_EYES": "此事须由两人办理，请各自登录",
    "RATE_LIMITED": "请求过于频繁，请稍候",
    "IN_DEBT": "有未付的仓储费，请先支付",
    "UNKNOWN_WAREHOUSE": "没有此仓库",
    "UNKNOWN_BIN": "此仓库没有该货位",
    "UNKNOWN_LOT": "没有此批次",
    "UNKNOWN_SERIAL": "没有此瓶号",
    "UNKNOWN_ADVICE": "没有此入库预告",
    "UNKNOWN_HAUL": "没有此调拨单",
    "UNKNOWN_COUNT": "没有此盘点单",
    "UNKNOWN_LIEN": "没有此留置",
    "UNKNOWN_PICKUP": "没有此提货单",
    "UNKNOWN_CLAIM": "没有此理赔单",
    "UNKNOWN_BILL": "没有待付的账单",
    "UNKNOWN_ALARM": "没有此未处理的警报",
    "DUPLICATE_CODE": "此编码已有他用",
    "DUPLICATE_SERIAL": "此瓶号已在库",
    "NOT_STAFF": "只有本仓人员可以经手",
    "SAME_PERSON": "经办人不能自己复核",
    "WRONG_STATE": "当前步骤不能这样做",
    "IN_PROGRESS": "上一步尚在处理",
    "DAY_DONE": "此日已结",
    "DAY_MISSING": "前一日尚未结",
    "ABOVE_ADVISED": "多于预告数量",
    "NOT_IN_STORE": "瓶已预留、留置、在途或出库",
    "SHORT_IN_WAREHOUSE": "此仓库存不足，请换仓或减少数量",
    "BELOW_MIN_PICKUP": "少于最小提货数量",
    "ABOVE_MAX_PICKUP": "多于最大提货数量",
    "WRONG_SERIALS": "瓶号与提货单不符",
    "COUNT_STALE": "盘点后有变动，请重新盘点",
    "NO_CODE": "没有有效的提货码",
    "CODE_LOCKED": "错误次数过多，请重新取码",
    "WRONG_CODE": "提货码不对",
    "IDENTITY_UNCHECKED": "请写明如何核对身份",
    "UNBACKED_BOTTLES": "酒须经仓库入库，不能凭空存入",
    "FOLLOWER": "此服务器只供查询，不接受委托",
    "BUSY": "交易所繁忙，请稍后再试",
    "INTERNAL": "交易所内部错误",
    "OUTCOME_UNKNOWN": "结果不明，请查委托",
}


class Text:
    """The words of one language: `text("buy")`, `text("off_lot", lot=6)`."""

    def __init__(self, lang: Lang) -> None:
        self.lang: Lang = lang

    def __call__(self, key: str, **values: object) -> str:
        words = WORDS[key][0 if self.lang == "zh" else 1]
        return words.format(**values) if values else words

    def refusal(self, fault: Fault) -> str:
        """Why the exchange refused; in its own words when we have none."""
        return REFUSALS_ZH.get(fault.name, fault.msg) if self.lang == "zh" else fault.msg


def default_lang() -> Lang:
    """Chinese for a Chinese locale, else English."""
    named = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "zh" if (named or locale.getlocale()[0] or "").lower().startswith("zh") else "en"
