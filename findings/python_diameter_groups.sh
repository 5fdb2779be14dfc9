#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# python-diameter 0.9.0 (PyPI), package diameter.message: grouped AVPs.
#
# - The description of AvpGrouped.value: "the value can be operated as a regular list", with value.append() as the example. Expected: what
#   is appended is sent. Seen: it is in the value, and printed, but not in the message: a group is encoded when a list is assigned, and
#   never again. A new value of an AVP inside of a group is not sent either. Assign the whole list once more.
# - find_avps(path, alt_list=avps) is to search "any arbitrary AVP list". Expected: that list. Seen: the path alone is the key of a cache:
#   with two Multiple-Services-Credit-Control the rating group of the second is that of the first. What was not found once is not found
#   after append_avp() either.
# No error in any case. A charging function can so answer for the wrong rating group, and leave units out.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check python-diameter==0.9.0
"$scratch/venv/bin/python" - <<'PYTHON'
from diameter.message import Avp, Message, constants
from diameter.message.commands import CreditControlRequest


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


def sent(group):
    """The values of a group as its receiver reads them."""
    return [avp.value for avp in Avp.from_bytes(group.as_bytes()).value]


data = Avp.new(constants.AVP_SUBSCRIPTION_ID_DATA, value="0010112345678")
subscription = Avp.new(constants.AVP_SUBSCRIPTION_ID, value=[Avp.new(constants.AVP_SUBSCRIPTION_ID_TYPE, value=1)])
subscription.value.append(data)
expect("appended, in the value", [avp.value for avp in subscription.value], [1, "0010112345678"])
expect("appended, sent", sent(subscription), [1])
subscription.value = subscription.value
expect("assigned again, sent", sent(subscription), [1, "0010112345678"])
subscription.value[0].value = 0
expect("type changed, in the value", subscription.value[0].value, 0)
expect("type changed, sent", sent(subscription), [1, "0010112345678"])

RATING_GROUP = (constants.AVP_RATING_GROUP, 0)
services = [
    Avp.new(constants.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, value=[Avp.new(constants.AVP_RATING_GROUP, value=number)])
    for number in (10, 20)
]
request = Message.from_bytes(CreditControlRequest().as_bytes())
expect("rating groups, asked of two lists", [request.find_avps(RATING_GROUP, alt_list=one.value)[0].value for one in services], [10, 10])

ROUTE_RECORD = (constants.AVP_ROUTE_RECORD, 0)
expect("route records at first", len(request.find_avps(ROUTE_RECORD)), 0)
request.append_avp(Avp.new(constants.AVP_ROUTE_RECORD, value=b"dra.example.org"))
expect("appended to the message", request.avps[-1].name, "Route-Record")
expect("route records then", len(request.find_avps(ROUTE_RECORD)), 0)
PYTHON
