"""Ten million values over HTTP, as CSV and as NDJSON at once, in constant memory. What is asked, and that every cell is right, is tests/it/test_export_million, which the
deep tests run with a million; here with as many as are wanted, and the memory against its goal."""
import os
import re
import subprocess
import sys
import time

import machine

MIB = 64


def race(program, rows):
    test = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "it", "test_export_million")
    began = time.monotonic()
    done = subprocess.run([sys.executable, test], env={**os.environ, "NILO_PROGRAM": os.path.abspath(program), "NILO_ROWS": str(rows)}, capture_output=True, text=True)
    return figures(done.stdout + done.stderr, time.monotonic() - began)


def figures(said, seconds):
    """Too much memory is a goal that was missed; whatever else is not ok ends the benchmark."""
    line = re.search(r"# (\d+) rows, (\d+) cells, (\d+) of them defused; resident (\d+) KiB before, (-?\d+) KiB more", said)
    wrong = [w for w in re.findall(r"^not ok \d+ - (.*)$", said, re.M) if not w.startswith("in at most")]
    if line is None or wrong:
        machine.stop(f"export: {'; '.join(wrong) or said.strip()[-1000:]}")
    names = ("rows", "cells", "defused", "before_kib", "more_kib")
    return {**dict(zip(names, map(int, line.groups()))), "seconds": seconds}


def table(f):
    more = f["more_kib"] / 1024
    return [("export of values", "measured", "goal", ""),
            ("rows, as CSV and as NDJSON", f"{f['rows']:,}", "", ""),
            ("cells that were compared", f"{f['cells']:,}", "", ""),
            ("resident before, MiB", f"{f['before_kib'] / 1024:.1f}", "", ""),
            ("resident more, MiB", f"{more:.1f}", f"at most {MIB}", "met" if more <= MIB else "missed"),
            ("seconds, making and reading them included", f"{f['seconds']:.0f}", "", "")]
