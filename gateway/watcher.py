"""The auditor's process beside the server: what it finds stops the exchange."""

import asyncio
import contextlib
import json
import os
import sys

from gateway.config import Config
from ledger.errors import LedgerError
from ledger.watch import DATABASE


class AuditFound(LedgerError):
    """The books are not what they ought to be."""


class Watcher:
    """Audits what is new every `config.audit_s` seconds, at the lowest priority; `seq` is how far that came."""

    def __init__(self, config: Config) -> None:
        self.seq = 0
        self._config = config

    async def run(self) -> None:
        """Go on for ever. Raises AuditFound with the first finding, LedgerError when the auditor fails."""
        database = {DATABASE: self._config.database} if self._config.database else {}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ledger.watch", str(self._config.data), str(self._config.audit_s),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name != DATABASE} | database,
            start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async for line in process.stdout:
                said = json.loads(line)
                if said["findings"]:
                    raise AuditFound(f"audit: {said['findings'][0]}")
                self.seq = said["seq"]
            words = (await process.stderr.read()).decode(errors="replace").split("\n")
            raise LedgerError(f"the auditor ended: {next(filter(None, reversed(words)), 'it said nothing')}")
        finally:
            process.stdin.close()
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
