"""What an operator may do, by post 岗位. What is not in the table is not allowed."""

from enum import StrEnum

from gateway.errors import Problem


class May(StrEnum):
    """Every operator's route names one of these."""

    VIEW = "view"  # where the exchange stands, bands, accounts, proposals
    MARKET = "market"  # phases and halts, rolls
    LISTINGS = "listings"  # instruments, other assets, fees
    COMMANDS = "commands"  # lists of commands as one step
    BANDS = "bands"
    BANDS_APPROVE = "bands.approve"
    MONEY = "money"
    MONEY_APPROVE = "money.approve"
    CELLAR = "cellar"
    ACCOUNTS = "accounts"  # limits, blocks, sessions, cancelling for an account
    KEYS = "keys"  # keys for accounts
    POSTS = "posts"  # who has which post
    POSTS_APPROVE = "posts.approve"
    LOG = "log"  # what operators did


POSTS: dict[str, frozenset[May]] = {
    "director": frozenset(May),
    "market": frozenset({May.VIEW, May.MARKET, May.LISTINGS, May.BANDS}),
    "risk": frozenset({May.VIEW, May.MARKET, May.BANDS_APPROVE, May.ACCOUNTS}),
    "treasurer": frozenset({May.VIEW, May.MONEY}),
    "controller": frozenset({May.VIEW, May.MONEY_APPROVE, May.LOG}),
    "cellar": frozenset({May.CELLAR}),
    "support": frozenset({May.VIEW, May.ACCOUNTS, May.KEYS}),
    "auditor": frozenset({May.VIEW, May.LOG}),
}


def permissions_of(post: str) -> frozenset[May]:
    """What a post may do; nothing for one that is not known, or none at all."""
    return POSTS.get(post, frozenset())


def known_post(post: str) -> str:
    """The post itself, or "" for none. Raises Problem for any other."""
    if post and post not in POSTS:
        raise Problem("MALFORMED", field="post", msg=f"the posts are {', '.join(POSTS)}")
    return post
