"""The API beside what one writes instead: the 30-day activity answer at 32 connections, by wrk. Each contestant is one server on the loopback, started
for the whole race and measured in turns; what they answer has to be the same numbers."""
import atexit
import base64
import datetime
import hashlib
import hmac
import json
import os
import re
import secrets
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request

import engines
import machine
from figures import Ratio, median, short, verdict
from postgres import end_with_parent

HERE = os.path.dirname(os.path.abspath(__file__))
HANDLERS = os.path.join(HERE, "..", "api")
MODULES = os.path.join(HERE, "..", "node_modules")
CONNECTIONS, SECONDS, DAYS = 32, 4, 365
CATEGORIES = ("posts_total", "comments_total")
USERS, POSTS, COMMENTS = 20_000, 60_000, 200_000

# ours, whose, at least so many times its requests a second
GOALS = (
    ("cached", "Node http + pg", 12),
    ("cached", "nginx, same bytes", 0.8),
    ("caches off", "Node http + better-sqlite3", 5),
)
P99_MS, RESIDENT_MIB = 10, 64


def words(x):
    return base64.urlsafe_b64encode(x).rstrip(b"=").decode()


def token(secret, workspaces=("default",)):
    head = words(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    claims = words(json.dumps({"role": "authenticated", "sub": "bench", "workspaces": list(workspaces), "exp": int(time.time()) + 86400}).encode())
    return f"{head}.{claims}." + words(hmac.new(secret.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest())


class Contestant:
    def __init__(self, name, command, target, env=None, headers=None, port=None):
        self.name, self.command, self.target, self.headers = name, command, target, headers or {}
        self.env = {**os.environ, **(env or {})}
        self.port = port or engines.free_port()
        self.figures = {"requests_per_second": [], "p50_ms": [], "p99_ms": [], "resident_mib": [], "processor_us": []}
        self.process = None

    def url(self):
        return f"http://127.0.0.1:{self.port}{self.target}"

    def start(self, folder):
        with open(os.path.join(folder, f"output-{self.port}"), "wb") as log:
            self.process = subprocess.Popen([a.replace("PORT", str(self.port)) for a in self.command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**self.env, "BENCH_PORT": str(self.port)}, start_new_session=True, preexec_fn=end_with_parent)
        atexit.register(self.stop)
        for _ in range(200):
            try:
                return self.answer()
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        with open(os.path.join(folder, f"output-{self.port}"), encoding="utf-8", errors="replace") as said:
            machine.stop(f"{self.name} does not answer: {said.read().strip()[-500:]}")

    def answer(self):
        with urllib.request.urlopen(urllib.request.Request(self.url(), headers=self.headers), timeout=10) as response:
            return response.read()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def pids(self):
        """Of the process and its children."""
        pids = [self.process.pid]
        for pid in pids:
            try:
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
                    pids += [int(p) for p in children.read().split()]
            except OSError:
                pass
        return pids

    def resident(self):
        """As the kernel counts it at its highest, in MiB."""
        total = 0
        for pid in self.pids():
            try:
                total += int((machine.field(f"/proc/{pid}/status", "VmHWM") or "0 kB").split()[0])
            except OSError:
                pass
        return total / 1024

    def processor(self):
        """Seconds that it had of the processors until now."""
        ticks = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
                    ticks += sum(int(n) for n in stat.read().rsplit(")", 1)[1].split()[11:13])
            except OSError:
                pass
        return ticks / os.sysconf("SC_CLK_TCK")

    def measure(self, seconds):
        headers = [a for name, value in self.headers.items() for a in ("-H", f"{name}: {value}")]
        before = self.processor()
        done = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", *headers, self.url()], capture_output=True, text=True)
        said = done.stdout
        rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
        if done.returncode != 0 or rate is None or "Non-2xx" in said or "Socket errors" in said:
            machine.stop(f"{self.name} under wrk: {said.strip()[-500:]}{done.stderr.strip()[-500:]}")
        self.figures["requests_per_second"].append(float(rate.group(1)))
        for percent, name in (("50", "p50_ms"), ("99", "p99_ms")):
            value, unit = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)\s*$", said, re.M).groups()
            self.figures[name].append(float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit])
        self.figures["resident_mib"].append(self.resident())
        requests = int(re.search(r"(\d+) requests in", said).group(1))
        self.figures["processor_us"].append((self.processor() - before) / requests * 1e6)


# ---- the data --------------------------------------------------------------------------------------------------------------------------


def make_store(program, folder, first, last):
    """A store that was filled back from an app's database, as users have it."""
    app, config, store = (os.path.join(folder, name) for name in ("api-app.db", "api.yaml", "api-store.db"))
    start = int(datetime.datetime.combine(first, datetime.time(), datetime.timezone.utc).timestamp())
    db = sqlite3.connect(app)
    for table, rows, stride in (("profiles", USERS, 7919), ("posts", POSTS, 104729), ("comments", COMMENTS, 7907)):
        db.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, created_at TEXT)")
        db.executemany(f"INSERT INTO {table} VALUES (?, datetime(?, 'unixepoch') || 'Z')", ((i, start + i * stride % (DAYS * 86400)) for i in range(rows)))
    db.commit()
    db.close()
    with open(config, "w", encoding="utf-8") as f:
        f.write("workspaces: [{name: default, zone: UTC}]\nlimits: off\nauth:\n  tokens:\n    - secret: env:NILO_BENCH_SECRET\nconnections:\n"
                f"  - {{name: app, platform: sql, database: {app}, users: profiles, posts: posts, comments: comments}}\n")
    env = {**os.environ, "NILO_BENCH_SECRET": secrets.token_hex(32), "NILOMETER_KEYS": os.path.join(folder, "keys")}
    for arguments in (["init"], ["backfill", "--from", str(first), "--to", str(last)]):
        done = subprocess.run([program, "--store", store, "--config", config, *arguments], capture_output=True, text=True, env=env)
        if done.returncode != 0:
            machine.stop(f"{arguments[0]}: {done.stderr or done.stdout}")
    done = subprocess.run([program, "--store", store, "get", "daily_metrics?select=metric_date,metric_category,value&order=metric_date", "--format", "csv"],
                          capture_output=True, text=True, env=env, check=True)
    rows = [line.split(",") for line in done.stdout.splitlines()[1:]]
    return store, config, env, rows


def copy_store(program, store, target, env):
    subprocess.run([program, "--store", store, "--quiet", "backup", target], check=True, env=env, stdout=subprocess.DEVNULL)
    return target


def fill_sqlite(folder, rows):
    path = os.path.join(folder, "api-peer.db")
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE daily_metrics (metric_date TEXT, metric_category TEXT, value INTEGER, PRIMARY KEY (metric_category, metric_date)) WITHOUT ROWID")
    db.executemany("INSERT INTO daily_metrics VALUES (?, ?, ?)", rows)
    db.commit()
    db.close()
    return path


def fill_postgres(server, rows):
    server.sql("postgres", "CREATE DATABASE api")
    values = ", ".join(f"('{day}', '{name}', {value})" for day, name, value in rows)
    server.sql("api", "CREATE TABLE daily_metrics (metric_date date, metric_category text, value bigint, PRIMARY KEY (metric_category, metric_date)); "
                      f"INSERT INTO daily_metrics VALUES {values}; ANALYZE daily_metrics")


def nginx(folder, body):
    root = os.path.join(folder, "nginx")
    os.mkdir(root)
    os.chmod(root, 0o755)
    with open(os.path.join(root, "activity.json"), "wb") as f:
        f.write(body)
    port = engines.free_port()
    with open(os.path.join(root, "nginx.conf"), "w", encoding="utf-8") as f:
        f.write(f"daemon off;\npid {root}/pid;\nerror_log {root}/error.log;\nworker_processes auto;\nevents {{ worker_connections 512; }}\n"
                f"http {{ access_log off; sendfile on; keepalive_requests 1000000; types {{ application/json json; }} open_file_cache max=10;\n"
                + "".join(f"{name}_temp_path {root}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
                + f"server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n")
    return Contestant("nginx, same bytes", [engines.installed("nginx"), "-c", os.path.join(root, "nginx.conf")], "/activity.json", port=port)


def node():
    ours = os.path.join(MODULES, "node", "bin", "node")
    return ours if os.access(ours, os.X_OK) else engines.installed("node")


# ---- the race ---------------------------------------------------------------------------------------------------------------------------


def contestants(program, folder, server, tell):
    """Those that are here; started, and their answers compared."""
    last = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1)
    first = last - datetime.timedelta(days=DAYS - 1)
    since = last - datetime.timedelta(days=29)
    store, config, env, rows = make_store(program, folder, first, last)
    target = (f"/rest/v1/daily_metrics?select=metric_date,metric_category,value&metric_category=in.({','.join(CATEGORIES)})"
              f"&metric_date=gte.{since}&metric_date=lte.{last}&order=metric_date.asc")
    asked = f"/activity?categories={','.join(CATEGORIES)}&from={since}&to={last}"
    headers = {"Authorization": "Bearer " + token(env["NILO_BENCH_SECRET"])}
    second = copy_store(program, store, os.path.join(folder, "api-store-2.db"), env)  # a store has one serve at a time

    def serve(path):
        return [program, "--store", path, "--config", config, "--quiet", "serve", "--listen", "127.0.0.1:PORT"]
    here = [Contestant("nilometer, cached", serve(store), target, env, headers),
            Contestant("nilometer, caches off", [*serve(second), "--cache", "0"], target, env, headers)]
    missing = []
    for name, module, handler, settings in (
            ("Node http + pg", "pg", "handler_pg.cjs", {"BENCH_PGHOST": server.folder, "BENCH_PGDATABASE": "api"}),
            ("Node http + better-sqlite3", "better-sqlite3", "handler_sqlite.cjs", {"BENCH_SQLITE": os.path.join(folder, "api-peer.db")})):
        if node() and os.path.isdir(os.path.join(MODULES, module)):
            here.append(Contestant(name, [node(), os.path.join(HANDLERS, handler)], asked, settings))
        else:
            missing.append(f"{name}: not installed (npm install --prefix bench), left out")
    fill_sqlite(folder, rows)
    fill_postgres(server, rows)
    body = here[0].start(folder)
    if engines.installed("nginx"):
        here.append(nginx(folder, body))
    else:
        missing.append("nginx: not installed (package nginx-light), left out")
    for c in here:
        tell(f"starting {c.name}")
        if c.process is None and json.loads(c.start(folder)) != json.loads(body):
            machine.stop(f"{c.name} answers other numbers")
    if len(json.loads(body)) != 60:
        machine.stop(f"the answer has {len(json.loads(body))} rows, not 60")
    return here, missing


def race(here, rounds, tell):
    for c in here:  # not counted
        c.measure(1)
        for values in c.figures.values():
            values.clear()
    for i in range(rounds):
        for c in here if i % 2 == 0 else reversed(here):
            tell(f"round {i + 1} of {rounds}: {c.name}")
            c.measure(SECONDS)


def tables(here):
    """Rows of figures, and rows of goals."""
    rows = [("contestant", "requests/s", "p50, ms", "p99, ms", "resident, MiB", "processor time a request, us")]
    for c in here:
        rows.append((c.name, *(short(median(c.figures[f])) for f in ("requests_per_second", "p50_ms", "p99_ms", "resident_mib", "processor_us"))))
    by_name = {c.name: c.figures for c in here}
    goals = [("ratio of requests a second", "measured", "goal", "")]
    for ours, theirs, least in GOALS:
        if theirs not in by_name:
            continue
        r = Ratio(by_name["nilometer, " + ours]["requests_per_second"], by_name[theirs]["requests_per_second"])
        goals.append((f"nilometer, {ours} : {theirs}", r.text(), f"at least {least}", verdict(r.low, r.high, r.n, least=least)))
    for ours in ("nilometer, cached", "nilometer, caches off"):
        for name, said, most in (("p99_ms", "p99, ms", P99_MS), ("resident_mib", "resident, MiB", RESIDENT_MIB)):
            values = by_name[ours][name]
            goals.append((f"{ours}: {said}", f"{short(median(values))} [{short(min(values))}, {short(max(values))}]", f"at most {most}",
                          verdict(min(values), max(values), len(values), most=most)))
    return rows, goals
