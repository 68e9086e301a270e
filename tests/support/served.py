"""What tests of the running daemon share: a private PostgreSQL, a world (a folder with an app's database, a configuration, a store; maybe served), and the loop over
the cases, which prints TAP. A case takes the engine; NILO_ENGINE=sqlite leaves one, a word on the command line some."""
import atexit
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

NILO = os.environ["NILO_PROGRAM"]
for name in list(os.environ):
    if name.startswith("NILOMETER_") and name != "NILOMETER_KEYS" or name in ("NILO_NOW", "USER"):
        del os.environ[name]
os.environ["USER"] = "tester"
tmp = tempfile.TemporaryDirectory()
os.chdir(tmp.name)
CONFIG = """workspaces:
  - name: acme
connections:
  - name: app
    workspace: acme
    platform: sql
    database: app.db
    users: users
cron_secret: file:cron.secret
"""
SECRET = "a-secret-of-the-cron-service"


def same(a, b):
    assert a == b, f"{a!r} is not {b!r}"


def until(condition):
    for _ in range(4000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it never came true")


# ---- PostgreSQL of our own ------------------------------------------------------------------------------------------------------------

class Postgres:
    def __init__(self):
        found = sorted(p for p in (f"/usr/lib/postgresql/{v}/bin" for v in range(15, 30)) if os.path.exists(p + "/initdb"))
        self.bin = found[-1] if found else None
        self.user = "postgres" if os.geteuid() == 0 else None
        self.made = 0
        self.folder = None  # until start()

    def call(self, *args):
        command = [f"{self.bin}/{args[0]}", *args[1:]]
        if self.user:
            command = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")

    def start(self):
        self.folder = tempfile.mkdtemp(prefix="nilo-pg-", dir="/dev/shm" if os.environ.get("TMPDIR") == "/dev/shm" else "/tmp") # as support/pg.c
        if self.user:
            shutil.chown(self.folder, self.user)
        data = self.folder + "/data"
        self.call("initdb", "-D", data, "-U", "nilo", "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8")
        self.begin()

    def begin(self):
        self.call("pg_ctl", "-D", self.folder + "/data", "-w", "-l", self.folder + "/log", "-o",
                  f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off", "start")

    def end(self, how="immediate"):
        self.call("pg_ctl", "-D", self.folder + "/data", "-m", how, "-w", "stop")

    def ask(self, sql, database="postgres"):
        done = subprocess.run([self.bin + "/psql", "-qAtX", f"postgres://nilo@/{database}?host={self.folder}", "-c", sql], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def database(self, template=None):
        """A new one; template: the address of one of ours that it is a copy of"""
        self.made += 1
        like = " TEMPLATE " + template.split("@/")[1].split("?")[0] if template else ""
        url = f"postgres://nilo@/s{self.made}?host={self.folder}"
        subprocess.run([self.bin + "/psql", "-q", f"postgres://nilo@/postgres?host={self.folder}", "-c", f"CREATE DATABASE s{self.made}{like} STRATEGY file_copy"], check=True)
        return url

    def stop(self):
        if os.path.exists(self.folder + "/data/postmaster.pid"):
            self.end()
        shutil.rmtree(self.folder, ignore_errors=True)


postgres = Postgres()


# ---- a world: a folder with an app's database, a configuration, a store; maybe served -------------------------------------------------------

class World:
    count = 0

    def __init__(self, engine):
        World.count += 1
        self.folder = os.path.join(tmp.name, f"w{World.count}")
        os.mkdir(self.folder)
        app = sqlite3.connect(self.path("app.db"))
        app.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, created_at TEXT)")
        app.executemany("INSERT INTO users (created_at) VALUES (?)", [(f"2025-0{m}-{d:02}T12:00:00Z",) for m in range(1, 7) for d in range(1, 28)])
        app.commit()
        app.close()
        self.write("nilometer.yaml", CONFIG)
        self.write("cron.secret", SECRET + "\n")
        os.chmod(self.path("cron.secret"), 0o600)
        self.store = "nilometer.db" if engine == "sqlite" else postgres.database()
        self.server = None
        self.serve_with = ()  # more options of serve
        same(self.run("init")[0], 0)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def command(self, *args):
        return [NILO, "--store", self.store, *args]

    def run(self, *args, stdin=None, env=None):
        """status, what it printed, what it said"""
        done = subprocess.run(self.command(*args), cwd=self.folder, input=stdin, capture_output=True, text=True, timeout=120,
                              env=dict(os.environ, **(env or {})))
        return done.returncode, done.stdout, done.stderr

    def serve(self):
        self.server = subprocess.Popen(self.command("--json", "serve", "--socket", "api.sock", "--listen", "127.0.0.1:0", *self.serve_with), cwd=self.folder,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        atexit.register(self.close) # a script that fails, or ends without a word, leaves no server behind
        line = self.server.stdout.readline()
        assert line, self.server.stderr.read()
        self.port = int(next(u for u in json.loads(line)["listening"] if u.startswith("http")).rsplit(":", 1)[1])
        return self

    def end(self, how=signal.SIGTERM):
        self.server.send_signal(how)
        self.server.communicate(timeout=60)
        status, self.server = self.server.returncode, None
        return status

    def close(self):
        server, self.server = self.server, None
        if server:
            server.kill()
            server.communicate()

    def begin(self, method, path, body=None, headers=None, tcp=False):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        if not tcp:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(120)
            connection.sock.connect(os.path.relpath(self.path("api.sock")))
        connection.request(method, path, body=body, headers=dict({"Content-Type": "application/json"}, **(headers or {})))
        return connection

    def ask(self, method, path, body=None, headers=None, tcp=False):
        answer = self.begin(method, path, body, headers, tcp).getresponse()
        return answer.status, answer.read().decode()

    def get(self, request):
        status, out, err = self.run("get", request, "--format", "json")
        same((status, err), (0, err))
        return json.loads(out)


# ---- the loop -----------------------------------------------------------------------------------------------------------------------------------

def play(cases, engines=("sqlite", "postgres")):
    only = os.environ.get("NILO_ENGINE")
    rows = [(engine, case) for engine in engines if only in (None, engine) for case in cases if len(sys.argv) < 2 or sys.argv[1] in case.__name__]
    bad = 0
    print(f"1..{len(rows)}")
    for number, (engine, case) in enumerate(rows, 1):
        name = f"{engine}: {case.__name__.replace('_', ' ')}"
        if engine == "postgres" and postgres.bin is None:
            print(f"ok {number} - {name} # SKIP there is no PostgreSQL")
            continue
        if engine == "postgres" and postgres.folder is None:
            postgres.start()
        try:
            case(engine)
            print(f"ok {number} - {name}")
        except (AssertionError, OSError, ValueError, KeyError, subprocess.SubprocessError, http.client.HTTPException) as error:
            bad += 1
            where = error.__traceback__
            while where.tb_next:
                where = where.tb_next
            print(f"not ok {number} - {name}\n# {error!r} at line {where.tb_lineno}")
        sys.stdout.flush()
    if postgres.folder is not None:
        postgres.stop()
    os.chdir("/")
    tmp.cleanup()
    sys.exit(1 if bad else 0)
