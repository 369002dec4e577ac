"""How long drawing takes: measured as soon as something was drawn, guessed from the machine before. Arithmetic only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from colabsd.environment.machine import Machine
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Drawing, Execution, ImagePlan
from colabsd.planning.redraw import drawn_steps
from colabsd.settings.samplers import find_sampler

# Floating-point operations of a UNet per parameter and latent: Stable Diffusion 1.5 takes 0.8 * 10^12 for its 860
# million parameters at 64 x 64 latents (Rombach et al. 2022; counted with fvcore by many).
OPERATIONS = 0.23
# Operations per second that a whole run reaches, by the GPU's capability: guesses until something was drawn.
GPU_SPEEDS: tuple[tuple[tuple[int, int], float], ...] = (((9, 0), 120e12), ((8, 0), 45e12), ((7, 0), 10e12))
SLOWEST_GPU = 3e12
CORE_SPEED = 50e9
LOADING_S = 3.0
KEPT_MEASUREMENTS = 5
FASTEST = 1e18

Kind = tuple[str, str, str]


@dataclass
class Pace:
    """What drawing took so far, by model, device and precision."""

    _speeds: dict[Kind, list[float]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """What `as_json` gave; what is no measurement is passed over."""
        pace = cls()
        for name, speeds in (data if isinstance(data, Mapping) else {}).items():
            kind = tuple(name.rsplit("/", 2))
            right = [speed for speed in speeds if isinstance(speed, float) and 0 < speed < FASTEST]
            if len(kind) == 3 and right:
                pace._speeds[kind[0], kind[1], kind[2]] = right[-KEPT_MEASUREMENTS:]
        return pace

    def as_json(self) -> dict[str, list[float]]:
        """Operations per second, the last ones of each kind."""
        return {"/".join(kind): speeds for kind, speeds in self._speeds.items()}

    def measure(self, drawing: Drawing, execution: Execution, card: ModelCard, seconds: float) -> None:
        """Take a finished picture into account."""
        if seconds > 0 and card.name == drawing.model:
            speeds = self._speeds.setdefault(_kind(card, execution), [])
            speeds.append(operations(drawing, card) / seconds)
            del speeds[:-KEPT_MEASUREMENTS]

    def knows(self, card: ModelCard, execution: Execution) -> bool:
        """Whether a picture of this kind was drawn: the forecast is then more than a guess, and the model loaded."""
        return _kind(card, execution) in self._speeds

    def forecast(self, plan: ImagePlan, card: ModelCard, machine: Machine) -> float:
        """Seconds that a plan takes, without downloads."""
        kind = _kind(card, plan.execution)
        speeds = self._speeds.get(kind)
        work = sum(operations(drawing, card) for drawing in plan.drawings)
        if speeds:
            return work / (sum(speeds) / len(speeds))
        return LOADING_S + work / guessed_speed(plan.execution, machine)


def operations(drawing: Drawing, card: ModelCard) -> float:
    """Floating-point operations of one picture, about."""
    total, left_out = drawn_steps(drawing.steps, drawing.strength, drawing.exact_steps)
    calls = (total - left_out) * find_sampler(drawing.sampler).order * (2 if drawing.guidance != 1 else 1)
    latents = drawing.size.pixels / card.factor**2
    return calls * latents * card.weights.unet * OPERATIONS


def _kind(card: ModelCard, execution: Execution) -> Kind:
    return card.name, execution.device, execution.precision


def guessed_speed(execution: Execution, machine: Machine) -> float:
    """Operations per second that a whole run reaches, before anything was measured."""
    if execution.device == "cpu" or machine.gpu is None:
        return machine.cores * CORE_SPEED
    capability = machine.gpu.capability
    return next((speed for least, speed in GPU_SPEEDS if capability >= least), SLOWEST_GPU)
