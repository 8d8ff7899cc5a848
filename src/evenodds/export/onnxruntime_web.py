"""onnxruntime-web, which runs ONNX in a browser: fetched once with npm, checked, kept in the cache."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from evenodds.core import atomic
from evenodds.core.errors import UserError
from evenodds.data.cache import locked
from evenodds.data.cache_entries import cache_root, note_use

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""Of the package's file, as npm states it: any other is refused."""
FILES = {
    "package/dist/ort.wasm.bundle.min.mjs": "ort.js",
    "package/dist/ort-wasm-simd-threaded.wasm": "ort.wasm",
}
"""What is taken of it, 14 MB (3.7 MB as web servers compress it), and what it is called beside a page."""
LICENSE = """onnxruntime-web {version} (ort.js, ort.wasm): MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def add_runtime(folder: Path) -> None:
    """Put ort.js, ort.wasm and their license into ``folder``. Raises UserError if they cannot be fetched."""
    cached = cache_root() / "runtime" / f"{PACKAGE}-{VERSION}"
    with locked(cached):
        if not cached.is_dir():
            fetch(cached)
        note_use(cached)
        for name in FILES.values():
            shutil.copyfile(cached / name, folder / name)
    (folder / "ort-license.txt").write_text(LICENSE.format(version=VERSION), "utf-8")


def fetch(folder: Path) -> None:
    """Fetch the package with npm and store its FILES in ``folder``."""
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(
            f"a page for browsers needs {PACKAGE} {VERSION}, which npm fetches once, and npm is not here: install "
            "Node.js, or use --format onnx"
        )
    with tempfile.TemporaryDirectory() as name:
        patience = ["--fetch-retries", "0", "--fetch-timeout", "60000"]
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--loglevel", "error", *patience]
        done = subprocess.run(command, cwd=name, capture_output=True, text=True, check=False)  # noqa: S603 - no text of others
        packed = next(Path(name).glob("*.tgz"), None)
        if done.returncode or packed is None:
            reason = next(iter(done.stderr.split("\n")), "") or f"exit code {done.returncode}"
            raise UserError(
                f"npm could not fetch {PACKAGE} {VERSION} ({reason}): go online once, and export again"
            )
        unpack(packed, folder)


def unpack(packed: Path, folder: Path) -> None:
    """Unpack a package's FILES if its SHA-512 is the expected one. Raises UserError if it is not."""
    checksum = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
    if checksum != SHA512:
        raise UserError(
            f"what npm fetched as {PACKAGE} {VERSION} is not that (its SHA-512 is another): fetch it again"
        )
    with atomic.folder(folder, replace=True) as part, tarfile.open(packed) as archive:
        for member, name in FILES.items():
            content = archive.extractfile(member)
            if content is None:
                raise UserError(f"{PACKAGE} {VERSION} holds no {member}, so no page can be made")
            (part / name).write_bytes(content.read())
