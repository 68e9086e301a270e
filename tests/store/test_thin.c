/* Thinning: readings go, nothing else moves, now or later. Each history is played twice, once thinned in between, and both stores must end
 * alike to the bit. */
#include "store/put.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VIEWS = 1, LIKES = 5, GMV = 16, GPM = 17 };
enum { JAN = 20089, DAYS = 12 }; /* 2025-01-01 */

static const struct nilo_policy collecting = {.kind = NILO_RUN_COLLECT, .platform = true}, pushing = {.kind = NILO_RUN_PUSH},
                                revising = {.kind = NILO_RUN_REVISE, .revise = true};

static struct nilo_connection channel(struct stores *s)
{
    return stores_connection(s, "us", "UTC", "channel", "youtube", "db");
}

static int64_t thin(struct stores *s, int32_t until, bool all, bool dry_run)
{
    struct nilo_connection c = channel(s);
    int64_t removed = -1;
    const struct nilo_thin how = {.connection = c.id, .until = NILO_DAY(until), .all = all, .dry_run = dry_run, .author = "ann"};
    ok(s, nilo_store_thin(s->store, &how, &removed, &s->err));
    return removed;
}

/* Three readings a day of one metric, hours 6, 12 and 18. */
static void read_three_times(struct stores *s, const char *item, int32_t day, int64_t a, int64_t b, int64_t c, struct nilo_policy policy)
{
    struct nilo_connection to = channel(s);
    const int64_t values[] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        struct put p = {.external_id = item, .day = day, .metric = VIEWS, .value = values[i], .captured_at = day * NILO_US_DAY + (i + 1) * 6 * NILO_US_HOUR};
        put_all(s, &to, policy, &p, 1);
    }
}

static void readings_go_and_the_days_stay(struct stores *s)
{
    char before[65], after[65];
    struct nilo_connection c = channel(s);
    read_three_times(s, "rises", JAN, 1, 2, 3, collecting);   /* the last is the greatest: 1 stays */
    read_three_times(s, "falls", JAN, 9, 2, 3, collecting);   /* 2 stay: the day's value and the greatest */
    read_three_times(s, "same", JAN, 4, 4, 4, collecting);    /* the first sight and the day's value */
    read_three_times(s, "pushed", JAN, 1, 2, 3, pushing);     /* all stay */
    read_three_times(s, "rises", JAN + 1, 4, 5, 6, collecting); /* open */
    put_close(s, &c, JAN);
    ok(s, nilo_store_digest(s->store, before, &s->err));
    char *shown = stores_text(s, "SELECT * FROM day_value ORDER BY 1, 2, 3, 4, 5, 6");
    assert_int_equal(thin(s, JAN + 5, true, true), 4);
    assert_rows(s, "SELECT count(*) FROM observation", "15");
    assert_rows(s, "SELECT count(*) FROM thinning", "0");
    assert_int_equal(thin(s, JAN + 5, true, false), 4);
    assert_rows(s, "SELECT e.external_id, o.day, o.value FROM observation o JOIN entity e ON e.id = o.entity_id ORDER BY 1, 2, o.captured_at",
                "falls 20089 9|falls 20089 3|pushed 20089 1|pushed 20089 2|pushed 20089 3|rises 20089 3|rises 20090 4|rises 20090 5|rises 20090 6|"
                "same 20089 4|same 20089 4");
    assert_rows(s, "SELECT from_day, until_day, removed, author FROM thinning", "20089 20089 4 ann");
    char *still = stores_text(s, "SELECT * FROM day_value ORDER BY 1, 2, 3, 4, 5, 6");
    assert_string_equal(shown, still);
    free(shown);
    free(still);
    ok(s, nilo_store_digest(s->store, after, &s->err));
    assert_string_equal(before, after);
    ok(s, nilo_store_rebuild(s->store, NULL, NULL, &s->err));
    ok(s, nilo_store_digest(s->store, after, &s->err));
    assert_string_equal(before, after);
    assert_int_equal(thin(s, JAN + 5, true, false), 0);
}

static void it_goes_on_where_it_ended(struct stores *s)
{
    struct nilo_connection c = channel(s);
    read_three_times(s, "a", JAN, 1, 2, 3, collecting);
    read_three_times(s, "a", JAN + 40, 4, 5, 6, collecting);
    put_close(s, &c, JAN + 40);
    assert_int_equal(thin(s, JAN + 30, false, false), 2);
    assert_int_equal(thin(s, JAN + 50, false, false), 2);
    assert_rows(s, "SELECT from_day, until_day, removed FROM thinning ORDER BY id", "20089 20119 2|20120 20129 2");
    assert_int_equal(thin(s, JAN + 50, false, false), 0);
    assert_rows(s, "SELECT count(*) FROM thinning", "2");
}

static bool refused(struct stores *s, const char *sql)
{
    int rc = nilo_db_exec(nilo_store_db(s->store), sql, &s->err);
    return rc < 0 && s->err.code == NILO_ECLOSED;
}

static void the_door_is_open_for_the_named_days_only(struct stores *s)
{
    struct nilo_connection c = channel(s);
    read_three_times(s, "a", JAN, 9, 2, 3, collecting);
    read_three_times(s, "a", JAN + 1, 4, 5, 6, collecting);
    read_three_times(s, "a", JAN + 2, 7, 8, 8, collecting);
    read_three_times(s, "p", JAN, 1, 2, 3, pushing);
    put_close(s, &c, JAN + 2);
    assert_true(refused(s, "DELETE FROM observation WHERE value = 2"));
    assert_int_equal(thin(s, JAN, true, false), 1);
    assert_true(refused(s, "DELETE FROM observation WHERE value = 5"));                /* another day */
    assert_true(refused(s, "DELETE FROM observation WHERE day = 20089 AND value = 3")); /* a day's value */
    assert_true(refused(s, "DELETE FROM observation WHERE day = 20089 AND value = 9")); /* the best */
    assert_true(refused(s, "DELETE FROM observation WHERE value = 1"));                /* pushed */
    assert_true(refused(s, "UPDATE observation SET value = 7 WHERE value = 9"));
    assert_true(refused(s, "UPDATE thinning SET until_day = 99999"));
    assert_true(refused(s, "DELETE FROM thinning"));
}

/* ---- two stores, one thinned ------------------------------------------------------------------------------------------------ */

static void random_readings(struct stores *s, const struct nilo_random *r, int32_t day, int n)
{
    struct nilo_connection c = channel(s);
    static const char *const items[] = {"a", "b", "c"};
    static const int32_t metrics[] = {VIEWS, LIKES, GMV, GPM};
    for (int i = 0; i < n; i++) {
        struct nilo_policy policy = nilo_random_below(r, 10) == 0 ? pushing : nilo_random_below(r, 40) == 0 ? revising : collecting;
        struct put p[2] = {{.external_id = items[nilo_random_below(r, 3)], .win = nilo_random_below(r, 3) ? 0 : 30, .day = day,
                            .captured_at = day * NILO_US_DAY + (nilo_us)nilo_random_below(r, 24) * NILO_US_HOUR}};
        int which = (int)nilo_random_below(r, 4), two = which == 2;
        p[0].metric = metrics[which];
        p[0].value = (int64_t)nilo_random_below(r, 20);
        if (p[0].metric < GMV && nilo_random_below(r, 8) == 0)
            p[0].absence = NILO_HIDDEN;
        if (two) {
            p[1] = p[0];
            p[1].metric = GPM;
            p[1].value = (int64_t)nilo_random_below(r, 20);
        }
        put_all(s, &c, policy, p, two ? 2 : 1);
    }
}

/* The digest at the end of a history in which some days are read, thinned, and some of them read and corrected again. */
static void play(struct stores *s, uint64_t seed, bool thinned, char out[65], int64_t *ret_removed)
{
    struct nilo_seeded_random seeded;
    struct nilo_random r = nilo_seeded_random(&seeded);
    assert_int_equal(stores_fresh(s), 0);
    nilo_seeded_random_init(&seeded, seed);
    struct nilo_connection c = channel(s);
    for (int day = JAN; day < JAN + DAYS; day++) {
        s->clock.wall = (day + 1) * NILO_US_DAY;
        random_readings(s, &r, day, 40);
        if (day > JAN + 1)
            put_close(s, &c, day - 2);
        if (thinned && day % 3 == 0)
            *ret_removed += thin(s, day - 3, false, false);
        random_readings(s, &r, JAN + (int32_t)nilo_random_below(&r, (uint64_t)(day - JAN + 1)), 3); /* late, restated, corrected */
    }
    if (thinned)
        *ret_removed += thin(s, JAN + DAYS, true, false);
    char before[65];
    ok(s, nilo_store_digest(s->store, before, &s->err));
    ok(s, nilo_store_rebuild(s->store, NULL, NULL, &s->err));
    ok(s, nilo_store_digest(s->store, out, &s->err));
    assert_string_equal(before, out);
}

static void a_thinned_store_goes_on_like_one_that_is_not(struct stores *s)
{
    int64_t removed = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        char whole[65], thinned[65];
        play(s, seed, false, whole, &removed);
        char *shown = stores_text(s, "SELECT * FROM day_value ORDER BY 1, 2, 3, 4, 5, 6");
        play(s, seed, true, thinned, &removed);
        char *still = stores_text(s, "SELECT * FROM day_value ORDER BY 1, 2, 3, 4, 5, 6");
        if (strcmp(whole, thinned) != 0 || strcmp(shown, still) != 0)
            fail_msg("seed %d: the thinned store came to something else", (int)seed);
        free(shown);
        free(still);
    }
    assert_true(removed > 100);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(readings_go_and_the_days_stay),
        STORES_TEST(it_goes_on_where_it_ended),
        STORES_TEST(the_door_is_open_for_the_named_days_only),
        STORES_TEST(a_thinned_store_goes_on_like_one_that_is_not),
    };
    return stores_run("thin", tests, sizeof tests / sizeof tests[0]);
}
