"""What goes with models and has a name here: adapters, autoencoders, networks that look at pictures or mend them.

Plain rows, like the catalog of models. They are brought and kept by the same cache; who uses them is not known here.
"""

from colabsd.models.addon import AddOn as AddOn
from colabsd.models.addon import Kind as Kind
from colabsd.models.addon_adapters import ADAPTERS, REFINERS
from colabsd.models.cards import HubFile

PRESETS = "github.com/leehack/llamadart image generation presets"
STUDIO_STORE = "github.com/Junostr05/CLIPasso-Studio clipasso_studio/engine/model_store.py"
MANAGER = "github.com/ltdrdata/ComfyUI-Manager model-list.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"
CONFIG = HubFile("config.json")
CHECKER = "safety-checker"  # of Stable Diffusion 1, for models that come without one
ANIMATEDIFF_GUIDE = "github.com/huggingface/diffusers docs/source/en/api/pipelines/animatediff.md"
DEPTH = "depth-anything-v2-small"  # whose depth films in space are moved by
MOTION = "animatediff-v1-5-2"  # what moves in the films of Stable Diffusion 1
CLIP_SCORER = "clip-vit-large-patch14"

ADDONS: tuple[AddOn, ...] = (
    *ADAPTERS,
    AddOn(
        name="vae-ft-mse",
        aliases=("sd-vae-ft-mse",),
        kind="autoencoder",
        source="stabilityai/sd-vae-ft-mse",
        revision="31f26fdeee1355a5c34592e401dd41e45d25a493",
        files=(CONFIG, HubFile(WEIGHTS, 0, "a1d993488569e928462932c8c38a0760b874d166399b14414135bd9c42df5815")),
        license="MIT",
        families=("sd1", "sd2"),
        facts_from=("huggingface.co/stabilityai/sd-vae-ft-mse", f"{REFINERS}/autoencoder_sd15.py"),
    ),
    AddOn(
        name="sdxl-vae-fp16-fix",
        kind="autoencoder",
        source="madebyollin/sdxl-vae-fp16-fix",
        revision="207b116dae70ace3637169f1ddd2434b91b3a8cd",
        files=(CONFIG, HubFile(WEIGHTS, 0, "1b909373b28f2137098b0fd9dbc6f97f8410854f31f84ddc9fa04b077b0ace2c")),
        license="MIT",
        families=("sdxl",),
        facts_from=(
            "huggingface.co/madebyollin/sdxl-vae-fp16-fix",
            f"{REFINERS}/autoencoder_sdxl.py",
            "github.com/vfxli/Lab2Shot extension DiffusionLight-Turbo",
        ),
    ),
    AddOn(
        name="taesd",
        kind="preview",
        source="madebyollin/taesd",
        revision="614f76814bbe30edbe2e627ace1c2234c81a2c0e",
        files=(CONFIG, HubFile(WEIGHTS, 9_793_292, "db169d69145ec4ff064e49d99c95fa05d3eb04ee453de35824a6d0f325513549")),
        license="MIT",
        families=("sd1", "sd2"),
        facts_from=("huggingface.co/madebyollin/taesd", PRESETS),
    ),
    AddOn(
        name="taesdxl",
        kind="preview",
        source="madebyollin/taesdxl",
        revision="b20258aaef75ef61e659c1e0f14f251cf0ad153e",
        files=(CONFIG, HubFile(WEIGHTS, 9_793_292, "ff4824aca94dd6111e0340fa749347fb74101060d9712cb5ef1ca8f1cf17502f")),
        license="MIT",
        families=("sdxl",),
        facts_from=("huggingface.co/madebyollin/taesdxl", PRESETS),
    ),
    AddOn(
        name="realesrgan-x4plus",
        aliases=("RealESRGAN_x4plus", "R-ESRGAN 4x+"),  # its file, and what A1111 calls it
        kind="enlarger",
        source="github.com/xinntao/Real-ESRGAN",
        revision="v0.1.0",
        files=(
            HubFile(
                "RealESRGAN_x4plus.pth",
                67_040_989,
                "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
            ),
        ),
        license="BSD-3-Clause",
        facts_from=("github.com/xinntao/Real-ESRGAN/releases/tag/v0.1.0",),
    ),
    AddOn(
        name="realesrgan-x2plus",
        aliases=("RealESRGAN_x2plus", "R-ESRGAN 2x+"),  # its file, and what A1111 calls it
        kind="enlarger",
        source="github.com/xinntao/Real-ESRGAN",
        revision="v0.2.1",
        files=(
            HubFile("RealESRGAN_x2plus.pth", 0, "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb"),
        ),
        license="BSD-3-Clause",
        facts_from=("github.com/xinntao/Real-ESRGAN/releases/tag/v0.2.1",),
    ),
    AddOn(
        name="realesrgan-anime",
        aliases=("RealESRGAN_x4plus_anime_6B", "R-ESRGAN 4x+ Anime6B"),  # its file, and what A1111 calls it
        kind="enlarger",
        source="github.com/xinntao/Real-ESRGAN",
        revision="v0.2.2.4",
        files=(
            HubFile(
                "RealESRGAN_x4plus_anime_6B.pth",
                0,
                "f872d837d3c90ed2e05227bed711af5671a6fd1c9f7d7e91c911a61f155e99da",
            ),
        ),
        license="BSD-3-Clause",
        facts_from=("github.com/xinntao/Real-ESRGAN/releases/tag/v0.2.2.4",),
    ),
    AddOn(
        name="gfpgan-1.4",
        kind="faces",
        source="github.com/TencentARC/GFPGAN",
        revision="v1.3.0",
        files=(HubFile("GFPGANv1.4.pth", 0, "e2cd4703ab14f4d01fd1383a8a8b266f9a5833dacee8e6a79d3bf21a1b6be5ad"),),
        license="Apache-2.0",
        facts_from=("github.com/TencentARC/GFPGAN/releases/tag/v1.3.0", MANAGER),
    ),
    AddOn(
        name="yunet",
        aliases=("face_detection_yunet_2026may",),  # its file; OpenCV 5 does not read the ones before it
        kind="faces",
        source="pollen-robotics/face_detection_yunet_2026may",
        revision="2b8e922362946a0db67e861bae0f77826980effd",
        files=(
            HubFile(
                "face_detection_yunet_2026may.onnx",
                229_738,
                "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0",
            ),
        ),
        license="MIT",
        facts_from=(
            "github.com/opencv/opencv_zoo models/face_detection_yunet",
            "huggingface.co/pollen-robotics/face_detection_yunet_2026may",
        ),
    ),
    AddOn(
        name=CHECKER,
        kind="checker",
        source="stable-diffusion-v1-5/stable-diffusion-v1-5",
        revision="451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
        files=(HubFile("safety_checker/config.json"), HubFile("safety_checker/model.fp16.safetensors")),
        license="CreativeML Open RAIL-M",
        families=("sd1",),
        facts_from=("huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5",),
    ),
    AddOn(
        name=DEPTH,
        kind="depth",
        source="depth-anything/Depth-Anything-V2-Small-hf",
        files=(CONFIG, HubFile("preprocessor_config.json"), HubFile("model.safetensors")),
        license="Apache-2.0",
        facts_from=("huggingface.co/depth-anything/Depth-Anything-V2-Small-hf",),
    ),
    AddOn(
        name=MOTION,
        kind="motion",
        source="guoyww/animatediff-motion-adapter-v1-5-2",
        files=(CONFIG, HubFile(WEIGHTS)),
        license="",
        families=("sd1",),
        facts_from=("huggingface.co/guoyww/animatediff-motion-adapter-v1-5-2", ANIMATEDIFF_GUIDE),
    ),
    AddOn(
        name="dpt-hybrid-midas",
        kind="depth",
        source="Intel/dpt-hybrid-midas",
        revision="11eaf7a1cf4bd70740697dbc216f98980c0aeb03",
        files=(
            CONFIG,
            HubFile("preprocessor_config.json"),
            HubFile(
                "pytorch_model.bin",
                489_648_389,
                "b6c4d44f9d96ca3fa76dd3bbb153989a60b4ad5526559f3c598562a368d687ec",
            ),
        ),
        license="Apache-2.0",
        facts_from=(
            "huggingface.co/Intel/dpt-hybrid-midas",
            STUDIO_STORE,
            "github.com/vfxli/Lab2Shot extension DiffusionLight-Turbo",
        ),
    ),
    AddOn(
        name="blip-large",
        kind="captions",
        source="Salesforce/blip-image-captioning-large",
        revision="353689b859fcf0523410b1806dace5fb46ecdf41",
        files=(
            CONFIG,
            HubFile("preprocessor_config.json"),
            HubFile("special_tokens_map.json"),
            HubFile("tokenizer.json"),
            HubFile("tokenizer_config.json"),
            HubFile("vocab.txt"),
            HubFile("model.safetensors", 1_879_014_680),
        ),
        license="",
        facts_from=("huggingface.co/Salesforce/blip-image-captioning-large", STUDIO_STORE),
    ),
    AddOn(
        name=CLIP_SCORER,
        aliases=("clip-vit-l14",),
        kind="scorer",
        source="openai/clip-vit-large-patch14",
        files=(CONFIG, HubFile("model.safetensors")),
        license="",
        facts_from=("huggingface.co/openai/clip-vit-large-patch14",),
    ),
)


def find_addon(name: str) -> AddOn | None:
    """The row of that name or alias, or None."""
    wanted = name.strip().casefold()
    return next((row for row in ADDONS if wanted in {word.casefold() for word in row.words}), None)
