"""What in a prompt is probably not meant: remarks for people, never errors. Knows nothing of models but their names.

A remark is a sentence of `language/` with the position (characters from 0) that it speaks of.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from colabsd.errors import InvalidNetworkError
from colabsd.prompts import attention, chunks, cleaning, grammar, networks
from colabsd.prompts.chunks import SpecialTokens, Tokenize
from colabsd.prompts.tree import MAX_DEPTH, Break
from colabsd.prompts.write import write_network, write_number

LOWEST_WEIGHT, HIGHEST_WEIGHT = 0.0, 2.0

_SHOWN = 40
_AND = re.compile(r"\\.|[()\[\]]|\bAND\b", re.DOTALL)
_CLOSERS = {")": "(", "]": "["}


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to look at: the sentence's key, where in the text, and the facts that the sentence names."""

    key: str
    position: int
    facts: Mapping[str, Any]


def lint(
    text: str,
    *,
    negative: bool = False,
    tokenize: Tokenize | None = None,
    loras: Collection[str] | None = None,
) -> tuple[Remark, ...]:
    """Remarks on a prompt in the order of its text. Without `tokenize` its length is not looked at, without `loras`
    (the names there are) no LoRA is unknown.
    """
    cleaned = cleaning.clean(text)
    remarks = [
        Remark("lint.comment", place, {"rest": _shown(text[place:].partition("\n")[0])}) for place in cleaned.comments
    ]
    remarks += _on_networks(cleaned, loras)
    parts = cleaning.split_parts(cleaned.text, negative=negative)
    if len(parts) > 1:
        remarks += _on_ands(cleaned)
    elif parts[0].number >= 0:
        number = cleaned.text[parts[0].number :].strip()
        remarks.append(Remark("lint.number_at_end", cleaned.origin(parts[0].number), {"number": number}))
    for part in parts:
        source = cleaned.text[part.start : part.end]
        reading = grammar.read_part(source)
        found = [*_on_structure(source, reading), *_on_weights(source)]
        if tokenize is not None:
            found += _on_length(source, tokenize)
        remarks += [Remark(one.key, cleaned.origin(part.start + one.position), one.facts) for one in found]
        remarks += _on_timed_networks(cleaned, part, reading)
    return tuple(sorted(remarks, key=lambda remark: remark.position))


def _on_structure(source: str, reading: grammar.Reading) -> Iterator[Remark]:
    for place in reading.unclosed:
        yield Remark("lint.bracket_open", place, {"bracket": source[place]})
    for place in reading.unopened:
        yield Remark("lint.bracket_close", place, {"bracket": source[place]})
    for start, end in reading.numbers:
        yield Remark("lint.number", start, {"number": source[start:end].strip()})
    for place in reading.late:
        yield Remark("lint.schedule_late", place, {})
    if reading.deep:
        yield Remark("lint.depth", min(reading.deep), {"limit": MAX_DEPTH})
    if reading.timed and reading.bars:
        yield Remark("lint.bar", reading.bars[0], {})
    if reading.timed and reading.stray_backslash >= 0:
        yield Remark("lint.backslash", reading.stray_backslash, {})


def _on_weights(source: str) -> Iterator[Remark]:
    previous = 1.0
    for run in attention.runs(source):
        if run.text is None:
            if run.bracketed:
                yield Remark("lint.break", run.start, {})
            continue
        outside = not LOWEST_WEIGHT <= run.weight <= HIGHEST_WEIGHT
        if outside and run.weight != previous and run.text.strip():
            facts = {"weight": write_number(round(run.weight, 2)), "words": _shown(run.text.strip())}
            yield Remark("lint.weight", run.start, facts)
        previous = run.weight


def _on_length(source: str, tokenize: Tokenize) -> Iterator[Remark]:
    """Where the first cut falls that nobody asked for."""
    begins = [(run.start, run.text, run.weight) for run in attention.runs(source)]
    pieces = tuple(Break() if words is None else attention.Piece(words, weight) for _, words, weight in begins)
    cut = chunks.chunk(pieces, tokenize, SpecialTokens(0, 0))
    asked = sum(isinstance(piece, Break) for piece in pieces)
    if len(cut.ids) <= asked + 1:
        return
    for piece, token in cut.starts:
        start, words, _ = begins[piece]
        if token == 0 and piece and isinstance(pieces[piece - 1], Break):
            continue
        assert words is not None
        offset = _word_of(words, token, tokenize)
        facts = {"tokens": cut.tokens, "chunks": len(cut.ids), "words": _shown(words[offset:].strip())}
        yield Remark("lint.length", start + offset, facts)
        return


def _word_of(words: str, token: int, tokenize: Tokenize) -> int:
    """Where the word begins that the token belongs to: tokens never reach over blanks."""
    passed = 0
    for word in re.finditer(r"\S+", words):
        passed += len(tokenize(word[0]))
        if passed > token:
            return word.start()
    return len(words)


def _on_networks(cleaned: cleaning.Cleaned, loras: Collection[str] | None) -> Iterator[Remark]:
    for network, place, _ in cleaned.networks:
        if network.kind != "lora":
            continue
        try:
            tag = networks.read_lora(network)
        except InvalidNetworkError as error:
            yield Remark("lint.network_number", place, error.facts)
            continue
        if loras is not None and tag.name not in loras:
            yield Remark("lint.lora_unknown", place, {"name": tag.name})
        for weight in dict.fromkeys((tag.text_encoder, tag.unet)):
            if not LOWEST_WEIGHT <= weight <= HIGHEST_WEIGHT:
                facts = {"weight": write_number(weight), "words": write_network(network)}
                yield Remark("lint.weight", place, facts)


def _on_timed_networks(
    cleaned: cleaning.Cleaned, part: cleaning.PartRange, reading: grammar.Reading
) -> Iterator[Remark]:
    for network, place, position in cleaned.networks:
        if any(start < position - part.start <= end for start, end in reading.timed):
            yield Remark("lint.network_timed", place, {"tag": write_network(network)})


def _on_ands(cleaned: cleaning.Cleaned) -> Iterator[Remark]:
    """Each AND that stands inside brackets, which it cuts in two."""
    opened: list[str] = []
    for match in _AND.finditer(cleaned.text):
        mark = match[0]
        if mark in ("(", "["):
            opened.append(mark)
        elif mark in _CLOSERS and _CLOSERS[mark] in opened:
            while opened.pop() != _CLOSERS[mark]:
                pass
        elif mark == "AND" and opened:
            yield Remark("lint.and", cleaned.origin(match.start()), {"bracket": opened[-1]})


def _shown(words: str) -> str:
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
