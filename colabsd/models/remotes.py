"""What goes with models and may still have to be brought: called by a name of the catalog or by a place on the hub.

Knows which files the cache is to be asked for and where they lie then; brings nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from colabsd.models.addons import ADDONS, AddOn, Kind, find_addon
from colabsd.models.cards import Family, HubFile
from colabsd.models.download import Wanted
from colabsd.models.hub_places import HubPlace, read_place
from colabsd.models.shelf import folder_name, read_kept

# What a repository of such things is made of, as diffusers writes it.
USUAL_FILES: Mapping[Kind, tuple[str, ...]] = {
    "adapter": ("pytorch_lora_weights.safetensors",),
    "autoencoder": ("config.json", "diffusion_pytorch_model.safetensors"),
}


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A LoRA, textual inversion or autoencoder of the catalog or the hub.

    `word` calls it; `file` is what it is in the folder that the cache keeps, "" the folder itself; `sha256` is "" where
    it is not known before it came; `families` () is not known.
    """

    word: str
    wanted: Wanted
    file: str
    sha256: str = ""
    families: tuple[Family, ...] = ()

    def path(self, home: Path) -> Path | None:
        """Where it is, when it is whole in `home`, where the cache has what is loaded."""
        kept = read_kept(home / self.wanted.folder)
        return None if kept is None else kept.folder / self.file


def listed_remotes(kind: Kind) -> tuple[Remote, ...]:
    """Those of the catalog, one for each word that calls them."""
    return tuple(_of_addon(row, word) for row in ADDONS if row.kind == kind for word in row.words)


def find_remote(text: str, kind: Kind) -> Remote | None:
    """What a name of the catalog or a place on the hub means; None for what is neither."""
    row = find_addon(text)
    if row is not None:
        return _of_addon(row, row.name) if row.kind == kind else None
    place = read_place(text)
    if place is None:
        return None
    row = _row_at(place, kind)
    return _of_addon(row, row.name) if row is not None else _of_place(place, kind)


def _of_addon(row: AddOn, word: str) -> Remote:
    single = len(row.files) == 1
    file, sha256 = (row.files[0].name, row.files[0].sha256) if single else ("", "")
    return Remote(word=word, wanted=row.wanted, file=file, sha256=sha256, families=row.families)


def _row_at(place: HubPlace, kind: Kind) -> AddOn | None:
    """The catalog's only row of that place, at the revision that the catalog knows."""
    rows = [row for row in ADDONS if row.source == place.source and row.kind == kind]
    rows = [row for row in rows if not place.file or [file.name for file in row.files] == [place.file]]
    return rows[0] if len(rows) == 1 and place.revision in ("", rows[0].revision) else None


def _of_place(place: HubPlace, kind: Kind) -> Remote:
    names: Sequence[str] = (place.file,) if place.file else USUAL_FILES[kind]
    wanted = Wanted(
        name=str(place),
        source=place.source,
        revision=place.revision,
        known=tuple(HubFile(name) for name in names),
        only_known=True,
        kept_as=folder_name(f"{place.source}/{place.file or kind}", place.revision),
    )
    return Remote(word=place.word, wanted=wanted, file=names[0] if len(names) == 1 else "")
