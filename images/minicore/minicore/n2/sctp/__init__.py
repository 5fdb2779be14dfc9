# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SCTP of N2 (TS 38.412): the kernel's where it has one, else libusrsctp in this process."""

from __future__ import annotations

from typing import Literal

from .interface import SctpAssociation, SctpError, SctpHandler, SctpListener, SctpStack

__all__ = ["Choice", "SctpAssociation", "SctpError", "SctpHandler", "SctpListener", "SctpStack", "open_stack"]

Choice = Literal["auto", "kernel", "usrsctp"]


def open_stack(choice: Choice = "auto", *, answers_strangers: bool = True) -> SctpStack:
    """The SCTP to use; SctpError where neither works. Call it once in a process, in its event loop.

    `answers_strangers`: see `UsrsctpStack`.
    """
    from . import kernel

    if choice == "kernel" or (choice == "auto" and kernel.is_there()):
        if not kernel.is_there():
            raise SctpError("this kernel has no SCTP: load its module sctp, or use usrsctp")
        return kernel.KernelStack()
    # Not imported where the kernel's SCTP is used: ctypes and the library are memory.
    from .usrsctp import UsrsctpStack

    return UsrsctpStack(answers_strangers=answers_strangers)
