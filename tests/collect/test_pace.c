/* What is due when: the age of an item, its last reading, the day's last hour, failures, deletions, the window of the configuration; and the order. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <string.h>

#include "collect/pace.h"

#define HOUR NILO_US_HOUR
#define DAY NILO_US_DAY
#define NEVER NILO_US_NONE

static struct nilo_zone *utc;
static struct nilo_era era;
static struct nilo_calendar calendar;

static int setup(void **state)
{
    (void)state;
    if (nilo_zone_load(NULL, "UTC", &utc, NULL) != 0)
        return -1;
    era = (struct nilo_era){NILO_DAY_MIN, utc};
    calendar = (struct nilo_calendar){&era, 1};
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    nilo_zone_free(utc);
    return 0;
}

static nilo_us instant(const char *text)
{
    struct nilo_iso iso;
    assert_int_equal(nilo_iso_parse(text, strlen(text), &iso, NULL), 0);
    return iso.us;
}

static struct nilo_pace at(const char *text)
{
    return (struct nilo_pace){.now = instant(text), .calendar = &calendar};
}

/* An item so old, read so long ago (-1: never) */
static struct nilo_item_state item(const struct nilo_pace *p, nilo_us age, nilo_us read_ago)
{
    return (struct nilo_item_state){.external_id = "x",
                                    .first_seen = p->now - age,
                                    .posted_at = p->now - age,
                                    .deleted_at = NEVER,
                                    .read_at = read_ago < 0 ? NEVER : p->now - read_ago,
                                    .failed_at = NEVER};
}

static void age_decides_how_often(void **state)
{
    static const struct {
        const char *now;
        nilo_us age, read_ago;
        enum nilo_due due;
    } cases[] = {
        {"2026-11-21T12:00:00Z", 5 * HOUR, -1, NILO_DUE_NEW},
        {"2026-11-21T12:00:00Z", 5 * HOUR, HOUR, NILO_DUE_FRESH},
        {"2026-11-21T12:00:00Z", 5 * HOUR, HOUR - 5 * NILO_US_MINUTE, NILO_DUE_FRESH}, /* a run that comes early */
        {"2026-11-21T12:00:00Z", 5 * HOUR, HOUR / 2, NILO_DUE_NOT},
        {"2026-11-21T12:00:00Z", 48 * HOUR - 1, HOUR, NILO_DUE_FRESH},
        {"2026-11-21T12:00:00Z", 48 * HOUR, HOUR, NILO_DUE_NOT},
        {"2026-11-21T12:00:00Z", 48 * HOUR, 6 * HOUR, NILO_DUE_RECENT},
        {"2026-11-21T12:00:00Z", 30 * DAY - 1, 6 * HOUR, NILO_DUE_RECENT},
        {"2026-11-21T12:00:00Z", 30 * DAY, 6 * HOUR, NILO_DUE_NOT},
        {"2026-11-21T12:00:00Z", 30 * DAY, 11 * HOUR, NILO_DUE_NOT}, /* today at 01:00 */
        {"2026-11-21T12:00:00Z", 30 * DAY, 13 * HOUR, NILO_DUE_OLD}, /* yesterday at 23:00 */
        {"2026-11-21T00:00:00Z", 900 * DAY, 1, NILO_DUE_OLD},
        {"2026-11-21T23:00:00Z", 900 * DAY, 10 * HOUR, NILO_DUE_OLD}, /* the day's last hour */
        {"2026-11-21T22:59:59Z", 900 * DAY, 10 * HOUR, NILO_DUE_NOT},
        {"2026-11-21T23:50:00Z", 900 * DAY, HOUR / 2, NILO_DUE_NOT}, /* was read in it */
        {"2026-11-21T12:00:00Z", 900 * DAY, -1, NILO_DUE_NEW},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_pace p = at(cases[i].now);
        struct nilo_item_state it = item(&p, cases[i].age, cases[i].read_ago);
        if (nilo_pace_due(&p, &it) != cases[i].due)
            fail_msg("case %zu: %d", i, (int)nilo_pace_due(&p, &it));
    }
}

static void where_the_post_is_not_dated_its_first_sight_counts(void **state)
{
    struct nilo_pace p = at("2026-11-21T12:00:00Z");
    struct nilo_item_state it = item(&p, 3 * DAY, 2 * HOUR);
    (void)state;
    it.posted_at = NEVER;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_NOT);
    it.first_seen = p.now - HOUR;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_FRESH);
}

static void what_failed_comes_first_and_what_fails_for_ever_does_not(void **state)
{
    struct nilo_pace p = at("2026-11-21T12:00:00Z");
    struct nilo_item_state it = item(&p, 100 * DAY, HOUR);
    (void)state;
    it.failures = 1;
    it.failed_at = p.now - 1;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_FAILED);
    it.failures = NILO_PACE_PERSISTENT;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_NOT);
    it.failed_at = p.now - DAY;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_OLD);
}

static void what_is_gone_is_looked_at_now_and_then(void **state)
{
    struct nilo_pace p = at("2026-11-21T23:30:00Z");
    struct nilo_item_state it = item(&p, 100 * DAY, 50 * HOUR);
    (void)state;
    it.deleted_at = p.now - 20 * HOUR;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_NOT);
    it.deleted_at = p.now - 24 * HOUR;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_OLD);
    it.read_at = p.now - HOUR; /* it was looked at since */
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_NOT);
    it.deleted_at = p.now - 40 * DAY;
    it.read_at = p.now - 3 * DAY;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_NOT);
    it.read_at = p.now - 7 * DAY;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_OLD);
}

static void a_window_leaves_out_what_is_older(void **state)
{
    struct nilo_pace p = at("2026-11-21T12:00:00Z");
    struct nilo_item_state it = item(&p, 31 * DAY, -1);
    (void)state;
    p.refresh_window_days = 30;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_OUTSIDE);
    p.all = true;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_OUTSIDE);
    p.refresh_window_days = 0;
    it.read_at = p.now - 1;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_OLD); /* all: whatever was read when */
}

static void a_clock_that_was_ahead_does_not_stop_reading(void **state)
{
    struct nilo_pace p = at("2026-11-21T12:00:00Z");
    struct nilo_item_state it = item(&p, 100 * DAY, 0);
    (void)state;
    it.read_at = p.now + 400 * DAY;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_OLD);
    it = item(&p, HOUR, 0);
    it.read_at = p.now + 400 * DAY;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_FRESH);
}

static void the_order_is_failed_new_young_old(void **state)
{
    struct nilo_pace p = at("2026-11-21T12:00:00Z");
    struct nilo_item_state items[8];
    struct nilo_pace_item order[8];
    struct nilo_pace_plan plan = {.order = order};
    static const char *const want[] = {"failed", "new young", "new old", "fresh", "recent", "old, long ago", "old"};
    (void)state;
    items[0] = item(&p, 900 * DAY, 20 * HOUR), items[0].external_id = "old";
    items[1] = item(&p, 10 * DAY, 6 * HOUR), items[1].external_id = "recent";
    items[2] = item(&p, 900 * DAY, -1), items[2].external_id = "new old";
    items[3] = item(&p, 2 * HOUR, HOUR), items[3].external_id = "fresh";
    items[4] = item(&p, 1 * HOUR, -1), items[4].external_id = "new young";
    items[5] = item(&p, 800 * DAY, 30 * HOUR), items[5].external_id = "failed", items[5].failures = 2;
    items[6] = item(&p, 700 * DAY, 90 * HOUR), items[6].external_id = "old, long ago";
    items[7] = item(&p, 700 * DAY, HOUR), items[7].external_id = "not due";
    nilo_pace_plan(&p, items, 8, SIZE_MAX, &plan);
    assert_int_equal(plan.due, 7);
    assert_int_equal(plan.read, 7);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(items[order[i].item].external_id, want[i]);
    nilo_pace_plan(&p, items, 8, 3, &plan);
    assert_int_equal(plan.read, 3); /* the rest is not_due */
    assert_int_equal(plan.due, 7);
}

/* With a budget of a tenth every old item still has its turn, and the young ones are never late. */
static void with_too_small_a_budget_each_has_its_turn(void **state)
{
    enum { OLD = 100, YOUNG = 2, N = OLD + YOUNG };
    struct nilo_pace p = at("2026-11-21T00:30:00Z");
    struct nilo_item_state items[N];
    struct nilo_pace_item order[N];
    struct nilo_pace_plan plan = {.order = order};
    int reads[N] = {0};
    char ids[N][16];
    (void)state;
    for (int i = 0; i < N; i++) {
        items[i] = item(&p, i < OLD ? 400 * DAY + i * DAY : 30 * NILO_US_MINUTE, DAY);
        snprintf(ids[i], sizeof ids[i], "i%d", i);
        items[i].external_id = ids[i];
    }
    for (int run = 0; run < 20; run++, p.now += DAY) {
        for (int i = OLD; i < N; i++)
            items[i].posted_at = p.now - HOUR;
        nilo_pace_plan(&p, items, N, 12, &plan);
        assert_int_equal(plan.read, 12);
        for (size_t k = 0; k < plan.read; k++) {
            reads[order[k].item]++;
            items[order[k].item].read_at = p.now;
        }
    }
    for (int i = 0; i < OLD; i++)
        assert_int_equal(reads[i], 2);
    for (int i = OLD; i < N; i++)
        assert_int_equal(reads[i], 20);
}

static void a_day_at_full_pace_costs_what_it_costs(void **state)
{
    struct nilo_pace p = at("2026-11-21T12:00:00Z");
    struct nilo_item_state items[3];
    (void)state;
    items[0] = item(&p, HOUR, HOUR), items[1] = item(&p, 10 * DAY, HOUR), items[2] = item(&p, 100 * DAY, HOUR);
    assert_int_equal(nilo_pace_per_day(&p, items, 3), 24 + 4 + 2); /* an old one once, and in the day's last hour */
    p.refresh_window_days = 30;
    assert_int_equal(nilo_pace_per_day(&p, items, 3), 28);
}

static void what_somebody_told_of_is_due_until_it_was_looked_at(void **state)
{
    (void)state;
    struct nilo_pace p = at("2025-06-10T12:00:00Z");
    struct nilo_item_state it = item(&p, 100 * DAY, HOUR);
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_NOT);
    it.asked_at = p.now - HOUR / 2;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_NEW);
    it.failed_at = p.now - HOUR / 4; /* in vain: from then on as its failures have it */
    it.failures = 1;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_FAILED);
    it = item(&p, 100 * DAY, HOUR);
    it.asked_at = p.now - 2 * HOUR;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_NOT);
    it.deleted_at = it.read_at;
    it.asked_at = p.now - HOUR / 2; /* it may be back */
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_NEW);
    it.ended = true;
    assert_int_equal(nilo_pace_due(&p, &it), NILO_DUE_NOT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_somebody_told_of_is_due_until_it_was_looked_at),
        cmocka_unit_test(age_decides_how_often),
        cmocka_unit_test(where_the_post_is_not_dated_its_first_sight_counts),
        cmocka_unit_test(what_failed_comes_first_and_what_fails_for_ever_does_not),
        cmocka_unit_test(what_is_gone_is_looked_at_now_and_then),
        cmocka_unit_test(a_window_leaves_out_what_is_older),
        cmocka_unit_test(a_clock_that_was_ahead_does_not_stop_reading),
        cmocka_unit_test(the_order_is_failed_new_young_old),
        cmocka_unit_test(with_too_small_a_budget_each_has_its_turn),
        cmocka_unit_test(a_day_at_full_pace_costs_what_it_costs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
