/* The checks that doctor runs and prints: one row each, one statement for both engines but for how they spell a day. Every
 * statement answers the same columns, a row a finding. They are read by people too: nilometer doctor --sql. */
#include <inttypes.h>
#include <string.h>

#include "store/rows/check.h"

#define DAY_SQLITE(x)   "date(86400 * (" x "), 'unixepoch')"
#define DAY_POSTGRES(x) "CAST(DATE '1970-01-01' + CAST(" x " AS integer) AS text)"

/* The columns. An absent one is typed, or the branches of a UNION would not agree on PostgreSQL. */
#define COLUMNS(workspace, connection, item, window, day, metric, scale, value, other, text)                                  \
    workspace " AS workspace, " connection " AS connection, " item " AS item, " window " AS window_days, " day " AS day, " metric   \
              " AS metric, " scale " AS scale, " value " AS value, " other " AS other, " text " AS finding"
#define NO_TEXT "CAST(NULL AS text)"
#define NO_INT  "CAST(NULL AS integer)"
#define BIG(x)  "CAST(" x " AS bigint)"

#define SAME_CELL(a, b)                                                                                                \
    a ".bucket = " b ".bucket AND " a ".entity_id = " b ".entity_id AND " a ".win = " b ".win AND " a ".day = " b ".day AND " a \
      ".metric_id = " b ".metric_id"
#define SHOWN(v) "NOT EXISTS (SELECT 1 FROM day_value y WHERE y.seq > 0 AND y.seq > " v ".seq AND " SAME_CELL("y", v) ")"
#define ITEM(x)  " JOIN entity e ON e.bucket = " x ".bucket AND e.id = " x ".entity_id"
#define NAMES    " JOIN connection c ON c.id = e.connection_id JOIN workspace w ON w.id = c.workspace_id"
#define METRIC(x) " JOIN metric m ON m.id = " x ".metric_id"
#define IN_ORDER " ORDER BY 1, 2, 3, 4, 5, 6"
#define NEVER    "-2147483648"

/* A doubled key is impossible while the primary keys stand; an item under two buckets is not. */
#define DOUBLED_ITEMS(DAY)                                                                                             \
    ("SELECT " COLUMNS("w.name", "c.name", "x.external_id", NO_INT, NO_TEXT, NO_TEXT, "0", BIG("x.n"), NO_INT,             \
                       "'this item is stored more than once (value: how often)'")                                        \
     " FROM (SELECT workspace_id, connection_id, kind, external_id, count(*) AS n FROM entity "                            \
     "GROUP BY workspace_id, connection_id, kind, external_id HAVING count(*) > 1) x JOIN connection c ON c.id = x.connection_id " \
     "JOIN workspace w ON w.id = x.workspace_id" IN_ORDER)
#define DOUBLED_VALUES(DAY)                                                                                            \
    ("SELECT " COLUMNS("w.name", "c.name", "e.external_id", "x.win", DAY("x.day"), "m.name", "0", BIG("x.n"), BIG("x.seq"),    \
                       "'this key is in the record more than once (value: how often, other: its seq)'")                   \
     " FROM (SELECT bucket, entity_id, win, day, metric_id, seq, count(*) AS n FROM day_value "                            \
     "GROUP BY bucket, entity_id, win, day, metric_id, seq HAVING count(*) > 1) x" ITEM("x") NAMES METRIC("x") IN_ORDER)
#define ORPHANS(DAY)                                                                                                   \
    ("SELECT " COLUMNS(NO_TEXT, NO_TEXT, "CAST(v.entity_id AS text)", "v.win", DAY("v.day"), "m.name", "0", BIG("v.value"),     \
                       BIG("v.run_id"), "CASE WHEN e.id IS NULL THEN 'a value of an item that is not in the store (item: its number)' "         \
                       "WHEN m.id IS NULL THEN 'a value of a metric that is not defined' "                               \
                       "ELSE 'a value of a run that is not in the log (other: its number)' END")                           \
     " FROM day_value v LEFT JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id LEFT JOIN metric m ON m.id = v.metric_id " \
     "LEFT JOIN run r ON r.id = v.run_id WHERE e.id IS NULL OR m.id IS NULL OR r.id IS NULL" IN_ORDER)
#define READINGS(DAY)                                                                                                  \
    ("SELECT " COLUMNS("w.name", "c.name", "e.external_id", "v.win", DAY("v.day"), "m.name", "m.scale", BIG("v.value"), NO_INT,  \
                       "'the reading that this value came from is gone, or says otherwise'")                             \
     " FROM day_value v" ITEM("v") NAMES METRIC("v")                                                                     \
     " WHERE NOT EXISTS (SELECT 1 FROM observation o WHERE " SAME_CELL("o", "v")                                         \
     " AND o.captured_at = v.captured_at AND o.run_id = v.run_id AND (v.value IS NULL OR o.value = v.value))"              \
     " AND v.day > c.dropped_until" IN_ORDER)
#define AMENDMENTS(DAY)                                                                                                \
    ("SELECT " COLUMNS("w.name", "c.name", "e.external_id", "x.win", DAY("x.day"), "m.name", "0", BIG("x.n"), BIG("x.last"),     \
                       "CASE WHEN c.closed_until < x.day THEN 'an amendment of a day that is open' "                       \
                       "ELSE 'an amendment is gone (value: how many there are, other: the number of the last)' END")        \
     " FROM (SELECT bucket, entity_id, win, day, metric_id, count(*) AS n, max(seq) AS last FROM day_value WHERE seq > 0 "    \
     "GROUP BY bucket, entity_id, win, day, metric_id) x" ITEM("x") NAMES METRIC("x")                                    \
     " WHERE x.n <> x.last OR c.closed_until < x.day" IN_ORDER)
#define CLOSED_LOG(DAY)                                                                                                \
    ("SELECT " COLUMNS("w.name", "c.name", NO_TEXT, NO_INT, "CASE WHEN c.closed_until > " NEVER " THEN " DAY("c.closed_until") " END",     \
                       NO_TEXT, "0", BIG("COALESCE(d.n, 0)"), NO_INT,                                                      \
                       "'the log of closed days has gaps or does not end with this day (value: days in it)'")                    \
     " FROM connection c JOIN workspace w ON w.id = c.workspace_id LEFT JOIN (SELECT connection_id, min(day) AS low, max(day) AS high, " \
     "count(*) AS n FROM day_close GROUP BY connection_id) d ON d.connection_id = c.id "                                    \
     "WHERE CASE WHEN c.closed_until > " NEVER " THEN d.n IS NULL OR d.high <> c.closed_until OR d.n <> d.high - d.low + 1 "     \
     "ELSE d.n > 0 END" IN_ORDER)
/* Five minutes: by as much the clock may be set back (SEMANTICS 2.4). */
#define CLOSED_BASE(DAY)                                                                                               \
    ("SELECT " COLUMNS("w.name", "c.name", "e.external_id", "v.win", DAY("v.day"), "m.name", "m.scale", BIG("v.value"), NO_INT,  \
                       "'this base was written after its day was closed'")                                               \
     " FROM day_value v" ITEM("v") NAMES METRIC("v")                                                                     \
     " JOIN day_close d ON d.connection_id = c.id AND d.day = v.day WHERE v.seq = 0 AND v.recorded_at > d.closed_at + 300000000" IN_ORDER)
#define CLOSED_COUNT(DAY)                                                                                              \
    ("SELECT " COLUMNS("w.name", "c.name", NO_TEXT, NO_INT, DAY("d.day"), NO_TEXT, "0", BIG("COALESCE(x.n, 0)"), BIG("d.values_n"), \
                       "'this closed day does not hold as many values as when it was closed (other)'")                     \
     " FROM day_close d JOIN connection c ON c.id = d.connection_id JOIN workspace w ON w.id = c.workspace_id "             \
     "LEFT JOIN (SELECT e.connection_id, v.day, count(v.value) AS n FROM day_value v" ITEM("v")                           \
     " WHERE v.seq = 0 GROUP BY e.connection_id, v.day) x ON x.connection_id = d.connection_id AND x.day = d.day "            \
     "WHERE COALESCE(x.n, 0) <> d.values_n AND d.day > c.dropped_until" IN_ORDER)
#define BEST(DAY)                                                                                                      \
    ("SELECT " COLUMNS("w.name", "c.name", "e.external_id", "v.win", DAY("v.day"), "m.name", "m.scale", BIG("v.value"), BIG("b.value"), \
                       "CASE WHEN b.value IS NULL THEN 'there is a value and no all-time best' "                           \
                       "ELSE 'the all-time best (other) is lower than this value' END")                                   \
     " FROM day_value v" ITEM("v") NAMES METRIC("v")                                                                     \
     " LEFT JOIN best b ON b.bucket = v.bucket AND b.entity_id = v.entity_id AND b.metric_id = v.metric_id "                 \
     "WHERE v.value IS NOT NULL AND (b.value IS NULL OR (m.best_rule = 0 AND b.value < v.value)) "                        \
     "AND v.run_id NOT IN (SELECT id FROM run WHERE status IN (5, 6)) AND " SHOWN("v") IN_ORDER)
/* Item by item over its windows: l the shorter one, k the longer one or lifetime. A lifetime flow is the day's own, no all-time value. Windows are often
 * read on different days: the first reading of k whose days hold all of a's is what must not be less. */
#define HOLDS_ALL                                                                                                     \
    "(SELECT n.day FROM day_value n WHERE n.bucket = k.bucket AND n.entity_id = k.entity_id AND n.win = k.win AND n.day >= a.day "           \
    "AND (k.win = 0 OR n.day <= a.day + k.win - l.win) AND n.metric_id = a.metric_id AND n.value IS NOT NULL ORDER BY n.day LIMIT 1)"
#define WINDOWS(DAY)                                                                                                   \
    ("SELECT " COLUMNS("w.name", "c.name", "e.external_id", "a.win", DAY("a.day"), "m.name", "m.scale", BIG("a.value"), BIG("b.value"), \
                       "CASE WHEN b.win = 0 THEN 'more than all-time on ' || " DAY("b.day") " || ' (other)' "            \
                       "ELSE 'more than the longer window of ' || b.win || ' days on ' || " DAY("b.day") " || ' (other)' END")  \
     " FROM latest l JOIN latest k ON k.bucket = l.bucket AND k.entity_id = l.entity_id AND (k.win = 0 OR k.win > l.win) "    \
     "JOIN day_value a ON a.bucket = l.bucket AND a.entity_id = l.entity_id AND a.win = l.win "                             \
     "JOIN day_value b ON b.bucket = k.bucket AND b.entity_id = k.entity_id AND b.win = k.win AND b.day = " HOLDS_ALL           \
     " AND b.metric_id = a.metric_id" ITEM("a") NAMES METRIC("a")                                                        \
     " WHERE l.win > 0 AND m.type = 0 AND a.value > b.value AND (b.win > 0 OR m.aggregation = 0) AND a.day > c.dropped_until AND " SHOWN("a") " AND " SHOWN("b") \
     " ORDER BY 1, 2, 3, 4, 5, 6, b.win")
#define FALLS(DAY)                                                                                                     \
    ("SELECT " COLUMNS("w.name", "c.name", "e.external_id", NO_INT, DAY("x.day"), "m.name", "m.scale", BIG("x.value"), BIG("x.before"), \
                       "'an all-time value fell from that of ' || " DAY("x.before_day") " || ' (other)'")                  \
     " FROM (SELECT v.bucket, v.entity_id, v.metric_id, v.day, v.value, "                                                  \
     "lag(v.value) OVER (PARTITION BY v.bucket, v.entity_id, v.metric_id ORDER BY v.day) AS before, "                       \
     "lag(v.day) OVER (PARTITION BY v.bucket, v.entity_id, v.metric_id ORDER BY v.day) AS before_day FROM day_value v "       \
     "WHERE v.win = 0 AND v.value IS NOT NULL AND v.metric_id IN (SELECT id FROM metric WHERE type = 0 AND aggregation = 0) AND " \
     SHOWN("v") ") x" ITEM("x") NAMES METRIC("x") " WHERE x.value < x.before AND x.before_day > c.dropped_until" IN_ORDER)
/* A day is over everywhere 12 hours after it is in UTC; two days of grace beyond the settle delay. */
#define OPEN_DAYS(DAY)                                                                                                 \
    ("SELECT " COLUMNS("x.workspace", "x.connection", NO_TEXT, NO_INT, DAY("x.first_open"), NO_TEXT, "0", BIG("x.run"), NO_INT,      \
                       "CASE WHEN x.run IS NOT NULL THEN 'open long past its settle delay: that run is quarantined (value)' "   \
                       "WHEN x.platform = 'sql' AND x.first_open > x.read_until THEN 'no collection has read its source after its end: nilometer collect does, and closes it' " \
                       "WHEN x.platform = 'sql' THEN 'open long past its settle delay: no run has closed it; a metric that failed after its end keeps it open for up to 7 days' " \
                       "ELSE 'open long past its settle delay: no run has closed it' END")                               \
     " FROM (SELECT w.name AS workspace, c.name AS connection, c.platform, c.read_until, CASE WHEN c.closed_until > " NEVER                           \
     " THEN c.closed_until + 1 ELSE min(l.first_day) END AS first_open, max(l.day) AS last_day, "                          \
     "CASE WHEN c.settle_s IS NULL THEN 172800 ELSE c.settle_s END AS settle_s, "                                         \
     "(SELECT min(r.id) FROM run r WHERE r.connection_id = c.id AND r.status = 5) AS run FROM connection c "                \
     "JOIN workspace w ON w.id = c.workspace_id JOIN entity e ON e.connection_id = c.id JOIN latest l ON l.bucket = e.bucket " \
     "AND l.entity_id = e.id GROUP BY c.id, w.name, c.name, c.platform, c.read_until, c.closed_until, c.settle_s) x WHERE x.first_open <= x.last_day " \
     "AND (x.first_open + 1) * CAST(86400000000 AS bigint) + (x.settle_s + 216000) * CAST(1000000 AS bigint) < CAST(?1 AS bigint)" IN_ORDER)
#define QUARANTINE(DAY)                                                                                                \
    ("SELECT " COLUMNS("w.name", "c.name", NO_TEXT, NO_INT, "CASE WHEN r.first_day > " NEVER " THEN " DAY("r.first_day") " END",             \
                       NO_TEXT, "0", BIG("r.id"), NO_INT,                                                                  \
                       "'this run (value) is quarantined: its values do not count and its days stay open'")                     \
     " FROM run r JOIN connection c ON c.id = r.connection_id JOIN workspace w ON w.id = r.workspace_id WHERE r.status IN (0, 5) " \
     "AND r.status = 5 ORDER BY r.id")
#define SWEEP(DAY)                                                                                                     \
    ("SELECT " COLUMNS(NO_TEXT, NO_TEXT, NO_TEXT, NO_INT, NO_TEXT, NO_TEXT, "0", NO_INT, NO_INT,                          \
                       "'something was erased, and its old bytes may still be in the file'") " FROM meta WHERE key = 'erase_sweep'")
#define COVERAGE(DAY)                                                                                                  \
    ("SELECT " COLUMNS("w.name", "c.name", NO_TEXT, "x.win", DAY("x.day"), NO_TEXT, "0", BIG("count(*)"), BIG("x.n"),             \
                       "'items were read on the newest day, of those ever read (other)'")                                  \
     " FROM (SELECT e.connection_id, l.win, max(l.day) AS day, count(*) AS n FROM latest l" ITEM("l")                      \
     " GROUP BY e.connection_id, l.win) x JOIN connection c ON c.id = x.connection_id JOIN workspace w ON w.id = c.workspace_id " \
     "JOIN entity e ON e.connection_id = c.id JOIN latest l ON l.bucket = e.bucket AND l.entity_id = e.id AND l.win = x.win " \
     "AND l.day = x.day GROUP BY w.name, c.name, x.win, x.day, x.n" IN_ORDER)
/* Runs of days without a value, by the difference of day and place. A run that failed then says why. */
#define GAPS(DAY)                                                                                                      \
    ("SELECT " COLUMNS("w.name", "c.name", NO_TEXT, NO_INT, DAY("x.low"), NO_TEXT, "0", BIG("x.n"), NO_INT,                      \
                       "'days (value) until ' || " DAY("x.high")                                                          \
                       " || ' hold nothing: ' || CASE WHEN EXISTS (SELECT 1 FROM run r WHERE r.connection_id = c.id AND r.status IN (3, 4) " \
                       "AND r.started_at / 86400000000 BETWEEN x.low AND x.high + 1) THEN 'runs of that time failed' "        \
                       "ELSE 'not_collected, no run read them' END")                                                    \
     " FROM (SELECT g.connection_id, min(g.day) AS low, max(g.day) AS high, count(*) AS n FROM (SELECT d.connection_id, d.day, "  \
     "d.day - row_number() OVER (PARTITION BY d.connection_id ORDER BY d.day) AS island FROM day_close d JOIN connection k ON k.id = " \
     "d.connection_id WHERE d.status = 'empty' AND d.day > k.dropped_until) g " \
     "GROUP BY g.connection_id, g.island) x JOIN connection c ON c.id = x.connection_id JOIN workspace w ON w.id = c.workspace_id" \
     IN_ORDER)
/* Of a database: a metric failed after the day's end, or could not be had. */
#define PARTIAL(DAY)                                                                                                   \
    ("SELECT " COLUMNS("w.name", "c.name", NO_TEXT, NO_INT, DAY("min(d.day)"), NO_TEXT, "0", BIG("count(*)"), NO_INT,           \
                       "'days (value) until ' || " DAY("max(d.day)")                                                      \
                       " || ' closed as partial: a value of them is missing, or was read within the day alone and is a part of it'") \
     " FROM day_close d JOIN connection c ON c.id = d.connection_id JOIN workspace w ON w.id = c.workspace_id "            \
     "WHERE c.platform = 'sql' AND d.status = 'partial' AND d.day > c.dropped_until GROUP BY w.name, c.name" IN_ORDER)
/* What stood in its way is said of the newest; all of them are in schedule_slot. */
#define MISSED_SLOTS(DAY)                                                                                              \
    ("SELECT " COLUMNS("w.name", "c.name", NO_TEXT, NO_INT, DAY("max(l.slot_at) / 86400000000"), NO_TEXT, "0", BIG("count(*)"), NO_INT, \
                       "'slots (value) of its schedule were missed, the last one on that day: ' || (SELECT x.reason FROM schedule_slot x " \
                       "WHERE x.schedule = l.schedule AND x.state = 2 ORDER BY x.slot_at DESC LIMIT 1)")                    \
     " FROM schedule_slot l JOIN connection c ON l.schedule = 'connection ' || c.id JOIN workspace w ON w.id = c.workspace_id " \
     "WHERE l.state = 2 GROUP BY w.name, c.name, l.schedule" IN_ORDER)
#define MISSING(DAY)                                                                                                   \
    ("SELECT " COLUMNS("w.name", "c.name", NO_TEXT, NO_INT, DAY("x.low"), NO_TEXT, "0", BIG("x.n"), NO_INT,                      \
                       "'values (value) until ' || " DAY("x.high") " || ' are missing: ' || CASE x.absence WHEN 4 THEN 'failed' " \
                       "WHEN 5 THEN 'not_yet' WHEN 6 THEN 'not_permitted' WHEN 7 THEN 'not_collected' WHEN 8 THEN 'not_due' "  \
                       "WHEN 9 THEN 'quarantined' WHEN 10 THEN 'not_reported' ELSE 'dropped' END")                        \
     " FROM (SELECT e.connection_id, v.absence, min(v.day) AS low, max(v.day) AS high, count(*) AS n FROM day_value v" ITEM("v") \
     " WHERE v.absence > 3 AND " SHOWN("v") " GROUP BY e.connection_id, v.absence) x JOIN connection c ON c.id = x.connection_id " \
     "JOIN workspace w ON w.id = c.workspace_id ORDER BY 1, 2, x.absence")
#define LOST(DAY)                                                                                                      \
    ("SELECT " COLUMNS("w.name", "c.name", NO_TEXT, NO_INT, NO_TEXT, NO_TEXT, "0", BIG("count(*)"), NO_INT,                 \
                       "'items (value) are deleted on their platform: neither days before their first reading nor later ones can be had'")                                                                           \
     " FROM content t" ITEM("t") NAMES " WHERE t.deleted_at IS NOT NULL GROUP BY w.name, c.name UNION ALL "                \
     "SELECT " COLUMNS("w.name", "c.name", NO_TEXT, NO_INT, NO_TEXT, NO_TEXT, "0", BIG("count(*)"),                             \
                       BIG("sum(l.first_day - t.posted_at / 86400000000)"),                                                 \
                       "'items (value) were posted before their first reading: of those days (other) the platform tells no lifetime values any more'") \
     " FROM content t JOIN latest l ON l.bucket = t.bucket AND l.entity_id = t.entity_id AND l.win = 0" ITEM("t") NAMES    \
     " WHERE c.platform <> 'sql' AND t.posted_at / 86400000000 < l.first_day - 1 GROUP BY w.name, c.name UNION ALL "             \
     "SELECT " COLUMNS("w.name", "c.name", NO_TEXT, NO_INT, NO_TEXT, NO_TEXT, "0", BIG("count(*)"), NO_INT,                 \
                       "'values (value) are estimates from what the source held later: rows deleted by then are not in them'") \
     " FROM day_value v" ITEM("v") NAMES " WHERE v.provenance = 1 AND v.value IS NOT NULL AND v.day > c.dropped_until AND " SHOWN("v") \
     " GROUP BY w.name, c.name UNION ALL "                                                                              \
     "SELECT " COLUMNS("w.name", "c.name", NO_TEXT, NO_INT, DAY("min(d.from_day)"), NO_TEXT, "0", BIG("sum(d.values_n)"), NO_INT, \
                       "'days until ' || " DAY("max(d.until_day)") " || ' were dropped with (value) values by ' || COALESCE(d.author, 'unknown') || "  \
                       "', last on ' || " DAY("max(d.dropped_at) / 86400000000") " || ': they take no value any more'")     \
     " FROM day_drop d JOIN connection c ON c.id = d.connection_id JOIN workspace w ON w.id = c.workspace_id "             \
     "GROUP BY w.name, c.name, d.author ORDER BY 1, 2, 10")

#define BOTH(x) {x(DAY_SQLITE), x(DAY_POSTGRES)}
#define BUG     "this should not happen: keep a copy of the store, restore a backup from before it, and please report it"

const struct nilo_check nilo_checks[] = {
    {"doubled-items", NILO_CHECK_WRONG, "an item that is stored twice", "no item is stored twice", BUG, BOTH(DOUBLED_ITEMS)},
    {"doubled-keys", NILO_CHECK_WRONG, "a key that the record holds twice", "0 duplicate keys", BUG, BOTH(DOUBLED_VALUES)},
    {"orphans", NILO_CHECK_WRONG, "a value without its item, metric or run", "every value has its item, metric and run", BUG, BOTH(ORPHANS)},
    {"readings", NILO_CHECK_WRONG, "a value that the reading that it came from does not say", "every value is what its reading says", BUG, BOTH(READINGS)},
    {"amendments", NILO_CHECK_WRONG, "an amendment that is gone, or stands on an open day", "all amendments are there", BUG,
     BOTH(AMENDMENTS)},
    {"closed-log", NILO_CHECK_WRONG, "closed days that the log of closings does not hold; days that a zone skipped are none", "the log of closed days is whole", BUG,
     BOTH(CLOSED_LOG)},
    {"closed-base", NILO_CHECK_WRONG, "a base that was written after its day was closed", "no closed day was written to", BUG,
     BOTH(CLOSED_BASE)},
    {"closed-count", NILO_CHECK_WRONG, "a closed day with more or fewer values than when it was closed", "closed days hold what they held", BUG,
     BOTH(CLOSED_COUNT)},
    {"best", NILO_CHECK_WRONG, "an all-time best that is lower than a value of the record", "no all-time best is below a value",
     "nilometer rebuild makes it anew from the record; please report it", BOTH(BEST)},
    {"derived", NILO_CHECK_WRONG, "latest, best or total that a fresh derivation from the record does not give",
     "latest, best and totals are what the record gives", "nilometer rebuild makes them anew from the record; please report it", {NULL, NULL}},
    {"windows", NILO_CHECK_ODD, "a window's value above that of a longer window, or of all time, that holds all its days",
     "no window contradicts a longer one", "look at the item with --item; nilometer revise puts a wrong value right", BOTH(WINDOWS)},
    {"falls", NILO_CHECK_ODD, "an all-time value that is lower than on the day before", "no all-time value fell",
     "the platform counted again or rows were deleted; where the value is wrong, nilometer revise puts it right", BOTH(FALLS)},
    {"open-days", NILO_CHECK_ODD, "days that are open long past their settle delay", "no day is open for too long",
     "nilometer collect reads the source after the day's end, and closes it; a quarantined run is accepted or rejected first; nilometer seal closes what may close already",
     BOTH(OPEN_DAYS)},
    {"quarantine", NILO_CHECK_ODD, "a run that waits for a decision", "no run is quarantined", "nilometer run accept RUN, or nilometer run reject RUN",
     BOTH(QUARANTINE)},
    {"erase-sweep", NILO_CHECK_ODD, "an erasure after which the file was not written anew", "nothing erased is left in the file",
     "run the same nilometer erase again", BOTH(SWEEP)},
    {"coverage", NILO_CHECK_FIGURE, "the newest day of each window, and how many items it holds", "nothing is recorded yet", NULL,
     BOTH(COVERAGE)},
    {"gaps", NILO_CHECK_NOTE, "closed days on which a connection read nothing", "no gaps among the days that are kept",
     "of an SQL source nilometer backfill may fill them; of a platform an import", BOTH(GAPS)},
    {"partial-days", NILO_CHECK_NOTE, "closed days of a database of which something was not read after their end", "every closed day of a database was read after its end",
     "nilometer call coverage shows what they hold; nilometer revise puts a wrong number right", BOTH(PARTIAL)},
    {"missed-slots", NILO_CHECK_NOTE, "slots of a schedule that were not done, and why", "no slot of a schedule was missed",
     "nilometer run list --connection NAME shows the runs of that time", BOTH(MISSED_SLOTS)},
    {"missing", NILO_CHECK_NOTE, "values that a run could not get, by reason", "no value is missing for a passing reason", NULL, BOTH(MISSING)},
    {"unrecoverable", NILO_CHECK_NOTE, "what cannot be had any more, and why", "nothing is known to be lost",
     "an import from somebody who kept them is the only way; days that were dropped take none", BOTH(LOST)},
};
const size_t nilo_checks_n = sizeof nilo_checks / sizeof nilo_checks[0];

static const char *text_of(const struct nilo_store *s, const struct nilo_check *check)
{
    return check->sql[nilo_db_engine(s->db) == NILO_DB_SQLITE ? 0 : 1];
}

static int hand_over(struct nilo_db_stmt *stmt, nilo_finding_fn *fn, void *ctx, struct nilo_err *err)
{
    int got;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        struct nilo_finding f = {.workspace = nilo_db_column_text(stmt, 0),
                                 .connection = nilo_db_column_text(stmt, 1),
                                 .item = nilo_db_column_text(stmt, 2),
                                 .window = nilo_db_column_text(stmt, 3),
                                 .day = nilo_db_column_text(stmt, 4),
                                 .metric = nilo_db_column_text(stmt, 5),
                                 .scale = (int)nilo_db_column_int(stmt, 6),
                                 .has_value = !nilo_db_column_null(stmt, 7),
                                 .has_other = !nilo_db_column_null(stmt, 8),
                                 .value = nilo_db_column_int(stmt, 7),
                                 .other = nilo_db_column_int(stmt, 8),
                                 .text = nilo_db_column_text(stmt, 9)};
        int rc = fn(ctx, &f);
        if (rc != 0) {
            nilo_db_reset(stmt);
            return rc;
        }
    }
    return got;
}

/* What its statement finds may be a day that the calendar does not have, which no statement knows; then it is no finding. */
static bool asks_calendar(const struct nilo_check *check)
{
    return strcmp(check->name, "closed-log") == 0;
}

static int found_one(void *ctx, const struct nilo_finding *finding)
{
    (void)finding;
    *(bool *)ctx = true;
    return 1;
}

int nilo_store_check(struct nilo_store *s, const struct nilo_check *check, nilo_finding_fn *fn, void *ctx, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    const char *sql = text_of(s, check);
    if (sql == NULL)
        return nilo__audit(s, fn, ctx, err);
    bool bound = strstr(sql, "?1") != NULL;
    struct nilo_db_value now = NILO_DBV_INT(s->env.clock.wall(s->env.clock.ctx));
    if (nilo__query(s, &stmt, err, sql, bound ? 1 : 0, &now) < 0)
        return nilo_err_wrap(err, "check %s", check->name);
    if (!asks_calendar(check))
        return hand_over(stmt, fn, ctx, err);
    bool any = false;
    if (hand_over(stmt, found_one, &any, err) < 0)
        return -1;
    return any ? nilo__check_log(s, fn, ctx, err) : 0;
}

bool nilo_store_check_sql(struct nilo_store *s, const struct nilo_check *check, struct nilo_buf *sql)
{
    const char *text = text_of(s, check), *at;
    if (text == NULL)
        return false;
    for (; (at = strstr(text, "?1")) != NULL; text = at + 2) {
        nilo_buf_add(sql, text, (size_t)(at - text));
        nilo_buf_addf(sql, "%" PRId64, s->env.clock.wall(s->env.clock.ctx));
    }
    nilo_buf_adds(sql, text);
    return true;
}
