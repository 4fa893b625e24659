"""Other people's protocols, as thin adapters over the same reads and commands. They translate, and never decide."""
