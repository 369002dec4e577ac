"""The networks that enlarge pictures, brought and loaded, and pictures enlarged as they are drawn."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from colabsd.artifacts import Picture
from colabsd.environment.interrupts import stop_waits
from colabsd.environment.machine import Machine
from colabsd.models.cache import WeightCache
from colabsd.models.upscalers import Upscaler, bring_upscaler_again
from colabsd.planning.plans import Device, Enlargement, Note
from colabsd.progress import Progress

if TYPE_CHECKING:
    from colabsd.engine.upscalers import UpscalerNetwork


def load_network(upscaler: Upscaler, machine: Machine) -> Generator[Progress, None, "UpscalerNetwork | None"]:
    """The network on the best device that there is; None for what is none. Raises: as `load_upscaler`."""
    with stop_waits():
        from colabsd.engine.upscalers import load_upscaler

    if upscaler.path is None:
        return None
    yield Progress(stage="load", done=0, total=1)
    device: Device = "cpu" if machine.gpu is None else "cuda"
    return load_upscaler(upscaler.path, device)


def networks_again(
    enlargements: Sequence[Enlargement], asked: object, cache: WeightCache, machine: Machine
) -> Generator[Progress | Note, None, list["UpscalerNetwork | None"]]:
    """The networks that a drawing names; `asked` is how the last one was asked for, as far as a file can be trusted.

    Raises: UnknownUpscalerError, and what `bring_upscaler` and `load_upscaler` raise.
    """
    found = []
    for one in enlargements:
        named = asked if isinstance(asked, str) else None
        upscaler = yield from bring_upscaler_again(one.upscaler, one.sha256, named, cache)
        found.append((yield from load_network(upscaler, machine)))
    return found


def enlarged_as_drawn(
    events: Iterable[Progress | Note | Picture],
    enlargements: Sequence[Enlargement],
    asked: object,
    cache: WeightCache,
    machine: Machine,
) -> Iterator[Progress | Note | Picture]:
    """Pictures of a plan that says how they are enlarged; the networks come before the first is drawn."""
    from colabsd.recipes.enlarge import enlarged

    networks = yield from networks_again(enlargements, asked, cache, machine)
    yield from enlarged(events, enlargements, networks)
