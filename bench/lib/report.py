"""A table for people and a file for programs."""
import json
import os
import time


def aligned(rows):
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [str(row[0]).ljust(widths[0])] + [str(c).rjust(w) for c, w in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return lines


class Report:
    def __init__(self, facts):
        self.facts = facts
        self.parts = []  # of (title, rows, notes, raw)

    def add(self, title, rows, notes, raw):
        self.parts.append((title, rows, notes, raw))
        print(f"\n{title}\n", flush=True)
        print("\n".join("  " + line for line in aligned(rows)), flush=True)
        for note in notes:
            print("  " + note, flush=True)

    def missed(self):
        """The goals that what was measured lies beyond, all of it: a sentence each. What is undecided is not missed."""
        return [f"goal missed: {title}: {row[0]}: " + ", ".join(f"{head} {cell}" for head, cell in zip(rows[0][1:-1], row[1:-1]) if cell != "")
                for title, rows, _, _ in self.parts for row in rows[1:] if row[-1] == "missed"]

    def write(self, folder):
        """PATH.json with everything, PATH.tsv with the rows as they were printed."""
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
        with open(path + ".json", "w", encoding="utf-8") as f:
            json.dump({"machine": self.facts,
                       "parts": [{"title": t, "rows": r, "notes": n, "measured": raw} for t, r, n, raw in self.parts]}, f, indent=1)
            f.write("\n")
        with open(path + ".tsv", "w", encoding="utf-8") as f:
            for name, value in self.facts.items():
                f.write(f"# {name}\t{value}\n")
            for title, rows, notes, _ in self.parts:
                f.write(f"\n# {title}\n")
                for row in rows:
                    f.write("\t".join(str(c) for c in row) + "\n")
                for note in notes:
                    f.write(f"# {note}\n")
        return path
