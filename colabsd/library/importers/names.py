"""Samplers and schedules as other programs call them: ours of that name, or the nearest there is here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from colabsd.errors import UnknownSamplerError, UnknownScheduleError
from colabsd.settings.samplers import AUTOMATIC, find_sampler, find_schedule, split_label

LONGEST_NAME = 100
# Other spellings of samplers that are here.
SPELLINGS: Mapping[str, str] = {
    "euler ancestral discrete": "Euler a",
    "kdpm 2": "DPM2",
    "kdpm 2 a": "DPM2 a",
    "k dpm 2": "DPM2",
    "dpmpp 2": "DPM++ 2M",
    "dpm++ 2m sde gpu": "DPM++ 2M SDE",
    "uni pc": "UniPC",
    "unipc snr": "UniPC",
    "k euler ancestral": "Euler a",
}
# Samplers that are not here, each with the one that is nearest in how it goes.
NEAREST: Mapping[str, str] = {
    "dpm++ 3m sde": "DPM++ 2M SDE",
    "dpmpp 3m sde": "DPM++ 2M SDE",
    "dpmpp 3m": "DPM++ 2M",
    "dpm++ 2m sde heun": "DPM++ 2M SDE",
    "dpmpp 2m sde heun": "DPM++ 2M SDE",
    "dpm++ 2s a": "DPM2 a",
    "dpmpp 2s a": "DPM2 a",
    "k dpmpp 2s a": "DPM2 a",
    "dpmpp 2s ancestral": "DPM2 a",
    "k dpmpp 2s ancestral": "DPM2 a",
    "dpmpp 2s": "DPM2",
    "dpm adaptive": "DPM fast",
    "k dpm adaptive": "DPM fast",
    "dpm solver stability": "DPM++ 2M",
    "restart": "Heun",
    "heunpp2": "Heun",
    "ddim cfg++": "DDIM",
    "euler cfg pp": "Euler",
    "euler ancestral cfg pp": "Euler a",
    "ipndm": "LMS",
    "ipndm v": "LMS",
    "deis": "UniPC",
    "uni pc bh2": "UniPC",
    "ddpm": "Euler a",
    "tcd": "LCM",
    "euler a trailing": "Euler a",
    "dpm++ 2m trailing": "DPM++ 2M",
    "dpm++ sde trailing": "DPM++ SDE",
    "ddim trailing": "DDIM",
}
# Schedules that are not here, each with the nearest.
NEAREST_SCHEDULES: Mapping[str, str] = {
    "polyexponential": "Exponential",
    "kl optimal": "Karras",
    "align your steps": "Karras",
    "align your steps gits": "Karras",
    "ays": "Karras",
    "ays sdxl": "Karras",
    "ddim": "Uniform",
    "ddim uniform": "Uniform",
    "turbo": "SGM Uniform",
    "native": AUTOMATIC,
}
# Samplers that are not drawn quite as k-diffusion draws them, some with one schedule only.
REASONS: Mapping[str, str] = {
    "DPM++ 2M SDE": "note.import.sampler_noise",
    "DPM++ 2M Uniform": "note.import.sampler_steps",
    "DPM2": "note.import.sampler_steps",
    "DPM2 a": "note.import.sampler_steps",
    "UniPC": "note.import.sampler_steps",
    "PNDM": "note.import.sampler_steps",
    "LCM": "note.import.sampler_steps",
}
EXACT_SCHEDULES = ("native",)
KARRAS_ENDING = re.compile(r"^(.+)_k$")
PROGRAM_ENDINGS = re.compile(r"(_gpu|_rf)$")


@dataclass(frozen=True)
class Recognised:
    """Our sampler and schedule for a name; `exact` says whether the sampler is the one that was named."""

    sampler: str
    exact: bool
    schedule: str
    schedule_reason: str | None = None


def recognise(name: str, schedule: str | None = None, usual: str | None = None) -> Recognised:
    """What stands here for a sampler's name (which may carry its schedule) and a schedule's.

    `usual` is the schedule when neither says one, where the sampler has it.
    """
    plain = PROGRAM_ENDINGS.sub("", name.strip()[:LONGEST_NAME])
    karras = KARRAS_ENDING.match(plain)
    if karras:
        plain, schedule = karras[1], schedule or "Karras"
    plain, in_name = _split(plain)
    sampler, exact = _sampler(plain)
    row = find_sampler(sampler)
    wanted = schedule or in_name or (usual if usual in row.schedules else None) or AUTOMATIC
    label, known = _schedule(wanted)
    if label not in row.schedules:
        label = AUTOMATIC
        known = row.schedules == (AUTOMATIC,)
    return Recognised(sampler, exact, label, None if known else "note.import.schedule")


def _split(name: str) -> tuple[str, str | None]:
    """A name's sampler and the schedule that it ends with, also when the sampler is none of ours."""
    label, schedule = split_label(name)
    if schedule is not None:
        return label, schedule
    head, _, last = name.rpartition(" ")
    if head and last.casefold() in ("karras", "exponential", "ays"):
        return head, last
    return name, None


def _sampler(name: str) -> tuple[str, bool]:
    spelled = re.sub(r"[\s_]+", " ", name).strip().casefold()
    if spelled in SPELLINGS:
        return SPELLINGS[spelled], True
    if spelled in NEAREST:
        return NEAREST[spelled], False
    for form in (name, spelled.removeprefix("k ")):
        try:
            return find_sampler(form).label, True
        except UnknownSamplerError as error:
            nearest = str(error.facts["nearest"])
    return nearest, False


def _schedule(name: str) -> tuple[str, bool]:
    spelled = re.sub(r"[\s_]+", " ", name[:LONGEST_NAME]).strip().casefold()
    if spelled in NEAREST_SCHEDULES:
        return NEAREST_SCHEDULES[spelled], spelled in EXACT_SCHEDULES
    try:
        return find_schedule(name[:LONGEST_NAME]).label, True
    except UnknownScheduleError:
        return AUTOMATIC, False
