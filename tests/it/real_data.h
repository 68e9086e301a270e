/* Real files through the real program, and the same counted by other means: SQLite's own CSV reader and plain SQL. */
#ifndef NILO_TESTS_IT_REAL_DATA_H
#define NILO_TESTS_IT_REAL_DATA_H

#include "support/nilo_test.h"

#include <stdbool.h>

/* The falls of the counters from one known day to the next, as data/ORIGIN.md has them; -1 = not said there. */
struct real_falls {
    const char *metric;
    int falls;
};

struct real_data {
    const char *name;     /* also the workspace */
    const char *files[7]; /* below data/, ended by NULL; all of one header */
    int rows_used;        /* of the first file only so many rows; 0 = all */
    const char *zone;     /* of the workspace; NULL = UTC */
    const char *options;  /* --map, --define, --where as the shell reads them */
    const char *metrics;  /* names of a, b, c, d of `reading`: "'views','likes','comments',NULL" */
    const char *reading;  /* SELECT of seq, id, at, day, a, b, c, d, title FROM raw: what one row says */
    bool by_views;        /* a is views, by which the merge order picks */
    bool again;           /* import it a second time: nothing may change */
    int rows, items;      /* as ORIGIN.md has them; 0 = not said there */
    struct real_falls falls[4];
};

/** real_begin - an empty store; the environment: a fixed clock. First thing in a test (cmocka takes a skip in a set-up for a failure):
 *  skips it when a tool or the data is missing */
void real_begin(void);
/** real_check - import and compare everything; fails the running test */
void real_check(const struct real_data *d);
/** real_where - `files` (ended by NULL) with `where` give the same as the one file alone */
void real_where(const struct real_data *alone, const char *where, const char *const *files);

#define REAL_YOUTUBE_OPTIONS                                                                                           \
    "--platform youtube --map 'external_id=video_id,captured_at=fetched_at,posted_at=published_at,title=title,owner=channel_id,"      \
    "views=views,likes=likes,comments=comments'"
/* Two spellings of an instant, both UTC, as text that sorts: 2025-12-10 05:38:04.573600 */
#define REAL_INSTANT(x)                                                                                                \
    "replace(substr(" x ", 1, 19), 'T', ' ') || '.' || substr(CASE substr(" x ", 20, 1) WHEN '.' THEN substr(" x ", 21, 6) ELSE '' END || '000000', 1, 6)"
#define REAL_NUMBER(x) "CAST(CAST(nullif(" x ", '') AS REAL) AS INTEGER)"
#define REAL_YOUTUBE_READING                                                                                           \
    "SELECT rowid, video_id, " REAL_INSTANT("fetched_at") ", substr(fetched_at, 1, 10), " REAL_NUMBER("views") ", " REAL_NUMBER("likes") ", "   \
    REAL_NUMBER("comments") ", NULL, title FROM raw"
#define REAL_YOUTUBE(country_, items_, views_, likes_, comments_, rows_, ...)                                              \
    {.name = "youtube2026_" country_, .files = {"youtube2026/trending_" country_ ".csv.zst"}, .options = REAL_YOUTUBE_OPTIONS,         \
     .metrics = "'views','likes','comments',NULL", .reading = REAL_YOUTUBE_READING, .by_views = true, .rows = (rows_), .items = (items_), \
     .falls = {{"views", (views_)}, {"likes", (likes_)}, {"comments", (comments_)}}, __VA_ARGS__}

#define REAL_GITHUB_READING                                                                                            \
    "SELECT rowid, repo, \"date\", \"date\", " REAL_NUMBER("stars") ", " REAL_NUMBER("forks") ", " REAL_NUMBER("issues") ", NULL, NULL FROM raw"
#define REAL_GITHUB_OPTIONS                                                                                            \
    "--platform github --define stars:count:level --define forks:count:level --define issues:count:level --map "                          \
    "'external_id=repo,day=date:%Y-%m-%d,stars=stars,forks=forks,issues=issues'"

#endif
