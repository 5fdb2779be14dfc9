# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the AMF beside the common ones."""

from __future__ import annotations

from dataclasses import dataclass

from ..n2 import N2_PORT
from ..n2.sctp import Choice
from ..nas.identity import Guti5g
from ..ngap.values import Snssai
from ..settings import Environment, Settings, SettingsError
from . import slices


@dataclass(frozen=True, slots=True)
class AmfConfig:
    """Durations are in seconds; timers have the defaults of TS 24.501 clause 10."""

    mcc: str
    mnc: str
    tac: int
    name: str
    region: int
    set_id: int
    pointer: int
    served: tuple[Snssai, ...]
    """Slices that this AMF serves, MINICORE_SLICES: `1,1-010203` (SST, or SST and SD)."""
    integrity_algorithms: tuple[int, ...]
    """5G-IA identities in order of preference, MINICORE_NIA."""
    ciphering_algorithms: tuple[int, ...]
    n2: str
    """`front`: NGAP comes from the N2 front over TCP; `sctp`: the AMF ends SCTP itself."""
    sctp: Choice
    """Which SCTP, where `n2` is `sctp`."""
    n2_port: int
    t3512_s: int
    """Periodic registration, at the UE."""
    t3513_s: float
    """Paging, again after."""
    t3550_s: float
    t3555_s: float
    t3560_s: float
    t3570_s: float
    t3522_s: float
    implicit_deregistration_s: float
    """From CM-IDLE to the implicit deregistration: T3512, the 4 minutes of the mobile reachable timer, and 4 more."""
    registrations_at_once: int
    """Authentications under way; more of them wait, and are rejected with #22 (congestion) in the end."""
    release_s: float
    """How long a gNB may take to complete a UE context release."""

    @property
    def amf_id(self) -> str:
        """AmfId of TS 29.571 clause 5.4.2: region, set and pointer as six hexadecimal digits."""
        return f"{self.region << 16 | self.set_id << 6 | self.pointer:06x}"

    @property
    def plmn(self) -> dict[str, str]:
        """PlmnId of TS 29.571."""
        return {"mcc": self.mcc, "mnc": self.mnc}

    @property
    def guami(self) -> dict[str, object]:
        """Guami of TS 29.571 clause 5.4.4.9."""
        return {"plmnId": self.plmn, "amfId": self.amf_id}

    @property
    def tai(self) -> dict[str, object]:
        """Tai of TS 29.571 clause 5.4.4.4, the one that this AMF serves."""
        return {"plmnId": self.plmn, "tac": f"{self.tac:06x}"}

    def guti(self, tmsi: int) -> Guti5g:
        return Guti5g(self.mcc + self.mnc, self.region, self.set_id, self.pointer, tmsi)

    @classmethod
    def read(cls, settings: Settings, environment: Environment) -> AmfConfig:
        t3512_s = environment.integer("T3512_S", 3600)
        return cls(
            mcc=settings.mcc,
            mnc=settings.mnc,
            tac=_within(environment, "TAC", 1, 0xFFFFFF),
            name=environment.text("AMF_NAME", "minicore-amf"),
            region=_within(environment, "AMF_REGION", 1, 0xFF),
            set_id=_within(environment, "AMF_SET", 1, 0x3FF),
            pointer=_within(environment, "AMF_POINTER", 0, 0x3F),
            served=_slices(environment.text("SLICES", "1")),
            integrity_algorithms=_algorithms(environment, "NIA", "2"),
            ciphering_algorithms=_algorithms(environment, "NEA", "2,0"),
            n2=environment.choice("N2", ("front", "sctp"), "front"),
            sctp=_sctp(environment),
            n2_port=_within(environment, "N2_PORT", N2_PORT, 0xFFFF),
            t3512_s=t3512_s,
            t3513_s=environment.number("T3513_S", 2),
            t3550_s=environment.number("T3550_S", 6),
            t3555_s=environment.number("T3555_S", 6),
            t3560_s=environment.number("T3560_S", 6),
            t3570_s=environment.number("T3570_S", 6),
            t3522_s=environment.number("T3522_S", 6),
            implicit_deregistration_s=environment.number("IMPLICIT_DEREGISTRATION_S", t3512_s + 480),
            registrations_at_once=environment.integer("AMF_REGISTRATIONS_AT_ONCE", 200),
            release_s=environment.number("N2_RELEASE_S", 5),
        )


def _within(environment: Environment, name: str, default: int, highest: int) -> int:
    value = environment.integer(name, default)
    if not 0 <= value <= highest:
        raise SettingsError(f"MINICORE_{name}: {value} is not from 0 to {highest}")
    return value


def _sctp(environment: Environment) -> Choice:
    choices: dict[str, Choice] = {"auto": "auto", "kernel": "kernel", "usrsctp": "usrsctp"}
    return choices[environment.choice("SCTP", tuple(choices), "auto")]


def _slices(text: str) -> tuple[Snssai, ...]:
    try:
        return tuple(slices.parse(part.strip()) for part in text.split(","))
    except ValueError as error:
        raise SettingsError(f"MINICORE_SLICES: {error}") from error


def _algorithms(environment: Environment, name: str, default: str) -> tuple[int, ...]:
    """Identities that are built: 0 (null) and 2 (AES)."""
    text = environment.text(name, default)
    parts = [part.strip() for part in text.split(",")]
    if not all(part in ("0", "2") for part in parts):
        raise SettingsError(f"MINICORE_{name}: {text!r} is not a list of 0 and 2")
    return tuple(int(part) for part in parts)
