"""The sample application: a small community with profiles, posts and comments in one SQLite file, living one day at a time.

The same seed gives the same community on every machine. Each table has a created_at, as applications write them: two as text, one as
milliseconds since 1970.
"""
import datetime
import random
import sqlite3

UTC = datetime.timezone.utc

SCHEMA = """
CREATE TABLE profiles (id INTEGER PRIMARY KEY, name TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE posts (id INTEGER PRIMARY KEY, profile_id INTEGER NOT NULL, title TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, profile_id INTEGER NOT NULL, created_at INTEGER NOT NULL);
CREATE INDEX posts_profile ON posts (profile_id);
CREATE INDEX comments_post ON comments (post_id);
"""


class App:
    def __init__(self, path, seed=2025):
        self.db = sqlite3.connect(path)
        self.db.executescript(SCHEMA)
        self.random = random.Random(seed)

    def close(self):
        self.db.close()

    def count(self, sql, *parameters):
        return self.db.execute(sql, parameters).fetchone()[0]

    def moments(self, day, n):
        """n moments of a day (a date, UTC), most of them in its evening."""
        start = datetime.datetime.combine(day, datetime.time(), UTC)
        for _ in range(n):
            yield start + datetime.timedelta(seconds=int(self.random.triangular(0, 86399, 72000)))

    def live(self, day, growth):
        """One day: people join, post and comment; more of them as the community grows, and on weekends."""
        mood = (1.4 if day.weekday() >= 5 else 1.0) * growth
        some = lambda mean: max(0, round(self.random.gauss(mean * mood, mean * mood / 10)))
        with self.db:
            for at in self.moments(day, some(6)):
                self.db.execute("INSERT INTO profiles (name, created_at) VALUES (?, ?)",
                                (f"member {self.random.randrange(10**6)}", at.strftime("%Y-%m-%d %H:%M:%S")))
            profiles = self.count("SELECT max(id) FROM profiles")
            for at in self.moments(day, some(18)):
                # A few write most of it.
                writer = 1 + int(profiles * self.random.random() ** 2)
                self.db.execute("INSERT INTO posts (profile_id, title, created_at) VALUES (?, ?, ?)",
                                (min(writer, profiles), "a post", at.strftime("%Y-%m-%dT%H:%M:%SZ")))
            posts = self.count("SELECT max(id) FROM posts")
            for at in self.moments(day, some(70)):
                self.db.execute("INSERT INTO comments (post_id, profile_id, created_at) VALUES (?, ?, ?)",
                                (self.random.randint(max(1, posts - 200), posts), self.random.randint(1, profiles),
                                 int(at.timestamp() * 1000)))

    def delete_posts(self, where):
        """Posts go, and their comments with them. How many posts that were."""
        with self.db:
            self.db.execute(f"DELETE FROM comments WHERE post_id IN (SELECT id FROM posts WHERE {where})")
            return self.db.execute(f"DELETE FROM posts WHERE {where}").rowcount
