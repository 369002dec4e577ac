"""The doctor: what each state of a machine is told as, in both languages, and that no token is ever told."""

import configparser
import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from colabsd.environment.colab import drive_mounts
from colabsd.environment.doctor import PACKAGES, Finding, Surroundings, examine
from colabsd.environment.machine import Gpu, Machine
from colabsd.environment.packages import Conflict, TorchTrial
from colabsd.errors import DamagedWeightsError
from colabsd.language import LANGUAGES

T4 = Gpu(name="Tesla T4", capability=(7, 5), vram_bytes=15_000_000_000, free_vram_bytes=14_000_000_000)
MACHINE = Machine(cores=2, ram_bytes=12 * 10**9, free_ram_bytes=9 * 10**9)
HOSTILE_TOKENS = ("hf_secret", "hf_sec\x1b[31mret\n{facts}", "{version}hf_secret", "hf_secret%s\x00", " hf_secret ")
VERSIONS = dict.fromkeys((*PACKAGES, "torch", "packaging"), "99.0")


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    """A healthy machine without a GPU, outside Colab."""
    return Surroundings(
        machine=MACHINE,
        folder=tmp_path / "pictures",
        check_starter=lambda: None,
        environ={"HOME": str(tmp_path)},
        python=(3, 12, 1),
        version_of=VERSIONS.get,
        conflicts=lambda _names: iter(()),
        try_torch=lambda _environ: TorchTrial(version="2.14.1+cpu"),
        libc="",
        mounts=tmp_path / "mounts",
    )


def findings(around: Surroundings, **changes: object) -> dict[str, Finding]:
    return {finding.key: finding for finding in examine(dataclasses.replace(around, **changes))}  # type: ignore[arg-type]


def versions(**changes: str | None) -> Callable[[str], str | None]:
    return {**VERSIONS, **{name.replace("_", "-"): version for name, version in changes.items()}}.get


def test_a_healthy_machine_has_nothing_broken(around: Surroundings):
    assert {finding.state for finding in examine(around)} <= {"ok", "advice"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_is_one_line_in_both_languages(around: Surroundings, language):
    ill = dataclasses.replace(
        around, python=(3, 9, 0), machine=dataclasses.replace(MACHINE, gpu=T4, colab=True), libc="glibc"
    )
    for finding in [*examine(around), *examine(ill)]:
        line = finding.tell(language)
        assert line and "\n" not in line
        assert not re.search(r"[{}]", line)


@pytest.mark.parametrize(
    ("python", "state"), [((3, 10, 9), "broken"), ((3, 11, 0), "ok"), ((3, 13, 7), "ok"), ((3, 14, 0), "advice")]
)
def test_python_is_supported_from_3_11_to_3_13(around: Surroundings, python, state):
    assert findings(around, python=python)["doctor.python"].state == state


def test_a_missing_torch_is_told_with_the_command_that_installs_it(around: Surroundings):
    finding = findings(around, version_of=versions(torch=None))["doctor.torch.missing"]
    assert finding.state == "missing"
    assert "pip install torch" in finding.tell("en")


def test_a_torch_that_cannot_be_imported_is_told_with_its_error(around: Surroundings):
    trial = TorchTrial(error="ImportError: libcudart.so.13: cannot open shared object file")
    finding = findings(around, try_torch=lambda _environ: trial)["doctor.torch.broken"]
    assert finding.state == "broken"
    assert "libcudart.so.13" in finding.tell("es")


def test_a_t4_is_told_to_draw_in_fp16(around: Surroundings):
    machine = dataclasses.replace(MACHINE, gpu=T4)
    trial = TorchTrial(version="2.11.0+cu128", cuda=True)
    finding = findings(around, machine=machine, try_torch=lambda _environ: trial)["doctor.gpu"]
    assert finding.state == "ok"
    assert "fp16" in finding.tell("en")
    assert "Tesla T4, 15.0 GB, 14.0 GB free" in finding.tell("en")


def test_a_gpu_that_torch_cannot_use_is_broken(around: Surroundings):
    finding = findings(around, machine=dataclasses.replace(MACHINE, gpu=T4))["doctor.gpu"]
    assert finding.state == "broken"
    assert "2.14.1+cpu" in finding.tell("en")


def test_colab_without_a_gpu_is_told_where_the_free_one_is(around: Surroundings):
    finding = findings(around, machine=dataclasses.replace(MACHINE, colab=True))["doctor.gpu.none"]
    assert finding.state == "advice"
    assert "T4" in finding.tell("es")


def test_missing_packages_and_broken_bounds_are_told_one_by_one(around: Surroundings):
    conflict = Conflict(package="diffusers", other="huggingface-hub", wanted="<2.0,>=1.23", version="2.4.0")
    found = findings(around, version_of=versions(diffusers=None), conflicts=lambda _names: iter([conflict]))
    assert found["doctor.package.missing"].state == "missing"
    assert found["doctor.package.conflict"].state == "broken"
    assert 'pip install "huggingface-hub<2.0,>=1.23"' in found["doctor.package.conflict"].tell("en")


def test_the_packages_looked_at_are_those_that_colabsd_requires():
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg", encoding="utf-8")
    required = {re.split(r"[<>=!~]", line)[0] for line in setup["options"]["install_requires"].split()}
    assert required == {*PACKAGES, "torch"}


@pytest.mark.parametrize(
    ("torchao", "peft", "key"),
    [
        ("0.10.0", "0.20.0", "doctor.torchao.trap"),
        ("0.10.0", "0.18.1", "doctor.torchao.fine"),
        ("0.16.0", "0.20.0", "doctor.torchao.fine"),
        (None, "0.20.0", "doctor.torchao.fine"),
        ("0.10.0", None, "doctor.torchao.fine"),
    ],
)
def test_the_torchao_trap_is_an_old_torchao_beside_a_strict_peft(around: Surroundings, torchao, peft, key):
    assert key in findings(around, version_of=versions(torchao=torchao, peft=peft))


def test_a_damaged_starter_is_told_with_its_own_error(around: Surroundings):
    def damaged() -> None:
        raise DamagedWeightsError("error.weights.starter_damaged", path="unet/model.safetensors")

    finding = findings(around, check_starter=damaged)["doctor.starter.broken"]
    assert finding.state == "broken"
    assert "unet/model.safetensors" in finding.tell("en")


def test_little_memory_is_told(around: Surroundings):
    machine = dataclasses.replace(MACHINE, free_ram_bytes=10**9)
    assert findings(around, machine=machine)["doctor.ram"].state == "advice"


def test_a_machine_that_tells_no_memory_is_no_error(around: Surroundings):
    machine = Machine(cores=2, ram_bytes=0, free_ram_bytes=0)
    assert findings(around, machine=machine)["doctor.ram.unknown"].state == "advice"


def test_a_workspace_that_is_not_there_yet_is_judged_by_the_folder_above_it(around: Surroundings, tmp_path: Path):
    assert "doctor.disk" in findings(around, folder=tmp_path / "not" / "yet" / "there")
    assert not (tmp_path / "not").exists()


def test_a_file_in_the_place_of_the_workspace_is_broken(around: Surroundings, tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert findings(around, folder=tmp_path / "file")["doctor.folder.closed"].state == "broken"


@pytest.mark.parametrize(
    ("environ", "libc", "key"),
    [
        ({}, "glibc", "doctor.allocator.kept"),
        ({"MALLOC_MMAP_THRESHOLD_": "1", "MALLOC_TRIM_THRESHOLD_": "1"}, "glibc", "doctor.allocator.set"),
        ({"MALLOC_MMAP_THRESHOLD_": "1"}, "glibc", "doctor.allocator.kept"),
        ({"LD_PRELOAD": "/usr/lib/libtcmalloc_minimal.so.4"}, "glibc", "doctor.allocator.preloaded"),
        ({}, "", "doctor.allocator.other"),
    ],
)
def test_the_allocator_is_told_of_as_it_is_set(around: Surroundings, environ, libc, key):
    assert key in findings(around, environ={**around.environ, **environ}, libc=libc)


@pytest.mark.parametrize("token", HOSTILE_TOKENS)
@pytest.mark.parametrize("place", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "file", "path file", "home"])
def test_a_token_is_told_of_and_never_shown(around: Surroundings, tmp_path: Path, token: str, place: str):
    environ = dict(around.environ)
    folder = tmp_path / ".cache" / "huggingface"
    if place == "file":
        folder.mkdir(parents=True)
        (folder / "token").write_text(token)
    elif place == "path file":
        (tmp_path / "elsewhere").write_text(token)
        environ["HF_TOKEN_PATH"] = str(tmp_path / "elsewhere")
    elif place == "home":
        (tmp_path / "token").write_text(token)
        environ["HF_HOME"] = str(tmp_path)
    else:
        environ[place] = token
    found = findings(around, environ=environ)
    key = "doctor.token.variable" if place in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") else "doctor.token.file"
    assert key in found or place == "HF_TOKEN_PATH"  # a token in the place of a path is not found, nor shown
    told = [finding.tell(language) for finding in found.values() for language in LANGUAGES]
    facts = json.dumps([dict(finding.facts) for finding in found.values()], default=str)
    assert not [line for line in (*told, facts) if "secret" in line or "hf_sec" in line]


@pytest.mark.parametrize("empty", ["", "  \n"])
def test_an_empty_token_is_none(around: Surroundings, empty: str):
    assert "doctor.token.none" in findings(around, environ={**around.environ, "HF_TOKEN": empty})


def test_drive_is_found_by_its_file_system_type(tmp_path: Path):
    mounts = tmp_path / "mounts"
    mounts.write_text("drive /content/my\\040drive fuse.drive rw 0 0\noverlay / overlay rw 0 0\n")
    assert drive_mounts(mounts) == ("/content/my drive",)
    assert drive_mounts(tmp_path / "none") == ()


def test_on_colab_an_unmounted_drive_is_told_and_elsewhere_it_is_not(around: Surroundings):
    assert findings(around, machine=dataclasses.replace(MACHINE, colab=True))["doctor.drive.not"].state == "advice"
    assert "doctor.drive.not" not in findings(around)
