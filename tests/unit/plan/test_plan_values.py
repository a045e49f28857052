"""Secrets, entropy and nearest names."""

from __future__ import annotations

import copy
import pickle
from collections import Counter

import pytest

from undercloud.plan.entropy import ALPHANUMERIC, SeededEntropy, SystemEntropy, word
from undercloud.plan.names import did_you_mean, nearest
from undercloud.plan.secrets import MASK, Secret, conceal, is_secret, masked, secret_if


def test_secret_is_its_text_but_does_not_show_it() -> None:
    secret = Secret("hunter2")
    assert secret == "hunter2" and len(secret) == 7 and {"hunter2": 1}[secret]
    for shown in (repr(secret), repr({"a": [secret]}), f"{secret!r}"):
        assert "hunter2" not in shown and MASK in shown
    assert type(secret.reveal()) is str and secret.reveal() == "hunter2"


def test_secrecy_survives_copies() -> None:
    secret = Secret("hunter2")
    for again in (
        copy.copy(secret),
        copy.deepcopy({"a": secret})["a"],
        pickle.loads(pickle.dumps(secret)),
        str(secret),
    ):
        assert isinstance(again, Secret) and again == secret


def test_secrecy_travels() -> None:
    assert is_secret({"a": [1, ("x", Secret("s"))]}) and is_secret({Secret("k"): 1})
    assert not is_secret({"a": ["s", 1, None]})
    assert isinstance(secret_if("text", 1, [Secret("s")]), Secret)
    assert type(secret_if("text", "plain")) is str


def test_conceal_and_mask() -> None:
    concealed = conceal({"a": ["x", 1, None, ("y",)], "b": {"c": "z"}})
    assert concealed == {"a": ["x", 1, None, ["y"]], "b": {"c": "z"}}
    assert masked(concealed) == {"a": [MASK, 1, None, [MASK]], "b": {"c": MASK}}
    assert masked({"a": Secret("x"), "b": "y"}) == {"a": MASK, "b": "y"}


def test_seeded_entropy_repeats_and_moves_on() -> None:
    one, two = SeededEntropy("seed"), SeededEntropy("seed")
    assert one.token_bytes(100) == two.token_bytes(100) != one.token_bytes(100)
    assert SeededEntropy("other").token_bytes(16) != SeededEntropy("seed").token_bytes(16)
    assert [len(one.token_bytes(size)) for size in (0, 1, 31, 32, 33)] == [0, 1, 31, 32, 33]
    assert one.now() == one.now()


def test_system_entropy() -> None:
    entropy = SystemEntropy()
    assert len(entropy.token_bytes(20)) == 20
    assert entropy.token_bytes(20) != entropy.token_bytes(20)
    assert entropy.now() > 1_700_000_000


def test_word_uses_the_whole_alphabet_evenly() -> None:
    text = word(SeededEntropy(), 62_000)
    counts = Counter(text)
    assert set(counts) == set(ALPHANUMERIC)
    assert max(counts.values()) < 1.2 * min(counts.values())
    assert len(word(SeededEntropy(), 25)) == 25 and word(SeededEntropy(), 0) == ""


@pytest.mark.parametrize(
    ("name", "known", "match"),
    [
        ("ServiceDefault", ["ServicesDefault", "CountDefault"], "ServicesDefault"),
        ("countdefault", ["ServicesDefault", "CountDefault"], "CountDefault"),
        ("zebra", ["ServicesDefault"], None),
        ("x", [], None),
    ],
)
def test_nearest(name: str, known: list[str], match: str | None) -> None:
    assert nearest(name, known) == match
    assert did_you_mean(name, known) == (f"Did you mean {match}?" if match else "")
