"""What people ask of a film, in Deforum's terms where it has them. None means "choose for me". No torch, no parsing."""

from dataclasses import dataclass
from typing import Any

from colabsd.settings.fields import setting
from colabsd.settings.images import MAX_SEED, NEW_SEED

MODES = ("2D", "3D", "Video Input", "Interpolation", "AnimateDiff")
DIALECTS = ("notebook", "a1111")
KEY_FRAME_METHODS = ("Linear", "Quadratic", "Cubic")
SEED_BEHAVIORS = ("iter", "fixed", "random", "ladder", "alternate", "schedule")
BORDERS = ("replicate", "wrap", "reflect", "inpaint")
PADDINGS = ("border", "reflection", "zeros", "wrap", "inpaint")
SAMPLINGS = ("bicubic", "bilinear", "nearest")
COHERENCES = ("None", "RGB", "HSV", "LAB", "Video Input", "Image")
FLOWS = ("None", "DIS Medium", "DIS Fine", "Farneback", "RAFT")
HYBRID_MOTIONS = ("None", "Optical Flow")
COMPOSITES = ("None", "Normal", "Before Motion", "After Generation")
SOUNDTRACKS = ("None", "File", "Init Video")
INTERPOLATIONS = ("None", "Flow", "RIFE")
NOISES = ("gaussian", "uniform", "perlin")
LONGEST = 1_000_000
COMPAT = {
    "strict_schedules": "schedules are read to the letter as Deforum reads them",
    "cadence_tail": "frames after the last drawn one are not written",
    "flip_drops_translation": "with the perspective flip there is no translation",
    "flow_cadence_pixel": "flow between drawn frames moves one pixel at most",
    "contrast_wraps": "contrast beyond white begins again at black",
    "darkening_3d": "3D warps cut to whole grey levels instead of rounding",
    "swapped_channels": "colours are matched with red and blue swapped in HSV and LAB",
    "reference_warped": "the colours' reference is frame 0 after its first warp",
    "video_strength": "video input takes the strength of its first frame for all",
    "mask_white_kept": "a mask's white parts stay, its black ones are drawn anew",
}
"""Behaviours of Deforum that are kept only where they are asked for by name, and what each does."""


def schedule(default: str | None = None, **spec: Any) -> Any:
    """A field that holds a schedule: a text such as "0: (1), 30: (1.04)" or a bare number."""
    return setting(default, kind="text", **{"group": "camera", "advanced": True, **spec})


@dataclass(frozen=True, kw_only=True)
class VideoSettings:
    """A request for a film.

    `prompts` are `frame: text`, a frame being a number or a calculation with `max_f`; a text alone is for frame 0.
    `animation_mode` says what a frame is made from: the one before it, moved in the plane (2D) or in space (3D), a
    film's (Video Input), prompts and seeds alone (Interpolation), or whole windows of frames (AnimateDiff). With
    `camera_only` one picture is drawn, and the others are only moved. `dialect` is whose reading of schedules, noise
    and camera applies, Deforum's notebook's or its extension's for A1111; `compat` names kept behaviours (COMPAT).

    Schedules hold a number or calculation per key frame, between which numbers go over into each other as
    `key_frame_method` says. Camera values are per frame: `angle` and rotations degrees, `zoom` a factor, translations
    pixels (in 3D a 200th of a unit), centres shares of the size. `strength_schedule` is how much of the last frame
    stays, `noise_schedule` what is added to it. Every `diffusion_cadence`-th frame is drawn, those between are made
    from their neighbours. `border` is what comes in at the sides of a plane, `padding_mode` the same in space; both
    can be drawn (inpaint).
    """

    name: str | None = setting(kind="text", group="film", named="film_name")
    prompts: tuple[str, ...] = setting((), kind="names", group="film")
    negative_prompt: str = setting("", kind="text", group="film", short="n")
    style: tuple[str, ...] | None = setting(kind="names", group="film")
    animation_mode: str = setting("2D", kind="choice", group="film", choices=MODES)
    camera_only: bool = setting(False, kind="switch", group="film")
    max_frames: int = setting(120, kind="integer", group="film", minimum=1, maximum=LONGEST)
    fps: float = setting(15, kind="number", group="film", minimum=1, maximum=240)
    width: int | None = setting(kind="integer", group="film", minimum=1, maximum=100_000, short="W")
    height: int | None = setting(kind="integer", group="film", minimum=1, maximum=100_000, short="H")
    model: str | None = setting(kind="text", group="film", short="m")
    lora: tuple[str, ...] | None = setting(kind="names", group="film")
    seed: int | None = setting(kind="integer", group="film", minimum=NEW_SEED, maximum=MAX_SEED, short="s")
    seed_behavior: str = setting("iter", kind="choice", group="film", choices=SEED_BEHAVIORS, advanced=True)
    seed_iter_n: int = setting(1, kind="integer", group="film", minimum=1, maximum=LONGEST, advanced=True)
    seed_schedule: str | None = schedule(group="film")
    dialect: str | None = setting(kind="choice", group="film", choices=DIALECTS, advanced=True)
    compat: tuple[str, ...] = setting((), kind="names", group="film", advanced=True)
    key_frame_method: str = setting("Linear", kind="choice", group="film", choices=KEY_FRAME_METHODS, advanced=True)

    angle: str = schedule("0: (0)", advanced=False)
    zoom: str = schedule("0: (1)", advanced=False)
    translation_x: str = schedule("0: (0)", advanced=False)
    translation_y: str = schedule("0: (0)", advanced=False)
    translation_z: str = schedule("0: (0)", advanced=False)
    transform_center_x: str = schedule("0: (0.5)")
    transform_center_y: str = schedule("0: (0.5)")
    rotation_3d_x: str = schedule("0: (0)", advanced=False)
    rotation_3d_y: str = schedule("0: (0)", advanced=False)
    rotation_3d_z: str = schedule("0: (0)", advanced=False)
    fov_schedule: str = schedule("0: (70)")
    aspect_ratio_schedule: str = schedule("0: (1)")
    enable_perspective_flip: bool = setting(False, kind="switch", group="camera", advanced=True)
    perspective_flip_theta: str = schedule("0: (0)")
    perspective_flip_phi: str = schedule("0: (0)")
    perspective_flip_gamma: str = schedule("0: (0)")
    perspective_flip_fv: str = schedule("0: (53)")
    border: str = setting("replicate", kind="choice", group="camera", choices=BORDERS)
    padding_mode: str = setting("border", kind="choice", group="camera", choices=PADDINGS, advanced=True)
    sampling_mode: str = setting("bicubic", kind="choice", group="camera", choices=SAMPLINGS, advanced=True)
    use_depth_warping: bool = setting(True, kind="switch", group="camera", advanced=True)
    depth_algorithm: str | None = setting(kind="text", group="camera", advanced=True)

    strength_schedule: str = schedule("0: (0.65)", group="frames", advanced=False)
    cfg_scale_schedule: str | None = schedule(group="frames", advanced=False)
    steps: int | None = setting(kind="integer", group="frames", minimum=1, maximum=1000)
    steps_schedule: str | None = schedule(group="frames")
    sampler: str | None = setting(kind="text", group="frames")
    sampler_schedule: str | None = schedule(group="frames")
    checkpoint_schedule: str | None = schedule(group="frames")
    clip_skip: int | None = setting(kind="integer", group="frames", minimum=1, maximum=12, advanced=True)
    clipskip_schedule: str | None = schedule(group="frames")
    eta_schedule: str | None = schedule(group="frames")
    subseed_schedule: str | None = schedule(group="frames")
    subseed_strength_schedule: str | None = schedule(group="frames")
    noise_schedule: str = schedule("0: (0.02)", group="frames")
    noise_multiplier_schedule: str | None = schedule(group="frames")
    noise_type: str | None = setting(kind="choice", group="frames", choices=NOISES, advanced=True)
    perlin_w: float = setting(8, kind="number", group="frames", minimum=0.1, maximum=16, advanced=True)
    perlin_h: float = setting(8, kind="number", group="frames", minimum=0.1, maximum=16, advanced=True)
    perlin_octaves: int = setting(4, kind="integer", group="frames", minimum=1, maximum=7, advanced=True)
    perlin_persistence: float = setting(0.5, kind="number", group="frames", minimum=0, maximum=1, advanced=True)
    contrast_schedule: str = schedule("0: (1.0)", group="frames")
    kernel_schedule: str = schedule("0: (5)", group="frames")
    sigma_schedule: str = schedule("0: (1)", group="frames")
    amount_schedule: str = schedule("0: (0.1)", group="frames")
    threshold_schedule: str = schedule("0: (0)", group="frames")
    color_coherence: str = setting("LAB", kind="choice", group="frames", choices=COHERENCES)
    color_coherence_image_path: str = setting("", kind="text", group="frames", advanced=True)
    color_coherence_video_every_n_frames: int = setting(
        1, kind="integer", group="frames", minimum=1, maximum=LONGEST, advanced=True
    )
    color_force_grayscale: bool = setting(False, kind="switch", group="frames", advanced=True)
    legacy_colormatch: bool = setting(False, kind="switch", group="frames", advanced=True)

    diffusion_cadence: int = setting(1, kind="integer", group="between", minimum=1, maximum=1000)
    optical_flow_cadence: str = setting("None", kind="choice", group="between", choices=FLOWS, advanced=True)
    cadence_flow_factor_schedule: str = schedule("0: (1)", group="between")
    frame_interpolation_engine: str = setting("None", kind="choice", group="between", choices=INTERPOLATIONS)
    frame_interpolation_x_amount: int = setting(
        2, kind="integer", group="between", minimum=2, maximum=10, advanced=True
    )
    frame_interpolation_slow_mo_enabled: bool = setting(False, kind="switch", group="between", advanced=True)

    use_init: bool = setting(False, kind="switch", group="footage", advanced=True)
    init_image: str = setting("", kind="text", group="footage")
    strength: float = setting(0.8, kind="number", group="footage", minimum=0, maximum=1, named="init_strength")
    use_mask: bool = setting(False, kind="switch", group="footage", advanced=True)
    mask_file: str = setting("", kind="text", group="footage", advanced=True)
    invert_mask: bool = setting(False, kind="switch", group="footage", advanced=True)
    mask_overlay_blur: float = setting(4, kind="number", group="footage", minimum=0, maximum=64, advanced=True)
    video_init_path: str = setting("", kind="text", group="footage")
    extract_nth_frame: int = setting(1, kind="integer", group="footage", minimum=1, maximum=LONGEST, advanced=True)
    extract_from_frame: int = setting(0, kind="integer", group="footage", minimum=0, maximum=LONGEST, advanced=True)
    extract_to_frame: int = setting(-1, kind="integer", group="footage", minimum=-1, maximum=LONGEST, advanced=True)
    use_mask_video: bool = setting(False, kind="switch", group="footage", advanced=True)
    video_mask_path: str = setting("", kind="text", group="footage", advanced=True)
    hybrid_motion: str = setting("None", kind="choice", group="footage", choices=HYBRID_MOTIONS, advanced=True)
    hybrid_flow_method: str = setting("DIS Medium", kind="choice", group="footage", choices=FLOWS[1:], advanced=True)
    hybrid_flow_factor_schedule: str = schedule("0: (1)", group="footage")
    hybrid_composite: str = setting("None", kind="choice", group="footage", choices=COMPOSITES, advanced=True)
    hybrid_comp_alpha_schedule: str = schedule("0: (0.5)", group="footage")

    add_soundtrack: str = setting("None", kind="choice", group="film_file", choices=SOUNDTRACKS)
    soundtrack_path: str = setting("", kind="text", group="film_file")
    make_gif: bool = setting(False, kind="switch", group="film_file", advanced=True)
    make_webp: bool = setting(False, kind="switch", group="film_file", advanced=True)
    skip_video_creation: bool = setting(False, kind="switch", group="film_file", advanced=True)

    device: str | None = setting(kind="choice", group="machine", choices=("cpu", "cuda"), advanced=True)
    precision: str | None = setting(kind="choice", group="machine", choices=("fp32", "fp16", "bf16"), advanced=True)
    attention: str | None = setting(
        kind="choice", group="machine", choices=("sdpa", "sliced", "xformers"), advanced=True
    )
    offload: str | None = setting(kind="choice", group="machine", choices=("on", "off"), advanced=True)


TEXT_SCHEDULES = ("sampler_schedule", "checkpoint_schedule")
"""Schedules of names: the text holds until the next key."""
SCHEDULES = (
    *("angle", "zoom", "translation_x", "translation_y", "translation_z", "transform_center_x", "transform_center_y"),
    *("rotation_3d_x", "rotation_3d_y", "rotation_3d_z", "fov_schedule", "aspect_ratio_schedule"),
    *("perspective_flip_theta", "perspective_flip_phi", "perspective_flip_gamma", "perspective_flip_fv"),
    *("strength_schedule", "cfg_scale_schedule", "steps_schedule", "clipskip_schedule", "eta_schedule"),
    *("subseed_schedule", "subseed_strength_schedule", "noise_schedule", "noise_multiplier_schedule"),
    *("contrast_schedule", "kernel_schedule", "sigma_schedule", "amount_schedule", "threshold_schedule"),
    *("cadence_flow_factor_schedule", "hybrid_flow_factor_schedule", "hybrid_comp_alpha_schedule", "seed_schedule"),
)
"""Schedules of numbers."""
