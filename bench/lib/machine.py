"""What this machine is, what it has to spare, and the folder that everything is made in."""
import atexit
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time


def say(text):
    print(text, file=sys.stderr, flush=True)


def stop(text):
    say("bench: " + text)
    sys.exit(1)


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    return (done.stdout or done.stderr).strip().split("\n")[0] if done.returncode == 0 else None


def field(path, name):
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith(name):
                    return line.split(":", 1)[1].strip() if ":" in line else line.split("=", 1)[1].strip().strip('"')
    except OSError:
        pass
    return None


def facts(folder):
    """What figures of this run depend on. Nothing that names the machine."""
    memory = (field("/proc/meminfo", "MemTotal") or "0 kB").split()[0]
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processor": field("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory) / 2 ** 20, 1),
        "system": field("/etc/os-release", "PRETTY_NAME"),
        "kernel": os.uname().release,
        "disk_free_gib": round(shutil.disk_usage(folder).free / 2 ** 30, 1),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def need_disk(folder, wanted, what):
    """Refuses to begin what would end on a full disk."""
    free = shutil.disk_usage(folder).free
    if free < wanted:
        stop(f"{what} needs about {wanted / 2 ** 30:.1f} GiB of disk in {folder}, and {free / 2 ** 30:.1f} GiB are free; make room, choose another folder "
             "with NILO_BENCH_DIR, or measure less (V=, D=)")


def unprivileged():
    """PostgreSQL refuses to run as root: (uid, gid) to be instead, or None."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
            return user.pw_uid, user.pw_gid
        except KeyError:
            pass
    return None


def folder():
    """A new folder, short enough for the path of a socket; gone when the run ends."""
    made = tempfile.mkdtemp(prefix="nilo-bench-", dir=os.environ.get("NILO_BENCH_DIR", "/tmp"))
    os.chmod(made, 0o711)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made
