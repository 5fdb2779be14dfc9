# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""5G AKA from the AMF's side to the UDR and back: real NFs, real HTTP/2, and a USIM of our own."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest
from minicore.ausf.app import AUTHENTICATIONS, Ausf
from minicore.sbi.message import Response
from minicore.sbi.producers import Producers
from minicore.security import keys
from minicore.security.milenage import Milenage, xor
from minicore.security.suci import suci_of
from minicore.udm.app import Udm
from minicore.udm.vectors import DELTA, SEQ_LIMIT, next_sqn, resynchronised_sqn
from minicore.udr.app import Udr

K, OPC = "465b5ce8b199b49faa5f0a2ee238a6bc", "cd63cb71954a9f4e48a5994e37a02baf"
SUPI = "imsi-001010000000001"
SNN = "5G:mnc001.mcc001.3gppnetwork.org"


class SynchronisationFailure(Exception):
    def __init__(self, auts: bytes) -> None:
        super().__init__()
        self.auts = auts


class Usim:
    """USIM with the array of SEQ by IND (TS 33.102 clause C.2.2)."""

    def __init__(self, sqn: int = 0) -> None:
        self._milenage = Milenage(bytes.fromhex(K), bytes.fromhex(OPC))
        self._seqs = [sqn >> 5] * 32
        self.accepted: list[int] = []

    def answer(self, rand: bytes, autn: bytes) -> tuple[bytes, bytes]:
        """RES* and K_SEAF, or SynchronisationFailure."""
        res, ck, ik, ak = self._milenage.f2345(rand)
        sqn, amf = xor(autn[:6], ak), autn[6:8]
        assert amf[0] & 0x80, "the separation bit of 5G"
        assert self._milenage.f1(rand, sqn, amf) == autn[8:], "MAC failure"
        number = int.from_bytes(sqn, "big")
        if number >> 5 <= self._seqs[number & 31]:
            highest = (max(self._seqs) << 5).to_bytes(6, "big")
            mac_s = self._milenage.f1_star(rand, highest, bytes(2))
            raise SynchronisationFailure(xor(highest, self._milenage.f5_star(rand)) + mac_s)
        self._seqs[number & 31] = number >> 5
        self.accepted.append(number)
        k_ausf = keys.k_ausf(ck, ik, SNN, autn[:6])
        return keys.res_star(ck, ik, SNN, rand, res), keys.k_seaf(k_ausf, SNN)


class Amf:
    """The SEAF's part."""

    def __init__(self, nrf: str) -> None:
        self.producers = Producers(nrf, "AMF")

    async def begin(self, identity: str = SUPI, **more: Any) -> Response:
        body = {"supiOrSuci": identity, "servingNetworkName": SNN, **more}
        return await self.producers.request("nausf-auth", "POST", AUTHENTICATIONS, body)

    async def confirm(self, challenge: Response, res_star: bytes | None) -> Response:
        body = {"resStar": None if res_star is None else res_star.hex()}
        return await self.producers.request_at(challenge.json()["_links"]["5g-aka"]["href"], "PUT", body=body)


def vector(challenge: Response) -> tuple[bytes, bytes, bytes]:
    data = challenge.require(201).json()["5gAuthData"]
    return bytes.fromhex(data["rand"]), bytes.fromhex(data["autn"]), bytes.fromhex(data["hxresStar"])


class Chain:
    def __init__(self, nfs: list[Any]) -> None:
        self.udr, *self.udms, self.ausf = nfs
        self.amf = Amf(self.ausf.settings.nrf)

    def provision(self, count: int = 1, sqn: int = 0) -> None:
        from minicore.udr.subscribers import Subscriber

        for number in range(1, count + 1):
            supi = f"imsi-00101{number:010}"
            self.udr.store.put(Subscriber(supi, bytes.fromhex(K), bytes.fromhex(OPC), b"\x80\x00", sqn))


@pytest.fixture(params=["memory", "udr"])
def chain(request: pytest.FixtureRequest, nfs_on_loopback: Any) -> Any:
    """Runs a scenario with NRF, UDR, UDM (both kinds of store) and AUSF; one subscriber is provisioned."""

    def run(scenario: Any, udms: int = 1, **variables: str) -> None:
        async def whole() -> None:
            given = {"MINICORE_UDM_STORE": request.param, **variables}
            async with nfs_on_loopback(Udr, *[Udm] * udms, Ausf, variables=given) as nfs:
                chain = Chain(nfs)
                chain.provision()
                try:
                    await scenario(chain)
                finally:
                    chain.amf.producers.close()

        asyncio.run(whole())

    return run


def test_right_and_wrong_res_star(chain: Any, until: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="minicore")

    async def scenario(chain: Chain) -> None:
        usim = Usim()
        challenge = await chain.amf.begin(suci_of(SUPI))
        rand, autn, hxres_star = vector(challenge)
        res_star, k_seaf = usim.answer(rand, autn)
        assert keys.hxres_star(rand, res_star) == hxres_star
        before = chain.ausf.state()
        assert before["authentications"] == 1
        for _ in range(2):  # the answer to the first may have been lost
            confirmed = (await chain.amf.confirm(challenge, res_star)).require(200).json()
            assert confirmed == {"authResult": "AUTHENTICATION_SUCCESS", "supi": SUPI, "kseaf": k_seaf.hex()}
        assert chain.ausf.state()["digest"] != before["digest"]

        second = await chain.amf.begin()
        rand, autn, _ = vector(second)
        right, _ = usim.answer(rand, autn)
        wrong = bytes([right[0] ^ 1]) + right[1:]
        assert (await chain.amf.confirm(second, wrong)).require(200).json() == {"authResult": "AUTHENTICATION_FAILURE"}
        ended = await chain.amf.confirm(second, right)
        assert (ended.status, ended.json()["cause"]) == (404, "CONTEXT_NOT_FOUND")
        reported = await chain.amf.confirm(await chain.amf.begin(), None)
        assert reported.json() == {"authResult": "AUTHENTICATION_FAILURE"}
        href = challenge.json()["_links"]["5g-aka"]["href"]
        assert (await chain.amf.producers.request_at(href, "DELETE")).status == 204
        assert (chain.ausf.state()["authentications"], chain.ausf.state()["failed"]) == (0, 2)
        secrets = (K, OPC, k_seaf.hex(), res_star.hex())
        assert not any(secret in caplog.text for secret in secrets)
        states = f"{chain.ausf.state()} {chain.udms[0].state()} {chain.udr.state()}"
        assert not any(secret in states for secret in secrets)

    chain(scenario)


def test_the_result_is_reported_to_the_udm(chain: Any, until: Any) -> None:
    async def scenario(chain: Chain) -> None:
        challenge = await chain.amf.begin()
        rand, autn, _ = vector(challenge)
        await chain.amf.confirm(challenge, Usim().answer(rand, autn)[0])

        def event() -> Any:
            if chain.udms[0].kind == "udr":
                return chain.udr.store.get(SUPI).authentication_status
            return chain.udms[0].store._ues[SUPI].event

        await until(event)
        assert event()["success"] is True and event()["servingNetworkName"] == SNN
        await chain.amf.producers.request_at(challenge.json()["_links"]["5g-aka"]["href"], "DELETE")
        await until(lambda: event() is None)

    chain(scenario)


@pytest.mark.parametrize("sqn_ms", [0x1000 << 5, 5])
def test_resynchronisation(chain: Any, sqn_ms: int) -> None:
    async def scenario(chain: Chain) -> None:
        usim = Usim(sqn_ms)
        if sqn_ms < 32:  # the USIM is behind by more than it accepts as a jump
            chain.provision(sqn=(DELTA + 100) << 5)
            usim._seqs = [0] * 32
        rand, autn, _ = vector(await chain.amf.begin())
        if sqn_ms < 32:
            highest = bytes(6)
            auts = xor(highest, usim._milenage.f5_star(rand)) + usim._milenage.f1_star(rand, highest, bytes(2))
        else:
            with pytest.raises(SynchronisationFailure) as failure:
                usim.answer(rand, autn)
            auts = failure.value.auts
        forged = auts[:-1] + bytes([auts[-1] ^ 1])
        info = {"rand": rand.hex(), "auts": forged.hex()}
        refused = await chain.amf.begin(resynchronizationInfo=info)
        assert (refused.status, refused.json()["cause"]) == (403, "AUTHENTICATION_REJECTED")
        info = {"rand": rand.hex(), "auts": auts.hex()}
        again = await chain.amf.begin(resynchronizationInfo=info)
        rand, autn, _ = vector(again)
        assert (await chain.amf.confirm(again, usim.answer(rand, autn)[0])).json()["supi"] == SUPI
        assert usim.accepted == [next_sqn(sqn_ms & ~31)]
        # The network goes on from there.
        rand, autn, _ = vector(await chain.amf.begin())
        usim.answer(rand, autn)

    chain(scenario)


def test_no_sqn_is_given_out_twice(chain: Any) -> None:
    async def scenario(chain: Chain) -> None:
        usim, producers = Usim(), chain.amf.producers
        path = f"/nudm-ueau/v1/{SUPI}/security-information/generate-auth-data"
        body = {"servingNetworkName": SNN, "ausfInstanceId": "a"}
        # Both UDMs at the same time, for one UE.
        answers = await asyncio.gather(
            *(producers.request_at(udm.root, "POST", path, body) for udm in chain.udms for _ in range(4))
        )
        for answer in answers:
            av = answer.require(200).json()["authenticationVector"]
            rand, autn = bytes.fromhex(av["rand"]), bytes.fromhex(av["autn"])
            concealed, ak = autn[:6], usim._milenage.f2345(rand)[3]
            usim.accepted.append(int.from_bytes(xor(concealed, ak), "big"))
        assert sorted(usim.accepted) == [(seq << 5) + seq for seq in range(1, 9)]

    chain(scenario, udms=2)


def test_new_keys_are_used_at_once(chain: Any, until: Any) -> None:
    async def scenario(chain: Chain) -> None:
        await chain.amf.begin()
        path = f"/minicore/v1/subscribers/{SUPI}"
        body = {"k": OPC, "opc": K}
        (await chain.amf.producers.request_at(chain.udr.root, "PUT", path, body)).require(204)
        usim = Usim()
        usim._milenage = Milenage(bytes.fromhex(OPC), bytes.fromhex(K))

        store = chain.udms[0].store
        await until(lambda: chain.udms[0].kind == "udr" or store._changes)
        rand, autn, _ = vector(await chain.amf.begin())
        usim.answer(rand, autn)

    chain(scenario)


def test_contexts_expire(chain: Any, until: Any) -> None:
    async def scenario(chain: Chain) -> None:
        challenge = await chain.amf.begin()
        rand, autn, _ = vector(challenge)
        res_star, _ = Usim().answer(rand, autn)
        await until(lambda: chain.ausf.state()["expired"] == 1)
        late = await chain.amf.confirm(challenge, res_star)
        assert (late.status, late.json()["cause"]) == (404, "CONTEXT_NOT_FOUND")

    chain(scenario, MINICORE_AUSF_CONTEXT_S="0.2")


@pytest.mark.parametrize(
    ("change", "status", "cause"),
    [
        ({"supiOrSuci": "imsi-001019999999999"}, 404, "USER_NOT_FOUND"),
        ({"supiOrSuci": "suci-0-001-01-0-1-1-ab12"}, 501, "UNSUPPORTED_PROTECTION_SCHEME"),
        ({"supiOrSuci": "suci-0-001-01-0-0-0-00000a"}, 403, "INVALID_SCHEME_OUTPUT"),
        ({"supiOrSuci": "imsi-0010100/../x"}, 400, "MANDATORY_IE_INCORRECT"),
        ({"supiOrSuci": 1}, 400, "MANDATORY_IE_INCORRECT"),
        ({"supiOrSuci": None}, 400, "MANDATORY_IE_MISSING"),
        ({"servingNetworkName": None}, 400, "MANDATORY_IE_MISSING"),
        ({"servingNetworkName": "5G:mnc002.mcc001.3gppnetwork.org"}, 403, "SERVING_NETWORK_NOT_AUTHORIZED"),
        ({"resynchronizationInfo": []}, 400, "OPTIONAL_IE_INCORRECT"),
        ({"resynchronizationInfo": {"rand": "00" * 16}}, 400, "MANDATORY_IE_MISSING"),
        ({"resynchronizationInfo": {"rand": "00" * 16, "auts": "0" * 27}}, 400, "MANDATORY_IE_INCORRECT"),
    ],
)
def test_causes(chain: Any, change: dict[str, Any], status: int, cause: str) -> None:
    async def scenario(chain: Chain) -> None:
        response = await chain.amf.begin(**{"identity": SUPI, **change})
        assert (response.status, response.json()["cause"]) == (status, cause)
        assert chain.ausf.state()["authentications"] == 0

    chain(scenario)


def test_nothing_that_is_sent_is_a_fault_of_the_ausf(chain: Any, odd_bodies: Any) -> None:
    names = ["supiOrSuci", "servingNetworkName", "resynchronizationInfo", "rand", "auts", "resStar"]

    async def scenario(chain: Chain) -> None:
        headers = {"content-type": "application/json"}
        for number, body in enumerate(odd_bodies(names, 600)):
            if number % 2:
                uri, method = chain.ausf.root + AUTHENTICATIONS, "POST"
            else:
                uri, method = (await chain.amf.begin()).json()["_links"]["5g-aka"]["href"], "PUT"
            response = await chain.amf.producers.request_at(uri, method, body=body, headers=headers)
            assert response.status < 500 or response.status == 501, (method, body[:300], response.body)
            assert b"AUTHENTICATION_SUCCESS" not in response.body

    chain(scenario)


def test_without_udm_or_udr(chain: Any) -> None:
    async def scenario(chain: Chain) -> None:
        await chain.udr.stop()
        response = await chain.amf.begin()
        assert (response.status, response.json()["cause"]) == (504, "UPSTREAM_SERVER_ERROR")
        await chain.udms[0].stop()
        response = await chain.amf.begin()
        assert (response.status, response.json()["cause"]) == (504, "UPSTREAM_SERVER_ERROR")

    chain(scenario)


def test_many_authentications(chain: Any, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(chain: Chain) -> None:
        count = 1000 if chain.udms[0].kind == "memory" else 300
        chain.provision(count)
        at_a_time = asyncio.Semaphore(32)

        async def one(number: int) -> None:
            async with at_a_time:
                challenge = await chain.amf.begin(suci_of(f"imsi-00101{number:010}"))
                rand, autn, _ = vector(challenge)
                answer = await chain.amf.confirm(challenge, Usim().answer(rand, autn)[0])
                assert answer.json()["authResult"] == "AUTHENTICATION_SUCCESS"

        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(one(number) for number in range(1, count + 1)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert chain.ausf.state()["confirmed"] == count
        with capsys.disabled():
            print(f"\n{chain.udms[0].kind}: {count / wall:.0f}/s, {1000 * cpu / count:.2f} ms CPU for all NFs")
        assert cpu / count < 0.05, "seconds of CPU for one authentication"

    chain(scenario)


def test_sqn_arithmetic() -> None:
    assert next_sqn(0) == 1 << 5 | 1
    assert next_sqn(31) == 1 << 5
    assert next_sqn((SEQ_LIMIT - 1) << 5 | 7) == 8
    assert resynchronised_sqn(100 << 5, 200 << 5) == 200 << 5
    assert resynchronised_sqn(100 << 5, 100 << 5) == 100 << 5
    assert resynchronised_sqn(100 << 5, 101 << 5) == 101 << 5
    assert resynchronised_sqn((DELTA + 7) << 5, 7 << 5) == 7 << 5
