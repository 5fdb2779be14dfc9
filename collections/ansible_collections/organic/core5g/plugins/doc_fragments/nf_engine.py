# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules share that look for NFs on a host."""

    DOCUMENTATION = r"""
options:
  engine:
    description: What runs the NFs, Docker, or Kubernetes, whose pods are found on this host by their resident init.
    type: str
    choices: [docker, kubernetes]
    default: docker
    version_added: 0.2.0
  namespace:
    description: Namespace of the NFs on Kubernetes. By default any, if only one on this host has an NF of the name.
    type: str
    default: ""
    version_added: 0.2.0
  docker_socket:
    description: Unix socket of the Docker engine.
    type: path
    default: /var/run/docker.sock
"""
