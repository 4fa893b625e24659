"""The cellar: which bottle stands where, what brought it in, what lets it out, and what that costs.

Owns the serials and everything that is done to them. Never holds a balance: bottles come into being, change hands and
leave only by the engine's transfers, whose keys are written down here before they are sent.
"""
