"""Adapters and models that were trained here: their cards beside their files, and the list of them. Knows no tensor."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from colabsd.artifacts import Adapter
from colabsd.storage.workspace import Workspace

LORAS, EMBEDDINGS = "models/loras", "models/embeddings"
MODEL_CARD = "adapter.json"  # in the folder of a model that was trained as a whole
CARDS = (f"{LORAS}/*.json", f"{EMBEDDINGS}/*.json", f"models/*/{MODEL_CARD}")
MOST_BYTES = 4 * 2**20


@dataclass(frozen=True)
class KeptAdapter:
    """Something that was trained here and is a file now. `name` calls it; `path` is where its first file is read."""

    name: str
    path: Path
    card: Adapter


def kept_adapters(workspace: Workspace) -> tuple[KeptAdapter, ...]:
    """All that were trained in a workspace and are still there, the newest first."""
    found: dict[str, KeptAdapter] = {}
    for path in _card_files(workspace):
        card = read_card(path)
        if card is None or card.name in found:
            continue
        files = [workspace.locate(file.place) for file in card.files]
        if path.name == MODEL_CARD:  # a model lies beside its card, wherever that is
            files = [path.with_name(Path(file.place).name) for file in card.files]
        if files and all(file.is_file() for file in files):
            found[card.name] = KeptAdapter(card.name, files[0], card)
    return tuple(sorted(found.values(), key=lambda kept: kept.card.made, reverse=True))


def read_card(path: Path) -> Adapter | None:
    """The card in a file; None when it is none of ours."""
    try:
        text = path.read_bytes()
        return Adapter.from_json(json.loads(text)) if len(text) <= MOST_BYTES else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def card_bytes(card: Adapter) -> bytes:
    """A card as its file has it: with what A1111 looks for beside a LoRA, what calls it and how strong it is."""
    told = {"activation text": card.phrase, "preferred weight": 0.8, **card.as_json()}
    return json.dumps(told, ensure_ascii=False, indent=1).encode()


def file_stem(name: str) -> str:
    """A name as files and `<lora:…>` can have it."""
    return re.sub(r"[^\w.+-]+", "-", name).strip("-.") or "adapter"


def free_ending(workspace: Workspace, places: Iterator[str] | list[str]) -> str:
    """What must follow the stems of all these places (relative, without endings) so that none was ever used: nothing,
    else -2, -3 and so on."""
    stems = list(places)
    for number in count(1):
        ending = "" if number == 1 else f"-{number}"
        if not any(_is_taken(workspace, stem + ending) for stem in stems):
            return ending
    raise AssertionError("numbers have no end")


def stamped(moment: datetime) -> str:
    """A time as cards have it."""
    return moment.isoformat(timespec="seconds")


def _is_taken(workspace: Workspace, stem: str) -> bool:
    endings = ("", ".json", ".safetensors")
    places = [*workspace.places(stem), workspace.outbox / stem, workspace.local / stem]
    return any(place.with_name(place.name + ending).exists() for place in places for ending in endings)


def _card_files(workspace: Workspace) -> Iterator[Path]:
    """All files that may be cards, where they are read fastest first."""
    for root in dict.fromkeys((*workspace.places(""), workspace.local)):
        for pattern in CARDS:
            yield from sorted(root.glob(pattern))
