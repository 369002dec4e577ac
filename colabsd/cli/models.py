"""`colabsd models`: which models there are, what is known of one, and what is kept of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from colabsd.cli.console import Console
from colabsd.cli.models_export import build_export
from colabsd.cli.models_keeping import build_download, build_remove, opened_cache
from colabsd.cli.options import folder_option, general_options
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingGroup, SpeakingOption
from colabsd.cli.text import harmless, table
from colabsd.language import Language, say
from colabsd.models.cards import HubFile, ModelCard
from colabsd.settings.samplers import AUTOMATIC, find_sampler

if TYPE_CHECKING:
    from colabsd.library.adapters import KeptAdapter
    from colabsd.models.addons import AddOn
    from colabsd.models.cache import WeightCache
    from colabsd.models.shelf import KeptModel

KNOWN_WORDS = {
    "things": "cli.models.things",
    "styles": "cli.models.styles",
    "backgrounds": "cli.models.backgrounds",
}

ADDON_KINDS = {
    "adapter": "cli.models.kind.adapter",
    "embedding": "cli.models.kind.embedding",
    "autoencoder": "cli.models.kind.autoencoder",
    "preview": "cli.models.kind.preview",
    "enlarger": "cli.models.kind.enlarger",
    "faces": "cli.models.kind.faces",
    "depth": "cli.models.kind.depth",
    "captions": "cli.models.kind.captions",
    "checker": "cli.models.kind.checker",
    "scorer": "cli.models.kind.scorer",
    "motion": "cli.models.kind.motion",
}


def build(language: Language) -> click.Command:
    """The commands in a language."""
    return SpeakingGroup(
        "models",
        language=language,
        explained=say("cli.models.help", language),
        builders={
            "list": build_list,
            "show": build_show,
            "download": build_download,
            "remove": build_remove,
            "export": build_export,
        },
        params=general_options(language),
    )


def build_list(language: Language) -> click.Command:
    """`colabsd models list` in a language."""
    return SpeakingCommand(
        "list",
        language=language,
        explained=say("cli.models.list.help", language),
        callback=list_models,
        params=[
            SpeakingOption(
                "--all", "extras", is_flag=True, section="cli.section.files", help=say("cli.models.list.all", language)
            ),
            folder_option(language),
            *general_options(language),
        ],
    )


def build_show(language: Language) -> click.Command:
    """`colabsd models show` in a language."""
    return SpeakingCommand(
        "show",
        language=language,
        explained=say("cli.models.show.help", language),
        callback=show_model,
        params=[
            SpeakingArgument(
                "name",
                label=say("cli.metavar.name", language),
                explained=say("cli.models.show.name", language),
                example="colabsd models show starter",
            ),
            folder_option(language),
            *general_options(language),
        ],
    )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 5e7 else f"{count / 1e6:.0f} MB" if count else ""


def _where(console: Console, source: str, here: bool, kept: "KeptModel | None", cache: "WeightCache") -> str:
    """Where the files are: on this disk, on Drive, or still at their source."""
    if here or (kept is not None and kept.folder.parent == cache.home):
        return console.sentence("cli.models.here", {})
    if kept is not None:
        return console.sentence("cli.models.on_drive", {})
    return console.sentence("cli.models.download", {"source": source})


def _on_disk(card: ModelCard) -> Path | None:
    """The folder or file that a card stands for, when it is somebody's own or comes with the package."""
    return card.folder or card.file


def _kind(card: ModelCard) -> str:
    return card.family if card.variant == "text" else f"{card.family} {card.variant}"


def _digests(known: Sequence[HubFile], language: Language) -> str:
    """For how many files a digest is known before they come; of the others the first one seen is recorded."""
    count = sum(1 for file in known if file.sha256)
    return say("cli.models.digests.known", language, count=count) if count else say("cli.models.digests.none", language)


def _facts(card: ModelCard, kept: "KeptModel | None", language: Language) -> dict[str, object]:
    """What is known of a model, by the key of its label."""
    sampler = find_sampler(card.default_sampler).label
    return {
        "cli.models.name": card.name,
        "cli.models.aliases": ", ".join(card.aliases),
        "cli.models.family": _kind(card),
        "cli.models.source": card.source,
        "cli.models.revision": kept.commit if kept else card.revision,
        "cli.models.kept_in": kept.folder if kept else "",
        "cli.models.to_download": "" if _on_disk(card) or kept else _gigabytes(card.download_bytes),
        "cli.models.digests": "" if _on_disk(card) or kept else _digests(card.download, language),
        "cli.models.size": str(card.size),
        "cli.models.multiple": card.multiple,
        "cli.models.weights": f"{card.weights.total / 1e6:,.0f} M",
        "cli.models.sampler": sampler if card.default_schedule == AUTOMATIC else f"{sampler}, {card.default_schedule}",
        "cli.models.steps": card.default_steps,
        "cli.models.guidance": card.default_guidance,
        "cli.models.license": card.license,
        "cli.models.facts_from": card.facts_from,
        "cli.models.sha256": card.sha256,
    }


def _card_as_json(card: ModelCard, kept: "KeptModel | None") -> dict[str, object]:
    names = ("name", "family", "variant", "source", "revision", "license", "default_sampler", "default_schedule")
    return {
        **{name: getattr(card, name) for name in names},
        "default_steps": card.default_steps,
        "default_guidance": card.default_guidance,
        "size": str(card.size),
        "aliases": list(card.aliases),
        "parameters": card.weights.total,
        "download_bytes": card.download_bytes,
        "here": _on_disk(card) is not None or kept is not None,
        "kept_in": kept.folder if kept else _on_disk(card),
        "facts_from": list(card.facts_from),
        "sha256": card.sha256,
    }


def _kept_as_json(kept: "KeptModel") -> dict[str, object]:
    names = ("name", "source", "commit", "bytes")
    return {**{name: getattr(kept, name) for name in names}, "path": kept.folder, "last_used": kept.last_used()}


@click.pass_obj
def list_models(console: Console, /, *, extras: bool, folder: Path | None) -> int:
    """One line per model, with `extras` what goes with them, then what else is kept and what was trained."""
    from colabsd.library.adapters import kept_adapters
    from colabsd.models.addons import ADDONS
    from colabsd.models.registry import known_models, wanted_of

    cache = opened_cache(console, folder)
    kept = {name: places[0] for name, places in cache.models().items()}
    total = sum(model.bytes for model in kept.values())
    cards = [(card, kept.pop(wanted_of(card).folder, None)) for card in known_models()]
    addons = [(row, kept.pop(row.wanted.folder, None)) for row in ADDONS]
    addons = [(row, found) for row, found in addons if extras or found]
    trained = [one for one in kept_adapters(cache.workspace) if one.name not in kept]
    if console.as_json:
        for card, found in cards:
            console.write_json("model", **_card_as_json(card, found))
        for row, found in addons:
            console.write_json("addon", **_addon_as_json(row, found))
        for other in kept.values():
            console.write_json("kept", **_kept_as_json(other))
        for own in trained:
            console.write_json("trained", path=own.path, **own.card.as_json())
        return 0
    rows = [_card_row(console, card, found, cache) for card, found in cards]
    rows += [_addon_row(console, row, found, cache) for row, found in addons]
    rows += [_kept_row(console, other, cache) for other in kept.values()]
    rows += [_trained_row(console, own) for own in trained]
    for line in table(rows, console.width):
        console.result(line)
    if total:
        console.tell("cli.models.total", gb=_gigabytes(total), place=cache.shelf)
    console.tell("cli.models.more")
    return 0


def _card_row(console: Console, card: ModelCard, kept: "KeptModel | None", cache: "WeightCache") -> tuple[str, ...]:
    size = "" if _on_disk(card) else _gigabytes(kept.bytes if kept else card.download_bytes)
    where = _where(console, card.source, _on_disk(card) is not None, kept, cache)
    return card.name, _kind(card), str(card.size), size, where


def _addon_row(console: Console, row: "AddOn", kept: "KeptModel | None", cache: "WeightCache") -> tuple[str, ...]:
    size = _gigabytes(kept.bytes if kept else row.bytes)
    kind = say(ADDON_KINDS[row.kind], console.language)
    return row.name, kind, " ".join(row.families), size, _where(console, row.source, False, kept, cache)


def _kept_row(console: Console, kept: "KeptModel", cache: "WeightCache") -> tuple[str, ...]:
    return kept.name, "", "", _gigabytes(kept.bytes), _where(console, kept.source, False, kept, cache)


def _trained_row(console: Console, own: "KeptAdapter") -> tuple[str, ...]:
    kind = "cli.models.kind.embedding" if own.card.files[0].form == "embedding" else "cli.models.kind.adapter"
    size = _gigabytes(sum(file.bytes for file in own.card.files))
    place = console.sentence("cli.models.trained", {"base": own.card.base})
    return own.name, console.sentence(kind, {}), own.card.family, size, place


def _addon_as_json(row: "AddOn", kept: "KeptModel | None") -> dict[str, object]:
    names = ("name", "kind", "source", "revision", "license", "families", "facts_from")
    facts = {name: getattr(row, name) for name in names}
    return {**facts, "download_bytes": row.bytes, "here": kept is not None, "kept_in": kept.folder if kept else None}


@click.pass_obj
def show_model(console: Console, /, *, name: str, folder: Path | None) -> int:
    """What is known of one model, and for the embedded one the words that it knows."""
    from colabsd.models.addons import find_addon
    from colabsd.models.registry import find_model, wanted_of

    addon = find_addon(name)
    if addon is not None:
        _show_addon(console, addon, opened_cache(console, folder).find(addon.wanted))
        return 0
    cache = opened_cache(console, folder)
    card = find_model(name, cache)
    kept = None if _on_disk(card) else cache.find(wanted_of(card))
    known = _known_words(card, console.language)
    if console.as_json:
        console.write_json("model", **_card_as_json(card, kept), **known)
        return 0
    _tell_facts(console, _facts(card, kept, console.language))
    if not card.license and not _on_disk(card):
        console.tell("cli.models.license_unseen", source=card.source)
    for kind, key in KNOWN_WORDS.items():
        if known.get(kind):
            console.result("\n" + console.sentence(key, {"count": len(known[kind])}))
            console.result(click.wrap_text(harmless(", ".join(known[kind])), console.width))
    return 0


def _show_addon(console: Console, row: "AddOn", kept: "KeptModel | None") -> None:
    """What is known of something that goes with models."""
    if console.as_json:
        console.write_json("addon", **_addon_as_json(row, kept))
        return
    facts = {
        "cli.models.name": row.name,
        "cli.models.family": " ".join(row.families),
        "cli.models.source": row.source,
        "cli.models.revision": kept.commit if kept else row.revision,
        "cli.models.kept_in": kept.folder if kept else "",
        "cli.models.to_download": "" if kept else _gigabytes(row.bytes),
        "cli.models.digests": "" if kept else _digests(row.files, console.language),
        "cli.models.license": row.license,
        "cli.models.facts_from": row.facts_from,
    }
    _tell_facts(console, facts)
    if not row.license:
        console.tell("cli.models.license_unseen", source=row.source)


def _tell_facts(console: Console, facts: Mapping[str, object]) -> None:
    """A table of what is known, by the keys of the labels, several values under each other; nothing for the unknown."""
    rows = []
    for key, value in facts.items():
        values = value if isinstance(value, tuple) else (value,)
        labels = (say(key, console.language), *("" for _ in values[1:]))
        rows += [(label, str(one)) for label, one in zip(labels, values, strict=False) if one not in ("", None)]
    for line in table(rows, max(console.width, 120)):
        console.result(line)


def _known_words(card: ModelCard, language: Language) -> dict[str, list[str]]:
    """The first name of all that the embedded model knows, in the reader's language; nothing for other models."""
    from colabsd.models.starter import NAME, Starter, fold

    if card.name != NAME or card.folder is None:
        return {}
    facts = Starter(card.folder).facts
    return {
        "things": sorted((concept[language][0] for concept in facts["concepts"]), key=fold),
        "styles": [names[language][0] for names in facts["styles"].values()],
        "backgrounds": [names[language][0] for names in facts["backgrounds"].values()],
    }
