"""`evenodds studio` speaks at once, and names its address when it answers there."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.studio.conftest import EVENODDS, free_port

pytestmark = pytest.mark.slow


def test_it_says_that_it_starts_and_then_where_it_answers(tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="the extra studio is not installed")
    port = free_port()
    command = [*EVENODDS, "studio", "--runs", str(tmp_path), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stderr.readline().startswith("Starting the studio")
            with pytest.raises(urllib.error.URLError):  # it speaks before it answers
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
            assert process.stdout.readline().strip() == f"http://127.0.0.1:{port}/"
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                assert answer.status == 200
        finally:
            process.terminate()
            process.wait(20)
