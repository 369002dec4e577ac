"""The card of a model in a single file: its family's defaults, or those that our own export wrote into it."""

from dataclasses import replace
from pathlib import Path

from colabsd.errors import DamagedWeightsError, UsageError
from colabsd.geometry import Size
from colabsd.models.cards import ModelCard, Weights
from colabsd.models.families import Defaults, defaults_of
from colabsd.models.single_files import USUAL_LEVELS, SingleFile, read_single_file
from colabsd.settings.samplers import find_sampler, find_schedule

MOST_STEPS, MOST_GUIDANCE = 1000, 100.0


def read_file_card(path: Path, name: str) -> ModelCard:
    """The card of a single file, with its family's usual defaults. Raises: as `read_single_file`."""
    found = read_single_file(path)
    try:
        return _card_of(found, name)
    except (LookupError, TypeError, ValueError, AttributeError, UsageError) as error:
        raise DamagedWeightsError(path=path, reason=repr(error)[:200]) from error


def _defaults(found: SingleFile) -> Defaults:
    """The family's defaults, or those of the model that we wrote. Raises: LookupError, TypeError or ValueError."""
    usual, told = defaults_of(found.traits), found.description.get("defaults")
    if told is None:
        return usual
    sampler, schedule = find_sampler(str(told["sampler"])), find_schedule(str(told["schedule"]))
    steps, guidance = int(told["steps"]), float(told["guidance"])
    if not 1 <= steps <= MOST_STEPS or not 0 <= guidance <= MOST_GUIDANCE:
        raise ValueError(f"{steps} steps, guidance {guidance}")
    return replace(usual, sampler=sampler.label, schedule=schedule.label, steps=steps, guidance=guidance)


def _card_of(found: SingleFile, name: str) -> ModelCard:
    """Raises: LookupError, TypeError, ValueError or AttributeError when a configuration in the file is broken."""
    unet, vae, text = found.configs["unet"], found.configs.get("vae", {}), found.configs.get("text_encoder", {})
    defaults, counts = _defaults(found), found.parameters
    factor = 2 ** (len(vae.get("block_out_channels", USUAL_LEVELS)) - 1)
    side = int(unet["sample_size"]) * factor
    encoders = sum(count for part, count in counts.items() if part.startswith("text_encoder"))
    return ModelCard(
        name=name,
        family=found.family,
        variant=found.traits.variant,
        source=str(found.path),
        size=Size(side, side),
        factor=factor,
        multiple=factor * 2 ** (len(unet["block_out_channels"]) - 1),
        weights=Weights(counts["unet"], encoders, counts.get("vae", 0)),
        default_sampler=defaults.sampler,
        default_schedule=defaults.schedule,
        default_steps=defaults.steps,
        default_guidance=defaults.guidance,
        few_steps=defaults.few_steps,
        license=found.header.metadata.get("modelspec.license", ""),
        # SDXL reads the last layer but one, so there is one less to skip.
        text_layers=max(1, text.get("num_hidden_layers", 12) - (found.family == "sdxl")),
        unet_channels=unet["block_out_channels"][0],
        decoder_channels=vae.get("block_out_channels", USUAL_LEVELS)[0],
    )
