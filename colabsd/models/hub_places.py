"""Places on the hub as people write them: `owner/name`, one of its files, the address of its page. Reads nothing."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from colabsd.models.tensor_headers import WEIGHT_FILES

HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co", "hf-mirror.com")
NAME = re.compile(r"[\w][\w.-]*")
ADDRESS = re.compile(
    r"https?://(?P<host>[^/]+)/(?P<source>[^/]+/[^/?#]+)"
    r"(?:/(?:blob|resolve|raw|tree)/(?P<revision>[^/?#]+)(?:/(?P<file>[^?#]+))?)?/?(?:[?#].*)?"
)
CODE = re.compile(rb"%([0-9a-fA-F]{2})")
MAIN = "main"
# Names that many repositories give to their one file; there the repository's own name says more.
PLAIN_STEMS = frozenset(
    {"pytorch_lora_weights", "diffusion_pytorch_model", "learned_embeds", "adapter_model", "model", "pytorch_model"}
)


@dataclass(frozen=True)
class HubPlace:
    """A repository at a revision ("" is the newest), or with `file` one file in it."""

    source: str
    revision: str = ""
    file: str = ""

    def __str__(self) -> str:
        revision = self.revision.replace("/", "%2F")
        return self.source + (f"@{revision}" if revision else "") + (f"/{self.file}" if self.file else "")

    @property
    def word(self) -> str:
        """What it is called by: its file's name without the ending, else the repository's."""
        stem = PurePosixPath(self.file).stem
        return self.source.rpartition("/")[2] if stem in PLAIN_STEMS or not stem else stem


def read_place(text: str) -> HubPlace | None:
    """The place that `owner/name`, `owner/name@revision`, `owner/name/file.safetensors` (with `@revision` behind
    either) or an address means; None for what has no such form, as paths have not.
    """
    text = text.strip()
    address = ADDRESS.fullmatch(text)
    if address:
        revision, file = (_decoded(address[name] or "") for name in ("revision", "file"))
        found = HubPlace(address["source"], revision, file.strip("/"))
        return _checked(found) if address["host"] in HOSTS else None
    owner, _, rest = text.partition("/")
    name, _, file = rest.partition("/")
    name, _, revision = name.partition("@")
    if file and not revision:
        file, _, revision = file.partition("@")
    return _checked(HubPlace(f"{owner}/{name}", _decoded(revision), file))


def _checked(place: HubPlace) -> HubPlace | None:
    """The place when a hub can have it: two names, and a file of weights."""
    owner, _, name = place.source.partition("/")
    parts = place.file.split("/") if place.file else []
    if not (NAME.fullmatch(owner) and NAME.fullmatch(name)) or ".." in parts or "" in parts:
        return None
    if place.file and PurePosixPath(place.file).suffix.casefold() not in WEIGHT_FILES:
        return None
    return HubPlace(place.source, "" if place.revision == MAIN else place.revision, place.file)


def _decoded(text: str) -> str:
    """A piece of an address with what its %-codes stand for."""
    return CODE.sub(lambda code: bytes.fromhex(code[1].decode()), text.encode()).decode("utf-8", "replace")
