#!/usr/bin/env python3
"""A small source that speaks as taps do: fake_tap.py --config C [--state S]. The configuration says what there is ("items", a list of {id, views, at, updated}), what is spoken ("format")
and where it breaks off ("stop_after" records, in the middle of a line). Tells what was updated after the state's bookmark; a state after every third record and at the end. How many records it wrote is the last line on stderr."""
import argparse
import json
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--config", required=True)
parser.add_argument("--state")
args = parser.parse_args()
with open(args.config, encoding="utf-8") as f:
    config = json.load(f)
state = None
if args.state:
    with open(args.state, encoding="utf-8") as f:
        state = json.load(f)
airbyte = config.get("format") == "airbyte"
written = 0


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")


def bookmark():
    if not state:
        return ""
    if not airbyte:
        return state["bookmarks"]["videos"]["updated"]
    return state[0]["stream"]["stream_state"]["updated"]


def say_state(updated):
    if airbyte:
        say({"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": "videos"}, "stream_state": {"updated": updated}}}})
    else:
        say({"type": "STATE", "value": {"bookmarks": {"videos": {"updated": updated}}}})


after = bookmark()
if airbyte:
    say({"type": "LOG", "log": {"level": "INFO", "message": "token is " + config["token"]}})
    if "new_token" in config:
        say({"type": "CONTROL", "control": {"type": "CONNECTOR_CONFIG", "emitted_at": 1, "connectorConfig": {"config": dict(config, token=config["new_token"])}}})
else:
    say({"type": "SCHEMA", "stream": "videos", "schema": {"properties": {"id": {"type": "string"}, "views": {"type": "integer"}, "at": {}, "updated": {}}}, "key_properties": ["id", "at"],
         "bookmark_properties": ["updated"]})
for item in sorted((i for i in config["items"] if i["updated"] > after), key=lambda i: i["updated"]):
    if written == config.get("stop_after", -1):
        sys.stdout.write('{"type": "RECORD", "str')
        sys.stdout.flush()
        print(written, file=sys.stderr)
        sys.exit(1)
    if airbyte:
        say({"type": "RECORD", "record": {"stream": "videos", "data": item, "emitted_at": 1768471200000}})
    else:
        say({"type": "RECORD", "stream": "videos", "record": item, "time_extracted": "2026-01-15T10:00:00Z"})
    after = item["updated"]
    written += 1
    if written % config.get("state_every", 3) == 0:
        say_state(after)
say_state(after)
print(written, file=sys.stderr)
