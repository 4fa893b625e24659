"""The collector's screen and the `cellarbook` command line.

Knows the exchange only through `gateway.client` and `gateway.wire`.
"""
