"""Prompts in a workspace: what they may name (styles.csv, the folder of wildcards), and how a model will read them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from colabsd.models.adapters import AdapterFolders
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Drawing
from colabsd.planning.prompts import PromptSources
from colabsd.prompts import Pieces, Style, WildcardFolder, chunk, parse, read_styles, spans
from colabsd.prompts.spans import Span
from colabsd.settings.images import ImageSettings
from colabsd.settings.samplers import find_sampler
from colabsd.storage.failures import storage_errors
from colabsd.storage.workspace import Workspace

if TYPE_CHECKING:
    from colabsd.engine.tokenizer import ClipTokenizer


@dataclass(frozen=True)
class Used:
    """What is used from model call `first` to `last`, from 1: the sides of an AND with their weights."""

    first: int
    last: int
    sides: tuple[tuple[float, Pieces], ...]


@dataclass(frozen=True)
class Reading:
    """How one prompt of a drawing is read: what is used when, its longest text in tokens, and their chunks."""

    text: str
    negative: bool
    used: tuple[Used, ...]
    tokens: int
    chunks: int


def prompt_sources(
    workspace: Workspace, settings: ImageSettings, folders: AdapterFolders, *, dynamic: bool = True
) -> PromptSources:
    """The sources for one request; styles are read only where some are asked for.

    Raises: StorageError, DamagedStylesError.
    """
    styles = workspace_styles(workspace) if settings.style else ()
    return PromptSources(
        styles=styles,
        wildcards=WildcardFolder(workspace.wildcards),
        loras=folders.loras,
        embeddings=folders.embeddings,
        dynamic=dynamic,
    )


def workspace_styles(workspace: Workspace) -> tuple[Style, ...]:
    """The styles of the workspace, none where there is no table. Raises: StorageError, DamagedStylesError."""
    if not workspace.styles.exists():
        return ()
    with storage_errors(workspace.styles):
        text = workspace.styles.read_bytes().decode("utf-8-sig", "replace")
    return read_styles(text)


def read_prompts(drawing: Drawing, card: ModelCard) -> tuple[Reading, ...]:
    """How a model reads the prompt of a drawing, and its negative prompt if there is one. Loads no weights.

    Raises: MissingWeightsError, DamagedWeightsError for a model whose words cannot be read.
    """
    tokenizer = _tokenizer_of(card)
    prompts = [(drawing.prompt, False), *([(drawing.negative_prompt, True)] if drawing.negative_prompt.strip() else [])]
    return tuple(_read(text, negative, drawing, tokenizer) for text, negative in prompts)


def _tokenizer_of(card: ModelCard) -> "ClipTokenizer":
    """The model's own tokenizer where its folder or file is here, else CLIP's, which is that of nearly all models."""
    from colabsd.engine.tokenizer import END, build_tokenizer, clip_merges, load_tokenizer

    if card.folder:  # without torch: a page asks after every change
        return load_tokenizer(card.folder)
    if card.file:
        from colabsd.engine.model_parts import open_parts

        return open_parts(card).tokenizer("text_encoder")
    return build_tokenizer(clip_merges(), END, Path(card.source))


def _read(text: str, negative: bool, drawing: Drawing, tokenizer: "ClipTokenizer") -> Reading:
    order = find_sampler(drawing.sampler).order
    brackets = drawing.emphasis != "literal"
    found = spans(parse(text, negative=negative), drawing.steps, order, brackets=brackets)
    cut = [chunk(part.pieces, tokenizer.ids, tokenizer.special) for span in found for part in span.parts]
    longest = max(cut, key=lambda chunks: chunks.tokens)
    return Reading(text, negative, _used(found, drawing.steps * order), longest.tokens, len(longest.ids))


def _used(found: tuple[Span, ...], calls: int) -> tuple[Used, ...]:
    """Spans as calls from 1: one that ends at call e is used for calls 0 to e, as the engine counts them."""
    used: list[Used] = []
    for span in found:
        first, last = used[-1].last + 1 if used else 1, min(span.end_call + 1, calls)
        if first <= last:
            used.append(Used(first, last, tuple((part.weight, part.pieces) for part in span.parts)))
    return tuple(used)
