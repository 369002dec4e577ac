"""The pictures of the page's guide, drawn by the exported model: `python -m starter.guide_pictures`.

Each is a strip of four, in which one setting changes and everything else stays.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from colabsd.library.library import KeptPicture
from colabsd.settings.images import ImageSettings
from colabsd.settings.redraw import RedrawSettings
from colabsd.studio import Studio, open_studio

FOLDER = Path(__file__).parents[1] / "colabsd" / "widgets" / "guide_pictures"
SIDE, GAP, QUALITY = 160, 6, 82
PENGUIN: dict[str, Any] = {"prompt": "a penguin, flat style, yellow background", "seed": 7}
STRIPS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "prompt": [
        {"prompt": sentence, "seed": 11}
        for sentence in (
            "a red apple, 3d style, blue background",
            "a green apple, 3d style, blue background",
            "a red apple, flat style, yellow background",
            "a strawberry, 3d style, blue background",
        )
    ],
    "steps": [PENGUIN | {"steps": steps} for steps in (2, 5, 10, 20)],
    "guidance": [PENGUIN | {"guidance": guidance} for guidance in (1.0, 2.0, 4.0, 8.0)],
    "seeds": [PENGUIN | {"seed": seed} for seed in (7, 8, 9, 10)],
    "samplers": [PENGUIN | {"sampler": name} for name in ("Euler", "Euler a", "DPM++ 2M", "DPM fast")],
}
FIRST: dict[str, Any] = {"prompt": "a red apple, 3d style, white background", "seed": 11}
THEN: dict[str, Any] = {"prompt": "a green pear, 3d style, white background", "seed": 11}
STRENGTHS = (0.3, 0.6, 0.9)


def main() -> None:
    """Draw every strip and write it into the package."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        studio = open_studio(Path(folder), language="en")
        with studio.library:
            for name, several in STRIPS.items():
                save([drawn(studio, ImageSettings(**settings)).picture.image for settings in several], name)
            original = drawn(studio, ImageSettings(**FIRST))
            redrawn = [
                drawn(studio, RedrawSettings(**THEN, image=str(original.path), strength=strength)).picture.image
                for strength in STRENGTHS
            ]
            save([original.picture.image, *redrawn], "strength")


def drawn(studio: Studio, settings: ImageSettings) -> KeptPicture:
    """The one picture of a request."""
    events = studio.redraw(settings) if isinstance(settings, RedrawSettings) else studio.draw(settings)
    return next(event for event in list(events) if isinstance(event, KeptPicture))


def save(images: Sequence[Image.Image], name: str) -> None:
    """Write a strip of pictures."""
    strip = Image.new("RGB", (len(images) * (SIDE + GAP) - GAP, SIDE), "white")
    for place, image in enumerate(images):
        strip.paste(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (place * (SIDE + GAP), 0))
    strip.save(FOLDER / f"{name}.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    main()
