/* Which day a reading belongs to, and which readings are refused. SEMANTICS 2.1, 2.9 and the head of section 2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/rec.h"

/* The workspace is in Berlin: 00:30 of the 20th there is 23:30 of the 19th in UTC. */
static void instants_belong_to_their_civil_day_periods_to_the_day_named(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "Europe/Berlin", "c", "push", "push");
    int32_t sales = rec_metric(s, "sales_a_day", NILO_PERIOD, NILO_FLOW);
    static const struct {
        const char *id;
        bool period;
        int32_t win;
        const char *at, *day, *belongs, *source_day;
    } table[] = {
        {"instant", false, 0, "2025-03-19T23:30:00Z", NULL, "2025-03-20", NULL},
        {"instant, other day named", false, 0, "2025-03-19T23:30:00Z", "2025-03-19", "2025-03-20", "2025-03-19"},
        {"instant, old day named", false, 0, "2025-03-19T23:30:00Z", "2024-01-01", "2025-03-20", "2024-01-01"},
        {"instant before midnight", false, 0, "2025-03-19T22:59:59.999999Z", NULL, "2025-03-19", NULL},
        {"period, day named", true, 0, "2025-03-19T23:30:00Z", "2025-03-19", "2025-03-19", "2025-03-19"},
        {"period, no day", true, 0, "2025-03-19T23:30:00Z", NULL, "2025-03-20", NULL},
        {"window, day named", false, 30, "2025-03-19T23:30:00Z", "2025-03-18", "2025-03-18", "2025-03-18"},
        {"window, no day", false, 30, "2025-03-19T23:30:00Z", NULL, "2025-03-20", NULL},
        {"day only", false, 0, NULL, "2025-03-19", "2025-03-19", "2025-03-19"},
        {"period, day only", true, 0, NULL, "2025-03-19", "2025-03-19", "2025-03-19"},
        {"long ago", false, 0, "1969-12-31T23:59:59Z", NULL, "1970-01-01", NULL},
        {"very long ago", false, 0, NULL, "0001-01-01", "0001-01-01", "0001-01-01"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct rec in = {.id = table[i].id, .win = table[i].win, .at = table[i].at, .day = table[i].day,
                         .v = {{.metric = table[i].period ? sales : VIEWS, .value = 1}}};
        char sql[200], day[NILO_DAY_TEXT];
        rec_run(s, &c, OPTIONS(.kind = NILO_RUN_PUSH, .no_close = true), &in, 1);
        snprintf(sql, sizeof sql, "SELECT v.day FROM day_value v JOIN entity e ON e.id = v.entity_id WHERE e.external_id = '%s'", table[i].id);
        nilo_day_format(NILO_DAY((int32_t)stores_int(s, sql)), day);
        if (strcmp(day, table[i].belongs) != 0)
            fail_msg("%s: %s, expected %s", table[i].id, day, table[i].belongs);
        snprintf(sql, sizeof sql, "SELECT COALESCE(v.source_day, -2147483648) FROM observation v JOIN entity e ON e.id = v.entity_id WHERE "
                                  "e.external_id = '%s'", table[i].id);
        nilo_day_format(NILO_DAY((int32_t)stores_int(s, sql)), day);
        assert_string_equal(day, table[i].source_day ? table[i].source_day : "");
    }
}

static void a_day_alone_is_its_last_microsecond_in_the_zone(struct stores *s)
{
    static const struct {
        const char *zone, *day, *at;
    } table[] = {
        {"UTC", "2025-03-19", "2025-03-19T23:59:59.999999Z"},
        {"Europe/Berlin", "2024-03-31", "2024-03-31T21:59:59.999999Z"}, /* 23 hours */
        {"Europe/Berlin", "2024-10-27", "2024-10-27T22:59:59.999999Z"}, /* 25 hours */
        {"Asia/Tokyo", "2025-03-19", "2025-03-19T14:59:59.999999Z"},
        {"America/St_Johns", "2025-03-19", "2025-03-20T02:29:59.999999Z"},
        {"Asia/Tokyo", "2025-03-20", "2025-03-20T14:59:59.999999Z"}, /* today: later than now, and fine */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char name[16], sql[100];
        snprintf(name, sizeof name, "w%zu", i);
        struct nilo_connection c = stores_connection(s, name, table[i].zone, "c", "push", "push");
        rec_one(s, &c, "a", table[i].day, VIEWS, 1);
        snprintf(sql, sizeof sql, "SELECT o.captured_at FROM observation o JOIN entity e ON e.id = o.entity_id WHERE connection_id = %ld", (long)c.id);
        assert_true(stores_int(s, sql) == stores_us(table[i].at));
    }
}

static void the_future_is_refused(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "Europe/Berlin", "c", "push", "push");
    static const struct {
        const char *now, *at, *day;
        bool taken;
    } table[] = {
        {"2025-03-20T10:00:00Z", "2025-03-20T10:05:00Z", NULL, true},
        {"2025-03-20T10:00:00Z", "2025-03-20T10:05:00.000001Z", NULL, false},
        {"2025-03-20T10:00:00Z", "2026-03-20T10:00:00Z", "2025-03-19", false},
        {"2025-03-20T10:00:00Z", NULL, "2025-03-20", true},
        {"2025-03-20T10:00:00Z", NULL, "2025-03-21", false},
        {"2025-03-20T10:00:00Z", "2025-03-20T10:00:00Z", "2025-03-21", false},
        {"2025-03-20T22:54:00Z", NULL, "2025-03-21", false},                   /* 23:54 in Berlin */
        {"2025-03-20T22:58:00Z", "2025-03-20T23:01:00Z", NULL, true},          /* 00:01 of the 21st, by a clock that is a little ahead */
        {"2025-03-20T23:00:00Z", NULL, "2025-03-21", true},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        rec_now(s, table[i].now);
        struct nilo_recorder *r = rec_begin(s, &c, PUSH);
        int rc = rec_try(s, r, REC(.id = "a", .at = table[i].at, .day = table[i].day, .v = {{VIEWS, .value = (int64_t)i}}));
        if (rc != (table[i].taken ? 0 : -1))
            fail_msg("row %zu: %d %s", i, rc, s->err.msg);
        struct nilo_run run = rec_finish(s, r, NULL);
        assert_int_equal(run.status, table[i].taken ? NILO_COMPLETED : NILO_PARTIAL);
        assert_int_equal(run.readings, 1);
    }
}

static void a_wrong_reading_is_told_counted_and_left_out(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "America/New_York", "c", "push", "push");
    static char longest[1026], owner[1026];
    static const struct nilo_attrs never = {.posted_at = INT64_MAX, .deleted_at = NILO_US_NONE, .at = NILO_US_NONE, .duration_ms = -1},
                                   long_ago = {.posted_at = NILO_US_NONE, .deleted_at = INT64_MIN + 1, .at = NILO_US_NONE, .duration_ms = -1};
    memset(longest, 'x', 1025);
    memset(owner, 'x', 1025);
    const struct {
        struct rec in;
        enum nilo_code code;
    } table[] = {
        {REC(.id = "", .day = "2025-03-19", .v = {{VIEWS, 1}}), NILO_EINVAL},
        {REC(.id = longest, .day = "2025-03-19", .v = {{VIEWS, 1}}), NILO_EINVAL},
        {REC(.id = "\xff", .day = "2025-03-19", .v = {{VIEWS, 1}}), NILO_EINVAL},
        {REC(.id = "a", .win = -1, .day = "2025-03-19", .v = {{VIEWS, 1}}), NILO_EINVAL},
        {REC(.id = "a", .win = 3661, .day = "2025-03-19", .v = {{VIEWS, 1}}), NILO_EINVAL},
        {REC(.id = "a", .v = {{VIEWS, 1}}), NILO_EINVAL},
        {REC(.id = "a", .at = "0001-01-01T00:00:00Z", .v = {{VIEWS, 1}}), NILO_EDATERANGE},
        {REC(.id = "a", .day = "2025-03-19", .v = {{4711, 1}}), NILO_EINVAL},
        {REC(.id = "a", .day = "2025-03-19", .v = {{VIEWS, .absence = (enum nilo_absence)77}}), NILO_EINVAL},
        {REC(.id = "a", .day = "2025-03-19", .v = {{VIEWS, 1}, {LIKES, 1}, {VIEWS, 1}}), NILO_EINVAL},
        {REC(.id = "a", .day = "2025-03-19", .v = {{VIEWS, 1, .meta = "{"}}), NILO_EINVAL},
        {REC(.id = "a", .day = "2025-03-19", .owner = "", .v = {{VIEWS, 1}}), NILO_EINVAL},
        {REC(.id = "a", .day = "2025-03-19", .owner = owner, .v = {{VIEWS, 1}}), NILO_EINVAL},
        {REC(.id = "a", .day = "2025-03-19", .owner = "a\xff", .v = {{VIEWS, 1}}), NILO_EINVAL},
        {REC(.id = "a", .day = "2025-03-19", .owner = "a\x1f" "b", .v = {{VIEWS, 1}}), NILO_EINVAL}, /* it parts the owners in a list */
        {REC(.id = "a", .day = "2025-03-19", .owner = "a\xc2\x85" "b", .v = {{VIEWS, 1}}), NILO_EINVAL},
        {REC(.id = "a\nb", .day = "2025-03-19", .v = {{VIEWS, 1}}), NILO_EINVAL},
        {REC(.id = "a\x7f", .day = "2025-03-19", .v = {{VIEWS, 1}}), NILO_EINVAL},
        {REC(.id = "a", .day = "2025-03-19", .v = {{VIEWS, -1}}), NILO_EINVAL},
        {REC(.id = "a", .day = "2025-03-19", .v = {{LIKES, 7}, {VIEWS, INT64_MIN}}), NILO_EINVAL},
        {REC(.id = "a", .day = "2025-03-19", .v = {{ITEMS_SOLD, -1}}), NILO_EINVAL},
        {REC(.id = "a", .day = "2025-03-19", .attrs = &never, .v = {{VIEWS, 1}}), NILO_EDATERANGE},
        {REC(.id = "a", .day = "2025-03-19", .attrs = &long_ago, .v = {{VIEWS, 1}}), NILO_EDATERANGE},
    };
    const size_t n = sizeof table / sizeof table[0];
    struct nilo_recorder *r = rec_begin(s, &c, PUSH);
    for (size_t i = 0; i < n; i++) {
        s->err = (struct nilo_err){.code = NILO_OK};
        if (rec_try(s, r, table[i].in) != -1 || s->err.code != table[i].code || !s->err.msg[0])
            fail_msg("row %zu: \"%s\" (%s)", i, s->err.msg, nilo_code_text(s->err.code));
    }
    rec_add(s, r, REC(.id = "good", .win = 3660, .day = "2025-03-19", .v = {{VIEWS, 1, .meta = "{\"sample_size\": 3}"}}));
    longest[1024] = '\0';
    rec_add(s, r, REC(.id = longest, .day = "2025-03-19", .v = {{VIEWS, 2}}));
    struct nilo_run run = rec_finish(s, r, NULL);
    assert_int_equal(run.status, NILO_PARTIAL);
    assert_int_equal(run.readings, n + 2);
    assert_int_equal(run.items, 2);
    char refused[40];
    snprintf(refused, sizeof refused, "{\"readings_refused\":%zu}", n);
    assert_string_equal(run.details, refused);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM observation"), 2);
    assert_rows(s, "SELECT value, meta FROM day_value ORDER BY value", "1 {\"sample_size\": 3}|2 ~");
}

static void what_is_no_count_or_is_money_may_be_negative_and_an_absent_one_says_nothing(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", "push");
    const struct rec in[] = {{.id = "a", .day = "2025-03-19", .v = {{CTR, -5}, {VIEWS, 0}, {GMV, -7}}},
                             {.id = "b\xc2\xa0", .day = "2025-03-19", .v = {{VIEWS, -5, .absence = NILO_HIDDEN}}}};
    assert_int_equal(rec_run(s, &c, PUSH, in, 2).status, NILO_COMPLETED);
    assert_rows(s, "SELECT metric_id, value FROM day_value WHERE value IS NOT NULL ORDER BY metric_id", "1 0|16 -7|18 -5");
}

/* 2.9: nothing is computed anew; the last day of the old zone lasts until the first of the new one begins. */
static void after_a_new_zone_instants_belong_to_its_days(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "c", "push", "push");
    nilo_day from;
    rec_run(s, &c, PUSH, &REC(.id = "before", .at = "2025-03-20T09:00:00Z", .v = {{VIEWS, 1}}), 1);
    ok(s, nilo_store_zone_set(s->store, c.workspace, "America/New_York", &from, &s->err));
    assert_int_equal(from.n, stores_day("2025-03-21").n);
    rec_now(s, "2025-03-22T12:00:00Z");
    static const struct {
        const char *at, *day;
    } table[] = {{"2025-03-20T23:00:00Z", "2025-03-20"},
                 {"2025-03-21T03:59:59.999999Z", "2025-03-20"}, /* the 21st in UTC already, not yet in New York */
                 {"2025-03-21T04:00:00Z", "2025-03-21"},
                 {"2025-03-22T03:59:59Z", "2025-03-21"},
                 {"2025-03-19T23:59:59Z", "2025-03-19"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char id[24], sql[120], day[NILO_DAY_TEXT];
        snprintf(id, sizeof id, "i%zu", i);
        rec_run(s, &c, OPTIONS(.kind = NILO_RUN_PUSH, .no_close = true), &REC(.id = id, .at = table[i].at, .v = {{VIEWS, 1}}), 1);
        snprintf(sql, sizeof sql, "SELECT v.day FROM day_value v JOIN entity e ON e.id = v.entity_id WHERE external_id = '%s'", id);
        nilo_day_format(NILO_DAY((int32_t)stores_int(s, sql)), day);
        assert_string_equal(day, table[i].day);
    }
    rec_one(s, &c, "only the day", "2025-03-20", VIEWS, 1);
    assert_true(stores_int(s, "SELECT captured_at FROM observation o JOIN entity e ON e.id = o.entity_id WHERE external_id = 'only the day'") ==
                stores_us("2025-03-21T03:59:59.999999Z"));
}

static int first_total(void *ctx, const struct nilo_total_row *row)
{
    *(struct nilo_total_row *)ctx = *row;
    return 0;
}

static void sums_reach_beyond_64_bits(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", "push");
    struct nilo_scope all = NILO_SCOPE_ALL;
    struct nilo_total_row row = {0};
    char text[NILO_DECIMAL_TEXT];
    static const struct {
        const char *id;
        int64_t value;
        const char *sum;
    } table[] = {{"a", INT64_MAX, "9223372036854775807"},  {"b", INT64_MAX, "18446744073709551614"}, {"c", INT64_MAX, "27670116110564327421"},
                 {"a", 0, "18446744073709551614"},         {"b", 1, "9223372036854775808"},          {"c", INT64_MAX - 1, "9223372036854775807"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        rec_one(s, &c, table[i].id, "2025-03-19", VIEWS, table[i].value);
        ok(s, nilo_store_totals(s->store, &all, NILO_TOTAL_WORKSPACE, c.workspace, 0, VIEWS, NILO_DAY_NONE, NILO_DAY_NONE, first_total, &row, &s->err));
        nilo_decimal_format(row.sum, 0, false, text);
        assert_string_equal(text, table[i].sum);
        assert_int_equal(row.items, i < 3 ? i + 1 : 3);
    }
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(instants_belong_to_their_civil_day_periods_to_the_day_named),
        STORES_TEST(a_day_alone_is_its_last_microsecond_in_the_zone),
        STORES_TEST(the_future_is_refused),
        STORES_TEST(a_wrong_reading_is_told_counted_and_left_out),
        STORES_TEST(what_is_no_count_or_is_money_may_be_negative_and_an_absent_one_says_nothing),
        STORES_TEST(after_a_new_zone_instants_belong_to_its_days),
        STORES_TEST(sums_reach_beyond_64_bits),
    };
    return stores_run("record/day", tests, sizeof tests / sizeof tests[0]);
}
