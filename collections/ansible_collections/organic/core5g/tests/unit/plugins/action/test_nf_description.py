# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action refuses before any host is asked."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.core5g.plugins.action.nf_description import ActionModule

CORE = {"name": "open5gs", "needs": {"nf_mongodb_uri": "of the MongoDB that UDR and PCF share"}}


@pytest.mark.parametrize("variables", [{}, {"nf_mongodb_uri": ""}])
def test_variable_that_a_core_needs_is_explained(variables: dict[str, str]) -> None:
    with pytest.raises(AnsibleActionFail, match=r"core open5gs needs more than its NFs\. Set nf_mongodb_uri, of the M"):
        ActionModule._check_needs(CORE, variables)


def test_core_that_has_what_it_needs() -> None:
    ActionModule._check_needs(CORE, {"nf_mongodb_uri": "mongodb://192.0.2.50/open5gs"})
    ActionModule._check_needs({"name": "minicore"}, {})


def test_two_nfs_with_one_address() -> None:
    addresses = {"nrf": "192.0.2.33", "smf": "192.0.2.34", "upf": "192.0.2.33"}
    with pytest.raises(
        AnsibleActionFail, match=r"nrf and upf have the same address 192\.0\.2\.33: correct nf_addresses"
    ):
        ActionModule._check_addresses(addresses, ["smf", "upf"])
    ActionModule._check_addresses(addresses, ["smf"])


def test_nf_without_an_address() -> None:
    with pytest.raises(
        AnsibleActionFail, match=r"No address is known of amf: add it to nf_addresses .*or set nf_names"
    ):
        ActionModule._check_addresses({"nrf": "192.0.2.33"}, ["nrf", "amf"])


def test_unknown_nf() -> None:
    with pytest.raises(AnsibleActionFail, match=r"no profile of an NF 'xyz'.* The core minicore has no NF xyz"):
        ActionModule._check_names("minicore", ["xyz"], ["nrf"])


def test_core_whose_nfs_are_configured_by_addresses() -> None:
    addresses = {"nrf": "dynamic", "smf": "192.0.2.34"}
    with pytest.raises(
        AnsibleActionFail, match=r"core open5gs are configured by addresses, and nrf would have a dynamic"
    ):
        ActionModule._check_dynamic(CORE, addresses, ["nrf", "smf"])
    ActionModule._check_dynamic(CORE, addresses, ["smf"])
    ActionModule._check_dynamic({"name": "minicore", "dynamic_addresses": True}, addresses, ["nrf"])


def test_another_instance_of_an_nf_is_known() -> None:
    ActionModule._check_names("minicore", ["upf", "upf-standby"], ["nrf", "upf"])
    with pytest.raises(AnsibleActionFail, match="The core minicore has no NF upfstandby"):
        ActionModule._check_names("minicore", ["upfstandby"], ["nrf", "upf"])
