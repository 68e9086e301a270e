"""A PostgreSQL of our own for as long as the run lasts: reachable through a Unix socket only, with the settings of a server that means it."""
import atexit
import ctypes
import glob
import os
import signal
import subprocess
import time

import machine

SETTINGS = {
    "listen_addresses": "''",
    "shared_buffers": "{buffers}",
    "max_wal_size": "'4GB'",
    "checkpoint_timeout": "'15min'",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",  # compiling takes longer than most of these statements
    "effective_cache_size": "'4GB'",
    "random_page_cost": "1.1",
    "log_min_messages": "fatal",
}


class Server:
    def __init__(self, folder, buffers="1GB"):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb") + glob.glob("/usr/local/pgsql/bin/initdb"))
        if not found:
            machine.stop("PostgreSQL's server is not installed (package postgresql)")
        self.bin = os.path.dirname(found[-1])
        self.folder = os.path.join(folder, "pg")
        self.data = os.path.join(self.folder, "data")
        who = machine.unprivileged()
        if os.geteuid() == 0 and who is None:
            machine.stop("no unprivileged user (postgres or nobody) to run PostgreSQL as")
        self.as_user = {"user": who[0], "group": who[1], "extra_groups": []} if who else {}
        os.mkdir(self.folder)
        os.chmod(folder, 0o711)
        if who:
            os.chown(self.folder, *who)
        self.run_own("initdb", "-D", self.data, "-U", "nilo", "-A", "trust", "--locale=C", "--encoding=UTF8", "--no-instructions", "--no-sync")
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as settings:
            for name, value in SETTINGS.items():
                settings.write(f"{name} = {value.format(buffers=buffers)}\n")
        log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen([os.path.join(self.bin, "postgres"), "-D", self.data, "-c", f"unix_socket_directories={self.folder}"],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, start_new_session=True,
                                        preexec_fn=end_with_parent, **self.as_user)
        atexit.register(self.stop)
        self.pid = self.process.pid
        for _ in range(600):
            if self.run(["psql", *self.login("postgres"), "-c", "SELECT 1"], check=False).returncode == 0:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as log:
            machine.stop("PostgreSQL does not start: " + log.read().strip().split("\n")[-1])

    def run_own(self, program, *arguments):
        done = subprocess.run([os.path.join(self.bin, program), *arguments], capture_output=True, text=True, cwd=self.folder, **self.as_user)
        if done.returncode != 0:
            machine.stop(f"{program} failed: {(done.stderr or done.stdout).strip()}")

    @staticmethod
    def run(command, check=True, **more):
        done = subprocess.run(command, capture_output=True, text=True, **more)
        if check and done.returncode != 0:
            machine.stop(f"{' '.join(command[:1])} failed: {done.stderr.strip()}")
        return done

    def login(self, database):
        return ["-X", "-q", "-h", self.folder, "-U", "nilo", "-d", database, "-v", "ON_ERROR_STOP=1"]

    def url(self, database):
        return "postgres://nilo@" + self.folder.replace("/", "%2F") + "/" + database

    def sql(self, database, text, **variables):
        """Runs statements; what they answer, a line a row."""
        command = ["psql", *self.login(database), "-A", "-t"]
        for name, value in variables.items():
            command += ["-v", f"{name}={value}"]
        return self.run([*command, "-f", "-"], input=text).stdout.splitlines()

    def file(self, database, path, **variables):
        with open(path, encoding="utf-8") as text:
            return self.sql(database, text.read(), **variables)

    def version(self):
        return self.sql("postgres", "SHOW server_version")[0]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG
