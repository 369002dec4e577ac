"""The folders of small files that change a model: LoRAs, textual inversions, autoencoders. Finds them by name.

A file's name without its ending is what calls it, in subfolders too. Digests are read when they are asked for, and
remembered (`digests.py`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from colabsd.errors import ColabsdError, UnknownLoraError, UnknownVaeError
from colabsd.models.digests import digest_files, digest_of_model
from colabsd.models.embedding_files import read_embedding_file
from colabsd.models.folders import weight_file
from colabsd.models.tensor_headers import WEIGHT_FILES


class Digests(Mapping[str, str]):
    """The sha256 of files by the words that call them, each read from its file when it is asked for."""

    def __init__(self, paths: Mapping[str, Path], memory: Path | None) -> None:
        self.paths = paths
        self.memory = memory

    def __getitem__(self, word: str) -> str:
        return digest(self.paths[word], self.memory)

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def digest_of_autoencoder(path: Path, memory: Path | None) -> str:
    """The sha256 of an autoencoder's file, or the digest of its folder's. Raises: MissingWeightsError."""
    if path.is_file():
        return digest(path, memory)
    folder = path / "vae" if (path / "vae" / "config.json").is_file() else path
    files = (folder / "config.json", weight_file(folder.parent, folder.name))
    return digest_of_model({file.name: digest(file, memory) for file in files})


def digest(path: Path, memory: Path | None) -> str:
    """The sha256 of one file, remembered. Raises: MissingWeightsError, DamagedWeightsError."""
    reading = digest_files(path.parent, (path.name,), memory)
    while True:
        try:
            next(reading)
        except StopIteration as end:
            return str(end.value[path.name])


class AdapterFolders:
    """LoRAs, textual inversions and autoencoders in `root`/loras, `root`/embeddings and `root`/vae.

    `memory` remembers digests; `also` are LoRAs that lie elsewhere. Folders are looked at once; a new object sees new
    files.
    """

    def __init__(self, root: Path, memory: Path | None = None, also: Sequence[Path] = ()) -> None:
        self.root = root
        self.memory = memory
        self.also = also

    @cached_property
    def loras(self) -> Digests:
        """LoRAs by name."""
        return Digests({**_files(self.root / "loras"), **{path.stem: path for path in self.also}}, self.memory)

    @cached_property
    def embeddings(self) -> Digests:
        """Textual inversions by the words that call them; files that are none are left out."""
        paths: dict[str, Path] = {}
        for path in _files(self.root / "embeddings").values():
            try:
                words = read_embedding_file(path).words
            except ColabsdError:
                continue  # it is told when it is asked for by its own name, not whenever anything is drawn
            for word in words:
                paths.setdefault(word, path)
        return Digests(paths, self.memory)

    def find_lora(self, name: str, sha256: str) -> Path:
        """The file of a LoRA by its digest, whatever it is called now. Raises: UnknownLoraError."""
        return self._by_digest(self.loras, name, sha256, "error.lora.changed", "loras")

    def find_embedding(self, name: str, sha256: str) -> Path:
        """The file of a textual inversion by its digest, whatever it is called now. Raises: UnknownLoraError."""
        return self._by_digest(self.embeddings, name, sha256, "error.embedding.changed", "embeddings")

    def _by_digest(self, digests: Digests, name: str, sha256: str, key: str, folder: str) -> Path:
        first = [digests.paths[name]] if name in digests.paths else []
        for path in dict.fromkeys((*first, *digests.paths.values())):
            if digest(path, self.memory) == sha256:
                return path
        raise UnknownLoraError(key, name=name, sha256=sha256[:12], folder=self.root / folder)

    def vae_path(self, name: str) -> Path:
        """An autoencoder by name, or the path of its file or folder. Raises: UnknownVaeError."""
        path = Path(name).expanduser()
        if path.exists():
            return path.resolve()
        folder = self.root / "vae"
        found = _files(folder).get(name) or (folder / name if (folder / name / "config.json").is_file() else None)
        if found is None:
            raise UnknownVaeError(name=name, folder=folder)
        return found


def calls(text: str, word: str) -> bool:
    """Whether a text has a word, whatever its case; not as a piece of a longer one."""
    return pattern_of(word).search(text) is not None


def pattern_of(word: str) -> re.Pattern[str]:
    """What finds a word in texts: no letter or digit may go on where it begins or ends with one."""
    before = r"(?<!\w)" if re.match(r"\w", word) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", word) else ""
    return re.compile(before + re.escape(word) + after, re.IGNORECASE)


def _files(folder: Path) -> dict[str, Path]:
    """Weight files of a folder and its subfolders by their names without endings, the first of equal names."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.suffix.casefold() in WEIGHT_FILES and path.is_file():
            found.setdefault(path.stem, path)
    return found
