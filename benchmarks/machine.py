"""Which machine, Python and source a figure belongs to."""

import hashlib
import os
import platform
from pathlib import Path

import engine.kernel

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, str | int]:
    return {"cpu": _cpu(), "cores": os.cpu_count() or 0, "python": platform.python_version(), "os": platform.system()}


def source() -> dict[str, str | bool]:
    """The commit checked out, and a digest of the kernel's source, which may be ahead of it."""
    digest = hashlib.sha256((ROOT / "engine" / "kernel.py").read_bytes()).hexdigest()
    return {"commit": _commit(), "kernel_sha256": digest[:12], "compiled": engine.kernel.COMPILED}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    """The commit that HEAD names, read from the files of the checkout; "unknown" where there are none."""
    git = ROOT / ".git"
    try:
        head = (git / "HEAD").read_text().strip()
        return (git / head.removeprefix("ref: ")).read_text().strip()[:12] if head.startswith("ref: ") else head[:12]
    except OSError:
        return "unknown"
