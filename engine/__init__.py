"""The matching engine: instruments, bands, the order book, holds, fees and settlement in memory.

Owns every free and held balance while the exchange runs. Pure: the same commands give the same events and the
same state hash on every machine. It must not know the time of day, randomness, files, sockets or databases.
"""
