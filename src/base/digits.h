/* A whole number in decimal, where printf would take longer than all else. */
#ifndef NILO_BASE_DIGITS_H
#define NILO_BASE_DIGITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NILO_DIGITS 20 /* the most that come */

/** nilo_digits - writes it without a NUL; returns how many bytes */
static inline size_t nilo_digits(int64_t v, char *out)
{
    char digits[NILO_DIGITS];
    size_t at = sizeof(digits);
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0)
        digits[--at] = '-';
    memcpy(out, digits + at, sizeof(digits) - at);
    return sizeof(digits) - at;
}

#endif
