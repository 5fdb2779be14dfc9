"""Stands in for get-pip.py, which ansible-test would download: its virtual environments get Python's own pip."""

from __future__ import annotations

import subprocess
import sys

UNKNOWN_TO_PIP = {"--no-setuptools", "--no-wheel"}

if __name__ == "__main__":
    subprocess.run([sys.executable, "-m", "ensurepip", "--upgrade"], check=True, stdout=subprocess.DEVNULL)
    arguments = [argument for argument in sys.argv[1:] if argument not in UNKNOWN_TO_PIP]
    sys.exit(subprocess.run([sys.executable, "-m", "pip", "install", *arguments], check=False).returncode)
