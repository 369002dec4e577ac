"""Names of pictures and runtimes: sortable by time, never made from what people type, never used twice."""

import base64
from collections.abc import Callable, Iterator
from datetime import datetime

RandomBytes = Callable[[int], bytes]


def new_token(random_bytes: RandomBytes) -> str:
    """Eight characters of a-z2-7: 40 random bits, the same on disks that know no capitals."""
    return base64.b32encode(random_bytes(5)).decode("ascii").lower()


def picture_names(moment: datetime, index: int, extension: str, random_bytes: RandomBytes) -> Iterator[str]:
    """Names for one picture, without end: `142501-k3v7q2ma-0003.png`. Names sort by time of day, then by token."""
    while True:
        yield f"{moment:%H%M%S}-{new_token(random_bytes)}-{index:04d}.{extension}"


def sheet_names(moment: datetime, number: int, random_bytes: RandomBytes) -> Iterator[str]:
    """Names for one sheet of a grid, without end: `20261124-142501-k3v7q2ma-00.png`. Names sort by time."""
    while True:
        yield f"{moment:%Y%m%d-%H%M%S}-{new_token(random_bytes)}-{number:02d}.png"


def runtime_name(moment: datetime, random_bytes: RandomBytes) -> str:
    """The name of one run of the program: `20261124T142501-k3v7q2ma`. Names of runtimes sort by their start."""
    return f"{moment:%Y%m%dT%H%M%S}-{new_token(random_bytes)}"
