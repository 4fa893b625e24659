"""replay: a snapshot at any cut and the commands behind it give the state of an exchange that never stopped."""

import json
from random import Random

from engine.exchange import Exchange
from tests.harness.breach import require
from tests.simulation.flow import flow

COMMANDS = 2_000


def prove(cuts: int, seed: int) -> str:
    """Raise Breach when a restored exchange goes on differently."""
    rng = Random(seed)
    history = list(flow(seed, COMMANDS))
    live = Exchange()
    expected = live.apply(history)
    for cut in sorted(rng.randrange(len(history)) for _ in range(cuts)):
        first = Exchange()
        events = first.apply(history[:cut])
        restored = Exchange.restore(json.loads(json.dumps(list(first.snapshot()))))
        restored.check()
        events += restored.apply(history[cut:])
        require(events == expected, f"after a cut at command {cut} the events differ")
        require(restored.state_hash() == live.state_hash(), f"after a cut at command {cut} the hash differs")
    return f"{cuts} cuts of {len(history)} commands, all equal"
