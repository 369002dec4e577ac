"""Drawing a picture again: what its manifest says, checked, and how the new one differs from the old."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colabsd.library.manifest import Manifest, read_manifest
from colabsd.library.picture_files import ImageFormat, encode_image, format_of
from colabsd.planning.plans import Drawing, Execution

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What is needed to draw a picture again; `batch` are all drawings that shared its batch."""

    drawing: Drawing
    execution: Execution
    batch: tuple[Drawing, ...]
    position: int
    settings: Mapping[str, Any]
    image_format: ImageFormat


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
    )


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
