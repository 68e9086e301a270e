/* Readings of one run with the same (entity, window, captured_at). SEMANTICS 2.2. And: the size of a chunk makes no difference. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/rec.h"

#define AT "2025-03-20T09:00:00Z"
#define SHOWN "SELECT metric_id, COALESCE(value, -absence) FROM day_value ORDER BY win, day, metric_id"

struct twins {
    const char *name, *shown; /* metric value|..., an absence as its negative number */
    struct rec r[3];
    bool ordered; /* which one comes first matters */
};
static const struct twins table[] = {
    {"disjoint fields are combined", "1 10|5 3", {{.v = {{VIEWS, 10}}}, {.v = {{LIKES, 3}}}}, false},
    {"agreeing fields too", "1 10|5 3|6 2", {{.v = {{VIEWS, 10}, {LIKES, 3}}}, {.v = {{COMMENTS, 2}, {VIEWS, 10}}}}, false},
    {"three of them", "1 10|5 3|6 2", {{.v = {{VIEWS, 10}}}, {.v = {{LIKES, 3}}}, {.v = {{COMMENTS, 2}}}}, false},
    {"the highest GMV takes the whole row", "1 5|16 200", {{.v = {{VIEWS, 10}, {LIKES, 3}, {GMV, 100}}}, {.v = {{VIEWS, 5}, {GMV, 200}}}}, false},
    {"some GMV beats none", "1 5|16 1", {{.v = {{VIEWS, 10}, {LIKES, 3}}}, {.v = {{VIEWS, 5}, {GMV, 1}}}}, false},
    {"then the highest views", "1 10|16 100", {{.v = {{VIEWS, 10}, {GMV, 100}}}, {.v = {{VIEWS, 9}, {LIKES, 7}, {GMV, 100}}}}, false},
    {"then the most items sold", "1 10|5 1|19 4",
     {{.v = {{VIEWS, 10}, {LIKES, 1}, {ITEMS_SOLD, 4}}}, {.v = {{VIEWS, 10}, {LIKES, 2}, {ITEMS_SOLD, 3}, {COMMENTS, 1}}}}, false},
    {"then the most complete", "1 10|5 2|6 1", {{.v = {{VIEWS, 10}, {LIKES, 1}}}, {.v = {{VIEWS, 10}, {LIKES, 2}, {COMMENTS, 1}}}}, false},
    {"then the earliest", "1 10|5 1", {{.v = {{VIEWS, 10}, {LIKES, 1}}}, {.v = {{VIEWS, 10}, {LIKES, 2}}}}, true},
    {"a conflict anywhere takes one whole row", "1 10|5 3|6 9",
     {{.v = {{VIEWS, 10}, {LIKES, 3}, {COMMENTS, 9}}}, {.v = {{GMV, .absence = NILO_UNSUPPORTED}}}, {.v = {{VIEWS, 9}}}}, false},
    {"a passing absence says nothing", "1 10|5 3", {{.v = {{VIEWS, 10}, {LIKES, .absence = NILO_FAILED}}}, {.v = {{LIKES, 3}}}}, false},
    {"a definitive one does", "1 10|5 3", {{.v = {{VIEWS, 10}, {LIKES, 3}}}, {.v = {{LIKES, .absence = NILO_HIDDEN}}}}, false},
    {"and agrees with itself", "1 10|5 -1", {{.v = {{LIKES, .absence = NILO_HIDDEN}}}, {.v = {{VIEWS, 10}, {LIKES, .absence = NILO_HIDDEN}}}}, false},
    {"an absent GMV is no GMV", "1 5|16 -2",
     {{.v = {{VIEWS, 5}, {GMV, .absence = NILO_UNSUPPORTED}}}, {.v = {{VIEWS, 4}, {LIKES, 9}}}}, false},
    {"windows are apart", "1 10|1 9", {{.v = {{VIEWS, 10}}}, {.win = 30, .v = {{VIEWS, 9}}}}, false},
    {"instants are apart", "1 9", {{.v = {{VIEWS, 10}}}, {.at = "2025-03-20T09:00:00.000001Z", .v = {{VIEWS, 9}}}}, false},
    {"a day named or not, the instant is the same", "1 10|5 3", {{.day = "2025-03-20", .v = {{VIEWS, 10}}}, {.v = {{LIKES, 3}}}}, false},
    {"also where they conflict", "1 10|5 3", {{.day = "2025-03-20", .v = {{VIEWS, 9}}}, {.v = {{VIEWS, 10}, {LIKES, 3}}}}, false},
    {"also where the days named differ", "1 10", {{.day = "2025-03-20", .v = {{VIEWS, 9}}}, {.day = "2025-03-18", .v = {{VIEWS, 10}}}}, false},
    {"days alone", "1 10|5 3", {{.at = "", .day = "2025-03-19", .v = {{VIEWS, 10}}}, {.at = "", .day = "2025-03-19", .v = {{LIKES, 3}}}}, false},
};

static int feed(struct stores *s, const struct nilo_connection *c, const struct twins *t, bool backwards, struct nilo_run *run)
{
    struct nilo_recorder *r = rec_begin(s, c, PUSH);
    int n = 0;
    while (n < 3 && t->r[n].v[0].metric)
        n++;
    for (int i = 0; i < n; i++) {
        struct rec in = t->r[backwards ? n - 1 - i : i];
        in.id = "a";
        in.at = !in.at ? AT : in.at[0] ? in.at : NULL;
        rec_add(s, r, in);
    }
    *run = rec_finish(s, r, NULL);
    return n;
}

static void the_merge_order(struct stores *s)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (int backwards = 0; backwards < (table[i].ordered ? 1 : 2); backwards++) {
            struct nilo_run run;
            assert_int_equal(stores_fresh(s), 0);
            struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", "push");
            feed(s, &c, &table[i], backwards, &run);
            assert_int_equal(run.status, NILO_COMPLETED);
            char *rows = stores_text(s, SHOWN);
            if (strcmp(rows, table[i].shown) != 0)
                fail_msg("%s%s: %s, expected %s", table[i].name, backwards ? " (backwards)" : "", rows, table[i].shown);
            free(rows);
        }
}

/* A fetch of many days has one captured_at: these are no twins. */
static void days_of_one_fetch_are_not_duplicates(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "youtube", NULL);
    int32_t sales = rec_metric(s, "sales_a_day", NILO_PERIOD, NILO_FLOW);
    static const char *const days[] = {"2025-03-17", "2025-03-18", "2025-03-19"};
    struct nilo_recorder *r = rec_begin(s, &c, PUSH);
    for (int i = 0; i < 3; i++)
        rec_add(s, r, REC(.id = "a", .at = AT, .day = days[i], .v = {{sales, 10 + i}}));
    struct nilo_run run = rec_finish(s, r, NULL);
    assert_int_equal(run.outcomes[NILO_RECORDED], 3);
    assert_rows(s, "SELECT value FROM day_value ORDER BY day", "10|11|12");
}

/* The lifetime counter beside them is one reading of that instant, however often it is told. */
static void an_instant_value_told_beside_each_of_many_days_is_one(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "youtube", NULL);
    int32_t sales = rec_metric(s, "sales_a_day", NILO_PERIOD, NILO_FLOW);
    static const char *const days[] = {"2025-03-17", "2025-03-18", "2025-03-19"};
    struct nilo_recorder *r = rec_begin(s, &c, PUSH);
    for (int i = 0; i < 3; i++)
        rec_add(s, r, REC(.id = "a", .at = AT, .day = days[i], .v = {{sales, 10 + i}, {VIEWS, 500}}));
    struct nilo_run run = rec_finish(s, r, NULL);
    assert_int_equal(run.outcomes[NILO_RECORDED], 4);
    assert_int_equal(run.outcomes[NILO_MERGED], 2);
    assert_rows(s, "SELECT metric_id, value FROM day_value WHERE metric_id = 1", "1 500");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM observation"), 4);
}

static void what_was_merged_is_told(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", "push");
    struct nilo_run run;
    feed(s, &c, &table[3], false, &run);
    assert_int_equal(run.readings, 2);
    assert_int_equal(run.merged_readings, 1);
    assert_int_equal(run.outcomes[NILO_MERGED], 3);
    assert_int_equal(run.outcomes[NILO_RECORDED], 2);
    assert_string_equal(run.details, "{\"readings_merged\":1}");
}

/* ---- chunks --------------------------------------------------------------------------------------------------------------- */

/* Readings of 12 items over some days, closed ones among them, in two windows, some twice at the same instant. */
static void many(struct stores *s, struct nilo_recorder *r)
{
    static const char *const days[] = {"2025-03-01", "2025-03-05", "2025-03-18", "2025-03-19"};
    for (int i = 0; i < 12; i++)
        for (int d = 0; d < 4; d++)
            for (int again = 0; again < (i % 3 == 0 ? 2 : 1); again++) {
                char id[16], owner[16];
                snprintf(id, sizeof id, "i%d", i);
                snprintf(owner, sizeof owner, "o%d", i % 4);
                rec_add(s, r, REC(.id = id, .day = days[d], .win = i % 5 == 0 ? 30 : 0, .owner = owner,
                                  .v = {{VIEWS, 100 * i + d + again}, {LIKES, again ? 7 : 6}, {GMV, i % 4}, {CTR, i + d}}));
            }
}

/* All that is recorded and derived, by names: the numbers of items come in order of first sight. */
static char *by_name(struct stores *s)
{
    static const char *const tables[] = {
        "SELECT external_id, win, day, metric_id, captured_at, run_id, value, absence FROM observation t JOIN entity e ON e.id = t.entity_id "
        "ORDER BY 1, 2, 3, 4, 5, 6",
        "SELECT external_id, win, day, metric_id, seq, value, absence, cause, run_id, captured_at FROM day_value t JOIN entity e ON e.id = "
        "t.entity_id ORDER BY 1, 2, 3, 4, 5",
        "SELECT external_id, win, metric_id, day, value FROM known t JOIN entity e ON e.id = t.entity_id ORDER BY 1, 2, 3",
        "SELECT external_id, win, first_day, day FROM latest t JOIN entity e ON e.id = t.entity_id ORDER BY 1, 2",
        "SELECT external_id, metric_id, value, gmv, win, day, captured_at, run_id FROM best t JOIN entity e ON e.id = t.entity_id ORDER BY 1, 2",
        "SELECT scope_kind, o.key, win, metric_id, day, hi, lo, known, fresh FROM total t LEFT JOIN owner o ON scope_kind = 2 AND o.id = scope_id "
        "ORDER BY 1, 2, 3, 4, 5",
        "SELECT external_id, o.key, role FROM credit t JOIN entity e ON e.id = t.entity_id JOIN owner o ON o.id = owner_id ORDER BY 1, 2"};
    struct nilo_buf b;
    nilo_buf_init(&b, 1 << 20);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char *rows = stores_text(s, tables[i]);
        nilo_buf_addf(&b, "%s\n", rows);
        free(rows);
    }
    char *all = nilo_buf_take(&b);
    assert_non_null(all);
    return all;
}

static void the_size_of_a_chunk_makes_no_difference(struct stores *s)
{
    static const size_t chunks[] = {0, 1, 2, 5, 7, 40, 1000};
    char *first = NULL;
    struct nilo_run first_run = {0};
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        assert_int_equal(stores_fresh(s), 0);
        struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", "push");
        rec_one(s, &c, "i1", "2025-03-01", VIEWS, 5);
        rec_run(s, &c, PUSH, NULL, 0); /* closes */
        assert_string_equal(rec_closed(s, &c), "2025-03-18");
        struct nilo_recorder *r = rec_begin(s, &c, OPTIONS(.kind = NILO_RUN_PUSH, .chunk = chunks[i]));
        many(s, r);
        struct nilo_run run = rec_finish(s, r, NULL);
        char *all = by_name(s);
        if (!first) {
            first = all;
            first_run = run;
            continue;
        }
        if (strcmp(all, first) != 0)
            fail_msg("chunk %zu:\n%s\nwhole:\n%s", chunks[i], all, first);
        assert_memory_equal(run.outcomes, first_run.outcomes, sizeof run.outcomes);
        assert_int_equal(run.items, 12);
        free(all);
    }
    free(first);
}

/* Quadratic once: every pair of the readings of one instant was compared. */
static void thousands_of_readings_of_one_instant_are_no_trouble(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", "push");
    struct nilo_recorder *r = rec_begin(s, &c, PUSH);
    for (int i = 0; i < 20000; i++)
        rec_add(s, r, REC(.id = "a", .day = "2025-03-19", .v = {{VIEWS, 10}, {LIKES, 3}}));
    struct nilo_run run = rec_finish(s, r, NULL);
    assert_int_equal(run.merged_readings, 19999);
    assert_rows(s, SHOWN, "1 10|5 3");
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(the_merge_order),
        STORES_TEST(days_of_one_fetch_are_not_duplicates),
        STORES_TEST(an_instant_value_told_beside_each_of_many_days_is_one),
        STORES_TEST(what_was_merged_is_told),
        STORES_TEST(the_size_of_a_chunk_makes_no_difference),
        STORES_TEST(thousands_of_readings_of_one_instant_are_no_trouble),
    };
    return stores_run("record/merge", tests, sizeof tests / sizeof tests[0]);
}
