# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the container's own layer with all that a file system keeps beside their content."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from answering import serve

HERE = Path("/var/lib/held")
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
NOBODY = 0xFFFFFFFF
ENTRIES = ((1, 6, NOBODY), (2, 4, 1000), (4, 4, NOBODY), (16, 4, NOBODY), (32, 0, NOBODY))
ACL = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in ENTRIES)
"""user::rw-, user:1000:r--, group::r--, mask::r--, other::---; include/uapi/linux/posix_acl_xattr.h."""


def look() -> object:
    found = {}
    for path in (HERE, *sorted(HERE.iterdir())):
        status = path.lstat()
        names = sorted(os.listxattr(path, follow_symlinks=False))
        attributes = {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in names}
        found[path.name] = [oct(status.st_mode), status.st_uid, status.st_mtime_ns, attributes]
    return found


HERE.mkdir(parents=True)
(HERE / "ping").write_bytes(b"a program")
(HERE / "data").write_bytes(b"data")
(HERE / "below").mkdir()
(HERE / "link").symlink_to("data")
os.setxattr(HERE / "ping", "security.capability", CAPABILITY)
try:
    os.setxattr(HERE / "data", "user.origin", b"edge\0")
    os.setxattr(HERE / "data", "system.posix_acl_access", ACL)
except OSError as error:
    print(error, flush=True)
for number, path in enumerate((HERE / "data", HERE / "link", HERE / "below", HERE)):
    os.utime(path, ns=(0, 10**18 + number), follow_symlinks=False)
serve(look)
