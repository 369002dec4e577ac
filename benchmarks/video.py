"""What a film needs besides drawing, per frame of 512 x 512, beside OpenCV and ffmpeg: `python -m benchmarks.video`.

Both sides start from the same picture, a (1, 3, H, W) tensor as the decoder leaves it, and end with one or with a file;
in one process, in turn, on one thread. Seconds are the processor's, those of programs that were started included.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from colabsd.geometry import Size
from colabsd.planning.video_plans import CameraValues
from colabsd.video.camera import matrix_2d, rotation_3d, translation_3d
from colabsd.video.colour import histogram_of, level_table, match_histogram
from colabsd.video.encode import encode_film
from colabsd.video.frames import FrameFolder
from colabsd.video.sharpening import gaussian_blur, sharpened
from colabsd.video.state import FilmState, StateFolder
from colabsd.video.warp import grid_2d, grid_3d, warp, whole_levels
from colabsd.video.writers import PRESET, QUALITY, Encoding

SIDE, FRAMES, FPS = 512, 24, 12
SIZE = Size(SIDE, SIDE)
CAMERA = CameraValues(angle=1, zoom=1.02, translation_x=3, translation_y=-2, translation_z=5, rotation_3d_y=1)
LIMIT = 1.5
Work: TypeAlias = Callable[[], object]
cv2: Any = import_module("cv2")


@dataclass(frozen=True)
class Part:
    """A piece of a frame's work, by us and by others; `frames` is how many each call makes."""

    name: str
    ours: Work
    theirs: Work
    others: str
    frames: int = 1
    rounds: int = 7


def picture(seed: int) -> Tensor:
    """A picture like a photo: soft shapes with some grain, in whole levels."""
    generator = torch.Generator().manual_seed(seed)
    shapes = gaussian_blur(torch.rand(1, 3, SIDE, SIDE, generator=generator), 63, 15)
    shapes = (shapes - shapes.min()) / (shapes.max() - shapes.min()) * 230
    return (shapes + torch.rand(1, 3, SIDE, SIDE, generator=generator) * 12).round()


def to_numpy(one: Tensor) -> Any:
    return one[0].permute(1, 2, 0).contiguous().numpy()


def to_tensor(pixels: Any) -> Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float().contiguous()


def moving(one: Tensor) -> Iterator[Part]:
    """In the plane and in space."""
    depth = (torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(0)) + 1).contiguous()

    def in_plane() -> object:
        matrix = matrix_2d(CAMERA, SIZE, "a1111")
        return cv2.warpPerspective(to_numpy(one), matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)

    def in_space() -> object:
        z, turn, step = depth.numpy(), rotation_3d(CAMERA).astype(np.float32), translation_3d(CAMERA)
        x, y = (axis.astype(np.float32) for axis in np.meshgrid(*[np.linspace(-1, 1, SIDE)] * 2))
        q = [x * turn[0, axis] + y * turn[1, axis] + z * turn[2, axis] + np.float32(step[axis]) for axis in range(3)]
        lens = np.float32(SIDE / 2 / np.tan(np.radians(CAMERA.fov) / 2))
        places = np.arange(SIDE, dtype=np.float32)
        columns = places[None, :] - lens * (q[0] / q[2] - x / z)
        rows = places[:, None] - lens * (q[1] / q[2] - y / z)
        return to_tensor(cv2.remap(to_numpy(one), columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))

    yield Part(
        "warp in the plane, bilinear",
        lambda: warp(one, grid_2d(matrix_2d(CAMERA, SIZE, "a1111"), SIZE)),
        lambda: to_tensor(in_plane()),
        "cv2.warpPerspective",
    )
    yield Part(
        "warp in space, bicubic",
        lambda: warp(one, grid_3d(CAMERA, depth), sampling="bicubic"),
        in_space,
        "numpy and cv2.remap",
    )


def colouring(one: Tensor, reference: Tensor) -> Iterator[Part]:
    """Colours and sharpness; the reference's histogram is known on both sides."""
    counts = histogram_of(reference, "LAB")

    def matched() -> object:
        lab = cv2.cvtColor(to_numpy(one.byte()), cv2.COLOR_RGB2LAB)
        own = [cv2.calcHist([lab], [axis], None, [256], [0, 256]).ravel() for axis in range(3)]
        table = np.ascontiguousarray(level_table(np.array(own), counts).T)[None]
        return to_tensor(cv2.cvtColor(cv2.LUT(lab, table), cv2.COLOR_LAB2RGB))

    def sharper() -> object:
        pixels = to_numpy(one)
        blurred = cv2.GaussianBlur(pixels, (5, 5), 1)
        return to_tensor(np.clip(cv2.addWeighted(pixels, 1.2, blurred, -0.2, 0), 0, 255).round())

    yield Part(
        "colours matched in LAB",
        lambda: match_histogram(one, counts, "LAB"),
        matched,
        "cv2.cvtColor, calcHist, LUT",
    )
    yield Part("sharpened", lambda: sharpened(one, 5, 1, 0.2), sharper, "cv2.GaussianBlur")


def keeping(one: Tensor, reference: Tensor, folder: Path) -> Iterator[Part]:
    """A frame's file and the state to go on from; then the film."""
    frames, states, counts = FrameFolder(folder / "frames"), StateFolder(folder, "key"), histogram_of(reference, "LAB")
    numbers, others = count(), count()

    def ours() -> None:
        number = next(numbers)
        frames.write(number, to_numpy(one.byte()), {"plan": "key"})
        states.write(FilmState(number, "key", one, reference=torch.from_numpy(counts)))

    def theirs() -> None:
        number = next(others)
        pixels = to_numpy(one.byte())
        cv2.imwrite(str(folder / f"{number}.png"), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        np.savez(folder / f"{number}.npz", picture=one.numpy(), reference=counts)

    yield Part("frame and state kept", ours, theirs, "cv2.imwrite, numpy.savez")
    film = [to_numpy(whole_levels(warp(one, grid_2d(matrix_2d(turned(step), SIZE, "a1111"), SIZE))).byte())
            for step in range(FRAMES)]  # fmt: skip
    yield Part(
        "encoded, and decoded to be sure",
        lambda: encoded(film, folder / f"ours{next(numbers)}.mp4"),
        lambda: encoded_by_ffmpeg(film, folder / f"theirs{next(others)}.mp4"),
        "ffmpeg twice",
        FRAMES,
        5,
    )


def turned(step: int) -> CameraValues:
    return CameraValues(angle=step, zoom=1 + step / 100)


def encoded(film: list[Any], path: Path) -> None:
    for _ in encode_film(film, path, Encoding(fps=FPS), len(film)):
        pass


def encoded_by_ffmpeg(film: list[Any], path: Path) -> None:
    program = import_module("imageio_ffmpeg").get_ffmpeg_exe()
    shape = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIDE}x{SIDE}", "-r", str(FPS), "-i", "-"]
    coding = ["-c:v", "libx264", "-crf", str(QUALITY), "-preset", PRESET, "-pix_fmt", "yuv420p"]
    pixels = b"".join(one.tobytes() for one in film)
    subprocess.run([program, "-v", "error", *shape, *coding, str(path)], input=pixels, check=True)
    subprocess.run([program, "-v", "error", "-i", str(path), "-f", "null", "-"], check=True)


def seconds_of(work: Work) -> float:
    """The processor's, in this process and in those that it started and waited for."""
    before = time.process_time(), sum(os.times()[2:4])
    work()
    return time.process_time() - before[0] + sum(os.times()[2:4]) - before[1]


def repeated(work: Work, times: int) -> float:
    """Seconds of one call, the mean of some."""

    def all_of_them() -> None:
        for _ in range(times):
            work()

    return seconds_of(all_of_them) / times


def row(part: Part) -> str:
    """Both medians and the median of paired ratios, with its range."""
    times = 5 if part.frames == 1 else 1
    pairs = []
    for index in range(part.rounds + 1):
        order = (part.ours, part.theirs) if index % 2 else (part.theirs, part.ours)
        first, second = (repeated(work, times) for work in order)
        pairs.append((first, second) if index % 2 else (second, first))
    pairs = pairs[1:]  # the first ones fill caches
    ours, theirs = (statistics.median(side) / part.frames * 1000 for side in zip(*pairs, strict=True))
    ratios = [mine / other for mine, other in pairs]
    middle = statistics.median(ratios)
    verdict = "✓" if middle <= LIMIT else "✗"
    return (
        f"| {part.name} | {ours:.1f} ms | {theirs:.1f} ms ({part.others}) "
        f"| **{middle:.2f}** ({min(ratios):.2f} to {max(ratios):.2f}) | {LIMIT} {verdict} |"
    )


def parts(folder: Path) -> Iterator[Part]:
    """Everything that is measured."""
    one, reference = picture(1), picture(2)
    yield from moving(one)
    yield from colouring(one, reference)
    yield from keeping(one, reference, folder)


def main() -> int:
    """Print the table. Returns 1 when a limit is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.video", description=__doc__)
    parser.add_argument("--only", default="", help="parts with this in their names")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print("| per frame of 512 x 512 | colabsd | others | ratio of pairs | at most |\n|---|---|---|---|---|")
    broken = False
    with tempfile.TemporaryDirectory() as folder:
        for part in parts(Path(folder)):
            if asked.only in part.name:
                line = row(part)
                broken |= "✗" in line
                print(line, flush=True)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
