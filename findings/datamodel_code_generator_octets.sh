#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# datamodel-code-generator 0.89.0 (PyPI) with pydantic 2: the format "byte" of OpenAPI, octets in Base64, which TS 29.571 has as the type
# Bytes, for the capabilities of a UE and other contents of NAS and NGAP.
#
# Expected: a type that holds octets (pydantic has Base64Bytes). Seen: Base64Str, which takes the octets for UTF-8 as well: valid content is
# refused ("invalid start byte"), unless the octets are text by chance, so that tests with "text" pass, and those with many short NAS
# messages, too. The generator says nothing.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check datamodel-code-generator==0.89.0 pydantic==2.12.5
cat >transfer.yaml <<'YAML'
openapi: 3.0.0
info: {title: Transfer, version: 1.0.0}
paths: {}
components:
  schemas:
    Bytes: {type: string, format: byte}
    Transfer:
      type: object
      required: [container]
      properties:
        container: {$ref: '#/components/schemas/Bytes'}
YAML
venv/bin/datamodel-codegen --input transfer.yaml --input-file-type openapi --output transfer.py --output-model-type pydantic_v2.BaseModel \
  --formatters builtin
grep -o 'RootModel.*' transfer.py
venv/bin/python - <<'PYTHON'
from base64 import b64encode

from pydantic import ValidationError
from transfer import Transfer


def read(octets):
    try:
        return Transfer.model_validate({"container": b64encode(octets)}).container.root
    except ValidationError as error:
        return error.errors()[0]["msg"]


def expect(what, seen, expected):
    print(f"{what}: {seen!r}")
    assert seen == expected, f"it was {expected}"


REFUSED = "Value error, 'utf-8' codec can't decode byte 0x{:02x} in position {}: invalid start byte"
expect("REGISTRATION COMPLETE", read(bytes.fromhex("7e0043")), "~\0C")
expect("SERVICE ACCEPT with a PDU session status", read(bytes.fromhex("7e004e50022000")), "~\0NP\2 \0")
expect("REGISTRATION REJECT with T3346", read(bytes.fromhex("7e0044165f01a5")), REFUSED.format(0xA5, 6))
expect("IDENTITY RESPONSE with a SUCI of 999-70", read(bytes.fromhex("7e005c000d0199f9070000000000000010")), REFUSED.format(0x99, 6))
PYTHON
