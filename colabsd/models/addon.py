"""A row of what goes with models: what it is, where it comes from, which files it is made of."""

from dataclasses import dataclass
from typing import Literal

from colabsd.models.cards import Family, HubFile
from colabsd.models.download import Wanted
from colabsd.models.families import Defaults

Kind = Literal[
    "adapter",
    "embedding",
    "autoencoder",
    "preview",
    "enlarger",
    "faces",
    "depth",
    "motion",
    "captions",
    "checker",
    "scorer",
]


@dataclass(frozen=True, kw_only=True)
class AddOn:
    """Something that goes with models of `families` (() is all of them).

    `source` is a hub id or the releases of a repository on GitHub (`github.com/owner/name`, `revision` is the tag).
    `files` are exactly what is brought. `license` "" was not seen. `aliases` call it too. `draws_with` is how a LoRA
    that was made for few steps wants its model to be drawn with.
    """

    name: str
    kind: Kind
    source: str
    files: tuple[HubFile, ...]
    license: str
    facts_from: tuple[str, ...]
    revision: str = ""
    families: tuple[Family, ...] = ()
    aliases: tuple[str, ...] = ()
    draws_with: Defaults | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """What calls it, in prompts too."""
        return self.name, *self.aliases

    @property
    def wanted(self) -> Wanted:
        """What the cache is asked for, to have it."""
        return Wanted(
            name=self.name,
            source=self.source,
            revision=self.revision,
            known=self.files,
            only_known=True,
            kept_as=self.name,
        )

    @property
    def bytes(self) -> int:
        """What downloading it takes, as far as it is known; 0 is not known."""
        return sum(file.bytes for file in self.files)
