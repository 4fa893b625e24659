"""A seeded adversary: dense random order flow into the engine and its slow twin."""
