/* Calendar days and instants as text: the proleptic Gregorian calendar, ISO 8601 and strptime patterns.
 * Knows no zones: an instant without an offset is read as UTC, and what day it belongs to elsewhere is zone.c's. */
#include "base/day.h"

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

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Years are counted from March, so that the leap day comes last and months have a closed form; 400 years are 146097
 * days. The shift of 719468 days is 0000-03-01 to 1970-01-01. */
static int64_t days_from_civil(int64_t year, int month, int dom)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + dom - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t n, int64_t *ret_year, int *ret_month, int *ret_dom)
{
    int64_t z = n + 719468;
    int64_t era = floor_div(z, 146097);
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
    return (int)(since_monday - 7 * floor_div(since_monday, 7)) + 1;
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
    int64_t day = floor_div(us, NILO_US_DAY);
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

struct cursor {
    const char *p, *end;
};

/* What a text said, before anyone asked whether such a moment exists. */
struct fields {
    int year, month, dom;
    int hour, minute, second, micros;
    int offset_hours, offset_minutes;
    bool offset_west, has_zone, has_time;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool take_char(struct cursor *c, char want)
{
    if (c->p == c->end || *c->p != want)
        return false;
    c->p++;
    return true;
}

static bool take_blanks(struct cursor *c)
{
    const char *start = c->p;
    while (c->p < c->end && is_blank(*c->p))
        c->p++;
    return c->p != start;
}

/* A word in any case; `word` is lower case. */
static bool take_word(struct cursor *c, const char *word)
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

/* As many digits as there are, at most `max`; false when fewer than `min`. */
static bool take_number(struct cursor *c, int min, int max, int *ret)
{
    int n = 0, v = 0;
    while (n < max && c->p + n < c->end && is_digit(c->p[n]))
        v = v * 10 + (c->p[n++] - '0');
    if (n < min)
        return false;
    c->p += n;
    *ret = v;
    return true;
}

static bool take_fraction(struct cursor *c, int *ret_micros)
{
    int n = 0, v = 0;
    for (; c->p < c->end && is_digit(*c->p); c->p++) {
        if (n++ < 6)
            v = v * 10 + (*c->p - '0');
    }
    for (int i = n; i < 6; i++)
        v *= 10;
    *ret_micros = v;
    return n > 0;
}

/* Z, UTC, +hh, +hhmm, +hh:mm */
static bool take_offset(struct cursor *c, struct fields *f)
{
    f->has_zone = true;
    f->offset_west = false;
    f->offset_hours = f->offset_minutes = 0;
    if (take_word(c, "utc") || take_word(c, "z"))
        return true;
    f->offset_west = take_char(c, '-');
    if (!f->offset_west && !take_char(c, '+'))
        return false;
    if (!take_number(c, 2, 2, &f->offset_hours))
        return false;
    if (take_char(c, ':'))
        return take_number(c, 2, 2, &f->offset_minutes);
    return c->p == c->end || !is_digit(*c->p) || take_number(c, 2, 2, &f->offset_minutes);
}

/* How much of a text a message repeats: not half of a UTF-8 character. */
static int shown(const char *s, size_t len)
{
    size_t n = len < 60 ? len : 60;
    while (n > 0 && n < len && ((unsigned char)s[n] & 0xc0) == 0x80)
        n--;
    return (int)n;
}

static bool time_exists(const struct fields *f)
{
    if (f->offset_hours > 23 || f->offset_minutes > 59)
        return false;
    if (f->hour == 24)
        return f->minute == 0 && f->second == 0 && f->micros == 0;
    return f->hour < 24 && f->minute < 60 && f->second <= 60;
}

static int finish(const struct fields *f, const char *s, size_t len, struct nilo_iso *ret, struct nilo_err *err)
{
    if (!nilo_civil_valid(f->year, f->month, f->dom))
        return nilo_err_set(err, NILO_EDATERANGE, "there is no such day: \"%.*s\"", shown(s, len), s);
    if (!time_exists(f))
        return nilo_err_set(err, NILO_EDATERANGE, "there is no such time: \"%.*s\"", shown(s, len), s);

    nilo_day day = nilo_day_from_civil(f->year, f->month, f->dom);
    nilo_us us = day.n * NILO_US_DAY;
    if (f->has_time) {
        nilo_us offset = f->offset_hours * NILO_US_HOUR + f->offset_minutes * NILO_US_MINUTE;
        us += f->hour * NILO_US_HOUR + f->minute * NILO_US_MINUTE + f->second * NILO_US_SECOND + f->micros;
        us += f->offset_west ? offset : -offset;
    }
    /* 9999-12-31T24:00 and the ends of the calendar with an offset */
    if (us < NILO_DAY_MIN.n * NILO_US_DAY || us >= (NILO_DAY_MAX.n + INT64_C(1)) * NILO_US_DAY)
        return nilo_err_set(err, NILO_EDATERANGE, "outside of the years 0001 to 9999: \"%.*s\"", shown(s, len), s);
    *ret = (struct nilo_iso){.date_only = !f->has_time, .has_zone = f->has_zone, .us = us, .day = day};
    return 0;
}

/* ---- ISO 8601 ----------------------------------------------------------------------------------------------------- */

int nilo_day_parse(const char *s, size_t len, nilo_day *ret_day, struct nilo_err *err)
{
    struct cursor c = {s, s + len};
    int year, month, dom;
    if (!take_number(&c, 4, 4, &year) || !take_char(&c, '-') || !take_number(&c, 2, 2, &month) || !take_char(&c, '-') ||
        !take_number(&c, 2, 2, &dom) || c.p != c.end)
        return nilo_err_set(err, NILO_EDATE, "\"%.*s\" is not a date: write it as YYYY-MM-DD", shown(s, len), s);
    if (!nilo_civil_valid(year, month, dom))
        return nilo_err_set(err, NILO_EDATERANGE, "there is no such day: \"%.*s\"", shown(s, len), s);
    *ret_day = nilo_day_from_civil(year, month, dom);
    return 0;
}

static bool iso_date(struct cursor *c, struct fields *f)
{
    if (!take_number(c, 4, 4, &f->year))
        return false;
    bool extended = take_char(c, '-');
    if (!take_number(c, 2, 2, &f->month))
        return false;
    if (extended && !take_char(c, '-'))
        return false;
    return take_number(c, 2, 2, &f->dom);
}

static bool iso_time(struct cursor *c, struct fields *f)
{
    f->has_time = true;
    if (!take_number(c, 2, 2, &f->hour))
        return false;
    bool extended = take_char(c, ':');
    if (!take_number(c, 2, 2, &f->minute))
        return false;
    if (extended ? !take_char(c, ':') : c->p == c->end || !is_digit(*c->p))
        return true;
    if (!take_number(c, 2, 2, &f->second))
        return false;
    if (take_char(c, '.') || take_char(c, ','))
        return take_fraction(c, &f->micros);
    return true;
}

static bool iso_text(struct cursor *c, struct fields *f)
{
    if (!iso_date(c, f))
        return false;
    if (c->p == c->end)
        return true;
    if (!take_word(c, "t") && !take_blanks(c))
        return false;
    if (!iso_time(c, f))
        return false;
    if (c->p == c->end)
        return true;
    take_blanks(c);
    return take_offset(c, f) && c->p == c->end;
}

int nilo_iso_parse(const char *s, size_t len, struct nilo_iso *ret, struct nilo_err *err)
{
    struct cursor c = {s, s + len};
    struct fields f = {0};
    if (!iso_text(&c, &f))
        return nilo_err_set(err, NILO_EDATE,
                            "\"%.*s\" is not an ISO 8601 date or instant, like 2025-01-31 or 2025-01-31T07:45:00Z",
                            shown(s, len), s);
    return finish(&f, s, len, ret, err);
}

/* ---- strptime ----------------------------------------------------------------------------------------------------- */

/* What a pattern holds, found before the text is looked at, so that a bad pattern is refused whatever the text. */
struct pattern {
    bool year, month, dom, yday, time, epoch;
    /* The literal that stands for the year ("%d.%m.2017"): its literal run [run, run_end), and the four digits in it. */
    const char *run, *run_end, *digits;
    bool at_edge; /* nothing but that run stands before or behind it */
};

/* What strptime read so far. */
struct reading {
    struct fields f;
    int yday;
    bool twelve_hours, pm, before_epoch; /* "-0.5" is before it as well */
    int64_t epoch;
};

static const char *const month_names[12] = {"january", "february", "march",     "april",   "may",      "june",
                                            "july",    "august",   "september", "october", "november", "december"};

static const char *skip_literals(const char *p)
{
    while (*p != '\0' && *p != '%')
        p++;
    return p;
}

/* The first run of exactly four digits between p and end, or NULL. */
static const char *four_digits(const char *p, const char *end)
{
    while (p < end) {
        const char *start = p;
        while (p < end && is_digit(*p))
            p++;
        if (p - start == 4)
            return start;
        if (p == start)
            p++;
    }
    return NULL;
}

static bool note_directive(struct pattern *pat, char directive)
{
    switch (directive) {
    case 'Y':
    case 'y':
        pat->year = true;
        return true;
    case 'm':
    case 'b':
    case 'B':
        pat->month = true;
        return true;
    case 'd':
    case 'e':
        pat->dom = true;
        return true;
    case 'j':
        pat->yday = true;
        return true;
    case 's':
        pat->epoch = true;
        return true;
    case 'H':
    case 'I':
    case 'M':
    case 'S':
    case 'f':
        pat->time = true;
        return true;
    case 'p':
    case 'z':
    case '%':
        return true;
    default:
        return false;
    }
}

static int pattern_read(const char *text, struct pattern *ret, struct nilo_err *err)
{
    struct pattern pat = {0};
    for (const char *p = text; *p != '\0';) {
        if (*p == '%') {
            if (!note_directive(&pat, p[1]))
                return nilo_err_set(err, NILO_EINVAL, "unknown directive in the date pattern \"%.*s\": \"%.2s\"",
                                    shown(text, strlen(text)), text, p);
            p += 2;
            continue;
        }
        const char *end = skip_literals(p);
        if (pat.digits == NULL && (pat.digits = four_digits(p, end)) != NULL) {
            pat.run = p;
            pat.run_end = end;
            pat.at_edge = p == text || *end == '\0';
        }
        p = end;
    }
    if (pat.year || pat.epoch)
        pat.digits = NULL;
    if (!pat.year && !pat.epoch && pat.digits == NULL)
        return nilo_err_set(err, NILO_EINVAL,
                            "the date pattern \"%.*s\" has no year: add %%Y, %%y or four literal digits",
                            shown(text, strlen(text)), text);
    if (pat.dom && !pat.month && !pat.yday && !pat.epoch)
        return nilo_err_set(err, NILO_EINVAL, "the date pattern \"%.*s\" has a day but no month",
                            shown(text, strlen(text)), text);
    *ret = pat;
    return 0;
}

int nilo_strptime_check(const char *pattern, struct nilo_err *err)
{
    struct pattern pat;
    return pattern_read(pattern, &pat, err);
}

/* The name as a whole, "sept", or its first three letters. */
static bool take_month(struct cursor *c, int *ret)
{
    for (int i = 0; i < 12; i++) {
        char three[4] = {month_names[i][0], month_names[i][1], month_names[i][2], '\0'};
        if (take_word(c, month_names[i]) || (i == 8 && take_word(c, "sept")) || take_word(c, three)) {
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_epoch(struct cursor *c, struct reading *r)
{
    int64_t v = 0;
    r->before_epoch = take_char(c, '-');
    const char *start = c->p;
    const int64_t far = INT64_C(1000000000000); /* the year 33658: refused later, whatever follows */
    for (; c->p < c->end && is_digit(*c->p); c->p++) {
        v = v * 10 + (*c->p - '0');
        if (v > far)
            v = far;
    }
    r->epoch = v;
    return c->p != start;
}

static bool take_year2(struct cursor *c, int *ret)
{
    if (!take_number(c, 2, 2, ret))
        return false;
    *ret += *ret < 69 ? 2000 : 1900; /* as POSIX has it */
    return true;
}

static bool take_half_day(struct cursor *c, struct reading *r)
{
    r->pm = take_word(c, "pm");
    return r->pm || take_word(c, "am");
}

static bool take_directive(struct cursor *c, char directive, struct reading *r)
{
    struct fields *f = &r->f;
    switch (directive) {
    case 'Y':
        return take_number(c, 4, 4, &f->year);
    case 'y':
        return take_year2(c, &f->year);
    case 'm':
        return take_number(c, 1, 2, &f->month);
    case 'b':
    case 'B':
        return take_month(c, &f->month);
    case 'e':
        take_blanks(c);
        return take_number(c, 1, 2, &f->dom);
    case 'd':
        return take_number(c, 1, 2, &f->dom);
    case 'j':
        return take_number(c, 1, 3, &r->yday);
    case 'I':
        r->twelve_hours = true;
        return take_number(c, 1, 2, &f->hour);
    case 'H':
        return take_number(c, 1, 2, &f->hour);
    case 'M':
        return take_number(c, 1, 2, &f->minute);
    case 'S':
        return take_number(c, 1, 2, &f->second);
    case 'f':
        return take_fraction(c, &f->micros);
    case 'p':
        return take_half_day(c, r);
    case 'z':
        return take_offset(c, f);
    case 's':
        return take_epoch(c, r);
    default: /* '%': pattern_read() let nothing else through */
        return take_char(c, '%');
    }
}

/* Blanks stand for one or more blanks, everything else for itself. */
static bool take_literals(struct cursor *c, const char *p, const char *end)
{
    while (p < end) {
        if (is_blank(*p)) {
            if (!take_blanks(c))
                return false;
            while (p < end && is_blank(*p))
                p++;
        } else if (!take_char(c, *p++)) {
            return false;
        }
    }
    return true;
}

static bool match(const struct pattern *pat, const char *p, struct cursor c, struct reading *r);

/* The literal year and what stands around it: as written, or without the year, or without the year and the text on one
 * side of it; at an end of the pattern also without all of it. The first way that lets the rest match counts. */
static bool match_literal_year(const struct pattern *pat, struct cursor c, struct reading *r)
{
    const char *run = pat->run, *year = pat->digits, *after = pat->digits + 4, *end = pat->run_end;
    const char *trimmed = year; /* "%d.%m. 2017" on "13.09.": no blank is left at the end */
    while (trimmed > run && is_blank(trimmed[-1]))
        trimmed--;
    const struct {
        const char *to, *from; /* [run, to) and [from, end) */
    } ways[] = {{end, end}, {year, after}, {year, end}, {trimmed, end}, {run, after}, {run, end}};

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct cursor at = c;
        struct reading kept = *r;
        bool nothing = ways[i].to == run && ways[i].from == end;
        if (nothing && !pat->at_edge)
            continue;
        if (take_literals(&at, run, ways[i].to) && take_literals(&at, ways[i].from, end) && match(pat, end, at, r))
            return true;
        *r = kept;
    }
    return false;
}

/* c is a copy: a branch that fails leaves nothing behind. p is inside of the pattern that pat was read from. */
static bool match(const struct pattern *pat, const char *p, struct cursor c, struct reading *r)
{
    while (*p != '\0') {
        if (*p == '%') {
            if (!take_directive(&c, p[1], r))
                return false;
            p += 2;
            continue;
        }
        const char *end = skip_literals(p);
        if (pat->digits != NULL && p == pat->run)
            return match_literal_year(pat, c, r);
        if (!take_literals(&c, p, end))
            return false;
        p = end;
    }
    return c.p == c.end;
}

/* The calendar date: what is missing after the year is its first (a month, a day). */
static bool settle_date(const struct pattern *pat, struct reading *r)
{
    struct fields *f = &r->f;
    if (pat->digits != NULL) {
        struct cursor c = {pat->digits, pat->digits + 4};
        take_number(&c, 4, 4, &f->year);
    }
    if (pat->yday) {
        if (r->yday < 1 || r->yday > 365 + is_leap(f->year))
            return false;
        int64_t year;
        civil_from_days(days_from_civil(f->year, 1, 1) + r->yday - 1, &year, &f->month, &f->dom);
        return true;
    }
    if (!pat->month)
        f->month = 1;
    if (!pat->dom)
        f->dom = 1;
    return true;
}

static bool settle_hour(struct reading *r)
{
    if (!r->twelve_hours)
        return true;
    if (r->f.hour < 1 || r->f.hour > 12)
        return false;
    r->f.hour = r->f.hour % 12 + (r->pm ? 12 : 0);
    return true;
}

/* %s says it all: whatever else the pattern holds had to match, and only %f adds to it. */
static int finish_epoch(const struct reading *r, const char *s, size_t len, struct nilo_iso *ret, struct nilo_err *err)
{
    nilo_us span = r->epoch * NILO_US_SECOND + r->f.micros;
    nilo_us us = r->before_epoch ? -span : span;
    int64_t day = floor_div(us, NILO_US_DAY);
    if (day < NILO_DAY_MIN.n || day > NILO_DAY_MAX.n)
        return nilo_err_set(err, NILO_EDATERANGE, "outside of the years 0001 to 9999: \"%.*s\"", shown(s, len), s);
    *ret = (struct nilo_iso){.has_zone = true, .us = us, .day = NILO_DAY((int32_t)day)};
    return 0;
}

int nilo_strptime(const char *s, size_t len, const char *pattern, struct nilo_iso *ret, struct nilo_err *err)
{
    struct pattern pat;
    struct reading r = {0};
    if (pattern_read(pattern, &pat, err) != 0)
        return -1;
    if (!match(&pat, pattern, (struct cursor){s, s + len}, &r))
        return nilo_err_set(err, NILO_EDATE, "\"%.*s\" does not match the date pattern \"%.*s\"", shown(s, len), s,
                            shown(pattern, strlen(pattern)), pattern);
    if (pat.epoch)
        return finish_epoch(&r, s, len, ret, err);
    if (!settle_date(&pat, &r))
        return nilo_err_set(err, NILO_EDATERANGE, "there is no such day: \"%.*s\"", shown(s, len), s);
    if (!settle_hour(&r))
        return nilo_err_set(err, NILO_EDATERANGE, "there is no such time: \"%.*s\"", shown(s, len), s);
    r.f.has_time = pat.time;
    return finish(&r.f, s, len, ret, err);
}
