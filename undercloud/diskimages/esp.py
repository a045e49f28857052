"""EFI system partitions: a FAT file system with a GRUB that looks for its configuration elsewhere."""

from __future__ import annotations

from pathlib import Path

from undercloud.diskimages.tools import GRUB_MODULES, Tools

RAMDISK_CONFIG = "EFI/ironic/grub.cfg"
"""Where Ironic puts GRUB's configuration on a boot medium: a path that no deployed disk has."""

_MODULES = (
    *("part_gpt", "part_msdos", "fat", "iso9660", "ext2"),
    *("normal", "boot", "linux", "configfile", "search", "search_fs_file", "search_label", "search_fs_uuid"),
    *("echo", "test", "ls", "minicmd", "serial", "terminal", "all_video", "efi_gop", "gzio"),
    *("halt", "reboot", "sleep"),
)


def make(tools: Tools, file: Path, *, config: str, kib: int, serial: str) -> None:
    """Write an ESP of ``kib`` KiB to ``file``; ``config`` is built into GRUB.

    ``serial`` (eight hexadecimal digits) is the number of the volume. What comes in between lies beside the
    file. Raises ToolFailedError.
    """
    early, loader = file.with_suffix(".cfg"), file.with_suffix(".efi")
    early.write_text(config, encoding="utf-8")
    tools.run(
        *(
            "grub-mkimage",
            "-O",
            "x86_64-efi",
            "-d",
            GRUB_MODULES,
            "-c",
            early,
            "-p",
            "/EFI/BOOT",
            "-o",
            loader,
        ),
        *_MODULES,
    )
    with file.open("wb") as stream:
        stream.truncate(kib * 1024)
    fat = ("-F", "32", "-s", "1") if kib >= 34 * 1024 else ()
    tools.run("mkfs.vfat", "--invariant", *fat, "-i", serial, "-n", "ESP", file)
    tools.run("mmd", "-i", file, "::EFI", "::EFI/BOOT")
    tools.run("mcopy", "-i", file, loader, "::EFI/BOOT/BOOTX64.EFI")


def finds_file(path: str) -> str:
    """GRUB's first lines: go on with the configuration at ``path`` on whichever medium has it."""
    return _finds(f"--file /{path}", path)


def finds_filesystem(uuid: str, path: str) -> str:
    """GRUB's first lines: go on with the configuration at ``path`` in the file system of that UUID."""
    return _finds(f"--fs-uuid {uuid}", path)


def _finds(what: str, path: str) -> str:
    prefix = Path(path).parent
    return f"search --no-floppy --set=root {what}\nset prefix=($root)/{prefix}\nconfigfile ($root)/{path}\n"
