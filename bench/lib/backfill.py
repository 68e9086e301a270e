"""Filling a year back from an app's PostgreSQL: is it right, and how long does it take beside what else one could do."""
import json
import os
import subprocess
import time

import machine
from figures import Ratio, median, short

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sql")
FIRST, LAST, DAYS = "2025-11-01", "2026-10-31", 365
MORNING_AFTER = "2026-11-01T06:00:00Z"
TABLES = ("profiles", "posts", "comments")
METRICS = ("users_total", "posts_total", "comments_total", "posts_created", "comments_created")

# of the fastest of a name; what the figures are asked to show
GOALS = (
    ("the day-by-day procedure", "day_by_day", 1 / 200),
    ("one grouping statement", "grouping", 1.0),
    ("bare COPY of the timestamps", "copy", 1.3),
)


class Store:
    """One store with the app's database as its only connection: a file, or on a server."""

    def __init__(self, program, folder, url, zone="UTC", server=None):
        self.program = program
        self.server = server
        self.path = server.url("store") if server else os.path.join(folder, "backfill.db")
        self.config = os.path.join(folder, "backfill.yaml")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(f"workspaces: [{{name: default, zone: {zone}}}]\nconnections:\n"
                    f"  - {{name: app, platform: sql, database: \"{url}\", users: profiles, posts: posts, comments: comments}}\n")
        self.remove()
        if server:
            server.sql("postgres", "CREATE DATABASE store")
        self.run("init")

    def remove(self):
        if self.server:
            self.server.sql("postgres", "DROP DATABASE IF EXISTS store")
            return
        for end in ("", "-wal", "-shm", ".lock"):
            if os.path.exists(self.path + end):
                os.unlink(self.path + end)

    def run(self, *arguments, now=MORNING_AFTER, json_lines=False):
        """0 is fine, and so is 3: that rows without a timestamp were left out is said, and is no failure of ours."""
        command = [self.program, "--store", self.path, "--config", self.config, *(["--json"] if json_lines else []), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NILO_NOW": now})
        if done.returncode not in (0, 3) or (done.returncode == 3 and "no readable created_at" not in done.stdout):
            raise AssertionError(f"{' '.join(arguments)}: exit status {done.returncode}: {done.stderr or done.stdout}")
        return [json.loads(line) for line in done.stdout.splitlines()] if json_lines else done.stdout

    def days(self):
        """{(day, metric): value} of the range."""
        lines = self.run("get", f"daily_metrics?select=metric_date,metric_category,value&metric_date=gte.{FIRST}&metric_date=lte.{LAST}",
                         "--format", "csv").splitlines()
        return {(day, name): int(value) for day, name, value in (line.split(",") for line in lines[1:])}


def counted_by_sql(server, database, zone):
    lines = server.file(database, os.path.join(HERE, "days.sql"), zone=zone)
    return {(day, name): int(value) for day, name, value in (line.split(",") for line in lines)}


def make_source(server, scale):
    server.sql("postgres", "CREATE DATABASE app")
    server.file("app", os.path.join(HERE, "app.sql"), scale=scale)


def must(condition, what):
    if not condition:
        raise AssertionError(what)


def differences(a, b):
    return sum(1 for key in a.keys() | b.keys() if a.get(key) != b.get(key))


def check(server, program, folder, zone, tell, on_server=False):
    """The promises, on a copy of the source that loses half its posts on the way. Raises AssertionError with what is not kept."""
    server.sql("postgres", "DROP DATABASE IF EXISTS checked; CREATE DATABASE checked TEMPLATE app")
    store = Store(program, folder, server.url("checked"), zone, server if on_server else None)
    where = f"{zone}, store on {'PostgreSQL' if on_server else 'SQLite'}"
    wanted = counted_by_sql(server, "checked", zone)
    must(len(wanted) == DAYS * len(METRICS), f"SQL counted {len(wanted)} values")

    runs = store.run("collect", json_lines=True)
    must([r["metrics_collected"] for r in runs] == [5, 5], f"collect gave {runs}")
    before = store.days()
    runs = store.run("collect", json_lines=True)
    must([r["metrics_collected"] for r in runs] == [5], f"collecting again gave {runs}")
    must(store.days() == before, "collecting again changed a day")
    tell(f"{where}: collect gives 5 metrics, and again changes nothing")

    filled = store.run("backfill", "--from", FIRST, "--to", LAST, json_lines=True)[0]
    found = differences(store.days(), wanted)
    must(found == 0, f"{found} of {len(wanted)} values differ from what SQL counts")
    must(filled["dates_processed"] == DAYS and filled["total_metrics"] == DAYS * 5 and filled["days_written"] >= DAYS - 1, f"backfill says {filled}")
    must(store.run("backfill", "--from", FIRST, "--to", LAST, json_lines=True)[0]["values_written"] == 0, "filling again wrote something")
    tell(f"{where}: backfill equals what SQL counts: {len(wanted)} values, 0 differences; again writes nothing")

    store.run("collect", now="2026-11-02T12:00:00Z") # a clock that jumps by more than 36 h would close nothing
    closed = store.run("collect", now="2026-11-03T12:00:00Z", json_lines=True)
    must(sum(r["days_closed"] for r in closed) >= 1, f"no day closed: {closed}")
    kept = store.days()
    server.sql("checked", "DELETE FROM posts WHERE id % 2 = 0")
    after = counted_by_sql(server, "checked", zone)
    must(differences(after, wanted) > DAYS, "deleting half the posts changed little")
    store.run("collect", now="2026-11-03T13:00:00Z")
    store.run("collect", "--day", LAST, now="2026-11-03T13:00:00Z")
    store.run("backfill", "--from", FIRST, "--to", LAST, now="2026-11-03T14:00:00Z")
    must(store.days() == kept, "a closed day changed when posts were deleted")
    tell(f"{where}: half the posts are deleted; collect, collect --day and backfill change no closed day")
    store.remove()
    server.sql("postgres", "DROP DATABASE checked")


# ---- how long -------------------------------------------------------------------------------------------------------------------------------


def timed(command, **more):
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **more)
    took = time.monotonic() - began
    if done.returncode not in (0, 3):
        machine.stop(f"{command[0]}: exit status {done.returncode}: {done.stderr.strip()}")
    return took


class Race:
    """The contestants. Each makes the year's five numbers a day from nothing, but for COPY, which only carries the timestamps away."""

    def __init__(self, server, program, folder, days_each_round):
        self.server, self.program, self.folder, self.some_days = server, program, folder, days_each_round
        self.psql = ["psql", *server.login("app")]
        server.file("app", os.path.join(HERE, "day_by_day.sql"))

    def nilometer(self, _round):
        store = Store(self.program, self.folder, self.server.url("app"))
        took = timed([self.program, "--store", store.path, "--config", store.config, "--quiet", "backfill", "--from", FIRST, "--to", LAST],
                     env={**os.environ, "NILO_NOW": MORNING_AFTER})
        self.written = store.days()
        return took

    def grouping(self, _round):
        self.server.sql("app", "TRUNCATE daily_metrics")
        took = timed([*self.psql, "-f", os.path.join(HERE, "grouping.sql")])
        self.grouped = self.table()
        return took

    def copy(self, _round):
        """Thrown away by the server itself, which is quicker than sending it to somebody."""
        command = [*self.psql]
        for table in TABLES:
            command += ["-c", f"COPY {table} (created_at) TO '/dev/null' (FORMAT binary)"]
        return timed(command)

    def day_by_day(self, number):
        """Some days of each round, spread over the year; the year from them."""
        self.server.sql("app", "TRUNCATE daily_metrics")
        step = DAYS // self.some_days
        first = f"date '{FIRST}' + {number * 7 % step}"
        took = timed([*self.psql, "-c", "SET timezone = 'UTC'", "-c", f"CALL count_days({first}, {first} + {step} * {self.some_days - 1}, {step})"])
        self.by_day = self.table()
        must(len(self.by_day) == self.some_days * 5, f"the procedure made {len(self.by_day)} values")
        return took / self.some_days * DAYS

    def table(self):
        lines = self.server.sql("app", "SELECT metric_date || ',' || metric_category || ',' || value FROM daily_metrics")
        return {(day, name): int(value) for day, name, value in (line.split(",") for line in lines)}


NAMES = ("nilometer", "grouping", "copy", "day_by_day")


def race(server, program, folder, rounds, days_each_round, tell):
    """{name: [seconds a round]}, interleaved; every other round the other way round."""
    r = Race(server, program, folder, days_each_round)
    times = {name: [] for name in NAMES}
    for name in ("nilometer", "grouping", "copy"):
        getattr(r, name)(0)  # the tables are read once before anything is timed
    for number in range(rounds):
        for name in NAMES if number % 2 == 0 else reversed(NAMES):
            times[name].append(getattr(r, name)(number))
        must(differences(r.written, r.grouped) == 0, "nilometer and the grouping statement disagree")
        must(all(r.written[key] == value for key, value in r.by_day.items()), "nilometer and the day-by-day procedure disagree")
        tell(f"round {number + 1} of {rounds}: " + ", ".join(f"{name} {short(times[name][-1])} s" for name in NAMES))
    return times


def table(times, rounds, days_each_round):
    rows = [("", "median, s", "nilometer takes, of it", "goal", "")]
    rows.append(("nilometer backfill", short(median(times["nilometer"])), "", "", ""))
    for text, name, most in GOALS:
        ratio = Ratio(times["nilometer"], times[name])
        goal = f"<= 1/{1 / most:.0f}" if most < 1 else f"<= {most:g}"
        value = f"1/{1 / ratio.value:.0f} [1/{1 / ratio.low:.0f}, 1/{1 / ratio.high:.0f}]" if ratio.value < 0.05 else ratio.text()
        rows.append((text, short(median(times[name])), value, goal, ratio.judged(most)))
    notes = [f"{rounds} rounds; of the day-by-day procedure {days_each_round} days a round were measured ({days_each_round * rounds} in all), times"
             f" {DAYS / days_each_round:g} for the year",
             "one round decides nothing" if rounds < 2 else
             f"[least, greatest] of the ratios within a round, or their order statistics: {Ratio(times['nilometer'], times['copy']).sure:.1%} sure"]
    return rows, notes
