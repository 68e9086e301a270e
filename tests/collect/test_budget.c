/* Budgets: days of the platform's zone, what is kept back, blocks, the platform's own count, the store, and the forecast. */
#include "../store/stores.h"

#include <string.h>

#include "collect/budget.h"

static struct nilo_zone *pacific(struct stores *s)
{
    struct nilo_zone *z;
    ok(s, nilo_zone_load(NULL, "America/Los_Angeles", &z, &s->err));
    return z;
}

static void a_day_is_the_platforms_day(struct stores *s)
{
    struct nilo_zone *z = pacific(s);
    struct nilo_budget b;
    nilo_budget_init(&b, "app", "units", 100, 86400, z);
    nilo_us now = stores_us("2026-11-21T07:59:59Z"); /* a second before midnight there */
    assert_true(nilo_budget_take(&b, now, 90, false));
    assert_false(nilo_budget_take(&b, now, 1, false));  /* the rest is kept back ... */
    assert_true(nilo_budget_take(&b, now, 10, true));   /* ... for retries */
    assert_false(nilo_budget_take(&b, now, 1, true));
    assert_true(nilo_budget_again(&b, now) == stores_us("2026-11-21T08:00:00Z"));
    assert_int_equal(nilo_budget_left(&b, stores_us("2026-11-21T08:00:00Z")), 90);
    /* the day on which the clock goes back has 25 hours */
    assert_true(nilo_budget_take(&b, stores_us("2026-11-01T07:00:00Z"), 1, false));
    nilo_budget_init(&b, "app", "units", 100, 86400, z);
    assert_true(nilo_budget_take(&b, stores_us("2026-11-01T07:00:00Z"), 90, false));
    assert_true(nilo_budget_again(&b, stores_us("2026-11-01T07:00:00Z")) == stores_us("2026-11-02T08:00:00Z"));
    nilo_zone_free(z);
}

static void a_sliding_span_is_never_above_its_limit(struct stores *s)
{
    struct nilo_budget b;
    nilo_us sent[4000];
    size_t n = 0, worst = 0;
    (void)s;
    nilo_budget_init(&b, "c", "calls", 600, 60, NULL);
    for (nilo_us now = stores_us("2026-11-21T08:00:30Z"), end = now + 5 * NILO_US_MINUTE; now < end; now += 50000)
        while (nilo_budget_take(&b, now, 1, true) && n < 4000)
            sent[n++] = now;
    for (size_t i = 0, k = 0; i < n; i++) {
        while (sent[i] - sent[k] >= NILO_US_MINUTE)
            k++;
        worst = i - k + 1 > worst ? i - k + 1 : worst;
    }
    assert_true(n > 1000);
    assert_in_range(worst, 300, 600);
}

static void a_block_holds_until_it_ends(struct stores *s)
{
    struct nilo_zone *z = pacific(s);
    struct nilo_budget b;
    nilo_us now = stores_us("2026-11-21T12:00:00Z");
    nilo_budget_init(&b, "app", "units", 100, 86400, z);
    nilo_budget_block(&b, now, now + NILO_US_MINUTE, "rateLimitExceeded");
    assert_int_equal(nilo_budget_left(&b, now), 0);
    assert_false(nilo_budget_take(&b, now, 1, true));
    nilo_budget_block(&b, now, now + NILO_US_SECOND, "sooner"); /* the longest word counts */
    assert_true(nilo_budget_again(&b, now) == now + NILO_US_MINUTE);
    assert_true(nilo_budget_take(&b, now + NILO_US_MINUTE, 1, false));
    nilo_budget_block(&b, now, NILO_US_NONE, "quotaExceeded");
    assert_true(nilo_budget_again(&b, now) == stores_us("2026-11-22T08:00:00Z"));
    nilo_budget_block(&b, now, INT64_MAX, "a mad clock");
    assert_true(nilo_budget_again(&b, now) <= now + 2 * NILO_US_DAY);
    nilo_zone_free(z);
}

static void the_platform_only_ever_counts_more(struct stores *s)
{
    struct nilo_budget b;
    nilo_us now = stores_us("2026-11-21T12:00:00Z");
    (void)s;
    nilo_budget_init(&b, "c", "calls", 2000, 3600, NULL); /* 1000 in each fixed hour */
    assert_true(nilo_budget_take(&b, now, 300, false));
    nilo_budget_told(&b, now, 200, -1);
    assert_int_equal(b.used, 300);
    nilo_budget_told(&b, now, 450, -1);
    assert_int_equal(b.used, 450);
    nilo_budget_told(&b, now, -1, 100);
    assert_int_equal(b.used, 900);
    nilo_budget_told(&b, now, 1200, -1);
    assert_int_equal(b.used, 1000);
    nilo_budget_told(&b, now, -1, -1);
    assert_int_equal(b.used, 1000);
    assert_int_equal(nilo_budget_left(&b, now), 0);
}

static void it_comes_back_from_the_store_with_no_less_used(struct stores *s)
{
    struct nilo_zone *z = pacific(s);
    struct nilo_budget b, again;
    nilo_us now = stores_us("2026-11-21T12:00:00Z");
    nilo_budget_init(&b, "app", "units", 100, 86400, z);
    assert_true(nilo_budget_take(&b, now, 7, false));
    assert_true(nilo_budget_needs_save(&b));
    ok(s, nilo_budget_save(&b, s->store, 20, &s->err));
    assert_true(nilo_budget_take(&b, now, 20, false));
    assert_false(nilo_budget_needs_save(&b)); /* so much was said ahead */
    assert_true(nilo_budget_take(&b, now, 1, false));
    assert_true(nilo_budget_needs_save(&b));
    nilo_budget_block(&b, now, now + NILO_US_HOUR, "quotaExceeded");
    ok(s, nilo_budget_save(&b, s->store, 0, &s->err));
    nilo_budget_init(&again, "app", "units", 100, 86400, z);
    ok(s, nilo_budget_load(&again, s->store, &s->err));
    assert_int_equal(again.used, 28);
    assert_int_equal(nilo_budget_left(&again, now), 0);
    assert_string_equal(again.reason, "quotaExceeded");
    assert_int_equal(nilo_budget_left(&again, now + NILO_US_HOUR), 62);
    assert_int_equal(nilo_budget_left(&again, stores_us("2026-11-22T08:00:00Z")), 90);
    nilo_zone_free(z);
}

static void a_clock_set_back_gives_nothing_anew(struct stores *s)
{
    struct nilo_zone *z = pacific(s);
    struct nilo_budget b;
    nilo_budget_init(&b, "app", "units", 100, 86400, z);
    assert_true(nilo_budget_take(&b, stores_us("2026-11-21T12:00:00Z"), 90, false));
    assert_int_equal(nilo_budget_left(&b, stores_us("2026-11-21T07:00:00Z")), 0);
    assert_int_equal(nilo_budget_left(&b, stores_us("2026-11-22T12:00:00Z")), 90);
    nilo_zone_free(z);
}

static void the_forecast_says_when_it_ends(struct stores *s)
{
    struct nilo_zone *z = pacific(s);
    struct nilo_budget b;
    nilo_us now = stores_us("2026-11-21T20:00:00Z"); /* noon there */
    nilo_budget_init(&b, "app", "units", 10000, 86400, z);
    struct nilo_forecast f = nilo_budget_forecast(&b, now, 4800);
    assert_int_equal(f.needed, 2400);
    assert_int_equal(f.left, 9000);
    assert_true(f.ends_at == NILO_US_NONE && f.resets_at == stores_us("2026-11-22T08:00:00Z"));
    f = nilo_budget_forecast(&b, now, 36000);
    assert_int_equal(f.needed, 18000);
    assert_true(f.ends_at == now + 6 * NILO_US_HOUR);
    nilo_zone_free(z);
}

static void what_is_kept_tells_when_it_ends_and_what_that_costs(struct stores *s)
{
    static const struct {
        const char *now;
        int64_t used, left, needed, minutes; /* minutes: until it ends, -1 = it lasts */
        bool blocked;
    } cases[] = {
        {"2026-11-21T20:00:00Z", 2000, 7000, 2000, -1, false},    /* half of the day is over */
        {"2026-11-21T20:00:00Z", 4500, 4500, 4500, -1, false},
        {"2026-11-21T20:00:00Z", 6000, 3000, 6000, 6 * 60, false},
        {"2026-11-21T09:00:00Z", 3000, 6000, 69000, 2 * 60, false},
        {"2026-11-21T20:00:00Z", 9500, 0, 9500, 0, false},        /* the rest is for retries */
        {"2026-11-21T20:00:00Z", 100, 0, 100, 0, true},
        {"2026-11-21T08:00:00Z", 100, 8900, 0, -1, false},        /* nothing is over: no pace */
        {"2026-11-21T08:00:01Z", 6, 8994, 143, -1, false},        /* a burst at its beginning is no pace either */
        {"2026-11-21T20:00:00Z", 0, 9000, 0, -1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nilo_us now = stores_us(cases[i].now);
        const struct nilo_budget_row row = {.owner = "app", .bucket = "units", .period_start = stores_us("2026-11-21T08:00:00Z"), .period_end = stores_us("2026-11-22T08:00:00Z"),
                                            .most = 10000, .used = cases[i].used, .blocked_until = cases[i].blocked ? now + 1 : NILO_US_NONE};
        struct nilo_forecast f = nilo_budget_outlook(&row, now);
        nilo_us ends = cases[i].minutes < 0 ? NILO_US_NONE : now + cases[i].minutes * NILO_US_MINUTE;
        if (f.left != cases[i].left || f.needed != cases[i].needed || f.ends_at != ends)
            fail_msg("case %zu: left %lld needed %lld", i, (long long)f.left, (long long)f.needed);
    }
    (void)s;
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_day_is_the_platforms_day),
        STORES_TEST(a_sliding_span_is_never_above_its_limit),
        STORES_TEST(a_block_holds_until_it_ends),
        STORES_TEST(the_platform_only_ever_counts_more),
        STORES_TEST(it_comes_back_from_the_store_with_no_less_used),
        STORES_TEST(a_clock_set_back_gives_nothing_anew),
        STORES_TEST(the_forecast_says_when_it_ends),
        STORES_TEST(what_is_kept_tells_when_it_ends_and_what_that_costs),
    };
    return stores_run("collect/budget", tests, sizeof tests / sizeof tests[0]);
}
