"""`colabsd models`: what it tells of the models that there are, and how it brings and removes them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hub_model import FILES, NEEDED_BYTES, TOKEN, UNET
from hub_server import Fault, HubServer

from colabsd.artifacts import Adapter, AdapterFile
from colabsd.cli.program import run
from colabsd.library.adapters import card_bytes
from colabsd.models.addons import ADDONS
from colabsd.models.cache import WeightCache
from colabsd.models.catalog import CATALOG

ENVIRON = {"HOME": "/nowhere", "LANG": "es_ES.UTF-8"}
Answer = tuple[int, str, str]


@pytest.fixture
def environ(tmp_path: Path, hub_server: HubServer, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """A home of its own and a hub on this machine that holds `someone/model`."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub_server.repositories["someone/model"] = dict(FILES)
    return {"HOME": str(tmp_path), "LANG": "es_ES.UTF-8", "HF_ENDPOINT": hub_server.url}


@pytest.fixture
def command(environ: Mapping[str, str], capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs `colabsd models …`: its exit code, what it printed, what it told."""

    def ask(*arguments: str) -> Answer:
        code = run(["models", *arguments], environ)
        out, err = capsys.readouterr()
        assert TOKEN not in out + err
        return code, out, err

    return ask


def test_every_model_of_the_catalog_is_listed_after_the_embedded_one(capsys):
    assert run(["models", "list", "--json"], ENVIRON) == 0
    names = [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()]
    assert names == ["starter", *(card.name for card in CATALOG)]


def test_the_list_says_where_each_model_is_and_how_large(capsys):
    assert run(["models", "list"], ENVIRON) == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("starter") and first.endswith("en este disco")
    assert all("se descarga" in line and " GB " in line for line in others)


def test_the_whole_list_has_what_goes_with_models(capsys):
    assert run(["models", "list", "--all"], ENVIRON) == 0
    out = capsys.readouterr().out
    assert [row.name for row in ADDONS if row.name not in out] == []


def test_a_model_is_shown_with_its_licence_and_its_usual_settings(capsys):
    assert run(["models", "show", "sd15"], ENVIRON) == 0
    text = capsys.readouterr().out
    assert "CreativeML Open RAIL-M" in text
    assert "muestreador habitual" in text
    assert "2.1 GB" in text and "datos vistos en" in text


def test_what_goes_with_models_is_shown_too(capsys):
    assert run(["models", "show", "taesd"], ENVIRON) == 0
    assert "madebyollin/taesd" in capsys.readouterr().out
    run(["models", "show", "taesd", "--json"], ENVIRON)
    assert json.loads(capsys.readouterr().out)["license"] == "MIT"


def test_a_licence_that_was_not_seen_is_told(capsys):
    assert run(["models", "show", "instruct-pix2pix"], ENVIRON) == 0
    assert "licencia de timbrooks/instruct-pix2pix" in capsys.readouterr().err


@pytest.mark.parametrize(("language", "apple"), [("en", "red apple"), ("es", "manzana roja")])
def test_the_embedded_model_shows_all_that_it_can_draw(capsys, language, apple):
    assert run(["models", "show", "starter", "--lang", language], ENVIRON) == 0
    assert apple in capsys.readouterr().out.replace("\n", " ")
    run(["models", "show", "starter", "--lang", language, "--json"], ENVIRON)
    assert apple in json.loads(capsys.readouterr().out)["things"]


def test_an_unknown_model_is_told_with_the_nearest_name(capsys):
    assert run(["models", "show", "sd155"], ENVIRON) == 2
    assert "«sd15»" in capsys.readouterr().err


def test_a_download_prints_the_folder_and_tells_before_what_comes(command: Callable[..., Answer], tmp_path: Path):
    code, out, err = command("download", "someone/model")
    folder = Path(out.strip())
    assert code == 0 and folder == tmp_path / "colabsd" / "models" / "someone--model"
    assert (folder / UNET).read_bytes() == FILES[UNET]
    assert "llega desde Hugging Face" in err.splitlines()[0] + err.splitlines()[1]
    assert command("download", "someone/model")[1] == out


def test_a_download_in_json_ends_with_where_it_is(command: Callable[..., Answer]):
    code, out, _ = command("download", "someone/model", "--json")
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and {"note", "progress", "kept"} == {line["type"] for line in told}
    assert told[-1]["path"].endswith("someone--model")


def test_a_forecast_brings_nothing(command: Callable[..., Answer], tmp_path: Path, hub_server: HubServer):
    code, out, _ = command("download", "someone/model", "--forecast", "--json")
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and told[-1]["needed_bytes"] == NEEDED_BYTES
    assert "GB por traer" in command("download", "someone/model", "--forecast")[1]
    assert hub_server.sent("/elsewhere/") == 0 and not (tmp_path / "colabsd").exists()


def test_the_embedded_model_needs_no_download(command: Callable[..., Answer]):
    code, out, _ = command("download", "starter")
    assert code == 0 and Path(out.strip()).is_dir()


def test_what_is_kept_is_listed_with_its_size_and_can_be_removed(command: Callable[..., Answer], tmp_path: Path):
    command("download", "someone/model")
    _, out, err = command("list")
    assert out.splitlines()[-1].startswith("someone/model") and "colabsd models remove" in err
    told = [json.loads(line) for line in command("list", "--json")[1].splitlines()]
    assert told[-1]["bytes"] == NEEDED_BYTES
    code, _, err = command("remove", "someone/model")
    assert code == 0 and "someone/model" in err
    assert not (tmp_path / "colabsd" / "models" / "someone--model").exists()
    assert command("remove", "someone/model")[0] == 2


@pytest.mark.parametrize(
    ("fault", "code", "told"),
    [
        (Fault("/api", status=403, headers={"X-Error-Code": "GatedRepo"}), 1, "/someone/model"),
        (Fault("/api", status=404), 2, "dueño/nombre"),
    ],
    ids=["gated", "unknown"],
)
def test_a_failing_download_says_what_to_do(
    command: Callable[..., Answer], hub_server: HubServer, fault: Fault, code: int, told: str
):
    hub_server.faults.append(fault)
    answer = command("download", "someone/model")
    assert answer[0] == code and told in answer[2]


def test_ctrl_c_says_how_to_go_on(command: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch):
    def interrupted(_self: WeightCache, _wanted: object):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(WeightCache, "bring", interrupted)
    code, out, err = command("download", "someone/model")
    assert (code, out) == (130, "") and "colabsd models download someone/model" in err


def test_what_was_trained_here_is_listed(command: Callable[..., Answer], tmp_path: Path):
    """A LoRA with its card beside it: in the table with its base model, and whole in JSON."""
    folder = tmp_path / "colabsd" / "models" / "loras"
    folder.mkdir(parents=True)
    (folder / "zorro.safetensors").write_bytes(b"0" * 3_000_000)
    file = AdapterFile(place="models/loras/zorro.safetensors", form="kohya", sha256="0" * 64, bytes=3_000_000)
    facts = {"method": "lora", "family": "sd1", "base": "sd15", "base_sha256": "", "phrase": "zorro fox", "photos": 5}
    card = Adapter(name="zorro", photos_sha256="1" * 64, made="2026-11-24T18:00:00+00:00", files=(file,), **facts)
    (folder / "zorro.json").write_bytes(card_bytes(card))
    _, out, _ = command("list")
    (row,) = [line for line in out.splitlines() if line.startswith("zorro")]
    assert "sd1" in row and "3 MB" in row and "entrenado aquí sobre sd15" in row
    _, out, _ = command("list", "--json")
    (told,) = [one for one in map(json.loads, out.splitlines()) if one["type"] == "trained"]
    assert told["photos_sha256"] == "1" * 64 and told["phrase"] == "zorro fox"
