/* The app's days, 32 to a row, follow the record: values that come, go, are restated and dropped, at either end of a row and before 1970. SQLite's alone. */
#include "store/put.h"

#include <string.h>

enum { USERS = 3, POSTS = 4 };   /* any two metrics */
enum { FIRST = 20096 };          /* 628 * 32 */

static const struct nilo_policy pushing = {.kind = NILO_RUN_PUSH}, revising = {.kind = NILO_RUN_REVISE, .revise = true};

static void sqlite_only(const struct stores *s)
{
    if (s->engine == NILO_DB_SQLITE)
        return;
    print_message("skipped: PostgreSQL has no such table\n");
    skip();
}

static struct nilo_connection app(struct stores *s)
{
    return stores_connection(s, "us", "UTC", "app", "sql", "db");
}

static void read_one(struct stores *s, struct nilo_policy policy, int32_t day, int32_t metric, int64_t value, enum nilo_absence absence)
{
    struct nilo_connection c = app(s);
    struct put p = {.external_id = NILO_APP_ID, .kind = NILO_APP, .day = day, .metric = metric, .value = value, .absence = absence};
    put_all(s, &c, policy, &p, 1);
}

#define ROWS "SELECT metric_id, block, replace(rtrim(cells, ','), ',', '_') FROM app_days ORDER BY 1, 2"

static void a_row_holds_what_is_shown_now(struct stores *s)
{
    struct nilo_connection c = app(s);
    sqlite_only(s);
    read_one(s, pushing, FIRST, USERS, 7, NILO_PRESENT);
    read_one(s, pushing, FIRST + 2, USERS, -9, NILO_PRESENT);
    read_one(s, pushing, FIRST + 31, USERS, INT64_MAX, NILO_PRESENT);
    read_one(s, pushing, FIRST + 32, USERS, 8, NILO_PRESENT);
    read_one(s, pushing, FIRST + 1, POSTS, 0, NILO_PRESENT);
    read_one(s, pushing, -1, POSTS, 5, NILO_PRESENT); /* the last day of 1969 */
    assert_rows(s, ROWS, "3 628 7__-9_____________________________9223372036854775807|3 629 8|4 -1 _______________________________5|4 628 _0");
    read_one(s, pushing, FIRST + 2, USERS, 10, NILO_PRESENT); /* the day is open: another value */
    read_one(s, pushing, FIRST + 3, USERS, 0, NILO_FAILED);
    put_close(s, &c, FIRST + 31);
    read_one(s, revising, FIRST, USERS, 6, NILO_PRESENT); /* an amendment */
    read_one(s, revising, FIRST + 1, POSTS, 0, NILO_HIDDEN);
    assert_rows(s, ROWS, "3 628 6__10_____________________________9223372036854775807|3 629 8|4 -1 _______________________________5");
    ok(s, nilo_store_verify(s->store, NULL, NULL, &s->err));
    ok(s, nilo_store_rebuild(s->store, NULL, NULL, &s->err));
    assert_rows(s, ROWS, "3 628 6__10_____________________________9223372036854775807|3 629 8|4 -1 _______________________________5");
}

static void items_have_none(struct stores *s)
{
    struct nilo_connection c = app(s);
    sqlite_only(s);
    put(s, &c, "a", FIRST, USERS, 1);
    assert_rows(s, "SELECT count(*) FROM app_days", "0");
    ok(s, nilo_store_verify(s->store, NULL, NULL, &s->err));
}

static void dropped_days_go(struct stores *s)
{
    struct nilo_connection c = app(s);
    struct nilo_dropped went;
    sqlite_only(s);
    for (int32_t day = FIRST; day < FIRST + 70; day++)
        read_one(s, pushing, day, USERS, day - FIRST, NILO_PRESENT);
    put_close(s, &c, FIRST + 60);
    const struct nilo_drop how = {.connection = c.id, .until = NILO_DAY(FIRST + 40), .author = "ann"};
    ok(s, nilo_store_drop(s->store, &how, &went, &s->err));
    assert_int_equal(went.days, 41);
    ok(s, nilo_store_verify(s->store, NULL, NULL, &s->err));
    assert_rows(s, "SELECT block, rtrim(ltrim(replace(cells, ',', ' '))) FROM app_days WHERE block > 629", "630 64 65 66 67 68 69");
    assert_rows(s, "SELECT block, rtrim(ltrim(replace(cells, ',', ' '))) FROM app_days WHERE block = 628", "628 0"); /* what later ones stand on stays */
}

static void a_row_that_is_wrong_is_found_and_rebuilt(struct stores *s)
{
    static const char *const damage[] = {"UPDATE app_days SET cells = '8' || substr(cells, 2)", "DELETE FROM app_days",
                                         "INSERT INTO app_days SELECT bucket, entity_id, 4, block, cells FROM app_days"};
    sqlite_only(s);
    read_one(s, pushing, FIRST, USERS, 7, NILO_PRESENT);
    for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
        stores_exec(s, damage[i]);
        assert_int_equal(nilo_store_verify(s->store, NULL, NULL, &s->err), -1);
        assert_non_null(strstr(s->err.msg, "the days of the app's metric are not the ones that the record gives"));
        ok(s, nilo_store_rebuild(s->store, NULL, NULL, &s->err));
        assert_rows(s, ROWS, "3 628 7");
    }
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_row_holds_what_is_shown_now),
        STORES_TEST(items_have_none),
        STORES_TEST(dropped_days_go),
        STORES_TEST(a_row_that_is_wrong_is_found_and_rebuilt),
    };
    return stores_run("store/app_days", tests, sizeof tests / sizeof tests[0]);
}
