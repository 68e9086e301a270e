/* Exact decimals: what is a number, where the limits are, half to even, and long texts in linear time. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/decimal.h"
#include "base/env.h"

#define COUNT(a)  (sizeof(a) / sizeof(a)[0])
#define NONE      NILO_OK
#define UNTOUCHED INT64_C(0x5a5a5a5a5a5a5a5a)

/* 2^127 - 1 and -2^127, without a literal that C has not. */
#define I128_MAX ((nilo_i128)(((((nilo_i128)1) << 126) - 1) * 2 + 1))
#define I128_MIN (-I128_MAX - 1)

static void check_parse(const char *text, int scale, bool round, enum nilo_code code, int64_t value)
{
    struct nilo_err err = {0};
    int64_t got = UNTOUCHED;
    int rc = nilo_decimal_parse(text, strlen(text), scale, round, &got, &err);
    if (code == NONE ? rc != 0 || got != value : rc != -1 || err.code != code || got != UNTOUCHED)
        fail_msg("\"%.40s\" scale %d%s: rc %d code %d (%s) value %lld, expected code %d value %lld", text, scale,
                 round ? " rounded" : "", rc, (int)err.code, err.msg, (long long)got, (int)code, (long long)value);
}

static void reads_what_is_a_number(void **state)
{
    static const struct {
        const char *text;
        int scale;
        enum nilo_code code;
        int64_t value;
    } rows[] = {
        {"0", 0, NONE, 0},
        {"-0", 0, NONE, 0},
        {"+7", 0, NONE, 7},
        {"007", 0, NONE, 7},
        {"1234", 0, NONE, 1234},
        {"1234.0", 0, NONE, 1234},
        {"1234.000000000000000000000000", 0, NONE, 1234},
        {"12.", 0, NONE, 12},
        {".5", 1, NONE, 5},
        {"-.5", 1, NONE, -5},
        {"0.05", 6, NONE, 50000},
        {"12.34", 2, NONE, 1234},
        {"12.3", 2, NONE, 1230},
        {"1.5e3", 0, NONE, 1500},
        {"1.5E+3", 0, NONE, 1500},
        {"1500e-3", 1, NONE, 15},
        {"1e2", 2, NONE, 10000},
        {"12.e1", 0, NONE, 120},
        {"0e400", 0, NONE, 0},
        {"0.000e-400", 0, NONE, 0},
        {"0e99999999999999999999999", 9, NONE, 0},
        {"100e-2", 0, NONE, 1},
        {"0.0000000001e10", 0, NONE, 1},
        {"1.5", 0, NILO_EINVAL, 0},
        {"1e-1", 0, NILO_EINVAL, 0},
        {"1e-400", 9, NILO_EINVAL, 0},
        {"1e-99999999999999999999", 9, NILO_EINVAL, 0},
        {"12.345", 2, NILO_EINVAL, 0},
        {"1e400", 0, NILO_EOVERFLOW, 0},
        {"-1e400", 0, NILO_EOVERFLOW, 0},
        {"1e99999999999999999999", 0, NILO_EOVERFLOW, 0},
        {"99999999999999999999", 0, NILO_EOVERFLOW, 0},
        {"99999999999999999999.5", 0, NILO_EOVERFLOW, 0},
        {"9999999999999999999.5", 0, NILO_EOVERFLOW, 0},
        {"", 0, NILO_ENUMBER, 0},
        {"+", 0, NILO_ENUMBER, 0},
        {"-", 0, NILO_ENUMBER, 0},
        {".", 0, NILO_ENUMBER, 0},
        {"-.", 0, NILO_ENUMBER, 0},
        {".e5", 0, NILO_ENUMBER, 0},
        {"1e", 0, NILO_ENUMBER, 0},
        {"1e+", 0, NILO_ENUMBER, 0},
        {"1e1.5", 0, NILO_ENUMBER, 0},
        {"1e5x", 0, NILO_ENUMBER, 0},
        {"1.2.3", 0, NILO_ENUMBER, 0},
        {"--1", 0, NILO_ENUMBER, 0},
        {"+-1", 0, NILO_ENUMBER, 0},
        {" 1", 0, NILO_ENUMBER, 0},
        {"1 ", 0, NILO_ENUMBER, 0},
        {"12,345", 0, NILO_ENUMBER, 0},
        {"1_000", 0, NILO_ENUMBER, 0},
        {"0x10", 0, NILO_ENUMBER, 0},
        {"NaN", 0, NILO_ENUMBER, 0},
        {"Infinity", 0, NILO_ENUMBER, 0},
        {"null", 0, NILO_ENUMBER, 0},
        {"\xd9\xa1", 0, NILO_ENUMBER, 0}, /* ARABIC-INDIC DIGIT ONE */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_parse(rows[i].text, rows[i].scale, false, rows[i].code, rows[i].value);
}

static void rounds_half_to_even(void **state)
{
    static const struct {
        const char *text;
        int scale;
        int64_t value;
    } rows[] = {
        {"0.5", 0, 0},
        {"1.5", 0, 2},
        {"2.5", 0, 2},
        {"3.5", 0, 4},
        {"-0.5", 0, 0},
        {"-1.5", 0, -2},
        {"-2.5", 0, -2},
        {"2.5000000000000000000000000000000000000001", 0, 3},
        {"2.4999999999999999999999999999999999999999", 0, 2},
        {"0.49", 0, 0},
        {"0.51", 0, 1},
        {"12.345", 2, 1234},
        {"12.355", 2, 1236},
        {"0.9999999999", 9, 1000000000},
        {"0.0000000005", 9, 0},
        {"0.0000000015", 9, 2},
        {"0.05", 0, 0},
        {"0.09", 0, 0},
        {"9e-1", 0, 1},
        {"9e-2", 0, 0},
        {"9e-400", 0, 0},
        {"9e-99999999999999999999", 0, 0},
        {"25e-1", 0, 2},
        {"2500e-3", 0, 2},
        {"2501e-3", 0, 3},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_parse(rows[i].text, rows[i].scale, true, NONE, rows[i].value);
}

/* The same digits with the point moved, so that the scaled value is exactly n. */
static void with_point(const char *digits, int scale, char *out, size_t size)
{
    size_t whole = strlen(digits) - (size_t)scale;
    snprintf(out, size, "%.*s.%s", (int)whole, digits, digits + whole);
}

static void ends_where_int64_ends_at_every_scale(void **state)
{
    static const struct {
        const char *digits;
        enum nilo_code positive, negative;
        int64_t value;
    } rows[] = {
        {"9223372036854775806", NONE, NONE, INT64_MAX - 1},
        {"9223372036854775807", NONE, NONE, INT64_MAX},
        {"9223372036854775808", NILO_EOVERFLOW, NONE, 0},
        {"9223372036854775809", NILO_EOVERFLOW, NILO_EOVERFLOW, 0},
        {"0999999999999999999", NONE, NONE, INT64_C(999999999999999999)},
        {"1000000000000000000", NONE, NONE, INT64_C(1000000000000000000)},
        {"1000000000000000001", NONE, NONE, INT64_C(1000000000000000001)},
        {"9999999999999999999", NILO_EOVERFLOW, NILO_EOVERFLOW, 0},
        {"10000000000000000000", NILO_EOVERFLOW, NILO_EOVERFLOW, 0},
        {"18446744073709551615", NILO_EOVERFLOW, NILO_EOVERFLOW, 0},
        {"18446744073709551616", NILO_EOVERFLOW, NILO_EOVERFLOW, 0},
        {"340282366920938463463374607431768211456", NILO_EOVERFLOW, NILO_EOVERFLOW, 0}, /* 2^128 */
        {"340282366920938463463374607431768211457", NILO_EOVERFLOW, NILO_EOVERFLOW, 0},
    };
    char text[80];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int scale = 0; scale <= NILO_SCALE_MAX; scale++) {
            text[0] = '-';
            with_point(rows[i].digits, scale, text + 1, sizeof text - 1);
            int64_t negative = rows[i].positive == NONE ? -rows[i].value : INT64_MIN;
            check_parse(text + 1, scale, false, rows[i].positive, rows[i].value);
            check_parse(text, scale, true, rows[i].negative, negative);
        }
    }
}

static void rounding_over_the_limit_is_an_overflow(void **state)
{
    (void)state;
    check_parse("9223372036854775806.5", 0, true, NONE, INT64_MAX - 1);
    check_parse("9223372036854775807.49", 0, true, NONE, INT64_MAX);
    check_parse("9223372036854775807.5", 0, true, NILO_EOVERFLOW, 0);
    check_parse("-9223372036854775808.5", 0, true, NONE, INT64_MIN); /* to the even one */
    check_parse("-9223372036854775808.51", 0, true, NILO_EOVERFLOW, 0);
    check_parse("9223372036.8547758075", 9, true, NILO_EOVERFLOW, 0);
    check_parse("9223372036.8547758074", 9, true, NONE, INT64_MAX);
}

static char *repeated(const char *head, char c, size_t n, const char *tail)
{
    size_t h = strlen(head), t = strlen(tail);
    char *s = malloc(h + n + t + 1);
    assert_non_null(s);
    memcpy(s, head, h);
    memset(s + h, c, n);
    memcpy(s + h + n, tail, t + 1);
    return s;
}

/* A million digits: seconds would mean that time grows with the square. */
static void long_texts_take_linear_time(void **state)
{
    static const struct {
        const char *head, *tail;
        char c;
        int scale;
        bool round;
        enum nilo_code code;
        int64_t value;
    } rows[] = {
        {"1", "", '0', 0, true, NILO_EOVERFLOW, 0},
        {"", "7", '0', 0, false, NONE, 7},
        {"3.", "", '0', 9, false, NONE, INT64_C(3000000000)},
        {"3.", "1", '0', 9, false, NILO_EINVAL, 0},
        {"2.5", "1", '0', 0, true, NONE, 3},
        {"2.5", "", '0', 0, true, NONE, 2},
        {"0.", "", '9', 0, true, NONE, 1},
        {"1e", "", '9', 0, true, NILO_EOVERFLOW, 0},
        {"1e-", "", '9', 0, true, NONE, 0},
        {"1", "e-1000000", '0', 0, false, NONE, 1},
        {".", "1e1000001", '0', 0, false, NONE, 1},
        {"1", "x", '2', 0, false, NILO_ENUMBER, 0},
    };
    struct timespec begin, end;
    (void)state;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *s = repeated(rows[i].head, rows[i].c, 1000000, rows[i].tail);
        check_parse(s, rows[i].scale, rows[i].round, rows[i].code, rows[i].value);
        free(s);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    assert_true(end.tv_sec - begin.tv_sec < 20);
}

static void bound_is_the_floor_and_says_whether_it_is_exact(void **state)
{
    static const struct {
        const char *text;
        int scale;
        int64_t floor;
        bool exact;
    } rows[] = {
        {"5", 0, 5, true},
        {"5.0", 0, 5, true},
        {"5.5", 0, 5, false},
        {"-5", 0, -5, true},
        {"-5.5", 0, -6, false},
        {"-0.001", 0, -1, false},
        {"0.001", 0, 0, false},
        {"1e-400", 9, 0, false},
        {"-1e-400", 9, -1, false},
        {"0.05", 6, 50000, true},
        {"0.0500001", 6, 50000, false},
        {"-0.0500001", 6, -50001, false},
        {"9223372036854775806.5", 0, INT64_MAX - 1, false},
        {"9223372036854775807", 0, INT64_MAX, true},
        {"9223372036854775807.5", 0, INT64_MAX, false},
        {"9223372036854775808", 0, INT64_MAX, false},
        {"1e400", 0, INT64_MAX, false},
        {"-9223372036854775807.5", 0, INT64_MIN, false},
        {"-9223372036854775808", 0, INT64_MIN, true},
        {"-9223372036854775808.5", 0, INT64_MIN, false},
        {"-9223372036854775809", 0, INT64_MIN, false},
        {"-1e400", 0, INT64_MIN, false},
        {"9223372036.854775807", 9, INT64_MAX, true},
        {"9223372036.854775808", 9, INT64_MAX, false},
    };
    struct nilo_err err;
    int64_t floor = UNTOUCHED;
    bool exact = true;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(nilo_decimal_bound(rows[i].text, strlen(rows[i].text), rows[i].scale, &floor, &exact, &err),
                         0);
        if (floor != rows[i].floor || exact != rows[i].exact)
            fail_msg("%s scale %d: %lld %d", rows[i].text, rows[i].scale, (long long)floor, exact);
    }
    floor = UNTOUCHED;
    assert_int_equal(nilo_decimal_bound("12,3", 4, 0, &floor, &exact, &err), -1);
    assert_int_equal(err.code, NILO_ENUMBER);
    assert_true(floor == UNTOUCHED);
}

static void formats_shortest_or_keeps_zeros(void **state)
{
    static const struct {
        int64_t value;
        int scale;
        const char *shortest, *kept;
    } rows[] = {
        {0, 0, "0", "0"},
        {0, 2, "0", "0.00"},
        {5, 0, "5", "5"},
        {-5, 0, "-5", "-5"},
        {100, 0, "100", "100"},
        {5, 2, "0.05", "0.05"},
        {50, 2, "0.5", "0.50"},
        {500, 2, "5", "5.00"},
        {-50000, 6, "-0.05", "-0.050000"},
        {1234, 2, "12.34", "12.34"},
        {1000000000, 9, "1", "1.000000000"},
        {1, 9, "0.000000001", "0.000000001"},
        {INT64_MAX, 0, "9223372036854775807", "9223372036854775807"},
        {INT64_MIN, 0, "-9223372036854775808", "-9223372036854775808"},
        {INT64_MIN, 9, "-9223372036.854775808", "-9223372036.854775808"},
    };
    char out[NILO_DECIMAL_TEXT];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(nilo_decimal_format(rows[i].value, rows[i].scale, false, out), strlen(rows[i].shortest));
        assert_string_equal(out, rows[i].shortest);
        assert_int_equal(nilo_decimal_format(rows[i].value, rows[i].scale, true, out), strlen(rows[i].kept));
        assert_string_equal(out, rows[i].kept);
    }
}

static void formats_sums_of_128_bits(void **state)
{
    char out[NILO_DECIMAL_TEXT];
    (void)state;
    nilo_decimal_format(I128_MAX, 0, false, out);
    assert_string_equal(out, "170141183460469231731687303715884105727");
    nilo_decimal_format(I128_MIN, 0, false, out);
    assert_string_equal(out, "-170141183460469231731687303715884105728");
    nilo_decimal_format(I128_MIN, NILO_SCALE_MAX, true, out);
    assert_string_equal(out, "-170141183460469231731687303715.884105728");
    nilo_decimal_format(I128_MIN, 38, true, out);
    assert_string_equal(out, "-1.70141183460469231731687303715884105728");
    nilo_decimal_format(-1, 38, true, out);
    assert_string_equal(out, "-0.00000000000000000000000000000000000001");
}

static void powers_of_ten(void **state)
{
    int64_t power = 1;
    (void)state;
    for (int n = 0; n <= 18; n++) {
        assert_true(nilo_pow10(n) == power);
        if (n < 18)
            power *= 10;
    }
}

static void rescales_half_to_even_or_says_it_cannot(void **state)
{
    const struct {
        nilo_i128 value;
        int from, to;
        bool fits;
        nilo_i128 expected;
    } rows[] = {
        {5, 0, 2, true, 500},
        {-5, 0, 2, true, -500},
        {500, 2, 0, true, 5},
        {250, 2, 0, true, 2},
        {350, 2, 0, true, 4},
        {-250, 2, 0, true, -2},
        {251, 2, 0, true, 3},
        {249, 2, 0, true, 2},
        {7, 3, 3, true, 7},
        {0, 0, 38, true, 0},
        {1, 38, 0, true, 0},
        {I128_MAX, 0, 0, true, I128_MAX},
        {I128_MIN, 0, 0, true, I128_MIN},
        {I128_MAX, 0, 1, false, 0},
        {I128_MAX / 10, 0, 1, true, I128_MAX / 10 * 10},
        {I128_MAX / 10 + 1, 0, 1, false, 0},
        {I128_MIN / 10, 0, 1, true, I128_MIN / 10 * 10},
        {I128_MIN / 10 - 1, 0, 1, false, 0},
        {2, 0, 38, false, 0}, /* 2 * 10^38 is beyond 2^127, within 2^128 */
        {1, 0, 38, true, (nilo_i128)1000000000000000000 * 1000000000000000000 * 100},
        {I128_MAX, 38, 0, true, 2},
        {I128_MIN, 38, 0, true, -2},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        nilo_i128 got = 77;
        bool fits = nilo_decimal_rescale(rows[i].value, rows[i].from, rows[i].to, &got);
        if (fits != rows[i].fits || got != (fits ? rows[i].expected : 77))
            fail_msg("row %zu: fits %d", i, fits);
    }
}

static void divides_half_to_even_or_says_it_cannot(void **state)
{
    const struct {
        nilo_i128 num, den;
        int scale;
        bool fits;
        int64_t expected;
    } rows[] = {
        {1, 2, 0, true, 0},
        {3, 2, 0, true, 2},
        {5, 2, 0, true, 2},
        {-5, 2, 0, true, -2},
        {5, -2, 0, true, -2},
        {-7, -2, 0, true, 4},
        {1, 3, 6, true, 333333},
        {2, 3, 6, true, 666667},
        {-2, 3, 6, true, -666667},
        {1, 8, 2, true, 12},
        {3, 8, 2, true, 38},
        {0, 5, 9, true, 0},
        {INT64_MAX, 1, 0, true, INT64_MAX},
        {(nilo_i128)INT64_MAX + 1, 1, 0, false, 0},
        {INT64_MIN, 1, 0, true, INT64_MIN},
        {(nilo_i128)INT64_MIN - 1, 1, 0, false, 0},
        {INT64_MIN, -1, 0, false, 0},
        {(nilo_i128)INT64_MAX * 2, 2, 0, true, INT64_MAX},
        {(nilo_i128)INT64_MAX * 2 + 1, 2, 0, false, 0},        /* ends in .5 and rounds to the even 2^63 */
        {(nilo_i128)INT64_MIN * 2 - 1, 2, 0, true, INT64_MIN}, /* likewise, and that one fits */
        {INT64_MAX / 10, 1, 1, true, INT64_MAX / 10 * 10},
        {INT64_MAX / 10 + 1, 1, 1, false, 0},
        {I128_MAX, I128_MAX, 18, true, INT64_C(1000000000000000000)},
        {I128_MIN, I128_MIN, 18, true, INT64_C(1000000000000000000)},
        {I128_MAX, I128_MIN, 18, true, INT64_C(-1000000000000000000)},
        {I128_MIN, I128_MAX, 9, true, INT64_C(-1000000000)},
        {1, I128_MIN, 18, true, 0},
        {I128_MIN, 1, 0, false, 0},
        {I128_MIN, -1, 9, false, 0},
        {I128_MAX / 2, I128_MAX, 0, true, 0}, /* a hair below one half */
        {I128_MIN / 2, I128_MIN, 0, true, 0}, /* exactly one half, to the even one */
        {I128_MAX / 2 + 1, I128_MAX, 0, true, 1},
        {I128_MIN / 2, I128_MIN, 1, true, 5},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t got = UNTOUCHED;
        bool fits = nilo_decimal_div(rows[i].num, rows[i].den, rows[i].scale, &got);
        if (fits != rows[i].fits || got != (fits ? rows[i].expected : UNTOUCHED))
            fail_msg("row %zu: fits %d got %lld", i, fits, (long long)got);
    }
}

static void split_sums_join_to_the_same_value(void **state)
{
    static const int64_t values[] = {
        0, 1, -1, INT64_MAX, INT64_MIN, INT64_C(4294967295), INT64_C(4294967296), INT64_C(-4294967297)};
    nilo_i128 sum = 0;
    int64_t hi = 0, lo = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        assert_true(nilo_split_lo(values[i]) >= 0 && nilo_split_lo(values[i]) < INT64_C(4294967296));
        assert_true(nilo_split_join(nilo_split_hi(values[i]), nilo_split_lo(values[i])) == values[i]);
        sum += values[i];
        hi += nilo_split_hi(values[i]);
        lo += nilo_split_lo(values[i]);
    }
    assert_true(nilo_split_join(hi, lo) == sum);
}

/* ---- random values ------------------------------------------------------------------------------------------------ */

/* Of any length: one in four has few bits, so that small values and ends come up. */
static nilo_i128 random_i128(const struct nilo_random *r, int bits)
{
    nilo_i128 v = (nilo_i128)(nilo_random_u64(r) >> 1) << 63 | (nilo_i128)(nilo_random_u64(r) >> 1);
    v >>= 126 - (int)nilo_random_below(r, (uint64_t)bits);
    return nilo_random_below(r, 2) == 0 ? v : -v;
}

static void what_is_written_reads_back(void **state)
{
    struct nilo_seeded_random seeded;
    struct nilo_random r = (nilo_seeded_random_init(&seeded, 1), nilo_seeded_random(&seeded));
    char out[NILO_DECIMAL_TEXT];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        int64_t value = (int64_t)random_i128(&r, 64);
        int scale = (int)nilo_random_below(&r, NILO_SCALE_MAX + 1);
        nilo_decimal_format(value, scale, (i & 1) != 0, out);
        check_parse(out, scale, false, NONE, value);
    }
}

static void put_i128(FILE *f, nilo_i128 v)
{
    char out[NILO_DECIMAL_TEXT];
    nilo_decimal_format(v, 0, false, out);
    fputs(out, f);
}

static void put_random_text(FILE *f, const struct nilo_random *r, char text[80])
{
    char digits[NILO_DECIMAL_TEXT];
    int exponent = (int)nilo_random_below(r, 30) - 15;
    nilo_i128 v = random_i128(r, 126);
    nilo_decimal_format(v, (int)nilo_random_below(r, 25), true, digits);
    if (nilo_random_below(r, 2) == 0)
        snprintf(text, 80, "%s", digits);
    else
        snprintf(text, 80, "%se%d", digits, exponent);
    fputs(text, f);
}

/* One line a case with our answer ("-" = does not fit); oracle_decimal.py reckons it with Python's integers. */
static void put_cases(FILE *f)
{
    struct nilo_seeded_random seeded;
    struct nilo_random r = (nilo_seeded_random_init(&seeded, 2), nilo_seeded_random(&seeded));
    for (int i = 0; i < 6000; i++) {
        int scale = (int)nilo_random_below(&r, 10), to = (int)nilo_random_below(&r, 10);
        nilo_i128 num = random_i128(&r, 126), den = random_i128(&r, 126), rescaled;
        int64_t value;
        bool exact;
        char text[80];
        if (den == 0)
            den = 1;
        fputs("div ", f), put_i128(f, num), fputs(" ", f), put_i128(f, den);
        if (nilo_decimal_div(num, den, scale, &value))
            fprintf(f, " %d %lld\n", scale, (long long)value);
        else
            fprintf(f, " %d -\n", scale);

        fputs("rescale ", f), put_i128(f, num), fprintf(f, " %d %d ", scale, to);
        if (nilo_decimal_rescale(num, scale, to, &rescaled))
            put_i128(f, rescaled);
        else
            fputs("-", f);

        fputs("\nparse ", f), put_random_text(f, &r, text);
        if (nilo_decimal_parse(text, strlen(text), scale, true, &value, NULL) == 0)
            fprintf(f, " %d %lld\n", scale, (long long)value);
        else
            fprintf(f, " %d -\n", scale);
        assert_int_equal(nilo_decimal_bound(text, strlen(text), scale, &value, &exact, NULL), 0);
        fprintf(f, "bound %s %d %lld %d\n", text, scale, (long long)value, exact);
    }
}

static void agrees_with_integers_of_any_size(void **state)
{
    (void)state;
    char *script = nilo_test_source("tests/base/oracle_decimal.py");
    if (system("python3 -c pass >/dev/null 2>&1") != 0) {
        free(script);
        printf("# skipped: python3 is not there\n");
        skip();
    }
    char path[] = "/tmp/nilo-decimal-XXXXXX", command[4200];
    int fd = mkstemp(path);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    assert_non_null(f);
    put_cases(f);
    assert_int_equal(fclose(f), 0);
    snprintf(command, sizeof command, "python3 '%s' %s", script, path);
    int status = system(command);
    remove(path);
    free(script);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_a_number),
        cmocka_unit_test(rounds_half_to_even),
        cmocka_unit_test(ends_where_int64_ends_at_every_scale),
        cmocka_unit_test(rounding_over_the_limit_is_an_overflow),
        cmocka_unit_test(long_texts_take_linear_time),
        cmocka_unit_test(bound_is_the_floor_and_says_whether_it_is_exact),
        cmocka_unit_test(formats_shortest_or_keeps_zeros),
        cmocka_unit_test(formats_sums_of_128_bits),
        cmocka_unit_test(powers_of_ten),
        cmocka_unit_test(rescales_half_to_even_or_says_it_cannot),
        cmocka_unit_test(divides_half_to_even_or_says_it_cannot),
        cmocka_unit_test(split_sums_join_to_the_same_value),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(agrees_with_integers_of_any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
