/* See filled.h. */
#include "filled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/record.h"
#include "support/pg.h"
#include "support/tmp.h"

/* One reading: values "views=10 likes=!hidden gmv=12.34". */
struct line {
    const char *id, *at, *day, *values, *owner, *title, *meta;
    int win;
};
struct block {
    const char *now, *workspace, *connection, *platform;
    enum nilo_run_kind kind;
    enum nilo_provenance provenance;
    bool revise;
    const char *error;
    const char *failures[3]; /* "item|class|message" */
    struct line lines[9];
};

#define CONTENT(...)                                                                                                   \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
static const struct block blocks[] = {
    {"2025-03-01T12:00:00Z", "acme", "yt", "youtube", NILO_RUN_COLLECT, NILO_OBSERVED,
     .lines =
         {
             {"v1", "2025-03-01T11:00:00Z", .values = "views=100 likes=5 comments=1", .owner = "maria",
              .title = "First, \"quoted\""},
             {"v2", "2025-03-01T11:00:00Z", .values = "views=1000 likes=!hidden shares=7", .owner = "bob",
              .title = "=SUM(A1)"},
             {"=v3", "2025-03-01T11:00:00Z", .values = "views=0 saves=9223372036854775807 gpm=-92233720368547758.08",
              .owner = "o'neil, jr"},
             {"Ünïcode_%x", "2025-03-01T11:00:00Z", .values = "views=7", .owner = "maria", .title = "日本 Ünï"},
         }},
    /* the day's base is replaced while it is open: as_of looks behind it */
    {"2025-03-01T18:00:00Z", "acme", "yt", "youtube", NILO_RUN_COLLECT, NILO_OBSERVED,
     .lines =
         {
             {"v1", "2025-03-01T17:00:00Z", .values = "views=120 likes=6 comments=1"},
         }},
    {"2025-03-01T20:00:00Z", "acme", "yt", "youtube", NILO_RUN_COLLECT, NILO_OBSERVED,
     .lines =
         {
             {"v1", "2025-03-01T19:00:00Z", .values = "views=121 likes=6 comments=1"},
         }},
    {"2025-03-02T12:00:00Z", "acme", "yt", "youtube", NILO_RUN_COLLECT, NILO_OBSERVED,
     .failures = {"v2|transient|the platform did not answer", "|auth|token, expired \"soon\"", NULL},
     .lines =
         {
             {"v1", "2025-03-02T11:00:00Z", .values = "views=150 likes=6 comments=!failed gmv=10.50 ctr=1.25"},
             {"=v3", "2025-03-02T11:00:00Z", .values = "views=3 saves=9223372036854775806 gpm=-92233720368547758.07"},
         }},
    {"2025-03-04T12:00:00Z", "acme", "yt", "youtube", NILO_RUN_COLLECT, NILO_OBSERVED,
     .lines =
         {
             {"v1", "2025-03-04T11:00:00Z", .values = "views=220 likes=4 comments=2 gmv=20.25 ctr=2.5"},
             {"v1", "2025-03-04T11:00:00Z", .values = "views=90 gmv=19.99", .win = 30},
             {"v2", "2025-03-04T11:00:00Z", .values = "views=1400 likes=!hidden shares=9", .owner = "maria"},
             {"v2", "2025-03-04T11:00:00Z", .values = "views=1500 gmv=0.01", .win = 30},
         }},
    {"2025-03-05T12:00:00Z", "acme", "import-old", "youtube", NILO_RUN_IMPORT, NILO_IMPORTED,
     .lines =
         {
             {"v1", .day = "2025-02-01", .values = "views=5"},
             {"old", .day = "2025-02-01", .values = "views=9 likes=1", .title = "'=tricky"},
             {"old", .day = "2025-02-10", .values = "views=11 likes=!unsupported", .title = "'=tricky"},
         }},
    {"2025-03-07T12:00:00Z", "acme", "import-old", "youtube", NILO_RUN_IMPORT, NILO_IMPORTED, .revise = true,
     .lines =
         {
             {"old", .day = "2025-02-10", .values = "views=12"},
         }},
    {"2025-03-07T13:00:00Z", "acme", "app", "sql", NILO_RUN_COLLECT, NILO_OBSERVED,
     .lines =
         {
             {NILO_APP_ID, "2025-03-07T12:59:00Z", .day = "2025-03-05", .values = "posts_created=3", .meta = NULL},
             {NILO_APP_ID, "2025-03-07T12:59:30Z", .day = "2025-03-06", .values = "posts_created=4 comments_created=0"},
             {NILO_APP_ID, "2025-03-07T12:59:55Z", .day = "2025-03-04", .values = "share=3.1"},
             {NILO_APP_ID, "2025-03-07T13:00:00Z", .values = "users_total=10"},
             {NILO_APP_ID, "2025-03-07T12:59:40Z", .day = "2025-03-05", .values = "share=50",
              .meta = "{\"numerator\": 1, \"denominator\": 2, \"note\": \"a \\\"b\\\"\", \"list\": [1, \"two\", null], "
                      "\"deep\": {\"x\": 1.50}}"},
             {NILO_APP_ID, "2025-03-07T12:59:45Z", .day = "2025-03-06", .values = "share=25",
              .meta = "{\"numerator\": 1, \"denominator\": 4}"},
             {NILO_APP_ID, "2025-03-07T12:59:50Z", .day = "2025-03-06", .values = "age=1.5",
              .meta = "{\"sample_size\": 2}"},
             {NILO_APP_ID, "2025-03-07T12:59:51Z", .day = "2025-03-05", .values = "age=3.25",
              .meta = "{\"sample_size\": 6}"},
         }},
    {"2025-03-09T13:00:00Z", "acme", "app", "sql", NILO_RUN_COLLECT, NILO_OBSERVED,
     .lines =
         {
             {NILO_APP_ID, "2025-03-09T13:00:00Z", .values = "users_total=14"},
             {NILO_APP_ID, "2025-03-09T12:59:00Z", .day = "2025-03-08",
              .values = "posts_created=!failed comments_created=2"},
         }},
    {"2025-03-09T14:00:00Z", "acme", "app", "sql", NILO_RUN_BACKFILL, NILO_ESTIMATED, .error = "the database is away"},
    {"2025-03-09T15:00:00Z", "acme", "rival", "youtube", NILO_RUN_COLLECT, NILO_OBSERVED,
     .lines =
         {
             {"r1", "2025-03-09T14:00:00Z", .values = "views=5000 likes=50", .owner = "rival"},
         }},
    {"2025-03-09T16:00:00Z", "beta", "yt", "youtube", NILO_RUN_COLLECT, NILO_OBSERVED,
     .lines =
         {
             {"v1", "2025-03-09T15:00:00Z", .values = "views=77777 likes=777 saves=9223372036854775801",
              .owner = "maria", .title = "SECRET-beta"},
             {"v1", "2025-03-09T15:00:00Z", .values = "views=66666", .win = 30},
             {"itemb9", "2025-03-09T15:00:00Z", .values = "views=88888", .owner = "beta-only"},
         }},
    {"2025-03-09T17:00:00Z", "beta", "beta-import", "tiktok", NILO_RUN_IMPORT, NILO_IMPORTED,
     .lines =
         {
             {"itemb9", .day = "2025-02-01", .values = "views=1"},
         }},
    {"2025-03-09T18:00:00Z", "beta", "beta-import", "tiktok", NILO_RUN_IMPORT, NILO_IMPORTED, .revise = true,
     .lines =
         {
             {"itemb9", .day = "2025-02-01", .values = "views=2"},
         }},
    {"2025-03-09T19:00:00Z", "beta", "beta-app", "sql", NILO_RUN_COLLECT, NILO_OBSERVED,
     .lines =
         {
             {NILO_APP_ID, "2025-03-09T18:59:00Z", .values = "users_total=55555 only_there=1"},
             {NILO_APP_ID, "2025-03-09T18:58:00Z", .day = "2025-03-08", .values = "posts_created=44444"},
         }},
};

static nilo_us instant(const char *text)
{
    struct nilo_iso iso;
    assert_int_equal(nilo_iso_parse(text, strlen(text), &iso, NULL), 0);
    return iso.us;
}

#define must(f, call)                                                                                                  \
    do {                                                                                                               \
        if ((call) != 0)                                                                                               \
            fail_msg("%s: %s", #call, (f)->err.msg);                                                                   \
    } while (0)

static void define(struct filled *f)
{
    static const struct nilo_metric metrics[] = {
        {.name = "users_total", .type = NILO_COUNT, .display_name = "Users", .unit = "users"},
        {.name = "posts_created", .type = NILO_COUNT, .kind = NILO_PERIOD, .aggregation = NILO_FLOW},
        {.name = "comments_created", .type = NILO_COUNT, .kind = NILO_PERIOD, .aggregation = NILO_FLOW},
        {.name = "share", .type = NILO_PERCENTAGE, .kind = NILO_PERIOD, .scale = 6},
        {.name = "age", .type = NILO_AVERAGE, .kind = NILO_PERIOD, .scale = 2},
        {.name = "only_there", .type = NILO_COUNT},
        {.name = "order by \"x\"", .type = NILO_COUNT},
    };
    must(f, nilo_store_begin(f->store, &f->err));
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++)
        must(f, nilo_store_metric_define(f->store, &metrics[i], NULL, &f->err));
    must(f, nilo_store_commit(f->store, &f->err));
}

static size_t read_values(struct filled *f, const struct line *l, struct nilo_reading_value *to)
{
    size_t n = 0;
    for (const char *at = l->values; *at; n++) {
        char name[64];
        size_t len = strcspn(at, "="), end = strcspn(at, " ");
        snprintf(name, sizeof name, "%.*s", (int)len, at);
        const struct nilo_metric *m = nilo_catalog_by_name(nilo_store_catalog(f->store), name);
        assert_non_null(m);
        to[n] = (struct nilo_reading_value){.metric = m->id, .meta = l->meta};
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)(end - len - 1), at + len + 1);
        if (word[0] == '!')
            to[n].absence = (enum nilo_absence)nilo_absence_value(word + 1);
        else
            must(f, nilo_decimal_parse(word, strlen(word), m->scale, false, &to[n].value, &f->err));
        at += end + strspn(at + end, " ");
    }
    return n;
}

static void add_line(struct filled *f, struct nilo_recorder *r, const struct line *l)
{
    struct nilo_reading_value values[16];
    nilo_day day = NILO_DAY_NONE;
    if (l->day)
        must(f, nilo_day_parse(l->day, strlen(l->day), &day, &f->err));
    struct nilo_attrs attrs = {.title = l->title,
                               .posted_at = l->title ? instant("2025-01-01T00:00:00.5Z") : NILO_US_NONE,
                               .deleted_at = NILO_US_NONE,
                               .at = l->at ? instant(l->at) : 0,
                               .duration_ms = -1};
    struct nilo_reading reading = {.kind = strcmp(l->id, NILO_APP_ID) == 0 ? NILO_APP : NILO_CONTENT,
                                   .external_id = l->id,
                                   .win = l->win,
                                   .captured_at = l->at ? instant(l->at) : NILO_US_NONE,
                                   .day = day,
                                   .attrs = l->title ? &attrs : NULL,
                                   .owner = l->owner,
                                   .values = values,
                                   .n_values = read_values(f, l, values)};
    must(f, nilo_record_add(r, &reading, &f->err));
}

static void add_block(struct filled *f, const struct block *b)
{
    struct nilo_workspace w;
    struct nilo_connection c;
    struct nilo_recorder *r;
    struct nilo_run run;
    struct nilo_arena arena;
    nilo_virtual_clock_advance(&f->clock, instant(b->now) - f->clock.wall);
    must(f, nilo_record_accept_clock(f->store, NULL, &f->err)); /* days pass between runs here */
    must(f, nilo_store_begin(f->store, &f->err));
    must(f, nilo_store_workspace(f->store, b->workspace, true, NULL, &w, &f->err));
    must(f, nilo_store_connection(f->store, w.id, b->connection, true, b->platform, "db", &c, &f->err));
    if (strcmp(b->connection, "rival") == 0)
        must(f, nilo_store_connection_role(f->store, c.id, "competitor", &f->err));
    must(f, nilo_store_commit(f->store, &f->err));
    struct nilo_run_options o = {.kind = b->kind,
                                 .provenance = b->provenance,
                                 .revise = b->revise,
                                 .platform = b->kind == NILO_RUN_COLLECT,
                                 .target_day = NILO_DAY_NONE,
                                 .read_until = NILO_DAY_NONE};
    must(f, nilo_record_begin(f->store, &c, &o, &r, &f->err));
    for (size_t i = 0; i < sizeof b->lines / sizeof b->lines[0] && b->lines[i].id; i++)
        add_line(f, r, &b->lines[i]);
    for (size_t i = 0; b->failures[i]; i++) {
        char item[64], class[64];
        const char *at = b->failures[i];
        snprintf(item, sizeof item, "%.*s", (int)strcspn(at, "|"), at);
        at += strlen(item) + 1;
        snprintf(class, sizeof class, "%.*s", (int)strcspn(at, "|"), at);
        must(f, nilo_record_fail(r, item[0] ? item : NULL, class, at + strlen(class) + 1, &f->err));
    }
    nilo_record_metrics_collected(r, 3);
    nilo_arena_init(&arena, 0);
    must(f, nilo_record_finish(r, b->error, &arena, &run, &f->err));
    nilo_arena_done(&arena);
}

/* A credit that was taken back, and one that counts for two days only. */
static void add_credits(struct filled *f)
{
    struct nilo_workspace w;
    struct nilo_connection yt, old;
    struct nilo_entity_ref e[2];
    int64_t gone, part;
    size_t n;
    const struct nilo_entity_in in[] = {{.kind = NILO_CONTENT, .external_id = "old"},
                                        {.kind = NILO_CONTENT, .external_id = "v2"}};
    nilo_virtual_clock_advance(&f->clock, instant("2025-03-09T20:00:00Z") - f->clock.wall);
    must(f, nilo_store_begin(f->store, &f->err));
    must(f, nilo_store_workspace(f->store, "acme", false, NULL, &w, &f->err));
    must(f, nilo_store_connection(f->store, w.id, "import-old", false, NULL, NULL, &old, &f->err));
    must(f, nilo_store_connection(f->store, w.id, "yt", false, NULL, NULL, &yt, &f->err));
    must(f, nilo_store_entities(f->store, &old, &in[0], 1, &e[0], &f->err));
    must(f, nilo_store_entities(f->store, &yt, &in[1], 1, &e[1], &f->err));
    must(f, nilo_store_owner(f->store, w.id, "gone", true, &gone, &f->err));
    must(f, nilo_store_owner(f->store, w.id, "part", true, &part, &f->err));
    const struct nilo_credit_in credits[] = {
        {e[0], w.id, gone, NULL, NILO_DAY_NONE, NILO_DAY_NONE},
        {e[1], w.id, part, "editor", nilo_day_from_civil(2025, 3, 2), nilo_day_from_civil(2025, 3, 3)},
    };
    must(f, nilo_store_credit_add(f->store, credits, 2, &f->err));
    must(f, nilo_db_exec(nilo_store_db(f->store),
                         "INSERT INTO content_event (bucket, entity_id, id, day, at, event, was, status, recorded_at) SELECT e.bucket, e.id, -e.id, 20156, 1, 2, 0, "
                         "'SECRET-' || w.name, 2 FROM entity e JOIN workspace w ON w.id = e.workspace_id WHERE w.name = 'beta' AND e.kind = 0", &f->err));
    must(f, nilo_db_exec(nilo_store_db(f->store),
                         "INSERT INTO annotation (bucket, workspace_id, id, from_day, to_day, text, author, created_at, updated_at) "
                         "SELECT 0, id, 'note-' || name, 20156, 20156, 'SECRET-' || name, 'mia', 1, 2 FROM workspace WHERE name = 'beta'", &f->err));
    must(f, nilo_store_commit(f->store, &f->err));
    nilo_virtual_clock_advance(&f->clock, NILO_US_HOUR);
    must(f, nilo_store_begin(f->store, &f->err));
    must(f, nilo_store_credit_end(f->store, e[0], gone, NULL, &n, &f->err));
    must(f, nilo_store_commit(f->store, &f->err));
}

/* A database whose own order of texts is a dictionary's, where the server can: what says nothing of the collation then shows. */
static const char *dictionary_database(struct filled *f, const char *name)
{
    static char url[512];
    char sql[256];
    struct nilo_db *db;
    const struct nilo_db_options options = {.mode = NILO_DB_WRITE};
    const char *plain = nilo_test_pg_database(name), *at = plain ? strstr(plain, name) : NULL;
    if (!at)
        return plain;
    snprintf(url, sizeof url, "%.*s%s_icu%s", (int)(at - plain), plain, name, at + strlen(name));
    snprintf(sql, sizeof sql, "CREATE DATABASE \"%s_icu\" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'",
             name);
    must(f, nilo_db_open(plain, &options, &db, &f->err));
    bool made = nilo_db_exec(db, sql, &f->err) == 0;
    nilo_db_close(db);
    return made ? url : plain;
}

int filled_open(struct filled *f, enum nilo_db_engine engine)
{
    static int serial;
    char name[32];
    *f = (struct filled){.engine = engine};
    snprintf(name, sizeof name, "filled%d", ++serial);
    const char *target = engine == NILO_DB_SQLITE ? nilo_test_path(name) : dictionary_database(f, name);
    if (!target)
        return -1;
    nilo_virtual_clock_init(&f->clock, instant("2025-03-01T00:00:00Z"));
    nilo_seeded_random_init(&f->random, 11);
    f->env = (struct nilo_env){.clock = nilo_virtual_clock(&f->clock), .random = nilo_seeded_random(&f->random)};
    must(f, nilo_store_open(target, NILO_STORE_CREATE, &f->env, &f->store, &f->err));
    define(f);
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        add_block(f, &blocks[i]);
    add_credits(f);
    nilo_virtual_clock_advance(&f->clock, instant(FILLED_NOW) - f->clock.wall);
    struct nilo_workspace w;
    must(f, nilo_store_workspace(f->store, "acme", false, NULL, &w, &f->err));
    f->a = w.id;
    must(f, nilo_store_workspace(f->store, "beta", false, NULL, &w, &f->err));
    f->b = w.id;
    return 0;
}

void filled_close(struct filled *f)
{
    nilo_store_close(f->store);
    f->store = NULL;
}

/* ---- asking ----------------------------------------------------------------------------------------------------------------------- */

static int to_buf(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    (void)err;
    return nilo_buf_add(ctx, p, n);
}

static char *answer(struct filled *f, const struct nilo_scope *scope, enum nilo_format format, struct nilo_query *q)
{
    struct nilo_writer *w;
    struct nilo_buf buf;
    nilo_buf_init(&buf, 64 << 20);
    must(f, nilo_writer_new(format, false, to_buf, &buf, &w, &f->err));
    struct nilo_sink sink = nilo_writer_sink(w);
    int rc = nilo_query_run(q, f->store, scope, &sink, &f->err);
    if (rc == 0)
        rc = nilo_writer_end(w, &f->err);
    nilo_writer_free(w);
    nilo_query_free(q);
    char *text = rc == 0 ? strdup(nilo_buf_str(&buf)) : NULL;
    nilo_buf_done(&buf);
    return text;
}

char *filled_get(struct filled *f, const struct nilo_scope *scope, enum nilo_format format,
                 const struct nilo_request *request, const char *text)
{
    struct nilo_query *q;
    const struct nilo_request standard = NILO_REQUEST_DEFAULT;
    f->err = (struct nilo_err){.code = NILO_OK};
    if (nilo_query_text(f->store, text, strlen(text), request ? request : &standard, &q, &f->notes, &f->err) != 0)
        return NULL;
    return answer(f, scope, format, q);
}

char *filled_call(struct filled *f, const struct nilo_scope *scope, enum nilo_format format,
                  const struct nilo_request *request, const char *text)
{
    struct nilo_query *q;
    struct nilo_arg args[16];
    const struct nilo_request standard = NILO_REQUEST_DEFAULT;
    char *copy = strdup(text), *name = copy, *save = NULL;
    size_t n = 0;
    char *rest = strpbrk(copy, " (");
    f->err = (struct nilo_err){.code = NILO_OK};
    if (rest)
        *rest++ = '\0';
    for (char *word = rest ? strtok_r(rest, "&", &save) : NULL; word && *word != ')' && n < 16;
         word = strtok_r(NULL, "&", &save)) {
        char *equals = strchr(word, '=');
        assert_non_null(equals);
        *equals = '\0';
        args[n++] = (struct nilo_arg){word, equals + 1};
    }
    int rc = nilo_query_call(name, args, n, request ? request : &standard, &q, &f->notes, &f->err);
    char *result = rc == 0 ? answer(f, scope, format, q) : NULL;
    free(copy);
    return result;
}

char *filled_ask(struct filled *f, const struct nilo_scope *scope, enum nilo_format format,
                 const struct nilo_request *request, const char *text)
{
    bool get = strchr(text, '?') || !strpbrk(text, " (");
    return get ? filled_get(f, scope, format, request, text) : filled_call(f, scope, format, request, text);
}
