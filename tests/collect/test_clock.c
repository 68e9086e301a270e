/* A clock that was ahead for one collection and was put right: nothing that it read may stay, and no day may be left out for it. On both engines. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <string.h>

#include "collect/world.h"
#include "record/record.h"
#include "support/pg.h"
#include "support/tmp.h"

#define NOTHING INT64_MIN

static char app_path[256];

/* The clock may go back here. */
static void clock_at(struct world *w, const char *now)
{
    w->clock.wall = world_us(now);
}

static void collected_at(struct world *w, const char *now)
{
    clock_at(w, now);
    world_collects(w, NULL);
}

static void start(struct world *w, const char *name, bool postgres, const char *now)
{
    char config[600];
    const char *url = NULL;
    if (postgres && (url = nilo_test_pg_database(name)) == NULL) {
        printf("# skipped: %s\n", nilo_test_pg_missing());
        skip();
    }
    snprintf(app_path, sizeof app_path, "%s/%s.app", nilo_test_tmp(), name);
    nilo_test_remove(app_path);
    world_sql(app_path, "CREATE TABLE profiles (id INTEGER PRIMARY KEY, created_at TEXT); INSERT INTO profiles (created_at) VALUES ('2026-03-20T00:00:00Z')");
    snprintf(config, sizeof config, "connections:\n  - name: app\n    platform: sql\n    database: %s\n    users: profiles\n", app_path);
    world_init(w, name, url, config, now);
}

static void check_users(struct world *w, const char *day, int64_t wanted)
{
    int64_t value = world_value(w, "app", "users_total", day);
    if (value != wanted)
        fail_msg("users_total on %s is %lld, wanted %lld", day, (long long)value, (long long)wanted);
}

static void check_note(struct world *w, const char *wanted)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 4096);
    assert_int_equal(nilo_record_clock_note(w->store, &b, &w->err), 0);
    bool good = wanted != NULL ? strstr(nilo_buf_str(&b), wanted) != NULL : b.len == 0;
    if (!good)
        fail_msg("\"%s\", wanted %s", nilo_buf_str(&b), wanted != NULL ? wanted : "nothing");
    nilo_buf_done(&b);
}

static void accept_taking_out(struct world *w, const char *wanted)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 4096);
    if (nilo_record_accept_clock(w->store, &b, &w->err) != 0)
        fail_msg("%s", w->err.msg);
    assert_string_equal(nilo_buf_str(&b), wanted);
    nilo_buf_done(&b);
    check_note(w, NULL);
}

static void rebuild_changes_nothing(struct world *w)
{
    char before[65], after[65];
    assert_int_equal(nilo_store_digest(w->store, before, &w->err), 0);
    assert_int_equal(nilo_store_rebuild(w->store, NULL, NULL, &w->err), 0);
    assert_int_equal(nilo_store_digest(w->store, after, &w->err), 0);
    assert_string_equal(before, after);
    assert_int_equal(nilo_store_verify(w->store, NULL, NULL, &w->err), 0);
}

static const char more_users[] = "INSERT INTO profiles (created_at) VALUES ('2026-03-31T20:00:00Z'), ('2026-03-31T21:00:00Z')";

static int64_t closed_until(struct world *w)
{
    return world_connection(w, "app").closed_until.n;
}

/* The days after it was put right, with what they must hold however that was done. */
static void the_days_after_are_right(struct world *w)
{
    collected_at(w, "2026-04-01T07:00:00Z");
    collected_at(w, "2026-04-02T07:00:00Z");
    check_note(w, NULL);
    assert_int_equal(closed_until(w), world_day("2026-04-01").n);
    check_users(w, "2026-03-30", 1);
    check_users(w, "2026-03-31", 3);
    check_users(w, "2026-04-01", 3);
    check_users(w, "2026-04-02", 3);
    check_users(w, "2026-04-03", NOTHING);
    check_users(w, "2026-04-08", NOTHING);
    check_users(w, "2026-04-09", NOTHING);
    rebuild_changes_nothing(w);
}

static void ahead(struct world *w, const char *name, bool postgres)
{
    start(w, name, postgres, "2026-03-30T07:00:00Z");
    world_collects(w, NULL);
    collected_at(w, "2026-04-09T07:00:00Z");
    check_users(w, "2026-04-09", 1);
    assert_int_equal(closed_until(w), world_day("2026-03-29").n); /* nothing on what that clock had read */
    world_sql(app_path, more_users);
}

static void accepted_at_once(bool postgres)
{
    struct world w;
    ahead(&w, postgres ? "clock_once_pg" : "clock_once", postgres);
    clock_at(&w, "2026-03-31T06:00:00Z");
    check_note(&w, "is behind runs 3, 4;");
    accept_taking_out(&w, "3, 4");
    accept_taking_out(&w, "");
    collected_at(&w, "2026-03-31T23:50:00Z");
    check_users(&w, "2026-03-31", 3);
    the_days_after_are_right(&w);
    world_done(&w);
}

/* Nobody collected on the days of which only the false run had read something. */
static void nobody_collects_for_days(bool postgres)
{
    struct world w;
    ahead(&w, postgres ? "clock_pause_pg" : "clock_pause", postgres);
    clock_at(&w, "2026-03-31T06:00:00Z");
    accept_taking_out(&w, "3, 4");
    collected_at(&w, "2026-04-01T08:00:00Z");
    the_days_after_are_right(&w);
    world_done(&w);
}

/* Its date comes before anybody collects again: what only the false runs had read is due all the same. */
static void nobody_collects_until_it_is_past(bool postgres)
{
    struct world w;
    ahead(&w, postgres ? "clock_past_pg" : "clock_past", postgres);
    clock_at(&w, "2026-03-31T06:00:00Z");
    accept_taking_out(&w, "3, 4");
    collected_at(&w, "2026-04-11T07:00:00Z");
    assert_int_equal(w.runs[0].first_day.n, world_day("2026-03-30").n);
    accept_taking_out(&w, "");
    check_users(&w, "2026-03-30", 1);
    check_users(&w, "2026-03-31", 3);
    check_users(&w, "2026-04-08", 3);
    collected_at(&w, "2026-04-11T07:10:00Z");
    assert_int_equal(closed_until(&w), world_day("2026-04-10").n);
    rebuild_changes_nothing(&w);
    world_done(&w);
}

/* A store whose clock was accepted by a version that took nothing out. */
static void accepted_without_taking_out(bool postgres)
{
    struct world w;
    char now[32];
    ahead(&w, postgres ? "clock_old_pg" : "clock_old", postgres);
    clock_at(&w, "2026-03-31T06:00:00Z");
    snprintf(now, sizeof now, "%lld", (long long)w.clock.wall);
    assert_int_equal(nilo_store_begin(w.store, &w.err), 0);
    assert_int_equal(nilo_store_meta_set(w.store, "clock_accepted", now, &w.err), 0);
    assert_int_equal(nilo_store_meta_set(w.store, "clock_accepted_run", "4", &w.err), 0);
    assert_int_equal(nilo_store_meta_set(w.store, "clock_hold", NULL, &w.err), 0);
    assert_int_equal(nilo_store_commit(w.store, &w.err), 0);
    collected_at(&w, "2026-04-01T06:30:00Z");
    check_note(&w, "is behind runs 3, 4;");
    assert_int_equal(closed_until(&w), world_day("2026-03-29").n);
    accept_taking_out(&w, "3, 4");
    the_days_after_are_right(&w);
    world_done(&w);
}

/* Collections before that close nothing, and count as soon as the false ones do not. */
static void accepted_later(bool postgres)
{
    struct world w;
    ahead(&w, postgres ? "clock_later_pg" : "clock_later", postgres);
    collected_at(&w, "2026-03-31T23:50:00Z");
    collected_at(&w, "2026-04-01T06:30:00Z");
    assert_int_equal(closed_until(&w), world_day("2026-03-29").n);
    assert_int_equal(world_connection(&w, "app").read_until.n, world_day("2026-03-31").n);
    check_note(&w, "is behind runs 3, 4;");
    accept_taking_out(&w, "3, 4");
    check_users(&w, "2026-03-31", 3);
    the_days_after_are_right(&w);
    world_done(&w);
}

/* By hand, one by one: the same, and only what lies in the future can be dropped so. */
static void rejected_by_hand(bool postgres)
{
    struct world w;
    ahead(&w, postgres ? "clock_hand_pg" : "clock_hand", postgres);
    clock_at(&w, "2026-03-31T06:00:00Z");
    assert_int_equal(nilo_record_run_reject(w.store, 2, &w.err), -1);
    assert_non_null(strstr(w.err.msg, "run 2 is completed"));
    assert_int_equal(nilo_record_run_accept(w.store, 3, &w.err), -1);
    assert_int_equal(nilo_record_run_reject(w.store, 4, &w.err), 0);
    check_note(&w, "is behind run 3;");
    assert_int_equal(nilo_record_run_reject(w.store, 3, &w.err), 0);
    assert_int_equal(nilo_record_run_reject(w.store, 3, &w.err), -1);
    accept_taking_out(&w, "");
    the_days_after_are_right(&w);
    world_done(&w);
}

#define BOTH(fn)                                                                                                       \
    static void fn##_sqlite(void **state)                                                                              \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        fn(false);                                                                                                     \
    }                                                                                                                  \
    static void fn##_postgres(void **state)                                                                            \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        fn(true);                                                                                                      \
    }
BOTH(accepted_at_once)
BOTH(nobody_collects_for_days)
BOTH(accepted_later)
BOTH(nobody_collects_until_it_is_past)
BOTH(accepted_without_taking_out)
BOTH(rejected_by_hand)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_at_once_sqlite),         cmocka_unit_test(accepted_at_once_postgres),
        cmocka_unit_test(nobody_collects_for_days_sqlite), cmocka_unit_test(nobody_collects_for_days_postgres),
        cmocka_unit_test(accepted_later_sqlite),           cmocka_unit_test(accepted_later_postgres),
        cmocka_unit_test(nobody_collects_until_it_is_past_sqlite), cmocka_unit_test(nobody_collects_until_it_is_past_postgres),
        cmocka_unit_test(accepted_without_taking_out_sqlite), cmocka_unit_test(accepted_without_taking_out_postgres),
        cmocka_unit_test(rejected_by_hand_sqlite),         cmocka_unit_test(rejected_by_hand_postgres),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
