"""A plan as a tar: there and back, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from undercloud.diagnostics import UndercloudError
from undercloud.plan.archive import Limits, pack, unpack
from undercloud.plan.bundle import Bundle

BUNDLE = Bundle(
    "overcloud",
    "/home/me/templates",
    {"overcloud.j2.yaml": b"{}", "roles_data.yaml": b"[]", "/home/me/site.yaml": "ä: 1".encode()},
    named={"roles": "roles_data.yaml"},
    environments=("environments/a.yaml", "/home/me/site.yaml"),
    real_root="/home/me/templates",
    parameters={"NtpServer": ["a"]},
)


class Pipe(io.RawIOBase):
    """A stream that only goes forward, and gives little at a time, as a socket does."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1, /) -> bytes:
        return self._data.read(min(size, 700) if size >= 0 else 700)


def packed(bundle: Bundle) -> bytes:
    stream = io.BytesIO()
    pack(bundle, stream)
    return stream.getvalue()


def archive(*entries: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as made:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                made.addfile(entry)
            else:
                info = tarfile.TarInfo(entry[0])
                info.size = len(entry[1])
                made.addfile(info, io.BytesIO(entry[1]))
    return stream.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def refusal(data: bytes, **options: Any) -> str:
    with pytest.raises(UndercloudError) as caught:
        unpack(Pipe(data), "overcloud", **options)
    (finding,) = caught.value.findings
    assert finding.fix
    return finding.code


@pytest.mark.parametrize("form", [lambda data: data, gzip.decompress], ids=["gzip", "plain"])
def test_there_and_back(form: Any) -> None:
    got = unpack(Pipe(form(packed(BUNDLE))), "overcloud", generated={"Image": "x"})
    assert got.files == BUNDLE.files
    assert got.source() == {**BUNDLE.source(), "generated": {"Image": "x"}}
    assert (got.root, got.real_root) == (BUNDLE.root, BUNDLE.root)


def test_whether_playbooks_were_read_is_told() -> None:
    assert not unpack(Pipe(packed(BUNDLE)), "overcloud").playbooks_read
    assert unpack(Pipe(packed(replace(BUNDLE, playbooks_read=True))), "overcloud").playbooks_read


def test_a_template_tree_alone_has_its_default_files() -> None:
    data = archive(
        ("./overcloud.yaml", b"{}"), ("./network_data_default.yaml", b"[]"), ("roles_data.yaml", b"")
    )
    got = unpack(Pipe(data), "edge")
    assert sorted(got.files) == ["network_data_default.yaml", "overcloud.yaml", "roles_data.yaml"]
    assert got.named == {"roles": "roles_data.yaml", "networks": "network_data_default.yaml"}


@pytest.mark.parametrize(
    "entry",
    [
        ("../../etc/passwd", b"x"),
        ("/etc/passwd", b"x"),
        ("tree/../../x", b"x"),
        ("tree/" + "x" * 800, b"x"),
        ("tree/a\nb", b"x"),
        link("tree/x", "/etc/shadow"),
        link("tree/x", "tree/y", tarfile.LNKTYPE),
        link("tree/fifo", "", tarfile.FIFOTYPE),
        link("tree/device", "", tarfile.CHRTYPE),
    ],
    ids=["up", "absolute", "up-inside", "long", "newline", "symlink", "hardlink", "fifo", "device"],
)
def test_names_that_lead_elsewhere_and_what_is_no_file(entry: Any) -> None:
    assert refusal(archive(("tree/good", b""), entry)) == "PLAN-101"


def test_what_is_too_large() -> None:
    zeros = gzip.compress(archive(("tree/zeros", b"\0" * 2_000_000)))
    assert len(zeros) < 5_000
    assert refusal(zeros, limits=Limits(total=1_000_000)) == "PLAN-102"
    many = archive(*((f"tree/{number}", b"") for number in range(11)))
    assert refusal(many, limits=Limits(entries=10)) == "PLAN-102"


def described(name: str, kind: bytes, length: int) -> bytes:
    """An empty file after a header of so many bytes that describes it: a long name, or pax's words."""
    begin = b"" if kind == tarfile.GNUTYPE_LONGNAME else b"%d comment=" % length
    words = begin.ljust(length - 1, b"x") + b"\n"
    info = tarfile.TarInfo("header")
    info.type, info.size = kind, len(words)
    padded = words + b"\0" * (-len(words) % tarfile.BLOCKSIZE)
    return info.tobuf(tarfile.USTAR_FORMAT) + padded + tarfile.TarInfo(name).tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_unpacks_to_more_than_any_needs(kind: bytes) -> None:
    bomb = gzip.compress(described("tree/x", kind, 16 << 20))
    assert len(bomb) < 20_000
    tracemalloc.start()
    try:
        assert refusal(bomb) == "PLAN-102"
        assert tracemalloc.get_traced_memory()[1] < 8 << 20, "it was not read to its end"
    finally:
        tracemalloc.stop()


def test_many_headers_are_counted_too() -> None:
    many = b"".join(described(f"tree/{number}", tarfile.XHDTYPE, 10_000) for number in range(12))
    assert len(unpack(Pipe(many + b"\0" * 1024), "overcloud").files) == 12
    assert refusal(gzip.compress(many), limits=Limits(total=1_000, overhead=100_000)) == "PLAN-102"


def test_headers_of_headers_without_end() -> None:
    words = b"12 a=bcdefg\n"
    info = tarfile.TarInfo("header")
    info.type, info.size = tarfile.XHDTYPE, len(words)
    assert refusal((info.tobuf() + words.ljust(tarfile.BLOCKSIZE, b"\0")) * 900) == "PLAN-102"


def test_a_size_that_lies() -> None:
    info = tarfile.TarInfo("tree/huge")
    info.size = 1 << 40
    assert refusal(info.tobuf() + b"\0" * 1024) == "PLAN-102"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"hello" * 400,
        packed(BUNDLE)[:-40],
        gzip.compress(b"x" * 5000),
        b"\x1f\x8b" + b"\0" * 90,
    ],
    ids=["nothing", "a byte", "text", "cut off", "no tar inside", "no gzip"],
)
def test_what_is_no_archive(data: bytes) -> None:
    assert refusal(data) == "PLAN-100"


@pytest.mark.parametrize(
    "manifest",
    [
        "{",
        "[]",
        '{"root": 1}',
        '{"other": 1}',
        '{"named": {"x": "y"}}',
        '{"environments": [1]}',
        '{"playbooks_read": 1}',
        "[" * 100_000,
    ],
)
def test_a_manifest_that_says_nothing_usable(manifest: str) -> None:
    assert refusal(archive(("plan.json", manifest.encode()))) == "PLAN-103"


def test_a_file_at_no_place() -> None:
    assert refusal(archive(("plan.json", json.dumps({}).encode()), ("stray", b""))) == "PLAN-101"
