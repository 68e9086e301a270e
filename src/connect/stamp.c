/* A timestamp as SQLite tables hold them: whatever the application wrote. The rules are in connect.h. */
#include "connect/connect.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"

#define EPOCH_S_BELOW  INT64_C(100000000000)       /* in seconds: the year 5138 */
#define EPOCH_MS_BELOW INT64_C(100000000000000)    /* from 1973-03-03 to the year 5138 */
#define EPOCH_US_BELOW INT64_C(100000000000000000) /* the same */
/* Julian days of this age are 2.4 million; 10^8 seconds are 1973-03-03. */
#define EPOCH_REAL_FROM INT64_C(100000000)
/* Shorter ones are a date (20250111) or a year. */
#define EPOCH_TEXT_DIGITS 9

static const struct nilo_stamp unreadable = {.kind = NILO_STAMP_UNREADABLE};

static struct nilo_stamp instant(nilo_us at)
{
    return (struct nilo_stamp){.kind = NILO_STAMP_INSTANT, .at = at};
}

static bool within(int64_t v, int64_t low, int64_t high)
{
    return v >= low && v <= high;
}

/* 20250111 and 20250111093000 are dates: as epochs they would lie in August 1970 and in the year 2611. */
static bool looks_like_a_date(int64_t v)
{
    return within(v, 19000101, 21001231) || within(v, INT64_C(19000101000000), INT64_C(21001231235959));
}

static struct nilo_stamp from_iso(const char *s, size_t len)
{
    struct nilo_iso iso;
    if (nilo_iso_parse(s, len, &iso, NULL) != 0)
        return unreadable;
    if (iso.date_only)
        return (struct nilo_stamp){.kind = NILO_STAMP_DAY, .day = iso.day};
    return instant(iso.us);
}

static struct nilo_stamp from_date_number(int64_t v)
{
    char text[32];
    int len = v <= 21001231 ? snprintf(text, sizeof text, "%08" PRId64, v)
                            : snprintf(text, sizeof text, "%08" PRId64 "T%06" PRId64, v / 1000000, v % 1000000);
    return from_iso(text, (size_t)len);
}

/* Whole numbers. Written with comparisons on both sides, because -INT64_MIN is no number. */
static struct nilo_stamp from_epoch(int64_t v)
{
    if (looks_like_a_date(v))
        return from_date_number(v);
    if (v > -EPOCH_S_BELOW && v < EPOCH_S_BELOW)
        return instant(v * NILO_US_SECOND);
    if (v > -EPOCH_MS_BELOW && v < EPOCH_MS_BELOW)
        return instant(v * 1000);
    if (v > -EPOCH_US_BELOW && v < EPOCH_US_BELOW)
        return instant(v);
    return instant(v / 1000);
}

/* A REAL is an epoch in seconds with a fraction, or milliseconds as JavaScript keeps them. */
static struct nilo_stamp from_real(const char *text, size_t len)
{
    int64_t micro, whole;
    if (nilo_decimal_parse(text, len, 6, true, &micro, NULL) == 0) {
        int64_t size = micro < 0 ? -(micro / NILO_US_SECOND) : micro / NILO_US_SECOND;
        if (size < EPOCH_REAL_FROM)
            return (struct nilo_stamp){.kind = NILO_STAMP_JULIAN};
        if (size < EPOCH_S_BELOW)
            return instant(micro);
    }
    if (nilo_decimal_parse(text, len, 0, true, &whole, NULL) == 0)
        return from_epoch(whole);
    return unreadable;
}

static bool is_whole_number(const char *s, size_t len)
{
    size_t sign = len > 0 && s[0] == '-' ? 1 : 0;
    return len >= sign + EPOCH_TEXT_DIGITS && strspn(s + sign, "0123456789") == len - sign;
}

static struct nilo_stamp from_text(const char *s, size_t len)
{
    int64_t epoch;
    while (len > 0 && (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r'))
        s++, len--;
    while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t' || s[len - 1] == '\n' || s[len - 1] == '\r'))
        len--;
    if (len == 0)
        return (struct nilo_stamp){.kind = NILO_STAMP_EMPTY};
    if (is_whole_number(s, len))
        return nilo_decimal_parse(s, len, 0, false, &epoch, NULL) == 0 ? from_epoch(epoch) : unreadable;
    return from_iso(s, len);
}

struct nilo_stamp nilo_stamp_read(const struct nilo_db_value *v)
{
    switch (v->type) {
    case NILO_DB_NULL:
        return (struct nilo_stamp){.kind = NILO_STAMP_EMPTY};
    case NILO_DB_INT:
        return from_epoch(v->i);
    case NILO_DB_REAL:
        return from_real(v->p, v->len);
    case NILO_DB_TEXT:
        return from_text(v->p, v->len);
    case NILO_DB_BYTES:
    default:
        return unreadable;
    }
}
