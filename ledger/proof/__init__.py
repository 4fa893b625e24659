"""Proof of custody: what the exchange owes is committed to once a day, and each holder can check their own part."""
