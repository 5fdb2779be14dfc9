"""The long proof: memory that checks itself, and other people's programs, by every strategy. Run by make proof."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
