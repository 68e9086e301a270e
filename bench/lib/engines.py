"""Peers that are servers of their own, where they are installed: started in the run's folder, on free ports of the loopback, ended by their pid."""
import atexit
import glob
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import machine
from postgres import end_with_parent

CLICKHOUSE = """<yandex>
<logger><level>error</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>
<http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
<path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><users_config>{folder}/users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database>
<mark_cache_size>268435456</mark_cache_size><uncompressed_cache_size>0</uncompressed_cache_size>
</yandex>
"""
CLICKHOUSE_USERS = """<yandex>
<profiles><default><max_memory_usage>4000000000</max_memory_usage></default></profiles>
<users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
<quotas><default></default></quotas>
</yandex>
"""


def installed(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def duckdb():
    """Where npm put its library when somebody asked for it (npm install in bench/); else wherever the system looks."""
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "node_modules", "@duckdb", "*", "libduckdb.so")
    found = glob.glob(here)
    if found and "NILO_BENCH_DUCKDB" not in os.environ:
        os.environ["NILO_BENCH_DUCKDB"] = found[0]


class Engine:
    """A server that speaks HTTP. `anew` starts it once more with nothing in it."""

    def __init__(self, name, folder):
        self.name, self.folder, self.process, self.pid = name, os.path.join(folder, name), None, 0
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        atexit.register(self.stop)

    def start(self, command, alive):
        log = open(os.path.join(self.folder, "output"), "ab")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, start_new_session=True,
                                        preexec_fn=end_with_parent)
        self.pid = self.process.pid
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://{self.address}{alive}", timeout=2).read()
                return
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        with open(os.path.join(self.folder, "output"), encoding="utf-8", errors="replace") as said:
            lines = said.read().strip().split("\n")
        machine.stop(f"{self.name} does not start: {lines[-1]}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class ClickHouse(Engine):
    program = "clickhouse-server"

    def __init__(self, folder):
        super().__init__("clickhouse", folder)
        for name in ("", "data", "tmp"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        with open(os.path.join(self.folder, "config.xml"), "w", encoding="utf-8") as f:
            f.write(CLICKHOUSE.format(folder=self.folder, http=self.port, tcp=free_port()))
        with open(os.path.join(self.folder, "users.xml"), "w", encoding="utf-8") as f:
            f.write(CLICKHOUSE_USERS)
        self.start([installed(self.program), f"--config-file={self.folder}/config.xml"], "/")
        self.target = self.address

    def anew(self):
        pass  # the client drops its tables


class Victoria(Engine):
    program = "victoria-metrics"

    def __init__(self, folder):
        super().__init__("victoria-metrics", folder)
        self.data = os.path.join(self.folder, "data")
        self.target = f"{self.address},{self.data}"

    def anew(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.start([installed(self.program), f"-storageDataPath={self.data}", f"-httpListenAddr={self.address}", "-retentionPeriod=100y",
                    "-dedup.minScrapeInterval=1ms", "-search.latencyOffset=0s", "-loggerLevel=ERROR"], "/health")
