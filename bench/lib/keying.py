"""Does a refusal tell by its time whether there is a key of that id? Two texts with good checksums, one with the id of a key that is there and another secret, one with an id that is
nowhere, asked in turns over one connection; what is judged is the median of the differences, by batches of some hundred."""
import hashlib
import http.client
import json
import os
import random
import subprocess
import time

import machine
from figures import interval, median, verdict

PAIRS, WARM, BATCH, MOST_US = 20_000, 500, 500, 2
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def summed(text):
    """With its checksum, as api_key.c makes it."""
    value, end = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big"), ""
    for _ in range(6):
        value, digit = divmod(value, len(LETTERS))
        end = LETTERS[digit] + end
    return text + end


def other(text, id_too):
    """Of a key's text: one with another secret, and another id."""
    head, kind, name, secret = text.split("_")
    draw = random.Random(7)
    return summed("_".join((head, kind, "".join(draw.choices(LETTERS, k=len(name))) if id_too else name, "".join(draw.choices(LETTERS, k=len(secret) - 6)))))


def took(connection, key):
    began = time.perf_counter_ns()
    connection.request("GET", "/rest/v1/content", headers={"apikey": key})
    answer = connection.getresponse()
    body = answer.read()
    return (time.perf_counter_ns() - began) / 1000, answer.status, body


def race(program, folder, pairs=PAIRS):
    program, home = os.path.abspath(program), os.path.join(folder, "keys")
    os.mkdir(home)
    env = {**os.environ, "NILOMETER_KEYS": os.path.join(home, "ring")}

    def run(*arguments):
        done = subprocess.run([program, "--quiet", *arguments], cwd=home, env=env, capture_output=True, text=True)
        if done.returncode != 0:
            machine.stop(f"keys: {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout
    with open(os.path.join(home, "nilometer.yaml"), "w", encoding="utf-8") as f:
        f.write("workspaces:\n  - name: acme\nlimits: off\n")
    run("init")
    key = next(w for w in run("key", "add", "--role", "authenticated", "--workspace", "acme").split() if w.startswith("nilo_"))
    server = subprocess.Popen([program, "--json", "serve", "--listen", "127.0.0.1:0"], cwd=home, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = int(json.loads(server.stdout.readline())["listening"][0].rsplit(":", 1)[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        if took(connection, key)[1] != 200:
            machine.stop("keys: a good key is not let in")
        known, unknown = other(key, False), other(key, True)
        times = {known: [], unknown: []}
        first = None
        for i in range(pairs + WARM):
            for text in (known, unknown) if i % 2 else (unknown, known):
                us, status, body = took(connection, text)
                first = first or body
                if status != 401 or body != first:
                    machine.stop(f"keys: {status} {body!r} instead of the one refusal")
                if i >= WARM:
                    times[text].append(us)
    finally:
        server.terminate()
        server.wait()
    return {"known_us": times[known], "unknown_us": times[unknown]}


def table(f):
    each = [k - u for k, u in zip(f["known_us"], f["unknown_us"])]
    differences = [median(each[i:i + BATCH]) for i in range(0, len(each), BATCH)]
    low, high, _ = interval(differences)
    return [("refusing a key", "measured", "goal", ""),
            ("an id that is there, median, us", f"{median(f['known_us']):.2f}", "", ""),
            ("one that is nowhere, median, us", f"{median(f['unknown_us']):.2f}", "", ""),
            ("difference, median, us", f"{median(differences):+.3f} [{low:+.3f}, {high:+.3f}]", f"within {MOST_US}", verdict(low, high, len(differences), least=-MOST_US, most=MOST_US))]
