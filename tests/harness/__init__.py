"""Proofs of what the exchange promises: `python -m tests.harness NAME`. docs/reliability.md says what each does."""
