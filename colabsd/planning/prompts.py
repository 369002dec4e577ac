"""From prompts as asked to final ones: styles put in, dynamic parts drawn, LoRAs found, remarks told. No torch.

What A1111 does, in its order: styles, dynamic prompts and wildcards, then the language of `prompts/`, which stays in
the final prompt because only the engine needs it.
"""

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colabsd.errors import UnknownLoraError
from colabsd.models.adapters import calls
from colabsd.models.remotes import find_remote
from colabsd.models.tensor_headers import WEIGHT_FILES
from colabsd.planning.plans import EmbeddingUse, LoraUse, Note
from colabsd.prompts import Count, Expansion, Style, apply_styles, count_combinations, expand_each, lint, loras, parse
from colabsd.prompts.expand import Lookup
from colabsd.prompts.networks import read_lora
from colabsd.prompts.templates import Choice, parse_template
from colabsd.prompts.tree import Network
from colabsd.settings.images import ImageSettings

MOST_REMARKS = 3  # of one kind
MOST_LINTED = 20  # different prompts of a request that are looked at
SHORT_DIGITS = 12
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)")
COUNTED: Mapping[str, str] = {
    "exact": "note.combinations",
    "at_most": "note.combinations_at_most",
    "at_least": "note.combinations_at_least",
}
# What brackets do not do, remarks need not speak of.
SILENT: Mapping[str, tuple[str, ...]] = {
    "ignore": ("lint.weight",),
    "literal": ("lint.weight", "lint.bracket_open", "lint.bracket_close", "lint.break", "lint.number"),
}


@dataclass(frozen=True, kw_only=True)
class PromptSources:
    """What prompts may name: styles, lines of wildcards, LoRAs and textual inversions with the sha256 of their files.

    Without `dynamic` prompts are taken as they are, braces and all: those of pictures that are drawn again.
    """

    styles: Sequence[Style] = ()
    wildcards: Lookup | None = None
    loras: Mapping[str, str] = field(default_factory=dict)
    embeddings: Mapping[str, str] = field(default_factory=dict)
    dynamic: bool = True


NOTHING_NAMED = PromptSources()


@dataclass(frozen=True, kw_only=True)
class FinalPrompts:
    """The prompts of one picture. `drawn` tells how dynamic ones came about, as plain data for its manifest."""

    prompt: str
    negative_prompt: str
    loras: tuple[LoraUse, ...] = ()
    embeddings: tuple[EmbeddingUse, ...] = ()
    drawn: Mapping[str, Any] = field(default_factory=dict)


def final_prompts(
    settings: ImageSettings, sources: PromptSources, seed: int, notes: list[Note]
) -> tuple[FinalPrompts, ...]:
    """The prompts of each picture of a request. `seed` is the text's own where settings have none.

    Raises: PromptError's kinds: unknown styles and wildcards, variables without a value, endless prompts, LoRAs whose
    weights are no numbers.
    """
    prompt, negative = (clean(text, notes) for text in (settings.prompt, settings.negative_prompt))
    names = style_names(settings.style or (), sources.styles)
    styled = apply_styles(prompt, negative, names, sources.styles)
    seed = settings.wildcard_seed if settings.wildcard_seed is not None else seed
    templates = {"prompt": styled.prompt, "negative_prompt": styled.negative_prompt}
    dynamic = [name for name, text in templates.items() if sources.dynamic and is_dynamic(text)]
    notes += [_count_note(count_combinations(templates[name], lookup=sources.wildcards)) for name in dynamic]
    finals: list[FinalPrompts] = []
    streams = {name: expand_each(templates[name], seed, settings.count, lookup=sources.wildcards) for name in dynamic}
    for _ in range(settings.count if dynamic else 1):
        drawn = {name: next(stream) for name, stream in streams.items()}
        texts = {name: drawn[name].text if name in drawn else text for name, text in templates.items()}
        how = {name: _as_kept(expansion) for name, expansion in drawn.items()}
        loras = _found(texts["prompt"], sources) + asked_loras(settings.lora or (), sources)
        finals.append(FinalPrompts(**texts, loras=loras, embeddings=_called(texts.values(), sources), drawn=how))
    notes += remarks(finals, sources, settings.emphasis)
    return tuple(finals) if dynamic else tuple(finals) * settings.count


def clean(text: str, notes: list[Note]) -> str:
    """The text without characters that no keyboard makes: controls, lone surrogates. Line ends and tabs stay."""
    kept = "".join(letter for letter in text if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cs"))
    if kept != text:
        notes.append(Note("note.control_characters", {"removed": len(text) - len(kept)}))
    return kept


def style_names(asked: Sequence[str], styles: Sequence[Style]) -> tuple[str, ...]:
    """The names of styles; what is none itself may be several, with commas between them."""
    known = {style.name for style in styles}
    parts = [[name] if name in known else name.split(",") for name in asked]
    return tuple(name.strip() for several in parts for name in several if name.strip())


def is_dynamic(text: str) -> bool:
    """Whether a text has any choice in it. Braces around one thing alone are characters, as A1111 has them."""
    for node in parse_template(text):
        lonely = isinstance(node, Choice) and len(node.options) == 1 and (node.low, node.high) == (1, 1)
        if not isinstance(node, str) and not lonely:
            return True
    return False


def remarks(finals: Sequence[FinalPrompts], sources: PromptSources, emphasis: str | None) -> Iterator[Note]:
    """What is probably not meant, of the first prompts that differ, each thing once and few of a kind."""
    texts = [(one.prompt, False) for one in finals] + [(one.negative_prompt, True) for one in finals]
    told: list[tuple[str, Any]] = []
    kinds: Counter[str] = Counter()
    for text, negative in list(dict.fromkeys(texts))[:MOST_LINTED]:
        for remark in lint(text, negative=negative, loras=None if negative else tuple(sources.loras)):
            if remark.key in SILENT.get(emphasis or "", ()) or (remark.key, remark.facts) in told:
                continue
            told.append((remark.key, remark.facts))
            kinds[remark.key] += 1
            if kinds[remark.key] <= MOST_REMARKS:
                yield Note(remark.key, {**remark.facts, "position": remark.position})


def _found(prompt: str, sources: PromptSources) -> tuple[LoraUse, ...]:
    """The LoRAs of a prompt that there are. Raises: InvalidNetworkError."""
    tags = loras(parse(prompt)) if "<" in prompt else ()
    return tuple(
        LoraUse(
            name=tag.name,
            unet=tag.unet,
            text_encoder=tag.text_encoder,
            ranks=tag.ranks,
            sha256=sources.loras[tag.name],
        )
        for tag in tags
        if tag.name in sources.loras
    )


def asked_loras(asked: Sequence[str], sources: PromptSources) -> tuple[LoraUse, ...]:
    """The LoRAs of a setting: `name`, `name:0.8` or `name:0.5:1` (text encoder, UNet), also with a path for the name.

    Raises: UnknownLoraError, InvalidNetworkError.
    """
    found = []
    for text in asked:
        name, *weights = split_lora(text)
        tag = read_lora(Network("lora", (stem_of(name), *weights)))
        if tag.name not in sources.loras:
            nearest = difflib.get_close_matches(tag.name, sources.loras, 1, 0.0)
            key = "error.lora.unknown" if nearest else "error.lora.unknown_none"
            raise UnknownLoraError(key, name=name, nearest="".join(nearest))
        digest = sources.loras[tag.name]
        found.append(LoraUse(name=tag.name, unet=tag.unet, text_encoder=tag.text_encoder, sha256=digest))
    return tuple(found)


def split_lora(text: str) -> tuple[str, ...]:
    """The name or path of a LoRA that was asked for, and its weights: at most two numbers behind colons at the end."""
    parts = text.strip().split(":")
    numbers = [part for part in parts[-2:] if len(parts) > 1 and NUMBER.fullmatch(part.strip())]
    if len(parts) > 2 and len(numbers) == 1 and not NUMBER.fullmatch(parts[-1].strip()):
        numbers = []
    kept = len(parts) - len(numbers)
    return (":".join(parts[:kept]), *(part.strip() for part in parts[kept:]))


def stem_of(name: str) -> str:
    """The name of a LoRA that was asked for by its path or its place on the hub."""
    if "/" in name and not Path(name).expanduser().is_file() and (remote := find_remote(name, "adapter")):
        return remote.word
    return Path(name).stem if Path(name).suffix.casefold() in WEIGHT_FILES else name


def _called(texts: Iterable[str], sources: PromptSources) -> tuple[EmbeddingUse, ...]:
    """The textual inversions that texts call."""
    together = "\n".join(texts)
    return tuple(
        EmbeddingUse(name=word, sha256=sources.embeddings[word]) for word in sources.embeddings if calls(together, word)
    )


def _as_kept(expansion: Expansion) -> dict[str, Any]:
    """What the manifest keeps of an expansion: all but its text, which is the prompt."""
    return {name: value for name, value in expansion.as_json().items() if name != "text"}


def _count_note(count: Count) -> Note:
    number = f"{count.number:,}"
    if count.number >= 10**SHORT_DIGITS:
        number = f"10^{len(str(count.number)) - 1}"
        return Note(COUNTED["at_most" if count.bound == "at_most" else "at_least"], {"count": number})
    return Note(COUNTED[count.bound], {"count": number})
