#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# email of Python 3.11 to 3.13 (standard library): a message of several parts with binary content, as the SBI has it for N1 and N2
# (multipart/related: JSON, and application/vnd.3gpp.ngap or vnd.3gpp.5gnas).
#
# HTTP has no transfer encoding for parts, so that a part is made with MIMEApplication and encode_noop, and written with as_bytes() or
# policy.HTTP. Expected: the octets of the part. Seen: each 0d, 0a and 0d 0a in them is a line's end, and written as the policy's:
# with policy.HTTP 0a becomes 0d 0a and so does 0d, with the default one 0d becomes 0a. No error, and no length beside the part
# says that it has grown. Reading is right: any octets are read as they are.
# 0d and 0a are ordinary in NGAP and NAS (0a: 5QI 10, a TAC, an identifier), so that it depends on the UE which messages are broken.
# Join the parts by hand.
#
# Needs no package. Fails if the behaviour changes.
set -euo pipefail
python3 - <<'PYTHON'
import email
import email.policy
from email.encoders import encode_noop
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart

CONTENT = bytes.fromhex("00 0a 01 0d 02 0d0a 03")


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


def read(raw):
    """The content of the last part, with the reader that gives back any octets."""
    return email.message_from_bytes(raw).get_payload()[-1].get_payload(decode=True)


def written(policy):
    message = MIMEMultipart("related", boundary="part")
    message.attach(MIMEApplication(b'{"n2InfoContent": {"contentId": "n2"}}', "json", _encoder=encode_noop))
    message.attach(MIMEApplication(CONTENT, "vnd.3gpp.ngap", _encoder=encode_noop))
    return message.as_bytes(policy=policy)


by_hand = b"Content-Type: multipart/related; boundary=part\r\n\r\n--part\r\nContent-Type: application/vnd.3gpp.ngap\r\n\r\n"
expect("read", read(by_hand + CONTENT + b"\r\n--part--\r\n").hex(" "), CONTENT.hex(" "))
expect("every octet, read", read(by_hand + bytes(range(256)) + b"\r\n--part--\r\n") == bytes(range(256)), True)

for name, octets in (
    ("default", "00 0a 01 0a 02 0a 03"),
    ("compat32", "00 0a 01 0a 02 0a 03"),
    ("HTTP", "00 0d 0a 01 0d 0a 02 0d 0a 03"),
    ("SMTP", "00 0d 0a 01 0d 0a 02 0d 0a 03"),
):
    expect(f"written with policy.{name}", read(written(getattr(email.policy, name))).hex(" "), octets)
PYTHON
