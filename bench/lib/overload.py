"""The API at twice what it can do: how many good answers are left of its peak, how soon the others are refused, how soon it is well again. The answers are made for each
request (caches off). See clients/flood.c: requests come at their rate whatever the answers, from five addresses."""
import os
import subprocess

import machine
from figures import median, short, verdict

CONNECTIONS, FLOOD_CONNECTIONS, SECONDS, RECOVERY = 64, 1000, 3, 5
GOODPUT, REFUSED_MS = 0.8, 50


def flood(program, contestant, rate, connections, seconds):
    token = contestant.headers["Authorization"].removeprefix("Bearer ")
    done = subprocess.run([program, str(contestant.port), contestant.target, token, str(int(rate)), str(connections), str(seconds)], capture_output=True, text=True)
    if done.returncode != 0:
        machine.stop(f"bench_flood: {done.stderr.strip()}")
    figures = {name: float(value) for name, value in (word.split("=") for word in done.stdout.split())}
    if figures["other"] > 0:
        machine.stop(f"{contestant.name} answered something else than 200 and 503 under load: {done.stdout}")
    return figures


def race(build, contestant, rounds, tell):
    """A round is the peak, twice of it, and what is left of the peak right after."""
    program = os.path.join(build, "bench", "bench_flood")
    every = []
    for i in range(rounds):
        tell(f"overload, round {i + 1} of {rounds}")
        peak = flood(program, contestant, 0, CONNECTIONS, SECONDS)
        over = flood(program, contestant, 2 * peak["ok_per_second"], FLOOD_CONNECTIONS, SECONDS)
        after = flood(program, contestant, 0, CONNECTIONS, RECOVERY)
        every.append({"peak": peak, "over": over, "after": after})
    return every


def tables(every):
    def spread(values, digits=2):
        return f"{median(values):.{digits}f} [{min(values):.{digits}f}, {max(values):.{digits}f}]"

    def judged(values, **goal):
        return verdict(min(values), max(values), len(values), **goal)
    over = [r["over"] for r in every]
    goodput = [r["over"]["ok_per_second"] / r["peak"]["ok_per_second"] for r in every]
    after = [r["after"]["ok_per_second"] / r["peak"]["ok_per_second"] for r in every]
    refused = [o["refused_p99_ms"] for o in over]
    sent = [1 - o["unsent_per_second"] / (2 * r["peak"]["ok_per_second"]) for o, r in zip(over, every)]
    return [("at twice the peak", "measured", "goal", ""),
            ("peak, good answers/s", short(median([r["peak"]["ok_per_second"] for r in every])), "", ""),
            ("good answers/s", short(median([o["ok_per_second"] for o in over])), "", ""),
            ("good answers, of the peak", spread(goodput), f"at least {GOODPUT}", judged(goodput, least=GOODPUT)),
            ("refusals/s", short(median([o["refused_per_second"] for o in over])), "", ""),
            ("refusals, p99, ms", spread(refused, 1), f"at most {REFUSED_MS}", judged(refused, most=REFUSED_MS)),
            (f"good answers in the {RECOVERY} s after, of the peak", spread(after), f"at least {GOODPUT}", judged(after, least=GOODPUT)),
            ("requests that the client could send, of those due", spread(sent), "", "")]
