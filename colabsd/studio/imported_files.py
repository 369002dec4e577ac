"""LoRAs, textual inversions and autoencoders that took part in a picture of another program, looked for here."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from colabsd.library.importers.imported import Fact, Imported, NamedFile
from colabsd.library.infotext import hashed_name, read_hashes
from colabsd.models.adapters import AdapterFolders, pattern_of
from colabsd.models.remotes import find_remote

DIGEST = re.compile("[0-9a-f]{8,64}")
LORA = re.compile(r"<(?:lora|lyco):([^:>]+)(?=[:>])")
LISTS = ("Lora hashes", "TI hashes")
REASONS = ("note.import.adapters", "note.import.vae")


def with_files(imported: Imported, folders: AdapterFolders) -> Imported:
    """The settings with what is here of a picture's files, by digest where it has another name; the facts say so.

    What is not here, or is another file of the same name, stays a fact that cannot be equal. Reads files' digests only
    where the picture tells them.
    """
    if not imported.files:
        return imported
    found = {file: _find(file, folders) for file in imported.files}
    names = {file: name for file, name in found.items() if name is not None}
    settings = dict(imported.settings)
    for prompt in ("prompt", "negative_prompt"):
        if settings.get(prompt):
            settings[prompt] = _renamed(str(settings[prompt]), names)
    vae = next((name for file, name in names.items() if file.kind == "vae"), None)
    settings |= {"vae": vae} if vae else {}
    sure = {file: name for file, name in names.items() if _is_sure(file, folders)}
    facts = tuple(after for fact in imported.facts for after in _told(fact, sure))
    return replace(imported, settings=settings, facts=facts)


def _find(file: NamedFile, folders: AdapterFolders) -> str | None:
    """What calls a file here: that of its digest, else that of its name."""
    digest = file.digest if DIGEST.fullmatch(file.digest) else ""
    if file.kind == "vae":
        named = folders.has_vae(file.name) or find_remote(file.name, "autoencoder") is not None
        return (folders.vae_of(digest) if digest else None) or (file.name if named else None)
    if file.kind == "lora":
        by_digest = folders.lora_of(digest, file.name) if digest else None
        return by_digest or (file.name if file.name in folders.loras else None)
    by_digest = folders.embedding_of(digest) if digest else None
    words = (word for word in folders.embeddings if word.casefold() == file.name.casefold())
    return by_digest or next(words, None)


def _is_sure(file: NamedFile, folders: AdapterFolders) -> bool:
    """Whether what was found is the file that took part, or nothing tells otherwise."""
    if not DIGEST.fullmatch(file.digest):
        return True
    by_digest = {"vae": folders.vae_of, "lora": folders.lora_of, "embedding": folders.embedding_of}[file.kind]
    return by_digest(file.digest) is not None


def _renamed(prompt: str, names: Mapping[NamedFile, str]) -> str:
    """A prompt with the names that things have here, all at once: two may have changed theirs with each other."""
    loras = {file.name: name for file, name in names.items() if file.kind == "lora"}
    prompt = LORA.sub(lambda tag: f"<lora:{loras.get(tag[1], tag[1])}", prompt)
    words = {file.name.casefold(): name for file, name in names.items() if file.kind == "embedding"}
    if not words:
        return prompt
    called = re.compile("|".join(pattern_of(word).pattern for word in words), re.IGNORECASE)
    return called.sub(lambda word: words[word[0].casefold()], prompt)


def _told(fact: Fact, sure: Mapping[NamedFile, str]) -> Iterator[Fact]:
    """A fact as it is now: what was found is understood; of a list only what was not found cannot be equal."""
    if fact.reason not in REASONS:
        yield fact
        return
    if fact.name in LISTS:
        kind = "lora" if fact.name == LISTS[0] else "embedding"
        known = {hashed_name(file.name) for file in sure if file.kind == kind}
        missing = {name: digest for name, digest in read_hashes(fact.value).items() if name not in known}
        if not missing:
            yield replace(fact, fate="understood", reason=None)
        else:
            yield replace(fact, value=", ".join(f"{name}: {digest}" for name, digest in missing.items()))
        return
    for file, name in sure.items():
        is_tag = file.kind == "lora" and re.match(rf"<(?:lora|lyco):{re.escape(file.name)}[:>]", fact.value)
        if is_tag or (file.kind == "vae" and fact.name in ("VAE", "VAE hash")):
            became = _renamed(fact.value, {file: name}) if is_tag else name
            same = became == fact.value or file.name == name
            setting = "prompt" if is_tag else "vae"
            yield replace(fact, fate="understood" if same else "renamed", setting=setting, became=became, reason=None)
            return
    yield fact
