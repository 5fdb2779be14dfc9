# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""multipart/related bodies, with the standard library's mail parser as oracle."""

from __future__ import annotations

import email
import json
from email.message import Message

import pytest
from minicore.sbi.message import Problem, Request
from minicore.sbi.multipart import N1_TYPE, N2_TYPE, MultipartError, decode, encode

N1 = bytes(range(256)) + b"\r\n--minicore-0\r\n"
N2 = b"\r\n\r\n--"


def test_parts_with_any_octets_come_back() -> None:
    content_type, body = encode({"n1SmMsg": {"contentId": "n1"}}, {"n1": (N1_TYPE, N1), "n2": (N2_TYPE, N2)})
    assert decode(content_type, body) == ({"n1SmMsg": {"contentId": "n1"}}, {"n1": N1, "n2": N2})


def test_the_standard_library_reads_it() -> None:
    content_type, body = encode({"a": 1}, {"n1": (N1_TYPE, b"\x7e\x00\x41")})
    mail = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    first, second = (part for part in mail.get_payload() if isinstance(part, Message))
    assert json.loads(str(first.get_payload())) == {"a": 1}
    assert (second["Content-Id"], second.get_content_type()) == ("n1", N1_TYPE)
    assert second.get_payload(decode=True) == b"\x7e\x00\x41"


def test_what_other_cores_send_is_read() -> None:
    body = (
        b"preamble\r\n--=-x y\r\nContent-Type: application/json\r\n\r\n{}\r\n"
        b"--=-x y\r\ncontent-type:application/vnd.3gpp.5gnas\r\nCONTENT-ID: <a@b>\r\n\r\n\0\r\n--=-x y--\r\nepilogue"
    )
    assert decode('Multipart/Related; type="application/json"; boundary="=-x y"', body) == ({}, {"a@b": b"\0"})
    assert decode("application/json", b'{"a": 1}') == ({"a": 1}, {})


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/related", b""),
        ("multipart/related; boundary=b", b""),
        ("multipart/related; boundary=b", b"--b\r\n\r\n{}"),
        ("multipart/related; boundary=b", b"--b\r\n{}\r\n--b--"),
        ("multipart/related; boundary=b", b"--b\r\n\r\n[]\r\n--b--"),
        ("multipart/related; boundary=b", b"--b\r\n\r\n{}\r\n--b\r\n\r\nx\r\n--b--"),
        ("application/json", b"\xff"),
    ],
)
def test_a_malformed_body_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(MultipartError):
        decode(content_type, body)
    with pytest.raises(Problem, match="400 INVALID_MSG_FORMAT"):
        Request("POST", "/", headers={"content-type": content_type}, body=body).parts()
