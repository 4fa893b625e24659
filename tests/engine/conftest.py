"""The kernel in both of its forms: as installed, compiled where there was a compiler, and as plain Python."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

import engine.kernel

SOURCE = Path(engine.kernel.__file__).parent / "kernel.py"


def load_pure() -> Any:
    """Import kernel.py from its source, whatever is compiled beside it."""
    name = "engine_kernel_pure"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, SOURCE)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]


KERNELS = {"pure": load_pure().Kernel}
if engine.kernel.COMPILED:
    KERNELS["compiled"] = engine.kernel.Kernel


@pytest.fixture(params=KERNELS)
def kernel(request: pytest.FixtureRequest) -> Any:
    return KERNELS[request.param]
