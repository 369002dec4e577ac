"""From a name to a card: the starter, the catalog, a folder on this disk, or a Hugging Face id."""

import dataclasses
import difflib
from collections.abc import Generator
from pathlib import Path

from colabsd.errors import ColabsdError, UnknownModelError, UnsupportedModelError
from colabsd.models.cards import ModelCard
from colabsd.models.catalog import CATALOG
from colabsd.models.digests import digest_files, digest_of_model
from colabsd.models.folders import model_files, read_card, read_safetensors_header
from colabsd.models.hub import download_model, looks_like_id
from colabsd.models.pickles import read_shapes
from colabsd.models.starter import NAME as STARTER
from colabsd.models.starter import Starter, starter_folder
from colabsd.progress import Progress


def known_models() -> tuple[ModelCard, ...]:
    """The models that have a name, the embedded one first."""
    return (Starter(starter_folder()).card(), *CATALOG)


def find_model(name: str | None) -> ModelCard:
    """The card of a model by name, alias, folder or hub id; None is the embedded model. Reads nothing from the network.

    Cards of hub models that are not in the catalog are the family's; their files may correct them when they are here.
    Raises: UnknownModelError, MissingWeightsError, DamagedWeightsError, UnsupportedModelError.
    """
    if name is None or name.strip().casefold() == STARTER:
        return Starter(starter_folder()).card()
    wanted = name.strip()
    for card in CATALOG:
        if wanted.casefold() in {spelling.casefold() for spelling in (card.name, card.source, *card.aliases)}:
            return card
    folder = Path(wanted).expanduser()
    if folder.is_dir():
        return read_card(folder.resolve(), folder.resolve().name)
    if folder.is_file():
        raise _explain_file(folder)
    if looks_like_id(wanted):
        return dataclasses.replace(CATALOG[0], name=wanted, source=wanted, aliases=(), license="")
    spellings = [STARTER, *(spelling for card in CATALOG for spelling in (card.name, *card.aliases))]
    nearest = difflib.get_close_matches(wanted.casefold(), spellings, 1, 0.0)
    raise UnknownModelError(name=wanted, nearest=nearest[0])


def _explain_file(path: Path) -> ColabsdError:
    """Why a single file cannot be drawn with: hostile or damaged files are found out by looking, never by loading."""
    if path.suffix == ".safetensors":
        read_safetensors_header(path)
    else:
        read_shapes(path)
    return UnsupportedModelError("error.unsupported_file", path=path)


def bring_model(card: ModelCard, memory: Path | None) -> Generator[Progress, None, ModelCard]:
    """The card with its files on this disk and their digests known; downloads what is missing.

    `memory` remembers digests (see `digest_files`). Raises: DownloadError, MissingWeightsError, DamagedWeightsError.
    """
    if card.sha256 and card.folder:
        return card
    folder = card.folder or (yield from download_model(card.source))
    found = read_card(folder, card.name)
    digests = yield from digest_files(folder, model_files(folder), memory)
    known = {} if card.folder else {name: getattr(card, name) for name in ("license", "default_steps", "aliases")}
    return dataclasses.replace(found, files=dict(digests), sha256=digest_of_model(digests), **known)
