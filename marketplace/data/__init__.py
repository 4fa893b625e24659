"""Facts as CSV: the collectible lines and dated wholesale prices, each with its published source."""
