"""Finished pictures made larger, with a network or by Lanczos' filter. Knows nothing of files."""

import dataclasses
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from colabsd.artifacts import Picture
from colabsd.engine.shortage import forget_failure
from colabsd.engine.upscalers import UpscalerNetwork, enlarge_tiled
from colabsd.errors import OutOfMemoryError
from colabsd.geometry import Size
from colabsd.planning.enlarge import SMALLEST_TILE, TILES, passes
from colabsd.planning.plans import Enlargement, Note
from colabsd.progress import Progress

if TYPE_CHECKING:
    from PIL.Image import Image


def enlarge_picture(
    image: "Image", factor: int, network: UpscalerNetwork | None
) -> Generator[Progress | Note, None, "Image"]:
    """The picture `factor` times as wide and as high, in as many passes as the network needs; None is Lanczos' filter.

    Transparency is enlarged too. Yields a Progress after every tile, and a Note when memory ran out and the tiles
    became smaller. Raises: OutOfMemoryError when the smallest do not fit either.
    """
    size = Size(image.width * factor, image.height * factor)
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if network is None:
        return image.resize((size.width, size.height), _lanczos())
    layers = _layers(image)
    larger = []
    for layer in layers:
        larger.append((yield from _enlarge_layer(layer, factor, network, size)))
    if len(larger) == 1:
        return larger[0]
    larger[0].putalpha(larger[1].convert("L"))
    return larger[0]


def enlarged(
    events: Iterable[Progress | Note | Picture],
    enlargements: Sequence[Enlargement],
    networks: Sequence[UpscalerNetwork | None],
) -> Iterator[Progress | Note | Picture]:
    """Pictures as they are drawn, each made larger before it is given on. The parent of each is the one before."""
    for event in events:
        yield (yield from enlarge_drawn(event, enlargements, networks)) if isinstance(event, Picture) else event


def enlarge_drawn(
    picture: Picture, enlargements: Sequence[Enlargement], networks: Sequence[UpscalerNetwork | None], items: int = 1
) -> Generator[Progress | Note, None, Picture]:
    """A picture whose drawing ends with these enlargements, enlarged so, with a network for each.

    How they were run is written down beside, as it is of the drawing.
    """
    image = picture.image
    for enlargement, network in zip(enlargements, networks, strict=True):
        events = enlarge_picture(image, enlargement.factor, network)
        image = yield from _of_item(events, picture.index, items)
    smaller = dataclasses.replace(picture.drawing, enlargements=picture.drawing.enlargements[: -len(enlargements)])
    parents = tuple(dict.fromkeys((smaller.key, *picture.parents)))
    ran = [{} if network is None else network.as_json() for network in networks]
    before = picture.extras.get("enlarging", [])
    extras = {**picture.extras, "enlarging": [*(before if isinstance(before, list) else []), *ran]}
    return dataclasses.replace(picture, image=image, parents=parents, extras=extras)


def _of_item(
    events: Generator[Progress | Note, None, "Image"], item: int, items: int
) -> Generator[Progress | Note, None, "Image"]:
    """The same events, with Progress saying which picture it is about."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            found: Image = end.value
            return found
        yield dataclasses.replace(event, item=item, items=items) if isinstance(event, Progress) else event


def _enlarge_layer(
    layer: np.ndarray[Any, Any], factor: int, network: UpscalerNetwork, size: Size
) -> Generator[Progress | Note, None, "Image"]:
    """(h, w, 3) bytes enlarged in passes; where no passes meet the size, Lanczos' filter does."""
    from PIL import Image

    for step in passes(network.scale, factor):
        layer = yield from _in_tiles_that_fit(layer, step, network)
    image = Image.fromarray(layer)
    return image if image.size == (size.width, size.height) else image.resize((size.width, size.height), _lanczos())


def _in_tiles_that_fit(
    layer: np.ndarray[Any, Any], factor: int, network: UpscalerNetwork
) -> Generator[Progress | Note, None, np.ndarray[Any, Any]]:
    tile = TILES[network.device.type]
    while True:
        try:
            return (yield from enlarge_tiled(network, layer, factor, tile))
        except OutOfMemoryError:
            if tile // 2 < SMALLEST_TILE:
                raise
        tile //= 2
        yield Note("note.enlarge.smaller_tiles", {"tile": tile})
        forget_failure()


def _layers(image: "Image") -> list[np.ndarray[Any, Any]]:
    """Colours, and transparency as grey colours where there is any."""
    colours = [np.asarray(image.convert("RGB"))]
    if not image.has_transparency_data:
        return colours
    alpha = image.convert("RGBA").getchannel("A")
    return [*colours, np.asarray(alpha.convert("RGB"))]


def _lanczos() -> Any:
    from PIL.Image import Resampling

    return Resampling.LANCZOS
