"""The samplers and noise schedules as plain tables: names, aliases, what builds them, what they are like. No torch.

A new sampler is one row here (built by `engine/schedulers.py`), one sentence per language
and one test. Labels are spelt as A1111 spells them, so that pictures can be exchanged. Rows name diffusers' class, or
ours where diffusers has none, and the constructor's options; betas and prediction type come from the model.

Sources of the mapping: diffusers' own table (api/schedulers/overview), k-diffusion's functions, and A1111's behaviour.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, TypeVar

from colabsd.errors import UnknownSamplerError, UnknownScheduleError

AUTOMATIC = "Automatic"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A way to space noise levels. `options` go to every diffusers scheduler that supports it."""

    label: str
    aliases: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A way from noise to a picture.

    `character` is the key of its sentence for beginners.
    `scheduler` names a class of diffusers' (or `DPMFastScheduler`, ours) and `options` its settings. `order` is the
    number of model calls per step. `stochastic` samplers draw new noise on the way: more steps give another picture.
    `schedules` are the labels that it accepts, `default_schedule` the one that "Automatic" means (or "Automatic" itself
    where the sampler has its own spacing). `uniform` replaces the options of the schedule Uniform where the sampler has
    a uniform spacing of its own. `default_eta` is the share of new noise, or None where there is no such choice.
    `needs` names an optional package; without it `substitute` is built instead.
    """

    label: str
    character: str
    aliases: tuple[str, ...]
    scheduler: str
    options: Mapping[str, Any] = field(default_factory=dict)
    order: int = 1
    stochastic: bool = False
    default_schedule: str = "Uniform"
    schedules: tuple[str, ...]
    uniform: Mapping[str, Any] | None = None
    default_eta: float | None = None
    paper: str
    needs: str | None = None
    substitute: tuple[str, Mapping[str, Any]] | None = None

    @property
    def has_eta(self) -> bool:
        """Whether the share of new noise can be chosen."""
        return self.default_eta is not None

    def changes_with_steps(self, eta: float | None = None) -> bool:
        """Whether new noise comes in on the way, so that more steps make another picture; `eta` None is the default."""
        return (self.default_eta if eta is None else eta) != 0 if self.has_eta else self.stochastic

    def resolve(self, schedule: str) -> str:
        """The schedule's label with "Automatic" replaced by what it means for this sampler."""
        return self.default_schedule if schedule == AUTOMATIC else schedule


# k-diffusion's uniform spacing is diffusers' "linspace". A1111's SGM Uniform and Simple differ from each other by
# rounding only; both are diffusers' "trailing" (Lin et al. 2023, arXiv 2305.08891, table 2).
SCHEDULES: tuple[Schedule, ...] = (
    Schedule(label=AUTOMATIC, aliases=("default", "auto")),
    Schedule(label="Uniform", aliases=("normal", "linspace"), options={"timestep_spacing": "linspace"}),
    Schedule(label="Karras", options={"timestep_spacing": "linspace", "use_karras_sigmas": True}),
    Schedule(label="Exponential", options={"timestep_spacing": "linspace", "use_exponential_sigmas": True}),
    Schedule(label="SGM Uniform", aliases=("sgm", "trailing"), options={"timestep_spacing": "trailing"}),
    Schedule(label="Simple", options={"timestep_spacing": "trailing"}),
    Schedule(label="Beta", options={"timestep_spacing": "linspace", "use_beta_sigmas": True}),
)

Row = TypeVar("Row", bound=Sampler | Schedule)

_ALL = tuple(schedule.label for schedule in SCHEDULES)
_SPACED = (AUTOMATIC, "Uniform", "SGM Uniform", "Simple")
_OWN = (AUTOMATIC,)
# The spacing of DDIM's and PLMS's authors, which A1111 keeps: every (1000 // steps)-th timestep, counted from 1.
_LEADING = {"timestep_spacing": "leading", "steps_offset": 1}

SAMPLERS: tuple[Sampler, ...] = (
    Sampler(
        label="Euler a",
        character="sampler.euler_a.character",
        aliases=("k_euler_a", "k_euler_ancestral", "EulerAncestralDiscreteScheduler", "euler ancestral"),
        scheduler="EulerAncestralDiscreteScheduler",
        stochastic=True,
        schedules=_SPACED,
        paper="Karras et al. 2022, arXiv:2206.00364, algorithm 1 with k-diffusion's ancestral step",
    ),
    Sampler(
        label="Euler",
        character="sampler.euler.character",
        aliases=("k_euler", "EulerDiscreteScheduler"),
        scheduler="EulerDiscreteScheduler",
        schedules=_ALL,
        paper="Karras et al. 2022, arXiv:2206.00364, algorithm 2 without its correction",
    ),
    Sampler(
        label="LMS",
        character="sampler.lms.character",
        aliases=("k_lms", "LMSDiscreteScheduler", "linear multistep"),
        scheduler="LMSDiscreteScheduler",
        schedules=_ALL,
        paper="linear multistep (Adams-Bashforth) of order 4 over sigma, as in k-diffusion",
    ),
    Sampler(
        label="Heun",
        character="sampler.heun.character",
        aliases=("k_heun", "HeunDiscreteScheduler"),
        scheduler="HeunDiscreteScheduler",
        order=2,
        schedules=_ALL,
        paper="Karras et al. 2022, arXiv:2206.00364, algorithm 2",
    ),
    Sampler(
        label="DPM fast",
        character="sampler.dpm_fast.character",
        aliases=("k_dpm_fast", "DPMFastScheduler"),
        scheduler="DPMFastScheduler",
        stochastic=True,
        default_schedule=AUTOMATIC,
        schedules=_OWN,
        default_eta=1.0,
        paper="Lu et al. 2022, arXiv:2206.00927, DPM-Solver-fast",
    ),
    Sampler(
        label="DPM++ 2M",
        character="sampler.dpmpp_2m.character",
        aliases=("k_dpmpp_2m", "DPMSolverMultistepScheduler"),
        scheduler="DPMSolverMultistepScheduler",
        options={"algorithm_type": "dpmsolver++", "solver_order": 2},
        default_schedule="Karras",
        schedules=_ALL,
        paper="Lu et al. 2022, arXiv:2211.01095, DPM-Solver++(2M)",
    ),
    Sampler(
        label="DPM++ 2M SDE",
        character="sampler.dpmpp_2m_sde.character",
        aliases=("k_dpmpp_2m_sde",),
        scheduler="DPMSolverMultistepScheduler",
        options={"algorithm_type": "sde-dpmsolver++", "solver_order": 2},
        stochastic=True,
        default_schedule="Exponential",
        schedules=_ALL,
        paper="Lu et al. 2022, arXiv:2211.01095, SDE-DPM-Solver++(2M)",
    ),
    Sampler(
        label="DPM++ SDE",
        character="sampler.dpmpp_sde.character",
        aliases=("k_dpmpp_sde", "DPMSolverSDEScheduler", "DPMSolverSinglestepScheduler"),
        scheduler="DPMSolverSDEScheduler",
        order=2,
        stochastic=True,
        default_schedule="Karras",
        schedules=_ALL,
        paper="Lu et al. 2022, arXiv:2211.01095, over the Brownian noise of Li et al. 2020, arXiv:2001.01328",
        needs="torchsde",
        substitute=(
            "DPMSolverSinglestepScheduler",
            {"algorithm_type": "sde-dpmsolver++", "solver_order": 2, "lower_order_final": True},
        ),
    ),
    Sampler(
        label="DPM2",
        character="sampler.dpm2.character",
        aliases=("k_dpm_2", "KDPM2DiscreteScheduler"),
        scheduler="KDPM2DiscreteScheduler",
        order=2,
        default_schedule="Karras",
        schedules=_ALL,
        paper="Karras et al. 2022, arXiv:2206.00364, with DPM-Solver-2's midpoint (arXiv:2206.00927)",
    ),
    Sampler(
        label="DPM2 a",
        character="sampler.dpm2_a.character",
        aliases=("k_dpm_2_a", "k_dpm_2_ancestral", "KDPM2AncestralDiscreteScheduler", "dpm2 ancestral"),
        scheduler="KDPM2AncestralDiscreteScheduler",
        order=2,
        stochastic=True,
        default_schedule="Karras",
        schedules=_ALL,
        paper="Karras et al. 2022, arXiv:2206.00364, with DPM-Solver-2's midpoint and ancestral noise",
    ),
    Sampler(
        label="DDIM",
        character="sampler.ddim.character",
        aliases=("DDIMScheduler",),
        scheduler="DDIMScheduler",
        options={"clip_sample": False, "set_alpha_to_one": False},
        schedules=_SPACED,
        uniform=_LEADING,
        default_eta=0.0,
        paper="Song et al. 2020, arXiv:2010.02502",
    ),
    Sampler(
        label="UniPC",
        character="sampler.unipc.character",
        aliases=("UniPCMultistepScheduler",),
        scheduler="UniPCMultistepScheduler",
        schedules=_ALL,
        paper="Zhao et al. 2023, arXiv:2302.04867",
    ),
    Sampler(
        label="PNDM",
        character="sampler.pndm.character",
        aliases=("PLMS", "PNDMScheduler"),
        scheduler="PNDMScheduler",
        options={"skip_prk_steps": True, "set_alpha_to_one": False},
        schedules=_SPACED,
        uniform=_LEADING,
        paper="Liu et al. 2022, arXiv:2202.09778, as PLMS",
    ),
    Sampler(
        label="LCM",
        character="sampler.lcm.character",
        aliases=("k_lcm", "LCMScheduler"),
        scheduler="LCMScheduler",
        options={"clip_sample": False},
        stochastic=True,
        default_schedule=AUTOMATIC,
        schedules=_OWN,
        paper="Luo et al. 2023, arXiv:2310.04378",
    ),
)


def find_sampler(name: str) -> Sampler:
    """The sampler of that label, alias or class name; case and punctuation do not matter.

    Raises: UnknownSamplerError.
    """
    sampler = _search(SAMPLERS, name)
    if sampler is None:
        raise UnknownSamplerError(name=name, nearest=_nearest(SAMPLERS, name))
    return sampler


def find_schedule(name: str) -> Schedule:
    """The schedule of that label or alias, whatever its case and punctuation. Raises: UnknownScheduleError."""
    schedule = _search(SCHEDULES, name)
    if schedule is None:
        raise UnknownScheduleError(name=name, nearest=_nearest(SCHEDULES, name))
    return schedule


def split_label(name: str) -> tuple[str, str | None]:
    """Split a name that carries its schedule, as A1111 wrote them before 1.9: "DPM++ 2M Karras" -> DPM++ 2M, Karras.

    Returns labels where they are known; a name without a known schedule comes back as it is, with None.
    """
    whole = _search(SAMPLERS, name)
    if whole is not None:
        return whole.label, None
    words = name.split()
    for first in range(1, len(words)):
        sampler, schedule = _search(SAMPLERS, " ".join(words[:first])), _search(SCHEDULES, " ".join(words[first:]))
        if sampler is not None and schedule is not None:
            return sampler.label, schedule.label
    return name, None


def missing_package(sampler: Sampler) -> str | None:
    """The optional package that the sampler needs and that is not installed, or None."""
    return sampler.needs if sampler.needs is not None and find_spec(sampler.needs) is None else None


def _plain(name: str) -> str:
    """A name without case and punctuation; the pluses of DPM++ are spelt pp, as k-diffusion's names do."""
    return re.sub(r"[\W_]", "", name.casefold().replace("++", "pp"))


def _by_name(rows: Iterable[Row]) -> dict[str, Row]:
    return {_plain(name): row for row in rows for name in (row.label, *row.aliases)}


def _search(rows: Iterable[Row], name: str) -> Row | None:
    return _by_name(rows).get(_plain(name))


def _nearest(rows: Iterable[Row], name: str) -> str:
    """The label whose spelling, or whose alias's, is nearest."""
    names = _by_name(rows)
    return names[difflib.get_close_matches(_plain(name), names, n=1, cutoff=0.0)[0]].label
