/* Calendar days and instants as text. Proleptic Gregorian; years 0001 to 9999. Zones are in zone.h. */
#ifndef NILO_BASE_DAY_H
#define NILO_BASE_DAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"

/* Days since 1970-01-01: a one-field struct, so that days and seconds cannot mix. */
typedef struct {
    int32_t n;
} nilo_day;

#define NILO_DAY(x) ((nilo_day){.n = (x)})
#define NILO_DAY_MIN NILO_DAY(-719162) /* 0001-01-01 */
#define NILO_DAY_MAX NILO_DAY(2932896) /* 9999-12-31 */
#define NILO_DAY_NONE NILO_DAY(INT32_MIN)

static inline bool nilo_day_is_none(nilo_day d) { return d.n == INT32_MIN; }

nilo_day nilo_day_from_civil(int year, int month, int dom); /* must be valid: see nilo_civil_valid */
void nilo_day_to_civil(nilo_day d, int *ret_year, int *ret_month, int *ret_dom);
bool nilo_civil_valid(int year, int month, int dom);
int nilo_day_weekday(nilo_day d);        /* ISO: 1 Monday .. 7 Sunday */
nilo_day nilo_day_week_start(nilo_day d); /* that ISO week's Monday */
nilo_day nilo_day_month_start(nilo_day d);
nilo_day nilo_day_next_month(nilo_day d); /* first day of the following month */

/** nilo_day_parse - exactly YYYY-MM-DD, len bytes. errors: NILO_EDATE not of that form, NILO_EDATERANGE no such day (2025-02-30) */
int nilo_day_parse(const char *s, size_t len, nilo_day *ret_day, struct nilo_err *err);

/** nilo_day_format - writes YYYY-MM-DD and a NUL; "" for NILO_DAY_NONE, "-infinity" and "infinity" outside of the years 1 to 9999 */
#define NILO_DAY_TEXT 11
void nilo_day_format(nilo_day d, char out[NILO_DAY_TEXT]);

/* What an ISO 8601 text turned out to be. */
struct nilo_iso {
    bool date_only; /* us is midnight UTC of day */
    bool has_zone;  /* an offset or Z was given; else it was read as UTC */
    nilo_us us;
    nilo_day day; /* the date as written */
};

/** nilo_iso_parse - ISO 8601 in its usual spellings: date; date, 'T' or blank(s), hh:mm[:ss[.fraction]] with '.' or ','; offset
 *  Z, +hh, +hhmm, +hh:mm, " UTC"; basic form YYYYMMDD[Thhmmss]. Fractions beyond microseconds are cut. 24:00 and a
 *  60th second are accepted as the following second. errors: NILO_EDATE, NILO_EDATERANGE */
int nilo_iso_parse(const char *s, size_t len, struct nilo_iso *ret, struct nilo_err *err);

/** nilo_us_format - 2025-01-11T00:00:15.12+00:00: fraction trimmed, offset not Z (PostgREST's spelling); "" for NILO_US_NONE */
#define NILO_US_TEXT 40
void nilo_us_format(nilo_us us, char out[NILO_US_TEXT]);

/** nilo_strptime - s against a strptime pattern: %Y %y %m %d %e %H %M %S %f (fraction) %b %B (English) %j %s %z %p %I %% and
 *  literals; no %H.. means date_only. The whole text must match. errors as nilo_iso_parse, NILO_EINVAL unknown directive
 *  A blank stands for one or more blanks; names in any case; %m %d %H %M %S with one digit or two. A month or day that the
 *  pattern lacks is the first; %s is the instant, whatever else there is (%f adds to it).
 *  Where the pattern has no %Y, %y or %s, its first literal run of exactly four digits is the year, whether or not the text
 *  holds it; with it goes the separator, on either side: "%d.%m.2017" matches 13.09.2017, 13.09. and 13.09, "2017-%m-%d"
 *  matches 2017-09-13 and 09-13. A text with another year there does not match. No year at all: NILO_EINVAL. */
int nilo_strptime(const char *s, size_t len, const char *pattern, struct nilo_iso *ret, struct nilo_err *err);

/** nilo_strptime_check - is this a pattern nilo_strptime can use at all? Refuse it before the first row. errors: NILO_EINVAL */
int nilo_strptime_check(const char *pattern, struct nilo_err *err);

#endif
