"""What the library knows of a kept picture: enough to find it and to check its file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Self

from colabsd.library.manifest import Manifest
from colabsd.library.manifest_checks import is_digest, is_integer, is_name, is_number, is_time
from colabsd.storage.publish import Published

TOP_FOLDER = "pictures"


@dataclass(frozen=True, kw_only=True)
class Record:
    """A kept picture. `path` is relative to the workspace, with slashes; `created` has its zone.

    `starred` is as it was when the library was asked.
    """

    path: str
    sha256: str
    bytes: int
    key: str
    created: datetime
    job: str
    index: int
    prompt: str
    negative_prompt: str
    model: str
    sampler: str
    schedule: str
    steps: int
    guidance: float
    width: int
    height: int
    seed: int
    starred: bool = False

    def as_json(self) -> dict[str, Any]:
        """As the journal has it. Stars change, so they are records of their own there."""
        return {name: getattr(self, name) for name in CHECKS} | {"created": self.created.isoformat()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises: ValueError when the data is no record."""
        wrong = [name for name, passes in CHECKS.items() if name not in data or not passes(data[name])]
        if wrong or len(data) != len(CHECKS):
            raise ValueError(f"no record: {wrong}")
        return cls(**{**data, "created": datetime.fromisoformat(data["created"])})


def is_picture_path(value: Any) -> bool:
    """A path in the pictures' folder that does not lead out of it."""
    if not is_name(value) or "\\" in value:
        return False
    path = PurePosixPath(value)
    return not path.is_absolute() and path.parts[:1] == (TOP_FOLDER,) and ".." not in path.parts


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


CHECKS = {
    "path": is_picture_path,
    "sha256": is_digest,
    "bytes": is_integer(0, 2**62),
    "key": is_digest,
    "created": is_time,
    "job": is_name,
    "index": is_integer(0, 2**62),
    "prompt": _is_text,
    "negative_prompt": _is_text,
    "model": is_name,
    "sampler": is_name,
    "schedule": is_name,
    "steps": is_integer(0, 2**62),
    "guidance": is_number(-1e9, 1e9),
    "width": is_integer(0, 2**62),
    "height": is_integer(0, 2**62),
    "seed": is_integer(0, 2**64 - 1),
}


def record_of(manifest: Manifest, path: str, published: Published) -> Record:
    """The record of a picture whose file lies at `path` and says `manifest` of itself."""
    drawing = manifest.drawing
    return Record(
        path=path,
        sha256=published.sha256,
        bytes=published.bytes,
        key=drawing.key,
        created=manifest.created,
        job=manifest.job,
        index=manifest.index,
        prompt=drawing.prompt,
        negative_prompt=drawing.negative_prompt,
        model=drawing.model,
        sampler=drawing.sampler,
        schedule=drawing.schedule,
        steps=drawing.steps,
        guidance=drawing.guidance,
        width=drawing.picture_size.width,
        height=drawing.picture_size.height,
        seed=drawing.seed,
    )
