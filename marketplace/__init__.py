"""What is sold and its story: the catalogue of collectible lines, and later the shop, offerings and group buys.

Moves money and bottles only by commands. Must not know the gateway or the terminal.
"""
