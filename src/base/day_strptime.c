/* Dates by a strptime pattern, with the literal year that an import's pattern may carry.
 * The pattern is looked through first, so that a bad one is refused whatever the text. */
#include "base/day_read.h"

#include <string.h>

/* What a pattern holds. */
struct pattern {
    bool year, month, dom, yday, time, epoch;
    /* The literal that stands for the year ("%d.%m.2017"): its literal run [run, run_end), and the four digits in it. */
    const char *run, *run_end, *digits;
    bool at_edge; /* the pattern starts or ends with that run */
};

/* What strptime read so far. */
struct reading {
    struct nilo__fields f;
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
        while (p < end && nilo__is_digit(*p))
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
                                    nilo__date_shown(text, strlen(text)), text, p);
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
                            nilo__date_shown(text, strlen(text)), text);
    if (pat.dom && !pat.month && !pat.yday && !pat.epoch)
        return nilo_err_set(err, NILO_EINVAL, "the date pattern \"%.*s\" has a day but no month",
                            nilo__date_shown(text, strlen(text)), text);
    *ret = pat;
    return 0;
}

int nilo_strptime_check(const char *pattern, struct nilo_err *err)
{
    struct pattern pat;
    return pattern_read(pattern, &pat, err);
}

/* The name as a whole, "sept", or its first three letters. */
static bool take_month(struct nilo__cursor *c, int *ret)
{
    for (int i = 0; i < 12; i++) {
        char three[4] = {month_names[i][0], month_names[i][1], month_names[i][2], '\0'};
        if (nilo__take_word(c, month_names[i]) || (i == 8 && nilo__take_word(c, "sept")) || nilo__take_word(c, three)) {
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_epoch(struct nilo__cursor *c, struct reading *r)
{
    int64_t v = 0;
    r->before_epoch = nilo__take_char(c, '-');
    const char *start = c->p;
    const int64_t far = INT64_C(1000000000000); /* the year 33658: refused later, whatever follows */
    for (; c->p < c->end && nilo__is_digit(*c->p); c->p++) {
        v = v * 10 + (*c->p - '0');
        if (v > far)
            v = far;
    }
    r->epoch = v;
    return c->p != start;
}

static bool take_year2(struct nilo__cursor *c, int *ret)
{
    if (!nilo__take_number(c, 2, 2, ret))
        return false;
    *ret += *ret < 69 ? 2000 : 1900; /* as POSIX has it */
    return true;
}

static bool take_half_day(struct nilo__cursor *c, struct reading *r)
{
    r->pm = nilo__take_word(c, "pm");
    return r->pm || nilo__take_word(c, "am");
}

static bool take_directive(struct nilo__cursor *c, char directive, struct reading *r)
{
    struct nilo__fields *f = &r->f;
    switch (directive) {
    case 'Y':
        return nilo__take_number(c, 4, 4, &f->year);
    case 'y':
        return take_year2(c, &f->year);
    case 'm':
        return nilo__take_number(c, 1, 2, &f->month);
    case 'b':
    case 'B':
        return take_month(c, &f->month);
    case 'e':
        nilo__take_blanks(c);
        return nilo__take_number(c, 1, 2, &f->dom);
    case 'd':
        return nilo__take_number(c, 1, 2, &f->dom);
    case 'j':
        return nilo__take_number(c, 1, 3, &r->yday);
    case 'I':
        r->twelve_hours = true;
        return nilo__take_number(c, 1, 2, &f->hour);
    case 'H':
        return nilo__take_number(c, 1, 2, &f->hour);
    case 'M':
        return nilo__take_number(c, 1, 2, &f->minute);
    case 'S':
        return nilo__take_number(c, 1, 2, &f->second);
    case 'f':
        return nilo__take_fraction(c, &f->micros);
    case 'p':
        return take_half_day(c, r);
    case 'z':
        return nilo__take_offset(c, f);
    case 's':
        return take_epoch(c, r);
    default: /* '%': pattern_read() let nothing else through */
        return nilo__take_char(c, '%');
    }
}

/* Blanks stand for one or more blanks, everything else for itself. */
static bool take_literals(struct nilo__cursor *c, const char *p, const char *end)
{
    while (p < end) {
        if (nilo__is_blank(*p)) {
            if (!nilo__take_blanks(c))
                return false;
            while (p < end && nilo__is_blank(*p))
                p++;
        } else if (!nilo__take_char(c, *p++)) {
            return false;
        }
    }
    return true;
}

static bool match(const struct pattern *pat, const char *p, struct nilo__cursor c, struct reading *r);

/* The literal year and what stands around it: as written, or without the year, or without the year and the text on one
 * side of it; at an end of the pattern also without all of it. The first way that lets the rest match counts. */
static bool match_literal_year(const struct pattern *pat, struct nilo__cursor c, struct reading *r)
{
    const char *run = pat->run, *year = pat->digits, *after = pat->digits + 4, *end = pat->run_end;
    const char *trimmed = year; /* "%d.%m. 2017" on "13.09.": no blank is left at the end */
    while (trimmed > run && nilo__is_blank(trimmed[-1]))
        trimmed--;
    const struct {
        const char *to, *from; /* [run, to) and [from, end) */
    } ways[] = {{end, end}, {year, after}, {year, end}, {trimmed, end}, {run, after}, {run, end}};

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct nilo__cursor at = c;
        bool nothing = ways[i].to == run && ways[i].from == end;
        if (nothing && !pat->at_edge)
            continue;
        if (take_literals(&at, run, ways[i].to) && take_literals(&at, ways[i].from, end) && match(pat, end, at, r))
            return true;
    }
    return false;
}

/* c is a copy, so that a way that failed leaves the next where it was; what it read into r the next one reads again. p is inside of the pattern that pat was read from. */
static bool match(const struct pattern *pat, const char *p, struct nilo__cursor c, struct reading *r)
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
    struct nilo__fields *f = &r->f;
    if (pat->digits != NULL) {
        struct nilo__cursor c = {pat->digits, pat->digits + 4};
        nilo__take_number(&c, 4, 4, &f->year);
    }
    if (pat->yday) {
        if (!nilo_civil_valid(f->year, 1, 1) || r->yday < 1 || r->yday > 365 + nilo_civil_valid(f->year, 2, 29))
            return false;
        nilo_day_to_civil(NILO_DAY(nilo_day_from_civil(f->year, 1, 1).n + r->yday - 1), &f->year, &f->month, &f->dom);
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
    int64_t day = nilo__floor_div(us, NILO_US_DAY);
    if (day < NILO_DAY_MIN.n || day > NILO_DAY_MAX.n)
        return nilo_err_set(err, NILO_EDATERANGE, "outside of the years 0001 to 9999: \"%.*s\"",
                            nilo__date_shown(s, len), s);
    *ret = (struct nilo_iso){.has_zone = true, .us = us, .day = NILO_DAY((int32_t)day)};
    return 0;
}

int nilo_strptime(const char *s, size_t len, const char *pattern, struct nilo_iso *ret, struct nilo_err *err)
{
    struct pattern pat;
    struct reading r = {0};
    if (pattern_read(pattern, &pat, err) != 0)
        return -1;
    if (!match(&pat, pattern, (struct nilo__cursor){s, s + len}, &r))
        return nilo_err_set(err, NILO_EDATE, "\"%.*s\" does not match the date pattern \"%.*s\"",
                            nilo__date_shown(s, len), s, nilo__date_shown(pattern, strlen(pattern)), pattern);
    if (pat.epoch)
        return finish_epoch(&r, s, len, ret, err);
    if (!settle_date(&pat, &r))
        return nilo_err_set(err, NILO_EDATERANGE, "there is no such day: \"%.*s\"", nilo__date_shown(s, len), s);
    if (!settle_hour(&r))
        return nilo_err_set(err, NILO_EDATERANGE, "there is no such time: \"%.*s\"", nilo__date_shown(s, len), s);
    r.f.has_time = pat.time;
    return nilo__date_finish(&r.f, s, len, ret, err);
}
