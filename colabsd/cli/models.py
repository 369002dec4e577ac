"""`colabsd models`: which models there are, and what is known of one."""

import click

from colabsd.cli.console import Console
from colabsd.cli.options import general_options
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingGroup
from colabsd.cli.text import harmless, table
from colabsd.language import Language, say
from colabsd.models.cards import ModelCard
from colabsd.settings.samplers import AUTOMATIC, find_sampler

KNOWN_WORDS = {
    "things": "cli.models.things",
    "styles": "cli.models.styles",
    "backgrounds": "cli.models.backgrounds",
}


def build(language: Language) -> click.Command:
    """The commands in a language."""
    return SpeakingGroup(
        "models",
        language=language,
        explained=say("cli.models.help", language),
        builders={"list": build_list, "show": build_show},
        params=general_options(language),
    )


def build_list(language: Language) -> click.Command:
    """`colabsd models list` in a language."""
    return SpeakingCommand(
        "list",
        language=language,
        explained=say("cli.models.list.help", language),
        callback=list_models,
        params=general_options(language),
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
            *general_options(language),
        ],
    )


def _where(card: ModelCard, console: Console) -> str:
    return console.sentence("cli.models.here" if card.folder else "cli.models.download", {"source": card.source})


def _facts(card: ModelCard) -> dict[str, object]:
    """What is known of a model, by the key of its label."""
    sampler = find_sampler(card.default_sampler).label
    return {
        "cli.models.name": card.name,
        "cli.models.aliases": ", ".join(card.aliases),
        "cli.models.family": card.family,
        "cli.models.source": card.source,
        "cli.models.size": str(card.size),
        "cli.models.multiple": card.multiple,
        "cli.models.weights": f"{card.weights.total / 1e6:,.0f} M",
        "cli.models.sampler": sampler if card.default_schedule == AUTOMATIC else f"{sampler}, {card.default_schedule}",
        "cli.models.steps": card.default_steps,
        "cli.models.guidance": card.default_guidance,
        "cli.models.license": card.license,
        "cli.models.sha256": card.sha256,
    }


def _as_json(card: ModelCard) -> dict[str, object]:
    names = ("name", "family", "source", "license", "default_sampler", "default_schedule", "default_steps")
    facts: dict[str, object] = {name: getattr(card, name) for name in names}
    return {
        **facts,
        "default_guidance": card.default_guidance,
        "size": str(card.size),
        "aliases": list(card.aliases),
        "parameters": card.weights.total,
        "here": card.folder is not None,
        "sha256": card.sha256,
    }


@click.pass_obj
def list_models(console: Console, /) -> int:
    """One line per model."""
    from colabsd.models.registry import known_models

    cards = known_models()
    if console.as_json:
        for card in cards:
            console.write_json("model", **_as_json(card))
        return 0
    rows = [(card.name, str(card.size), f"{card.weights.total / 1e6:,.0f} M", _where(card, console)) for card in cards]
    for line in table(rows, console.width):
        console.result(line)
    console.tell("cli.models.more")
    return 0


@click.pass_obj
def show_model(console: Console, /, *, name: str) -> int:
    """What is known of one model, and for the embedded one the words that it knows."""
    from colabsd.models.registry import find_model

    card = find_model(name)
    known = _known_words(card, console.language)
    if console.as_json:
        console.write_json("model", **_as_json(card), **known)
        return 0
    rows = [(say(key, console.language), str(value)) for key, value in _facts(card).items() if value not in ("", None)]
    for line in table(rows, max(console.width, 120)):
        console.result(line)
    for kind, key in KNOWN_WORDS.items():
        if known.get(kind):
            console.result("\n" + console.sentence(key, {"count": len(known[kind])}))
            console.result(click.wrap_text(harmless(", ".join(known[kind])), console.width))
    return 0


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
