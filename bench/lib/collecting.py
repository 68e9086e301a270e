"""Collecting from a platform, beside the loop that users write today: 10,000 videos over 40 connections, the platform emulated (tests/emulator).

Ours: bench_collect, the program's collector over real HTTP. The other: one request a video, one after the other, 200 ms of pause after each, over a
connection that is kept; it is run for some videos only, and its time for all of them is reckoned from that (it does the same thing each time).
What limits and latency allow: the longer of what has to follow each other (channel, each page of its uploads, counts, reports) and all calls shared among the
connections that may be open to one host.
"""
import http.client
import json
import os
import subprocess
import time
import urllib.request

import machine
from figures import median, verdict

HOST_CONNECTIONS = 8  # src/connect/http.h: host_connections
ALLOWED, FASTER = 1.3, 20  # goals


def ask(url, path):
    with urllib.request.urlopen(url + path) as answer:
        return json.load(answer)


def sequential(url, ids, token):
    """The loop that is replaced: seconds a video."""
    line = http.client.HTTPConnection(url.split("//")[1])
    begun = time.monotonic()
    for video in ids:
        line.request("GET", f"/youtube/v3/videos?part=statistics&id={video}", headers={"Authorization": "Bearer " + token})
        found = json.loads(line.getresponse().read())
        if found["items"][0]["id"] != video:
            machine.stop("the emulator answered another video")
        time.sleep(0.2)
    return (time.monotonic() - begun) / len(ids)


def race(build, folder, runs, tell, connections=40, videos=250, latency=300, one_by_one=40):
    """Every run's figures, and what the platform counted."""
    emulator = os.path.join(build, "tests", "emulator", "program", "emulator")
    options = [f"channels={connections}", f"videos={videos}", "upload_hours=0", f"latency_ms={latency}", "token_seconds=86400"]
    process = subprocess.Popen([emulator, "--until-eof", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        url = process.stdout.readline().strip()
        world = ask(url, "/_emulator/world")
        grants = [ask(url, f"/_emulator/grant?account={i}")["access_token"] for i in range(connections)]
        lines = "".join(f"{world['channels'][i]['id']} {grants[i]}\n" for i in range(connections))
        tell(f"collecting {connections * videos:,} videos, {runs} times")
        store = os.path.join(folder, "collect.db")
        done = subprocess.run([os.path.join(build, "bench", "bench_collect"), store, url, str(runs)], input=lines, text=True, stdout=subprocess.PIPE)
        if done.returncode != 0:
            machine.stop("bench_collect failed")
        measured = [json.loads(line) for line in done.stdout.splitlines()]
        counters, wire = ask(url, "/_emulator/counters"), ask(url, "/_emulator/wire")
        for run in measured:
            if run["read"] != connections * videos or run["failed"] != 0:
                machine.stop(f"not every video was read: {run}")
        tell(f"one by one, {one_by_one} videos")
        ids = [ask(url, f"/_emulator/item?channel=0&video={i % videos}")["id"] for i in range(one_by_one)]
        each = sequential(url, ids, grants[0])
    finally:
        process.stdin.close()
        process.wait()
    calls, s = measured[-1]["requests"], latency / 1000
    return {"seconds": [run["seconds"] for run in measured], "calls": calls, "each": each, "one_by_one": one_by_one, "videos": connections * videos,
            "connections": connections, "latency": latency, "allowed": max((3 + -(-videos // 50)) * s, calls * s / HOST_CONNECTIONS),
            "in_flight": max(c["highest_in_flight"] for c in counters["callers"]), "wire": wire["highest_connections"],
            "beyond": {name: counters[name] for name in ("over_rate", "over_quota", "early")}}


def table(f):
    """Rows and notes for a report."""
    seconds, total = f["seconds"], f["each"] * f["videos"]
    low, high, n = min(seconds), max(seconds), len(seconds)
    beyond = sum(f["beyond"].values())

    def spread(values):
        return f"{median(values):.2f} [{min(values):.2f}, {max(values):.2f}]"

    rows = [("", "seconds", "ratio", "goal", ""),
            ("limits and latency allow", f"{f['allowed']:.2f}", "", "", ""),
            ("nilometer", spread(seconds), f"{spread([s / f['allowed'] for s in seconds])} of that", f"<= {ALLOWED}",
             verdict(low / f["allowed"], high / f["allowed"], n, most=ALLOWED)),
            ("one request a video, 200 ms pauses", f"{total:,.0f}", f"{spread([total / s for s in seconds])} times nilometer", f">= {FASTER}",
             verdict(total / high, total / low, n, least=FASTER)),
            ("calls above a limit", "", str(beyond), "0", "met" if beyond == 0 else "missed")]
    notes = [f"{f['videos']:,} videos, {f['connections']} connections, {f['latency']} ms latency, {f['calls']} calls a run, {n} runs; at most {HOST_CONNECTIONS} connections to "
             f"the host; one by one is reckoned from {f['one_by_one']} videos",
             f"counted by the emulator: {f['in_flight']} calls in flight a token, {f['wire']} connections at most; over a rate {f['beyond']['over_rate']}, over a quota "
             f"{f['beyond']['over_quota']}, before a Retry-After had passed {f['beyond']['early']}"]
    return rows, notes
