"""The audit that never ends, as a process of its own: `python -m ledger.watch DATA SECONDS`.

Every so often it compares what is new, at the lowest priority, and prints a line of JSON: the command up to which all
is compared, and the findings. It ends with the first finding, or when its standard input does. The database, if the
exchange is not in files, is in the environment, where its password belongs.
"""

import json
import os
import select
import sys
from pathlib import Path

from ledger.audit import Auditor
from ledger.databases import databases_of

DATABASE = "CELLARBOOK_DATABASE"
LOWEST = 19


def main() -> int:
    data, seconds = Path(sys.argv[1]), float(sys.argv[2])
    os.nice(LOWEST)
    auditor = Auditor(databases_of(data, os.environ.get(DATABASE)))
    while True:
        findings = [str(finding) for finding in auditor.go_on()]
        print(json.dumps({"seq": auditor.seq, "findings": findings}), flush=True)
        if findings:
            return 1
        if select.select([sys.stdin], [], [], seconds)[0]:
            return 0


if __name__ == "__main__":
    sys.exit(main())
