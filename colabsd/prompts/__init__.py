"""The prompt language: parse, write back, expand. No torch.

    tree = parse("a [cat:dog:0.5] in the (rain:1.2) <lora:ink:0.8>")
    write(tree)                     the text again
    spans(tree, steps=20)           which weighted text is used until which step
    lint("a (cat")                  what is probably not meant
    expand("a {red|green} __animal__", seed=1, lookup=WildcardFolder(path))
    apply_styles("a cat", "", ["ink"], styles)

The languages are told where they are read: attention in `attention.py`, schedules, AND and comments in `grammar.py`,
dynamic prompts in `templates.py`, wildcards in `wildcards.py`, LoRA tags in `networks.py`, styles in `styles.py`.
"""

from colabsd.prompts.attention import Piece, Pieces
from colabsd.prompts.chunks import Chunks, Embedding, SpecialTokens, chunk, fill
from colabsd.prompts.counting import Count, count_combinations
from colabsd.prompts.expand import Drawn, Expansion, combinations, expand, expand_each
from colabsd.prompts.grammar import parse
from colabsd.prompts.lint import Remark, lint
from colabsd.prompts.networks import LoraTag, loras
from colabsd.prompts.spans import Span, WeightedPart, spans
from colabsd.prompts.styles import Style, Styled, apply_styles, find_styles, read_styles, write_styles
from colabsd.prompts.tree import Break, Prompt, Text
from colabsd.prompts.wildcards import WildcardFolder
from colabsd.prompts.write import literal, write

__all__ = [
    "Break",
    "Chunks",
    "Count",
    "Drawn",
    "Embedding",
    "Expansion",
    "LoraTag",
    "Piece",
    "Pieces",
    "Prompt",
    "Remark",
    "Span",
    "SpecialTokens",
    "Style",
    "Styled",
    "Text",
    "WeightedPart",
    "WildcardFolder",
    "apply_styles",
    "chunk",
    "combinations",
    "count_combinations",
    "expand",
    "expand_each",
    "fill",
    "find_styles",
    "lint",
    "literal",
    "loras",
    "parse",
    "read_styles",
    "spans",
    "write",
    "write_styles",
]
