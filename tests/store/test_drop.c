/* Dropping: whole old closed days go, every number derived from them stays. Each history is played twice, once with days dropped in between,
 * and both stores must end with the same derived rows to the bit: known, latest, best and totals, of every day. */
#include "store/put.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VIEWS = 1, LIKES = 5, GMV = 16, GPM = 17 };
enum { JAN = 20089, DAYS = 45 }; /* 2025-01-01 */

static const struct nilo_policy collecting = {.kind = NILO_RUN_COLLECT, .platform = true}, pushing = {.kind = NILO_RUN_PUSH},
                                revising = {.kind = NILO_RUN_REVISE, .revise = true};

static struct nilo_connection channel(struct stores *s)
{
    return stores_connection(s, "us", "UTC", "channel", "youtube", "db");
}

static struct nilo_dropped drop(struct stores *s, int32_t until, bool dry_run)
{
    struct nilo_connection c = channel(s);
    struct nilo_dropped went = {-1, -1};
    const struct nilo_drop how = {.connection = c.id, .until = NILO_DAY(until), .dry_run = dry_run, .author = "ann"};
    ok(s, nilo_store_drop(s->store, &how, &went, &s->err));
    return went;
}

static void read_one(struct stores *s, const char *item, int32_t day, int32_t metric, int64_t value)
{
    struct nilo_connection c = channel(s);
    struct put p = {.external_id = item, .day = day, .metric = metric, .value = value};
    put_all(s, &c, collecting, &p, 1);
}

/* Derived rows before and behind something that must not change them, and from a rebuild. */
static void digest(struct stores *s, char out[65])
{
    char anew[65];
    ok(s, nilo_store_digest(s->store, out, &s->err));
    ok(s, nilo_store_rebuild(s->store, NULL, NULL, &s->err));
    ok(s, nilo_store_digest(s->store, anew, &s->err));
    assert_string_equal(out, anew);
}

static int complain(void *ctx, const struct nilo_finding *f)
{
    fail_msg("doctor, %s: %s %s %s", (const char *)ctx, f->item ? f->item : "", f->day ? f->day : "", f->text);
    return 1;
}

static void doctor_is_content(struct stores *s)
{
    for (size_t i = 0; i < nilo_checks_n; i++)
        if (nilo_checks[i].level == NILO_CHECK_WRONG)
            ok(s, nilo_store_check(s->store, &nilo_checks[i], complain, (void *)(uintptr_t)nilo_checks[i].name, &s->err));
}

#define DAY_VALUES "SELECT e.external_id, v.day, v.metric_id, v.value FROM day_value v JOIN entity e ON e.id = v.entity_id ORDER BY 1, 2, 3, v.seq"

static void days_go_and_what_later_ones_stand_on_stays(struct stores *s)
{
    char before[65], after[65];
    struct nilo_connection c = channel(s);
    for (int32_t day = JAN; day < JAN + 5; day++) {
        read_one(s, "grows", day, VIEWS, 10 * (day - JAN + 1));
        read_one(s, "grows", day, LIKES, 2);
    }
    read_one(s, "peaks", JAN + 1, VIEWS, 900);
    read_one(s, "peaks", JAN + 2, VIEWS, 5); /* and is never read again */
    put_close(s, &c, JAN + 3);
    digest(s, before);
    assert_int_equal(drop(s, JAN + 2, true).values, 8);
    assert_rows(s, "SELECT count(*) FROM day_drop", "0");
    struct nilo_dropped went = drop(s, JAN + 2, false);
    assert_int_equal(went.days, 3);
    assert_int_equal(went.values, 8);
    assert_rows(s, DAY_VALUES,
                "grows 20089 1 10|grows 20091 1 30|grows 20091 5 2|grows 20092 1 40|grows 20092 5 2|grows 20093 1 50|grows 20093 5 2|"
                "peaks 20090 1 900|peaks 20091 1 5");
    assert_rows(s, "SELECT count(*), min(day) FROM observation", "4 20092");
    assert_rows(s, "SELECT from_day, until_day, n, values_n, author FROM day_drop", "20089 20091 5 8 ann"); /* 4 closings before it */
    assert_rows(s, "SELECT e.external_id, f.metric_id, f.value, f.day FROM best_floor f JOIN entity e ON e.id = f.entity_id ORDER BY 1, 2",
                "grows 1 30 20091|grows 5 2 20089|peaks 1 900 20090");
    digest(s, after);
    assert_string_equal(before, after);
    doctor_is_content(s);
}

static void it_goes_on_where_it_ended_and_takes_closed_days_only(struct stores *s)
{
    char before[65], after[65];
    struct nilo_connection c = channel(s);
    for (int32_t day = JAN; day < JAN + 50; day++)
        read_one(s, "a", day, VIEWS, day % 7);
    assert_int_equal(drop(s, JAN + 50, false).days, 0); /* nothing is closed */
    put_close(s, &c, JAN + 40);
    digest(s, before);
    assert_int_equal(drop(s, JAN + 9, false).days, 10);
    assert_int_equal(drop(s, JAN + 9, false).days, 0);
    assert_int_equal(drop(s, JAN + 90, false).days, 31);
    assert_int_equal(drop(s, JAN + 90, false).days, 0);
    assert_rows(s, "SELECT from_day, until_day FROM day_drop ORDER BY until_day", "20089 20098|20099 20129");
    assert_rows(s, "SELECT dropped_until FROM connection", "20129");
    assert_rows(s, "SELECT min(day), count(*) FROM day_value WHERE day <= 20129", "20089 2");
    digest(s, after);
    assert_string_equal(before, after);
    doctor_is_content(s);
}

static bool refused(struct stores *s, const char *sql)
{
    int rc = nilo_db_exec(nilo_store_db(s->store), sql, &s->err);
    return rc < 0 && s->err.code == NILO_ECLOSED;
}

static void the_door_is_shut_behind_it(struct stores *s)
{
    struct nilo_connection c = channel(s);
    for (int32_t day = JAN; day < JAN + 5; day++)
        read_one(s, "a", day, VIEWS, day - JAN);
    put_close(s, &c, JAN + 3);
    drop(s, JAN + 2, false);
    static const char *const closed[] = {
        "DELETE FROM day_value WHERE day = 20091", /* what was left */
        "DELETE FROM day_value WHERE day = 20092", "DELETE FROM observation WHERE day = 20092",
        "UPDATE day_value SET value = 7 WHERE day = 20091",
        "UPDATE day_drop SET until_day = 99999", "DELETE FROM day_drop",
        "INSERT INTO day_drop (connection_id, until_day, from_day, n, values_n, dropped_at) VALUES (1, 20093, 20092, 9, 0, 0)", /* 20093 is open */
        "INSERT INTO day_drop (connection_id, until_day, from_day, n, values_n, dropped_at) VALUES (1, 20092, 20090, 9, 0, 0)", /* 20090 is gone */
        "UPDATE best_floor SET value = 1000", "DELETE FROM best_floor",
        "INSERT INTO best_floor SELECT bucket, entity_id, 5, value, gmv, win, day, captured_at, run_id FROM best_floor",
        "UPDATE carried_total SET hi = 9", "DELETE FROM carried_total",
        "INSERT INTO carried_total SELECT scope_kind, scope_id, win, 9, day, workspace_id, hi, lo, known, fresh FROM carried_total",
        "UPDATE connection SET dropped_until = 20092", "UPDATE connection SET dropped_until = 20089",
        "INSERT INTO observation (bucket, entity_id, win, captured_at, metric_id, run_id, day, value, absence, provenance, rank, recorded_at) "
        "SELECT bucket, entity_id, win, captured_at, 5, run_id, 20090, value, absence, provenance, rank, recorded_at FROM observation",
        "INSERT INTO day_value (bucket, entity_id, win, day, metric_id, seq, value, absence, provenance, rank, cause, run_id, captured_at, recorded_at) "
        "SELECT bucket, entity_id, win, day, metric_id, 1, 77, 0, provenance, rank, 3, run_id, captured_at, recorded_at FROM day_value WHERE day = 20091",
    };
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++)
        if (!refused(s, closed[i]))
            fail_msg("not refused: %s", closed[i]);
    struct put p = {.external_id = "a", .day = JAN, .metric = VIEWS, .value = 70};
    put_all(s, &c, revising, &p, 1);
    assert_int_equal(p.outcome, NILO_REFUSED);
}

static void no_reading_of_a_dropped_day_is_forgotten_by_the_best(struct stores *s)
{
    struct nilo_connection c = channel(s);
    read_one(s, "a", JAN, VIEWS, 50);
    read_one(s, "a", JAN + 1, VIEWS, 100);
    put_close(s, &c, JAN + 1);
    drop(s, JAN, false);
    struct put p = {.external_id = "a", .day = JAN + 1, .metric = VIEWS, .value = 10, .captured_at = (JAN + 1) * NILO_US_DAY + 1};
    put_all(s, &c, revising, &p, 1);
    assert_rows(s, "SELECT value, day FROM best", "50 20089");
}

/* The second act fails at its very end: nothing of it is there, the first one stands, and the next call goes on with it. */
static void an_act_that_is_cut_off_leaves_nothing(struct stores *s)
{
    char before[65], after[65];
    struct nilo_connection c = channel(s);
    bool sqlite = s->engine == NILO_DB_SQLITE;
    struct nilo_dropped went = {0};
    for (int32_t day = JAN; day < JAN + 60; day++)
        read_one(s, "a", day, VIEWS, day % 9);
    put_close(s, &c, JAN + 58);
    digest(s, before);
    stores_exec(s, sqlite ? "CREATE TRIGGER cut BEFORE UPDATE ON connection WHEN NEW.dropped_until > 20120 BEGIN SELECT RAISE(ABORT, 'cut'); END"
                          : "ALTER TABLE connection ADD CONSTRAINT cut CHECK (dropped_until <= 20120)");
    const struct nilo_drop how = {.connection = c.id, .until = NILO_DAY(JAN + 50), .author = "ann"};
    assert_int_equal(nilo_store_drop(s->store, &how, &went, &s->err), -1);
    stores_exec(s, sqlite ? "DROP TRIGGER cut" : "ALTER TABLE connection DROP CONSTRAINT cut");
    assert_rows(s, "SELECT d.from_day, d.until_day, c.dropped_until FROM day_drop d JOIN connection c ON c.id = d.connection_id", "20089 20119 20119");
    assert_rows(s, "SELECT count(*), min(day) FROM observation", "29 20120");
    doctor_is_content(s);
    assert_int_equal(drop(s, JAN + 50, false).days, 20);
    digest(s, after);
    assert_string_equal(before, after);
    doctor_is_content(s);
}

/* ---- two stores, one with days dropped ------------------------------------------------------------------------------------------- */

static void random_readings(struct stores *s, const struct nilo_random *r, int32_t day, int n)
{
    struct nilo_connection c = channel(s);
    static const char *const items[] = {"a", "b", "c", "d"};
    static const int32_t metrics[] = {VIEWS, LIKES, GMV, GPM};
    for (int i = 0; i < n; i++) {
        struct nilo_policy policy = nilo_random_below(r, 10) == 0 ? pushing : nilo_random_below(r, 30) == 0 ? revising : collecting;
        struct put p[2] = {{.external_id = items[nilo_random_below(r, 4)], .win = nilo_random_below(r, 3) ? 0 : 30, .day = day,
                            .captured_at = day * NILO_US_DAY + (nilo_us)nilo_random_below(r, 24) * NILO_US_HOUR}};
        int which = (int)nilo_random_below(r, 4), two = which == 2;
        p[0].metric = metrics[which];
        p[0].value = (int64_t)nilo_random_below(r, 20);
        if (p[0].metric < GMV && nilo_random_below(r, 5) == 0)
            p[0].absence = nilo_random_below(r, 2) ? NILO_HIDDEN : NILO_FAILED;
        if (two) {
            p[1] = p[0];
            p[1].metric = GPM;
            p[1].value = (int64_t)nilo_random_below(r, 20);
        }
        put_all(s, &c, policy, p, two ? 2 : 1);
        if (nilo_random_below(r, 60) == 0) { /* taken out again */
            ok(s, nilo_store_begin(s->store, &s->err));
            ok(s, nilo_store_run_count(s->store, p[0].run, NILO_REJECTED, &s->err));
            ok(s, nilo_store_commit(s->store, &s->err));
        }
    }
}

static void credit(struct stores *s, const char *item, const char *owner, int32_t from, int32_t to)
{
    struct nilo_connection c = channel(s);
    struct nilo_credit_in in = {.entity = put_entity(s, &c, item), .workspace = c.workspace, .from_day = NILO_DAY(from), .to_day = NILO_DAY(to)};
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_owner(s->store, c.workspace, owner, true, &in.owner, &s->err));
    ok(s, nilo_store_credit_add(s->store, &in, 1, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
}

#define LATER "SELECT * FROM day_value WHERE day > %d ORDER BY 1, 2, 3, 4, 5, 6"

/* The digest at the end of a history in which days are read, closed, dropped, and later ones corrected. */
static char *play(struct stores *s, uint64_t seed, bool dropping, char out[65], int64_t *ret_dropped)
{
    struct nilo_seeded_random seeded;
    struct nilo_random r = nilo_seeded_random(&seeded);
    int32_t gone = JAN - 1;
    char sql[200];
    assert_int_equal(stores_fresh(s), 0);
    nilo_seeded_random_init(&seeded, seed);
    struct nilo_connection c = channel(s);
    credit(s, "a", "ann", JAN + 5, JAN + 30);
    credit(s, "b", "ann", NILO_DAY_NONE.n, NILO_DAY_MAX.n);
    credit(s, "b", "bob", JAN + 38, JAN + 40);
    for (int32_t day = JAN; day < JAN + DAYS; day++) {
        s->clock.wall = (day + 1) * NILO_US_DAY;
        if (day % 5) /* some days are not read at all */
            random_readings(s, &r, day, 8);
        if (day > JAN + 1)
            put_close(s, &c, day - 2);
        if (day > JAN + 4 && day % 4 == 0)
            gone = day - 3 - (int32_t)nilo_random_below(&r, 2) * 2;
        if (dropping && day > JAN + 4 && day % 4 == 0)
            *ret_dropped += drop(s, gone, false).values;
        random_readings(s, &r, gone + 1 + (int32_t)nilo_random_below(&r, (uint64_t)(day - gone)), 3); /* late, restated, corrected */
    }
    digest(s, out);
    doctor_is_content(s);
    snprintf(sql, sizeof sql, LATER, (int)gone);
    return stores_text(s, sql);
}

static void a_store_with_dropped_days_goes_on_like_a_whole_one(struct stores *s)
{
    int64_t values = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        char whole[65], less[65];
        char *shown = play(s, seed, false, whole, &values), *still = play(s, seed, true, less, &values);
        if (strcmp(whole, less) != 0 || strcmp(shown, still) != 0)
            fail_msg("seed %d: the store with dropped days came to something else", (int)seed);
        free(shown);
        free(still);
    }
    assert_true(values > 500);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(days_go_and_what_later_ones_stand_on_stays),
        STORES_TEST(it_goes_on_where_it_ended_and_takes_closed_days_only),
        STORES_TEST(the_door_is_shut_behind_it),
        STORES_TEST(no_reading_of_a_dropped_day_is_forgotten_by_the_best),
        STORES_TEST(an_act_that_is_cut_off_leaves_nothing),
        STORES_TEST(a_store_with_dropped_days_goes_on_like_a_whole_one),
    };
    return stores_run("drop", tests, sizeof tests / sizeof tests[0]);
}
