/* Cron expressions: what is understood and what is refused with which words, the next and the last slot, and the days on which clocks change. Every
 * minute of two years of several zones is the judge of slots: what a civil time means there is counted, not looked up. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cron.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct nilo_zone *load(const char *name)
{
    struct nilo_zone *z = NULL;
    struct nilo_err err;
    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) != 0)
        nilo_test_skip("/usr/share/zoneinfo is not there");
    if (nilo_zone_load(NULL, name, &z, &err) != 0)
        fail_msg("%s", err.msg);
    return z;
}

static nilo_us instant(const char *text)
{
    struct nilo_iso iso;
    struct nilo_err err;
    if (nilo_iso_parse(text, strlen(text), &iso, &err) != 0)
        fail_msg("%s", err.msg);
    return iso.us;
}

static struct nilo_cron parse(const char *text)
{
    struct nilo_cron c;
    struct nilo_err err;
    if (nilo_cron_parse(text, &c, &err) != 0)
        fail_msg("%s: %s", text, err.msg);
    return c;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------------- */

static void fields_say_which_minutes(void **state)
{
    static const struct {
        const char *text;
        uint64_t minutes;
        uint32_t hours, days, months;
        uint8_t weekdays;
    } cases[] = {
        {"0 3 * * *", 1, 1u << 3, 0xfffffffe, 0x1ffe, 0x7f},
        {"*/20 0-2 1,15 * *", 1 | 1 << 20 | UINT64_C(1) << 40, 7, 1u << 1 | 1u << 15, 0x1ffe, 0x7f},
        {"5/25 * * Jan,dec sun", UINT64_C(1) << 5 | UINT64_C(1) << 30 | UINT64_C(1) << 55, 0xffffff, 0xfffffffe, 1u << 1 | 1u << 12, 1},
        {"59 23 31 12 7", UINT64_C(1) << 59, 1u << 23, 1u << 31, 1u << 12, 1},
        {"0 9-17/4 * 6-8 mon-fri", 1, 1u << 9 | 1u << 13 | 1u << 17, 0xfffffffe, 7u << 6, 0x3e},
        {"0 0 * * fri-sun", 1, 1, 0xfffffffe, 0x1ffe, 0x61},
        {"0 0 * * 5-7", 1, 1, 0xfffffffe, 0x1ffe, 0x61},
        {"0 0 * * */2", 1, 1, 0xfffffffe, 0x1ffe, 0x55},
        {"  1\t2  3 4 5 ", 2, 4, 8, 16, 32},
        {"@daily", 1, 1, 0xfffffffe, 0x1ffe, 0x7f},
        {"@Hourly", 1, 0xffffff, 0xfffffffe, 0x1ffe, 0x7f},
        {"@weekly", 1, 1, 0xfffffffe, 0x1ffe, 1},
        {"@yearly", 1, 1, 2, 2, 0x7f},
        {"0 0 29 2 *", 1, 1, 1u << 29, 4, 0x7f},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct nilo_cron c = parse(cases[i].text);
        uint32_t all_days = cases[i].days == 0xfffffffe ? 0xfffffffe : cases[i].days;
        if (c.minutes != cases[i].minutes || c.hours != cases[i].hours || c.days != all_days || c.months != cases[i].months ||
            c.weekdays != cases[i].weekdays)
            fail_msg("%s: %llx %x %x %x %x", cases[i].text, (unsigned long long)c.minutes, c.hours, c.days, c.months, c.weekdays);
    }
}

static void what_is_wrong_names_its_field(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "has 0"},
        {"0 3 * *", "has 4"},
        {"0 0 3 * * *", "has 6"},
        {"60 3 * * *", "field minute: \"60\""},
        {"-1 3 * * *", "field minute: \"-1\""},
        {"0 24 * * *", "field hour: \"24\""},
        {"0 3 0 * *", "field day of month: \"0\""},
        {"0 3 32 * *", "field day of month: \"32\""},
        {"0 3 * 13 *", "field month: \"13\""},
        {"0 3 * foo *", "field month: \"foo\""},
        {"0 3 * janu *", "field month: \"janu\""},
        {"0 3 * * 8", "field day of week: \"8\""},
        {"0 3 * * mon,,tue", "field day of week: \"\""},
        {"0 3 * * ?", "field day of week: \"?\""},
        {"0 3 L * *", "field day of month: \"L\""},
        {"0 17-9 * * *", "runs backwards"},
        {"0 3 * * fri-mon", "runs backwards"},
        {"*/0 * * * *", "needs a step"},
        {"*/ * * * *", "needs a step"},
        {"1-2-3 * * * *", "field minute: \"1-2-3\""},
        {"** * * * *", "field minute: \"**\""},
        {"99999999999 * * * *", "field minute"},
        {"0 0 31 2,4,6 *", "no day of the months"},
        {"0 0 30 feb *", "no day of the months"},
        {"@reboot", "is no schedule"},
        {"@every 5m", "is no schedule"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct nilo_cron c;
        struct nilo_err err = {0};
        if (nilo_cron_parse(cases[i].text, &c, &err) == 0)
            fail_msg("\"%s\" was taken", cases[i].text);
        if (err.code != NILO_EINVAL || strstr(err.msg, cases[i].says) == NULL)
            fail_msg("\"%s\": %s", cases[i].text, err.msg);
    }
}

/* ---- slots --------------------------------------------------------------------------------------------------------------------------- */

static void the_next_slot_is_later_and_the_last_is_not(void **state)
{
    static const struct {
        const char *zone, *cron, *at, *next, *last;
    } cases[] = {
        {"UTC", "0 0 * * *", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z"},
        {"UTC", "0 0 * * *", "2026-02-28T23:59:59.999999Z", "2026-03-01T00:00:00Z", "2026-02-28T00:00:00Z"},
        {"UTC", "*/15 * * * *", "2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z", "2026-02-28T23:45:00Z"},
        {"UTC", "0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z", "2096-02-29T00:00:00Z"},
        {"UTC", "30 4 1,15 * fri", "2026-11-01T05:00:00Z", "2026-11-06T04:30:00Z", "2026-11-01T04:30:00Z"},
        {"UTC", "30 4 13 * */5", "2026-11-01T05:00:00Z", "2026-11-13T04:30:00Z", "2026-09-13T04:30:00Z"},
        {"America/Los_Angeles", "0 0 * * *", "2026-11-21T11:00:00Z", "2026-11-22T08:00:00Z", "2026-11-21T08:00:00Z"},
        {"Asia/Kathmandu", "0 6 * * *", "2026-11-21T00:14:59Z", "2026-11-21T00:15:00Z", "2026-11-20T00:15:00Z"},
        /* Berlin: 02:00-03:00 is missing on 29 March, comes twice on 25 October */
        {"Europe/Berlin", "30 2 * * *", "2026-03-29T00:59:00Z", "2026-03-29T01:00:00Z", "2026-03-28T01:30:00Z"},
        {"Europe/Berlin", "30 2 * * *", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z", "2026-03-29T01:00:00Z"},
        {"Europe/Berlin", "*/10 2-3 29 3 *", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2025-03-29T02:50:00Z"},
        {"Europe/Berlin", "*/10 2-3 29 3 *", "2026-03-29T01:00:00Z", "2026-03-29T01:10:00Z", "2026-03-29T01:00:00Z"},
        {"Europe/Berlin", "30 2 * * *", "2026-10-25T00:29:00Z", "2026-10-25T00:30:00Z", "2026-10-24T00:30:00Z"},
        {"Europe/Berlin", "30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z", "2026-10-25T00:30:00Z"},
        {"Europe/Berlin", "30 2 * * *", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z", "2026-10-25T00:30:00Z"},
        /* every hour goes on by the clock that ticks */
        {"Europe/Berlin", "0 * * * *", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T00:00:00Z"},
        {"Europe/Berlin", "0 * * * *", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T00:00:00Z"},
        {"Europe/Berlin", "30 * * * *", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T00:30:00Z"},
        /* a day that was not */
        {"Pacific/Apia", "0 12 30 12 *", "2011-12-30T09:00:00Z", "2011-12-30T10:00:00Z", "2010-12-30T22:00:00Z"},
        {"Pacific/Apia", "0 12 * * *", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z", "2011-12-30T10:00:00Z"},
        /* midnight is missing */
        {"America/Santiago", "0 0 * * *", "2026-09-06T03:59:00Z", "2026-09-06T04:00:00Z", "2026-09-05T04:00:00Z"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct nilo_zone *z = load(cases[i].zone);
        struct nilo_cron c = parse(cases[i].cron);
        char next[NILO_US_TEXT], last[NILO_US_TEXT];
        nilo_us at = instant(cases[i].at);
        nilo_us_format(nilo_cron_next(&c, z, at), next);
        nilo_us_format(nilo_cron_last(&c, z, at), last);
        if (nilo_cron_next(&c, z, at) != instant(cases[i].next) || nilo_cron_last(&c, z, at) != instant(cases[i].last))
            fail_msg("%s \"%s\" at %s: next %s, last %s", cases[i].zone, cases[i].cron, cases[i].at, next, last);
        nilo_zone_free(z);
    }
}

/* ---- every minute of two years ---------------------------------------------------------------------------------------------------------- */

static int64_t civil_minute_of(const struct nilo_zone *z, nilo_us t)
{
    return (t / NILO_US_SECOND + nilo_zone_offset(z, t)) / 60; /* years after 1970 */
}

static bool named(const struct nilo_cron *c, int64_t minute)
{
    int year, month, dom;
    nilo_day d = NILO_DAY((int32_t)(minute / 1440));
    nilo_day_to_civil(d, &year, &month, &dom);
    bool day = (c->days >> dom & 1) != 0, week = (c->weekdays >> (nilo_day_weekday(d) % 7) & 1) != 0;
    if (!(c->any_day || c->any_weekday ? day && week : day || week))
        return false;
    return (c->months >> month & 1) != 0 && (c->hours >> (minute % 1440 / 60) & 1) != 0 && (c->minutes >> (minute % 60) & 1) != 0;
}

/* Walks forward; `reached` is the greatest civil minute so far: what is not above it comes for the second time, what is jumped over is a gap. */
static void compare(const struct nilo_zone *z, const char *cron, nilo_us from, nilo_us to)
{
    struct nilo_cron c = parse(cron);
    int64_t reached = civil_minute_of(z, from) - 1;
    nilo_us found = nilo_cron_next(&c, z, from - 1), before = NILO_US_NONE;
    for (nilo_us t = from; t < to; t += NILO_US_MINUTE) {
        int64_t now = civil_minute_of(z, t);
        bool slot = now <= reached && c.hours == 0xffffff && named(&c, now);
        for (int64_t m = reached + 1; m <= now && !slot; m++)
            slot = named(&c, m);
        reached = now > reached ? now : reached;
        if (!slot)
            continue;
        if (found != t || nilo_cron_last(&c, z, t + NILO_US_MINUTE / 2) != t || (before != NILO_US_NONE && nilo_cron_last(&c, z, t - 1) != before)) {
            char want[NILO_US_TEXT], got[NILO_US_TEXT];
            nilo_us_format(t, want);
            nilo_us_format(found, got);
            fail_msg("%s \"%s\": the next one is %s, or the last one is another; %s was found", nilo_zone_name(z), cron, want, got);
        }
        before = t;
        found = nilo_cron_next(&c, z, t);
    }
}

static void slots_are_what_every_minute_says(void **state)
{
    static const char *const zones[] = {"UTC", "Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca"};
    static const char *const crons[] = {"30 2 * * *", "0 0 * * *", "17 * * * *", "*/20 0-4 * * sun", "59 23 * 3,4,10 *", "5 1-2,23 */5 * *", "15 2 28-31 3 sun"};
    (void)state;
    for (size_t i = 0; i < COUNT(zones); i++) {
        struct nilo_zone *z = load(zones[i]);
        for (size_t k = i % 2; k < COUNT(crons); k += 2)
            compare(z, crons[k], instant("2026-01-02T00:00:00Z"), instant("2027-01-02T00:00:00Z"));
        nilo_zone_free(z);
    }
    /* the clock goes back over midnight */
    struct nilo_zone *z = load("America/St_Johns");
    for (size_t k = 0; k < COUNT(crons); k++)
        compare(z, crons[k], instant("2006-09-01T00:00:00Z"), instant("2007-05-01T00:00:00Z"));
    compare(z, "0 0 * * mon", instant("2006-09-01T00:00:00Z"), instant("2007-05-01T00:00:00Z"));
    nilo_zone_free(z);
    z = load("Pacific/Apia");
    for (size_t k = 0; k < COUNT(crons); k++)
        compare(z, crons[k], instant("2011-12-01T00:00:00Z"), instant("2012-02-01T00:00:00Z"));
    nilo_zone_free(z);
}

static void never_is_said_so(void **state)
{
    struct nilo_cron c = parse("0 0 1 1 *");
    struct nilo_zone *z = load("UTC");
    (void)state;
    c.days = 1u << 31; /* what parsing refuses: 31 February */
    c.months = 1u << 2;
    assert_true(nilo_cron_next(&c, z, instant("2026-01-01T00:00:00Z")) == NILO_US_NONE);
    assert_true(nilo_cron_last(&c, z, instant("2026-01-01T00:00:00Z")) == NILO_US_NONE);
    nilo_zone_free(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_say_which_minutes),
        cmocka_unit_test(what_is_wrong_names_its_field),
        cmocka_unit_test(the_next_slot_is_later_and_the_last_is_not),
        cmocka_unit_test(slots_are_what_every_minute_says),
        cmocka_unit_test(never_is_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
