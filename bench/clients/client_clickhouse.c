/* ClickHouse over HTTP, RowBinary both ways: the tables of client_sqlite.c as ReplacingMergeTree. It does not sync, is not atomic over several tables,
 * and a row that is put twice is there twice until a merge; FINAL looks past that, and is asked for where it matters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "w.h"

#define COUNTERS "views, likes, comments, shares, saves"
#define ZEROED   "ifNull(views, 0), ifNull(likes, 0), ifNull(comments, 0), ifNull(shares, 0), ifNull(saves, 0)"
#define SUMS     "ifNull(sum(views), 0), ifNull(sum(likes), 0), ifNull(sum(comments), 0), ifNull(sum(shares), 0), ifNull(sum(saves), 0)"
#define COLUMNS                                                                                                                        \
    "content UInt32, day UInt32, captured_at Int64, run UInt32, views Nullable(Int64), likes Nullable(Int64), comments Nullable(Int64)," \
    " shares Nullable(Int64), saves Nullable(Int64)"
#define PIECE (1 << 20)

static const struct w *w;

/* Long texts go in the body; with a body of rows the statement goes into the address. */
static const struct bytes *ask(const char *sql)
{
    struct bytes text = {0};
    bytes_put(&text, sql, strlen(sql));
    const struct bytes *answer = http_ask("/", &text);
    free(text.p);
    return answer;
}

static void insert(const char *table, struct bytes *rows)
{
    struct bytes path = {0};
    char sql[128];
    if (rows->n == 0)
        return;
    snprintf(sql, sizeof sql, "INSERT INTO %s FORMAT RowBinary", table);
    bytes_printf(&path, "/?query=");
    bytes_url(&path, sql);
    http_ask(path.p, rows);
    free(path.p);
    rows->n = 0;
}

static void open_it(const struct w *data, const char *target, bool make)
{
    static const char *const tables[] = {
        "content (id UInt32, external_id String, owner String, title String) ENGINE = MergeTree ORDER BY external_id",
        "snapshots (" COLUMNS ") ENGINE = ReplacingMergeTree(run) ORDER BY (content, day)",
        "latest (" COLUMNS ") ENGINE = ReplacingMergeTree(day) ORDER BY content",
        "totals (day UInt32, views Int64, likes Int64, comments Int64, shares Int64, saves Int64) ENGINE = ReplacingMergeTree ORDER BY day",
    };
    w = data;
    http_open(target);
    for (size_t i = 0; make && i < sizeof tables / sizeof tables[0]; i++) {
        char sql[600];
        snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS %.*s", (int)strcspn(tables[i], " "), tables[i]);
        ask(sql);
        snprintf(sql, sizeof sql, "CREATE TABLE %s", tables[i]);
        ask(sql);
    }
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------------------- */

static void put_32(struct bytes *b, uint32_t v) { bytes_put(b, &v, sizeof v); } /* little endian, as this machine has to be */
static void put_64(struct bytes *b, int64_t v) { bytes_put(b, &v, sizeof v); }

static void put_text(struct bytes *b, const char *s)
{
    char length = (char)strlen(s); /* below 128 */
    bytes_put(b, &length, 1);
    bytes_put(b, s, strlen(s));
}

static void put_snapshot(struct bytes *b, uint32_t video, uint32_t day)
{
    const int64_t *row = w_row(w, video, day);
    if (w_is_absent(row))
        return;
    put_32(b, video);
    put_32(b, W_DAY0 + day);
    put_64(b, w_captured_at(video, day));
    put_32(b, (uint32_t)w_run(day));
    for (int m = 0; m < W_METRICS; m++) {
        char null = row[m] == W_NONE;
        bytes_put(b, &null, 1);
        if (!null)
            put_64(b, row[m]);
    }
}

static void put_contents(struct bytes *b)
{
    for (uint32_t v = 0; v < w->videos; v++) {
        char id[W_ID], title[W_TITLE], owner[W_ID];
        w_external_id(v, id);
        w_title(v, title);
        w_owner(v / W_PER_OWNER, owner);
        put_32(b, v);
        put_text(b, id);
        put_text(b, owner);
        put_text(b, title);
    }
    insert("content", b);
}

static void load(void)
{
    struct bytes b = {0};
    put_contents(&b);
    for (uint32_t v = 0; v < w->videos; v++) {
        for (uint32_t d = 0; d < w->days; d++)
            put_snapshot(&b, v, d);
        if (b.n > 16 * PIECE)
            insert("snapshots", &b);
    }
    insert("snapshots", &b);
    ask("INSERT INTO latest SELECT content, day, captured_at, run, " COUNTERS " FROM snapshots ORDER BY content, day DESC LIMIT 1 BY content");
    ask("INSERT INTO totals SELECT day, " SUMS " FROM snapshots GROUP BY day");
    ask("OPTIMIZE TABLE snapshots FINAL");
    free(b.p);
}

static void append(uint32_t day)
{
    struct bytes b = {0};
    char sql[300];
    for (uint32_t v = 0; v < w->videos; v++)
        put_snapshot(&b, v, day);
    size_t n = b.n;
    insert("snapshots", &b);
    b.n = n;
    insert("latest", &b);
    snprintf(sql, sizeof sql, "INSERT INTO totals SELECT day, " SUMS " FROM snapshots FINAL WHERE day = %u GROUP BY day", W_DAY0 + day);
    ask(sql);
    free(b.p);
}

static int64_t number(const char *sql) { return strtoll(ask(sql)->p, NULL, 10); }
static int64_t bytes(void) { return number("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'default'"); }
static int64_t rows(void) { return number("SELECT count() FROM snapshots FINAL"); }

/* ---- questions -------------------------------------------------------------------------------------------------------------------------- */

/* Rows of five Int64. */
static uint64_t sum_of(const struct bytes *answer)
{
    uint64_t sum = 0;
    for (size_t i = 0; i + 8 <= answer->n; i += 8) {
        uint64_t v;
        memcpy(&v, answer->p + i, sizeof v);
        sum += v;
    }
    return sum;
}

static uint64_t latest(const uint32_t videos[W_LATEST])
{
    struct bytes sql = {0};
    bytes_printf(&sql, "SELECT " ZEROED " FROM latest FINAL WHERE content IN (SELECT id FROM content WHERE external_id IN (");
    for (int i = 0; i < W_LATEST; i++) {
        char id[W_ID];
        w_external_id(videos[i], id);
        bytes_printf(&sql, "%s'%s'", i > 0 ? "," : "", id);
    }
    bytes_printf(&sql, ")) FORMAT RowBinary");
    uint64_t sum = sum_of(ask(sql.p));
    free(sql.p);
    return sum;
}

static uint64_t owner_days(uint32_t owner)
{
    char sql[500], key[W_ID];
    w_owner(owner, key);
    snprintf(sql, sizeof sql, "SELECT " SUMS " FROM snapshots WHERE content IN (SELECT id FROM content WHERE owner = '%s') GROUP BY day ORDER BY day"
                              " FORMAT RowBinary", key);
    return sum_of(ask(sql));
}

static uint64_t top(int64_t threshold)
{
    char sql[500];
    uint64_t sum = 0;
    snprintf(sql, sizeof sql, "SELECT assumeNotNull(views) AS v, external_id FROM (SELECT content AS id, views FROM latest FINAL WHERE views >= %lld)"
                              " ANY INNER JOIN (SELECT id, external_id FROM content) USING id ORDER BY v DESC, external_id LIMIT 50 FORMAT RowBinary",
             (long long)threshold);
    const struct bytes *a = ask(sql);
    for (size_t i = 0; i + 9 <= a->n;) {
        uint64_t views;
        char id[W_ID + 1];
        size_t length = (unsigned char)a->p[i + 8];
        memcpy(&views, a->p + i, sizeof views);
        snprintf(id, sizeof id, "%.*s", (int)length, a->p + i + 9);
        sum += views + w_hash(id);
        i += 9 + length;
    }
    return sum;
}

static uint64_t totals(void)
{
    char sql[500];
    snprintf(sql, sizeof sql, "SELECT " SUMS " FROM snapshots WHERE day >= %u GROUP BY day ORDER BY day FORMAT RowBinary", W_DAY0 + w->days - W_WINDOW);
    return sum_of(ask(sql));
}

static uint64_t totals_kept(void)
{
    char sql[500];
    snprintf(sql, sizeof sql, "SELECT " COUNTERS " FROM totals FINAL WHERE day >= %u ORDER BY day FORMAT RowBinary", W_DAY0 + w->days - W_WINDOW);
    return sum_of(ask(sql));
}

static uint64_t one_video(uint32_t video)
{
    char sql[500], id[W_ID];
    w_external_id(video, id);
    snprintf(sql, sizeof sql, "SELECT " ZEROED " FROM snapshots WHERE content IN (SELECT id FROM content WHERE external_id = '%s') ORDER BY day"
                              " FORMAT RowBinary", id);
    return sum_of(ask(sql));
}

const struct client client = {
    .name = "clickhouse",
    .open = open_it,
    .load = load,
    .append = append,
    .bytes = bytes,
    .rows = rows,
    .latest = latest,
    .owner_days = owner_days,
    .top = top,
    .totals = totals,
    .totals_kept = totals_kept,
    .one_video = one_video,
    .close = http_close,
};
