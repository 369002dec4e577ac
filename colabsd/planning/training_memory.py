"""What a training takes of memory, disk and time, and how it is made to fit. Arithmetic only.

The coefficients of activations are fitted to the table of ShivamShrirao's DreamBooth (Tesla T4, 512 pixels: 2.5 GB for
each picture, 0.48 with checkpointing); seconds are guesses until the preflight has measured a step.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from colabsd.environment.machine import Machine
from colabsd.errors import NotEnoughMemoryError, StorageError
from colabsd.models.cards import ModelCard
from colabsd.planning.forecasts import BYTES, DECODER_TENSORS, GIB, RUNTIME_RAM_BYTES, RUNTIME_VRAM_BYTES
from colabsd.planning.memory import available_bytes
from colabsd.planning.pace import OPERATIONS, guessed_speed
from colabsd.planning.plans import Note
from colabsd.planning.training import OptimizerName, Targets, TrainingPlan
from colabsd.settings.training import TrainingSettings

# Live tensors of the outer level's size that the backward pass needs, kept, or computed twice.
KEPT_TENSORS, RECOMPUTED_TENSORS = 954, 183
# Bytes that an optimizer keeps for each number that learns. Adafactor's were measured on Stable Diffusion 1.5's UNet:
# of convolutions torch's keeps rows and columns of each window, which are two thirds of it.
OPTIMIZER_BYTES: Mapping[OptimizerName, float] = {"adamw": 8, "adamw8bit": 2, "adafactor": 2.2, "prodigy": 16}
# A LoRA's numbers for each rank, as a share of the network's: Stable Diffusion 1.5's layers, counted.
UNET_SHARES: Mapping[Targets, float] = {"attention": 2.32e-4, "attention+feedforward": 4.95e-4, "all": 1.22e-3}
TEXT_SHARES: Mapping[Targets, float] = {"attention": 6.0e-4, "attention+feedforward": 1.35e-3, "all": 1.35e-3}
# Passes through the UNet that a step costs, as multiples of a forward one; frozen weights need no gradient.
FORWARD_BACKWARD = {"full": 3.0, "lora": 2.2, "pivotal": 2.2, "inversion": 2.0}
CHECKPOINTING_PASSES = 1.0
PROCESSOR_SHARE = 0.6  # of a processor's speed in drawing: gradients are slower there (measured with small models)
SAMPLING_STEPS, ROOM_GPU = 20, 20 * GIB
GRADIENT_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class TrainingForecast:
    """Bytes on the device and beside it, bytes of states on this machine's disk, and seconds without class pictures."""

    device_bytes: int
    ram_bytes: int
    state_bytes: int
    disk_bytes: int
    seconds: float


def forecast_training(plan: TrainingPlan, card: ModelCard, machine: Machine) -> TrainingForecast:
    """What the plan takes on the machine."""
    learns = learning_numbers(plan, card)
    state = int(learns * (4 + OPTIMIZER_BYTES[plan.optimizer]) + (4 * learns if plan.ema else 0))
    weights = _weights(plan, card) + learns * (GRADIENT_BYTES + OPTIMIZER_BYTES[plan.optimizer])
    weights += 4 * learns if plan.method != "full" else 0
    total = int(weights + max(_activations(plan, card), _sampling(plan, card)))
    on_gpu = plan.execution.device == "cuda"
    return TrainingForecast(
        device_bytes=total + (RUNTIME_VRAM_BYTES if on_gpu else RUNTIME_RAM_BYTES),
        ram_bytes=3 * GIB + state if on_gpu else 0,
        state_bytes=state,
        disk_bytes=state * (plan.keep + 1),
        seconds=_seconds(plan, card, machine),
    )


def learning_numbers(plan: TrainingPlan, card: ModelCard) -> int:
    """How many numbers a plan changes."""
    unet, text = card.weights.unet, card.weights.text_encoder if plan.text_encoder else 0
    if plan.method == "full":
        return unet + text
    if not plan.has_lora:
        return 0
    return int(plan.rank * (UNET_SHARES[plan.targets] * unet + TEXT_SHARES[plan.targets] * text))


def _weights(plan: TrainingPlan, card: ModelCard) -> int:
    """The networks themselves: what learns whole is in fp32, and in half precision a copy is computed with."""
    frozen = BYTES[plan.execution.precision]
    unet = card.weights.unet * ((4 + (frozen if frozen < 4 else 0)) if plan.method == "full" else frozen)
    text = plan.text_encoder or plan.has_words or plan.sample_every > 0
    return unet + (card.weights.text_encoder * (4 if plan.method == "full" else frozen) if text else 0)


def _activations(plan: TrainingPlan, card: ModelCard) -> int:
    """What the backward pass needs of the pictures that are looked at together."""
    tensors = RECOMPUTED_TENSORS if plan.gradient_checkpointing else KEPT_TENSORS
    pictures = plan.batch * (2 if plan.prior else 1)
    latents = (plan.resolution // card.factor) ** 2
    return pictures * latents * card.unet_channels * tensors * BYTES[plan.execution.precision]


def _sampling(plan: TrainingPlan, card: ModelCard) -> int:
    """The autoencoder and one picture in its decoder; the UNet that draws is the one that learns."""
    width = 4 if card.family == "sdxl" else BYTES[plan.execution.precision]
    return card.weights.autoencoder * width + plan.resolution**2 * card.decoder_channels * DECODER_TENSORS * width


def _seconds(plan: TrainingPlan, card: ModelCard, machine: Machine) -> float:
    forward = (plan.resolution // card.factor) ** 2 * card.weights.unet * OPERATIONS
    passes = FORWARD_BACKWARD[plan.method] + (CHECKPOINTING_PASSES if plan.gradient_checkpointing else 0)
    speed = guessed_speed(plan.execution, machine) * (PROCESSOR_SHARE if plan.execution.device == "cpu" else 1)
    drawn = len(plan.sample_prompts) * (1 + plan.steps // plan.sample_every) if plan.sample_every else 0
    samples = forward * 2 * SAMPLING_STEPS * drawn
    return (forward * passes * plan.examples * plan.steps + samples) / speed


def fit_training(
    plan: TrainingPlan,
    settings: TrainingSettings,
    card: ModelCard,
    machine: Machine,
    installed: Collection[str],
    free_disk_bytes: int,
) -> TrainingPlan:
    """The plan made to fit, with notes of what that took and of what the training takes.

    What was asked for stays. Raises: NotEnoughMemoryError, StorageError with the figures when nothing fits.
    """
    plan = replace(plan, gradient_checkpointing=settings.gradient_checkpointing == "on")
    available = available_bytes(machine, plan.execution)
    tried = plan
    for tried in _ways(plan, settings, machine, installed):
        if not available or forecast_training(tried, card, machine).device_bytes <= available:
            break
    else:
        needed = forecast_training(tried, card, machine).device_bytes
        raise NotEnoughMemoryError(
            "error.training.memory",
            method=plan.method,
            side=plan.resolution,
            needed_gb=f"{needed / GIB:,.1f}",
            available_gb=f"{available / GIB:,.1f}",
        )
    forecast = forecast_training(tried, card, machine)
    if 0 < free_disk_bytes < forecast.disk_bytes:
        raise StorageError(
            "error.training.disk",
            needed_mb=f"{forecast.disk_bytes / 1e6:,.0f}",
            free_mb=f"{free_disk_bytes / 1e6:,.0f}",
            keep=tried.keep,
        )
    return replace(tried, notes=(*tried.notes, *_told(tried, plan, forecast)))


def _ways(
    plan: TrainingPlan, settings: TrainingSettings, machine: Machine, installed: Collection[str]
) -> Iterator[TrainingPlan]:
    """Ways to run it, each with less memory than the one before, of what was not asked for."""
    small = machine.gpu is not None and plan.execution.device == "cuda" and machine.gpu.vram_bytes < ROOM_GPU
    free = settings.optimizer is None and not plan.reference
    smaller: OptimizerName = "adamw8bit" if "bitsandbytes" in installed and machine.gpu is not None else "adafactor"
    if free and plan.method == "full" and small:
        plan = replace(plan, optimizer=smaller)
    yield plan
    if settings.gradient_checkpointing is None:
        plan = replace(plan, gradient_checkpointing=True)
        yield plan
    if free and plan.method == "full" and plan.optimizer == "adamw":
        plan = replace(plan, optimizer=smaller)
        yield plan
    if settings.text_encoder is None and plan.text_encoder:
        plan = replace(plan, text_encoder=False, text_encoder_rate=0.0, text_encoder_stop=0)
        yield plan
    if settings.batch is None and plan.batch > 1:
        yield replace(plan, batch=1, accumulation=plan.accumulation * plan.batch)


def _told(plan: TrainingPlan, before: TrainingPlan, forecast: TrainingForecast) -> Iterator[Note]:
    """What was chosen to make it fit, then what the training takes, in words."""
    if plan.gradient_checkpointing and not before.gradient_checkpointing:
        yield Note("note.training.checkpointing_chosen", {})
    if plan.optimizer != before.optimizer:
        yield Note("note.training.optimizer_chosen", {"optimizer": plan.optimizer})
    if before.text_encoder and not plan.text_encoder:
        yield Note("note.training.text_encoder_left", {})
    yield Note(
        "note.training.forecast",
        {
            "minutes": f"{max(1, round(forecast.seconds / 60)):,}",
            "memory_gb": f"{forecast.device_bytes / GIB:,.1f}",
            "disk_mb": f"{forecast.disk_bytes / 1e6:,.0f}",
        },
    )
