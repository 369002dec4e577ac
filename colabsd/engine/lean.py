"""Imports of diffusers' schedulers without what they do not use. Leaves no trace in later imports."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

# torch's compiler takes a second to import; diffusers asks for one of its decorators and does without if it is absent.
ABSENT = ("torch._dynamo",)
# Only the schedule Beta computes with scipy's statistics; scipy loads them by itself when they are first used.
EMPTY = ("scipy.stats",)


def scheduler_class(name: str) -> Any:
    """diffusers' scheduler of that class name, or ours."""
    with _postponed():
        if name == "DPMFastScheduler":
            return import_module("colabsd.engine.dpm_fast").DPMFastScheduler
        return getattr(import_module("diffusers.schedulers"), name)


@contextmanager
def _postponed() -> Iterator[None]:
    """While this lasts, modules not yet imported are absent or empty."""
    stand_ins: dict[str, ModuleType | None] = {name: None for name in ABSENT} | {
        name: ModuleType(name) for name in EMPTY
    }
    placed = {name: stand_in for name, stand_in in stand_ins.items() if name not in sys.modules}
    sys.modules.update(placed)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, stand_in in placed.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
