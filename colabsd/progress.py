"""What every generator yields before its results: how far the work has come, and what was chosen on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Stage = Literal["download", "load", "encode", "denoise", "decode", "save", "check", "copy"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """One report of long work.

    `done` of `total` units of `stage` are finished (steps, files or bytes; `total` 0 = not known). `item` of `items`
    says which picture or batch this is about, counted from 0. `preview` is an (H, W, 3) uint8 array or None.
    """

    stage: Stage
    done: int
    total: int
    item: int = 0
    items: int = 1
    preview: Any = None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Note:
    """Something that was chosen or changed, with its reason: a sentence's key and facts."""

    key: str
    facts: Mapping[str, Any]
