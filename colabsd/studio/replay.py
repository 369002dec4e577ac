"""Drawing a picture again: what it says of itself, which model that is here, how the new one differs from the old."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colabsd.errors import InvalidSettingError, NoManifestError, UnknownModelError
from colabsd.library.importers.imported import Fact, Imported, shown
from colabsd.library.importers.reading import read_picture
from colabsd.library.manifest import Manifest, read_manifest
from colabsd.library.picture_files import ImageFormat, encode_image, format_of, read_picture_text
from colabsd.models.cards import ModelCard
from colabsd.models.matching import match_model, nearest_model
from colabsd.planning.plans import Drawing, Execution, ImagePlan, Note
from colabsd.settings.fields import check_value, field_specs
from colabsd.settings.images import ImageSettings

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What is needed to draw a picture again; `batch` are all drawings that shared its batch.

    `prompting` tells how its prompts came about, where they were dynamic; `parents` are as in its manifest.
    """

    drawing: Drawing
    execution: Execution
    batch: tuple[Drawing, ...]
    position: int
    settings: Mapping[str, Any]
    image_format: ImageFormat
    prompting: Mapping[str, Any] = field(default_factory=dict)
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A picture against the same one drawn anew: pixels that differ, the largest difference of a channel (0-255)."""

    path: Path
    pixels: int
    differing_pixels: int
    largest_difference: int

    @property
    def equal(self) -> bool:
        return self.differing_pixels == 0


def read_replay(path: Path) -> Replay:
    """What a picture's manifest says. Raises: NotAPictureError, NoManifestError, DamagedManifestError."""
    manifest: Manifest = read_manifest(path)
    return Replay(
        drawing=manifest.drawing,
        execution=manifest.execution,
        batch=manifest.batch or (manifest.drawing,),
        position=manifest.position if manifest.batch else 0,
        settings=manifest.settings,
        image_format=format_of(path),
        prompting=prompting if isinstance(prompting := manifest.extras.get("prompting"), Mapping) else {},
        parents=manifest.parents,
    )


def has_manifest(path: Path) -> bool:
    """Whether colabsd wrote its account into the picture, right or damaged. Raises: NotAPictureError, StorageError."""
    return read_picture_text(path).manifest is not None


def replay_of_plan(plan: ImagePlan, path: Path) -> Replay:
    """What is needed to compare a picture of another program with the plan that comes nearest to it."""
    return Replay(
        drawing=plan.drawings[0],
        execution=plan.execution,
        batch=plan.drawings,
        position=0,
        settings={},
        image_format=format_of(path),
    )


def look_at(path: Path) -> Imported:
    """What a picture file says of its settings, by its manifest if it has one, else by another program's text.

    Raises: NotAPictureError, NoManifestError, DamagedManifestError, DamagedMetadataError, StorageError.
    """
    try:
        manifest = read_manifest(path)
    except NoManifestError:
        return read_picture(path)
    drawing, asked = manifest.drawing, manifest.settings.get("lora")
    values = {name: getattr(drawing, name) for name in field_specs(ImageSettings) if hasattr(drawing, name)}
    values |= {"lora": tuple(map(str, asked))} if isinstance(asked, (list, tuple)) else {}
    values = {name: value for name, value in values.items() if value != "" and _can_be_asked(name, value)}
    model = str(values.pop("model"))
    facts = tuple(
        Fact(name=name, value=shown(value), fate="understood", setting=name, became=shown(value))
        for name, value in values.items()
    )
    if drawing.source_sha256:
        reason = "note.import.start_picture"
        facts += (Fact(name="source_sha256", value=drawing.source_sha256, fate="impossible", reason=reason),)
    facts += tuple(
        Fact(name=one.upscaler, value=f"x{one.factor}", fate="impossible", reason="note.import.enlarged")
        for one in drawing.enlargements
    )
    return Imported(program="colabsd", settings=values, model=model, model_hash=drawing.model_sha256[:10], facts=facts)


def _can_be_asked(name: str, value: object) -> bool:
    """Whether an exact value is one that can be asked for: "no safety checker here" is none, for example."""
    try:
        check_value(name, field_specs(ImageSettings)[name], value)
    except InvalidSettingError:
        return False
    return value is not None


def choose_model(imported: Imported, asked: str | None, known: Sequence[ModelCard]) -> tuple[str, tuple[Note, ...]]:
    """The name of the model to draw with: the one asked for, else the picture's own where it is known here.

    With it come notes where that may not be the same model. Raises: UnknownModelError.
    """
    wanted = imported.model or imported.model_hash
    match = match_model(imported.model, imported.model_hash, known)
    if asked is not None:
        named = match_model(asked, None, known)
        if wanted is None or (match is not None and named is not None and named.card == match.card):
            return asked, ()
        return asked, (Note("note.import.other_model", {"wanted": wanted, "model": asked}),)
    if wanted is None:
        raise UnknownModelError("error.import.no_model", nearest=known[0].name)
    if match is None:
        raise UnknownModelError("error.import.model", name=wanted, nearest=nearest_model(imported.model, known))
    note = Note("note.import.model_by_name", {"wanted": wanted, "model": match.card.name})
    return match.card.name, () if match.certain else (note,)


def compare(path: Path, image: "Image", image_format: ImageFormat) -> Comparison:
    """The picture in the file against one drawn anew, which goes through the same file format first."""
    import numpy as np
    from PIL import Image as Images

    with Images.open(path) as opened, Images.open(io.BytesIO(encode_image(image, image_format))) as encoded:
        before, now = (np.asarray(side.convert("RGB"), dtype=np.int16) for side in (opened, encoded))
    if before.shape != now.shape:
        pixels = before.shape[0] * before.shape[1]
        return Comparison(path=path, pixels=pixels, differing_pixels=pixels, largest_difference=255)
    difference = np.abs(before - now).max(axis=2)
    return Comparison(
        path=path,
        pixels=int(difference.size),
        differing_pixels=int((difference > 0).sum()),
        largest_difference=int(difference.max()),
    )
