/* Exact decimals: number text to scaled integers and back, rounding half to even, in integer arithmetic only.
 * A text is read in one pass over its digits however long it is and however far its exponent goes. */
#include "base/decimal.h"

#include <assert.h>

__extension__ typedef unsigned __int128 nilo_u128;

#define INT64_MIN_SIZE ((nilo_u128)1 << 63) /* how far below zero int64_t goes */

static int shown(size_t len)
{
    return (int)(len < 60 ? len : 60);
}

static nilo_u128 magnitude(nilo_i128 v)
{
    return v < 0 ? -(nilo_u128)v : (nilo_u128)v;
}

int64_t nilo_pow10(int n)
{
    assert(n >= 0 && n <= 18);
    int64_t v = 1;
    while (n-- > 0)
        v *= 10;
    return v;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* A number as written: the digits between `digits` and `end` (a '.' among them is skipped), times 10^exponent. The first
 * digit is not 0; zero has no digits. */
struct literal {
    const char *digits, *end;
    int64_t count; /* of digits */
    int64_t exponent;
    bool negative;
};

/* What was cut off behind the last digit kept. */
enum rest { REST_NONE, REST_BELOW_HALF, REST_HALF, REST_ABOVE_HALF };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* e[+-]digits, all of [p, end). Far beyond what any scale can bring back, the exponent stands still. */
static bool read_exponent(const char *p, const char *end, int64_t *ret)
{
    int64_t v = 0;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '+' || *p == '-'))
        p++;
    if (p == end)
        return false;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        if (v < INT64_C(1000000000000000000) / 10)
            v = v * 10 + (*p - '0');
    }
    *ret = negative ? -v : v;
    return true;
}

static bool read_literal(const char *s, size_t len, struct literal *ret)
{
    const char *p = s, *end = s + len, *point = NULL;
    struct literal lit = {.negative = len > 0 && *s == '-'};
    int64_t written = 0;
    if (len > 0 && (*s == '-' || *s == '+'))
        p++;
    for (; p < end && (is_digit(*p) || (*p == '.' && point == NULL)); p++) {
        if (*p == '.') {
            point = p;
            continue;
        }
        written++;
        if (lit.count > 0 || *p != '0') {
            if (lit.count++ == 0)
                lit.digits = p;
        }
    }
    if (written == 0)
        return false;
    lit.end = p;
    int64_t fraction = point == NULL ? 0 : p - point - 1;
    if (p < end && (*p != 'e' && *p != 'E'))
        return false;
    if (p < end && !read_exponent(p + 1, end, &lit.exponent))
        return false;
    lit.exponent -= fraction;
    *ret = lit;
    return true;
}

static enum rest rest_of(int first, bool more)
{
    if (first == 5)
        return more ? REST_ABOVE_HALF : REST_HALF;
    if (first > 5)
        return REST_ABOVE_HALF;
    return first > 0 || more ? REST_BELOW_HALF : REST_NONE;
}

/* |literal| * 10^scale as an integer and what is left. false when it is beyond INT64_MIN_SIZE. */
static bool scale_literal(const struct literal *lit, int scale, nilo_u128 *ret_value, enum rest *ret_rest)
{
    nilo_u128 v = 0;
    int64_t shift = lit->exponent + scale;
    int64_t kept = lit->count + shift; /* digits before the cut, zeros that the exponent adds included */
    int64_t i = 0;
    int first = 0;
    bool more = false;
    *ret_value = 0;
    *ret_rest = REST_NONE;
    if (lit->count == 0)
        return true;
    if (kept > 19)
        return false;
    for (const char *p = lit->digits; p < lit->end; p++) {
        if (*p == '.')
            continue;
        int digit = *p - '0';
        if (i < kept)
            v = v * 10 + (unsigned)digit;
        else if (i == kept)
            first = digit;
        else if (digit != 0)
            more = true;
        i++;
    }
    for (; i < kept; i++)
        v *= 10;
    if (v > INT64_MIN_SIZE)
        return false;
    *ret_value = v;
    *ret_rest = rest_of(first, more);
    return true;
}

static bool rounds_up(nilo_u128 v, enum rest rest)
{
    return rest == REST_ABOVE_HALF || (rest == REST_HALF && (v & 1) != 0);
}

/* false when the signed value does not fit */
static bool to_int64(nilo_u128 v, bool negative, int64_t *ret)
{
    if (v > (negative ? INT64_MIN_SIZE : INT64_MIN_SIZE - 1))
        return false;
    *ret = negative ? (int64_t)(-(nilo_i128)v) : (int64_t)v;
    return true;
}

int nilo_decimal_parse(const char *s, size_t len, int scale, bool round, int64_t *ret_value, struct nilo_err *err)
{
    struct literal lit;
    nilo_u128 v;
    enum rest rest;
    assert(scale >= 0 && scale <= 18);
    if (!read_literal(s, len, &lit))
        return nilo_err_set(err, NILO_ENUMBER, "\"%.*s\" is not a number", shown(len), s);
    if (!scale_literal(&lit, scale, &v, &rest))
        return nilo_err_set(err, NILO_EOVERFLOW, "the number \"%.*s\" is too large", shown(len), s);
    if (rest != REST_NONE && !round)
        return nilo_err_set(err, NILO_EINVAL, "the number \"%.*s\" has more than %d digits after the point", shown(len),
                            s, scale);
    if (!to_int64(v + rounds_up(v, rest), lit.negative, ret_value))
        return nilo_err_set(err, NILO_EOVERFLOW, "the number \"%.*s\" is too large", shown(len), s);
    return 0;
}

int nilo_decimal_bound(const char *s, size_t len, int scale, int64_t *ret_floor, bool *ret_exact, struct nilo_err *err)
{
    struct literal lit;
    nilo_u128 v;
    enum rest rest;
    assert(scale >= 0 && scale <= 18);
    if (!read_literal(s, len, &lit))
        return nilo_err_set(err, NILO_ENUMBER, "\"%.*s\" is not a number", shown(len), s);
    bool fits = scale_literal(&lit, scale, &v, &rest) &&
                to_int64(v + (lit.negative && rest != REST_NONE), lit.negative, ret_floor);
    if (!fits)
        *ret_floor = lit.negative ? INT64_MIN : INT64_MAX;
    *ret_exact = fits && rest == REST_NONE;
    return 0;
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

/* The digits of v, the last first. 128-bit divisions are slow: two at most, the rest fits 64 bits. */
static int reversed_digits(nilo_u128 v, char out[NILO_DECIMAL_TEXT])
{
    const uint64_t part = UINT64_C(10000000000000000000); /* 10^19 */
    int n = 0;
    while (v > UINT64_MAX) {
        uint64_t low = (uint64_t)(v % part);
        v /= part;
        for (int i = 0; i < 19; i++, low /= 10)
            out[n++] = (char)('0' + low % 10);
    }
    for (uint64_t rest = (uint64_t)v; rest != 0; rest /= 10)
        out[n++] = (char)('0' + rest % 10);
    return n;
}

size_t nilo_decimal_format(nilo_i128 value, int scale, bool keep, char out[NILO_DECIMAL_TEXT])
{
    char digits[NILO_DECIMAL_TEXT];
    size_t len = 0;
    int last = 0; /* position of the last digit shown; 0 is the end of the fraction */
    assert(scale >= 0 && scale <= 38);
    int n = reversed_digits(magnitude(value), digits);
    while (n <= scale)
        digits[n++] = '0';
    while (!keep && last < scale && digits[last] == '0')
        last++;
    if (value < 0)
        out[len++] = '-';
    for (int i = n - 1; i >= last; i--) {
        out[len++] = digits[i];
        if (i == scale && i > last)
            out[len++] = '.';
    }
    out[len] = '\0';
    return len;
}

/* ---- arithmetic --------------------------------------------------------------------------------------------------- */

/* Twice the remainder against the divisor, put so that it cannot overflow. */
static nilo_u128 half_even(nilo_u128 quotient, nilo_u128 rest, nilo_u128 divisor)
{
    nilo_u128 other = divisor - rest;
    return quotient + (rest > other || (rest == other && (quotient & 1) != 0));
}

static bool to_int128(nilo_u128 v, bool negative, nilo_i128 *ret)
{
    const nilo_u128 limit = (nilo_u128)1 << 127;
    if (v > (negative ? limit : limit - 1))
        return false;
    *ret = negative ? (nilo_i128)-v : (nilo_i128)v;
    return true;
}

bool nilo_decimal_rescale(nilo_i128 value, int from_scale, int to_scale, nilo_i128 *ret)
{
    nilo_u128 v = magnitude(value), power = 1;
    assert(from_scale >= 0 && from_scale <= 38 && to_scale >= 0 && to_scale <= 38);
    int digits = to_scale > from_scale ? to_scale - from_scale : from_scale - to_scale;
    for (int i = 0; i < digits; i++)
        power *= 10;
    if (from_scale > to_scale)
        v = half_even(v / power, v % power, power);
    else if (__builtin_mul_overflow(v, power, &v))
        return false;
    return to_int128(v, value < 0, ret);
}

/* quotient and remainder of 2 * (q * den + r) by den; r < den <= 2^127, so nothing overflows */
static void twice(nilo_u128 *q, nilo_u128 *r, nilo_u128 den)
{
    *q *= 2;
    *r *= 2;
    if (*r >= den) {
        *r -= den;
        *q += 1;
    }
}

/* Long division, a digit a step: num * 10^scale need not fit 128 bits. Ten times is twice (four times and once). */
bool nilo_decimal_div(nilo_i128 num, nilo_i128 den, int scale, int64_t *ret)
{
    nilo_u128 d = magnitude(den);
    assert(den != 0 && scale >= 0 && scale <= 18);
    nilo_u128 quotient = magnitude(num) / d, rest = magnitude(num) % d;
    for (int i = 0; i < scale && quotient <= INT64_MIN_SIZE; i++) {
        nilo_u128 q = quotient, r = rest;
        twice(&q, &r, d);
        twice(&q, &r, d);
        q += quotient;
        r += rest;
        if (r >= d) {
            r -= d;
            q++;
        }
        twice(&q, &r, d);
        quotient = q;
        rest = r;
    }
    return to_int64(half_even(quotient, rest, d), (num < 0) != (den < 0), ret);
}
