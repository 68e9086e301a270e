"""Questions of 30 days over HTTP, one after the other, caches off: how long an answer takes (REQUIREMENTS 36: under 100 ms, the 95th percentile under 200)."""
import datetime
import http.client
import os
import secrets
import subprocess
import time

import api
import engines
import machine
from figures import median, short, verdict

FIRST = datetime.date(2025, 11, 1)  # bench/clients/w.h: W_DAY0
DAYS, TIMES = 30, 60
MEDIAN_MS, P95_MS = 100, 200


def questions(days):
    """(what, path): of workload W's last 30 days."""
    last = FIRST + datetime.timedelta(days=days - 1)
    first = last - datetime.timedelta(days=DAYS - 1)
    span, between = f"from={first}&to={last}", f"day=gte.{first}&day=lte.{last}"
    return (
        ("timeseries of the workspace", f"/rest/v1/rpc/timeseries?metric=views&{span}"),
        ("timeseries of an owner", f"/rest/v1/rpc/timeseries?metric=views&owner=own0000000&{span}"),
        ("growth", f"/rest/v1/rpc/growth?metric=views&day={last}"),
        ("top_content, 50", "/rest/v1/rpc/top_content?order=views&metrics=views,likes&limit=50"),
        ("owner_daily of one owner", f"/rest/v1/owner_daily?owner=eq.own0000000&{between}&order=day"),
        ("content_snapshots, newest 100 rows of all items", f"/rest/v1/content_snapshots?{between}&order=day.desc&limit=100"),
        ("content_latest, 100 most viewed", "/rest/v1/content_latest?order=views.desc&limit=100"),
    )


def race(build, folder, videos, days, rounds, tell):
    """Milliseconds of each question, in rounds of all of them."""
    data, store, config = (os.path.join(folder, name) for name in ("ask.bin", "ask.db", "ask.yaml"))
    tell(f"making a store of {videos:,} videos and {days} days")
    for command in (["bench_generate", str(videos), str(days), data], ["bench_nilometer", data, store, "load", "1"]):
        done = subprocess.run([os.path.join(build, "bench", command[0]), *command[1:]], capture_output=True, text=True)
        if done.returncode != 0:
            machine.stop(f"{command[0]}: {done.stderr.strip()}")
    with open(config, "w", encoding="utf-8") as f:
        f.write("workspaces: [{name: bench, zone: UTC}]\nlimits: off\nauth:\n  tokens:\n    - secret: env:NILO_BENCH_SECRET\n")
    env = {**os.environ, "NILO_BENCH_SECRET": secrets.token_hex(32), "NILOMETER_KEYS": os.path.join(folder, "keys")}
    port = engines.free_port()
    headers = {"Authorization": "Bearer " + api.token(env["NILO_BENCH_SECRET"], ["bench"])}
    server = api.Contestant("nilometer, caches off", [os.path.join(build, "nilometer"), "--store", store, "--config", config, "--quiet", "serve", "--listen",
                                                      "127.0.0.1:PORT", "--cache", "0"], "/rest/v1/workspaces", env, headers, port)
    server.start(folder)
    asked = questions(days)
    times, rows = {what: [] for what, _ in asked}, {}
    line = http.client.HTTPConnection("127.0.0.1", port)
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}")
        for what, path in asked:
            for k in range(TIMES + 1):
                began = time.monotonic()
                line.request("GET", path, headers={**headers, "Accept": "text/csv"})
                answer = line.getresponse()
                body = answer.read()
                took = (time.monotonic() - began) * 1000
                if answer.status not in (200, 206):
                    machine.stop(f"{what}: {answer.status} {body[:300]!r}")
                if k > 0:  # the first one of a round is not counted
                    times[what].append(took)
                rows[what] = body.count(b"\n") - 1
    server.stop()
    return {"times": times, "rows": rows, "videos": videos, "days": days, "rounds": rounds}


def table(f):
    lines = [("question", "rows", "median, ms", "p95, ms", f"goals {MEDIAN_MS} and {P95_MS} ms")]
    for what, times in f["times"].items():
        ordered = sorted(times)
        middle, high = median(ordered), ordered[(len(ordered) * 95 + 99) // 100 - 1]
        lines.append((what, str(f["rows"][what]), short(middle), short(high),
                      "both " + verdict(max(middle / MEDIAN_MS, high / P95_MS), max(middle / MEDIAN_MS, high / P95_MS), f["rounds"], most=1)))
    return lines, [f"one client, one request after the other, {TIMES} a round, {f['rounds']} rounds; SQLite, caches off, a signed token with each request; the last 30 of {f['days']} days"]
