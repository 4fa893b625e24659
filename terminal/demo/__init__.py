"""The demo market: a catalogue listed once, and simulated makers and collectors who trade it over the socket."""
