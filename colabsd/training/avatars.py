"""An avatar pack: from somebody's photos to pictures of them in many styles, the closest ones kept.

Learning, drawing, keeping and forgetting are done by whoever gives the parts; what is decided here is the order, which
pictures are good enough, and what the contact sheet shows.
"""

import io
import zipfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from colabsd.engine.scorers import Scorer, likeness
from colabsd.geometry import Size
from colabsd.language import Language, say
from colabsd.library.adapters import KeptAdapter
from colabsd.library.library import KeptPicture
from colabsd.library.picture_files import encode_image
from colabsd.planning.avatars import AvatarStyle, AvatarWishes, chosen_styles
from colabsd.progress import Note
from colabsd.sheets.grid import SheetText, draw_sheet
from colabsd.training.photo_checks import check_photos
from colabsd.training.photos import PhotoSet

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 224  # at which photos are compared
OUTLIER = 3.0  # deviations below the middle: a failed picture, not an unlike one
DEVIATION = 1.4826  # of a normal distribution, in median absolute deviations
LEAST_DEVIATION = 0.02


@dataclass(frozen=True)
class Avatar:
    """A picture that was drawn for the pack, and its mean cosine with the photos."""

    style: AvatarStyle
    kept: KeptPicture
    likeness: float


@dataclass(frozen=True)
class AvatarPack:
    """A finished pack: the avatars that were chosen, all that were drawn, the contact sheet, the archive of both."""

    chosen: tuple[Avatar, ...]
    drawn: tuple[Avatar, ...]
    sheet: "Image"
    archive: Path
    forgotten: bool


class AvatarParts(Protocol):
    """What a pack is made with. Generators yield Progress, Note and whatever else is worth following."""

    def learn(self, photos: PhotoSet) -> Generator[Any, None, KeptAdapter]:
        """Learn who is on the photos, or find what was learnt from them before."""
        ...

    def draw(self, adapter: KeptAdapter, prompt: str, count: int, seed: int) -> Iterator[Any]:
        """Draw pictures; a KeptPicture for each among what is yielded, also for those that the library has already."""
        ...

    def keep(self, adapter: KeptAdapter, chosen: Sequence[Avatar], archive: bytes) -> Path:
        """Keep the archive, and mark the chosen pictures; where the archive is."""
        ...

    def forget(self, photos: PhotoSet, adapter: KeptAdapter) -> None:
        """Erase the kept photos, and everything that was learnt from them."""
        ...


def avatar_pack(
    photos: PhotoSet, wishes: AvatarWishes, model: str, parts: AvatarParts, scorer: Scorer, language: Language
) -> Iterator[Any]:
    """Check the photos, learn, draw every style, keep the closest, pack them; the AvatarPack comes last.

    Every part goes on where it was left when this is called again. Raises: UsageError when the people on the photos
    have not agreed, InvalidSettingError, and what the parts raise.
    """
    styles = chosen_styles(wishes, model)
    yield Note("avatar.consent", {})
    yield from check_photos(photos)
    adapter = yield from parts.learn(photos)
    seen = scorer.subjects([photo.image(Size(SIDE, SIDE)) for photo in photos.photos])
    drawn: list[Avatar] = []
    for style in styles:
        prompt = style.prompt_of(adapter.card.phrase)
        for event in parts.draw(adapter, prompt, wishes.each, wishes.seed):
            yield event
            if isinstance(event, KeptPicture):
                like = likeness(scorer.subjects([event.picture.image]), seen)
                drawn.append(Avatar(style, event, like))
    chosen = cull(drawn, wishes.keep)
    yield Note("note.avatars.culled", {"drawn": len(drawn), "kept": len(chosen), "scorer": scorer.name})
    sheet = avatar_sheet(chosen, styles, wishes.keep, adapter.name, scorer.name, language)
    archive = parts.keep(adapter, chosen, packed(chosen, sheet))
    if wishes.forget:
        parts.forget(photos, adapter)
        yield Note("note.avatars.forgotten", {"name": adapter.name})
    yield AvatarPack(tuple(chosen), tuple(drawn), sheet, archive, wishes.forget)


def cull(drawn: Sequence[Avatar], keep: int) -> list[Avatar]:
    """The `keep` of each style that are most like the photos, the closest first, styles as they were drawn.

    What lies far below all others, more than three deviations (estimated by the median's), has failed and is dropped
    even where its style then has fewer. A style is never left with nothing: its closest picture stays.
    """
    if not drawn:
        return []
    values = np.array([one.likeness for one in drawn])
    middle = float(np.median(values))
    deviation = max(DEVIATION * float(np.median(np.abs(values - middle))), LEAST_DEVIATION)
    least = middle - OUTLIER * deviation
    found = []
    for style in dict.fromkeys(one.style for one in drawn):
        ranked = sorted((one for one in drawn if one.style == style), key=lambda one: -one.likeness)
        good = [one for one in ranked[:keep] if one.likeness >= least]
        found += good or ranked[:1]
    return found


def avatar_sheet(
    chosen: Sequence[Avatar], styles: Sequence[AvatarStyle], columns: int, name: str, scorer: str, language: Language
) -> "Image":
    """A row for each style, its closest picture on the left, the likeness below each."""
    rows: Mapping[AvatarStyle, int] = {style: row for row, style in enumerate(styles)}
    places: dict[AvatarStyle, int] = dict.fromkeys(styles, 0)
    cells = []
    for one in chosen:
        cells.append((places[one.style], rows[one.style], one.kept.picture.image))
        places[one.style] += 1
    sizes = [image.size for _, _, image in cells] or [(64, 64)]
    text = SheetText(
        title=name,
        columns=tuple("" for _ in range(columns)),
        rows=tuple(_row_label(style, chosen, language) for style in styles),
        facts=say("avatar.sheet.facts", language, scorer=scorer),
        words=(say("avatar.consent", language),),
    )
    return draw_sheet(text, Size(max(size[0] for size in sizes), max(size[1] for size in sizes)), cells)


def _row_label(style: AvatarStyle, chosen: Sequence[Avatar], language: Language) -> str:
    figures = " ".join(f"{one.likeness:.2f}" for one in chosen if one.style == style)
    return f"{say(style.label, language)} {figures}"


def packed(chosen: Sequence[Avatar], sheet: "Image") -> bytes:
    """One archive: the pictures by style and rank, as they are kept, and the contact sheet."""
    buffer = io.BytesIO()
    ranks: dict[str, int] = {}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("sheet.png"), encode_image(sheet, "png"))
        for one in chosen:
            rank = ranks[one.style.name] = ranks.get(one.style.name, 0) + 1
            name = f"{one.style.name}-{rank:02d}{one.kept.path.suffix}"
            archive.writestr(zipfile.ZipInfo(name), one.kept.path.read_bytes())
    return buffer.getvalue()
