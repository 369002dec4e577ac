"""What a studio says when it is opened: one paragraph for somebody who sees it for the first time, or again."""

import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from colabsd.errors import ColabsdError, StorageError
from colabsd.language import say
from colabsd.models.cards import ModelCard
from colabsd.models.registry import find_model, wanted_of
from colabsd.models.room import gigabytes
from colabsd.models.speeds import read_speeds
from colabsd.models.starter import NAME as STARTER
from colabsd.storage.choices import read_choices, write_choice
from colabsd.studio.workshop import Workshop

NEXT_MODEL = "sd15"
GIB = 2**30
LINE = 100  # a notebook breaks longer ones anywhere
GUESSED_SPEED = 40e6  # bytes per second from the hub, until a download was measured
MODEL = "model"


def introduce(workshop: Workshop) -> str:
    """See `Studio.introduction`."""
    sentences = (*_machine(workshop), *_kept(workshop), *_models(workshop), *_notes(workshop))
    return textwrap.fill(" ".join(sentences), LINE, break_long_words=False, break_on_hyphens=False)


def remember_model(workshop: Workshop, name: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
    """See `Studio.remember_model`."""
    workshop.model(name)
    write_choice(workshop.workspace, MODEL, name, clock())


def remembered_model(workshop: Workshop) -> str | None:
    """See `Studio.remembered_model`."""
    name = read_choices(workshop.workspace).get(MODEL)
    try:
        return name if isinstance(name, str) and workshop.model(name) else None
    except ColabsdError:  # it was a file that is not there any more, or a name that is not known here
        return None


def _machine(workshop: Workshop) -> Iterator[str]:
    machine, language = workshop.machine, workshop.language
    facts: dict[str, object] = {"cores": machine.cores, "ram": f"{machine.ram_bytes / GIB:.1f}"}
    if machine.gpu is not None:
        facts |= {"gpu": machine.gpu.name, "vram": f"{machine.gpu.vram_bytes / GIB:.1f}"}
        yield say("intro.colab.gpu" if machine.colab else "intro.here.gpu", language, **facts)
    else:
        yield say("intro.colab.cpu" if machine.colab else "intro.here.cpu", language, **facts)


def _kept(workshop: Workshop) -> Iterator[str]:
    key = "intro.kept.drive" if workshop.place.drive else "intro.kept.disk"
    try:
        facts = {"folder": workshop.workspace.root, "count": f"{workshop.library.count():,}"}
        yield say(key, workshop.language, **facts)
        unfinished = len(workshop.library.unfinished_jobs())
    except StorageError as error:
        yield error.tell(workshop.language)
        return
    if unfinished:
        yield say("intro.unfinished", workshop.language, count=unfinished)


def _models(workshop: Workshop) -> Iterator[str]:
    """What draws at once, what was chosen last, and on a graphics card what is worth its download."""
    yield say("intro.ready", workshop.language, model=STARTER)
    remembered = remembered_model(workshop)
    if remembered is not None and remembered != STARTER:
        yield say("intro.remembered", workshop.language, model=remembered)
        yield from _bringing(workshop, workshop.model(remembered), "intro.download")
    elif workshop.machine.gpu is not None:
        yield from _bringing(workshop, find_model(NEXT_MODEL), "intro.next")


def _bringing(workshop: Workshop, card: ModelCard, key: str) -> Iterator[str]:
    """What having a model here takes, as far as it can be told without asking the hub."""
    if card.folder or card.file:
        return
    if workshop.cache.find(wanted_of(card)) is not None:
        yield say("intro.kept_model", workshop.language, model=card.name)
        return
    speed = read_speeds(workshop.cache.shelf).hub or GUESSED_SPEED
    minutes = max(1, round(card.download_bytes / speed / 60))
    facts = {"model": card.name, "gb": gigabytes(card.download_bytes), "minutes": minutes}
    yield say(key, workshop.language, **facts)


def _notes(workshop: Workshop) -> Iterator[str]:
    for note in workshop.place.notes:
        yield say(note.key, workshop.language, **note.facts)
