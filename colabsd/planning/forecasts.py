"""What memory a way of drawing takes, on the device and beside a graphics card. Arithmetic only.

The forecast counts live tensors of the outer levels. Its coefficients are fitted to measured peaks on a processor,
which it exceeds by 1 to 13 % (`python -m benchmarks.memory`); on a graphics card they have not been measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from colabsd.geometry import Size
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Drawing, Execution, Precision

BYTES: Mapping[Precision, int] = {"fp32": 4, "fp16": 2, "bf16": 2}
GIB = 2**30
RUNTIME_RAM_BYTES = int(0.75 * GIB)  # Python, torch and the libraries that read a model
RUNTIME_RAM_BESIDE_GPU_BYTES = 2 * GIB  # the same with CUDA's libraries; an estimate, not measured
RUNTIME_VRAM_BYTES = int(0.4 * GIB)  # the CUDA context and cuDNN's workspace
UNET_TENSORS = 95  # live tensors of the outer level's size at the UNet's peak, for each pass
DECODER_TENSORS = 13  # the same at the decoder's peak, at full resolution
TILE_LATENTS = 64  # the side of a tile that is decoded: 512 pixels of a model with factor 8
LARGEST_WEIGHT = 128  # parameters of the largest weight that LoRAs change, as a multiple of the outer width squared
MERGING_TENSORS = 3  # the largest weight in fp32, what is added to it, and their sum


@dataclass(frozen=True, kw_only=True)
class Work:
    """What of a drawing decides memory besides its size: passes through the UNet at once, and whether LoRAs come in."""

    passes: int = 2
    loras: bool = False


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Bytes that drawing one batch takes on the device, and `ram` beside a graphics card (0 where there is none)."""

    weights: int
    activations: int
    runtime: int
    ram: int = 0

    @property
    def total(self) -> int:
        return self.weights + self.activations + self.runtime


def work_of(card: ModelCard, drawing: Drawing) -> Work:
    """Two passes where guidance needs them, three for models that are guided by sentence and picture, else one."""
    passes = 3 if card.variant == "edit" else 2
    return Work(passes=passes if drawing.guidance > 1 else 1, loras=bool(drawing.loras))


def overflows(card: ModelCard, precision: Precision) -> bool:
    """Whether the autoencoder is drawn with in fp32 all the same: SDXL's overflows in fp16."""
    return card.family == "sdxl" and precision == "fp16"


def forecast_memory(
    card: ModelCard, execution: Execution, size: Size, batch: int, work: Work | None = None
) -> Forecast:
    """What drawing a batch of that size takes; a usual one with guidance and without LoRAs where no `work` is given.

    The decoder works on one picture at a time, or on one tile of it, the UNet on the whole batch. With `offload` only
    the part that is at work lies on the device, and all of them wait in the machine's memory.
    """
    work = work or Work()
    width = BYTES[execution.precision]
    precise = 4 if overflows(card, execution.precision) else width
    weights = card.weights.unet * width, card.weights.text_encoder * width, card.weights.autoencoder * precise
    latents = size.pixels // card.factor**2
    unet = latents * batch * card.unet_channels * UNET_TENSORS * work.passes * width
    decoded = min(size.pixels, (TILE_LATENTS * card.factor) ** 2) if execution.tiling else size.pixels
    decoder = decoded * card.decoder_channels * DECODER_TENSORS * precise
    merging = MERGING_TENSORS * LARGEST_WEIGHT * card.unet_channels**2 * 4 if work.loras else 0
    on_gpu = execution.device == "cuda"
    runtime = RUNTIME_VRAM_BYTES if on_gpu else RUNTIME_RAM_BYTES
    beside = RUNTIME_RAM_BESIDE_GPU_BYTES + (sum(weights) if execution.offload else 0) if on_gpu else 0
    if execution.offload:
        held, activations = max(((weights[0], unet), (weights[1], 0), (weights[2], decoder), (0, merging)), key=sum)
        return Forecast(weights=held, activations=activations, runtime=runtime, ram=beside)
    return Forecast(weights=sum(weights), activations=max(unet, decoder, merging), runtime=runtime, ram=beside)
