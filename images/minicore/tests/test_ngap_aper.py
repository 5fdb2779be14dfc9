# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The aligned PER of NGAP against pycrate: the same octets for the same values, in both directions."""

from __future__ import annotations

import random
from typing import Any

import pytest
from minicore.ngap import NgapError, decode, encode, schema
from minicore.ngap import messages as m
from minicore.ngap.bits import Reader, Writer, read_octets, write_octets

from . import ngap_oracle, test_ngap


def without_extensions(value: Any) -> Any:
    """pycrate's value as ours: extensions are not kept."""
    if isinstance(value, dict):
        return {name: without_extensions(item) for name, item in value.items() if name != "iE-Extensions"}
    if isinstance(value, list):
        return [without_extensions(item) for item in value]
    if isinstance(value, tuple) and value and value[0] == "choice-Extensions":
        return ("choice-Extensions", None)
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        return (value[0], without_extensions(value[1]))
    return value


@pytest.mark.parametrize("message", test_ngap.MESSAGES, ids=test_ngap.name_of)
def test_pycrate_writes_the_same_message(message: m.Message) -> None:
    data = encode(message)
    value = ngap_oracle.read(ngap_oracle.PDU, data)
    assert value is not None
    assert ngap_oracle.write(ngap_oracle.PDU, value) == data
    alternative, body = value
    assert alternative == ("initiatingMessage", "successfulOutcome", "unsuccessfulOutcome")[message.OUTCOME]
    assert body["value"][0] == message.NAME
    fields = {ie.id: ie for ie in message.IES}
    for content in body["value"][1]["protocolIEs"]:
        ie = fields[content["id"]]
        name, inner = content["value"]
        assert (name, content["criticality"]) == (ie.kind.name, ie.criticality)
        assert ie.kind.read(inner) == getattr(message, ie.field)


def generate(kind: Any, rng: random.Random) -> Any:
    """A random value of one of pycrate's types, without extensions."""
    match kind.TYPE:
        case "INTEGER":
            low, high = kind._const_val.lb, kind._const_val.ub
            return rng.choice((low, high, rng.randint(low, high), min(high, low + rng.randrange(300))))
        case "ENUMERATED":
            return rng.choice(list(kind._cont))
        case "OCTET STRING":
            return rng.randbytes(size(kind, rng, rng.choice((0, 1, 127, 128, 300))))
        case "BIT STRING":
            length = size(kind, rng, 8)
            return (rng.getrandbits(length), length)
        case "PrintableString":
            return "".join(rng.choice("abcXYZ 019-.") for _ in range(size(kind, rng, 5)))
        case "SEQUENCE OF":
            return [generate(kind._cont, rng) for _ in range(min(size(kind, rng, 1), rng.randint(1, 3)))]
        case "CHOICE":
            name = rng.choice([name for name in kind._cont if name != "choice-Extensions"])
            return (name, generate(kind._cont[name], rng))
        case "SEQUENCE":
            names = [name for name in kind._cont if name != "iE-Extensions"]
            wanted = [name for name in names if name in kind._root_mand or rng.random() < 0.5]
            return {name: generate(kind._cont[name], rng) for name in wanted}
    raise AssertionError(kind.TYPE)


def size(kind: Any, rng: random.Random, default: int) -> int:
    constraint = kind._const_sz
    if constraint is None:
        return default
    return int(rng.choice((constraint.lb, constraint.ub, rng.randint(constraint.lb, constraint.ub))))


@pytest.mark.parametrize("name", schema.TYPES)
def test_types_agree_with_pycrate(name: str) -> None:
    rng, asn1 = random.Random(name), ngap_oracle.ie(name)
    for _ in range(150):
        value = generate(asn1, rng)
        data = schema.write(name, value)
        assert data == ngap_oracle.write(asn1, value), value
        assert schema.read(name, data) == value
        changed = bytearray(data)
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        compare_damaged(name, asn1, bytes(changed))
        compare_damaged(name, asn1, data[: rng.randrange(len(data))])


def compare_damaged(name: str, asn1: Any, data: bytes) -> None:
    """What both read is the same. Each refuses some that the other takes: extensions, characters, bounds, rests."""
    theirs = ngap_oracle.read(asn1, data)
    try:
        ours = schema.read(name, data)
    except NgapError:
        return
    if theirs is not None:
        assert ours == without_extensions(theirs)


def test_octets_in_fragments() -> None:
    for length in (127, 128, 16383, 16384, 16385, 65536, 200000):
        data = random.Random(length).randbytes(length)
        writer = Writer()
        write_octets(writer, data)
        encoded = writer.finish()
        assert read_octets(Reader(encoded)) == data
        assert encoded == ngap_oracle.write(ngap_oracle.ie("NAS-PDU"), data)
        message = m.DownlinkNasTransport(1, 2, data)
        assert decode(encode(message)) == message


@pytest.mark.parametrize("criticality", [0, 1])
def test_extensions_count_by_their_criticality(criticality: int) -> None:
    """A GUAMI with an iE-Extension and an extension addition, which are not known."""
    writer = Writer()
    writer.put(0b11, 2)
    writer.align()
    for octets, bits in ((0x00F110, 24), (1, 8), (1, 10), (1, 6)):
        writer.put(octets, bits)
    writer.align()
    writer.put(0, 16)
    writer.put(999, 16)
    writer.put(criticality, 2)
    write_octets(writer, b"x")
    writer.put(0, 7)
    writer.put(1, 1)
    write_octets(writer, b"y")
    if criticality:
        assert schema.read("GUAMI", writer.finish())["aMFSetID"] == (1, 10)
    else:
        with pytest.raises(NgapError, match="abstract-syntax-error-reject"):
            schema.read("GUAMI", writer.finish())


def test_values_that_a_type_does_not_have_are_refused() -> None:
    for name, value in (
        ("RelativeAMFCapacity", 256),
        ("RelativeAMFCapacity", "1"),
        ("RAN-UE-NGAP-ID", -1),
        ("PagingDRX", "v1"),
        ("SecurityKey", (1, 255)),
        ("SecurityKey", (1 << 256, 256)),
        ("NAS-PDU", "text"),
        ("AMFName", ""),
        ("AllowedNSSAI", []),
        ("GUAMI", {"aMFRegionID": (1, 8)}),
        ("UE-NGAP-IDs", ("none", 1)),
    ):
        with pytest.raises(ValueError):
            schema.write(name, value)
