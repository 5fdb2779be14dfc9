# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IE types: between our values and those of the ASN.1 type of the same name in `schema`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import Cause
from .values import (
    BitRate,
    CriticalityDiagnostics,
    FiveGSTmsi,
    GlobalGnbId,
    Guami,
    IeDiagnostics,
    NrCgi,
    PlmnSupport,
    SecurityCapabilities,
    SecurityContext,
    ServedGuami,
    SessionItem,
    SessionSetup,
    Snssai,
    SupportedTa,
    Tai,
    UeIds,
    UserLocation,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """An ASN.1 type. `read` raises ValueError, KeyError or TypeError for a value that we have no use for."""

    name: str
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def plain(name: str) -> Kind:
    """INTEGER, OCTET STRING and ENUMERATED: the same in both forms."""
    return Kind(name, _same, _same)


_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")


def printable(name: str) -> Kind:
    """PrintableString (X.680 clause 41.4): the encoding has room for more characters."""

    def read(value: str) -> str:
        if not _PRINTABLE.fullmatch(value):
            raise ValueError(f"{name} with a character that PrintableString has not")
        return value

    return Kind(name, read, read)


def bits(name: str, length: int) -> Kind:
    """BIT STRING of a whole number of octets, as bytes."""

    def read(value: tuple[int, int]) -> bytes:
        return value[0].to_bytes(length // 8, "big")

    return Kind(name, lambda value: (int.from_bytes(value, "big"), length), read)


def list_of(name: str, item: Kind) -> Kind:
    def read(values: list[Any]) -> tuple[Any, ...]:
        return tuple([item.read(value) for value in values])

    return Kind(name, lambda values: [item.write(value) for value in values], read)


def write_plmn(plmn: str) -> bytes:
    """PLMN identity, clause 9.3.3.5: MCC and MNC in BCD, a filler before a third MNC digit."""
    a, b, c, *mnc = (int(digit) for digit in plmn)
    third = mnc[2] if len(mnc) == 3 else 15
    return bytes((b << 4 | a, third << 4 | c, mnc[1] << 4 | mnc[0]))


def read_plmn(data: bytes) -> str:
    one, two, three = data
    nibbles = [one & 15, one >> 4, two & 15, three & 15, three >> 4]
    if two >> 4 != 15:
        nibbles.append(two >> 4)
    if max(nibbles) > 9:
        raise ValueError("PLMN identity with a digit above 9")
    return "".join(map(str, nibbles))


def write_tai(tai: Tai) -> dict[str, Any]:
    return {"pLMNIdentity": write_plmn(tai.plmn), "tAC": tai.tac.to_bytes(3, "big")}


def read_tai(value: dict[str, Any]) -> Tai:
    return Tai(read_plmn(value["pLMNIdentity"]), int.from_bytes(value["tAC"], "big"))


def _write_location(location: UserLocation) -> Any:
    cgi = {"pLMNIdentity": write_plmn(location.cgi.plmn), "nRCellIdentity": (location.cgi.cell, 36)}
    return ("userLocationInformationNR", {"nR-CGI": cgi, "tAI": write_tai(location.tai)})


def _read_location(value: Any) -> UserLocation:
    alternative, content = value
    if alternative != "userLocationInformationNR":
        raise ValueError(f"{alternative} is not served")
    cgi = content["nR-CGI"]
    return UserLocation(NrCgi(read_plmn(cgi["pLMNIdentity"]), cgi["nRCellIdentity"][0]), read_tai(content["tAI"]))


def write_snssai(snssai: Snssai) -> dict[str, Any]:
    value: dict[str, Any] = {"sST": bytes((snssai.sst,))}
    if snssai.sd:
        value["sD"] = bytes.fromhex(snssai.sd)
    return value


def read_snssai(value: dict[str, Any]) -> Snssai:
    return Snssai(value["sST"][0], value["sD"].hex() if "sD" in value else "")


def _write_guami(guami: Guami) -> dict[str, Any]:
    return {
        "pLMNIdentity": write_plmn(guami.plmn),
        "aMFRegionID": (guami.region, 8),
        "aMFSetID": (guami.set_id, 10),
        "aMFPointer": (guami.pointer, 6),
    }


def _read_guami(value: dict[str, Any]) -> Guami:
    plmn = read_plmn(value["pLMNIdentity"])
    return Guami(plmn, value["aMFRegionID"][0], value["aMFSetID"][0], value["aMFPointer"][0])


def _write_tmsi(tmsi: FiveGSTmsi) -> dict[str, Any]:
    return {
        "aMFSetID": (tmsi.set_id, 10),
        "aMFPointer": (tmsi.pointer, 6),
        "fiveG-TMSI": tmsi.tmsi.to_bytes(4, "big"),
    }


def _read_tmsi(value: dict[str, Any]) -> FiveGSTmsi:
    return FiveGSTmsi(value["aMFSetID"][0], value["aMFPointer"][0], int.from_bytes(value["fiveG-TMSI"], "big"))


def _write_gnb(gnb: GlobalGnbId) -> Any:
    return ("globalGNB-ID", {"pLMNIdentity": write_plmn(gnb.plmn), "gNB-ID": ("gNB-ID", (gnb.gnb_id, gnb.bits))})


def _read_gnb(value: Any) -> GlobalGnbId:
    node, content = value
    if node != "globalGNB-ID" or content["gNB-ID"][0] != "gNB-ID":
        raise ValueError(f"{node} is not served")
    return GlobalGnbId(read_plmn(content["pLMNIdentity"]), *content["gNB-ID"][1])


def _write_slices(slices: tuple[Snssai, ...]) -> list[Any]:
    return [{"s-NSSAI": write_snssai(snssai)} for snssai in slices]


def _read_slices(values: list[Any]) -> tuple[Snssai, ...]:
    return tuple([read_snssai(value["s-NSSAI"]) for value in values])


def _plmn_support(slices: str) -> Kind:
    def write(support: PlmnSupport) -> dict[str, Any]:
        return {"pLMNIdentity": write_plmn(support.plmn), slices: _write_slices(support.slices)}

    def read(value: dict[str, Any]) -> PlmnSupport:
        return PlmnSupport(read_plmn(value["pLMNIdentity"]), _read_slices(value[slices]))

    return Kind("", write, read)


_BROADCAST_PLMN = _plmn_support("tAISliceSupportList")


def _write_ta(area: SupportedTa) -> dict[str, Any]:
    plmns = [_BROADCAST_PLMN.write(plmn) for plmn in area.plmns]
    return {"tAC": area.tac.to_bytes(3, "big"), "broadcastPLMNList": plmns}


def _read_ta(value: dict[str, Any]) -> SupportedTa:
    plmns = tuple([_BROADCAST_PLMN.read(plmn) for plmn in value["broadcastPLMNList"]])
    return SupportedTa(int.from_bytes(value["tAC"], "big"), plmns)


def _write_served_guami(served: ServedGuami) -> dict[str, Any]:
    value: dict[str, Any] = {"gUAMI": _write_guami(served.guami)}
    if served.backup_name:
        value["backupAMFName"] = served.backup_name
    return value


def _read_served_guami(value: dict[str, Any]) -> ServedGuami:
    return ServedGuami(_read_guami(value["gUAMI"]), AMF_NAME.read(value.get("backupAMFName", "")))


def bit_rate(name: str, prefix: str) -> Kind:
    downlink, uplink = f"{prefix}DL", f"{prefix}UL"
    return Kind(
        name,
        lambda rate: {downlink: rate.downlink_bits_per_s, uplink: rate.uplink_bits_per_s},
        lambda value: BitRate(value[downlink], value[uplink]),
    )


_CAPABILITIES = {
    "nr_encryption": "nRencryptionAlgorithms",
    "nr_integrity": "nRintegrityProtectionAlgorithms",
    "eutra_encryption": "eUTRAencryptionAlgorithms",
    "eutra_integrity": "eUTRAintegrityProtectionAlgorithms",
}


def _write_capabilities(capabilities: SecurityCapabilities) -> dict[str, Any]:
    return {name: (getattr(capabilities, field), 16) for field, name in _CAPABILITIES.items()}


def _read_capabilities(value: dict[str, Any]) -> SecurityCapabilities:
    # A later release may send more than 16 bits; the first 16 keep their meaning.
    return SecurityCapabilities(*[value[name][0] >> (value[name][1] - 16) for name in _CAPABILITIES.values()])


def _session_setup(nas: str) -> Kind:
    def write(setup: SessionSetup) -> dict[str, Any]:
        value: dict[str, Any] = {
            "pDUSessionID": setup.session_id,
            "s-NSSAI": write_snssai(setup.snssai),
            "pDUSessionResourceSetupRequestTransfer": setup.transfer,
        }
        if setup.nas is not None:
            value[nas] = setup.nas
        return value

    def read(value: dict[str, Any]) -> SessionSetup:
        transfer = value["pDUSessionResourceSetupRequestTransfer"]
        return SessionSetup(value["pDUSessionID"], read_snssai(value["s-NSSAI"]), transfer, value.get(nas))

    return Kind("", write, read)


def sessions(name: str, transfer: str) -> Kind:
    """A list of PDU sessions, each with a transfer in the component `transfer`."""
    return list_of(
        name,
        Kind(
            "",
            lambda item: {"pDUSessionID": item.session_id, transfer: item.transfer},
            lambda value: SessionItem(value["pDUSessionID"], value[transfer]),
        ),
    )


def _write_connection(ids: UeIds) -> dict[str, int]:
    value = {"aMF-UE-NGAP-ID": ids.amf_ue_ngap_id, "rAN-UE-NGAP-ID": ids.ran_ue_ngap_id}
    return {name: number for name, number in value.items() if number is not None}


def _read_connection(value: dict[str, int]) -> UeIds:
    return UeIds(value.get("aMF-UE-NGAP-ID"), value.get("rAN-UE-NGAP-ID"))


def _write_ue_ids(ids: UeIds) -> Any:
    if ids.ran_ue_ngap_id is None:
        return ("aMF-UE-NGAP-ID", ids.amf_ue_ngap_id)
    return ("uE-NGAP-ID-pair", _write_connection(ids))


def _read_ue_ids(value: Any) -> UeIds:
    alternative, content = value
    if alternative == "uE-NGAP-ID-pair":
        return _read_connection(content)
    if alternative != "aMF-UE-NGAP-ID":
        raise ValueError(f"{alternative} is not served")
    return UeIds(content)


def _write_reset(connections: tuple[UeIds, ...] | None) -> Any:
    if connections is None:
        return ("nG-Interface", "reset-all")
    return ("partOfNG-Interface", [_write_connection(ids) for ids in connections])


def _read_reset(value: Any) -> tuple[UeIds, ...] | None:
    alternative, content = value
    if alternative == "nG-Interface":
        return None
    if alternative != "partOfNG-Interface":
        raise ValueError(f"{alternative} is not served")
    return tuple([_read_connection(item) for item in content])


def _write_diagnostics(diagnostics: CriticalityDiagnostics) -> dict[str, Any]:
    value: dict[str, Any] = {
        "procedureCode": diagnostics.procedure_code,
        "triggeringMessage": diagnostics.triggering,
        "procedureCriticality": diagnostics.criticality,
    }
    if diagnostics.ies:
        value["iEsCriticalityDiagnostics"] = [
            {"iECriticality": ie.criticality, "iE-ID": ie.ie_id, "typeOfError": ie.error} for ie in diagnostics.ies
        ]
    return {name: content for name, content in value.items() if content is not None}


def _read_diagnostics(value: dict[str, Any]) -> CriticalityDiagnostics:
    ies = value.get("iEsCriticalityDiagnostics", ())
    return CriticalityDiagnostics(
        value.get("procedureCode"),
        value.get("triggeringMessage"),
        value.get("procedureCriticality"),
        tuple([IeDiagnostics(ie["iECriticality"], ie["iE-ID"], ie["typeOfError"]) for ie in ies]),
    )


def _read_paging_identity(value: Any) -> FiveGSTmsi:
    if value[0] != "fiveG-S-TMSI":
        raise ValueError(f"{value[0]} is not served")
    return _read_tmsi(value[1])


AMF_UE_NGAP_ID = plain("AMF-UE-NGAP-ID")
RAN_UE_NGAP_ID = plain("RAN-UE-NGAP-ID")
NAS_PDU = plain("NAS-PDU")
RRC_ESTABLISHMENT_CAUSE = plain("RRCEstablishmentCause")
PAGING_DRX = plain("PagingDRX")
RELATIVE_AMF_CAPACITY = plain("RelativeAMFCapacity")
AMF_NAME = printable("AMFName")
RAN_NODE_NAME = printable("RANNodeName")
TIME_TO_WAIT = plain("TimeToWait")
UE_CONTEXT_REQUEST = Kind("UEContextRequest", lambda asked: "requested", lambda value: True)
SECURITY_KEY = bits("SecurityKey", 256)
CAUSE = Kind("Cause", lambda cause: (cause.group, cause.value), lambda value: Cause(*value))
TAI = Kind("TAI", write_tai, read_tai)
USER_LOCATION = Kind("UserLocationInformation", _write_location, _read_location)
FIVE_G_S_TMSI = Kind("FiveG-S-TMSI", _write_tmsi, _read_tmsi)
GUAMI = Kind("GUAMI", _write_guami, _read_guami)
GLOBAL_RAN_NODE_ID = Kind("GlobalRANNodeID", _write_gnb, _read_gnb)
SUPPORTED_TA_LIST = list_of("SupportedTAList", Kind("", _write_ta, _read_ta))
SERVED_GUAMI_LIST = list_of("ServedGUAMIList", Kind("", _write_served_guami, _read_served_guami))
PLMN_SUPPORT_LIST = list_of("PLMNSupportList", _plmn_support("sliceSupportList"))
ALLOWED_NSSAI = Kind("AllowedNSSAI", _write_slices, _read_slices)
CRITICALITY_DIAGNOSTICS = Kind("CriticalityDiagnostics", _write_diagnostics, _read_diagnostics)
UE_AMBR = bit_rate("UEAggregateMaximumBitRate", "uEAggregateMaximumBitRate")
UE_SECURITY_CAPABILITIES = Kind("UESecurityCapabilities", _write_capabilities, _read_capabilities)
SECURITY_CONTEXT = Kind(
    "SecurityContext",
    lambda context: {
        "nextHopChainingCount": context.next_hop_chaining_count,
        "nextHopNH": (int.from_bytes(context.next_hop, "big"), 256),
    },
    lambda value: SecurityContext(value["nextHopChainingCount"], value["nextHopNH"][0].to_bytes(32, "big")),
)
SETUP_LIST_CXT_REQ = list_of("PDUSessionResourceSetupListCxtReq", _session_setup("nAS-PDU"))
SETUP_LIST_SU_REQ = list_of("PDUSessionResourceSetupListSUReq", _session_setup("pDUSessionNAS-PDU"))
UE_NGAP_IDS = Kind("UE-NGAP-IDs", _write_ue_ids, _read_ue_ids)
RESET_TYPE = Kind("ResetType", _write_reset, _read_reset)
CONNECTION_LIST = list_of("UE-associatedLogicalNG-connectionList", Kind("", _write_connection, _read_connection))
PAGING_IDENTITY = Kind("UEPagingIdentity", lambda tmsi: ("fiveG-S-TMSI", _write_tmsi(tmsi)), _read_paging_identity)
PAGING_TAI_LIST = list_of(
    "TAIListForPaging", Kind("", lambda tai: {"tAI": write_tai(tai)}, lambda value: read_tai(value["tAI"]))
)
UNAVAILABLE_GUAMI_LIST = list_of(
    "UnavailableGUAMIList",
    Kind("", lambda guami: {"gUAMI": _write_guami(guami)}, lambda value: _read_guami(value["gUAMI"])),
)
