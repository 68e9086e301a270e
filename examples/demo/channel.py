"""The second half of the demonstration: a channel of a platform, read night by night over HTTP by the real client from an emulated YouTube on this machine."""
import datetime
import json
import os
import subprocess
import urllib.parse
import urllib.request

VIDEOS = 60
NIGHTS = 14
FIRST = datetime.date(2025, 5, 1)
GONE = 8       # after that night a video is deleted
WHICH = 7      # this one
ONE_DAY = datetime.timedelta(days=1)

CONFIGURATION = """\
platforms:
  - platform: youtube
    api_key: env:DEMO_YOUTUBE_KEY
    settings:
      - name: api_base
        value: {address}/youtube/v3
connections:
  - name: channel
    workspace: studio
    platform: youtube
    accounts: {channel}
"""


class Channel:
    def __init__(self, emulator, folder):
        self.process = subprocess.Popen([emulator, "--now", f"{FIRST}T08:00:00Z", "--speed", "0", "--until-eof", f"epoch={FIRST}T08:00:00Z", "seed=11", "channels=1",
                                         f"videos={VIDEOS}", "latency_ms=5", "upload_hours=48"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().split()[0]
        world = self.ask("world")
        self.channel = world["channels"][0]["id"]
        self.environment = {"DEMO_YOUTUBE_KEY": world["projects"][0]["key"]}
        self.configuration = CONFIGURATION.format(address=self.address, channel=self.channel)
        with open(os.path.join(folder, "nilometer.yaml"), "w", encoding="utf-8") as file:
            file.write(self.configuration)

    def ask(self, what, **parameters):
        query = urllib.parse.urlencode(parameters, safe=":")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.address}/_emulator/{what}?{query}") as answer:
            return json.load(answer)

    def nights(self, collect):
        """Each night the platform's time moves on and nilometer collects; collect(now) runs it. The id of the video that goes."""
        gone = None
        for night in range(NIGHTS):
            now = f"{FIRST + night * ONE_DAY}T23:30:00Z"
            self.ask("time", set=now)
            collect(now)
            if night == GONE:
                gone = self.ask("item", channel=0, video=WHICH, state="deleted")["id"]
        return gone

    def counters(self):
        return self.ask("counters")

    def close(self):
        self.process.stdin.close()
        self.process.wait()
