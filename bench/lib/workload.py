"""Workload W: the same readings loaded, appended and asked for by Nilometer and by what one would use instead."""
import os
import subprocess
import threading
import time

import machine
from figures import Ratio, median, short

NOT_INSTALLED = 77  # exit status of a client whose engine is not here

ROWS = (
    # figure, what it is, unit, factor
    ("I1", "I1 load all days", "s", 1),
    ("I2", "I2 append a day", "ms", 1e3),
    ("I2_again", "I2 the same day again", "ms", 1e3),
    ("bytes_per_value", "bytes a value", "B", 1),
    ("Q1", "Q1 newest row of 100 videos", "ms", 1e3),
    ("Q2", "Q2 an owner's days, from rows", "ms", 1e3),
    ("Q2_kept", "Q2 the same, kept sums", "ms", 1e3),
    ("Q3", "Q3 top 50 over a threshold", "ms", 1e3),
    ("Q4", "Q4 totals of 30 days, from rows", "ms", 1e3),
    ("Q4_kept", "Q4 the same, kept sums", "ms", 1e3),
    ("Q5", "Q5 one video, all days", "ms", 1e3),
    ("peak_load", "peak memory, load", "MB", 1),
    ("peak_query", "peak memory, query", "MB", 1),
    ("peak_append", "peak memory, append", "MB", 1),
)
OURS = ("nilometer", "nilometer-pg")


class Contestant:
    def __init__(self, name, program, target, server=None, before=None):
        """program None: the engine is not here. server: has a pid"""
        self.name, self.program, self.target, self.server = name, program, target, server
        self.before = before  # each load
        self.figures = {}  # name -> one a round


class Memory(threading.Thread):
    """The most memory that a process and those of its server took, page cache apart: what they have for themselves, and the shared part once."""

    def __init__(self, pid, server):
        super().__init__(daemon=True)
        self.pid, self.server, self.peak, self.over = pid, server, 0, threading.Event()
        self.start()

    @staticmethod
    def of(pid):
        own = shared = 0
        try:
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
                for line in status:
                    if line.startswith("RssAnon:"):
                        own = int(line.split()[1])
                    elif line.startswith("RssShmem:"):
                        shared = int(line.split()[1])
        except OSError:
            pass
        return own, shared

    def servers(self):
        try:
            with open(f"/proc/{self.server}/task/{self.server}/children", encoding="ascii") as children:
                return [self.server, *map(int, children.read().split())]
        except OSError:
            return []

    def run(self):
        while not self.over.wait(0.05):
            seen = [self.of(pid) for pid in [self.pid, *(self.servers() if self.server else [])]]
            self.peak = max(self.peak, sum(own for own, _ in seen) + max(shared for _, shared in seen))

    def end(self):
        self.over.set()
        self.join()
        return self.peak / 1024


def run_client(c, data, mode, runs):
    """{figure: value} of one phase; None when the engine is not installed."""
    child = subprocess.Popen([c.program, data, c.target, mode, str(runs)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    memory = Memory(child.pid, c.server.pid if c.server else 0)
    out, said = child.communicate()
    peak = memory.end()
    if child.returncode == NOT_INSTALLED:
        return None
    if child.returncode != 0:
        machine.stop(f"{c.name}, {mode}: {said.strip() or f'exit status {child.returncode}'}")
    figures = {}
    for line in out.splitlines():
        name, value = line.split("\t")
        figures[name] = int(value) if name.startswith("check_") else float(value)
    figures["peak_" + mode] = peak
    return figures


def reference(folder, data):
    c = Contestant("reference", os.path.join(folder, "bench_reference"), "-")
    return {**run_client(c, data, "query", 1), **run_client(c, data, "append", 1)}


def check(c, figures, right):
    """A fast wrong answer is no answer."""
    for name, value in figures.items():
        if name.startswith("check_") and right.get(name.replace("Q4_kept", "Q4")) != value:
            machine.stop(f"{c.name} answers {name[6:]} wrongly: the sum is {value}, not {right.get(name.replace('Q4_kept', 'Q4'))}")


def keep(c, figures):
    for name, value in figures.items():
        name = name.replace("Q4_levels", "Q4_kept")
        if not name.startswith("check_"):
            c.figures.setdefault(name, []).append(value)


def race(contestants, data, right, rounds, runs, tell):
    """Every round: each loads anew, is asked, and appends; every other round the other way round. Returns those that are not installed."""
    missing = [c for c in contestants if c.program is None]
    for number in range(rounds):
        for c in list(contestants) if number % 2 == 0 else list(reversed(contestants)):
            if c in missing:
                continue
            if c.before:
                c.before()
            began = time.monotonic()
            for mode in ("load", "query", "append"):
                figures = run_client(c, data, mode, runs)
                if figures is None:
                    missing.append(c)
                    break
                check(c, figures, right)
                keep(c, figures)
            else:
                tell(f"round {number + 1} of {rounds}: {c.name} took {time.monotonic() - began:.0f} s")
    return missing


def medians(contestants):
    rows = [("", "", *(c.name for c in contestants))]
    for name, what, unit, factor in ROWS:
        rows.append((what, unit, *(short(median(c.figures[name]) * factor) if name in c.figures else "-" for c in contestants)))
    return rows


def ratios(ours, contestants):
    """What ours takes of each other's, within the rounds."""
    others = [c for c in contestants if c.name not in OURS]
    rows = [("", *(f"of {c.name}'s" for c in others))]
    for name, what, _, _ in ROWS:
        if name in ours.figures:
            cells = [Ratio(ours.figures[name], c.figures[name]).text() if name in c.figures else "-" for c in others]
            rows.append((what, *cells))
    return rows
