"""The node image's definition."""

from tools.lab import image
from undercloud.images import definitions
from undercloud.images.recipe import tags


def test_the_definition_is_one_the_image_builder_takes() -> None:
    found = definitions.load([image.DEFINITIONS])
    node = found[image.NAME]
    assert node.parent is None, "a node is a plain Debian: it has no user or file of the cloud's images"
    assert not node.users
    assert {"openssh-server", "podman", "python3", "runc", "sudo", "systemd"} <= set(node.packages)
    assert tags(found)[image.NAME]


def test_no_key_is_in_the_image() -> None:
    node = definitions.load([image.DEFINITIONS])[image.NAME]
    assert not [
        file.path for file in node.files if b"PRIVATE KEY" in file.content or b"ssh-ed25519" in file.content
    ]
    assert any("rm -f /etc/ssh/ssh_host_" in line for line in node.run)
