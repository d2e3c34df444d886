#!/usr/bin/env python3
"""Keeps heatmap.db current with the log of Jangbu, each event once. README.md says more."""
import json, os, sqlite3, subprocess, sys

db = sqlite3.connect("heatmap.db")
db.executescript("""
    CREATE TABLE IF NOT EXISTS log (position INTEGER, link TEXT); -- how far the log has been read
    INSERT INTO log SELECT 0, '' WHERE NOT EXISTS (SELECT 1 FROM log);
    CREATE TABLE IF NOT EXISTS registrations (position INTEGER PRIMARY KEY, eventId TEXT, weekday INTEGER, hour INTEGER, counts INTEGER);
    CREATE TABLE IF NOT EXISTS withdrawals (position INTEGER PRIMARY KEY, eventId TEXT, positions TEXT);
    CREATE VIEW IF NOT EXISTS heatmap AS SELECT eventId, weekday, hour, count(*) AS participants -- 0 is Monday
        FROM registrations WHERE counts GROUP BY eventId, weekday, hour;
""")
position, link = stored = db.execute("SELECT position, link FROM log").fetchone()
tail = subprocess.Popen(["jangbu", "events", "tail", "--follow", "--json", "--from", str(max(position, 1)), *sys.argv[1:]], stdout=subprocess.PIPE)
rest = b""
while chunk := os.read(tail.stdout.fileno(), 1 << 20):
    *lines, rest = (rest + chunk).split(b"\n")  # the rest is a torn line, which counts once it has its end
    with db:  # one transaction: all of this counts, and so does the new position, or nothing does
        for e in map(json.loads, lines):
            if e["position"] <= position:  # the last one of before, once more
                if e["link"] != link:
                    sys.exit("the log went back, or is another one: remove heatmap.db and start again")
                continue
            position, link, campaign = e["position"], e["link"], e["campaign"]
            if e["type"] == "ParticipantRegistered":
                db.execute("INSERT INTO registrations VALUES (?, ?, (strftime('%w', ?3, '+9 hours') + 6) % 7, strftime('%H', ?3, '+9 hours') + 0, 1)",
                           (position, campaign, e["occurredAt"]))
            if e["type"] == "EventsWithdrawn":  # an event counts unless a later withdrawal that itself counts names it
                db.execute("INSERT INTO withdrawals VALUES (?, ?, ?)", (position, campaign, json.dumps(e["event"]["positions"])))
                counts = {}
                for by, positions in db.execute("SELECT position, positions FROM withdrawals WHERE eventId = ? ORDER BY position DESC", (campaign,)):
                    for p in json.loads(positions):
                        counts[p] = counts.get(p, True) and not counts.get(by, True)
                db.executemany("UPDATE registrations SET counts = ? WHERE position = ?", [(c, p) for p, c in counts.items()])
        if db.execute("UPDATE log SET position = ?, link = ? WHERE position = ? AND link = ?", (position, link, *stored)).rowcount != 1:
            sys.exit("another process writes heatmap.db")
    stored = position, link
sys.exit(tail.wait())
