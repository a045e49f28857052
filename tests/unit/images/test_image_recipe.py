"""The recipe and the tag: what changes a tag, and what does not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from undercloud.images import recipe
from undercloud.images.definitions import Definitions, load

BASE = "name: base\ndescription: Debian\nfiles: {/etc/x: {source: x}}\n"
MIDDLE = "name: middle\ndescription: M\nparent: base\npackages: [curl]\n"
LEAF = "name: leaf\ndescription: L\nparent: middle\n"
OTHER = "name: other\ndescription: O\nparent: base\n"

Make = Callable[..., Definitions]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Definitions of four images; arguments replace a file's text."""

    def made(**texts: str) -> Definitions:
        files = {"base": BASE, "middle": MIDDLE, "leaf": LEAF, "other": OTHER} | texts
        (tmp_path / "x").write_text(files.pop("source", "x"))
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        return load([tmp_path])

    return made


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in after if before.get(name) != after[name]}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({}, set()),
        ({"middle": MIDDLE.replace("curl", "wget")}, {"middle", "leaf"}),
        ({"base": BASE + "run: [echo]\n"}, {"base", "middle", "leaf", "other"}),
        ({"source": "y"}, {"base", "middle", "leaf", "other"}),
        ({"other": OTHER + "users: {me: {uid: 5}}\n"}, {"other"}),
        ({"other": OTHER + "environment: {A: b}\n"}, {"other"}),
        ({"other": OTHER + "command: [a]\n"}, {"other"}),
        ({"other": OTHER + "labels: {a: b}\n"}, {"other"}),
        ({"leaf": LEAF.replace("parent: middle", "parent: base")}, {"leaf"}),
        ({"other": OTHER + "parameters: [ContainerOtherImage]\n"}, set()),
        ({"other": "# a comment\nparent: base\nname: other\ndescription: O\n"}, set()),
    ],
    ids=[
        "nothing",
        "package",
        "run",
        "file",
        "user",
        "environment",
        "command",
        "label",
        "parent",
        "parameter",
        "comment",
    ],
)
def test_a_tag_follows_from_what_is_built(make: Make, texts: dict[str, str], expected: set[str]) -> None:
    before = recipe.tags(make())

    assert changed(before, recipe.tags(make(**texts))) == expected


def test_another_edition_is_another_build_of_everything(make: Make) -> None:
    definitions = make()

    assert changed(recipe.tags(definitions), recipe.tags(definitions, "2025-11-20")) == set(definitions)
    assert recipe.tags(definitions, "a") == recipe.tags(definitions, "a")


def test_equal_content_under_other_names_has_other_tags(make: Make) -> None:
    tags = recipe.tags(make(leaf="name: leaf\ndescription: O\nparent: base\n"))

    assert tags["leaf"] != tags["other"]


def test_the_script_is_a_shell_script(make: Make) -> None:
    text = BASE + "users: {a: {uid: 7, group: b, home: /h}}\nrun: ['echo \"$X\"']\npackages: [curl]\n"
    script = recipe.recipe(make(base=text)["base"]).script

    subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    lines = script.splitlines()
    assert lines[0] == "set -eu"
    user, file, package, run = (
        next(number for number, line in enumerate(lines) if line.startswith(start))
        for start in ("useradd", "install -D", "apt-get install", 'echo "$X"')
    )
    assert user < file < package < run


def test_only_an_image_without_a_parent_is_bootstrapped(make: Make) -> None:
    definitions = make()

    assert "--variant=minbase" in recipe.recipe(definitions["base"]).bootstrap
    assert recipe.recipe(definitions["leaf"]).bootstrap == ()


def test_instructions_quote_what_the_shell_or_a_variable_would_take(make: Make) -> None:
    text = OTHER + (
        "environment: {B: 'say \"$HOME\" \\ twice', A: x}\ncommand: [sh, -c, 'echo $X']\n"
        "user: '42425:42425'\nstop_signal: SIGRTMIN+3\n"
    )
    instructions = recipe.recipe(make(other=text)["other"]).instructions

    assert instructions == (
        'ENV A="x"',
        'ENV B="say \\"\\$HOME\\" \\\\ twice"',
        'LABEL org.opencontainers.image.description="O"',
        'LABEL org.opencontainers.image.title="other"',
        "USER 42425:42425",
        "STOPSIGNAL SIGRTMIN+3",
        'CMD ["sh", "-c", "echo $X"]',
    )
