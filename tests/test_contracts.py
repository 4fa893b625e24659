"""What holds between modules: the kernel's stub is its face, and its codes are the vocabulary's order."""

import ast
from pathlib import Path

import engine.kernel
from engine import codes
from engine.commands import Phase, SelfTrade, Side, TimeInForce
from engine.reject import Reason, Reject

ENGINE = Path(engine.kernel.__file__).parent


def doors(source: Path) -> dict[str, list[str]]:
    """The public methods of the kernel in a source or stub, with their arguments."""
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name == "Kernel":
            return {
                method.name: [argument.arg for argument in method.args.args]
                for method in node.body
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
            }
    raise AssertionError(f"no Kernel in {source}")


def test_kernel_stub_lists_exactly_the_kernels_doors() -> None:
    stub = doors(ENGINE / "kernel.pyi")
    stub.pop("hold")  # an attribute

    assert stub == doors(ENGINE / "kernel.py")


def test_every_code_is_its_members_place_in_the_vocabulary() -> None:
    assert [codes.BUY, codes.SELL] == [list(Side).index(Side.BUY), list(Side).index(Side.SELL)]
    assert set(codes.TIF_CODES) == set(TimeInForce)
    assert set(codes.STATES) == set(Phase)
    assert codes.STP_DECREMENT == list(SelfTrade).index(SelfTrade.DECREMENT)
    assert codes.BY_EXPIRY == list(Reason).index(Reason.EXPIRED)
    for name in Reject.__members__:
        code = codes.NO_ENTRY_HALTED if name == "HALTED" else getattr(codes, name)
        assert codes.REJECTS[code] == Reject[name]
