"""What goes with models and has a name here: adapters, autoencoders, networks that look at pictures or mend them.

Plain rows, like the catalog of models. They are brought and kept by the same cache; who uses them is not known here.
"""

from dataclasses import dataclass
from typing import Literal

from colabsd.models.cards import Family, HubFile
from colabsd.models.download import Wanted

Kind = Literal["adapter", "autoencoder", "preview", "enlarger", "faces", "depth", "captions"]
PRESETS = "github.com/leehack/llamadart image generation presets"
REFINERS = "github.com/finegrain-ai/refiners src/refiners/conversion/models"
STUDIO_STORE = "github.com/Junostr05/CLIPasso-Studio clipasso_studio/engine/model_store.py"
LCM_GUIDE = "github.com/huggingface/diffusers docs/source/en/using-diffusers/inference_with_lcm.md"
MANAGER = "github.com/ltdrdata/ComfyUI-Manager model-list.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"
CONFIG = HubFile("config.json")


@dataclass(frozen=True, kw_only=True)
class AddOn:
    """Something that goes with models of `families` (() is all of them).

    `source` is a hub id or the releases of a repository on GitHub (`github.com/owner/name`, `revision` is the tag).
    `files` are exactly what is brought. `license` "" was not seen.
    """

    name: str
    kind: Kind
    source: str
    files: tuple[HubFile, ...]
    license: str
    facts_from: tuple[str, ...]
    revision: str = ""
    families: tuple[Family, ...] = ()

    @property
    def wanted(self) -> Wanted:
        """What the cache is asked for, to have it."""
        return Wanted(
            name=self.name,
            source=self.source,
            revision=self.revision,
            known=self.files,
            only_known=True,
            kept_as=self.name,
        )

    @property
    def bytes(self) -> int:
        """What downloading it takes, as far as it is known; 0 is not known."""
        return sum(file.bytes for file in self.files)


ADDONS: tuple[AddOn, ...] = (
    AddOn(
        name="lcm-lora-sd15",
        kind="adapter",
        source="latent-consistency/lcm-lora-sdv1-5",
        files=(
            HubFile(
                "pytorch_lora_weights.safetensors",
                134_621_556,
                "8f90d840e075ff588a58e22c6586e2ae9a6f7922996ee6649a7f01072333afe4",
            ),
        ),
        license="CreativeML Open RAIL++-M",
        families=("sd1",),
        facts_from=("huggingface.co/latent-consistency/lcm-lora-sdv1-5", LCM_GUIDE),
    ),
    AddOn(
        name="lcm-lora-sdxl",
        kind="adapter",
        source="latent-consistency/lcm-lora-sdxl",
        revision="a18548dd4956b174ec5b0d78d340c8dae0a129cd",
        files=(
            HubFile(
                "pytorch_lora_weights.safetensors",
                0,
                "a764e6859b6e04047cd761c08ff0cee96413a8e004c9f07707530cd776b19141",
            ),
        ),
        license="CreativeML Open RAIL++-M",
        families=("sdxl",),
        facts_from=("huggingface.co/latent-consistency/lcm-lora-sdxl", f"{REFINERS}/loras.py", LCM_GUIDE),
    ),
    AddOn(
        name="hyper-sd15-8steps",
        kind="adapter",
        source="ByteDance/Hyper-SD",
        files=(HubFile("Hyper-SD15-8steps-lora.safetensors"),),
        license="",
        families=("sd1",),
        facts_from=("huggingface.co/ByteDance/Hyper-SD",),
    ),
    AddOn(
        name="hyper-sdxl-8steps",
        kind="adapter",
        source="ByteDance/Hyper-SD",
        files=(HubFile("Hyper-SDXL-8steps-lora.safetensors"),),
        license="",
        families=("sdxl",),
        facts_from=("huggingface.co/ByteDance/Hyper-SD",),
    ),
    AddOn(
        name="sdxl-lightning-4steps",
        kind="adapter",
        source="ByteDance/SDXL-Lightning",
        revision="c9a24f48e1c025556787b0c58dd67a091ece2e44",
        files=(
            HubFile(
                "sdxl_lightning_4step_lora.safetensors",
                0,
                "bf56cf2657efb15e465d81402ed481d1e11c4677e4bcce1bc11fe71ad8506b79",
            ),
        ),
        license="CreativeML Open RAIL++-M",
        families=("sdxl",),
        facts_from=("huggingface.co/ByteDance/SDXL-Lightning", f"{REFINERS}/loras.py", "osai-index.eu"),
    ),
    AddOn(
        name="vae-ft-mse",
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
)


def find_addon(name: str) -> AddOn | None:
    """The row of that name, or None."""
    return next((row for row in ADDONS if row.name == name.strip().casefold()), None)
