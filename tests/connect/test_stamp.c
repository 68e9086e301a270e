/* What a value of an SQLite column says about time: every spelling that applications are known to write, and what is refused. */
#include "support/nilo_test.h"

#include <string.h>

#include "connect/connect.h"

#define MORNING INT64_C(1736587800) /* 2025-01-11T09:30:00Z in seconds */
#define AT(s)   ((s) * NILO_US_SECOND)

static struct nilo_stamp text(const char *s)
{
    struct nilo_db_value v = nilo_dbv_text(s);
    return nilo_stamp_read(&v);
}

static struct nilo_stamp whole(int64_t i)
{
    struct nilo_db_value v = NILO_DBV_INT(i);
    return nilo_stamp_read(&v);
}

static struct nilo_stamp real(const char *s)
{
    struct nilo_db_value v = {.type = NILO_DB_REAL, .p = s, .len = strlen(s)};
    return nilo_stamp_read(&v);
}

static void texts_that_name_an_instant(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        nilo_us at;
    } cases[] = {
        {"2025-01-11 09:30:00", AT(MORNING)},
        {"2025-01-11T09:30:00Z", AT(MORNING)},
        {"2025-01-11T09:30:00.000Z", AT(MORNING)},
        {"2025-01-11 09:30", AT(MORNING)},
        {"2025-01-11 09:30:00.123456", AT(MORNING) + 123456},
        {"2025-01-11T09:30:00.5", AT(MORNING) + 500000},
        {"2025-01-11T11:30:00+02:00", AT(MORNING)},
        {"2025-01-11 04:00:00-0530", AT(MORNING)},
        {"2025-01-11 09:30:00 UTC", AT(MORNING)},
        {"  2025-01-11 09:30:00\n", AT(MORNING)},
        {"20250111T093000", AT(MORNING)},
        {"20250111093000", AT(MORNING)},
        {"1736587800", AT(MORNING)},
        {"1736587800123", AT(MORNING) + 123000},
        {"-864000000000", AT(-864000000)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_stamp s = text(cases[i].text);
        if (s.kind != NILO_STAMP_INSTANT || s.at != cases[i].at)
            fail_msg("\"%s\": kind %d, at %lld, wanted %lld", cases[i].text, (int)s.kind, (long long)s.at, (long long)cases[i].at);
    }
}

static void numbers_are_told_apart_by_their_size(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        nilo_us at;
    } cases[] = {
        {0, 0},
        {-1, AT(-1)},
        {MORNING, AT(MORNING)},
        {MORNING * 1000 + 7, AT(MORNING) + 7000},
        {MORNING * 1000000 + 7, AT(MORNING) + 7},
        {MORNING * 1000000000 + 7999, AT(MORNING) + 7},
        {INT64_C(99999999999), AT(INT64_C(99999999999))},
        {INT64_C(100000000000), AT(INT64_C(100000000))},
        {INT64_C(99999999999999), INT64_C(99999999999999000)},
        {INT64_C(100000000000000), INT64_C(100000000000000)},
        {INT64_C(-100000000000), AT(INT64_C(-100000000))},
        {INT64_MIN, INT64_MIN / 1000},
        {INT64_MAX, INT64_MAX / 1000},
        {INT64_C(20250111093000), AT(MORNING)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_stamp s = whole(cases[i].value);
        if (s.kind != NILO_STAMP_INSTANT || s.at != cases[i].at)
            fail_msg("%lld: kind %d, at %lld, wanted %lld", (long long)cases[i].value, (int)s.kind, (long long)s.at,
                     (long long)cases[i].at);
    }
    assert_int_equal(real("1736587800.25").kind, NILO_STAMP_INSTANT);
    assert_int_equal(real("1736587800.25").at, AT(MORNING) + 250000);
    assert_int_equal(real("1736587800123.0").at, AT(MORNING) + 123000);
    assert_int_equal(real("1.7365878e+09").at, AT(MORNING));
}

static void a_date_names_a_day_and_no_instant(void **state)
{
    (void)state;
    static const char *const dates[] = {"2025-01-11", "20250111", " 2025-01-11 "};
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        assert_int_equal(text(dates[i]).kind, NILO_STAMP_DAY);
        assert_int_equal(text(dates[i]).day.n, nilo_day_from_civil(2025, 1, 11).n);
    }
    assert_int_equal(whole(20250111).kind, NILO_STAMP_DAY);
    assert_int_equal(whole(20250111).day.n, nilo_day_from_civil(2025, 1, 11).n);
}

static void what_is_no_time_is_said_to_be_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "yesterday", "2025-02-30", "2025-13-01 00:00:00", "20250230", "1736587800.5x", "now", "12/31/2024", "20251341000000",
        "2025-01-11 09:30:00 +0200 EET", "99999999999999999999",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (text(texts[i]).kind != NILO_STAMP_UNREADABLE)
            fail_msg("\"%s\" was read as a time", texts[i]);
    }
    struct nilo_db_value blob = nilo_dbv_bytes("2025-01-11", 10);
    assert_int_equal(nilo_stamp_read(&blob).kind, NILO_STAMP_UNREADABLE);
    assert_int_equal(whole(20250230).kind, NILO_STAMP_UNREADABLE);
    assert_int_equal(real("Infinity").kind, NILO_STAMP_UNREADABLE);
    assert_int_equal(real("1e300").kind, NILO_STAMP_UNREADABLE);
}

static void nothing_and_julian_days_are_named(void **state)
{
    (void)state;
    struct nilo_db_value null = NILO_DBV_NULL;
    assert_int_equal(nilo_stamp_read(&null).kind, NILO_STAMP_EMPTY);
    assert_int_equal(text("").kind, NILO_STAMP_EMPTY);
    assert_int_equal(text("  ").kind, NILO_STAMP_EMPTY);
    assert_int_equal(real("2460687.89583333").kind, NILO_STAMP_JULIAN);
    assert_int_equal(real("-1.5").kind, NILO_STAMP_JULIAN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_name_an_instant),
        cmocka_unit_test(numbers_are_told_apart_by_their_size),
        cmocka_unit_test(a_date_names_a_day_and_no_instant),
        cmocka_unit_test(what_is_no_time_is_said_to_be_none),
        cmocka_unit_test(nothing_and_julian_days_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
