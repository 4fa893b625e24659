"""The edge: HTTP and WebSocket in, feed out, and the composition root that wires the exchange together.

Decodes, authorises, submits and encodes. It must never decide about orders, money or bottles.
"""
