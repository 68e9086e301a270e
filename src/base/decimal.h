/* Exact decimals: a 64-bit integer times 10^-scale, and 128-bit sums. No floating point anywhere. */
#ifndef NILO_BASE_DECIMAL_H
#define NILO_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NILO_SCALE_MAX 9
#define NILO_DECIMAL_TEXT 48 /* room for any formatted value or 128-bit sum, and a NUL */

__extension__ typedef __int128 nilo_i128;

/** nilo_decimal_parse - JSON-like number text (sign, digits, fraction, exponent; also leading '+', "12." and ".5") to value * 10^scale
 *  Digits beyond the scale must be zero ("1234.0" at scale 0 is 1234), unless round is true: then half-even.
 *  errors  NILO_ENUMBER unreadable ("12,345", "NaN", "" are), NILO_EINVAL more fraction digits than scale, NILO_EOVERFLOW */
int nilo_decimal_parse(const char *s, size_t len, int scale, bool round, int64_t *ret_value, struct nilo_err *err);

/** nilo_decimal_format - shortest exact text by scale; trailing zeros of the fraction are kept when keep is true. Returns length */
size_t nilo_decimal_format(nilo_i128 value, int scale, bool keep, char out[NILO_DECIMAL_TEXT]);

int64_t nilo_pow10(int n); /* 0..18 */

/** nilo_decimal_rescale - to another scale, half-even when digits are lost. false on overflow */
bool nilo_decimal_rescale(nilo_i128 value, int from_scale, int to_scale, nilo_i128 *ret);

/** nilo_decimal_div - num/den as a decimal of the given scale, half-even. den != 0. false on overflow of int64 */
bool nilo_decimal_div(nilo_i128 num, nilo_i128 den, int scale, int64_t *ret);

/** nilo_decimal_bound - for comparisons against scaled integers: the literal as floor(value * 10^scale) and whether that is exact.
 *  Out of range saturates (INT64_MIN/MAX, exact false). errors: NILO_ENUMBER */
int nilo_decimal_bound(const char *s, size_t len, int scale, int64_t *ret_floor, bool *ret_exact, struct nilo_err *err);

/* Sums that fit SQL's 64-bit integers: value = hi * 2^32 + lo with 0 <= lo < 2^32 for one value; sums of hi and of lo are
 * added apart (any order gives the same bits) and joined at the end. */
static inline int64_t nilo_split_hi(int64_t v) { return (v - (int64_t)((uint64_t)v & 0xffffffffu)) / INT64_C(4294967296); }
static inline int64_t nilo_split_lo(int64_t v) { return (int64_t)((uint64_t)v & 0xffffffffu); }
static inline nilo_i128 nilo_split_join(int64_t hi, int64_t lo) { return (nilo_i128)hi * INT64_C(4294967296) + lo; }

#endif
