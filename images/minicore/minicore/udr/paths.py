# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource URIs of Nudr_DataRepository below its API root, as the UDR and its consumers UDM and PCF write them."""

from __future__ import annotations

DR = "/nudr-dr/v2"
SUBSCRIPTION_DATA = DR + "/subscription-data"
"""TS 29.505 clause 5.2."""
AUTHENTICATION_SUBSCRIPTION = SUBSCRIPTION_DATA + "/{}/authentication-data/authentication-subscription"
AUTHENTICATION_STATUS = SUBSCRIPTION_DATA + "/{}/authentication-data/authentication-status"
AMF_REGISTRATION = SUBSCRIPTION_DATA + "/{}/context-data/amf-3gpp-access"
SMF_REGISTRATIONS = SUBSCRIPTION_DATA + "/{}/context-data/smf-registrations"
PROVISIONED_DATA = SUBSCRIPTION_DATA + "/{}/{}/provisioned-data"
SUBSCRIPTION_SUBS = SUBSCRIPTION_DATA + "/subs-to-notify"

POLICY_DATA = DR + "/policy-data"
"""TS 29.519 clause 5.2."""
POLICY_UES = POLICY_DATA + "/ues"
POLICY_UE = POLICY_UES + "/{}"
AM_POLICY = POLICY_UES + "/{}/am-data"
SM_POLICY = POLICY_UES + "/{}/sm-data"
POLICY_SUBS = POLICY_DATA + "/subs-to-notify"
POLICY_SETS = {AM_POLICY: "amPolicyDataSet", SM_POLICY: "smPolicyDataSet"}
"""Attributes of PolicyDataForIndividualUe, which POLICY_UE shows (TS 29.519 clause 5.4.2.30)."""

PROVISIONED = {"am-data": "am", "smf-selection-subscription-data": "smf_selection", "sm-data": "sm"}
"""Resources below PROVISIONED_DATA, and the documents of a subscriber that they show."""
DATASET_ATTRIBUTES = {
    "am-data": "amData",
    "smf-selection-subscription-data": "smfSelData",
    "sm-data": "smData",
}
"""Attributes of ProvisionedDataSets, which PROVISIONED_DATA itself shows (TS 29.505 clause 5.4.2.9)."""
