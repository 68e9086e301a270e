/* DuckDB in process, by its C interface: the same tables as client_sqlite.c, filled by the appender, in the order of videos. The library is looked
 * for when the program starts, as Debian has no package of it: in NILO_BENCH_DUCKDB (a path), else where the system looks. Without it: exit
 * status 77. Declared is what is used here, as its header (duckdb.h, version 1) declares it. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "w.h"

#define NOT_INSTALLED 77
#define COUNTERS "views, likes, comments, shares, saves"
#define SUMS     "sum(views)::bigint, sum(likes)::bigint, sum(comments)::bigint, sum(shares)::bigint, sum(saves)::bigint"
#define COLUMNS  "content integer NOT NULL, day integer NOT NULL, captured_at bigint NOT NULL, run integer NOT NULL, views bigint, likes bigint," \
                " comments bigint, shares bigint, saves bigint"

typedef struct { void *p; } *handle;
typedef uint64_t idx;
struct result {
    idx deprecated[3];
    void *columns;
    char *message;
    void *internal;
};

static struct {
    int (*open)(const char *, handle *);
    int (*connect)(handle, handle *);
    void (*disconnect)(handle *);
    void (*close)(handle *);
    int (*query)(handle, const char *, struct result *);
    const char *(*result_error)(struct result *);
    void (*destroy_result)(struct result *);
    int (*prepare)(handle, const char *, handle *);
    const char *(*prepare_error)(handle);
    int (*bind_int64)(handle, idx, int64_t);
    int (*bind_varchar)(handle, idx, const char *);
    int (*execute)(handle, struct result *);
    handle (*fetch_chunk)(struct result);
    idx (*chunk_size)(handle);
    handle (*chunk_vector)(handle, idx);
    void (*destroy_chunk)(handle *);
    void *(*vector_data)(handle);
    uint64_t *(*vector_validity)(handle);
    int (*appender_create)(handle, const char *, const char *, handle *);
    int (*append_int32)(handle, int32_t);
    int (*append_int64)(handle, int64_t);
    int (*append_varchar)(handle, const char *);
    int (*append_null)(handle);
    int (*appender_end_row)(handle);
    int (*appender_destroy)(handle *);
} duckdb;

static const struct w *w;
static handle base, db;
static char file[512];

static void *symbol(void *library, const char *name)
{
    void *found = dlsym(library, name);
    if (found == NULL)
        client_fail("this libduckdb has no %s", name);
    return found;
}

/* A pointer to data is one to a function on every machine that has dlsym(); C says so nowhere. */
#define LOAD(member, name)                                                                                                                  \
    do {                                                                                                                                    \
        void *p = symbol(library, name);                                                                                                    \
        memcpy(&duckdb.member, &p, sizeof p);                                                                                               \
    } while (0)

static void load_library(void)
{
    const char *path = getenv("NILO_BENCH_DUCKDB");
    void *library = dlopen(path != NULL && *path != '\0' ? path : "libduckdb.so", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        exit(NOT_INSTALLED);
    LOAD(open, "duckdb_open");
    LOAD(connect, "duckdb_connect");
    LOAD(disconnect, "duckdb_disconnect");
    LOAD(close, "duckdb_close");
    LOAD(query, "duckdb_query");
    LOAD(result_error, "duckdb_result_error");
    LOAD(destroy_result, "duckdb_destroy_result");
    LOAD(prepare, "duckdb_prepare");
    LOAD(prepare_error, "duckdb_prepare_error");
    LOAD(bind_int64, "duckdb_bind_int64");
    LOAD(bind_varchar, "duckdb_bind_varchar");
    LOAD(execute, "duckdb_execute_prepared");
    LOAD(fetch_chunk, "duckdb_fetch_chunk");
    LOAD(chunk_size, "duckdb_data_chunk_get_size");
    LOAD(chunk_vector, "duckdb_data_chunk_get_vector");
    LOAD(destroy_chunk, "duckdb_destroy_data_chunk");
    LOAD(vector_data, "duckdb_vector_get_data");
    LOAD(vector_validity, "duckdb_vector_get_validity");
    LOAD(appender_create, "duckdb_appender_create");
    LOAD(append_int32, "duckdb_append_int32");
    LOAD(append_int64, "duckdb_append_int64");
    LOAD(append_varchar, "duckdb_append_varchar");
    LOAD(append_null, "duckdb_append_null");
    LOAD(appender_end_row, "duckdb_appender_end_row");
    LOAD(appender_destroy, "duckdb_appender_destroy");
}

static void run(const char *sql)
{
    struct result r;
    if (duckdb.query(db, sql, &r) != 0)
        client_fail("%s: %s", sql, duckdb.result_error(&r));
    duckdb.destroy_result(&r);
}

static void open_it(const struct w *data, const char *target, bool make)
{
    w = data;
    load_library();
    snprintf(file, sizeof file, "%s", target);
    if (make) {
        char wal[520];
        snprintf(wal, sizeof wal, "%s.wal", file);
        unlink(wal);
        unlink(file);
    }
    if (duckdb.open(file, &base) != 0 || duckdb.connect(base, &db) != 0)
        client_fail("%s cannot be opened", file);
    if (make)
        run("CREATE TABLE content (id integer PRIMARY KEY, external_id varchar NOT NULL, owner varchar NOT NULL, title varchar);"
            "CREATE TABLE snapshots (" COLUMNS ");"
            "CREATE TABLE latest (" COLUMNS ", PRIMARY KEY (content));"
            "CREATE TABLE totals (day integer PRIMARY KEY, views bigint, likes bigint, comments bigint, shares bigint, saves bigint)");
    run("CREATE TEMP TABLE incoming (" COLUMNS ")");
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------------------- */

static handle appender(const char *table)
{
    handle a;
    if (duckdb.appender_create(db, NULL, table, &a) != 0)
        client_fail("%s takes no rows", table);
    return a;
}

static void end(handle *a)
{
    if (duckdb.appender_destroy(a) != 0)
        client_fail("rows were refused");
}

static void put(handle a, uint32_t video, uint32_t day)
{
    const int64_t *row = w_row(w, video, day);
    if (w_is_absent(row))
        return;
    duckdb.append_int32(a, (int32_t)video);
    duckdb.append_int32(a, (int32_t)(W_DAY0 + day));
    duckdb.append_int64(a, w_captured_at(video, day));
    duckdb.append_int32(a, (int32_t)w_run(day));
    for (int m = 0; m < W_METRICS; m++)
        row[m] == W_NONE ? duckdb.append_null(a) : duckdb.append_int64(a, row[m]);
    duckdb.appender_end_row(a);
}

static void put_contents(void)
{
    handle a = appender("content");
    for (uint32_t v = 0; v < w->videos; v++) {
        char id[W_ID], title[W_TITLE], owner[W_ID];
        w_external_id(v, id);
        w_title(v, title);
        w_owner(v / W_PER_OWNER, owner);
        duckdb.append_int32(a, (int32_t)v);
        duckdb.append_varchar(a, id);
        duckdb.append_varchar(a, owner);
        duckdb.append_varchar(a, title);
        duckdb.appender_end_row(a);
    }
    end(&a);
}

static void load(void)
{
    run("BEGIN");
    put_contents();
    handle a = appender("snapshots");
    for (uint32_t v = 0; v < w->videos; v++) {
        for (uint32_t d = 0; d < w->days; d++)
            put(a, v, d);
    }
    end(&a);
    run("INSERT INTO latest SELECT s.* FROM snapshots AS s JOIN (SELECT content, max(day) AS day FROM snapshots GROUP BY content) AS n USING (content, day)");
    run("INSERT INTO totals SELECT day, " SUMS " FROM snapshots GROUP BY day");
    run("COMMIT");
    run("CHECKPOINT");
}

/* Its history has no key, which would cost it most of its speed; so a day is taken out before it is put in again. */
static void append(uint32_t day)
{
    char sql[256];
    run("BEGIN");
    run("DELETE FROM incoming");
    handle a = appender("incoming");
    for (uint32_t v = 0; v < w->videos; v++)
        put(a, v, day);
    end(&a);
    snprintf(sql, sizeof sql, "DELETE FROM snapshots WHERE day = %u", W_DAY0 + day);
    run(sql);
    run("INSERT INTO snapshots SELECT * FROM incoming");
    run("INSERT INTO latest SELECT * FROM incoming ON CONFLICT (content) DO UPDATE SET day = excluded.day, captured_at = excluded.captured_at,"
        " run = excluded.run, views = excluded.views, likes = excluded.likes, comments = excluded.comments, shares = excluded.shares,"
        " saves = excluded.saves WHERE excluded.day >= latest.day");
    run("INSERT OR REPLACE INTO totals SELECT day, " SUMS " FROM incoming GROUP BY day");
    run("COMMIT");
}

/* ---- questions -------------------------------------------------------------------------------------------------------------------------- */

static handle prepared(const char *sql)
{
    handle s;
    if (duckdb.prepare(db, sql, &s) != 0)
        client_fail("%s: %s", sql, duckdb.prepare_error(s));
    return s;
}

/* Adds up n bigint columns of the answer from a column on. */
static uint64_t sum_of(struct result *r, idx from, idx n)
{
    uint64_t sum = 0;
    handle chunk;
    while ((chunk = duckdb.fetch_chunk(*r)) != NULL) {
        idx rows = duckdb.chunk_size(chunk);
        for (idx c = from; c < from + n; c++) {
            handle vector = duckdb.chunk_vector(chunk, c);
            const int64_t *values = duckdb.vector_data(vector);
            const uint64_t *valid = duckdb.vector_validity(vector);
            for (idx i = 0; i < rows; i++)
                sum += valid == NULL || (valid[i / 64] >> (i % 64) & 1) != 0 ? (uint64_t)values[i] : 0;
        }
        duckdb.destroy_chunk(&chunk);
    }
    duckdb.destroy_result(r);
    return sum;
}

static uint64_t answer(handle s, idx from, idx n)
{
    struct result r;
    if (duckdb.execute(s, &r) != 0)
        client_fail("%s", duckdb.result_error(&r));
    return sum_of(&r, from, n);
}

static uint64_t number(const char *sql)
{
    struct result r;
    if (duckdb.query(db, sql, &r) != 0)
        client_fail("%s: %s", sql, duckdb.result_error(&r));
    return sum_of(&r, 0, 1);
}

static int64_t rows(void) { return (int64_t)number("SELECT count(*) FROM snapshots"); }

static int64_t bytes(void)
{
    struct stat st;
    run("CHECKPOINT");
    return stat(file, &st) == 0 ? (int64_t)st.st_size : -1;
}

static uint64_t latest(const uint32_t videos[W_LATEST])
{
    static handle s;
    if (s == NULL) {
        char sql[1024];
        size_t n = (size_t)snprintf(sql, sizeof sql, "SELECT " COUNTERS " FROM content AS c JOIN latest AS l ON l.content = c.id WHERE c.external_id IN (");
        for (int i = 0; i < W_LATEST; i++)
            n += (size_t)snprintf(sql + n, sizeof sql - n, "%s?", i > 0 ? "," : "");
        snprintf(sql + n, sizeof sql - n, ")");
        s = prepared(sql);
    }
    for (int i = 0; i < W_LATEST; i++) {
        char id[W_ID];
        w_external_id(videos[i], id);
        duckdb.bind_varchar(s, (idx)i + 1, id);
    }
    return answer(s, 0, W_METRICS);
}

static uint64_t owner_days(uint32_t owner)
{
    static handle s;
    char key[W_ID];
    if (s == NULL)
        s = prepared("SELECT day, " SUMS " FROM content AS c JOIN snapshots AS s ON s.content = c.id WHERE c.owner = ? GROUP BY day ORDER BY day");
    w_owner(owner, key);
    duckdb.bind_varchar(s, 1, key);
    return answer(s, 1, W_METRICS);
}

/* The ids come as whole strings: up to twelve bytes lie in the vector itself, behind their length. */
static uint64_t top(int64_t threshold)
{
    static handle s;
    struct result r;
    uint64_t sum = 0;
    handle chunk;
    if (s == NULL)
        s = prepared("SELECT l.views, c.external_id FROM latest AS l JOIN content AS c ON c.id = l.content WHERE l.views >= ?"
                     " ORDER BY l.views DESC, c.external_id LIMIT 50");
    duckdb.bind_int64(s, 1, threshold);
    if (duckdb.execute(s, &r) != 0)
        client_fail("%s", duckdb.result_error(&r));
    while ((chunk = duckdb.fetch_chunk(r)) != NULL) {
        const int64_t *views = duckdb.vector_data(duckdb.chunk_vector(chunk, 0));
        const struct {
            uint32_t length;
            char bytes[12];
        } *ids = duckdb.vector_data(duckdb.chunk_vector(chunk, 1));
        for (idx i = 0; i < duckdb.chunk_size(chunk); i++) {
            char id[W_ID + 1];
            snprintf(id, sizeof id, "%.*s", (int)ids[i].length, ids[i].bytes);
            sum += (uint64_t)views[i] + w_hash(id);
        }
        duckdb.destroy_chunk(&chunk);
    }
    duckdb.destroy_result(&r);
    return sum;
}

static uint64_t since(handle *s, const char *sql)
{
    if (*s == NULL)
        *s = prepared(sql);
    duckdb.bind_int64(*s, 1, W_DAY0 + w->days - W_WINDOW);
    return answer(*s, 1, W_METRICS);
}

static uint64_t totals(void)
{
    static handle s;
    return since(&s, "SELECT day, " SUMS " FROM snapshots WHERE day >= ? GROUP BY day ORDER BY day");
}

static uint64_t totals_kept(void)
{
    static handle s;
    return since(&s, "SELECT day, " COUNTERS " FROM totals WHERE day >= ? ORDER BY day");
}

static uint64_t one_video(uint32_t video)
{
    static handle s;
    char id[W_ID];
    if (s == NULL)
        s = prepared("SELECT day, " COUNTERS " FROM snapshots WHERE content = (SELECT id FROM content WHERE external_id = ?) ORDER BY day");
    w_external_id(video, id);
    duckdb.bind_varchar(s, 1, id);
    return answer(s, 1, W_METRICS);
}

static void close_it(void)
{
    duckdb.disconnect(&db);
    duckdb.close(&base);
}

const struct client client = {
    .name = "duckdb",
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
    .close = close_it,
};
