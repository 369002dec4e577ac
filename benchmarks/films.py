"""Films with the model that comes inside, on a processor: drawn, put on contact sheets, measured over time.

`python -m benchmarks.films FOLDER` draws a zoom from one prompt to another, a zoom whose colours are held and one whose
are not, a ride over a depth map, a restyled clip that it composes, and a walk between prompts and seeds. Prints a
table.
"""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from colabsd.artifacts import Clip
from colabsd.settings.video import VideoSettings
from colabsd.studio import Studio, open_studio
from colabsd.video.encode import Encoding, Pixels, encode_film
from colabsd.video.figures import temporal_figures
from colabsd.video.frames import FrameFolder

SIDE = 128
SHOWN, COLUMNS = 24, 8
COMMON: Mapping[str, Any] = {"seed": 11, "steps": 12, "fps": 12.0, "noise_schedule": "0: (0.02)"}
APPLE: Mapping[str, Any] = {"prompts": ("0: a red apple",), "zoom": "0: (1.02)", "max_frames": 60}
FILMS: Mapping[str, Mapping[str, Any]] = {
    "zoom": {
        "prompts": ("0: a red apple", "30: a green tree"),
        "zoom": "0: (1.02)",
        "color_coherence": "None",
        "max_frames": 60,
    },
    "held": {**APPLE, "color_coherence": "LAB"},
    "free": {**APPLE, "color_coherence": "None"},
    "depth": {
        "prompts": ("0: a house in the snow",),
        "animation_mode": "3D",
        "translation_z": "0: (2)",
        "rotation_3d_y": "0: (0.4)",
        "depth_algorithm": "depth.png",
        "max_frames": 48,
    },
    "restyle": {
        "prompts": ("0: an orange pumpkin",),
        "animation_mode": "Video Input",
        "video_init_path": "clip.mp4",
        "strength_schedule": "0: (0.5)",
        "hybrid_composite": "Normal",
        "hybrid_motion": "Optical Flow",
        "color_coherence": "None",
        "seed_behavior": "fixed",
        "max_frames": 36,
    },
    "walk": {
        "prompts": ("0: a red apple", "16: an orange pumpkin", "32: a yellow sunflower", "47: a red apple"),
        "animation_mode": "Interpolation",
        "color_coherence": "None",
        "max_frames": 48,
    },
}


def compose_clip(path: Path, frames: int = 36) -> None:
    """A red thing that hops from side to side before a grey wall."""

    def drawn() -> Iterator[Pixels]:
        for number in range(frames):
            image = Image.new("RGB", (SIDE, SIDE), (150, 160, 170))
            draw = ImageDraw.Draw(image)
            x, y = SIDE // 2 + 26 * np.sin(number / 6), 70 - abs(18 * np.sin(number / 3))
            draw.ellipse((x - 30, 102, x + 30, 112), fill=(120, 128, 136))
            draw.ellipse((x - 30, y - 28, x + 30, y + 32), fill=(200, 60, 50))
            draw.rectangle((x - 3, y - 40, x + 3, y - 26), fill=(90, 60, 30))
            yield np.asarray(image)

    path.unlink(missing_ok=True)
    for _ in encode_film(drawn(), path, Encoding(fps=12), frames):
        pass


def compose_depth(path: Path) -> None:
    """A house that stands before a landscape: bright is near."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
    near = 0.15 + 0.6 * y
    near[(np.abs(x - 0.5) < 0.28) & (y > 0.3)] = 0.95
    Image.fromarray((near * 255).astype(np.uint8)).save(path)


def contact_sheet(frames: Sequence[Pixels]) -> Image.Image:
    """Frames from the first to the last, in rows."""
    places = np.linspace(0, len(frames) - 1, min(SHOWN, len(frames))).round().astype(int)
    height, width = frames[0].shape[:2]
    rows = -(-len(places) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * width, rows * height))
    for number, place in enumerate(places):
        sheet.paste(Image.fromarray(frames[place]), (number % COLUMNS * width, number // COLUMNS * height))
    return sheet


def draw_film(studio: Studio, name: str, changes: Mapping[str, Any], folder: Path) -> str:
    """Draw one film, its sheet and its row of the table."""
    files = {key: str(folder / value) for key, value in changes.items() if str(value) in ("depth.png", "clip.mp4")}
    settings = VideoSettings(**{**COMMON, **changes, **files, "name": name, "make_webp": True})
    started = time.perf_counter()
    clip = [event for event in studio.film(settings) if isinstance(event, Clip)][-1]
    seconds = time.perf_counter() - started
    frames = list(FrameFolder(studio.workspace.local / "films" / clip.name / "frames").read_all(clip.frames))
    contact_sheet(frames).save(folder / f"{name}.png")
    found = temporal_figures(frames)
    cells = [f"{value:.2f}" for value in (found.change, found.jump, found.drift, found.spread)]
    return f"| {name} | {found.frames} | {seconds / found.frames:.2f} | {' | '.join(cells)} | {clip.path} |"


def main() -> None:
    """Draw and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=list(FILMS))
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    compose_clip(asked.folder / "clip.mp4")
    compose_depth(asked.folder / "depth.png")
    print("| film | frames | s per frame | change | largest | drift | contrast | file |")
    print("|---|---|---|---|---|---|---|---|")
    studio = open_studio(asked.folder / "workspace", environ={"HOME": str(asked.folder)})
    with studio.library:
        for name in asked.names:
            print(draw_film(studio, name, FILMS[name], asked.folder), flush=True)


if __name__ == "__main__":
    main()
