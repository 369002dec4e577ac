"""From what a picture of another program says of its model to a model that is known here."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from colabsd.models.cards import ModelCard


@dataclass(frozen=True)
class KnownFile:
    """A single file that a model is commonly kept in by other programs.

    `digests` are the sha256 of its versions; `old` is A1111's digest of 8 digits from before there was a longer one.
    """

    name: str
    model: str
    digests: tuple[str, ...] = ()
    old: str = ""


# Digests are those that the hub tells of these files; names are compared without punctuation.
KNOWN_FILES: tuple[KnownFile, ...] = (
    KnownFile(
        "v1-5-pruned-emaonly",
        "sd15",
        (
            "6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa",
            "cc6cb27103417325ff94f52b7a5d2dde45a7515b25c255d8e396c90014281516",
        ),
        "81761151",
    ),
    KnownFile("v1-5-pruned", "sd15", ("e1441589a6f3c5a53f5f54d0975a18a7feb7cdf0b0dee276dfc3331ae376a053",), "a9263745"),
    KnownFile("v1-5-pruned-emaonly-fp16", "sd15"),
    KnownFile("sd_v1.5_f16", "sd15"),
    KnownFile("stable-diffusion-1.5", "sd15"),
    KnownFile("sd-v1-4", "sd14", ("fe4efff1e174c627256e44ec2991ba279b3816e364b49f9be2abc0b3ff3f8556",), "7460a6fa"),
    KnownFile("stable-diffusion-1.4", "sd14"),
    KnownFile(
        "sd-v1-5-inpainting", "sd15-inpaint", ("c6bbc15e3224e6973459ba78de4998b80b50112b0ae5b5c67113d56b4e366b19",)
    ),
    KnownFile(
        "v2-1_512-ema-pruned", "sd21-base", ("88ecb782561455673c4b78d05093494b9c539fc6bfc08f3a9a4a0dd7b0b10f36",)
    ),
    KnownFile("sd_xl_base_1.0", "sdxl", ("31e35c80fc4829d14f90153f4c74cd59c90b779f6afe05a74cd6120b893f7e5b",)),
    KnownFile("sd_xl_base_1.0_0.9vae", "sdxl"),
)
SHORTEST_DIGEST = 8
DIGEST = re.compile("[0-9a-f]{8,64}")
ALIKE = 0.6  # how alike names must be, from 0 to 1, for one to be offered in place of the other
LONGEST_NAME = 200


@dataclass(frozen=True)
class Match:
    """A known model; `certain` says whether its digest is the picture's, not its name alone."""

    card: ModelCard
    certain: bool


def match_model(name: str | None, digest: str | None, cards: Sequence[ModelCard]) -> Match | None:
    """The known model of that digest (the beginning of a sha256, 8 digits or more), else of that name."""
    start = (digest or "").strip().casefold()
    if DIGEST.fullmatch(start):
        for card in cards:
            if any(known.startswith(start) for known in _digests(card)):
                return Match(card, True)
    wanted = _plain(name)
    known_file = next((file.model for file in KNOWN_FILES if _plain(file.name) == wanted), None)
    for card in cards:
        if wanted and (card.name == known_file or wanted in {_plain(spelling) for spelling in _spellings(card)}):
            return Match(card, False)
    return None


def nearest_model(name: str | None, cards: Sequence[ModelCard]) -> str:
    """The known model whose name is most alike, the first one where none is."""
    names = {_plain(spelling): card.name for card in cards for spelling in _spellings(card)}
    found = difflib.get_close_matches(_plain(name), names, 1, ALIKE)
    return names[found[0]] if found else cards[0].name


def _digests(card: ModelCard) -> Iterable[str]:
    single = (digest for file in KNOWN_FILES if file.model == card.name for digest in (*file.digests, file.old))
    digests = (card.sha256, *card.files.values(), *(file.sha256 for file in card.download), *single)
    return (digest for digest in digests if len(digest) >= SHORTEST_DIGEST)


def _spellings(card: ModelCard) -> Iterable[str]:
    """The names that a card goes by, hub ids with and without their owner."""
    names = (card.name, card.source, *card.aliases)
    return (spelling for name in names for spelling in {name, name.rsplit("/", 1)[-1]})


def _plain(name: str | None) -> str:
    return re.sub(r"[\W_]", "", (name or "")[:LONGEST_NAME].casefold())
