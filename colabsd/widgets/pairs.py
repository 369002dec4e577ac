"""A draft beside its final, with how alike they are: pictures to look at, nothing to press."""

from typing import TYPE_CHECKING

from colabsd.language import Language, say
from colabsd.widgets.escaping import data_address, escaped

if TYPE_CHECKING:
    from colabsd.studio import Pair

# From which similarity (SSIM, from -1 to 1) on which sentence is said.
SIMILARITIES: tuple[tuple[float, str], ...] = (
    (0.9, "page.similar.same"),
    (0.6, "page.similar.close"),
    (-1.1, "page.similar.other"),
)


def similarity_key(similarity: float) -> str:
    """The key of what is said of a similarity."""
    return next(key for least, key in SIMILARITIES if similarity >= least)


def pair_html(pair: "Pair", draft: bytes, final: bytes, language: Language) -> str:
    """The two pictures (JPEG) beside each other, and a sentence on their likeness."""
    said = say(similarity_key(pair.similarity), language, similarity=f"{pair.similarity:.2f}")
    figures = "".join(
        _figure(data, say(key, language, steps=steps))
        for data, key, steps in (
            (draft, "page.pair.draft", pair.draft.steps),
            (final, "page.pair.final", pair.final.record.steps),
        )
    )
    return f'<div class="colabsd-pair">{figures}</div><div class="colabsd-dim">{escaped(said)}</div>'


def _figure(data: bytes, caption: str) -> str:
    source = data_address(data, "image/jpeg")
    return f'<figure><img src="{source}" alt=""><figcaption>{escaped(caption)}</figcaption></figure>'
