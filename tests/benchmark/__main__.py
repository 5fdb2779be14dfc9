# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make benchmark` (python -m tests.benchmark): see run.py.

With --scale, --profile or --picture: see scale.py, profile.py and picture.py."""

from __future__ import annotations

import sys

from . import picture, profile, run, scale

if "--scale" in sys.argv:
    sys.exit(scale.main())
if "--profile" in sys.argv:
    sys.exit(profile.main())
if "--picture" in sys.argv:
    sys.exit(picture.main())
sys.exit(run.main())
