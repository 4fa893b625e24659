"""The durable side: the journal of commands, the double-entry books projected from events, audit and recovery.

Must not know HTTP, sockets or screens, and never changes the engine's state except by replay.
"""
