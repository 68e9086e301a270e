/* What became of an item is a dated event: where its attributes change whether it is there, whoever changes them, and nowhere else. Both engines. */
#include "put.h"

#include <stdio.h>
#include <string.h>

#define EVENTS "SELECT e.external_id, v.was, v.event, v.at, COALESCE(v.status, '-') FROM content_event v JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id ORDER BY v.id"
#define NO NILO_US_NONE

/* One reading's words of one item, as record hands them over. */
static void said(struct stores *s, const struct nilo_connection *c, const char *id, const char *status, nilo_us deleted_at, nilo_us at)
{
    const struct nilo_attrs a = {.posted_at = NO, .deleted_at = deleted_at, .at = at, .duration_ms = -1, .status = status};
    const struct nilo_entity_in in = {NILO_CONTENT, id, &a};
    struct nilo_entity_ref ref;
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_entities(s->store, c, &in, 1, &ref, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
}

static struct nilo_connection place(struct stores *s) { return stores_connection(s, "w", "Asia/Tokyo", "yt", "youtube", "file"); }

static void each_change_is_an_event_and_nothing_else_is(struct stores *s)
{
    static const struct step {
        const char *status;
        nilo_us deleted_at, at;
        const char *event; /* was, is, at, status; NULL: none */
    } steps[] = {
        {"private", NO, 10, NULL}, /* how a new item is found is no change */
        {"private", NO, 11, NULL},
        {"public", NO, 20, "a 2 0 20 public"},
        {NULL, NO, 21, NULL}, /* says nothing of it */
        {"unlisted", NO, 30, "a 0 1 30 unlisted"},
        {"public", NO, 25, NULL}, /* an older word */
        {"somehow", NO, 40, "a 1 0 40 somehow"}, /* a word that nobody knows hides nothing */
        {"archived", NO, 41, "a 0 1 41 archived"},
        {"gone", 45, 50, "a 1 3 45 gone"},
        {"gone", 46, 51, NULL},
        {"private", NO, 60, NULL}, /* a word does not bring it back: that is said apart */
    };
    struct nilo_connection c = place(s);
    char seen[2000] = "";
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        said(s, &c, "a", steps[i].status, steps[i].deleted_at, steps[i].at);
        if (steps[i].event != NULL)
            snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%s", seen[0] ? "|" : "", steps[i].event);
        assert_rows(s, EVENTS, seen);
    }
}

static void what_is_set_is_an_event_too(struct stores *s)
{
    struct nilo_connection c = place(s);
    struct nilo_entity_ref e;
    struct nilo_attrs a = {.posted_at = NO, .deleted_at = 500, .at = 600, .duration_ms = -1, .status = "private"};
    said(s, &c, "a", "public", NO, 10);
    said(s, &c, "b", NULL, NO, 10);
    ok(s, nilo_store_item(s->store, &c, "a", &e, &s->err));
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_content_set(s->store, e, &a, 1u << NILO_ATTR_TITLE, &s->err)); /* of something else */
    ok(s, nilo_store_content_set(s->store, e, &a, 1u << NILO_ATTR_DELETED, &s->err));
    ok(s, nilo_store_content_set(s->store, e, &a, 1u << NILO_ATTR_DELETED, &s->err));
    a.deleted_at = NO;
    a.at = 700;
    ok(s, nilo_store_content_set(s->store, e, &a, 1u << NILO_ATTR_DELETED | 1u << NILO_ATTR_STATUS, &s->err)); /* there, but private */
    a.status = NULL;
    a.at = 800;
    ok(s, nilo_store_content_set(s->store, e, &a, 1u << NILO_ATTR_STATUS, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    assert_rows(s, EVENTS, "a 0 3 500 private|a 3 2 700 private|a 2 0 800 -");
}

static void its_day_is_the_workspaces(struct stores *s)
{
    struct nilo_connection c = place(s);
    said(s, &c, "a", "public", NO, stores_us("2025-03-19T12:00:00Z"));
    said(s, &c, "a", "private", NO, stores_us("2025-03-19T16:00:00Z")); /* in Tokyo it is the 20th */
    char day[40];
    snprintf(day, sizeof day, "%d", stores_day("2025-03-20").n);
    assert_rows(s, "SELECT day FROM content_event", day);
    assert_int_equal(stores_int(s, "SELECT recorded_at FROM content_event"), s->clock.wall);
}

static void what_is_rolled_back_has_not_happened(struct stores *s)
{
    struct nilo_connection c = place(s);
    const struct nilo_attrs a = {.posted_at = NO, .deleted_at = 30, .at = 30, .duration_ms = -1};
    const struct nilo_entity_in in = {NILO_CONTENT, "a", &a};
    struct nilo_entity_ref ref;
    said(s, &c, "a", "public", NO, 10);
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_entities(s->store, &c, &in, 1, &ref, &s->err));
    nilo_store_rollback(s->store);
    assert_rows(s, EVENTS, "");
    said(s, &c, "a", NULL, 40, 40);
    assert_rows(s, EVENTS, "a 0 3 40 -");
}

static void no_sql_changes_an_event(struct stores *s)
{
    struct nilo_connection c = place(s);
    said(s, &c, "a", "public", NO, 10);
    said(s, &c, "a", "private", NO, 20);
    const char *const tries[] = {
        "UPDATE content_event SET at = 5", "DELETE FROM content_event",
        s->engine == NILO_DB_SQLITE ? "INSERT OR REPLACE INTO content_event SELECT bucket, entity_id, id, day, at + 1, event, was, status, recorded_at FROM content_event"
                                    : "TRUNCATE content_event",
    };
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        if (nilo_db_exec(nilo_store_db(s->store), tries[i], &s->err) == 0)
            fail_msg("%s went through", tries[i]);
        assert_non_null(strstr(s->err.msg, "append-only"));
    }
    assert_rows(s, EVENTS, "a 0 2 20 private");
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(each_change_is_an_event_and_nothing_else_is),
        STORES_TEST(what_is_set_is_an_event_too),
        STORES_TEST(its_day_is_the_workspaces),
        STORES_TEST(what_is_rolled_back_has_not_happened),
        STORES_TEST(no_sql_changes_an_event),
    };
    return stores_run("content events", tests, sizeof tests / sizeof tests[0]);
}
