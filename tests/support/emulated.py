"""Platforms as the emulator plays them (its own program, real HTTP), and running a script's cases on both engines."""
import json
import os
import subprocess
import sys
import traceback
import urllib.error
import urllib.request

from served import postgres

EMULATOR = os.environ.get("NILO_EMULATOR")


def same(a, b):
    assert a == b, f"{a!r} is not {b!r}"


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay)


def open_page(url):
    """status, Location, body"""
    try:
        with browser.open(url, timeout=20) as r:
            return r.status, r.headers.get("Location"), r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.headers.get("Location"), e.read().decode()


class Emulator:
    def __init__(self, *options):
        self.process = subprocess.Popen([EMULATOR, "--until-eof", "seed=7", "channels=3", "videos=3", "latency_ms=0", *options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        self.world = self.ask("world")

    def ask(self, what):
        return json.loads(open_page(f"{self.url}/_emulator/{what}")[2])

    def do(self, what):
        same(open_page(f"{self.url}/_emulator/{what}")[0], 200)

    def refreshes(self):
        return sum(1 for line in open_page(f"{self.url}/_emulator/log")[2].splitlines() if line and "/token" in line)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def sign_in(command, folder, env, visit=None, paste=None):
    """Plays the person at `connection connect`: opens the address, is sent back. Returns the status, the rest that was printed, what was said, both addresses."""
    p = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    url = next((line.strip() for line in p.stdout if line.startswith("http") or line.startswith("{")), None)
    if url is None:
        out, err = p.communicate(timeout=60)
        return p.returncode, out, err, None, None
    if url.startswith("{"):
        url = json.loads(url)["open"]
    status, where, _ = open_page(url)
    same(status, 302)
    if paste:
        out, err = p.communicate(paste(where) + "\n", timeout=60)
    else:
        (visit or open_page)(where)
        out, err = p.communicate(timeout=60)
    return p.returncode, out, err, url, where


def run_cases(cases, on_postgres, on_engine):
    """Each on SQLite, some on PostgreSQL too; on_engine() hears before which. The exit status."""
    rows = [("sqlite", case) for case in cases] + [("postgres", case) for case in on_postgres]
    rows = [(engine, case) for engine, case in rows if os.environ.get("NILO_ENGINE") in (None, engine) and (len(sys.argv) < 2 or sys.argv[1] in case.__name__)]
    print(f"1..{len(rows)}")
    failed, started = 0, False
    for number, (engine, case) in enumerate(rows, 1):
        if engine == "postgres" and postgres.bin is None:
            print(f"ok {number} - postgres: {case.__name__} # SKIP there is no PostgreSQL")
            continue
        if engine == "postgres" and not started:
            postgres.start()
            started = True
        on_engine(engine)
        try:
            case()
            print(f"ok {number} - {engine}: {case.__name__}", flush=True)
        except Exception:
            failed += 1
            for line in traceback.format_exc().splitlines():
                print("#", line)
            print(f"not ok {number} - {engine}: {case.__name__}", flush=True)
    if started:
        postgres.stop()
    os.chdir("/")
    return failed > 0
