#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/free5gc/openapi v1.3.0 (Go module), the data types of the service-based interfaces.
#
# - SmSubsData, what the UDM answers an SMF, is either an array of subscription data or an ExtendedSmSubsData, an object with shared
#   identifiers and, if need be, individual data (TS 29.503, the OpenAPI file of Nudm_SDM). Expected: both are read and written. Seen: the
#   object is refused. Where a program sets both members the identifiers alone are written, without an error, and as a mere array: the
#   individual data (slices, DNNs) are gone.
# - A vendor's own attribute is allowed anywhere, and who does not know it ignores it (TS 29.500, clause 6.6.3). Expected: that, as the
#   other types do. Seen: an array with one such attribute is refused.
# - Convert() makes a type out of a map, as JSON or a data base gives it. Expected: the names of JSON. Seen: those of Go, in which a name
#   does not begin with a digit: "5qi", "5gQosProfile" and "3gppChargingCharacteristics" are left out, without an error.
#
# Needs Go. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch"
export GOPATH=$scratch/go GOCACHE=$scratch/cache GOFLAGS=-mod=mod GOTOOLCHAIN=local
cat >go.mod <<'MODULE'
module finding

go 1.25
MODULE
cat >main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"

	"github.com/free5gc/openapi"
	"github.com/free5gc/openapi/models"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(what string, seen, expected any) {
	fmt.Printf("%s: %v\n", what, seen)
	if seen != expected {
		panic(fmt.Sprintf("it was %v", expected))
	}
}

func isRead(text string) bool {
	return json.Unmarshal([]byte(text), &models.Udm_SDM_SmSubsData{}) == nil
}

func main() {
	expect("an array is read", isRead(`[{"singleNssai":{"sst":1}}]`), true)
	expect("an object is read", isRead(`{"sharedSmSubsDataIds":["00101-1"]}`), false)
	expect("an array with a vendor's attribute is read", isRead(`[{"singleNssai":{"sst":1},"vendorSpecific-012345":{}}]`), false)
	unknown := json.Unmarshal([]byte(`{"sst":1,"vendorSpecific-012345":{}}`), &models.Snssai{})
	expect("another type with such an attribute is read", unknown == nil, true)

	both := models.Udm_SDM_SmSubsData{
		SharedSmSubsDataIds:  []string{"00101-1"},
		IndividualSmSubsData: []models.Udm_SDM_SessionManagementSubscriptionData{{SingleNssai: &models.Snssai{Sst: 1}}},
	}
	written, err := json.Marshal(both)
	check(err)
	expect("identifiers and data are written as", string(written), `["00101-1"]`)

	const configuration = `{"5gQosProfile":{"5qi":9},"3gppChargingCharacteristics":"0100","iwkEpsInd":true}`
	var read, converted models.Udm_SDM_DnnConfiguration
	check(json.Unmarshal([]byte(configuration), &read))
	var members map[string]any
	check(json.Unmarshal([]byte(configuration), &members))
	check(openapi.Convert(members, &converted))
	for what, one := range map[string]*models.Udm_SDM_DnnConfiguration{"read": &read, "converted": &converted} {
		charging := "0100"
		if one == &converted {
			charging = ""
		}
		expect(what+", QoS profile", one.Var5gQosProfile != nil, one == &read)
		expect(what+", charging characteristics", one.Var3gppChargingCharacteristics, charging)
		expect(what+", interworking", one.IwkEpsInd, true)
	}
}
GO
go get github.com/free5gc/openapi@v1.3.0 2>messages || { cat messages; exit 1; }
go run . 2>messages || { cat messages; exit 1; }
