"""The parts of a film's plan that are one for all frames, from what was asked. Chooses, and knows no frames."""

from collections.abc import Mapping

from colabsd.planning.schedules import Dialect
from colabsd.planning.video_plans import Colours, FilmFile, Footage, Moving, NoiseKind
from colabsd.settings.video import VideoSettings

DEPTH = "Depth-Anything-V2-Small"
NOISE: Mapping[Dialect, str] = {"notebook": "gaussian", "a1111": "perlin"}
PLANES = ("plane", "none")


def moving_of(settings: VideoSettings) -> Moving:
    """How pictures are moved; depth only where it moves something."""
    deep = settings.animation_mode == "3D" and settings.use_depth_warping
    depth = (settings.depth_algorithm or DEPTH) if deep else ""
    return Moving(
        border=settings.border,
        padding_mode=settings.padding_mode,
        sampling_mode=settings.sampling_mode,
        depth="" if depth.casefold() in PLANES else depth,
    )


def colours_of(settings: VideoSettings) -> Colours:
    """How colours are kept together."""
    return Colours(
        mode=settings.color_coherence,
        image=settings.color_coherence_image_path if settings.color_coherence == "Image" else "",
        every=settings.color_coherence_video_every_n_frames,
        grayscale=settings.color_force_grayscale,
        legacy=settings.legacy_colormatch,
    )


def noise_of(settings: VideoSettings, dialect: Dialect) -> NoiseKind:
    """What noise is added: as the dialect does, unless another kind is asked for."""
    return NoiseKind(
        kind=settings.noise_type or NOISE[dialect],
        perlin_w=float(settings.perlin_w),
        perlin_h=float(settings.perlin_h),
        octaves=settings.perlin_octaves,
        persistence=float(settings.perlin_persistence),
    )


def footage_of(settings: VideoSettings, digests: Mapping[str, str]) -> Footage:
    """The pictures and films that come in, those only that are used."""
    mixed = settings.hybrid_motion != "None" or settings.hybrid_composite != "None"
    seen = settings.animation_mode == "Video Input" or mixed or settings.color_coherence == "Video Input"
    film = settings.video_init_path if seen else ""
    footage = Footage(
        init_image=settings.init_image if settings.use_init else "",
        init_strength=float(settings.strength) if settings.use_init else 0.0,
        mask=settings.mask_file if settings.use_mask else "",
        mask_film=settings.video_mask_path if settings.use_mask_video else "",
        invert_mask=settings.invert_mask,
        mask_blur=float(settings.mask_overlay_blur) if settings.use_mask or settings.use_mask_video else 0.0,
        film=film,
        nth=settings.extract_nth_frame,
        first=settings.extract_from_frame,
        last=settings.extract_to_frame,
        motion=settings.hybrid_motion,
        flow=settings.hybrid_flow_method,
        composite=settings.hybrid_composite,
        digests=dict(digests),
    )
    return footage


def film_file_of(settings: VideoSettings) -> FilmFile:
    """What becomes of the frames."""
    return FilmFile(
        soundtrack=settings.add_soundtrack,
        sound=settings.soundtrack_path if settings.add_soundtrack == "File" else "",
        gif=settings.make_gif,
        webp=settings.make_webp,
        no_film=settings.skip_video_creation,
        between=settings.frame_interpolation_engine,
        times=settings.frame_interpolation_x_amount,
        slow=settings.frame_interpolation_slow_mo_enabled,
    )
