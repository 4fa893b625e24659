"""The panes of the trading screen. Each draws rows of a `State` and repaints only those that changed."""
