"""A picture's own account of itself as JSON: all that is needed to draw it again. The authority on the picture."""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from colabsd.artifacts import Picture
from colabsd.errors import DamagedManifestError, InvalidSettingError, NoManifestError
from colabsd.keys import canonical_json
from colabsd.library.manifest_checks import Damage, check_manifest
from colabsd.library.picture_files import read_picture_text
from colabsd.planning.plans import Drawing, Execution

FORMAT = "colabsd.picture"
VERSION = 1
LONGEST_MANIFEST = 1_000_000
ROOM_FOR_THE_REST = 300_000
# Half surrogates are not Unicode text, and XML has no U+FFFE and U+FFFF; in JSON all can be written as escapes.
ESCAPED = re.compile("[\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a picture says of itself.

    `settings` are as they were asked; `job` and `index` say which request it belongs to and its place there; `batch`
    are all drawings that shared its batch, in order, and `position` its own place among them; `model_files` are the
    sha256 of the model's files by name; `parents` are the keys of the pictures that it was made from.
    """

    drawing: Drawing
    execution: Execution
    created: datetime
    job: str
    index: int
    batch: tuple[Drawing, ...]
    position: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    model_files: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    parents: tuple[str, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)


def manifest_of(
    picture: Picture,
    *,
    settings: Mapping[str, Any],
    job: str,
    created: datetime,
    model_files: Mapping[str, str],
    versions: Mapping[str, str],
) -> Manifest:
    """The manifest of a finished picture."""
    return Manifest(
        drawing=picture.drawing,
        execution=picture.execution,
        created=created,
        job=job,
        index=picture.index,
        batch=picture.batch or (picture.drawing,),
        position=picture.position if picture.batch else 0,
        settings=settings,
        model_files=model_files,
        versions=versions,
        seconds=round(picture.seconds, 3),
        parents=picture.parents,
        extras=picture.extras,
    )


def write_manifest(manifest: Manifest) -> str:
    """The manifest as canonical JSON, valid Unicode whatever the prompt holds.

    The drawings of a batch are written as what differs from the picture's own, so that a long prompt is not repeated.
    Raises: InvalidSettingError when it is longer than a reader accepts (a prompt of hundreds of thousands of words).
    """
    drawing = manifest.drawing.as_json()
    data = {
        "format": FORMAT,
        "version": VERSION,
        "key": manifest.drawing.key,
        "job": manifest.job,
        "index": manifest.index,
        "created": manifest.created.isoformat(),
        "drawing": drawing,
        "execution": manifest.execution.as_json(),
        "batch": [_difference(drawing, other.as_json()) for other in manifest.batch],
        "position": manifest.position,
        "settings": dict(manifest.settings),
        "model_files": dict(manifest.model_files),
        "versions": dict(manifest.versions),
        "seconds": manifest.seconds,
        "parents": list(manifest.parents),
        "extras": dict(manifest.extras),
    }
    text = ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", canonical_json(data))
    if len(text) > LONGEST_MANIFEST:
        raise InvalidSettingError(
            "error.picture.manifest_too_long", field="prompt", characters=len(manifest.drawing.prompt)
        )
    return text


def check_length(drawing: Drawing, settings: Mapping[str, Any], prompting: Mapping[str, Any] | None = None) -> None:
    """Raises: InvalidSettingError when a manifest of these could become longer than a reader accepts."""
    if len(canonical_json([drawing.as_json(), settings, prompting])) + ROOM_FOR_THE_REST > LONGEST_MANIFEST:
        raise InvalidSettingError("error.picture.manifest_too_long", field="prompt", characters=len(drawing.prompt))


def read_manifest(path: Path) -> Manifest:
    """The manifest of a picture file, checked. Raises: NotAPictureError, NoManifestError, DamagedManifestError."""
    text = read_picture_text(path).manifest
    if text is None:
        raise NoManifestError(path=path)
    return parse_manifest(text, path)


def parse_manifest(text: str, path: Path) -> Manifest:
    """The manifest in `text`, trusted in nothing; `path` is for the error's sentence. Raises: DamagedManifestError."""
    if len(text) > LONGEST_MANIFEST:
        raise DamagedManifestError("error.manifest.too_long", path=path, limit=LONGEST_MANIFEST)
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise DamagedManifestError("error.manifest.broken", path=path) from None
    try:
        check_manifest(data, FORMAT, VERSION)
        return _build(data)
    except Damage as damage:
        raise DamagedManifestError(damage.message_key, path=path, **damage.facts) from None


def _build(data: Mapping[str, Any]) -> Manifest:
    """The manifest of checked data. Raises: Damage when its parts contradict each other."""
    drawing = Drawing(**data["drawing"])
    if drawing.key != data["key"]:
        raise Damage("error.manifest.key", picture_key=data["key"][:12])
    batch = tuple(dataclasses.replace(drawing, **other) for other in data["batch"])
    if batch[data["position"]] != drawing:
        raise Damage("error.manifest.field", field="batch", value=data["position"])
    return Manifest(
        drawing=drawing,
        execution=Execution(**data["execution"]),
        created=datetime.fromisoformat(data["created"]),
        job=data["job"],
        index=data["index"],
        batch=batch,
        position=data["position"],
        settings=data["settings"],
        model_files=data["model_files"],
        versions=data["versions"],
        seconds=data["seconds"],
        parents=tuple(data["parents"]),
        extras=data["extras"],
    )


def _difference(drawing: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in other.items() if value != drawing[name]}


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
