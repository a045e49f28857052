from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
import yaml

from undercloud.diagnostics import UndercloudError
from undercloud.images import catalogue, recipe
from undercloud.images.definitions import Definitions, load

CASES = sorted((Path(__file__).parent / "cases/definitions").glob("*.yaml"))
STOCK = Path(__file__).parents[3] / "container-images"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_definitions_are_read_and_every_mistake_is_told_with_its_place(path: Path, tmp_path: Path) -> None:
    case: dict[str, Any] = yaml.safe_load(path.read_text())
    for name, text in case["files"].items():
        (tmp_path / name).write_text(text)

    if "order" in case:
        assert list(load([tmp_path])) == case["order"]
        return
    with pytest.raises(UndercloudError) as caught:
        load([tmp_path])

    assert [finding.code for finding in caught.value.findings] == [one["code"] for one in case["findings"]]
    for finding, expected in zip(caught.value.findings, case["findings"], strict=True):
        assert expected["says"] in finding.message
        assert expected.get("fix", "") in finding.fix
        assert finding.fix
        if "at" in expected:
            assert str(finding.locations[0]) == f"{tmp_path}/{expected['at']}"


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(UndercloudError, match="IMG-005"):
        load([tmp_path / "nowhere"])


def test_definitions_of_two_directories_join(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\ndescription: Mine\nparent: base\n")

    assert load([STOCK, tmp_path]).ancestors("mine") == ("base",)


def test_selecting_brings_what_an_image_stands_on() -> None:
    definitions = load([STOCK])

    assert definitions.select(["keystone"]) == ("base", "os-base", "keystone")
    assert definitions.select() == tuple(definitions)
    with pytest.raises(UndercloudError) as caught:
        definitions.select(["keyston", "mariadb", "nova"])
    assert [finding.code for finding in caught.value.findings] == ["IMG-008", "IMG-008"]


class TestStock:
    """What comes with undercloud."""

    @pytest.fixture
    def stock(self) -> Definitions:
        return load([STOCK])

    def test_services_own_well_known_numbers(self, stock: Definitions) -> None:
        numbers = {user.name: (user.uid, user.gid) for user in stock["base"].users}

        known = {"keystone": 42425, "mysql": 42434, "rabbitmq": 42439, "memcache": 42457, "haproxy": 42454}
        assert {name: numbers[name] for name in known} == {name: (uid, uid) for name, uid in known.items()}

    def test_every_service_image_has_a_parameter_and_the_shared_layers_have_none(
        self, stock: Definitions
    ) -> None:
        parents = {definition.parent for definition in stock.values()}

        without = {name for name, definition in stock.items() if not definition.parameters}
        assert without == parents - {None}

    def test_parameters_name_the_image_in_the_registry(self, stock: Definitions) -> None:
        parameters = catalogue.image_parameters(stock, "192.168.24.1:8787", "mine")

        tags = recipe.tags(stock)
        assert parameters["ContainerMysqlImage"] == f"192.168.24.1:8787/mine/mariadb:{tags['mariadb']}"
        assert list(parameters) == sorted(parameters)

    def test_no_machine_or_mirror_is_named(self) -> None:
        for path in STOCK.glob("*.yaml"):
            assert "://" not in path.read_text(), path

    def test_tags_are_twelve_hexadecimal_digits(self, stock: Definitions) -> None:
        for tag in recipe.tags(stock).values():
            assert len(tag) == 12
            assert set(tag) <= set(string.hexdigits.lower())
