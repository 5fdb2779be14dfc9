# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CRIU's images as they come from the source."""

from __future__ import annotations

import os
import re

from ..errors import PeerLost
from ..session.channel import Message

INVENTORY = "inventory.img"
_IMAGE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.img")


def write_images(directory: int, message: Message) -> bytes:
    """Write the images of a message into a directory, but for the inventory, which is returned.

    Args:
        directory: descriptor of the image directory.
        message: names and sizes from the peer are checked. CRIU judges what is in the images: do not migrate
            from a source host that is not trusted.
    """
    inventory = b""
    try:
        position = int(message.fields["archive_bytes"])
        named = [(str(name), int(size)) for name, size in message.fields["images"]]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise PeerLost("The source host sent a malformed list of images") from None
    if not 0 <= position <= len(message.blob):
        raise PeerLost(f"The source host announced an invalid {position} bytes of files")
    for name, size in named:
        if not _IMAGE_NAME.fullmatch(name) or not 0 <= size <= len(message.blob) - position:
            raise PeerLost(f"The source host sent an invalid image '{name}' of {size} bytes")
        data = message.blob[position : position + size]
        position += size
        if name == INVENTORY:
            inventory = data
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            descriptor = os.open(name, flags, 0o600, dir_fd=directory)
            try:
                while data:
                    data = data[os.write(descriptor, data) :]
            finally:
                os.close(descriptor)
    if not inventory:
        raise PeerLost("The source host sent no inventory image")
    return inventory
