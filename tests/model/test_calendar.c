/* Days of a workspace that moved: whatever the zones, each instant belongs to one day and the days do not overlap. */
#include "support/nilo_test.h"

#include "model/model.h"

static const char *const names[] = {"UTC", "Pacific/Pago_Pago", "Pacific/Kiritimati", "Pacific/Apia", "Europe/Berlin", "America/New_York", "Asia/Kolkata",
                                    "America/St_Johns", "Pacific/Chatham", "Africa/Cairo"};
#define ZONES (sizeof names / sizeof names[0])
#define MOVE  20157 /* 2025-03-10 */

static struct nilo_zone *zones[ZONES];

static int load(void **state)
{
    struct nilo_err err;
    (void)state;
    for (size_t i = 0; i < ZONES; i++)
        assert_int_equal(nilo_zone_load(NULL, names[i], &zones[i], &err), 0);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    for (size_t i = 0; i < ZONES; i++)
        nilo_zone_free(zones[i]);
    return 0;
}

/* As the store does it: from the day on that is tomorrow in both. */
static nilo_day first_there(const struct nilo_zone *from, const struct nilo_zone *to, nilo_us now)
{
    nilo_day here = nilo_zone_day(from, now), there = nilo_zone_day(to, now);
    return NILO_DAY((here.n > there.n ? here.n : there.n) + 1);
}

static void check_days(const struct nilo_calendar *c, nilo_day from, nilo_day to, const char *what)
{
    for (nilo_day d = from; d.n <= to.n; d.n++) {
        nilo_us start = nilo_calendar_start(c, d), end = nilo_calendar_end(c, d);
        if (end < start || end != nilo_calendar_start(c, NILO_DAY(d.n + 1)))
            fail_msg("%s: day %d ends before it begins, or not where the next one begins", what, (int)d.n);
        if (start == end)
            continue;
        assert_true(nilo_calendar_exists(c, d));
        if (nilo_calendar_day(c, start).n != d.n || nilo_calendar_day(c, end - 1).n != d.n)
            fail_msg("%s: the first or last instant of day %d belongs to another one", what, (int)d.n);
    }
    for (nilo_us at = nilo_calendar_start(c, from); at < nilo_calendar_end(c, to); at += 7 * NILO_US_MINUTE) {
        nilo_day d = nilo_calendar_day(c, at);
        if (at < nilo_calendar_start(c, d) || at >= nilo_calendar_end(c, d))
            fail_msg("%s: an instant is none of its day %d", what, (int)d.n);
    }
}

static void days_tile_time_across_every_move(void **state)
{
    (void)state;
    for (size_t i = 0; i < ZONES * ZONES * 4; i++) {
        char what[128];
        const struct nilo_zone *from = zones[i % ZONES], *to = zones[i / ZONES % ZONES];
        nilo_us now = MOVE * NILO_US_DAY + (nilo_us)(i / ZONES / ZONES) * 6 * NILO_US_HOUR;
        struct nilo_era eras[] = {{.zone = from, .from_day = NILO_DAY_MIN},
                                  {.zone = to, .from_day = first_there(from, to, now)}};
        const struct nilo_calendar moved = {eras, 2}, before = {eras, 1};
        snprintf(what, sizeof what, "%s to %s, %zu", nilo_zone_name(from), nilo_zone_name(to), i / ZONES / ZONES);
        check_days(&moved, NILO_DAY(MOVE - 3), NILO_DAY(MOVE + 5), what);
        /* what was over when it moved stays as it was */
        for (nilo_day d = NILO_DAY(MOVE - 3); nilo_calendar_end(&before, d) <= now; d.n++) {
            assert_int_equal(nilo_calendar_start(&moved, d), nilo_calendar_start(&before, d));
            assert_int_equal(nilo_calendar_end(&moved, d), nilo_calendar_end(&before, d));
        }
    }
}

static void a_zone_that_skips_a_day_has_no_such_day(void **state)
{
    (void)state;
    struct nilo_era era = {.zone = zones[3], .from_day = NILO_DAY_MIN};
    const struct nilo_calendar samoa = {&era, 1};
    check_days(&samoa, NILO_DAY(15335), NILO_DAY(15341), "Samoa");
    assert_false(nilo_calendar_exists(&samoa, NILO_DAY(15338)));
    assert_true(nilo_calendar_exists(&samoa, NILO_DAY(15337)));
    assert_true(nilo_calendar_exists(&samoa, NILO_DAY(15339)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_tile_time_across_every_move),
        cmocka_unit_test(a_zone_that_skips_a_day_has_no_such_day),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
