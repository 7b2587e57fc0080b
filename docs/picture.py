"""Make docs/report.png, the picture of the README: the first screen of the report of a synthetic store.

``.venv/bin/python docs/picture.py`` needs Chromium and a minute. The corpus and the store depend on the commands alone.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

OUT = Path(__file__).with_name("report.png")
WIDTH, HEIGHT = 1280, 1140
ANALYSES = ("missingness", "anova", "agreement", "correlation", "balance")
COMMANDS = (
    "synth --dataset KEMDy20 --out KEMDy20 --utterances 1200 --sessions 10",
    "build --dataset KEMDy20 --root KEMDy20 --out store --features mel,eda,temp,ibi",
    *(f"analyze {name} store" for name in ANALYSES),
    "report store --out report.html",
)


def main() -> None:
    """Run the commands in an empty folder, photograph the page, and keep the picture small."""
    kemfeat, browser = Path(sys.executable).with_name("kemfeat"), shutil.which("chromium") or shutil.which("chrome")
    if browser is None:
        sys.exit("docs/picture.py: found no chromium; install it")
    with TemporaryDirectory() as folder:
        for command in COMMANDS:
            line = [kemfeat, *command.split()]
            subprocess.run(line, cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - one of COMMANDS
        size = f"--window-size={WIDTH},{HEIGHT}"
        page = [f"--screenshot={folder}/page.png", size, "--hide-scrollbars", f"file://{folder}/report.html"]
        line = [browser, "--headless", "--no-sandbox", "--disable-gpu", *page]
        subprocess.run(line, check=True, capture_output=True)  # noqa: S603 - the browser of this machine
        with Image.open(f"{folder}/page.png") as picture:
            picture.convert("RGB").quantize(128).save(OUT, optimize=True)


if __name__ == "__main__":
    main()
