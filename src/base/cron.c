/* Cron expressions. Slots are looked for minute by minute within a day that matches, and day by day between such days: at most some thousand steps, and
 * no case of the clock's changes is reckoned, each is seen. */
#include "base/cron.h"

#include <string.h>
#include <strings.h>

#define YEARS_AHEAD 9 /* 29 February may be 8 years away */

/* ---- reading ---------------------------------------------------------------------------------------------------------------------------- */

struct field {
    const char *name;
    int min, max;
    const char *names; /* three letters each, from min on; NULL = numbers only */
};
static const struct field fields[] = {
    {"minute", 0, 59, NULL},
    {"hour", 0, 23, NULL},
    {"day of month", 1, 31, NULL},
    {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    {"day of week", 0, 7, "sunmontuewedthufrisat"},
};
enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const struct {
    const char *name, *text;
} nicknames[] = {
    {"@yearly", "0 0 1 1 *"},  {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};
#define NICKNAMES (sizeof nicknames / sizeof nicknames[0])

static int wrong(const struct field *f, const char *p, size_t n, struct nilo_err *err)
{
    char names[64] = "";
    if (f->names != NULL) {
        memcpy(names, " or ", 4);
        memcpy(names + 4, f->names, 3);
        names[7] = '-';
        memcpy(names + 8, f->names + strlen(f->names) - 3, 4);
    }
    return nilo_err_set(err, NILO_EINVAL,
                        "cron expression, field %s: \"%.*s\" is not understood; allowed are *, numbers %d-%d%s, ranges a-b, lists a,b and steps */n", f->name,
                        (int)(n < 40 ? n : 40), p, f->min, f->max, names);
}

/* A number or a name at *p, which moves behind it; -1 = neither, or out of range. */
static int take_value(const struct field *f, const char **p, const char *end)
{
    int v = 0;
    const char *q = *p;
    if (f->names != NULL && end - q >= 3) {
        for (int i = 0; f->names[3 * (size_t)i] != '\0'; i++) {
            if (strncasecmp(q, f->names + 3 * (size_t)i, 3) == 0 && (end - q == 3 || q[3] == '-' || q[3] == '/')) {
                *p = q + 3;
                return f->min + i;
            }
        }
    }
    while (q < end && *q >= '0' && *q <= '9' && q - *p < 4)
        v = v * 10 + (*q++ - '0');
    if (q == *p || v < f->min || v > f->max)
        return -1;
    *p = q;
    return v;
}

/* Steps have no lowest or highest value of their own. */
static int take_step(const char **p, const char *end)
{
    int v = 0;
    const char *q = *p;
    while (q < end && *q >= '0' && *q <= '9' && q - *p < 4)
        v = v * 10 + (*q++ - '0');
    if (q == *p || v == 0)
        return -1;
    *p = q;
    return v;
}

/* One part of a list: *, a, a-b, each perhaps with /n */
static int take_part(const struct field *f, const char *p, size_t n, uint64_t *bits, struct nilo_err *err)
{
    const char *begin = p, *end = p + n;
    int low = f->min, high = f->max, step = 1;
    bool open = false;
    if (p < end && *p == '*') {
        p++;
        high = f->max == 7 ? 6 : f->max; /* Sunday once */
    } else {
        if ((low = take_value(f, &p, end)) < 0)
            return wrong(f, begin, n, err);
        high = low;
        open = p < end && *p == '/';
        if (p < end && *p == '-') {
            p++;
            if ((high = take_value(f, &p, end)) < 0)
                return wrong(f, begin, n, err);
            if (f->max == 7 && high == 0 && low > 0)
                high = 7; /* fri-sun */
        }
    }
    if (p < end && *p == '/') {
        p++;
        if ((step = take_step(&p, end)) < 0)
            return nilo_err_set(err, NILO_EINVAL, "cron expression, field %s: \"%.*s\" needs a step of 1 or more behind the /", f->name,
                                (int)(n < 40 ? n : 40), begin);
        if (open)
            high = f->max == 7 ? 6 : f->max;
    }
    if (p != end)
        return wrong(f, begin, n, err);
    if (low > high)
        return nilo_err_set(err, NILO_EINVAL, "cron expression, field %s: the range \"%.*s\" runs backwards; write it as two, with a comma", f->name,
                            (int)(n < 40 ? n : 40), begin);
    for (int v = low; v <= high; v += step)
        *bits |= UINT64_C(1) << (f->max == 7 && v == 7 ? 0 : v);
    return 0;
}

static int take_field(const struct field *f, const char *p, size_t n, uint64_t *ret, struct nilo_err *err)
{
    uint64_t bits = 0;
    for (const char *end = p + n;;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        size_t len = (size_t)((comma != NULL ? comma : end) - p);
        if (take_part(f, p, len, &bits, err) != 0)
            return -1;
        if (comma == NULL)
            break;
        p = comma + 1;
    }
    *ret = bits;
    return 0;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The days of months that some year has. */
static bool has_day(const struct nilo_cron *c)
{
    static const int longest[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (int m = 1; m <= 12; m++) {
        for (int d = 1; d <= longest[m - 1]; d++) {
            if ((c->months >> m & 1) != 0 && (c->days >> d & 1) != 0)
                return true;
        }
    }
    return false;
}

static int take_nickname(const char *text, struct nilo_cron *ret, struct nilo_err *err)
{
    for (size_t i = 0; i < NICKNAMES; i++) {
        if (strcasecmp(text, nicknames[i].name) == 0)
            return nilo_cron_parse(nicknames[i].text, ret, err);
    }
    return nilo_err_set(err, NILO_EINVAL,
                        "\"%.40s\" is no schedule; known are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and five fields as in \"0 3 * * *\"",
                        text);
}

int nilo_cron_parse(const char *text, struct nilo_cron *ret, struct nilo_err *err)
{
    const char *at[FIELDS], *p = text;
    size_t len[FIELDS];
    uint64_t bits[FIELDS];
    int n = 0;
    if (text[0] == '@')
        return take_nickname(text, ret, err);
    for (;;) {
        while (blank(*p))
            p++;
        if (*p == '\0')
            break;
        const char *begin = p;
        while (*p != '\0' && !blank(*p))
            p++;
        if (n < FIELDS) {
            at[n] = begin;
            len[n] = (size_t)(p - begin);
        }
        n++;
    }
    if (n != FIELDS)
        return nilo_err_set(err, NILO_EINVAL,
                            "a cron expression has five fields, \"%.60s\" has %d: minute, hour, day of month, month, day of week, as in \"0 3 * * *\"", text, n);
    for (int i = 0; i < FIELDS; i++) {
        if (take_field(&fields[i], at[i], len[i], &bits[i], err) != 0)
            return -1;
    }
    struct nilo_cron c = {.minutes = bits[MINUTE],
                          .hours = (uint32_t)bits[HOUR],
                          .days = (uint32_t)bits[DAY],
                          .months = (uint32_t)bits[MONTH],
                          .weekdays = (uint8_t)bits[WEEKDAY],
                          .any_day = *at[DAY] == '*',
                          .any_weekday = *at[WEEKDAY] == '*'};
    if ((c.any_weekday || c.any_day) && !has_day(&c))
        return nilo_err_set(err, NILO_EINVAL, "cron expression, field day of month: \"%.*s\" is no day of the months that are named", (int)len[DAY], at[DAY]);
    *ret = c;
    return 0;
}

/* ---- slots ------------------------------------------------------------------------------------------------------------------------------ */

static bool day_matches(const struct nilo_cron *c, nilo_day d)
{
    int year, month, dom;
    nilo_day_to_civil(d, &year, &month, &dom);
    bool day = (c->days >> dom & 1) != 0, weekday = (c->weekdays >> (nilo_day_weekday(d) % 7) & 1) != 0;
    bool days = c->any_day || c->any_weekday ? day && weekday : day || weekday;
    return days && (c->months >> month & 1) != 0;
}

/* A civil time as minutes since 1970-01-01 00:00 of that civil calendar. */
static int64_t civil_minute(const struct nilo_zone *z, nilo_us t)
{
    int64_t s = t / NILO_US_SECOND + nilo_zone_offset(z, t);
    return s >= 0 ? s / 60 : -((-s + 59) / 60);
}

static nilo_day day_of(int64_t minute)
{
    int64_t d = minute >= 0 ? minute / 1440 : -((-minute + 1439) / 1440);
    return NILO_DAY((int32_t)d);
}

static bool minute_matches(const struct nilo_cron *c, int64_t minute)
{
    nilo_day d = day_of(minute);
    int64_t of_day = minute - (int64_t)d.n * 1440;
    return (c->minutes >> (of_day % 60) & 1) != 0 && (c->hours >> (of_day / 60) & 1) != 0 && day_matches(c, d);
}

static bool every_hour(const struct nilo_cron *c)
{
    return c->hours == 0xffffff;
}

/* Is the instant, at which a civil minute begins, a slot? */
static bool is_slot(const struct nilo_cron *c, const struct nilo_zone *z, nilo_us t)
{
    int64_t now = civil_minute(z, t), before = civil_minute(z, t - NILO_US_MINUTE);
    for (int64_t skipped = before + 1; skipped < now; skipped++) {
        if (minute_matches(c, skipped))
            return true;
    }
    if (!minute_matches(c, now))
        return false;
    nilo_day d = day_of(now);
    return every_hour(c) || nilo_zone_wall(z, d, (int32_t)(now - (int64_t)d.n * 1440) * 60) == t;
}

/* The instant, at or before t, at which t's civil minute begins. */
static nilo_us minute_start(const struct nilo_zone *z, nilo_us t)
{
    nilo_us local = t + nilo_zone_offset(z, t) * NILO_US_SECOND, over = local % NILO_US_MINUTE;
    return t - (over >= 0 ? over : over + NILO_US_MINUTE);
}

nilo_us nilo_cron_next(const struct nilo_cron *c, const struct nilo_zone *z, nilo_us after)
{
    nilo_us end = after + YEARS_AHEAD * 366 * NILO_US_DAY;
    nilo_us t = minute_start(z, after) + NILO_US_MINUTE;
    while (t < end) {
        if (is_slot(c, z, t))
            return t;
        nilo_day d = day_of(civil_minute(z, t));
        nilo_us next_day = nilo_zone_wall(z, NILO_DAY(d.n + 1), 0); /* where midnight comes twice, the first one */
        t = !day_matches(c, d) && next_day > t ? next_day : t + NILO_US_MINUTE;
    }
    return NILO_US_NONE;
}

nilo_us nilo_cron_last(const struct nilo_cron *c, const struct nilo_zone *z, nilo_us at)
{
    nilo_us end = at - YEARS_AHEAD * 366 * NILO_US_DAY;
    nilo_us t = minute_start(z, at);
    while (t > end) {
        if (is_slot(c, z, t))
            return t;
        nilo_day d = day_of(civil_minute(z, t));
        nilo_us begin = nilo_zone_day_start(z, d);
        bool again = nilo_zone_wall(z, NILO_DAY(d.n + 1), 0) < t; /* the next day had begun, and the clock went back over midnight */
        t = !day_matches(c, d) && begin < t && !again ? begin : t - NILO_US_MINUTE;
    }
    return NILO_US_NONE;
}
