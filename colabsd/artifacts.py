"""Results with the plan that made them: what recipes yield and the library keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from colabsd.planning.plans import Drawing, Execution

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A finished picture that is not yet a file.

    `index` is its place in its plan; `batch` holds all drawings that shared its batch, in order, and `position` its
    own place among them (what `again --verify` replays). `parents` are the keys of the pictures it was made from.
    """

    image: "Image"
    drawing: Drawing
    execution: Execution
    index: int = 0
    batch: tuple[Drawing, ...] = ()
    position: int = 0
    seconds: float = 0.0
    parents: tuple[str, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)
