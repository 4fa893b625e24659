"""Who is who: people and their posts, sessions, keys, and what takes a second pair of eyes.

It knows the shop, the exchange's door and HTTP, and no market rules.
"""
