/* Each function of store.h on each engine, read back through raw SQL. Opening is in test_open.c, closed days against SQL in
 * test_closed.c, everything together in test_model.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/put.h"

#define VIEWS 1
#define LIKES 5
#define GMV 16
#define CTR 18
static const struct nilo_policy push = {.kind = NILO_RUN_PUSH}, revise = {.kind = NILO_RUN_REVISE, .revise = true};

static struct nilo_connection connection(struct stores *s)
{
    return stores_connection(s, "w", "Europe/Berlin", "tube", "youtube", NULL);
}

/* ---- small things ---------------------------------------------------------------------------------------------------------- */

static void meta_values_are_set_replaced_and_deleted(struct stores *s)
{
    char *v;
    ok(s, nilo_store_meta_get(s->store, "k", &v, &s->err));
    assert_null(v);
    ok(s, nilo_store_meta_set(s->store, "k", "one", &s->err));
    ok(s, nilo_store_meta_set(s->store, "k", "zwei \xc3\xbc 'quoted'", &s->err));
    ok(s, nilo_store_meta_get(s->store, "k", &v, &s->err));
    assert_string_equal(v, "zwei \xc3\xbc 'quoted'");
    free(v);
    ok(s, nilo_store_meta_set(s->store, "k", NULL, &s->err));
    ok(s, nilo_store_meta_get(s->store, "k", &v, &s->err));
    assert_null(v);
}

static void workspaces_are_made_once_and_listed(struct stores *s)
{
    struct nilo_workspace w, again, *all;
    size_t n;
    char longest[202];
    memset(longest, 'x', 201);
    longest[201] = '\0';
    fails(s, NILO_ENOENT, nilo_store_workspace(s->store, "a", false, NULL, &w, &s->err));
    ok(s, nilo_store_workspace(s->store, "a", true, NULL, &w, &s->err));
    ok(s, nilo_store_workspace(s->store, "a", true, "Asia/Tokyo", &again, &s->err)); /* the zone of one that is there stays */
    assert_int_equal(w.id, again.id);
    ok(s, nilo_store_workspace(s->store, "b c", true, "Asia/Tokyo", &w, &s->err));
    fails(s, NILO_ENOENT, nilo_store_workspace(s->store, "nope", false, NULL, &w, &s->err));
    assert_non_null(strstr(s->err.msg, "a, b c"));
    fails(s, NILO_EINVAL, nilo_store_workspace(s->store, "", true, NULL, &w, &s->err));
    fails(s, NILO_EINVAL, nilo_store_workspace(s->store, "a\nb", true, NULL, &w, &s->err));
    fails(s, NILO_EINVAL, nilo_store_workspace(s->store, longest, true, NULL, &w, &s->err));
    fails(s, NILO_EINVAL, nilo_store_workspace(s->store, "z", true, "Mars/Olympus", &w, &s->err));
    fails(s, NILO_EINVAL, nilo_store_workspace(s->store, "z", true, "../UTC", &w, &s->err));
    longest[200] = '\0';
    ok(s, nilo_store_workspace(s->store, longest, true, NULL, &w, &s->err));
    ok(s, nilo_store_workspaces(s->store, &all, &n, &s->err));
    assert_int_equal(n, 3);
    assert_string_equal(all[0].name, "a");
    assert_string_equal(all[1].name, "b c");
    assert_string_equal(all[2].name, longest);
    free(all);
    assert_rows(s, "SELECT w.id, z.zone, z.from_day FROM workspace w JOIN workspace_zone z ON z.workspace_id = w.id ORDER BY 1",
                "1 UTC -719162|2 Asia/Tokyo -719162|3 UTC -719162");
}

/* A workspace whose zone did not make it (a crash between the two) could never be used. */
static void a_workspace_and_its_zone_are_made_together(struct stores *s)
{
    struct nilo_workspace w;
    const struct nilo_calendar *c;
    stores_exec(s, "ALTER TABLE workspace_zone RENAME TO elsewhere");
    assert_int_equal(nilo_store_workspace(s->store, "a", true, "UTC", &w, &s->err), -1);
    stores_exec(s, "ALTER TABLE elsewhere RENAME TO workspace_zone");
    ok(s, nilo_store_workspace(s->store, "a", true, "UTC", &w, &s->err));
    ok(s, nilo_store_calendar(s->store, w.id, &c, &s->err));
    assert_int_equal(c->n, 1);
}

static void a_new_zone_starts_at_the_first_day_later_than_today_in_both(struct stores *s)
{
    static const struct {
        const char *now, *from, *to, *first;
    } table[] = {
        {"2025-03-20T10:00:00Z", "UTC", "Asia/Tokyo", "2025-03-21"},                /* the 20th in both */
        {"2025-03-20T20:00:00Z", "UTC", "Asia/Tokyo", "2025-03-22"},                /* the 21st there already */
        {"2025-03-20T20:00:00Z", "Asia/Tokyo", "UTC", "2025-03-22"},                /* and the same backwards */
        {"2025-03-20T02:00:00Z", "UTC", "America/New_York", "2025-03-21"},          /* still the 19th there */
        {"2025-03-20T10:30:00Z", "Pacific/Kiritimati", "Pacific/Midway", "2025-03-22"}, /* 25 hours apart */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char name[16], text[NILO_DAY_TEXT];
        const struct nilo_calendar *c;
        nilo_day from;
        snprintf(name, sizeof name, "w%zu", i);
        s->clock.wall = stores_us(table[i].now);
        struct nilo_connection conn = stores_connection(s, name, table[i].from, "c", "push", NULL);
        put(s, &conn, "a", 20000, VIEWS, 1);
        ok(s, nilo_store_zone_set(s->store, conn.workspace, table[i].to, &from, &s->err));
        nilo_day_format(from, text);
        assert_string_equal(text, table[i].first);
        ok(s, nilo_store_zone_set(s->store, conn.workspace, table[i].to, &from, &s->err)); /* again: nothing happens */
        nilo_day_format(from, text);
        assert_string_equal(text, table[i].first);
        ok(s, nilo_store_calendar(s->store, conn.workspace, &c, &s->err));
        assert_int_equal(c->n, 2);
        assert_string_equal(nilo_zone_name(nilo_calendar_zone(c, NILO_DAY(from.n - 1))), table[i].from);
        assert_string_equal(nilo_zone_name(nilo_calendar_zone(c, from)), table[i].to);
    }
}

static void a_zone_counts_from_the_beginning_while_nothing_is_recorded(struct stores *s)
{
    struct nilo_connection c = connection(s);
    nilo_day from;
    ok(s, nilo_store_zone_set(s->store, c.workspace, "Asia/Tokyo", &from, &s->err));
    assert_int_equal(from.n, NILO_DAY_MIN.n);
    fails(s, NILO_EINVAL, nilo_store_zone_set(s->store, c.workspace, "Nowhere", &from, &s->err));
    fails(s, NILO_ENOENT, nilo_store_zone_set(s->store, 99, "UTC", &from, &s->err));
    assert_rows(s, "SELECT zone, from_day FROM workspace_zone", "Asia/Tokyo -719162");
}

static void connections_are_found_or_made(struct stores *s)
{
    struct nilo_connection c = connection(s), other, *all;
    size_t n;
    assert_string_equal(c.workspace_name, "w");
    assert_string_equal(c.name, "tube");
    assert_string_equal(c.platform, "youtube");
    assert_string_equal(c.role, "own");
    assert_string_equal(c.status, "connected");
    assert_string_equal(c.origin, "db");
    assert_true(nilo_day_is_none(c.closed_until) && nilo_day_is_none(c.read_until) && c.settle_s == -1);
    ok(s, nilo_store_connection(s->store, c.workspace, "tube", true, "tiktok", "file", &other, &s->err));
    assert_int_equal(other.id, c.id);
    assert_string_equal(other.platform, "youtube");
    fails(s, NILO_ENOENT, nilo_store_connection(s->store, c.workspace, "no", false, NULL, NULL, &other, &s->err));
    fails(s, NILO_EINVAL, nilo_store_connection(s->store, c.workspace, "", true, "x", NULL, &other, &s->err));
    ok(s, nilo_store_connection(s->store, c.workspace, "files", true, "import", "import", &other, &s->err));
    assert_string_equal(other.origin, "import");
    fails(s, NILO_ENOENT, nilo_store_connection_get(s->store, 99, &other, &s->err));
    ok(s, nilo_store_connections(s->store, &all, &n, &s->err));
    assert_int_equal(n, 2);
    assert_string_equal(all[1].name, "files");
    free(all);
}

static void what_a_connection_remembers(struct stores *s)
{
    struct nilo_connection c = connection(s);
    ok(s, nilo_store_connection_status(s->store, c.id, "expired", &s->err));
    ok(s, nilo_store_connection_settle(s->store, c.id, 3600, &s->err));
    ok(s, nilo_store_read_until(s->store, c.id, NILO_DAY(50), &s->err));
    ok(s, nilo_store_read_until(s->store, c.id, NILO_DAY(40), &s->err)); /* only rises */
    ok(s, nilo_store_connection_get(s->store, c.id, &c, &s->err));
    assert_string_equal(c.status, "expired");
    assert_int_equal(c.settle_s, 3600);
    assert_int_equal(c.read_until.n, 50);
    ok(s, nilo_store_connection_settle(s->store, c.id, -1, &s->err));
    ok(s, nilo_store_connection_get(s->store, c.id, &c, &s->err));
    assert_int_equal(c.settle_s, -1);
}

static void metrics_are_defined_once(struct stores *s)
{
    const struct nilo_metric *got;
    char longest[202];
    struct nilo_metric m = {.name = "users_total", .type = NILO_COUNT, .kind = NILO_PERIOD, .aggregation = NILO_LEVEL, .unit = "users",
                            .display_name = "Users", .description = "all of them", .currency = "EUR"};
    ok(s, nilo_store_metric_define(s->store, &m, &got, &s->err));
    int32_t id = got->id;
    assert_true(id > 23 && got->wide && !got->builtin && got->active);
    assert_string_equal(got->unit, "users");
    assert_string_equal(got->currency, "EUR");
    assert_string_equal(got->display_name, "Users");
    assert_string_equal(got->format_pattern, "0,0");
    ok(s, nilo_store_metric_define(s->store, &m, &got, &s->err));
    assert_int_equal(got->id, id);
    /* each of these is fixed */
    struct nilo_metric other = m;
    other.scale = 2;
    fails(s, NILO_EEXIST, nilo_store_metric_define(s->store, &other, &got, &s->err));
    other = m;
    other.kind = NILO_INSTANT;
    fails(s, NILO_EEXIST, nilo_store_metric_define(s->store, &other, &got, &s->err));
    other = m;
    other.aggregation = NILO_FLOW;
    fails(s, NILO_EEXIST, nilo_store_metric_define(s->store, &other, &got, &s->err));
    /* the same category of another type is another metric and no column */
    other = m;
    other.type = NILO_AVERAGE;
    ok(s, nilo_store_metric_define(s->store, &other, &got, &s->err));
    assert_true(got->id != id && !got->wide);
    other = m;
    other.name = "Gro\xc3\x9f & klein";
    ok(s, nilo_store_metric_define(s->store, &other, &got, &s->err));
    assert_false(got->wide);
    memset(longest, 'x', 201);
    longest[201] = '\0';
    other.name = longest;
    fails(s, NILO_EINVAL, nilo_store_metric_define(s->store, &other, &got, &s->err));
    other.name = "";
    fails(s, NILO_EINVAL, nilo_store_metric_define(s->store, &other, &got, &s->err));
    other.name = "big";
    other.scale = 10;
    fails(s, NILO_EINVAL, nilo_store_metric_define(s->store, &other, &got, &s->err));
    stores_reopen(s, NILO_STORE_WRITE);
    assert_int_equal(nilo_catalog_by_name(nilo_store_catalog(s->store), "users_total")->id, id);
    assert_int_equal(nilo_catalog_by_type(nilo_store_catalog(s->store), NILO_AVERAGE, "users_total")->id, id + 1);
}

static void a_definition_taken_back_is_forgotten(struct stores *s)
{
    const struct nilo_metric *got;
    struct nilo_metric m = {.name = "mayfly", .type = NILO_COUNT};
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_metric_define(s->store, &m, &got, &s->err));
    nilo_store_rollback(s->store);
    assert_null(nilo_catalog_by_name(nilo_store_catalog(s->store), "mayfly"));
    ok(s, nilo_store_metric_define(s->store, &m, &got, &s->err));
    assert_string_equal(got->name, "mayfly");
}

/* ---- entities, owners, credits ------------------------------------------------------------------------------------------------ */

static void entities_are_found_or_made_each_once(struct stores *s)
{
    struct nilo_connection c = connection(s), d = stores_connection(s, "w", NULL, "other", "youtube", NULL);
    struct nilo_entity_in in[] = {{.kind = NILO_CONTENT, .external_id = "b"}, {.kind = NILO_CONTENT, .external_id = "a"},
                                  {.kind = NILO_ACCOUNT, .external_id = "a"}, {.kind = NILO_CONTENT, .external_id = "b"},
                                  {.kind = NILO_APP, .external_id = NILO_APP_ID}, {.kind = NILO_CONTENT, .external_id = "\xe2\x98\x83"}};
    struct nilo_entity_ref first[6], again[6], elsewhere[6];
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_entities(s->store, &c, in, 6, first, &s->err));
    ok(s, nilo_store_entities(s->store, &c, in, 6, again, &s->err));
    ok(s, nilo_store_entities(s->store, &d, in, 6, elsewhere, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    for (int i = 0; i < 6; i++) {
        assert_int_equal(first[i].id, again[i].id);
        assert_int_equal(first[i].bucket, nilo_bucket("w", "tube", in[i].external_id));
        assert_int_equal(elsewhere[i].bucket, nilo_bucket("w", "other", in[i].external_id));
        assert_int_not_equal(first[i].id, elsewhere[i].id);
    }
    assert_int_equal(first[0].id, first[3].id);
    assert_int_not_equal(first[1].id, first[2].id);
    assert_rows(s, "SELECT kind, count(*), count(DISTINCT key128), count(DISTINCT salt) FROM entity GROUP BY kind ORDER BY kind",
                "0 6 6 6|1 2 2 2|2 2 2 2");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content"), 6);
}

static void attributes_the_newest_word_wins_and_silence_takes_nothing(struct stores *s)
{
    struct nilo_connection c = connection(s);
    struct nilo_attrs attrs[] = {
        {.title = "second", .url = "u2", .posted_at = NILO_US_NONE, .deleted_at = NILO_US_NONE, .at = 200, .duration_ms = 5000},
        {.title = "first", .caption = "only here", .posted_at = 77, .deleted_at = NILO_US_NONE, .at = 100, .duration_ms = 4000}, /* older */
        {.media_type = "video", .tags = "{}", .status = "live", .thumbnail = "t", .posted_at = NILO_US_NONE, .deleted_at = 300, .at = 300,
         .duration_ms = -1},
        {.title = "fourth", .posted_at = 78, .deleted_at = NILO_US_NONE, .at = 300, .duration_ms = -1}, /* the same instant: the later to come */
    };
    struct nilo_entity_ref ref;
    for (size_t i = 0; i < 4; i++) {
        struct nilo_entity_in in = {.kind = NILO_CONTENT, .external_id = "a", .attrs = &attrs[i]};
        ok(s, nilo_store_begin(s->store, &s->err));
        ok(s, nilo_store_entities(s->store, &c, &in, 1, &ref, &s->err));
        ok(s, nilo_store_commit(s->store, &s->err));
    }
    put_entity(s, &c, "a");
    assert_rows(s, "SELECT title, url, posted_at, media_type, caption, duration_ms, thumbnail, tags, status, deleted_at, attrs_at FROM content",
                "fourth u2 78 video only here 5000 t {} live 300 300");
}

static void owners_belong_to_a_workspace(struct stores *s)
{
    struct nilo_connection c = connection(s), d = stores_connection(s, "v", NULL, "tube", "youtube", NULL);
    int64_t a, b, again;
    char longest[1026];
    fails(s, NILO_ENOENT, nilo_store_owner(s->store, c.workspace, "ann", false, &a, &s->err));
    ok(s, nilo_store_owner(s->store, c.workspace, "ann", true, &a, &s->err));
    ok(s, nilo_store_owner(s->store, c.workspace, "ann", true, &again, &s->err));
    ok(s, nilo_store_owner(s->store, d.workspace, "ann", true, &b, &s->err));
    assert_int_equal(a, again);
    assert_int_not_equal(a, b);
    memset(longest, 'x', 1025);
    longest[1025] = '\0';
    fails(s, NILO_EINVAL, nilo_store_owner(s->store, c.workspace, longest, true, &a, &s->err));
    fails(s, NILO_EINVAL, nilo_store_owner(s->store, c.workspace, "", true, &a, &s->err));
}

static void credit(struct stores *s, struct nilo_credit_in in)
{
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_credit_add(s->store, &in, 1, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
}

#define OWNER_TOTALS "SELECT metric_id, day, lo, known, fresh FROM total WHERE scope_kind = 2 ORDER BY 1, 2"

static void owner_totals_follow_credits_on_closed_days_too(struct stores *s)
{
    struct nilo_connection c = connection(s);
    int64_t ann;
    size_t n;
    put(s, &c, "a", 100, VIEWS, 10);
    put(s, &c, "a", 102, VIEWS, 14);
    put_close(s, &c, 101);
    ok(s, nilo_store_owner(s->store, c.workspace, "ann", true, &ann, &s->err));
    struct nilo_credit_in in = {.entity = put_entity(s, &c, "a"), .workspace = c.workspace, .owner = ann, .from_day = NILO_DAY_NONE,
                                .to_day = NILO_DAY_NONE};
    credit(s, in);
    credit(s, in); /* the same again changes nothing */
    assert_int_equal(stores_int(s, "SELECT count(*) FROM credit"), 1);
    assert_rows(s, OWNER_TOTALS, "0 100 0 1 1|0 102 0 0 1|1 100 10 1 1|1 102 4 0 1");
    /* a second credit of the same days under another role adds nothing: an item counts once */
    in.role = "editor";
    credit(s, in);
    assert_rows(s, OWNER_TOTALS, "0 100 0 1 1|0 102 0 0 1|1 100 10 1 1|1 102 4 0 1");
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_credit_end(s->store, in.entity, ann, "owner", &n, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    assert_int_equal(n, 1);
    assert_rows(s, OWNER_TOTALS, "0 100 0 1 1|0 102 0 0 1|1 100 10 1 1|1 102 4 0 1");
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_credit_end(s->store, in.entity, ann, NULL, &n, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    assert_int_equal(n, 1);
    assert_rows(s, OWNER_TOTALS, "");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM credit WHERE ended_at IS NOT NULL"), 2);
    /* from a day to a day: what the item stands at comes in on the first and goes out after the last */
    in.from_day = NILO_DAY(101);
    in.to_day = NILO_DAY(104);
    credit(s, in);
    assert_rows(s, OWNER_TOTALS, "0 101 0 1 0|0 102 0 0 1|0 105 0 -1 0|1 101 10 1 0|1 102 4 0 1|1 105 -14 -1 0");
    put(s, &c, "a", 106, VIEWS, 20); /* after the last day: nothing of the owner's */
    assert_rows(s, OWNER_TOTALS, "0 101 0 1 0|0 102 0 0 1|0 105 0 -1 0|1 101 10 1 0|1 102 4 0 1|1 105 -14 -1 0");
    in.from_day = NILO_DAY(9);
    in.to_day = NILO_DAY(8);
    ok(s, nilo_store_begin(s->store, &s->err));
    fails(s, NILO_EINVAL, nilo_store_credit_add(s->store, &in, 1, &s->err));
    nilo_store_rollback(s->store);
}

static void a_credited_account_is_no_item(struct stores *s)
{
    struct nilo_connection c = connection(s);
    int64_t ann;
    struct put account = {.external_id = "me", .kind = NILO_ACCOUNT, .day = 100, .metric = VIEWS, .value = 10};
    put_all(s, &c, push, &account, 1);
    ok(s, nilo_store_owner(s->store, c.workspace, "ann", true, &ann, &s->err));
    struct nilo_credit_in in = {.workspace = c.workspace, .owner = ann, .from_day = NILO_DAY_NONE, .to_day = NILO_DAY_NONE};
    in.entity.bucket = (int32_t)stores_int(s, "SELECT bucket FROM entity");
    in.entity.id = stores_int(s, "SELECT id FROM entity");
    credit(s, in);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM total"), 0);
}

/* ---- runs -------------------------------------------------------------------------------------------------------------------------- */

static int64_t log_run(struct stores *s, const struct nilo_connection *c, enum nilo_run_kind kind, enum nilo_run_status status, const char *slot,
                       int32_t first, int32_t last)
{
    struct nilo_run r = {.workspace = c->workspace, .connection = c->id, .kind = kind, .provenance = NILO_OBSERVED, .slot = slot,
                         .target_day = NILO_DAY_NONE, .started_at = s->clock.wall, .ended_at = NILO_US_NONE};
    ok(s, nilo_store_run_begin(s->store, &r, &s->err));
    r.status = status;
    r.first_day = NILO_DAY(first);
    r.last_day = NILO_DAY(last);
    r.ended_at = status == NILO_RUNNING ? NILO_US_NONE : s->clock.wall + 1;
    ok(s, nilo_store_run_update(s->store, &r, &s->err));
    return r.id;
}

static void a_run_reads_back_as_written(struct stores *s)
{
    struct nilo_connection c = connection(s);
    struct nilo_arena arena;
    struct nilo_run got, r = {.workspace = c.workspace, .connection = c.id, .kind = NILO_RUN_BACKFILL, .provenance = NILO_ESTIMATED, .revise = true,
                              .slot = "2025-03-20", .target_day = NILO_DAY(100), .started_at = 1000, .ended_at = NILO_US_NONE,
                              .first_day = NILO_DAY_NONE, .last_day = NILO_DAY_NONE};
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_run_begin(s->store, &r, &s->err));
    assert_true(r.id > 0 && r.status == NILO_RUNNING);
    ok(s, nilo_store_run_get(s->store, r.id, &arena, &got, &s->err));
    assert_int_equal(got.status, NILO_RUNNING);
    assert_true(nilo_day_is_none(got.first_day) && nilo_day_is_none(got.last_day) && got.ended_at == NILO_US_NONE);
    assert_null(got.error);
    r.status = NILO_PARTIAL;
    r.ended_at = 2000;
    r.duration_ms = 3;
    r.first_day = NILO_DAY(-5);
    r.last_day = NILO_DAY(7);
    r.items = 8;
    r.readings = 9;
    r.failed = 10;
    for (int i = 0; i < NILO_OUTCOME_COUNT; i++)
        r.outcomes[i] = 20 + i;
    r.compared = 31;
    r.fell = 32;
    r.jumped = 33;
    r.vanished = 34;
    r.metrics_collected = 35;
    r.days_closed = 36;
    r.error = "some";
    r.details = "{\"a\": 1}";
    ok(s, nilo_store_run_update(s->store, &r, &s->err));
    ok(s, nilo_store_run_get(s->store, r.id, &arena, &got, &s->err));
    assert_int_equal(got.workspace, c.workspace);
    assert_int_equal(got.connection, c.id);
    assert_int_equal(got.kind, NILO_RUN_BACKFILL);
    assert_int_equal(got.status, NILO_PARTIAL);
    assert_int_equal(got.provenance, NILO_ESTIMATED);
    assert_true(got.revise);
    assert_string_equal(got.slot, "2025-03-20");
    assert_int_equal(got.target_day.n, 100);
    assert_true(got.started_at == 1000 && got.ended_at == 2000 && got.duration_ms == 3);
    assert_true(got.first_day.n == -5 && got.last_day.n == 7 && got.items == 8 && got.readings == 9 && got.failed == 10);
    for (int i = 0; i < NILO_OUTCOME_COUNT; i++)
        assert_int_equal(got.outcomes[i], 20 + i);
    assert_true(got.compared == 31 && got.fell == 32 && got.jumped == 33 && got.vanished == 34);
    assert_true(got.metrics_collected == 35 && got.days_closed == 36);
    assert_string_equal(got.error, "some");
    assert_string_equal(got.details, "{\"a\": 1}");
    fails(s, NILO_ENOENT, nilo_store_run_get(s->store, 999, &arena, &got, &s->err));
    ok(s, nilo_store_run_fail(s->store, r.id, 1, "item", "auth", "token expired", &s->err));
    ok(s, nilo_store_run_fail(s->store, r.id, 2, NULL, "transient", "timeout", &s->err));
    assert_rows(s, "SELECT n, external_id, class, message FROM run_failure ORDER BY n", "1 item auth token expired|2 ~ transient timeout");
    nilo_arena_done(&arena);
}

static void questions_about_earlier_runs(struct stores *s)
{
    struct nilo_connection c = connection(s), d = stores_connection(s, "w", NULL, "other", "youtube", NULL);
    struct nilo_arena arena;
    struct nilo_run got;
    nilo_day day;
    nilo_us newest;
    int64_t id, one = 0;
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_newest_recorded(s->store, 0, &newest, &id, &s->err));
    assert_true(newest == NILO_US_NONE && id == 0);
    ok(s, nilo_store_run_previous(s->store, c.id, INT64_MAX, &arena, &got, &s->err));
    assert_int_equal(got.id, 0);
    ok(s, nilo_store_open_runs(s->store, c.id, 0, &day, &s->err));
    assert_int_equal(day.n, NILO_DAY_MAX.n);
    ok(s, nilo_store_last_day_read(s->store, c.id, INT64_MAX, &day, &s->err));
    assert_true(nilo_day_is_none(day));

    one = log_run(s, &c, NILO_RUN_COLLECT, NILO_COMPLETED, "a", 10, 20);
    int64_t partial = log_run(s, &c, NILO_RUN_COLLECT, NILO_PARTIAL, "b", 15, 25);
    log_run(s, &c, NILO_RUN_COLLECT, NILO_RUN_FAILED, "c", 30, 40);
    log_run(s, &c, NILO_RUN_PUSH, NILO_COMPLETED, NULL, 22, 23);
    int64_t quarantined = log_run(s, &c, NILO_RUN_COLLECT, NILO_RUN_QUARANTINED, "d", 26, 50);
    log_run(s, &d, NILO_RUN_COLLECT, NILO_COMPLETED, "e", 90, 99);
    s->clock.wall += 1000;
    int64_t running = log_run(s, &c, NILO_RUN_COLLECT, NILO_RUNNING, "f", 5, 6);

    ok(s, nilo_store_run_previous(s->store, c.id, running, &arena, &got, &s->err));
    assert_int_equal(got.id, partial); /* failed, quarantined and pushed ones do not count */
    ok(s, nilo_store_run_previous(s->store, c.id, partial, &arena, &got, &s->err));
    assert_int_equal(got.id, one);
    ok(s, nilo_store_open_runs(s->store, c.id, 0, &day, &s->err));
    assert_int_equal(day.n, 5);
    ok(s, nilo_store_open_runs(s->store, c.id, running, &day, &s->err));
    assert_int_equal(day.n, 26);
    ok(s, nilo_store_last_day_read(s->store, c.id, INT64_MAX, &day, &s->err));
    assert_int_equal(day.n, 25);
    ok(s, nilo_store_last_day_read(s->store, c.id, partial, &day, &s->err));
    assert_int_equal(day.n, 20);
    static const struct {
        const char *slot;
        bool done;
    } slots[] = {{"a", true}, {"b", true}, {"c", false}, {"d", true}, {"e", false}, {"f", false}, {"z", false}};
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        ok(s, nilo_store_slot_done(s->store, c.id, slots[i].slot, &id, &s->err));
        assert_int_equal(id != 0, slots[i].done);
    }
    ok(s, nilo_store_newest_recorded(s->store, 0, &newest, &id, &s->err));
    assert_true(newest == s->clock.wall && id == running); /* a running one by its start */
    ok(s, nilo_store_newest_recorded(s->store, running, &newest, &id, &s->err));
    assert_true(newest == NILO_US_NONE && id == running);
    /* an end later than every start */
    stores_exec(s, "UPDATE run SET ended_at = 4000000000000000 WHERE slot = 'a'");
    ok(s, nilo_store_newest_recorded(s->store, 0, &newest, &id, &s->err));
    assert_true(newest == 4000000000000000);
    ok(s, nilo_store_newest_recorded(s->store, one, &newest, &id, &s->err));
    assert_true(newest == s->clock.wall);
    (void)quarantined;
    /* a run that has not touched a day yet may touch any */
    struct nilo_run blank = {.workspace = c.workspace, .connection = c.id, .kind = NILO_RUN_PUSH, .provenance = NILO_OBSERVED,
                             .target_day = NILO_DAY_NONE, .started_at = 1};
    ok(s, nilo_store_run_begin(s->store, &blank, &s->err));
    ok(s, nilo_store_open_runs(s->store, c.id, 0, &day, &s->err));
    assert_int_equal(day.n, NILO_DAY_MIN.n);
    nilo_arena_done(&arena);
}

static void items_that_vanished(struct stores *s)
{
    struct nilo_connection c = connection(s);
    struct put before[] = {{.external_id = "a", .day = 100, .metric = VIEWS, .value = 1}, {.external_id = "b", .day = 100, .metric = VIEWS, .value = 1},
                           {.external_id = "c", .day = 100, .metric = VIEWS, .value = 1},
                           {.external_id = "me", .kind = NILO_ACCOUNT, .day = 100, .metric = VIEWS, .value = 1}};
    struct put after[] = {{.external_id = "b", .day = 101, .metric = VIEWS, .value = 1}, {.external_id = "d", .day = 101, .metric = VIEWS, .value = 1}};
    struct nilo_policy collected = push;
    int64_t n;
    collected.kind = NILO_RUN_COLLECT;
    for (int i = 0; i < 4; i++)
        put_all(s, &c, collected, &before[i], 1);
    /* as one run */
    struct put again[3] = {before[0], before[1], before[2]};
    for (int i = 0; i < 3; i++) {
        again[i].day = 100;
        again[i].captured_at = 100 * NILO_US_DAY + 1;
        put_entity(s, &c, again[i].external_id);
    }
    for (int i = 0; i < 2; i++)
        put_entity(s, &c, after[i].external_id);
    for (int i = 0; i < 3; i++)
        put_all(s, &c, push, &again[i], 1);
    ok(s, nilo_store_run_vanished(s->store, c.id, again[0].run, again[1].run, &n, &s->err));
    assert_int_equal(n, 1); /* "a" alone: the account is no item, the others were not read before */
    put_all(s, &c, push, &after[0], 1);
    ok(s, nilo_store_run_vanished(s->store, c.id, again[1].run, after[0].run, &n, &s->err));
    assert_int_equal(n, 0);
    ok(s, nilo_store_run_vanished(s->store, c.id, again[2].run, after[0].run, &n, &s->err));
    assert_int_equal(n, 1);
}

#define DERIVED_A "SELECT 'known', metric_id, day, value FROM known UNION ALL SELECT 'best', metric_id, day, value FROM best UNION ALL " \
                  "SELECT 'latest', win, first_day, day FROM latest UNION ALL SELECT 'total', metric_id, day, lo FROM total WHERE scope_kind = 0 ORDER BY 1, 2, 3"

static void a_run_taken_out_and_put_back(struct stores *s)
{
    struct nilo_connection c = connection(s);
    put(s, &c, "a", 100, VIEWS, 10);
    struct put wild[] = {{.external_id = "a", .day = 100, .metric = VIEWS, .value = 99999, .captured_at = 100 * NILO_US_DAY + 20 * NILO_US_HOUR}};
    put_all(s, &c, push, wild, 1);
    char *with = stores_text(s, DERIVED_A);
    assert_string_equal(with, "best 1 100 99999|known 1 100 99999|latest 0 100 100|total 0 100 0|total 1 100 99999");
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_run_count(s->store, wild[0].run, NILO_RUN_QUARANTINED, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    assert_rows(s, DERIVED_A, "best 1 100 10|known 1 100 10|latest 0 100 100|total 0 100 0|total 1 100 10");
    assert_rows(s, "SELECT value, run_id FROM day_value", "10 1");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM observation"), 2);
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_run_count(s->store, wild[0].run, NILO_COMPLETED, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    assert_rows(s, DERIVED_A, with);
    free(with);
    /* the only reading of a day: the day is gone with it */
    struct put only[] = {{.external_id = "a", .day = 105, .metric = VIEWS, .value = 3}};
    put_all(s, &c, push, only, 1);
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_run_count(s->store, only[0].run, NILO_REJECTED, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    assert_rows(s, DERIVED_A, "best 1 100 99999|known 1 100 99999|latest 0 100 100|total 0 100 0|total 1 100 99999");
}

/* ---- the record ------------------------------------------------------------------------------------------------------------------------ */

static void what_a_reading_does_to_an_open_day(struct stores *s)
{
    struct nilo_connection c = connection(s);
    const nilo_us ten = 100 * NILO_US_DAY + 10 * NILO_US_HOUR, noon = ten + 2 * NILO_US_HOUR;
    static const struct nilo_policy import = {.kind = NILO_RUN_IMPORT};
    const struct {
        struct nilo_policy policy;
        nilo_us at;
        int64_t value;
        enum nilo_absence absence;
        enum nilo_provenance provenance;
        enum nilo_outcome outcome;
        const char *shown;
    } table[] = {
        {push, ten, 0, NILO_FAILED, NILO_OBSERVED, NILO_RECORDED, "~ 4"},         /* a passing absence is better than nothing */
        {push, ten - 1, 5, NILO_PRESENT, NILO_IMPORTED, NILO_REPLACED, "5 0"},    /* any value is better than it */
        {push, ten, 5, NILO_PRESENT, NILO_OBSERVED, NILO_REPLACED, "5 0"},
        {push, noon, 0, NILO_NOT_YET, NILO_OBSERVED, NILO_KEPT, "5 0"},           /* and stays */
        {push, ten - 1, 9, NILO_PRESENT, NILO_OBSERVED, NILO_KEPT, "5 0"},        /* read earlier */
        {import, noon, 8, NILO_PRESENT, NILO_IMPORTED, NILO_KEPT, "5 0"},         /* a lower rank */
        {push, noon, 7, NILO_PRESENT, NILO_OBSERVED, NILO_REPLACED, "7 0"},       /* the last reading */
        {push, noon, 7, NILO_PRESENT, NILO_OBSERVED, NILO_UNCHANGED, "7 0"},      /* a retry */
        {push, noon, 6, NILO_PRESENT, NILO_OBSERVED, NILO_REPLACED, "6 0"},       /* the same instant: the later run */
        {push, noon + 1, 0, NILO_HIDDEN, NILO_OBSERVED, NILO_REPLACED, "~ 1"},    /* a definitive absence is a reading */
        {revise, ten, 4, NILO_PRESENT, NILO_OBSERVED, NILO_REPLACED, "4 0"},      /* --revise goes before all */
        {push, noon + 2, 11, NILO_PRESENT, NILO_OBSERVED, NILO_KEPT, "4 0"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct put p = {.external_id = "a", .day = 100, .metric = VIEWS, .value = table[i].value, .absence = table[i].absence,
                        .provenance = table[i].provenance, .captured_at = table[i].at};
        put_all(s, &c, table[i].policy, &p, 1);
        if (p.outcome != table[i].outcome)
            fail_msg("step %zu: %s, expected %s", i, nilo_outcome_name(p.outcome), nilo_outcome_name(table[i].outcome));
        assert_rows(s, "SELECT value, absence FROM day_value WHERE seq = 0", table[i].shown);
    }
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value"), 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM observation"), 11); /* all but the retry */
}

static void a_closed_day_takes_amendments(struct stores *s)
{
    struct nilo_connection c = connection(s);
    put(s, &c, "a", 100, VIEWS, 10);
    put_close(s, &c, 100);
    assert_int_equal(put(s, &c, "a", 100, VIEWS, 10), NILO_UNCHANGED);
    assert_int_equal(put(s, &c, "a", 100, VIEWS, 12), NILO_AMENDED);
    assert_int_equal(put(s, &c, "a", 100, LIKES, 3), NILO_LATE);
    assert_int_equal(put(s, &c, "b", 99, VIEWS, 7), NILO_LATE);
    struct put p = {.external_id = "a", .day = 100, .metric = VIEWS, .value = 11, .meta = "{\"why\": \"typo\"}"};
    put_all(s, &c, revise, &p, 1);
    assert_int_equal(p.outcome, NILO_AMENDED);
    struct put nothing = {.external_id = "a", .day = 100, .metric = VIEWS, .absence = NILO_FAILED};
    put_all(s, &c, push, &nothing, 1);
    assert_int_equal(nothing.outcome, NILO_UNCHANGED);
    assert_rows(s, "SELECT e.external_id, v.day, v.metric_id, v.seq, v.value, v.cause, v.meta FROM day_value v JOIN entity e ON e.id = v.entity_id "
                   "ORDER BY 1, 2, 3, 4",
                "a 100 1 0 10 0 ~|a 100 1 1 12 2 ~|a 100 1 2 11 3 {\"why\": \"typo\"}|a 100 5 1 3 1 ~|b 99 1 1 7 1 ~");
    assert_rows(s, "SELECT day, value FROM known WHERE metric_id = 1 ORDER BY entity_id", "100 11|99 7");
}

static void days_close_from_the_first_that_holds_anything(struct stores *s)
{
    struct nilo_connection c = connection(s), d = stores_connection(s, "w", NULL, "other", "youtube", NULL);
    put_close(s, &c, 90); /* nothing yet: nothing happens */
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_close"), 0);
    ok(s, nilo_store_connection_get(s->store, c.id, &c, &s->err));
    assert_true(nilo_day_is_none(c.closed_until));
    put(s, &c, "a", 100, VIEWS, 10);
    put(s, &d, "a", 50, VIEWS, 10);
    struct put failed = {.external_id = "a", .day = 102, .metric = VIEWS, .absence = NILO_FAILED};
    struct put half[] = {{.external_id = "a", .day = 103, .metric = VIEWS, .value = 1}, {.external_id = "a", .day = 103, .metric = LIKES, .absence = NILO_NOT_YET}};
    struct put hidden[] = {{.external_id = "a", .day = 104, .metric = VIEWS, .value = 1}, {.external_id = "a", .day = 104, .metric = LIKES, .absence = NILO_HIDDEN}};
    struct put window[] = {{.external_id = "a", .win = 30, .day = 105, .metric = VIEWS, .absence = NILO_FAILED}};
    put_all(s, &c, push, &failed, 1);
    put_all(s, &c, push, half, 2);
    put_all(s, &c, push, hidden, 2);
    put_all(s, &c, push, window, 1);
    put(s, &c, "a", 105, VIEWS, 2);
    put_close(s, &c, 105);
    put_close(s, &c, 105); /* not twice */
    assert_rows(s, "SELECT day, n, status, values_n FROM day_close WHERE connection_id = 1 ORDER BY n",
                "100 1 complete 1|101 2 empty 0|102 3 empty 0|103 4 partial 1|104 5 complete 1|105 6 partial 1");
    assert_rows(s, "SELECT closed_until FROM connection ORDER BY id", "105|-2147483648");
    put_close(s, &d, 51);
    assert_rows(s, "SELECT day, n FROM day_close WHERE connection_id = 2 ORDER BY n", "50 7|51 8");
}

static bool not_the_101st(void *ctx, nilo_day day)
{
    (void)ctx;
    return day.n != 101;
}

static void the_caller_says_which_days_were_read_to_the_end(struct stores *s)
{
    struct nilo_connection c = connection(s);
    int days;
    put(s, &c, "a", 100, VIEWS, 10);
    put(s, &c, "a", 101, VIEWS, 10);
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_close_days(s->store, &c, NILO_DAY(101), 1, s->clock.wall, not_the_101st, NULL, &days, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    assert_int_equal(days, 2);
    assert_rows(s, "SELECT day, status, run_id FROM day_close ORDER BY day", "100 complete 1|101 partial 1");
}

/* ---- best --------------------------------------------------------------------------------------------------------------------------------- */

static void best_falls_only_by_a_correction_or_a_run_taken_out(struct stores *s)
{
    struct nilo_connection c = connection(s);
    put(s, &c, "a", 100, VIEWS, 1000);
    put(s, &c, "a", 101, VIEWS, 900);
    assert_rows(s, "SELECT value, day, win FROM best", "1000 100 0");
    put_close(s, &c, 101);
    put(s, &c, "a", 100, VIEWS, 800); /* restated: the best stays */
    assert_rows(s, "SELECT value, day FROM best", "1000 100");
    struct put window = {.external_id = "a", .win = 30, .day = 101, .metric = VIEWS, .value = 1200};
    put_all(s, &c, push, &window, 1); /* a window is a lower bound of all time */
    assert_rows(s, "SELECT value, day, win FROM best", "1200 101 30");
    struct put wrong = {.external_id = "a", .win = 30, .day = 101, .metric = VIEWS, .value = 120};
    put_all(s, &c, revise, &wrong, 1);
    assert_rows(s, "SELECT value, day, win FROM best", "1000 100 0");
    wrong = (struct put){.external_id = "a", .day = 100, .metric = VIEWS, .value = 80};
    put_all(s, &c, revise, &wrong, 1);
    assert_rows(s, "SELECT value, day, win FROM best", "900 101 0");
}

static void ratios_stand_beside_the_greatest_gmv(struct stores *s)
{
    struct nilo_connection c = connection(s);
    struct put a[] = {{.external_id = "a", .day = 100, .metric = GMV, .value = 500}, {.external_id = "a", .day = 100, .metric = CTR, .value = 9}};
    struct put b[] = {{.external_id = "a", .day = 101, .metric = GMV, .value = 700}, {.external_id = "a", .day = 101, .metric = CTR, .value = 3}};
    struct put none[] = {{.external_id = "a", .day = 102, .metric = CTR, .value = 99}};
    struct put tie[] = {{.external_id = "a", .day = 103, .metric = GMV, .value = 700}, {.external_id = "a", .day = 103, .metric = CTR, .value = 4}};
#define BEST_CTR "SELECT value, gmv, day FROM best WHERE metric_id = 18"
    put_all(s, &c, push, none, 1);
    assert_rows(s, BEST_CTR, "99 ~ 102");
    put_all(s, &c, push, a, 2);
    assert_rows(s, BEST_CTR, "9 500 100"); /* no GMV is weaker than any */
    put_all(s, &c, push, b, 2);
    assert_rows(s, BEST_CTR, "3 700 101");
    put_all(s, &c, push, tie, 2);
    assert_rows(s, BEST_CTR, "4 700 103"); /* ties to the later */
    assert_rows(s, "SELECT value, day FROM best WHERE metric_id = 16", "700 101"); /* of plain metrics the first sight */
}

/* The ratio of a closed day is read anew beside the GMV that the day has already. */
static void a_late_ratio_keeps_its_gmv_through_a_rebuild(struct stores *s)
{
    struct nilo_connection c = connection(s);
    char before[65], after[65];
    put(s, &c, "a", 100, GMV, 500);
    put_close(s, &c, 100);
    struct put late[] = {{.external_id = "a", .day = 100, .metric = GMV, .value = 500, .captured_at = 110 * NILO_US_DAY},
                         {.external_id = "a", .day = 100, .metric = CTR, .value = 9, .captured_at = 110 * NILO_US_DAY}};
    put_all(s, &c, push, late, 2);
    assert_int_equal(late[0].outcome, NILO_UNCHANGED);
    assert_int_equal(late[1].outcome, NILO_LATE);
    assert_rows(s, BEST_CTR, "9 500 100");
    ok(s, nilo_store_digest(s->store, before, &s->err));
    ok(s, nilo_store_rebuild(s->store, NULL, NULL, &s->err));
    ok(s, nilo_store_digest(s->store, after, &s->err));
    assert_string_equal(before, after);
}

/* A correction of an open day that a later --revise replaces: what it corrected stays out of the best. */
static void a_correction_counts_on_when_it_is_itself_revised(struct stores *s)
{
    struct nilo_connection c = connection(s);
    char before[65], after[65];
    put(s, &c, "a", 100, VIEWS, 1000);
    struct put right = {.external_id = "a", .day = 100, .metric = VIEWS, .value = 10};
    put_all(s, &c, revise, &right, 1);
    struct put file = {.external_id = "a", .day = 100, .metric = VIEWS, .value = 20, .captured_at = 100 * NILO_US_DAY + 20 * NILO_US_HOUR};
    put_all(s, &c, (struct nilo_policy){.kind = NILO_RUN_IMPORT, .revise = true}, &file, 1);
    assert_int_equal(file.outcome, NILO_REPLACED);
    assert_rows(s, "SELECT value FROM best", "20");
    ok(s, nilo_store_digest(s->store, before, &s->err));
    ok(s, nilo_store_rebuild(s->store, NULL, NULL, &s->err));
    ok(s, nilo_store_digest(s->store, after, &s->err));
    assert_rows(s, "SELECT value FROM best", "20");
    assert_string_equal(before, after);
}

/* 2.12: --revise amends estimated values only, on open days as on closed ones. */
static void a_backfill_never_displaces_an_observed_value(struct stores *s)
{
    struct nilo_connection c = connection(s);
    const struct nilo_policy backfill = {.kind = NILO_RUN_BACKFILL, .revise = true};
    struct put p = {.external_id = "a", .day = 100, .metric = VIEWS, .value = 7, .provenance = NILO_ESTIMATED, .captured_at = 101 * NILO_US_DAY};
    put(s, &c, "a", 100, VIEWS, 10);
    put_all(s, &c, backfill, &p, 1);
    assert_int_equal(p.outcome, NILO_KEPT);
    put_close(s, &c, 100);
    p.value = 8;
    put_all(s, &c, backfill, &p, 1);
    assert_int_equal(p.outcome, NILO_REFUSED);
    assert_rows(s, "SELECT seq, value FROM day_value", "0 10");
}

/* ---- rebuild -------------------------------------------------------------------------------------------------------------------------------- */

static void count_progress(void *ctx, int64_t done, int64_t of)
{
    int64_t *last = ctx;
    assert_true(done > *last && done <= of);
    *last = done;
}

static void rebuild_repairs_what_is_derived(struct stores *s)
{
    struct nilo_connection c = connection(s);
    char before[65], broken[65], after[65];
    int64_t last = 0;
    for (int i = 0; i < 5; i++) {
        put(s, &c, "a", 100 + i, VIEWS, 10 + i);
        put(s, &c, "b", 100 + i, LIKES, INT64_MAX - i);
    }
    ok(s, nilo_store_digest(s->store, before, &s->err));
    stores_exec(s, "UPDATE total SET hi = hi + 1");
    stores_exec(s, "DELETE FROM known");
    stores_exec(s, "DELETE FROM best");
    stores_exec(s, "UPDATE latest SET day = day + 1");
    ok(s, nilo_store_digest(s->store, broken, &s->err));
    assert_string_not_equal(before, broken);
    ok(s, nilo_store_rebuild(s->store, count_progress, &last, &s->err));
    assert_int_equal(last, 2);
    ok(s, nilo_store_digest(s->store, after, &s->err));
    assert_string_equal(before, after);
}

/* ---- scope ------------------------------------------------------------------------------------------------------------------------------------ */

static int count_row(void *ctx, const struct nilo_scan_row *row)
{
    (void)row;
    ++*(int *)ctx;
    return 0;
}
static int count_total(void *ctx, const struct nilo_total_row *row)
{
    (void)row;
    ++*(int *)ctx;
    return 0;
}

static void nothing_is_read_outside_of_the_scope(struct stores *s)
{
    struct nilo_connection c = connection(s), d = stores_connection(s, "v", NULL, "tube", "youtube", NULL);
    int64_t ann;
    put(s, &c, "a", 100, VIEWS, 10);
    put(s, &d, "a", 100, VIEWS, 10);
    ok(s, nilo_store_owner(s->store, d.workspace, "ann", true, &ann, &s->err));
    struct nilo_select any = {.kind = -1, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE, .as_of = NILO_US_NONE};
    const struct {
        struct nilo_scope scope;
        int rows;
        bool c, d;
    } table[] = {
        {NILO_SCOPE_ALL, 2, true, true},
        {{.role = NILO_ROLE_ADMIN, .workspaces = &c.workspace, .n = 1}, 1, true, false},
        {{.role = NILO_ROLE_SERVICE, .workspaces = &d.workspace, .n = 1}, 1, false, true},
        {{.role = NILO_ROLE_SERVICE}, 0, false, false},
        {{.role = NILO_ROLE_ADMIN, .all = true}, 0, false, false}, /* all is the service role's alone */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct {
            enum nilo_total_scope kind;
            int64_t id;
            bool may;
        } totals[] = {{NILO_TOTAL_WORKSPACE, c.workspace, table[i].c}, {NILO_TOTAL_WORKSPACE, d.workspace, table[i].d},
                      {NILO_TOTAL_CONNECTION, d.id, table[i].d}, {NILO_TOTAL_OWNER, ann, table[i].d}, {NILO_TOTAL_OWNER, 99, false}};
        int n = 0;
        ok(s, nilo_store_scan(s->store, &table[i].scope, &any, count_row, &n, &s->err));
        assert_int_equal(n, table[i].rows);
        for (size_t k = 0; k < sizeof totals / sizeof totals[0]; k++) {
            n = 0;
            int rc = nilo_store_totals(s->store, &table[i].scope, totals[k].kind, totals[k].id, 0, VIEWS, NILO_DAY_NONE, NILO_DAY_NONE, count_total,
                                       &n, &s->err);
            if (totals[k].may)
                ok(s, rc);
            else
                fails(s, NILO_EPERM, rc);
        }
    }
}

static int stop(void *ctx, const struct nilo_scan_row *row)
{
    (void)ctx;
    (void)row;
    return 7;
}

static void a_reader_may_stop_a_scan(struct stores *s)
{
    struct nilo_connection c = connection(s);
    struct nilo_scope all = NILO_SCOPE_ALL;
    struct nilo_select any = {.kind = -1, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE, .as_of = NILO_US_NONE};
    int n = 0;
    for (int i = 0; i < 5; i++)
        put(s, &c, "a", 100 + i, VIEWS, 10);
    assert_int_equal(nilo_store_scan(s->store, &all, &any, stop, NULL, &s->err), 7);
    ok(s, nilo_store_scan(s->store, &all, &any, count_row, &n, &s->err)); /* and the next one works */
    assert_int_equal(n, 5);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(meta_values_are_set_replaced_and_deleted),
        STORES_TEST(workspaces_are_made_once_and_listed),
        STORES_TEST(a_workspace_and_its_zone_are_made_together),
        STORES_TEST(a_new_zone_starts_at_the_first_day_later_than_today_in_both),
        STORES_TEST(a_zone_counts_from_the_beginning_while_nothing_is_recorded),
        STORES_TEST(connections_are_found_or_made),
        STORES_TEST(what_a_connection_remembers),
        STORES_TEST(metrics_are_defined_once),
        STORES_TEST(a_definition_taken_back_is_forgotten),
        STORES_TEST(entities_are_found_or_made_each_once),
        STORES_TEST(attributes_the_newest_word_wins_and_silence_takes_nothing),
        STORES_TEST(owners_belong_to_a_workspace),
        STORES_TEST(owner_totals_follow_credits_on_closed_days_too),
        STORES_TEST(a_credited_account_is_no_item),
        STORES_TEST(a_run_reads_back_as_written),
        STORES_TEST(questions_about_earlier_runs),
        STORES_TEST(items_that_vanished),
        STORES_TEST(a_run_taken_out_and_put_back),
        STORES_TEST(what_a_reading_does_to_an_open_day),
        STORES_TEST(a_closed_day_takes_amendments),
        STORES_TEST(days_close_from_the_first_that_holds_anything),
        STORES_TEST(the_caller_says_which_days_were_read_to_the_end),
        STORES_TEST(best_falls_only_by_a_correction_or_a_run_taken_out),
        STORES_TEST(ratios_stand_beside_the_greatest_gmv),
        STORES_TEST(a_late_ratio_keeps_its_gmv_through_a_rebuild),
        STORES_TEST(a_correction_counts_on_when_it_is_itself_revised),
        STORES_TEST(a_backfill_never_displaces_an_observed_value),
        STORES_TEST(rebuild_repairs_what_is_derived),
        STORES_TEST(nothing_is_read_outside_of_the_scope),
        STORES_TEST(a_reader_may_stop_a_scan),
    };
    return stores_run("store/conformance", tests, sizeof tests / sizeof tests[0]);
}
