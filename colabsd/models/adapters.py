"""The small files that change a model: LoRAs, textual inversions, autoencoders. Finds them by name.

A file's name without its ending is what calls it, in subfolders too; behind these come those of the catalog and the hub
(`remotes.py`). Digests are read when they are asked for, and remembered (`digests.py`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from colabsd.errors import ColabsdError, UnknownLoraError, UnknownVaeError
from colabsd.models.digests import content_digest, digest_files, digest_of_model
from colabsd.models.embedding_files import read_embedding_file
from colabsd.models.folders import weight_file
from colabsd.models.remotes import Remote, find_remote, listed_remotes
from colabsd.models.tensor_headers import WEIGHT_FILES

SHORT_DIGITS = 12  # of a digest, as other programs write it with a picture


class Digests(Mapping[str, str]):
    """The sha256 of files by the words that call them, each read from its file when it is asked for.

    `promised` are those that are not here yet, with what is known of their digests; "" is nothing.
    """

    def __init__(self, paths: Mapping[str, Path], memory: Path | None, promised: Mapping[str, Remote]) -> None:
        self.paths = paths
        self.memory = memory
        self.promised = {word: remote for word, remote in promised.items() if word not in paths}

    def __getitem__(self, word: str) -> str:
        return digest(self.paths[word], self.memory) if word in self.paths else self.promised[word].sha256

    def __iter__(self) -> Iterator[str]:
        yield from self.paths
        yield from self.promised

    def __len__(self) -> int:
        return len(self.paths) + len(self.promised)


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
    """LoRAs, textual inversions and autoencoders in `root`/loras, `root`/embeddings and `root`/vae, and further ones.

    `memory` remembers digests; `also` are LoRAs that lie elsewhere, `remotes` LoRAs of the hub that were asked for.
    `home` is where the cache has what it brought; None is `root`. `near` are folders with the same things that are read
    faster: what is on its way to Drive. Folders are looked at once; a new object sees new files.
    """

    def __init__(
        self,
        root: Path,
        memory: Path | None = None,
        also: Sequence[Path] = (),
        remotes: Sequence[Remote] = (),
        home: Path | None = None,
        near: Sequence[Path] = (),
    ) -> None:
        self.root = root
        self.memory = memory
        self.also = also
        self.remotes = remotes
        self.home = root if home is None else home
        self.near = near

    @cached_property
    def loras(self) -> Digests:
        """LoRAs by name."""
        listed = {remote.word: remote for remote in listed_remotes("adapter")}
        asked = {remote.word: remote for remote in self.remotes}
        here = {**self._here(listed), **self._own("loras"), **{path.stem: path for path in self.also}}
        here = {word: path for word, path in here.items() if word not in asked} | self._here(asked)
        return Digests(here, self.memory, {**listed, **asked})

    @cached_property
    def embeddings(self) -> Digests:
        """Textual inversions by the words that call them; files that are none are left out."""
        remotes = {remote.word: remote for remote in listed_remotes("embedding")}
        paths: dict[str, Path] = {}
        for path in self._own("embeddings").values():
            try:
                words = read_embedding_file(path).words
            except ColabsdError:
                continue  # it is told when it is asked for by its own name, not whenever anything is drawn
            for word in words:
                paths.setdefault(word, path)
        known = {word.casefold() for word in paths}
        remotes = {word: remote for word, remote in remotes.items() if word.casefold() not in known}
        return Digests({**self._here(remotes), **paths}, self.memory, remotes)

    def _own(self, folder: str) -> dict[str, Path]:
        """What lies in a folder of the workspace, by name."""
        found: dict[str, Path] = {}
        for root in (self.root, *reversed(self.near)):
            found |= _files(root / folder)
        return found

    def _here(self, remotes: Mapping[str, Remote]) -> dict[str, Path]:
        """Those that were brought."""
        found = {word: remote.path(self.home) for word, remote in remotes.items()}
        return {word: path for word, path in found.items() if path is not None}

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

    def lora_hashes(self, names: Iterable[str]) -> dict[str, str]:
        """The digests by which other programs know LoRAs that are here. Raises: as `content_digest`."""
        paths = self.loras.paths
        return {name: content_digest(paths[name], self.memory)[:SHORT_DIGITS] for name in names if name in paths}

    def lora_of(self, digest: str, name: str = "") -> str | None:
        """What calls the LoRA whose digest, of its content or of its file, begins so; that of the name is looked at
        first. Of those of the catalog that are not here only what is known counts."""
        paths = self.loras.paths
        first = [name] if name in paths else []
        for word in dict.fromkeys((*first, *paths)):
            if content_digest(paths[word], self.memory).startswith(digest) or self.loras[word].startswith(digest):
                return word
        return _promised(self.loras, digest)

    def embedding_of(self, digest: str) -> str | None:
        """What calls the textual inversion whose file's sha256 begins so."""
        found = (word for word in self.embeddings.paths if self.embeddings[word].startswith(digest))
        return next(found, None) or _promised(self.embeddings, digest)

    def vae_of(self, digest: str) -> str | None:
        """The name of the autoencoder whose digest begins so."""
        folder = self.root / "vae"
        paths = _files(folder) | {path.parent.name: path.parent for path in folder.glob("*/config.json")}
        paths |= self._here({remote.word: remote for remote in listed_remotes("autoencoder")})
        for word, path in paths.items():
            if digest_of_autoencoder(path, self.memory).startswith(digest):
                return word
        return None

    def has_vae(self, name: str) -> bool:
        """Whether an autoencoder of that name is in the folder."""
        return self._own_vae(name) is not None

    def vae_path(self, name: str) -> Path:
        """An autoencoder by name, by the path of its file or folder, or by its place on the hub once it was brought.

        Raises: UnknownVaeError.
        """
        found = self._own_vae(name)
        remote = find_remote(name, "autoencoder") if found is None else None
        found = remote.path(self.home) if remote else found
        if found is None:
            raise UnknownVaeError(name=name, folder=self.root / "vae")
        return found

    def remote_vae(self, name: str) -> Remote | None:
        """The autoencoder of the catalog or the hub that a name means and that is not here yet."""
        remote = find_remote(name, "autoencoder") if self._own_vae(name) is None else None
        return remote if remote is not None and remote.path(self.home) is None else None

    def _own_vae(self, name: str) -> Path | None:
        path, folder = Path(name).expanduser(), self.root / "vae"
        if path.exists():
            return path.resolve()
        return _files(folder).get(name) or (folder / name if (folder / name / "config.json").is_file() else None)


def _promised(digests: Digests, digest: str) -> str | None:
    found = (word for word, remote in digests.promised.items() if remote.sha256.startswith(digest))
    return next(found, None)


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
