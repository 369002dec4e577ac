"""Pictures and masks that people bring: read with care, fitted to what is drawn, and put together again."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colabsd.engine.redrawing import MASKED, Original
from colabsd.errors import NotAPictureError, UnusableMaskError
from colabsd.geometry import Size
from colabsd.planning.plans import Note

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_MEGAPIXELS = 100
MOST_RATIO = 16  # beyond this many times as long as wide nothing can be drawn of it
SAME_SHAPE = 0.02  # by how much the ratios of a picture and its mask may differ
BLACK, WHITE = 0, 255


@dataclass(frozen=True)
class Brought:
    """A picture upright and in RGB, a mask of the same size (L; white is drawn anew) or none, and what was changed."""

    path: Path
    image: "Image"
    mask_path: Path | None = None
    mask: "Image | None" = None
    notes: tuple[Note, ...] = ()

    @property
    def size(self) -> Size:
        return Size(*self.image.size)


def read_brought(path: Path, mask_path: Path | None = None) -> Brought:
    """A picture and its mask from their files. Raises: NotAPictureError, UnusableMaskError."""
    notes: list[Note] = []
    opened = _open(path)
    if _is_transparent(opened):
        notes.append(Note("note.picture_flattened", {"path": path}))
    image = _on(opened, "white")
    size = Size(*image.size)
    if max(image.size) > MOST_RATIO * min(image.size):
        raise NotAPictureError("error.picture.shape", path=path, size=size)
    mask = None if mask_path is None else _read_mask(mask_path, size, notes)
    return Brought(path, image, mask_path, mask, tuple(notes))


def fit(brought: Brought, size: Size, factor: int) -> Original:
    """The picture and its mask at a size: scaled until they cover it, what sticks out cut off on both sides alike.

    `factor` is how many pixels make one latent. Raises: UnusableMaskError when the mask misses all of them.
    """
    from PIL import ImageOps

    sides = size.width, size.height
    image = ImageOps.fit(brought.image, sides)
    if brought.mask is None:
        return Original(image)
    mask = ImageOps.fit(brought.mask, sides).point(lambda value: WHITE if value >= MASKED * WHITE else BLACK)
    if not _pixels(mask)[::factor, ::factor].any():
        raise UnusableMaskError("error.mask.thin", path=brought.mask_path, factor=factor)
    return Original(image, mask)


def put_together(original: Original, drawn: "Image", blur: float) -> "Image":
    """What was drawn where the mask is white, the original elsewhere, with a seam of about `blur` pixels to each side.

    Away from the seam not one pixel of the original changes, though the autoencoder would change all of them.
    """
    from PIL import Image, ImageFilter

    if original.mask is None:
        return drawn
    seam = original.mask.filter(ImageFilter.GaussianBlur(blur)) if blur else original.mask
    return Image.composite(drawn, original.image, seam)


def _read_mask(path: Path, size: Size, notes: list[Note]) -> "Image":
    """Brightness on black; of a drawing without brightness, whatever is not transparent."""
    opened = _open(path)
    mask = _on(opened, "black").convert("L")
    if not _pixels(mask).any() and _is_transparent(opened):
        mask = opened.convert("RGBA").getchannel("A")
    if _pixels(mask).max() < MASKED * WHITE:
        raise UnusableMaskError("error.mask.empty", path=path)
    own = Size(*mask.size)
    if own == size:
        return mask
    if abs(own.width * size.height / (own.height * size.width) - 1) > SAME_SHAPE:
        raise UnusableMaskError("error.mask.shape", path=path, mask=own, size=size)
    notes.append(Note("note.mask_resized", {"mask": own, "size": size}))
    return mask.resize((size.width, size.height))


def _open(path: Path) -> "Image":
    """A picture file's first picture, loaded, turned as its EXIF says. Raises: NotAPictureError."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as opened:
            if opened.width * opened.height > MOST_MEGAPIXELS * 1_000_000:
                raise Image.DecompressionBombError
            opened.load()
            return ImageOps.exif_transpose(opened)
    except FileNotFoundError:
        raise NotAPictureError("error.picture.missing", path=path) from None
    except Image.DecompressionBombError:
        raise NotAPictureError("error.picture.too_large", path=path, limit=MOST_MEGAPIXELS) from None
    except (UnidentifiedImageError, IsADirectoryError, PermissionError):
        raise NotAPictureError(path=path) from None
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, EOFError, MemoryError):
        raise NotAPictureError("error.picture.truncated", path=path) from None


def _is_transparent(image: "Image") -> bool:
    return image.has_transparency_data and bool((_pixels(image.convert("RGBA").getchannel("A")) < WHITE).any())


def _on(image: "Image", background: str) -> "Image":
    """The picture in RGB, on a background where it is transparent; of 16 bits per channel the upper eight."""
    from PIL import Image

    if image.mode.startswith("I"):
        return Image.fromarray((_pixels(image) >> 8).clip(BLACK, WHITE).astype("uint8")).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    below = Image.new("RGBA", layer.size, background)
    return Image.alpha_composite(below, layer).convert("RGB")


def _pixels(image: "Image") -> Any:
    import numpy as np

    return np.asarray(image)
