"""From a name to a card: the starter, the catalog, a folder or file on this disk, or a place on the hub."""

import dataclasses
import difflib
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

from colabsd.errors import ColabsdError, UnknownModelError
from colabsd.models.cache import WeightCache
from colabsd.models.cards import HubFile, ModelCard
from colabsd.models.catalog import CATALOG
from colabsd.models.digests import digest_files, digest_of_model
from colabsd.models.download import Wanted
from colabsd.models.file_cards import read_file_card
from colabsd.models.folders import CHECKER, model_files, read_card, weight_file
from colabsd.models.hub_places import HubPlace, read_place
from colabsd.models.shelf import TRAINED, folder_name
from colabsd.models.starter import NAME as STARTER
from colabsd.models.starter import Starter, starter_folder
from colabsd.progress import Note, Progress

HALF = "fp16"  # a branch that repositories had before they had fp16 files beside the others
CATALOG_FACTS = (
    "aliases",
    "license",
    "revision",
    "download",
    "facts_from",
    "default_sampler",
    "default_schedule",
    "default_steps",
    "default_guidance",
    "few_steps",
)


def known_models(cache: WeightCache | None = None) -> tuple[ModelCard, ...]:
    """The models that have a name, the embedded one first; with a cache those that were trained there last."""
    return (Starter(starter_folder()).card(), *CATALOG, *(trained_models(cache) if cache else ()))


def trained_models(cache: WeightCache) -> tuple[ModelCard, ...]:
    """The models that were trained as a whole in a cache's workspace. Those that cannot be read are left out."""
    cards = []
    for kept, *_ in cache.models().values():
        files = [kept.folder / file.name for file in kept.files if file.name.endswith(".safetensors")]
        if kept.source.startswith(TRAINED) and files:
            with suppress(ColabsdError):
                cards.append(read_file_card(files[0], kept.name))
    return tuple(cards)


def find_model(name: str | None, cache: WeightCache | None = None) -> ModelCard:
    """The card of a model by name, alias, path or hub id; None is the embedded model. Reads nothing from the network.

    With a cache the models that were trained there are known too, before all others.
    Cards of hub models that are not in the catalog are the family's; their files may correct them when they are here.
    Raises: UnknownModelError, MissingWeightsError, DamagedWeightsError, UnsupportedModelError.
    """
    if name is None or name.strip().casefold() == STARTER:
        return Starter(starter_folder()).card()
    wanted = name.strip()
    trained = {card.name.casefold(): card for card in (trained_models(cache) if cache else ())}
    if wanted.casefold() in trained:
        return trained[wanted.casefold()]
    listed = _listed(wanted)
    if listed is not None:
        return listed
    folder = Path(wanted).expanduser()
    if folder.is_dir():
        return read_card(folder.resolve(), folder.resolve().name)
    if folder.is_file():
        return read_file_card(folder.resolve(), folder.stem)
    place = read_place(wanted)
    if place is not None:
        return _card_of_place(place)
    spellings = [STARTER, *trained, *(spelling for card in CATALOG for spelling in (card.name, *card.aliases))]
    nearest = difflib.get_close_matches(wanted.casefold(), spellings, 1, 0.0)
    raise UnknownModelError(name=wanted, nearest=nearest[0])


def _listed(name: str) -> ModelCard | None:
    """The catalog's card of a name, alias or id."""
    spelled = name.casefold()
    for card in CATALOG:
        if spelled in {spelling.casefold() for spelling in (card.name, card.source, *card.aliases)}:
            return card
    return None


def _card_of_place(place: HubPlace) -> ModelCard:
    """A card for what lies on the hub: the catalog's; else the family's defaults, until its files say better.

    An id that was deleted leads to the repository that the catalog has for it, for single files too.
    """
    listed = _listed(place.source)
    if listed is not None and not place.file and place.revision in ("", HALF):
        return listed
    unknown: dict[str, Any] = {"aliases": (), "license": "", "download": (), "facts_from": ()}
    if listed is not None and not place.file:
        unknown = {"download": ()}
    card = dataclasses.replace(listed or CATALOG[0], name=str(place), revision=place.revision, **unknown)
    if listed is None:
        card = dataclasses.replace(card, source=place.source)
    return dataclasses.replace(card, single=place.file, download=(HubFile(place.file),) if place.file else ())


def wanted_of(card: ModelCard) -> Wanted:
    """What the cache is asked for, to have a card's files."""
    if card.single:
        kept_as = folder_name(f"{card.source}/{card.single}", card.revision)
        facts: dict[str, Any] = {"known": card.download, "only_known": True, "kept_as": kept_as}
        return Wanted(name=card.name, source=card.source, revision=card.revision, **facts)
    return Wanted(name=card.name, source=card.source, revision=card.revision, known=card.download)


def _large_files(card: ModelCard) -> tuple[str, ...]:
    """The files of a card's folder that loading reads: those that decide the pixels, and the checker's."""
    if card.folder is None:
        return ()
    checker = (str(weight_file(card.folder, CHECKER).relative_to(card.folder)),) if card.has_checker else ()
    return (*model_files(card.folder), *checker)


def bring_model(card: ModelCard, cache: WeightCache) -> Generator[Progress | Note, None, ModelCard]:
    """The card with its files on this disk and their digests known; brings what is missing, and says so before.

    What the catalog says of a model (defaults, licence) goes before what its files say of its family.
    Raises: UnknownModelError, DownloadError, MissingWeightsError, DamagedWeightsError, UnsupportedModelError,
    StorageError.
    """
    if card.sha256 and (card.folder or card.file):
        return card
    if card.file is not None:
        file = yield from cache.near(card.file, (), card.name)
        digests = yield from digest_files(file.parent, (file.name,), cache.memory)
        return dataclasses.replace(card, source=str(file), files=dict(digests), sha256=digests[file.name])
    if card.single:
        path = (yield from cache.bring(wanted_of(card))).folder / card.single
        digests = yield from digest_files(path.parent, (path.name,), cache.memory)
        return dataclasses.replace(read_file_card(path, card.name), files=dict(digests), sha256=digests[path.name])
    if card.folder is not None:
        folder = yield from cache.near(card.folder, _large_files(card), card.name)
    else:
        folder = (yield from cache.bring(wanted_of(card))).folder
    found = read_card(folder, card.name)
    digests = yield from digest_files(folder, model_files(folder), cache.memory)
    known = {name: getattr(card, name) for name in CATALOG_FACTS} if card.facts_from else {}
    return dataclasses.replace(found, files=dict(digests), sha256=digest_of_model(digests), **known)
