#include "import/whole.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "query/query.h"
#include "record/record.h"
#include "store/put.h"
#include "support/tmp.h"

static char *text_of(struct stores *s, const struct nilo_whole_want *want, const char *workspace, enum nilo_whole_container container, size_t *ret_len)
{
    char *text = NULL;
    int64_t rows;
    struct nilo_output *o;
    FILE *f = open_memstream(&text, ret_len);
    assert_non_null(f);
    ok(s, nilo_output_open(NULL, f, &o, &s->err));
    ok(s, nilo_whole_write(s->store, want, workspace, container, o, NULL, NULL, &rows, &s->err));
    ok(s, nilo_output_close(o, &s->err));
    fclose(f);
    return text;
}

char *whole_text(struct stores *s, const struct nilo_whole_want *want, const char *workspace, size_t *ret_len)
{
    return text_of(s, want, workspace, NILO_WHOLE_LINES, ret_len);
}

char *whole_as(struct stores *s, enum nilo_whole_container container, size_t *ret_len)
{
    return text_of(s, &(struct nilo_whole_want){.from = NILO_DAY_NONE, .to = NILO_DAY_NONE}, NULL, container, ret_len);
}

char *whole_all(struct stores *s, size_t *ret_len)
{
    return whole_as(s, NILO_WHOLE_LINES, ret_len);
}

struct taking {
    struct stores *s;
    struct nilo_restore *restore;
};

static int begin(void *ctx, const struct nilo_whole_head *head, struct nilo_err *err)
{
    struct taking *t = ctx;
    return nilo_record_restore_begin(t->s->store, &head->load, &t->restore, err);
}

static int row(void *ctx, size_t table, const struct nilo_whole_cell *cells, struct nilo_err *err)
{
    return nilo_record_restore_row(((struct taking *)ctx)->restore, table, cells, err);
}

int whole_take(struct stores *s, const char *text, size_t len, struct nilo_loaded *ret)
{
    const char *path = nilo_test_path("whole.taken");
    struct taking t = {.s = s};
    struct nilo_whole_reader r = {.head = begin, .row = row, .ctx = &t};
    nilo_test_write(path, text, len);
    if (nilo_whole_read(path, &r, &s->err) != 0) {
        nilo_record_restore_abort(t.restore);
        return -1;
    }
    return nilo_record_restore_end(t.restore, NULL, NULL, ret, &s->err);
}

char *whole_resum(const char *text, size_t *ret_len)
{
    struct nilo_buf b;
    unsigned char digest[NILO_SHA256_LEN];
    char hex[2 * NILO_SHA256_LEN + 1];
    long rows = 0;
    const char *trailer = strstr(text, "{\"end\":");
    assert_non_null(trailer);
    for (const char *p = text; p < trailer; p = strchr(p, '\n') + 1)
        rows += *p == '[';
    nilo_buf_init(&b, SIZE_MAX);
    const char *counts = strstr(text, "\"rows\":{"), *end = strchr(counts, '}');
    nilo_buf_add(&b, text, (size_t)(counts - text));
    nilo_buf_addf(&b, "\"rows\":{\"all\":%ld", rows);
    nilo_buf_add(&b, end, (size_t)(trailer - end));
    nilo_sha256(b.data, b.len, digest);
    nilo_hex(digest, sizeof digest, hex);
    nilo_buf_addf(&b, "{\"end\":\"" NILO_WHOLE_FORMAT "\",\"rows\":%ld,\"sha256\":\"%s\"}\n", rows, hex);
    *ret_len = b.len;
    return nilo_buf_take(&b);
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------ */

static int add(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    return nilo_buf_add(ctx, p, n) == 0 ? 0 : nilo_err_nomem(err);
}

static void answer(struct stores *s, const struct nilo_scope *scope, struct nilo_query *q, const char *name, struct nilo_buf *to)
{
    struct nilo_writer *w;
    nilo_buf_addf(to, "-- %s\n", name);
    ok(s, nilo_writer_new(NILO_FORMAT_NDJSON, false, add, to, &w, &s->err));
    struct nilo_sink sink = nilo_writer_sink(w);
    ok(s, nilo_query_run(q, s->store, scope, &sink, &s->err));
    ok(s, nilo_writer_end(w, &s->err));
    nilo_writer_free(w);
    nilo_query_free(q);
}

/* In the order of its key: without one, each engine has its own. */
static void get(struct stores *s, const struct nilo_scope *scope, const struct nilo_relation *r, const char *as_of, struct nilo_buf *to)
{
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    struct nilo_query *q = NULL;
    struct nilo_buf b;
    request.any_range = true;
    request.as_of = as_of;
    nilo_buf_init(&b, 4096);
    nilo_buf_addf(&b, "%s?select=*", r->name);
    for (size_t i = 0; r->key[i] != NULL; i++)
        nilo_buf_addf(&b, "%s%s", i ? "," : "&order=", r->key[i]);
    ok(s, nilo_query_parse(s->store, b.data, b.len, &request, &q, NULL, &s->err));
    answer(s, scope, q, r->name, to);
    nilo_buf_done(&b);
}

static void call(struct stores *s, const struct nilo_scope *scope, const char *name, const struct nilo_arg *args, size_t n, struct nilo_buf *to)
{
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    struct nilo_query *q = NULL;
    request.any_range = true;
    ok(s, nilo_query_call(name, args, n, &request, &q, NULL, &s->err));
    answer(s, scope, q, name, to);
}

char *whole_answers(struct stores *s, const struct nilo_scope *scope)
{
    struct nilo_buf b;
    static const char *const series[] = {"views", "likes", "gmv"}, *const steps[] = {"day", "week", "month"};
    nilo_buf_init(&b, SIZE_MAX);
    for (size_t i = 0; i < nilo_relations_n; i++) {
        get(s, scope, &nilo_relations[i], NULL, &b);
        if (nilo_relations[i].as_of)
            get(s, scope, &nilo_relations[i], "2025-03-25T00:00:00Z", &b);
    }
    for (size_t i = 0; i < 3; i++) {
        struct nilo_arg args[] = {{"metric", series[i]}, {"from", "2024-12-20"}, {"to", "2025-05-20"}, {"step", steps[i]}};
        call(s, scope, "timeseries", args, 4, &b);
        struct nilo_arg then[] = {{"metric", series[i]}, {"from", "2024-12-20"}, {"to", "2025-05-20"}, {"as_of", "2025-03-25T12:00:00Z"}};
        call(s, scope, "timeseries", then, 4, &b);
    }
    call(s, scope, "coverage", (struct nilo_arg[]){{"from", "2025-01-01"}, {"to", "2025-05-20"}}, 2, &b);
    call(s, scope, "current_metrics", NULL, 0, &b);
    call(s, scope, "collection_status", NULL, 0, &b);
    assert_false(b.failed);
    return nilo_buf_take(&b);
}

void whole_same(const char *a, const char *b, const char *what)
{
    int line = 1;
    if (strcmp(a, b) == 0)
        return;
    while (*a != '\0' && *b != '\0') {
        size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");
        if (n != m || memcmp(a, b, n) != 0)
            fail_msg("%s: line %d is\n  %.*s\nand\n  %.*s", what, line, (int)n, a, (int)m, b);
        a += n + (a[n] != '\0');
        b += m + (b[m] != '\0');
        line++;
    }
    fail_msg("%s: one is longer, after line %d", what, line);
}

/* ---- stores ---------------------------------------------------------------------------------------------------------------------- */

/* A history with closed days, amendments, quarantine, corrections, credits that ended, two workspaces in zones of their own. */
struct walk *whole_history(struct stores *s, uint64_t seed, int ops)
{
    struct walk *w = walk_new(s, seed, 2 * ops);
    assert_non_null(w);
    for (int i = 0; i < ops; i++)
        if (!walk_step(w))
            fail_msg("%s: %s", w->what, w->difference);
    /* what apps say beside the numbers */
    stores_exec(s, "INSERT INTO annotation (bucket, workspace_id, id, from_day, to_day, text, author, entity_id, created_at, updated_at) "
                   "SELECT bucket, workspace_id, 'n' || id, 20100, 20100 + id, 'a note', 'mia', id, 7, 8 FROM entity WHERE kind < 2");
    stores_exec(s, "INSERT INTO annotation (bucket, workspace_id, id, from_day, to_day, text, created_at, updated_at) SELECT 0, id, 'all', 20100, 20100, 'x', 7, 8 FROM workspace");
    stores_exec(s, "INSERT INTO hidden_row (bucket, entity_id, win, day, hidden_at) SELECT DISTINCT bucket, entity_id, win, day, 9 FROM day_value WHERE seq = 0 AND day % 3 = 0");
    stores_exec(s, "INSERT INTO posted_run (bucket, entity_id, win, day, run, number) SELECT DISTINCT bucket, entity_id, win, day, 'r' || day, day % 2 FROM day_value WHERE seq = 0 AND day % 3 = 1");
    stores_exec(s, "INSERT INTO content_event (bucket, entity_id, id, day, at, event, was, status, recorded_at) SELECT bucket, id, id, 20100, 5, 3, 0, 'gone', 6 FROM entity WHERE kind = 0");
    stores_exec(s, "UPDATE id_seq SET next = (SELECT max(id) + 1 FROM content_event) WHERE name = 'content_event'");
    stores_exec(s, "UPDATE owner SET extra = '{\"a\":1}'");
    stores_exec(s, "UPDATE credit SET extra = '{\"b\":' || id || '}' WHERE id % 2 = 0");
    return w;
}

/* An empty store of that engine; false where there is none. */
bool whole_another(struct stores *to, const struct stores *like, enum nilo_db_engine engine)
{
    *to = (struct stores){.engine = engine};
    if (stores_fresh(to) < 0)
        return false;
    to->clock = like->clock;
    to->env.clock = nilo_virtual_clock(&to->clock);
    return true;
}

enum nilo_db_engine whole_other_engine(const struct stores *s)
{
    return s->engine == NILO_DB_SQLITE ? NILO_DB_POSTGRES : NILO_DB_SQLITE;
}

void whole_same_store(struct stores *a, struct stores *b)
{
    char da[65], db[65];
    size_t na, nb;
    ok(a, nilo_store_digest(a->store, da, &a->err));
    ok(b, nilo_store_digest(b->store, db, &b->err));
    assert_string_equal(da, db);
    char *ta = whole_all(a, &na), *tb = whole_all(b, &nb);
    whole_same(ta, tb, "exports");
    free(ta);
    free(tb);
    ta = whole_answers(a, &NILO_SCOPE_ALL);
    tb = whole_answers(b, &NILO_SCOPE_ALL);
    whole_same(ta, tb, "answers");
    free(ta);
    free(tb);
}

/* Of each connection what is closed but for its last three days. */
int64_t whole_drop_old_days(struct stores *s)
{
    struct nilo_connection *all;
    struct nilo_dropped went;
    size_t n;
    int64_t values = 0;
    ok(s, nilo_store_connections(s->store, &all, &n, &s->err));
    for (size_t i = 0; i < n; i++) {
        if (nilo_day_is_none(all[i].closed_until))
            continue;
        const struct nilo_drop how = {.connection = all[i].id, .until = NILO_DAY(all[i].closed_until.n - 3), .author = "ann"};
        ok(s, nilo_store_drop(s->store, &how, &went, &s->err));
        values += went.values;
    }
    free(all);
    return values;
}

char *whole_small(struct stores *s, size_t *len)
{
    struct nilo_connection c = stores_connection(s, "w", "Europe/Berlin", "push", "push", "db");
    put(s, &c, "a", 20160, 1, 5);
    put(s, &c, "b", 20160, 5, 6);
    put_close(s, &c, 20161);
    put_all(s, &c, (struct nilo_policy){.kind = NILO_RUN_REVISE, .revise = true}, &(struct put){.external_id = "a", .day = 20160, .metric = 1, .value = 7}, 1);
    return whole_all(s, len);
}

void whole_untouched(struct stores *to, const char *empty, const char *after)
{
    size_t n;
    assert_false(nilo_db_in_transaction(nilo_store_db(to->store)));
    char *now = whole_all(to, &n);
    whole_same(empty, now, after);
    free(now);
}
