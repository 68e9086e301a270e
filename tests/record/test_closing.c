/* Which days close when, and a clock that cannot be trusted. SEMANTICS 2.4. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/rec.h"

static const char *seal(struct stores *s, const struct nilo_connection *c)
{
    int days;
    ok(s, nilo_record_seal(s->store, c->id, &days, &s->err));
    return rec_closed(s, c);
}

/* The clock steps there through runs, a day at a time, so that nobody doubts it. */
static void live_until(struct stores *s, const struct nilo_connection *c, const char *at)
{
    nilo_us end = stores_us(at);
    do {
        nilo_us step = end - s->clock.wall < NILO_US_DAY ? end - s->clock.wall : NILO_US_DAY;
        rec_run(s, c, OPTIONS(.kind = NILO_RUN_PUSH, .no_close = true), NULL, 0);
        nilo_virtual_clock_advance(&s->clock, step);
    } while (s->clock.wall < end);
}

static void a_day_closes_when_it_is_over_and_settled(struct stores *s)
{
    static const struct {
        const char *zone, *platform, *origin;
        int64_t settle_s;
        const char *day, *closes_at; /* the first instant */
    } table[] = {
        {"UTC", "youtube", "db", -1, "2025-03-20", "2025-03-23T00:00:00Z"},
        {"UTC", "import", "db", -1, "2025-03-20", "2025-03-22T00:00:00Z"},
        {"UTC", "youtube", "import", -1, "2025-03-20", "2025-03-22T00:00:00Z"}, /* a file of a platform's */
        {"UTC", "instagram", "push", -1, "2025-03-20", "2025-03-22T00:00:00Z"},
        {"UTC", "push", "db", -1, "2025-03-20", "2025-03-22T00:00:00Z"},
        {"UTC", "youtube", "db", 3600, "2025-03-20", "2025-03-21T01:00:00Z"},
        {"UTC", "youtube", "db", 0, "2025-03-20", "2025-03-21T00:00:00Z"},
        {"America/New_York", "youtube", "db", 0, "2025-03-20", "2025-03-21T04:00:00Z"},
        {"Europe/Berlin", "youtube", "db", 0, "2025-03-30", "2025-03-30T22:00:00Z"}, /* the day of 23 hours */
        {"Europe/Berlin", "youtube", "db", -1, "2025-03-29", "2025-03-31T23:00:00Z"}, /* hours, not days on the wall */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(stores_fresh(s), 0);
        struct nilo_connection c = stores_connection(s, "w", table[i].zone, "c", table[i].platform, table[i].origin);
        nilo_us at = stores_us(table[i].closes_at);
        char day[NILO_DAY_TEXT];
        nilo_day_format(NILO_DAY(stores_day(table[i].day).n - 1), day);
        ok(s, nilo_store_connection_settle(s->store, c.id, table[i].settle_s, &s->err));
        live_until(s, &c, table[i].closes_at);
        rec_one(s, &c, "a", table[i].day, VIEWS, 1);
        rec_one(s, &c, "a", day, VIEWS, 1);
        s->clock.wall = at - 1;
        seal(s, &c);
        if (strcmp(rec_closed(s, &c), table[i].day) == 0)
            fail_msg("row %zu: closed too early", i);
        assert_string_equal(rec_closed(s, &c), day);
        s->clock.wall = at;
        if (strcmp(seal(s, &c), table[i].day) != 0)
            fail_msg("row %zu: closed until %s", i, rec_closed(s, &c));
        /* nothing due: no error, nothing happens */
        int days = 7;
        ok(s, nilo_record_seal(s->store, 0, &days, &s->err));
        assert_int_equal(days, 0);
    }
}

static void every_run_closes_the_days_of_its_connection(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", "push"), d = stores_connection(s, "w", NULL, "d", "push", "push");
    rec_one(s, &c, "a", "2025-03-10", VIEWS, 1);
    rec_one(s, &d, "a", "2025-03-10", VIEWS, 1);
    struct nilo_run run = rec_run(s, &c, OPTIONS(.kind = NILO_RUN_PUSH, .no_close = true), NULL, 0);
    assert_string_equal(rec_closed(s, &c), "");
    run = rec_run(s, &c, PUSH, NULL, 0);
    assert_string_equal(rec_closed(s, &c), "2025-03-18");
    assert_string_equal(rec_closed(s, &d), "");
    assert_int_equal(run.days_closed, 9);
    char sql[120];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM day_close WHERE run_id = %ld AND connection_id = 1", (long)run.id);
    assert_int_equal(stores_int(s, sql), 9);
    int days;
    ok(s, nilo_record_seal(s->store, 0, &days, &s->err));
    assert_int_equal(days, 9);
    assert_string_equal(rec_closed(s, &d), "2025-03-18");
}

/* Samoa had no 30 December 2011: it is not closed, unless a source names it all the same. */
static void a_day_that_the_zone_skipped_is_not_closed(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "Pacific/Apia", "c", "push", "push"), d = stores_connection(s, "w", NULL, "d", "push", "push");
    rec_one(s, &c, "a", "2011-12-29", VIEWS, 1);
    rec_one(s, &c, "a", "2011-12-31", VIEWS, 2);
    rec_one(s, &d, "a", "2011-12-29", VIEWS, 1);
    rec_one(s, &d, "a", "2011-12-30", VIEWS, 2);
    seal(s, &c);
    seal(s, &d);
    char sql[120];
    snprintf(sql, sizeof sql, "SELECT day - %d, status FROM day_close WHERE connection_id = %ld AND day <= %d ORDER BY day", stores_day("2011-12-29").n, (long)c.id,
             stores_day("2012-01-01").n);
    assert_rows(s, sql, "0 complete|2 complete|3 empty");
    snprintf(sql, sizeof sql, "SELECT day - %d, status FROM day_close WHERE connection_id = %ld AND day <= %d ORDER BY day", stores_day("2011-12-29").n, (long)d.id,
             stores_day("2012-01-01").n);
    assert_rows(s, sql, "0 complete|1 complete|2 empty|3 empty");
}

/* A run that failed closes as well: a source that is down for months must not keep its days open. */
static void a_failed_run_closes_too(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", "push");
    rec_one(s, &c, "a", "2025-03-10", VIEWS, 1);
    struct nilo_run run = rec_finish(s, rec_begin(s, &c, PUSH), "the source is down");
    assert_int_equal(run.status, NILO_RUN_FAILED);
    assert_string_equal(rec_closed(s, &c), "2025-03-18");
}

static void an_sql_day_closes_on_a_reading_after_its_end(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "db", "sql", NULL);
    int32_t users = rec_metric(s, "users_total", NILO_PERIOD, NILO_LEVEL);
    struct rec in = {.id = NILO_APP_ID, .kind = NILO_APP, .at = "2025-03-20T09:00:00Z", .day = "2025-03-17", .v = {{users, 100}}};
    rec_run(s, &c, SQL_COLLECT, &in, 1);
    assert_string_equal(rec_closed(s, &c), ""); /* read, but nobody said that it was read to its end */
    struct nilo_recorder *r = rec_begin(s, &c, SQL_COLLECT);
    nilo_record_read_until(r, stores_day("2025-03-18"));
    nilo_record_read_until(r, stores_day("2025-03-15"));
    rec_finish(s, r, NULL);
    assert_string_equal(rec_closed(s, &c), "2025-03-18");
    assert_rows(s, "SELECT status FROM day_close ORDER BY day", "complete|empty");
    /* a failed run has not read */
    r = rec_begin(s, &c, SQL_COLLECT);
    nilo_record_read_until(r, stores_day("2025-03-19"));
    rec_finish(s, r, "timeout");
    assert_string_equal(seal(s, &c), "2025-03-18");
    /* the settle delay holds as well: 6 h after the 19th were 06:00 */
    rec_now(s, "2025-03-21T05:59:59.999999Z");
    r = rec_begin(s, &c, SQL_COLLECT);
    nilo_record_read_until(r, stores_day("2025-03-20"));
    rec_finish(s, r, NULL);
    assert_string_equal(rec_closed(s, &c), "2025-03-19");
    rec_now(s, "2025-03-21T06:00:00Z");
    assert_string_equal(seal(s, &c), "2025-03-20");
    /* none can be had any more: partial */
    rec_run(s, &c, OPTIONS(.kind = NILO_RUN_COLLECT), &REC(.id = NILO_APP_ID, .kind = NILO_APP, .at = "2025-03-21T06:00:00Z", .v = {{users, 1}}), 1);
    rec_now(s, "2025-03-22T07:00:00Z");
    assert_string_equal(seal(s, &c), "2025-03-20");
    ok(s, nilo_store_connection_status(s->store, c.id, "disabled", &s->err));
    assert_string_equal(seal(s, &c), "2025-03-21");
    assert_rows(s, "SELECT status FROM day_close WHERE day = 20168", "partial");
}

/* ---- the clock --------------------------------------------------------------------------------------------------------------- */

static char *note(struct stores *s)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 4096);
    ok(s, nilo_record_clock_note(s->store, &b, &s->err));
    char *text = strdup(nilo_buf_str(&b));
    nilo_buf_done(&b);
    return text;
}
static void assert_note(struct stores *s, const char *words)
{
    char *text = note(s);
    if (words ? !strstr(text, words) : text[0] != '\0')
        fail_msg("\"%s\", expected %s", text, words ? words : "nothing");
    free(text);
}

/* Days closed after one run at each distance from the newest recorded instant, the run before. */
static void more_than_five_minutes_behind_nothing_closes(struct stores *s)
{
    static const struct {
        const char *now;
        bool closes;
    } table[] = {{"2025-03-20T09:55:00Z", true}, {"2025-03-20T09:54:59.999999Z", false}, {"2025-03-01T00:00:00Z", false}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(stores_fresh(s), 0);
        struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", "push");
        rec_one(s, &c, "a", "2025-02-10", VIEWS, 1);
        rec_now(s, table[i].now);
        assert_note(s, table[i].closes ? NULL : "behind");
        seal(s, &c);
        assert_int_equal(rec_closed(s, &c)[0] != '\0', table[i].closes);
        rec_run(s, &c, PUSH, NULL, 0);
        assert_int_equal(rec_closed(s, &c)[0] != '\0', table[i].closes);
        /* values are taken all the same */
        assert_int_equal(rec_one(s, &c, "b", "2025-02-27", VIEWS, 1).status, NILO_COMPLETED);
    }
}

static void more_than_36_hours_ahead_only_what_was_read_closes(struct stores *s)
{
    static const struct {
        const char *now, *closed;
    } table[] = {
        {"2025-03-21T22:00:00Z", "2025-03-19"},         /* 36 h after 10:00 of the 20th: the 20th needs another two */
        {"2025-03-21T22:00:00.000001Z", "2025-03-12"},
        {"2035-03-21T22:00:00Z", "2025-03-12"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(stores_fresh(s), 0);
        struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", "push");
        rec_one(s, &c, "a", "2025-03-10", VIEWS, 1);
        rec_one(s, &c, "a", "2025-03-12", VIEWS, 1);
        rec_now(s, table[i].now);
        assert_note(s, i ? "ahead" : NULL);
        assert_string_equal(seal(s, &c), table[i].closed);
    }
}

/* The jump is remembered: the run after it, and those after that, would find an ordinary clock again. */
static void a_jump_ahead_is_held_until_it_is_accepted(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", "push");
    rec_one(s, &c, "a", "2025-03-10", VIEWS, 1);
    rec_one(s, &c, "a", "2025-03-12", VIEWS, 1);
    rec_now(s, "2026-01-01T00:00:00Z");
    struct nilo_run run = rec_run(s, &c, PUSH, &REC(.id = "a", .day = "2025-12-31", .v = {{VIEWS, 1}}), 1);
    assert_int_equal(run.days_closed, 3);
    assert_string_equal(rec_closed(s, &c), "2025-03-12");
    for (int i = 0; i < 3; i++) {
        nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
        rec_run(s, &c, PUSH, &REC(.id = "a", .day = "2026-01-01", .v = {{VIEWS, 1}}), 1);
        assert_string_equal(rec_closed(s, &c), "2025-03-12");
        assert_note(s, "--accept-clock");
    }
    stores_reopen(s, NILO_STORE_WRITE);
    assert_string_equal(seal(s, &c), "2025-03-12");
    ok(s, nilo_record_accept_clock(s->store, NULL, &s->err));
    assert_note(s, NULL);
    assert_string_equal(seal(s, &c), "2026-01-02");
}

/* It was wrong: set right again it is behind everything recorded meanwhile, until that is accepted. */
static void a_wrong_clock_set_right_is_accepted(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", "push");
    rec_one(s, &c, "a", "2025-03-10", VIEWS, 1);
    rec_now(s, "2035-01-01T00:00:00Z");
    rec_run(s, &c, PUSH, &REC(.id = "a", .day = "2034-12-31", .v = {{VIEWS, 1}}), 1);
    assert_string_equal(rec_closed(s, &c), "2025-03-10");
    rec_now(s, "2025-03-20T11:00:00Z");
    rec_run(s, &c, PUSH, NULL, 0);
    assert_string_equal(rec_closed(s, &c), "2025-03-10");
    assert_note(s, "behind");
    ok(s, nilo_record_accept_clock(s->store, NULL, &s->err));
    assert_note(s, NULL);
    rec_run(s, &c, PUSH, NULL, 0);
    assert_string_equal(rec_closed(s, &c), "2025-03-18");
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    rec_run(s, &c, PUSH, NULL, 0);
    assert_string_equal(rec_closed(s, &c), "2025-03-19");
}

/* Only completed runs count as having read, and captured_at never counts as a clock. */
static void what_counts_as_read_under_a_hold(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", "push");
    rec_one(s, &c, "a", "2025-03-10", VIEWS, 1);
    struct nilo_recorder *r = rec_begin(s, &c, OPTIONS(.kind = NILO_RUN_PUSH, .no_close = true));
    rec_add(s, r, REC(.id = "a", .day = "2025-03-15", .v = {{VIEWS, 1}}));
    rec_finish(s, r, "down");
    rec_now(s, "2025-03-25T00:00:00Z");
    assert_string_equal(seal(s, &c), "2025-03-10");
}

static void the_wall_clock_is_compared_with_the_process_own(struct stores *s)
{
    static const struct {
        nilo_us wall, mono;
        const char *closed;
    } table[] = {
        {NILO_US_MINUTE, NILO_US_MINUTE, "2025-03-18"},
        {0, 5 * NILO_US_MINUTE, "2025-03-18"},
        {-1, 5 * NILO_US_MINUTE, ""},                                       /* stepped back during the run */
        {36 * NILO_US_HOUR + NILO_US_MINUTE, NILO_US_MINUTE, "2025-03-19"}, /* stepped ahead, but within what a clock may */
        {36 * NILO_US_HOUR + NILO_US_MINUTE + 1, NILO_US_MINUTE, "2025-03-12"},
        {400 * NILO_US_DAY, NILO_US_MINUTE, "2025-03-12"},
        {40 * NILO_US_HOUR, 40 * NILO_US_HOUR, "2025-03-20"}, /* a very long run is no jump */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(stores_fresh(s), 0);
        struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", "push");
        rec_one(s, &c, "a", "2025-03-10", VIEWS, 1);
        rec_one(s, &c, "a", "2025-03-12", VIEWS, 1);
        struct nilo_recorder *r = rec_begin(s, &c, PUSH);
        s->clock.wall += table[i].wall;
        s->clock.mono += table[i].mono;
        rec_finish(s, r, NULL);
        if (strcmp(rec_closed(s, &c), table[i].closed) != 0)
            fail_msg("row %zu: closed until \"%s\", expected \"%s\"", i, rec_closed(s, &c), table[i].closed);
        if (strcmp(table[i].closed, "2025-03-12") == 0) { /* and it stays held */
            rec_run(s, &c, PUSH, NULL, 0);
            assert_string_equal(rec_closed(s, &c), "2025-03-12");
        }
    }
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_day_closes_when_it_is_over_and_settled),
        STORES_TEST(every_run_closes_the_days_of_its_connection),
        STORES_TEST(a_day_that_the_zone_skipped_is_not_closed),
        STORES_TEST(a_failed_run_closes_too),
        STORES_TEST(an_sql_day_closes_on_a_reading_after_its_end),
        STORES_TEST(more_than_five_minutes_behind_nothing_closes),
        STORES_TEST(more_than_36_hours_ahead_only_what_was_read_closes),
        STORES_TEST(a_jump_ahead_is_held_until_it_is_accepted),
        STORES_TEST(a_wrong_clock_set_right_is_accepted),
        STORES_TEST(what_counts_as_read_under_a_hold),
        STORES_TEST(the_wall_clock_is_compared_with_the_process_own),
    };
    return stores_run("record/closing", tests, sizeof tests / sizeof tests[0]);
}
