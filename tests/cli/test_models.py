"""`colabsd models`: what it tells of the models that there are."""

import json

import pytest

from colabsd.cli.program import run
from colabsd.models.catalog import CATALOG

ENVIRON = {"HOME": "/nowhere", "LANG": "es_ES.UTF-8"}


def test_every_model_of_the_catalog_is_listed_after_the_embedded_one(capsys):
    assert run(["models", "list", "--json"], ENVIRON) == 0
    names = [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()]
    assert names == ["starter", *(card.name for card in CATALOG)]


def test_the_list_says_where_each_model_is(capsys):
    assert run(["models", "list"], ENVIRON) == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("starter") and first.endswith("en este disco")
    assert all("se descarga" in line or "en este disco" in line for line in others)


def test_a_model_is_shown_with_its_licence_and_its_usual_settings(capsys):
    assert run(["models", "show", "sd15"], ENVIRON) == 0
    text = capsys.readouterr().out
    assert "CreativeML Open RAIL-M" in text
    assert "muestreador habitual" in text


@pytest.mark.parametrize(("language", "apple"), [("en", "red apple"), ("es", "manzana roja")])
def test_the_embedded_model_shows_all_that_it_can_draw(capsys, language, apple):
    assert run(["models", "show", "starter", "--lang", language], ENVIRON) == 0
    assert apple in capsys.readouterr().out.replace("\n", " ")
    run(["models", "show", "starter", "--lang", language, "--json"], ENVIRON)
    assert apple in json.loads(capsys.readouterr().out)["things"]


def test_an_unknown_model_is_told_with_the_nearest_name(capsys):
    assert run(["models", "show", "sd16"], ENVIRON) == 2
    assert "«sd15»" in capsys.readouterr().err
