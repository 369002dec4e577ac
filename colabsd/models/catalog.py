"""Models that have a name here: plain rows. A new one is one row."""

from colabsd.geometry import Size
from colabsd.models.cards import ModelCard, Weights

SD15_WEIGHTS = Weights(unet=859_520_964, text_encoder=123_060_480, autoencoder=83_653_863)

CATALOG: tuple[ModelCard, ...] = (
    ModelCard(
        name="sd15",
        aliases=("stable-diffusion-v1-5", "sd-1.5", "sd1.5", "runwayml/stable-diffusion-v1-5"),
        family="sd1",
        source="stable-diffusion-v1-5/stable-diffusion-v1-5",
        size=Size(512, 512),
        factor=8,
        multiple=64,
        weights=SD15_WEIGHTS,
        default_sampler="Euler a",
        default_schedule="Automatic",
        default_steps=20,
        default_guidance=7.5,
        license="CreativeML Open RAIL-M",
    ),
)
