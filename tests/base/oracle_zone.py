"""Checks what test_zone said, with Python's zoneinfo: oracle_zone.py FILE

A line is  offset FOLDER ZONE INSTANT SECONDS  or  wall FOLDER ZONE DAY SECOND INSTANT,  instants in microseconds.
Prints the first differences.
"""
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1)
MICRO = timedelta(microseconds=1)
zones = {}


def zone(folder, name):
    if (folder, name) not in zones:
        if name == "UTC":
            zones[folder, name] = timezone.utc
        else:
            with open("%s/%s" % (folder, name), "rb") as f:
                try:
                    zones[folder, name] = zoneinfo.ZoneInfo.from_file(f, key=name)
                except ValueError as e:  # older Pythons refuse rules that RFC 8536 allows: no oracle for those
                    print("# not compared:", name, e)
                    zones[folder, name] = None
    return zones[folder, name]


def local(z, us):
    """What the clock on the wall shows, in microseconds since 1970."""
    moment = (EPOCH + us * MICRO).replace(tzinfo=timezone.utc).astimezone(z)
    return us + moment.utcoffset() // MICRO


def offset_wrong(z, us, seconds):
    return local(z, us) - us != seconds * 1000000


def wall_wrong(z, day, second, us):
    """The first instant that shows this wall time, else the first that shows a later one."""
    wall = (day * 86400 + second) * 1000000
    first = (EPOCH + wall * MICRO).replace(tzinfo=z, fold=0)
    expected = wall - first.utcoffset() // MICRO
    if local(z, expected) == wall:
        return us != expected
    return not local(z, us - 1) < wall < local(z, us)


def main():
    count = wrong = 0
    with open(sys.argv[1]) as lines:
        for line in lines:
            kind, folder, name, *numbers = line.split()
            check = offset_wrong if kind == "offset" else wall_wrong
            if zone(folder, name) is None:
                continue
            count += 1
            if check(zone(folder, name), *map(int, numbers)):
                wrong += 1
                if wrong <= 5:
                    print("#", line.strip(), "is wrong")
    print("# %d cases, %d wrong" % (count, wrong))
    return 0 if count > 0 and wrong == 0 else 1


sys.exit(main())
