"""What a training is like when nobody says otherwise: by method, kind of photos and family. Tables and rules of thumb.

Where the numbers come from: Ruiz et al. 2022 (arXiv:2208.12242), the training guides of diffusers and sd-scripts, and
what notebooks that many people used had set.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from colabsd.models.cards import Family
from colabsd.planning.photos import PhotoKind
from colabsd.planning.training import Method, Targets


@dataclass(frozen=True)
class StepsRule:
    """Steps that follow from the number of photos: so many for each, at least, at most."""

    each: int
    least: int
    most: int

    def steps(self, photos: int) -> int:
        return min(self.most, max(self.least, self.each * photos))


# Notebooks had 100 to 200 steps for each photo; diffusers' guides 400 to 800 for five, faces 800 to 1200.
STEPS: Mapping[tuple[Method, PhotoKind], StepsRule] = {
    ("lora", "object"): StepsRule(100, 400, 1500),
    ("lora", "person"): StepsRule(100, 800, 2000),
    ("lora", "style"): StepsRule(60, 800, 3000),
    ("full", "object"): StepsRule(80, 400, 1200),
    ("full", "person"): StepsRule(80, 800, 1600),
    ("full", "style"): StepsRule(60, 800, 3000),
    ("inversion", "object"): StepsRule(300, 1500, 3000),
    ("inversion", "person"): StepsRule(300, 2000, 4000),
    ("inversion", "style"): StepsRule(200, 2000, 5000),
    ("pivotal", "object"): StepsRule(120, 600, 1600),
    ("pivotal", "person"): StepsRule(120, 1000, 2000),
    ("pivotal", "style"): StepsRule(80, 1000, 3000),
}
RANKS: Mapping[PhotoKind, int] = {"object": 8, "person": 16, "style": 32}
TARGETS: Mapping[PhotoKind, Targets] = {
    "object": "attention",
    "person": "attention",
    "style": "attention+feedforward",
}
# diffusers' guides: 1e-4 for LoRA, 5e-6 for the UNet alone and 2e-6 with the text encoder, 5e-4 for new words.
LORA_RATE, FULL_RATE, FULL_RATE_WITH_TEXT, WORD_RATE = 1e-4, 5e-6, 2e-6, 5e-4
TEXT_SHARE = 0.25  # of LoRA's rate, for the text encoder's: trainers have a fifth to a half
PRODIGY_RATE = 1.0  # Mishchenko & Defazio 2023, arXiv:2306.06101: it finds the rate itself
# A model much smaller than Stable Diffusion, by its UNet's outer channels, learns at higher rates; measured on the
# starter, whose text encoder had better be left alone.
SMALL_CHANNELS, SMALL_FACTOR, SMALL_RANK, SMALL_BATCH = 160, 10.0, 16, 2
SNR_GAMMA = 5.0  # Hang et al. 2023, arXiv:2303.09556
CLASS_EACH, CLASS_LEAST, CLASS_MOST = 12, 50, 200  # class pictures: 200 in the paper's successors
TEXT_STOP_SHARE = 0.35  # of a full training's steps: after that the text encoder learns the photos by heart
SAMPLES, LEAST_SAMPLE_STEPS = 8, 50
STATES, LEAST_STATE_STEPS = 6, 50
SDXL_SIDE_ON_A_T4 = 768
PROMPTS: Mapping[PhotoKind, tuple[str, ...]] = {
    "object": ("{photo}", "{photo} on a beach", "{photo} in the snow", "a painting of {what}", "{class_photo}"),
    "person": ("{photo}", "{photo} as an astronaut", "an oil painting of {what}", "{photo} smiling", "{class_photo}"),
    "style": ("{photo}", "a castle {style}", "a cat {style}", "a city at night {style}", "{class_photo}"),
}
# The starter knows colours behind things and three styles, and no beaches.
STARTER_PROMPTS = (
    "{photo}",
    "{what}, blue background",
    "{what}, yellow background",
    "{what}, flat style",
    "{class_photo}",
)
PHOTO_PROMPTS: Mapping[PhotoKind, str] = {
    "object": "a photo of {subject} {class}",
    "person": "a photo of {subject} {class}",
    "style": "{class} in {subject} style",
}
CLASS_PROMPTS: Mapping[PhotoKind, str] = {
    "object": "a photo of {class}",
    "person": "a photo of {class}",
    "style": "{class}",
}
TEXT_LEARNS: Mapping[Family, bool] = {"sd1": True, "sd2": True, "sdxl": False}
