"""What is known of a model before its weights are read: family, sizes, defaults, where its files are."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from colabsd.geometry import Size

Family = Literal["sd1"]


@dataclass(frozen=True)
class Weights:
    """Sizes of a model's parts in parameters, for the forecast of memory and download."""

    unet: int
    text_encoder: int
    autoencoder: int

    @property
    def total(self) -> int:
        return self.unet + self.text_encoder + self.autoencoder


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """A model as planning needs it.

    `size` is what it was trained at and draws best; every side must be a multiple of `multiple` pixels (the
    autoencoder's factor times what the UNet halves), and `factor` pixels make one latent. `text_layers` bounds clip
    skip; the channels of the UNet's and the decoder's outer level scale the forecast of memory. `source` is a folder on
    this disk or a Hugging Face id (`owner/name`). `sha256` is empty until the files are here.
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
    sha256: str = ""
    files: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path | None:
        """The folder of its files, when they are on this disk."""
        path = Path(self.source)
        return path if path.is_dir() else None
