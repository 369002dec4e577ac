"""What is known of a model before its weights are read: family, sizes, defaults, where its files are."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from colabsd.geometry import Size

Family = Literal["sd1", "sd2", "sdxl"]
Variant = Literal["text", "inpaint", "edit"]
"""What a model takes besides a sentence: nothing, a masked picture (9 channels), a picture to change (8 channels)."""


@dataclass(frozen=True)
class HubFile:
    """A file as a repository has it. `bytes` 0 and `sha256` "" are not known; the cache then records what it saw first.

    `blob` is the git object id (sha1) of small files, which the hub tells instead of a sha256.
    """

    name: str
    bytes: int = 0
    sha256: str = ""
    blob: str = ""


@dataclass(frozen=True)
class Weights:
    """Sizes of a model's parts in parameters, for the forecast of memory and download."""

    unet: int
    text_encoder: int
    autoencoder: int

    @property
    def total(self) -> int:
        return self.unet + self.text_encoder + self.autoencoder


@dataclass(frozen=True)
class FewSteps:
    """What a model that was distilled to need few steps was made for; ends included, samplers by label.

    Outside of it such a model still draws, but worse than any other would.
    """

    steps: tuple[int, int]
    guidance: tuple[float, float]
    samplers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """A model as planning needs it.

    `size` is what it was trained at and draws best; every side must be a multiple of `multiple` pixels (the
    autoencoder's factor times what the UNet halves), and `factor` pixels make one latent. `text_layers` bounds clip
    skip; the channels of the UNet's and the decoder's outer level scale the forecast of memory. `source` is a folder on
    this disk or a Hugging Face id (`owner/name`), `revision` the commit or branch of it ("" is the newest), and
    `download` what is known of the files that are brought, before the hub is asked. `facts_from` names where
    what the card says was seen. `sha256` and `files` (the files' digests) are empty until the files are here.
    `has_checker` says that a safety checker lies beside the model.
    """

    name: str
    family: Family
    source: str
    size: Size
    factor: int
    multiple: int
    weights: Weights
    default_sampler: str
    default_schedule: str
    default_steps: int
    default_guidance: float
    license: str
    aliases: tuple[str, ...] = ()
    text_layers: int = 12
    unet_channels: int = 320
    decoder_channels: int = 128
    variant: Variant = "text"
    few_steps: FewSteps | None = None
    has_checker: bool = False
    revision: str = ""
    download: tuple[HubFile, ...] = ()
    single: str = ""
    facts_from: tuple[str, ...] = ()
    sha256: str = ""
    files: dict[str, str] = field(default_factory=dict)

    @property
    def download_bytes(self) -> int:
        """About what downloading it takes: the bytes of the files that are known, two for each parameter (fp16) of
        the others."""
        return max(2 * self.weights.total, sum(file.bytes for file in self.download))

    @property
    def folder(self) -> Path | None:
        """The folder of its files, when they are on this disk."""
        path = Path(self.source)
        return path if path.is_dir() else None

    @property
    def file(self) -> Path | None:
        """The single file that it is, when that is on this disk."""
        path = Path(self.source)
        return path if path.is_file() else None
