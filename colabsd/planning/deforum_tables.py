"""What the keys of Deforum's settings files mean here: names, values, what has no effect and what cannot be done.

From the files of its notebook, of its extension for A1111 and of their descendants, as found.
"""

from collections.abc import Mapping
from typing import Any

from colabsd.settings.fields import field_specs
from colabsd.settings.video import VideoSettings

SPECS = field_specs(VideoSettings)
OWN = ("prompts", "negative_prompt", "style", "lora", "name", "model", "compat", "dialect", "camera_only", "make_webp")
"""Settings that Deforum's files do not have under that name, or not at all."""
MACHINE = ("device", "precision", "attention", "offload")
RENAMED: Mapping[str, str] = {
    "W": "width",
    "H": "height",
    "scale": "cfg_scale_schedule",
    "fov": "fov_schedule",
    "flip_2d_perspective": "enable_perspective_flip",
    "skip_video_for_run_all": "skip_video_creation",
    "seed_iter_N": "seed_iter_n",
    "color_coherence_video_every_N_frames": "color_coherence_video_every_n_frames",
}
"""A key of theirs, and the setting that it is."""
FIELDS: Mapping[str, str] = {
    **{name: name for name in SPECS if name not in (*OWN, *MACHINE)},
    **RENAMED,
}
WRITTEN: Mapping[str, str] = {
    "width": "W",
    "height": "H",
    "seed_iter_n": "seed_iter_N",
    "color_coherence_video_every_n_frames": "color_coherence_video_every_N_frames",
}
"""A setting, and the key that it is written under where that has another name."""
SWITCHES: Mapping[str, tuple[str, ...]] = {
    "steps_schedule": ("enable_steps_scheduling",),
    "sampler_schedule": ("enable_sampler_scheduling", "enable_schedule_samplers"),
    "checkpoint_schedule": ("enable_checkpoint_scheduling",),
    "clipskip_schedule": ("enable_clipskip_scheduling",),
    "noise_multiplier_schedule": ("enable_noise_multiplier_scheduling",),
    "subseed_schedule": ("enable_subseed_scheduling",),
    "subseed_strength_schedule": ("enable_subseed_scheduling",),
}
"""Schedules that count only where a switch of the file says so."""
ETAS: Mapping[str, str] = {
    "ddim_eta_schedule": "enable_ddim_eta_scheduling",
    "ancestral_eta_schedule": "enable_ancestral_eta_scheduling",
}
ALL_SWITCHES = frozenset((*(one for several in SWITCHES.values() for one in several), *ETAS.values()))
ALIASES: Mapping[str, Mapping[Any, str]] = {
    "color_coherence": {
        "Match Frame 0 RGB": "RGB",
        "Match Frame 0 HSV": "HSV",
        "Match Frame 0 LAB": "LAB",
    },
    "hybrid_composite": {False: "None", True: "Normal"},
    "optical_flow_cadence": {False: "None", True: "DIS Fine"},
    "add_soundtrack": {False: "None", True: "File"},
    "border": {"warp": "wrap"},
    "frame_interpolation_engine": {"RIFE v4.0": "RIFE", "RIFE v4.3": "RIFE", "RIFE v4.6": "RIFE", "FILM": "Flow"},
    "init_image": {"None": ""},
    "depth_algorithm": dict.fromkeys(
        (
            *("Midas-3-Hybrid", "Midas+AdaBins (old)", "Zoe+AdaBins (old)", "AdaBins", "Zoe", "Leres"),
            *("Depth-Anything-V2-small", "Depth-Anything-V2-Small"),
        ),
        "Depth-Anything-V2-Small",
    ),
}
"""Values that are spelt otherwise here."""
SAMPLERS: Mapping[str, str] = {
    "dpm_adaptive": "DPM++ 2M Karras",
    "DPM adaptive": "DPM++ 2M Karras",
    "dpmpp_2s_a": "DPM++ SDE",
    "DPM++ 2S a": "DPM++ SDE",
    "DPM++ 2S a Karras": "DPM++ SDE Karras",
    "DPM++ 3M SDE": "DPM++ 2M SDE",
    "DPM++ 3M SDE Karras": "DPM++ 2M SDE Karras",
    "DPM++ 3M SDE Exponential": "DPM++ 2M SDE Exponential",
}
"""Samplers that are not here, and the one nearest to each."""
SAMPLER_LIST = (
    *("Euler a", "Euler", "LMS", "Heun", "DPM2", "DPM2 a", "DPM++ 2S a", "DPM++ 2M", "DPM++ SDE", "DPM fast"),
    *("DPM adaptive", "LMS Karras", "DPM2 Karras", "DPM2 a Karras", "DPM++ 2S a Karras", "DPM++ 2M Karras"),
    *("DPM++ SDE Karras", "DDIM", "PLMS"),
)
"""A1111's samplers in the order of 2023, which files name by their place in it."""
OFF: tuple[Any, ...] = (None, False, 0, "", "0", "None", "none", "ignore")
IMPOSSIBLE: Mapping[str, tuple[Any, ...]] = {
    **dict.fromkeys(("tiling", "restore_faces", "use_alpha_as_mask", "use_noise_mask", "use_looper"), OFF),
    **dict.fromkeys(("seed_resize_from_w", "seed_resize_from_h", "r_upscale_video", "motion_preview_mode"), OFF),
    **dict.fromkeys(("diffusion_redo", "optical_flow_redo_generation", "parseq_manifest"), OFF),
    **dict.fromkeys(("hybrid_generate_human_masks", "hybrid_motion_use_prev_img", "hybrid_flow_consistency"), OFF),
    **dict.fromkeys(("hybrid_comp_mask_type", "hybrid_use_init_image", "dynamic_threshold", "static_threshold"), OFF),
    **dict.fromkeys(("mean_scale", "var_scale", "exposure_scale", "colormatch_scale", "clip_scale"), OFF),
    **dict.fromkeys(("aesthetics_scale", "init_mse_scale", "blue_scale", "ignore_sat_weight", "add_init_noise"), OFF),
    **dict.fromkeys(("aspect_ratio_use_old_formula", "interpolate_key_frames", "use_zoe_depth"), OFF),
    **dict.fromkeys((f"cn_{unit}_enabled" for unit in range(1, 6)), OFF),
    **dict.fromkeys(("freeu_enabled", "kohya_hrfix_enabled", "enable_scheduler_scheduling"), OFF),
    "mask_schedule": ('0: ("{video_mask}")',),
    "noise_mask_schedule": ('0: ("{video_mask}")',),
}
"""Keys of what cannot be done here, with the values at which they ask for nothing."""
IGNORED = frozenset(
    (
        # No effect in Deforum either (measured), or on nothing but its own files and interface.
        *("near_plane", "far_plane", "near_schedule", "far_schedule", "midas_weight", "histogram_matching"),
        *("batch_name", "filename_format", "outdir", "timestring", "save_samples", "save_settings", "display_samples"),
        *("save_sample_per_step", "show_sample_per_step", "show_info_on_ui", "n_batch", "n_samples", "make_grid"),
        *("grid_rows", "bit_depth_output", "save_depth_maps", "delete_imgs", "delete_input_frames", "image_path"),
        *("store_frames_in_ram", "overwrite_extracted_frames", "reroll_blank_frames", "reroll_patience"),
        *("resume_from_timestring", "resume_timestring", "sd_model_hash", "deforum_git_commit_id", "C", "f"),
        *("precision", "prompt", "cond_prompts", "prompt_weighting", "normalize_prompt_weights"),
        *("log_weighted_subprompts", "init_latent", "init_sample", "init_sample_raw", "mask_sample", "init_c"),
        *("seed_internal", "strength_0_no_init", "hybrid_generate_inputframes", "hybrid_comp_save_extra_frames"),
        *("hybrid_use_full_video", "hybrid_use_first_frame_as_init_image", "r_upscale_keep_imgs"),
        # Of something that is off, or that is told under the key that switches it on.
        *("pix2pix_img_cfg_scale_schedule", "redo_flow_factor_schedule", "parseq_use_deltas"),
        *("parseq_non_schedule_overrides", "init_images", "image_strength_schedule", "blendFactorMax"),
        *("blendFactorSlope", "tweening_frames_schedule", "color_correction_factor", "r_upscale_factor"),
        *("r_upscale_model", "hybrid_consistency_blur", "hybrid_comp_mask_inverse", "hybrid_comp_mask_equalize"),
        *("hybrid_comp_mask_auto_contrast", "hybrid_comp_mask_blend_alpha_schedule"),
        *("hybrid_comp_mask_contrast_schedule", "hybrid_comp_mask_auto_contrast_cutoff_high_schedule"),
        *("hybrid_comp_mask_auto_contrast_cutoff_low_schedule", "frame_interpolation_keep_imgs"),
        *("frame_interpolation_use_upscaled", "frame_interpolation_slow_mo_amount", "interpolate_x_frames"),
        *("mask_contrast_adjust", "mask_brightness_adjust", "overlay_mask", "fill", "full_res_mask"),
        *("full_res_mask_padding", "ddim_eta", "exposure_target", "colormatch_image", "colormatch_n_colors"),
        *("clip_name", "cutn", "cut_pow", "init_mse_image", "gradient_wrt", "gradient_add_to", "decode_method"),
        *("grad_threshold_type", "clamp_grad_threshold", "clamp_start", "clamp_stop", "grad_inject_timing"),
        *("cond_uncond_sync", "init_noise", "sampler_name", "hybrid_use_video_as_mse_image"),
    )
)
PREFIXES = ("cn_1_", "cn_2_", "cn_3_", "cn_4_", "cn_5_", "freeu_", "kohya_hrfix_", "shake_", "wan_")
"""Beginnings of keys that belong to something that is told under the key that switches it on."""
NOTEBOOK = ("scale", "bit_depth_output", "grad_inject_timing", "gradient_wrt", "near_plane", "flip_2d_perspective")
A1111 = ("cfg_scale_schedule", "cn_1_enabled", "transform_center_x", "sd_model_name")
PROMPTS = ("prompts", "animation_prompts", "cond_prompts")
ADDED = ("animation_prompts_positive", "animation_prompts_negative")
REPEATED = ("positive_prompts", "negative_prompts")
