/* The calendar, and dates and instants as text: ISO 8601 and strptime patterns. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/day.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- the calendar ------------------------------------------------------------------------------------------------- */

static void known_days_have_their_number_and_weekday(void **state)
{
    static const struct {
        int year, month, dom, n, weekday;
    } rows[] = {
        {1970, 1, 1, 0, 4},      {1969, 12, 31, -1, 3},    {2000, 2, 29, 11016, 2},    {1900, 2, 28, -25509, 3},
        {1900, 3, 1, -25508, 4}, {2025, 11, 14, 20406, 5}, {2024, 12, 30, 20087, 1},   {2100, 2, 28, 47540, 7},
        {2100, 3, 1, 47541, 1},  {1, 1, 1, -719162, 1},    {9999, 12, 31, 2932896, 5}, {1582, 10, 15, -141427, 5},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int year, month, dom;
        assert_int_equal(nilo_day_from_civil(rows[i].year, rows[i].month, rows[i].dom).n, rows[i].n);
        assert_int_equal(nilo_day_weekday(NILO_DAY(rows[i].n)), rows[i].weekday);
        nilo_day_to_civil(NILO_DAY(rows[i].n), &year, &month, &dom);
        assert_true(year == rows[i].year && month == rows[i].month && dom == rows[i].dom);
    }
    assert_int_equal(NILO_DAY_MIN.n, nilo_day_from_civil(1, 1, 1).n);
    assert_int_equal(NILO_DAY_MAX.n, nilo_day_from_civil(9999, 12, 31).n);
}

static void only_days_of_the_calendar_are_valid(void **state)
{
    static const struct {
        int year, month, dom;
        bool valid;
    } rows[] = {
        {2024, 2, 29, true},  {2025, 2, 29, false}, {1900, 2, 29, false},  {2000, 2, 29, true},  {2025, 4, 30, true},
        {2025, 4, 31, false}, {2025, 12, 31, true}, {2025, 12, 32, false}, {2025, 13, 1, false}, {2025, 0, 1, false},
        {2025, 1, 0, false},  {2025, 1, -1, false}, {0, 12, 31, false},    {1, 1, 1, true},      {9999, 12, 31, true},
        {10000, 1, 1, false}, {-5, 1, 1, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (nilo_civil_valid(rows[i].year, rows[i].month, rows[i].dom) != rows[i].valid)
            fail_msg("%d-%d-%d", rows[i].year, rows[i].month, rows[i].dom);
    }
}

/* Counted by hand from the first to the last, with the text of each. */
static void every_day_of_9999_years_follows_the_one_before(void **state)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 1, month = 1, dom = 1, weekday = 1;
    (void)state;
    for (int32_t n = NILO_DAY_MIN.n; n <= NILO_DAY_MAX.n; n++) {
        int y, m, d;
        nilo_day_to_civil(NILO_DAY(n), &y, &m, &d);
        if (y != year || m != month || d != dom || nilo_day_from_civil(year, month, dom).n != n ||
            nilo_day_weekday(NILO_DAY(n)) != weekday)
            fail_msg("day %d is %d-%d-%d, expected %d-%d-%d", n, y, m, d, year, month, dom);
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        weekday = weekday % 7 + 1;
        if (++dom > lengths[month - 1] + (leap && month == 2)) {
            dom = 1;
            year += month == 12;
            month = month % 12 + 1;
        }
    }
    assert_true(year == 10000 && month == 1 && dom == 1);
}

static void weeks_and_months_start_where_they_do(void **state)
{
    static const struct {
        const char *day, *week, *month, *next;
    } rows[] = {
        {"2025-11-14", "2025-11-10", "2025-11-01", "2025-12-01"},
        {"2025-11-10", "2025-11-10", "2025-11-01", "2025-12-01"},
        {"2025-11-16", "2025-11-10", "2025-11-01", "2025-12-01"},
        {"2025-12-31", "2025-12-29", "2025-12-01", "2026-01-01"},
        {"2024-02-29", "2024-02-26", "2024-02-01", "2024-03-01"},
        {"1970-01-01", "1969-12-29", "1970-01-01", "1970-02-01"},
        {"1969-12-31", "1969-12-29", "1969-12-01", "1970-01-01"},
        {"0001-01-01", "0001-01-01", "0001-01-01", "0001-02-01"},
        {"9999-12-31", "9999-12-27", "9999-12-01", "infinity"},
    };
    char out[NILO_DAY_TEXT];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        nilo_day d;
        assert_int_equal(nilo_day_parse(rows[i].day, strlen(rows[i].day), &d, NULL), 0);
        nilo_day_format(nilo_day_week_start(d), out);
        assert_string_equal(out, rows[i].week);
        nilo_day_format(nilo_day_month_start(d), out);
        assert_string_equal(out, rows[i].month);
        nilo_day_format(nilo_day_next_month(d), out);
        assert_string_equal(out, rows[i].next);
    }
}

/* UndefinedBehaviorSanitizer watches the arithmetic. */
static void days_outside_of_the_calendar_neither_overflow_nor_become_none(void **state)
{
    static const struct {
        int32_t n;
        const char *text;
    } rows[] = {
        {INT32_MIN + 1, "-infinity"}, {-719163, "-infinity"}, {-719162, "0001-01-01"},
        {2932896, "9999-12-31"},      {2932897, "infinity"},  {INT32_MAX, "infinity"},
    };
    char out[NILO_DAY_TEXT];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        nilo_day d = NILO_DAY(rows[i].n);
        int year, month, dom;
        nilo_day_to_civil(d, &year, &month, &dom);
        assert_true(month >= 1 && month <= 12 && dom >= 1 && dom <= 31);
        assert_in_range(nilo_day_weekday(d), 1, 7);
        assert_false(nilo_day_is_none(nilo_day_week_start(d)));
        assert_false(nilo_day_is_none(nilo_day_month_start(d)));
        assert_false(nilo_day_is_none(nilo_day_next_month(d)));
        nilo_day_format(d, out);
        assert_string_equal(out, rows[i].text);
    }
    for (int32_t n = INT32_MIN + 1; n < INT32_MIN + 40; n++) {
        assert_false(nilo_day_is_none(nilo_day_week_start(NILO_DAY(n))));
        assert_false(nilo_day_is_none(nilo_day_month_start(NILO_DAY(n))));
    }
    assert_true(nilo_day_is_none(nilo_day_week_start(NILO_DAY_NONE)));
    assert_true(nilo_day_is_none(nilo_day_month_start(NILO_DAY_NONE)));
    assert_true(nilo_day_is_none(nilo_day_next_month(NILO_DAY_NONE)));
    nilo_day_format(NILO_DAY_NONE, out);
    assert_string_equal(out, "");
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* A copy without a byte behind it, so that AddressSanitizer sees every read too far. */
static char *exact_copy(const char *s, size_t len)
{
    char *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    memcpy(copy, s, len);
    return copy;
}

static void day_parse_takes_one_form_only(void **state)
{
    static const struct {
        const char *text;
        enum nilo_code code;
        int32_t n;
    } rows[] = {
        {"1970-01-01", NILO_OK, 0},         {"2025-11-14", NILO_OK, 20406},     {"0001-01-01", NILO_OK, -719162},
        {"9999-12-31", NILO_OK, 2932896},   {"2025-02-30", NILO_EDATERANGE, 0}, {"2025-13-01", NILO_EDATERANGE, 0},
        {"2025-00-01", NILO_EDATERANGE, 0}, {"2025-01-00", NILO_EDATERANGE, 0}, {"0000-01-01", NILO_EDATERANGE, 0},
        {"2023-02-29", NILO_EDATERANGE, 0}, {"2025-1-5", NILO_EDATE, 0},        {"20250105", NILO_EDATE, 0},
        {"2025-01-05T", NILO_EDATE, 0},     {"2025-01-05 ", NILO_EDATE, 0},     {" 2025-01-05", NILO_EDATE, 0},
        {"2025-01-0", NILO_EDATE, 0},       {"2025-01", NILO_EDATE, 0},         {"", NILO_EDATE, 0},
        {"+025-01-05", NILO_EDATE, 0},      {"2025/01/05", NILO_EDATE, 0},      {"12025-01-05", NILO_EDATE, 0},
        {"yesterday", NILO_EDATE, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct nilo_err err = {0};
        nilo_day got = NILO_DAY(4711);
        size_t len = strlen(rows[i].text);
        char *s = exact_copy(rows[i].text, len);
        int rc = nilo_day_parse(s, len, &got, &err);
        free(s);
        if (rc != (rows[i].code == NILO_OK ? 0 : -1) || err.code != rows[i].code ||
            got.n != (rc == 0 ? rows[i].n : 4711))
            fail_msg("\"%s\": rc %d code %d day %d", rows[i].text, rc, (int)err.code, got.n);
    }
}

/* What a text should be read as. instant NULL: refused with code. */
struct expected {
    const char *instant;
    const char *day;
    bool date_only, has_zone;
    enum nilo_code code;
};

#define DATE(d)                                                                                                        \
    {                                                                                                                  \
        d "T00:00:00+00:00", d, true, false, NILO_OK                                                                   \
    }
#define LOCAL(instant, day)                                                                                            \
    {                                                                                                                  \
        instant "+00:00", day, false, false, NILO_OK                                                                   \
    }
#define ZONED(instant, day)                                                                                            \
    {                                                                                                                  \
        instant "+00:00", day, false, true, NILO_OK                                                                    \
    }
#define REFUSED(code)                                                                                                  \
    {                                                                                                                  \
        NULL, NULL, false, false, code                                                                                 \
    }

static void check_iso(const char *what, int rc, const struct nilo_iso *got, const struct nilo_err *err,
                      const struct expected *want)
{
    char us[NILO_US_TEXT], day[NILO_DAY_TEXT];
    if (want->instant == NULL) {
        if (rc != -1 || err->code != want->code || err->msg[0] == '\0' || got->us != 4711)
            fail_msg("%s: rc %d code %d, expected code %d", what, rc, (int)err->code, (int)want->code);
        return;
    }
    if (rc != 0)
        fail_msg("%s: %s", what, err->msg);
    nilo_us_format(got->us, us);
    nilo_day_format(got->day, day);
    if (strcmp(us, want->instant) != 0 || strcmp(day, want->day) != 0 || got->date_only != want->date_only ||
        got->has_zone != want->has_zone)
        fail_msg("%s: %s %s date_only %d has_zone %d, expected %s %s %d %d", what, us, day, got->date_only,
                 got->has_zone, want->instant, want->day, want->date_only, want->has_zone);
}

static void iso_parse_reads_the_usual_spellings(void **state)
{
    static const struct {
        const char *text;
        struct expected want;
    } rows[] = {
        {"2025-12-09", DATE("2025-12-09")},
        {"20251209", DATE("2025-12-09")},
        {"0001-01-01", DATE("0001-01-01")},
        {"9999-12-31", DATE("9999-12-31")},
        {"2025-12-09 16:01:28+00:00", ZONED("2025-12-09T16:01:28", "2025-12-09")},
        {"2026-01-16T00:47:13Z", ZONED("2026-01-16T00:47:13", "2026-01-16")},
        {"2026-01-16t00:47:13z", ZONED("2026-01-16T00:47:13", "2026-01-16")},
        {"2025-12-10 05:38:04.573600+00:00", ZONED("2025-12-10T05:38:04.5736", "2025-12-10")},
        {"2025-10-31T07:45:00.123456", LOCAL("2025-10-31T07:45:00.123456", "2025-10-31")},
        {"2025-10-31T07:45:00,5", LOCAL("2025-10-31T07:45:00.5", "2025-10-31")},
        {"2025-10-31T07:45:00.1234567890123", LOCAL("2025-10-31T07:45:00.123456", "2025-10-31")},
        {"2025-10-31T07:45:00.0000009", LOCAL("2025-10-31T07:45:00", "2025-10-31")},
        {"20250110T074500Z", ZONED("2025-01-10T07:45:00", "2025-01-10")},
        {"20250110T0745Z", ZONED("2025-01-10T07:45:00", "2025-01-10")},
        {"20250110T074500.25+0130", ZONED("2025-01-10T06:15:00.25", "2025-01-10")},
        {"2025-01-10T07:45", LOCAL("2025-01-10T07:45:00", "2025-01-10")},
        {"2025-01-10   07:45", LOCAL("2025-01-10T07:45:00", "2025-01-10")},
        {"2025-01-10 07:45:00 UTC", ZONED("2025-01-10T07:45:00", "2025-01-10")},
        {"2025-01-10 07:45:00UTC", ZONED("2025-01-10T07:45:00", "2025-01-10")},
        {"2025-01-10 07:45:00 +0100", ZONED("2025-01-10T06:45:00", "2025-01-10")},
        {"2025-01-10T07:45:00+02", ZONED("2025-01-10T05:45:00", "2025-01-10")},
        {"2025-01-10T07:45:00-0330", ZONED("2025-01-10T11:15:00", "2025-01-10")},
        {"2025-01-10T00:30:00+05:30", ZONED("2025-01-09T19:00:00", "2025-01-10")},
        {"2025-01-10T23:30:00-11:00", ZONED("2025-01-11T10:30:00", "2025-01-10")},
        {"2025-01-10T07:45:00-00:00", ZONED("2025-01-10T07:45:00", "2025-01-10")},
        {"2025-01-10T24:00:00Z", ZONED("2025-01-11T00:00:00", "2025-01-10")},
        {"2025-01-10T24:00", LOCAL("2025-01-11T00:00:00", "2025-01-10")},
        {"2016-12-31T23:59:60Z", ZONED("2017-01-01T00:00:00", "2016-12-31")},
        {"2016-12-31T23:59:60.5Z", ZONED("2017-01-01T00:00:00.5", "2016-12-31")},
        {"1969-12-31T23:59:59.999999Z", ZONED("1969-12-31T23:59:59.999999", "1969-12-31")},
        {"9999-12-31T23:59:59.999999Z", ZONED("9999-12-31T23:59:59.999999", "9999-12-31")},
        {"0001-01-01T00:00:00Z", ZONED("0001-01-01T00:00:00", "0001-01-01")},

        {"2025-02-30", REFUSED(NILO_EDATERANGE)},
        {"20250230", REFUSED(NILO_EDATERANGE)},
        {"0000-01-01", REFUSED(NILO_EDATERANGE)},
        {"2025-01-10T24:00:01", REFUSED(NILO_EDATERANGE)},
        {"2025-01-10T24:01", REFUSED(NILO_EDATERANGE)},
        {"2025-01-10T25:00", REFUSED(NILO_EDATERANGE)},
        {"2025-01-10T23:60", REFUSED(NILO_EDATERANGE)},
        {"2025-01-10T23:59:61", REFUSED(NILO_EDATERANGE)},
        {"2025-01-10T23:59:59+24:00", REFUSED(NILO_EDATERANGE)},
        {"2025-01-10T23:59:59+01:60", REFUSED(NILO_EDATERANGE)},
        {"9999-12-31T24:00", REFUSED(NILO_EDATERANGE)},
        {"9999-12-31T23:59:60", REFUSED(NILO_EDATERANGE)},
        {"9999-12-31T23:00:00-01:00", REFUSED(NILO_EDATERANGE)},
        {"0001-01-01T00:00:00+00:01", REFUSED(NILO_EDATERANGE)},

        {"", REFUSED(NILO_EDATE)},
        {"2025", REFUSED(NILO_EDATE)},
        {"2025-01", REFUSED(NILO_EDATE)},
        {"2025-1-5", REFUSED(NILO_EDATE)},
        {"2025-0110", REFUSED(NILO_EDATE)},
        {"202501-10", REFUSED(NILO_EDATE)},
        {"25-01-10", REFUSED(NILO_EDATE)},
        {"10.01.2025", REFUSED(NILO_EDATE)},
        {"2025-01-10T", REFUSED(NILO_EDATE)},
        {"2025-01-10 ", REFUSED(NILO_EDATE)},
        {" 2025-01-10", REFUSED(NILO_EDATE)},
        {"2025-01-10Z", REFUSED(NILO_EDATE)},
        {"2025-01-10T07", REFUSED(NILO_EDATE)},
        {"2025-01-10T7:45", REFUSED(NILO_EDATE)},
        {"2025-01-10T07:45:", REFUSED(NILO_EDATE)},
        {"2025-01-10T07:45:00.", REFUSED(NILO_EDATE)},
        {"2025-01-10T07:45:00.5.5", REFUSED(NILO_EDATE)},
        {"2025-01-10T07:45:00+", REFUSED(NILO_EDATE)},
        {"2025-01-10T07:45:00+1", REFUSED(NILO_EDATE)},
        {"2025-01-10T07:45:00+010", REFUSED(NILO_EDATE)},
        {"2025-01-10T07:45:00+01:", REFUSED(NILO_EDATE)},
        {"2025-01-10T07:45:00+01:000", REFUSED(NILO_EDATE)},
        {"2025-01-10T07:45:00 ", REFUSED(NILO_EDATE)},
        {"2025-01-10T07:45:00ZZ", REFUSED(NILO_EDATE)},
        {"2025-01-10T07:45:00 CET", REFUSED(NILO_EDATE)},
        {"2025-01-10X07:45", REFUSED(NILO_EDATE)},
        {"2025-01-10T-7:45", REFUSED(NILO_EDATE)},
        {"1736495100", REFUSED(NILO_EDATE)},
        {"now", REFUSED(NILO_EDATE)},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct nilo_err err = {0};
        struct nilo_iso got = {.us = 4711};
        size_t len = strlen(rows[i].text);
        char *s = exact_copy(rows[i].text, len);
        int rc = nilo_iso_parse(s, len, &got, &err);
        free(s);
        check_iso(rows[i].text, rc, &got, &err, &rows[i].want);
    }
}

static void a_byte_behind_the_text_is_not_read(void **state)
{
    struct nilo_iso got;
    nilo_day day;
    (void)state;
    assert_int_equal(nilo_iso_parse("2025-01-10T07:45", 10, &got, NULL), 0);
    assert_true(got.date_only);
    assert_int_equal(nilo_day_parse("2025-01-105", 10, &day, NULL), 0);
    assert_int_equal(nilo_strptime("10.01.2025", 6, "%d.%m.2017", &got, NULL), 0);
}

static void strptime_matches_the_whole_text(void **state)
{
    static const struct {
        const char *text, *pattern;
        struct expected want;
    } rows[] = {
        {"2025-11-14", "%Y-%m-%d", DATE("2025-11-14")},
        {"17.14.11", "%y.%d.%m", DATE("2017-11-14")},
        {"5/3/2024", "%d/%m/%Y", DATE("2024-03-05")},
        {"20241231", "%Y%m%d", DATE("2024-12-31")},
        {"68", "%y", DATE("2068-01-01")},
        {"69", "%y", DATE("1969-01-01")},
        {"2024-12", "%Y-%m", DATE("2024-12-01")},
        {"2024", "%Y", DATE("2024-01-01")},
        {"2024-060", "%Y-%j", DATE("2024-02-29")},
        {"2024-366", "%Y-%j", DATE("2024-12-31")},
        {"5 Mar 2024", "%d %b %Y", DATE("2024-03-05")},
        {" 5 MARCH 2024", "%e %b %Y", DATE("2024-03-05")},
        {"march 5, 2024", "%B %d, %Y", DATE("2024-03-05")},
        {"Mar 5, 2024", "%B %e, %Y", DATE("2024-03-05")},
        {"Sept 5 2024", "%b %d %Y", DATE("2024-09-05")},
        {"september 5 2024", "%b %d %Y", DATE("2024-09-05")},
        {"may 5 2024", "%b %d %Y", DATE("2024-05-05")},
        {"2024  \t 05", "%Y %m", DATE("2024-05-01")},
        {"100% 2024", "100%% %Y", DATE("2024-01-01")},
        {"2024-03-05T06:07:08", "%Y-%m-%dT%H:%M:%S", LOCAL("2024-03-05T06:07:08", "2024-03-05")},
        {"2024-03-05 6:7", "%Y-%m-%d %H:%M", LOCAL("2024-03-05T06:07:00", "2024-03-05")},
        {"2024-03-05 06:07:08.25", "%Y-%m-%d %H:%M:%S.%f", LOCAL("2024-03-05T06:07:08.25", "2024-03-05")},
        {"2024-03-05 06:07:08.1234567", "%Y-%m-%d %H:%M:%S.%f", LOCAL("2024-03-05T06:07:08.123456", "2024-03-05")},
        {"2024-03-05 24:00", "%Y-%m-%d %H:%M", LOCAL("2024-03-06T00:00:00", "2024-03-05")},
        {"2024-03-05 12:30 AM", "%Y-%m-%d %I:%M %p", LOCAL("2024-03-05T00:30:00", "2024-03-05")},
        {"2024-03-05 12:30 pm", "%Y-%m-%d %I:%M %p", LOCAL("2024-03-05T12:30:00", "2024-03-05")},
        {"2024-03-05 1PM", "%Y-%m-%d %I%p", LOCAL("2024-03-05T13:00:00", "2024-03-05")},
        {"PM 2024-03-05 11", "%p %Y-%m-%d %I", LOCAL("2024-03-05T23:00:00", "2024-03-05")},
        {"2024-03-05 06:07 +0200", "%Y-%m-%d %H:%M %z", ZONED("2024-03-05T04:07:00", "2024-03-05")},
        {"2024-03-05 06:07-08:30", "%Y-%m-%d %H:%M%z", ZONED("2024-03-05T14:37:00", "2024-03-05")},
        {"2024-03-05 06:07Z", "%Y-%m-%d %H:%M%z", ZONED("2024-03-05T06:07:00", "2024-03-05")},
        {"1736495100", "%s", ZONED("2025-01-10T07:45:00", "2025-01-10")},
        {"1736495100.25", "%s.%f", ZONED("2025-01-10T07:45:00.25", "2025-01-10")},
        {"-0.5", "%s.%f", ZONED("1969-12-31T23:59:59.5", "1969-12-31")},
        {"-86400", "%s", ZONED("1969-12-31T00:00:00", "1969-12-31")},
        {"253402300799", "%s", ZONED("9999-12-31T23:59:59", "9999-12-31")},
        {"-62135596800", "%s", ZONED("0001-01-01T00:00:00", "0001-01-01")},

        {"253402300800", "%s", REFUSED(NILO_EDATERANGE)},
        {"-62135596801", "%s", REFUSED(NILO_EDATERANGE)},
        {"1736495100000", "%s", REFUSED(NILO_EDATERANGE)}, /* milliseconds */
        {"9999999999999", "%s", REFUSED(NILO_EDATERANGE)},
        {"99999999999999999999999999", "%s", REFUSED(NILO_EDATERANGE)},
        {"-99999999999999999999999999", "%s", REFUSED(NILO_EDATERANGE)},
        {"2025-02-29", "%Y-%m-%d", REFUSED(NILO_EDATERANGE)},
        {"2025-366", "%Y-%j", REFUSED(NILO_EDATERANGE)},
        {"2025-0", "%Y-%j", REFUSED(NILO_EDATERANGE)},
        {"0000-001", "%Y-%j", REFUSED(NILO_EDATERANGE)},
        {"2025-13", "%Y-%m", REFUSED(NILO_EDATERANGE)},
        {"0000", "%Y", REFUSED(NILO_EDATERANGE)},
        {"2024-03-05 0 AM", "%Y-%m-%d %I %p", REFUSED(NILO_EDATERANGE)},
        {"2024-03-05 13 PM", "%Y-%m-%d %I %p", REFUSED(NILO_EDATERANGE)},
        {"2024-03-05 25", "%Y-%m-%d %H", REFUSED(NILO_EDATERANGE)},

        {"", "%Y", REFUSED(NILO_EDATE)},
        {"2025-11-14 ", "%Y-%m-%d", REFUSED(NILO_EDATE)},
        {" 2025-11-14", "%Y-%m-%d", REFUSED(NILO_EDATE)},
        {"2025-11-14T00", "%Y-%m-%d", REFUSED(NILO_EDATE)},
        {"2025-11", "%Y-%m-%d", REFUSED(NILO_EDATE)},
        {"2025-11-", "%Y-%m-%d", REFUSED(NILO_EDATE)},
        {"2025/11/14", "%Y-%m-%d", REFUSED(NILO_EDATE)},
        {"25-11-14", "%Y-%m-%d", REFUSED(NILO_EDATE)},
        {"2025 11", "%Y-%m", REFUSED(NILO_EDATE)},
        {"202511", "%Y %m", REFUSED(NILO_EDATE)},
        {"Foo 5 2024", "%b %d %Y", REFUSED(NILO_EDATE)},
        {"2024-03-05 1 XM", "%Y-%m-%d %I %p", REFUSED(NILO_EDATE)},
        {"x", "%s", REFUSED(NILO_EDATE)},
        {"-", "%s", REFUSED(NILO_EDATE)},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct nilo_err err = {0};
        struct nilo_iso got = {.us = 4711};
        char what[120];
        size_t len = strlen(rows[i].text);
        char *s = exact_copy(rows[i].text, len);
        int rc = nilo_strptime(s, len, rows[i].pattern, &got, &err);
        free(s);
        snprintf(what, sizeof what, "%s against %s", rows[i].text, rows[i].pattern);
        check_iso(what, rc, &got, &err, &rows[i].want);
    }
}

static void four_literal_digits_are_the_year_whether_or_not_the_text_has_them(void **state)
{
    static const struct {
        const char *text, *pattern;
        const char *day; /* NULL: no match */
    } rows[] = {
        {"13.09", "%d.%m.2017", "2017-09-13"},
        {"13.09.", "%d.%m.2017", "2017-09-13"},
        {"13.09.2017", "%d.%m.2017", "2017-09-13"},
        {"13.09.2018", "%d.%m.2017", NULL},
        {"13.09.17", "%d.%m.2017", NULL},
        {"13.09 2017", "%d.%m.2017", NULL},
        {"13.092017", "%d.%m.2017", NULL},
        {"13", "%d.%m.2017", NULL},
        {"09-13", "2017-%m-%d", "2017-09-13"},
        {"2017-09-13", "2017-%m-%d", "2017-09-13"},
        {"-09-13", "2017-%m-%d", "2017-09-13"},
        {"2018-09-13", "2017-%m-%d", NULL},
        {"13/09", "%d/%m/2017", "2017-09-13"},
        {"13/09/2017", "%d/%m/2017", "2017-09-13"},
        {"13 Sep", "%d %b 2017", "2017-09-13"},
        {"13 Sep 2017", "%d %b 2017", "2017-09-13"},
        {"Sep 13, 2017", "%b %d, 2017", "2017-09-13"},
        {"Sep 13", "%b %d, 2017", "2017-09-13"},
        {"Sep 13,", "%b %d, 2017", "2017-09-13"},
        {"13.09.", "%d.%m. 2017", "2017-09-13"},
        {"13.09. 2017", "%d.%m. 2017", "2017-09-13"},
        {"0913", "2017%m%d", "2017-09-13"},
        {"20170913", "2017%m%d", "2017-09-13"},
        {"13.09", "%d.2017.%m", "2017-09-13"},
        {"13.2017.09", "%d.2017.%m", "2017-09-13"},
        {"13..09", "%d.2017.%m", "2017-09-13"},
        {"13.09", "%d.2017-%m", "2017-09-13"},
        {"13-09", "%d.2017-%m", "2017-09-13"},
        {"13 09", "%d 2017-%m", "2017-09-13"},
        {"13.-09", "%d.2017-%m", "2017-09-13"},
        {"13/09", "%d.2017-%m", NULL},
        {"13.09", "%d.%m (2017)", "2017-09-13"},
        {"13.09 (2017)", "%d.%m (2017)", "2017-09-13"},
        {"1309", "%d.2017.%m", NULL},
        {"1309", "%d2017%m", NULL},
        {"13201709", "%d2017%m", "2017-09-13"},
        {"60", "2024/%j", "2024-02-29"},
        {"29.02", "%d.%m.2024", "2024-02-29"},
        {"Q 13.09", "Q %d.%m.2017", "2017-09-13"},
        {"13.09", "Q %d.%m.2017", NULL},
        {"13.09.2017", "%d.%m.%Y", "2017-09-13"},
        {"13.09.2017 1234", "%d.%m.%Y 1234", "2017-09-13"},
        {"13.09.2017", "%d.%m.%Y 1234", NULL}, /* with %Y other digits are nothing but text */
        {"20 13.09", "20 %d.%m.2017", "2017-09-13"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct nilo_err err = {0};
        struct nilo_iso got = {.us = 4711};
        char day[NILO_DAY_TEXT] = "";
        size_t len = strlen(rows[i].text);
        char *s = exact_copy(rows[i].text, len);
        int rc = nilo_strptime(s, len, rows[i].pattern, &got, &err);
        free(s);
        if (rc == 0)
            nilo_day_format(got.day, day);
        if (rows[i].day == NULL ? rc == 0 || err.code != NILO_EDATE : strcmp(day, rows[i].day) != 0)
            fail_msg("%s against %s: rc %d %s %s", rows[i].text, rows[i].pattern, rc, day, err.msg);
        if (rc == 0)
            assert_true(got.date_only && !got.has_zone);
    }
}

static void a_pattern_that_cannot_work_is_refused_whatever_the_text(void **state)
{
    static const struct {
        const char *pattern;
        bool good;
    } rows[] = {
        {"%Y-%m-%d", true}, {"%d.%m.2017", true}, {"%s", true},           {"%s %d", true},
        {"%y%j", true},     {"2017", true},       {"%Y%%", true},         {"%d.%m", false},
        {"%H:%M", false},   {"", false},          {"%Y-%d", false},       {"%q", false},
        {"%Y%", false},     {"%", false},         {"%Y-%m-%d%", false},   {"%Y %\xc3\xa9", false},
        {"%E", false},      {"%d.%m.17", false},  {"%d.%m.20177", false}, {"%m %d", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct nilo_err err = {0};
        struct nilo_iso got;
        int rc = nilo_strptime_check(rows[i].pattern, &err);
        if ((rc == 0) != rows[i].good || (rc != 0 && err.code != NILO_EINVAL))
            fail_msg("%s: rc %d code %d", rows[i].pattern, rc, (int)err.code);
        if (rc != 0) {
            assert_int_equal(nilo_strptime("zzz", 3, rows[i].pattern, &got, &err), -1);
            assert_int_equal(err.code, NILO_EINVAL);
        }
    }
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static void us_format_trims_the_fraction(void **state)
{
    static const struct {
        nilo_us us;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00+00:00"},
        {1, "1970-01-01T00:00:00.000001+00:00"},
        {-1, "1969-12-31T23:59:59.999999+00:00"},
        {INT64_C(1736553615120000), "2025-01-11T00:00:15.12+00:00"},
        {INT64_C(1736553615000000), "2025-01-11T00:00:15+00:00"},
        {INT64_C(-62135596800000000), "0001-01-01T00:00:00+00:00"},
        {INT64_C(-62135596800000001), "0000-12-31T23:59:59.999999+00:00"},
        {INT64_C(-62167219200000001), "-000001-12-31T23:59:59.999999+00:00"},
        {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999+00:00"},
        {INT64_C(253402300800000000), "+010000-01-01T00:00:00+00:00"},
        {INT64_MAX, "+294247-01-10T04:00:54.775807+00:00"},
        {INT64_MIN + 1, "-290308-12-21T19:59:05.224193+00:00"},
        {NILO_US_NONE, ""},
    };
    char out[NILO_US_TEXT];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        nilo_us_format(rows[i].us, out);
        assert_string_equal(out, rows[i].text);
    }
}

static void what_is_written_reads_back(void **state)
{
    struct nilo_seeded_random seeded;
    struct nilo_random r = (nilo_seeded_random_init(&seeded, 1), nilo_seeded_random(&seeded));
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const uint64_t span = (uint64_t)(NILO_DAY_MAX.n - NILO_DAY_MIN.n + 1) * (uint64_t)NILO_US_DAY;
        nilo_us us = (nilo_us)nilo_random_below(&r, span) + NILO_DAY_MIN.n * NILO_US_DAY;
        struct nilo_iso got;
        char out[NILO_US_TEXT];
        if (i % 3 == 0)
            us -= us % NILO_US_SECOND; /* without a fraction */
        nilo_us_format(us, out);
        assert_int_equal(nilo_iso_parse(out, strlen(out), &got, NULL), 0);
        assert_true(got.us == us && got.has_zone && !got.date_only);
        assert_int_equal(nilo_strptime(out, strlen(out),
                                       strchr(out, '.') ? "%Y-%m-%dT%H:%M:%S.%f%z" : "%Y-%m-%dT%H:%M:%S%z", &got, NULL),
                         0);
        assert_true(got.us == us);
    }
}

/* Whatever the bytes: an answer inside of the calendar or one of two codes, and no read outside (AddressSanitizer). */
static void no_text_at_all_does_harm(void **state)
{
    static const char *const seeds[] = {"2025-12-10 05:38:04.573600+00:00", "20250110T074500Z", "13.09.2017",
                                        "Sept 5 2024 UTC"};
    static const char *const patterns[] = {"%Y-%m-%d %H:%M:%S.%f%z", "%d.%m.2017", "%b %e %Y %z", "%s.%f",
                                           "2017%p%I%j"};
    static const char bytes[] = "0123456789-+:., TZUuCcPpMm%\xff\x01";
    struct nilo_seeded_random seeded;
    struct nilo_random r = (nilo_seeded_random_init(&seeded, 3), nilo_seeded_random(&seeded));
    (void)state;
    for (int i = 0; i < 60000; i++) {
        const char *seed = seeds[nilo_random_below(&r, COUNT(seeds))];
        size_t len = nilo_random_below(&r, strlen(seed) + 1);
        char *s = exact_copy(seed, len);
        for (size_t k = nilo_random_below(&r, 3); k > 0 && len > 0; k--)
            s[nilo_random_below(&r, len)] = bytes[nilo_random_below(&r, sizeof bytes)];
        struct nilo_iso got = {0};
        struct nilo_err err = {0};
        int rc = i % 2 == 0 ? nilo_iso_parse(s, len, &got, &err)
                            : nilo_strptime(s, len, patterns[nilo_random_below(&r, COUNT(patterns))], &got, &err);
        free(s);
        if (rc == 0)
            assert_true(got.day.n >= NILO_DAY_MIN.n && got.day.n <= NILO_DAY_MAX.n);
        else
            assert_true(err.code == NILO_EDATE || err.code == NILO_EDATERANGE);
    }
}

static void messages_repeat_a_long_text_only_in_part(void **state)
{
    char text[400];
    struct nilo_err err;
    struct nilo_iso got;
    (void)state;
    memset(text, 'x', sizeof text);
    text[59] = '\xc3'; /* a two-byte character over the cut */
    text[60] = '\xa9';
    assert_int_equal(nilo_iso_parse(text, sizeof text, &got, &err), -1);
    assert_true(strlen(err.msg) < 200);
    assert_null(strchr(err.msg, '\xc3'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_days_have_their_number_and_weekday),
        cmocka_unit_test(only_days_of_the_calendar_are_valid),
        cmocka_unit_test(every_day_of_9999_years_follows_the_one_before),
        cmocka_unit_test(weeks_and_months_start_where_they_do),
        cmocka_unit_test(days_outside_of_the_calendar_neither_overflow_nor_become_none),
        cmocka_unit_test(day_parse_takes_one_form_only),
        cmocka_unit_test(iso_parse_reads_the_usual_spellings),
        cmocka_unit_test(a_byte_behind_the_text_is_not_read),
        cmocka_unit_test(strptime_matches_the_whole_text),
        cmocka_unit_test(four_literal_digits_are_the_year_whether_or_not_the_text_has_them),
        cmocka_unit_test(a_pattern_that_cannot_work_is_refused_whatever_the_text),
        cmocka_unit_test(us_format_trims_the_fraction),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(no_text_at_all_does_harm),
        cmocka_unit_test(messages_repeat_a_long_text_only_in_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
