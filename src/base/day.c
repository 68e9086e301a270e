/* Calendar days and instants as text: the proleptic Gregorian calendar and ISO 8601. Patterns are in day_strptime.c.
 * Knows no zones: an instant without an offset is read as UTC, and what day it belongs to elsewhere is zone.c's. */
#include "base/day_read.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* ---- the calendar ------------------------------------------------------------------------------------------------ */

/* Results outside of int32_t stay at its ends, and never become NILO_DAY_NONE. */
static nilo_day day_saturated(int64_t n)
{
    if (n <= INT32_MIN)
        return NILO_DAY(INT32_MIN + 1);
    return NILO_DAY(n > INT32_MAX ? INT32_MAX : (int32_t)n);
}

/* Years are counted from March, so that the leap day comes last and months have a closed form; 400 years are 146097
 * days. The shift of 719468 days is 0000-03-01 to 1970-01-01. */
static int64_t days_from_civil(int64_t year, int month, int dom)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = nilo__floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + dom - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t n, int64_t *ret_year, int *ret_month, int *ret_dom)
{
    int64_t z = n + 719468;
    int64_t era = nilo__floor_div(z, 146097);
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *ret_dom = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *ret_month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool nilo_civil_valid(int year, int month, int dom)
{
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || year > 9999 || month < 1 || month > 12 || dom < 1)
        return false;
    return dom <= lengths[month - 1] + (month == 2 && is_leap(year));
}

nilo_day nilo_day_from_civil(int year, int month, int dom)
{
    assert(nilo_civil_valid(year, month, dom));
    return NILO_DAY((int32_t)days_from_civil(year, month, dom));
}

void nilo_day_to_civil(nilo_day d, int *ret_year, int *ret_month, int *ret_dom)
{
    int64_t year;
    civil_from_days(d.n, &year, ret_month, ret_dom);
    *ret_year = (int)year;
}

int nilo_day_weekday(nilo_day d)
{
    int64_t since_monday = (int64_t)d.n + 3; /* 1970-01-01 was a Thursday */
    return (int)(since_monday - 7 * nilo__floor_div(since_monday, 7)) + 1;
}

nilo_day nilo_day_week_start(nilo_day d)
{
    return nilo_day_is_none(d) ? d : day_saturated((int64_t)d.n - (nilo_day_weekday(d) - 1));
}

nilo_day nilo_day_month_start(nilo_day d)
{
    int64_t year;
    int month, dom;
    civil_from_days(d.n, &year, &month, &dom);
    return nilo_day_is_none(d) ? d : day_saturated((int64_t)d.n - (dom - 1));
}

nilo_day nilo_day_next_month(nilo_day d)
{
    int64_t year;
    int month, dom;
    civil_from_days(d.n, &year, &month, &dom);
    if (nilo_day_is_none(d))
        return d;
    return day_saturated(month == 12 ? days_from_civil(year + 1, 1, 1) : days_from_civil(year, month + 1, 1));
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static char *put_digits(char *p, int64_t v, int width)
{
    for (int i = width - 1; i >= 0; i--, v /= 10)
        p[i] = (char)('0' + v % 10);
    return p + width;
}

/* ISO 8601's expanded form outside of the years 0000 to 9999: a sign and six digits. */
static char *put_civil(char *p, int64_t day)
{
    int64_t year;
    int month, dom;
    civil_from_days(day, &year, &month, &dom);
    if (year < 0 || year > 9999) {
        *p++ = year < 0 ? '-' : '+';
        p = put_digits(p, year < 0 ? -year : year, 6);
    } else {
        p = put_digits(p, year, 4);
    }
    *p++ = '-';
    p = put_digits(p, month, 2);
    *p++ = '-';
    return put_digits(p, dom, 2);
}

void nilo_day_format(nilo_day d, char out[NILO_DAY_TEXT])
{
    static const char before[] = "-infinity", after[] = "infinity";
    if (nilo_day_is_none(d))
        out[0] = '\0';
    else if (d.n < NILO_DAY_MIN.n)
        memcpy(out, before, sizeof before);
    else if (d.n > NILO_DAY_MAX.n)
        memcpy(out, after, sizeof after);
    else
        *put_civil(out, d.n) = '\0';
}

void nilo_us_format(nilo_us us, char out[NILO_US_TEXT])
{
    static const char utc[] = "+00:00";
    if (us == NILO_US_NONE) {
        out[0] = '\0';
        return;
    }
    int64_t day = nilo__floor_div(us, NILO_US_DAY);
    int64_t rest = us % NILO_US_DAY; /* us - day * NILO_US_DAY could overflow on the way */
    if (rest < 0)
        rest += NILO_US_DAY;
    char *p = put_civil(out, day);
    *p++ = 'T';
    p = put_digits(p, rest / NILO_US_HOUR, 2);
    *p++ = ':';
    p = put_digits(p, rest / NILO_US_MINUTE % 60, 2);
    *p++ = ':';
    p = put_digits(p, rest / NILO_US_SECOND % 60, 2);
    int64_t micros = rest % NILO_US_SECOND;
    if (micros != 0) {
        *p++ = '.';
        p = put_digits(p, micros, 6);
        while (p[-1] == '0')
            p--;
    }
    memcpy(p, utc, sizeof utc);
}

/* ---- reading: what both grammars share ---------------------------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool nilo__take_char(struct nilo__cursor *c, char want)
{
    if (c->p == c->end || *c->p != want)
        return false;
    c->p++;
    return true;
}

bool nilo__take_blanks(struct nilo__cursor *c)
{
    const char *start = c->p;
    while (c->p < c->end && nilo__is_blank(*c->p))
        c->p++;
    return c->p != start;
}

bool nilo__take_word(struct nilo__cursor *c, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(c->end - c->p) < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (lower(c->p[i]) != word[i])
            return false;
    }
    c->p += n;
    return true;
}

bool nilo__take_number(struct nilo__cursor *c, int min, int max, int *ret)
{
    int n = 0, v = 0;
    while (n < max && c->p + n < c->end && nilo__is_digit(c->p[n]))
        v = v * 10 + (c->p[n++] - '0');
    if (n < min)
        return false;
    c->p += n;
    *ret = v;
    return true;
}

bool nilo__take_fraction(struct nilo__cursor *c, int *ret_micros)
{
    int n = 0, v = 0;
    for (; c->p < c->end && nilo__is_digit(*c->p); c->p++) {
        if (n++ < 6)
            v = v * 10 + (*c->p - '0');
    }
    for (int i = n; i < 6; i++)
        v *= 10;
    *ret_micros = v;
    return n > 0;
}

bool nilo__take_offset(struct nilo__cursor *c, struct nilo__fields *f)
{
    f->has_zone = true;
    f->offset_west = false;
    f->offset_hours = f->offset_minutes = 0;
    if (nilo__take_word(c, "utc") || nilo__take_word(c, "z"))
        return true;
    f->offset_west = nilo__take_char(c, '-');
    if (!f->offset_west && !nilo__take_char(c, '+'))
        return false;
    if (!nilo__take_number(c, 2, 2, &f->offset_hours))
        return false;
    if (nilo__take_char(c, ':'))
        return nilo__take_number(c, 2, 2, &f->offset_minutes);
    return c->p == c->end || !nilo__is_digit(*c->p) || nilo__take_number(c, 2, 2, &f->offset_minutes);
}

int nilo__date_shown(const char *s, size_t len)
{
    size_t n = len < 60 ? len : 60;
    while (n > 0 && n < len && ((unsigned char)s[n] & 0xc0) == 0x80)
        n--;
    return (int)n;
}

static bool time_exists(const struct nilo__fields *f)
{
    if (f->offset_hours > 23 || f->offset_minutes > 59)
        return false;
    if (f->hour == 24)
        return f->minute == 0 && f->second == 0 && f->micros == 0;
    return f->hour < 24 && f->minute < 60 && f->second <= 60;
}

int nilo__date_finish(const struct nilo__fields *f, const char *s, size_t len, struct nilo_iso *ret,
                      struct nilo_err *err)
{
    if (!nilo_civil_valid(f->year, f->month, f->dom))
        return nilo_err_set(err, NILO_EDATERANGE, "there is no such day: \"%.*s\"", nilo__date_shown(s, len), s);
    if (!time_exists(f))
        return nilo_err_set(err, NILO_EDATERANGE, "there is no such time: \"%.*s\"", nilo__date_shown(s, len), s);

    nilo_day day = nilo_day_from_civil(f->year, f->month, f->dom);
    nilo_us us = day.n * NILO_US_DAY;
    if (f->has_time) {
        nilo_us offset = f->offset_hours * NILO_US_HOUR + f->offset_minutes * NILO_US_MINUTE;
        us += f->hour * NILO_US_HOUR + f->minute * NILO_US_MINUTE + f->second * NILO_US_SECOND + f->micros;
        us += f->offset_west ? offset : -offset;
    }
    /* 9999-12-31T24:00 and the ends of the calendar with an offset */
    if (us < NILO_DAY_MIN.n * NILO_US_DAY || us >= (NILO_DAY_MAX.n + INT64_C(1)) * NILO_US_DAY)
        return nilo_err_set(err, NILO_EDATERANGE, "outside of the years 0001 to 9999: \"%.*s\"",
                            nilo__date_shown(s, len), s);
    *ret = (struct nilo_iso){.date_only = !f->has_time, .has_zone = f->has_zone, .us = us, .day = day};
    return 0;
}

/* ---- ISO 8601 ----------------------------------------------------------------------------------------------------- */

int nilo_day_parse(const char *s, size_t len, nilo_day *ret_day, struct nilo_err *err)
{
    struct nilo__cursor c = {s, s + len};
    int year, month, dom;
    if (!nilo__take_number(&c, 4, 4, &year) || !nilo__take_char(&c, '-') || !nilo__take_number(&c, 2, 2, &month) ||
        !nilo__take_char(&c, '-') || !nilo__take_number(&c, 2, 2, &dom) || c.p != c.end)
        return nilo_err_set(err, NILO_EDATE, "\"%.*s\" is not a date: write it as YYYY-MM-DD", nilo__date_shown(s, len),
                            s);
    if (!nilo_civil_valid(year, month, dom))
        return nilo_err_set(err, NILO_EDATERANGE, "there is no such day: \"%.*s\"", nilo__date_shown(s, len), s);
    *ret_day = nilo_day_from_civil(year, month, dom);
    return 0;
}

static bool iso_date(struct nilo__cursor *c, struct nilo__fields *f)
{
    if (!nilo__take_number(c, 4, 4, &f->year))
        return false;
    bool extended = nilo__take_char(c, '-');
    if (!nilo__take_number(c, 2, 2, &f->month))
        return false;
    if (extended && !nilo__take_char(c, '-'))
        return false;
    return nilo__take_number(c, 2, 2, &f->dom);
}

static bool iso_time(struct nilo__cursor *c, struct nilo__fields *f)
{
    f->has_time = true;
    if (!nilo__take_number(c, 2, 2, &f->hour))
        return false;
    bool extended = nilo__take_char(c, ':');
    if (!nilo__take_number(c, 2, 2, &f->minute))
        return false;
    if (extended ? !nilo__take_char(c, ':') : c->p == c->end || !nilo__is_digit(*c->p))
        return true;
    if (!nilo__take_number(c, 2, 2, &f->second))
        return false;
    if (nilo__take_char(c, '.') || nilo__take_char(c, ','))
        return nilo__take_fraction(c, &f->micros);
    return true;
}

static bool iso_text(struct nilo__cursor *c, struct nilo__fields *f)
{
    if (!iso_date(c, f))
        return false;
    if (c->p == c->end)
        return true;
    if (!nilo__take_word(c, "t") && !nilo__take_blanks(c))
        return false;
    if (!iso_time(c, f))
        return false;
    if (c->p == c->end)
        return true;
    nilo__take_blanks(c);
    return nilo__take_offset(c, f) && c->p == c->end;
}

int nilo_iso_parse(const char *s, size_t len, struct nilo_iso *ret, struct nilo_err *err)
{
    struct nilo__cursor c = {s, s + len};
    struct nilo__fields f = {0};
    if (!iso_text(&c, &f))
        return nilo_err_set(err, NILO_EDATE,
                            "\"%.*s\" is not an ISO 8601 date or instant, like 2025-01-31 or 2025-01-31T07:45:00Z",
                            nilo__date_shown(s, len), s);
    return nilo__date_finish(&f, s, len, ret, err);
}
