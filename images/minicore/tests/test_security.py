# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Milenage, key derivation and NAS algorithms against the vectors of the specifications and of other projects."""

from __future__ import annotations

import hashlib
import hmac
import re
import shutil
import subprocess
from dataclasses import dataclass
from random import Random
from typing import Literal

import pytest
from minicore.security import algorithms, keys, suci
from minicore.security.milenage import Milenage, opc_from_op, xor

h = bytes.fromhex


@dataclass(frozen=True)
class MilenageSet:
    """One test set of TS 35.208 clause 4.3."""

    k: str
    rand: str
    sqn: str
    amf: str
    op: str
    opc: str
    f1: str
    f1_star: str
    f2: str
    f5: str
    f3: str
    f4: str
    f5_star: str


MILENAGE = {
    1: MilenageSet(
        k="465b5ce8b199b49faa5f0a2ee238a6bc",
        rand="23553cbe9637a89d218ae64dae47bf35",
        sqn="ff9bb4d0b607",
        amf="b9b9",
        op="cdc202d5123e20f62b6d676ac72cb318",
        opc="cd63cb71954a9f4e48a5994e37a02baf",
        f1="4a9ffac354dfafb3",
        f1_star="01cfaf9ec4e871e9",
        f2="a54211d5e3ba50bf",
        f5="aa689c648370",
        f3="b40ba9a3c58b2a05bbf0d987b21bf8cb",
        f4="f769bcd751044604127672711c6d3441",
        f5_star="451e8beca43b",
    ),
    3: MilenageSet(
        k="fec86ba6eb707ed08905757b1bb44b8f",
        rand="9f7c8d021accf4db213ccff0c7f71a6a",
        sqn="9d0277595ffc",
        amf="725c",
        op="dbc59adcb6f9a0ef735477b7fadf8374",
        opc="1006020f0a478bf6b699f15c062e42b3",
        f1="9cabc3e99baf7281",
        f1_star="95814ba2b3044324",
        f2="8011c48c0c214ed2",
        f5="33484dc2136b",
        f3="5dbdbb2954e8f3cde665b046179a5098",
        f4="59a92d3b476a0443487055cf88b2307b",
        f5_star="deacdd848cc6",
    ),
    4: MilenageSet(
        k="9e5944aea94b81165c82fbf9f32db751",
        rand="ce83dbc54ac0274a157c17f80d017bd6",
        sqn="0b604a81eca8",
        amf="9e09",
        op="223014c5806694c007ca1eeef57f004f",
        opc="a64a507ae1a2a98bb88eb4210135dc87",
        f1="74a58220cba84c49",
        f1_star="ac2cc74a96871837",
        f2="f365cd683cd92e96",
        f5="f0b9c08ad02e",
        f3="e203edb3971574f5a94b0d61b816345d",
        f4="0c4524adeac041c4dd830d20854fc46b",
        f5_star="6085a86c6f63",
    ),
}


@pytest.mark.parametrize("number", MILENAGE)
def test_milenage_gives_the_values_of_ts_35_208(number: int) -> None:
    expected = MILENAGE[number]
    rand, sqn, amf = h(expected.rand), h(expected.sqn), h(expected.amf)
    assert opc_from_op(h(expected.k), h(expected.op)).hex() == expected.opc
    milenage = Milenage(h(expected.k), h(expected.opc))
    assert milenage.f1(rand, sqn, amf).hex() == expected.f1
    assert milenage.f1_star(rand, sqn, amf).hex() == expected.f1_star
    values = [value.hex() for value in milenage.f2345(rand)]
    assert values == [expected.f2, expected.f3, expected.f4, expected.f5]
    assert milenage.f5_star(rand).hex() == expected.f5_star


@pytest.mark.skipif(shutil.which("osmo-auc-gen") is None, reason="osmo-auc-gen (libosmocore-utils) is not installed")
def test_milenage_agrees_with_libosmocore() -> None:
    random = Random(35206)
    for _ in range(5):
        k, opc, rand = (random.randbytes(16) for _ in range(3))
        sqn = random.randrange(1 << 40).to_bytes(6, "big")
        command = ["osmo-auc-gen", "-3", "-a", "milenage", "-f", "8000", "-s", str(int.from_bytes(sqn, "big"))]
        command += ["-k", k.hex(), "-o", opc.hex(), "-r", rand.hex()]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        theirs = dict(re.findall(r"^(AUTN|IK|CK|RES):\s*([0-9a-f]+)$", printed, re.MULTILINE))
        milenage = Milenage(k, opc)
        res, ck, ik, ak = milenage.f2345(rand)
        autn = xor(sqn, ak) + h("8000") + milenage.f1(rand, sqn, h("8000"))
        assert theirs == {"AUTN": autn.hex(), "IK": ik.hex(), "CK": ck.hex(), "RES": res.hex()}


def test_milenage_refuses_wrong_lengths() -> None:
    milenage = Milenage(bytes(16), bytes(16))
    with pytest.raises(ValueError, match="RAND has 15 bytes"):
        milenage.f2345(bytes(15))
    with pytest.raises(ValueError, match="SQN has 5 bytes"):
        milenage.f1(bytes(16), bytes(5), bytes(2))
    with pytest.raises(ValueError, match="K has 32 bytes"):
        Milenage(bytes(32), bytes(16))


NEA2 = {
    "C.1.1": (
        *("d3c5d592327fb11c4035c6680af8c6d1", 0x398A59B4, 0x15, 1, 253),
        "981ba6824c1bfb1ab485472029b71d808ce33e2cc3c0b5fc1f3de8a6dc66b1f0",
        "e9fed8a63d155304d71df20bf3e82214b20ed7dad2f233dc3c22d7bdeeed8e78",
    ),
    "C.1.2": (
        *("2bd6459f82c440e0952c49104805ff48", 0xC675A64B, 0x0C, 1, 798),
        "7ec61272743bf1614726446a6c38ced166f6ca76eb5430044286346cef130f92922b03450d3a9975e5bd2ea0eb55"
        "ad8e1b199e3ec4316020e9a1b285e762795359b7bdfd39bef4b2484583d5afe082aee638bf5fd5a606193901a08f"
        "4ab41aab9b134880",
        "5961605353c64bdca15b195e288553a910632506d6200aa790c4c806c99904cf2445cc50bb1cf168a49673734e08"
        "1b57e324ce5259c0e78d4cd97b870976503c0943f2cb5ae8f052c7b7d392239587b8956086bcab18836042e2e6ce"
        "42432a17105c53d0",
    ),
}
"""128-EEA2 of TS 33.401 Annex C.1, which TS 33.501 clause D.4.4 takes over; the fifth value is the length in bits."""

NIA2 = {
    "C.2.2": ("d3c5d592327fb11c4035c6680af8c6d1", 0x398A59B4, 0x1A, 1, "484583d5afe082ae", "b93787e6"),
    "C.2.5": (
        *("83fd23a244a74cf358da3019f1722635", 0x36AF6144, 0x0F, 1),
        "35c68716633c66fb750c266865d53c11ea05b1e9fa49c8398d48e1efa5909d3947902837f5ae96d5a05bc8d61ca8dbef"
        "1b13a4b4abfe4fb1006045b674bb54729304c382be53a5af05556176f6eaa2ef1d05e4b083181ee674cda5a485f74d7a",
        "e657e182",
    ),
}
"""128-EIA2 of TS 33.401 Annex C.2 where the message is whole bytes, as NAS messages are (TS 33.501 clause D.4.5)."""


@pytest.mark.parametrize("test_set", NEA2)
def test_nea2_gives_the_values_of_ts_33_401(test_set: str) -> None:
    key, count, bearer, direction, bits, plain, ciphered = NEA2[test_set]
    ours = algorithms.nea2(h(key), count, bearer, direction, h(plain))
    unused = len(ours) * 8 - bits
    assert int.from_bytes(ours, "big") >> unused == int(ciphered, 16) >> unused
    assert algorithms.nea2(h(key), count, bearer, direction, ours) == h(plain)


@pytest.mark.parametrize("test_set", NIA2)
def test_nia2_gives_the_values_of_ts_33_401(test_set: str) -> None:
    key, count, bearer, direction, message, mac = NIA2[test_set]
    assert algorithms.nia2(h(key), count, bearer, direction, h(message)).hex() == mac


def test_null_algorithms() -> None:
    assert algorithms.nia0(bytes(16), 1, 1, 0, b"data") == bytes(4)
    assert algorithms.nea0(bytes(16), 1, 1, 0, b"data") == b"data"


def test_serving_network_name_has_three_digits_of_mnc() -> None:
    assert keys.serving_network_name("001", "01") == "5G:mnc001.mcc001.3gppnetwork.org"
    assert keys.serving_network_name("310", "410") == "5G:mnc410.mcc310.3gppnetwork.org"


def test_autn_and_responses_of_a_go_program() -> None:
    """The output of a public Go program that plays UDM and AUSF (IMSI 001010123456789, SQN 1)."""
    snn = keys.serving_network_name("001", "01")
    rand, amf, sqn = h("00112233445566778899aabbccddeeff"), h("8000"), h("000000000001")
    milenage = Milenage(h("00112233445566778899aabbccddeeff"), h("62e75b8d6fa5bf46ec87a9276f9df54d"))
    res, ck, ik, ak = milenage.f2345(rand)
    autn = xor(sqn, ak) + amf + milenage.f1(rand, sqn, amf)
    assert autn.hex() == "de656c8b0bcf80004af30b82a8531115"
    res_star = keys.res_star(ck, ik, snn, rand, res)
    assert res_star.hex() == "31b6d938a5290ccc65bc829f9820a8d9"
    assert keys.hxres_star(rand, res_star).hex() == "3308fb7cf06a35f1cd086b904ce82ecf"


def test_keys_from_ck_to_k_gnb() -> None:
    """The inputs of 5g/keys/*.c in the GitHub repository frankurcrazy/helloworld: each is the output before it."""
    snn = "5G:mnc001.mcc001.3gppnetwork.org"
    ck, ik = h("0102030405060708090a0b0c0d0e0f00"), h("02030405060708090a0b0c0d0e0f0001")
    k_ausf = keys.k_ausf(ck, ik, snn, xor(h("0000000000ff"), h("030405060708")))
    assert k_ausf.hex() == "20de4eb2b75c8dac301ad52773e2e37bd7b4b0c2fdb1c3751b98dd0df846aed5"
    k_seaf = keys.k_seaf(k_ausf, snn)
    assert k_seaf.hex() == "d2bbc63b0c141247341c0fca3dc3bffdc6bfc1813489342de8487e7e4dc3728b"
    k_amf = keys.k_amf(k_seaf, "001010123456789", h("0000"))
    assert k_amf.hex() == "7e9f97707cef48318df182a7f9e7ba838a6fb36ab83a7d1baf2610b97a5b9dcf"
    k_gnb = keys.k_gnb(k_amf, 0)
    assert k_gnb.hex() == "617c2f3db714a5a10597591a25feb21a159ea7796109292b0b2ca579d9002b0c"


def test_keys_of_a_session_with_free5gc() -> None:
    """What a test of github.com/hhorai/gnbsim notes of a session (encoding/nas/nas_test.go): 5G-EA0 and 128-5G-IA2."""
    k_ausf = h("1c8b838366037b534006054b3572a0f2320db15982408bb4339e350665a54885")
    k_seaf = keys.k_seaf(k_ausf, keys.serving_network_name("208", "93"))
    assert k_seaf.hex() == "11aaee4f7d9262208ce72a8cc4ee35caaa26e8d42484f629cbf46fa17f38fb63"
    k_amf = h("2836b8c08e73027fd28135ac1a9640203f98eb7a5613f8f303c5b559d4601ec3")
    assert keys.nas_key(k_amf, "enc", 0).hex() == "9dcacc5aed08757f17693ba88da3e365"
    assert keys.nas_key(k_amf, "int", 2).hex() == "a809c2888513cfc73a343e7c27dd63ef"


@pytest.mark.parametrize(("kind", "distinguisher"), [("enc", "01"), ("int", "02")])
def test_nas_keys_are_the_lower_half_of_the_kdf(kind: Literal["enc", "int"], distinguisher: str) -> None:
    """FC || P0 || L0 || P1 || L1 of TS 33.501 clause A.8, octet by octet."""
    k_amf = h("7e9f97707cef48318df182a7f9e7ba838a6fb36ab83a7d1baf2610b97a5b9dcf")
    text = h(f"69 {distinguisher} 0001 02 0001")
    assert keys.nas_key(k_amf, kind, 2) == hmac.new(k_amf, text, hashlib.sha256).digest()[16:]


def test_suci_of_the_null_scheme() -> None:
    assert suci.suci_of("imsi-001010000000001") == "suci-0-001-01-0-0-0-0000000001"
    assert suci.suci_of("imsi-310410123456789", 3, "0123") == "suci-0-310-410-0123-0-0-123456789"
    assert suci.supi_of_suci("suci-0-001-01-0000-0-0-0000000001") == "imsi-001010000000001"


@pytest.mark.parametrize(
    "text", ["suci-0-001-01-0000-1-0-0000000001", "suci-0-001-01-0-0-0-0000000001\n", "imsi-001010000000001", ""]
)
def test_other_sucis_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no SUCI"):
        suci.supi_of_suci(text)
    with pytest.raises(ValueError, match="is no SUPI"):
        suci.suci_of(f"{text}\n")
