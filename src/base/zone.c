/* Time zones: TZif files (RFC 8536, versions 1 to 4) and the POSIX rule in their footer.
 *
 * A zone becomes one table: spans of time with a constant offset. The footer's rule is written out into it for 400
 * years, after which the Gregorian calendar with its weekdays repeats exactly (146097 days are 20871 weeks); instants
 * beyond are moved back by whole periods. So every question is one binary search, today or in the year 9000.
 *
 * Local time jumps at the start of a span, forward or backward. Two more columns make days and wall times searchable:
 * `future_low`, the lowest local time from a span's start on (never falls from span to span), cuts days;
 * `past_high`, the highest local time up to a span's end (never falls either), finds the first time a clock shows.
 *
 * Leap seconds are not known here: files that count them ("right/...") are refused. */
#include "base/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_SECONDS    INT64_C(86400)
#define PERIOD_YEARS   400
#define PERIOD_DAYS    INT64_C(146097)
#define PERIOD_SECONDS (PERIOD_DAYS * DAY_SECONDS)

/* What fits nilo_us, in whole seconds. */
#define SECONDS_MIN (INT64_MIN / NILO_US_SECOND)
#define SECONDS_MAX (INT64_MAX / NILO_US_SECOND)

#define FILE_MAX       (1024 * 1024) /* the largest real one has 4 kB */
#define NAME_MAX_BYTES 128
#define OFFSET_LIMIT   (26 * 3600) /* RFC 8536: more than -25 h, less than 26 h */

/* Column i of each array is one span of time. */
struct nilo_zone {
    char *name;
    size_t n;
    int64_t *from;       /* its first instant; from[0] is INT64_MIN */
    int64_t *future_low; /* lowest local time in it or later; future_low[0] is INT64_MIN */
    int64_t *past_high;  /* local times in it and before stay below; the last is INT64_MAX */
    int32_t *offset;     /* seconds east of UTC */
    bool repeats;        /* a rule with summer time holds from `window` on, for ever */
    bool repeats_always; /* and before it as well: the file has no transition at all */
    int64_t window;      /* start of the period that instants beyond it are moved to; a multiple of a day */
};

/* ---- arithmetic --------------------------------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static nilo_us us_saturated(int64_t seconds)
{
    if (seconds < SECONDS_MIN)
        return INT64_MIN + 1; /* INT64_MIN is NILO_US_NONE */
    return seconds > SECONDS_MAX ? INT64_MAX : seconds * NILO_US_SECOND;
}

/* Days from 1970-01-01 to January 1st of any year. */
static int64_t year_start(int64_t year)
{
    int64_t y = year - 1;
    return 365 * y + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) - 719162;
}

/* The year of an instant, or one of its neighbours. */
static int64_t year_near(int64_t seconds)
{
    return 1970 + floor_div(seconds, PERIOD_SECONDS / PERIOD_YEARS);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* ---- the footer: a POSIX TZ rule ---------------------------------------------------------------------------------- */

/* A day of the year and the local time on it when the clock changes. */
struct change {
    char form;            /* 'M' month.week.weekday, 'J' 1..365 without February 29th, 'n' 0..365 with it */
    int month, week, day; /* J and n: only day */
    int32_t time;         /* seconds after midnight, negative and beyond 24 h included */
};

struct rule {
    bool given, summer;
    int32_t standard, daylight; /* offsets, seconds east */
    struct change begin, end;   /* of summer time */
};

struct cursor {
    const char *p, *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool take_char(struct cursor *c, char want)
{
    if (c->p == c->end || *c->p != want)
        return false;
    c->p++;
    return true;
}

static bool take_number(struct cursor *c, int min, int max, int *ret)
{
    const char *start = c->p;
    int v = 0;
    while (c->p < c->end && is_digit(*c->p) && c->p - start < 4)
        v = v * 10 + (*c->p++ - '0');
    *ret = v;
    return c->p != start && v >= min && v <= max;
}

/* EST or <+03>; what it says does not matter here */
static bool take_abbreviation(struct cursor *c)
{
    const char *start = c->p;
    if (take_char(c, '<')) {
        while (c->p < c->end && (is_letter(*c->p) || is_digit(*c->p) || *c->p == '+' || *c->p == '-'))
            c->p++;
        return take_char(c, '>');
    }
    while (c->p < c->end && is_letter(*c->p))
        c->p++;
    return c->p - start >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool take_hms(struct cursor *c, int max_hours, int32_t *ret)
{
    int hours, minutes = 0, seconds = 0;
    bool negative = take_char(c, '-');
    if (!negative)
        take_char(c, '+');
    if (!take_number(c, 0, max_hours, &hours))
        return false;
    if (take_char(c, ':')) {
        if (!take_number(c, 0, 59, &minutes))
            return false;
        if (take_char(c, ':') && !take_number(c, 0, 59, &seconds))
            return false;
    }
    int32_t v = hours * 3600 + minutes * 60 + seconds;
    *ret = negative ? -v : v;
    return true;
}

static bool take_change(struct cursor *c, struct change *ret)
{
    bool ok;
    *ret = (struct change){.form = 'n', .time = 2 * 3600};
    if (take_char(c, 'M')) {
        ret->form = 'M';
        ok = take_number(c, 1, 12, &ret->month) && take_char(c, '.') && take_number(c, 1, 5, &ret->week) &&
             take_char(c, '.') && take_number(c, 0, 6, &ret->day);
    } else if (take_char(c, 'J')) {
        ret->form = 'J';
        ok = take_number(c, 1, 365, &ret->day);
    } else {
        ok = take_number(c, 0, 365, &ret->day);
    }
    if (ok && take_char(c, '/'))
        ok = take_hms(c, 167, &ret->time);
    return ok;
}

/* POSIX counts offsets west of Greenwich, we count east. */
static bool read_rule(const char *text, size_t len, struct rule *ret)
{
    static const char usual[] = ",M3.2.0,M11.1.0"; /* what tzcode takes where summer time comes without a rule */
    struct cursor c = {text, text + len};
    struct rule r = {.given = true};
    if (!take_abbreviation(&c) || !take_hms(&c, 24, &r.standard))
        return false;
    r.standard = -r.standard;
    if (c.p < c.end) {
        r.summer = true;
        r.daylight = r.standard + 3600;
        if (!take_abbreviation(&c))
            return false;
        if (c.p < c.end && *c.p != ',') {
            if (!take_hms(&c, 24, &r.daylight))
                return false;
            r.daylight = -r.daylight;
        }
        if (c.p == c.end)
            c = (struct cursor){usual, usual + strlen(usual)};
        if (!take_char(&c, ',') || !take_change(&c, &r.begin) || !take_char(&c, ',') || !take_change(&c, &r.end))
            return false;
    }
    *ret = r;
    return c.p == c.end;
}

/* The day of a change in a year, as days since 1970-01-01. */
static int64_t change_day(const struct change *ch, int64_t year)
{
    static const int before[13] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int64_t start = year_start(year);
    bool leap = is_leap(year);
    if (ch->form == 'n')
        return start + ch->day;
    if (ch->form == 'J')
        return start + ch->day - 1 + (leap && ch->day >= 60);

    int64_t first = start + before[ch->month - 1] + (leap && ch->month > 2);
    int length = before[ch->month] - before[ch->month - 1] + (leap && ch->month == 2);
    int64_t weekday = first + 4 - 7 * floor_div(first + 4, 7); /* 0 = Sunday; 1970-01-01 was a Thursday */
    int64_t dom = (ch->day - weekday + 7) % 7 + 7 * (ch->week - 1);
    while (dom >= length)
        dom -= 7;
    return first + dom;
}

/* ---- building the table ------------------------------------------------------------------------------------------- */

/* Summer time begins (+1) or ends (-1). */
struct moment {
    int64_t at;
    int step;
};

/* A change may fall into the year before or after its own, and the ends of the table know no neighbours: years to spare. */
#define RULE_YEARS   (PERIOD_YEARS + 10)
#define RULE_CHANGES ((size_t)(2 * RULE_YEARS))

static bool make_columns(struct nilo_zone *z, size_t capacity)
{
    z->from = calloc(capacity, sizeof *z->from);
    z->future_low = calloc(capacity, sizeof *z->future_low);
    z->past_high = calloc(capacity, sizeof *z->past_high);
    z->offset = calloc(capacity, sizeof *z->offset);
    return z->from != NULL && z->future_low != NULL && z->past_high != NULL && z->offset != NULL;
}

/* Spans come in order of time. Of two at one instant the later counts; one that changes nothing is left out. */
static void add_span(struct nilo_zone *z, int64_t from, int32_t offset)
{
    if (z->n > 0 && z->from[z->n - 1] == from)
        z->n--;
    if (z->n > 0 && z->offset[z->n - 1] == offset)
        return;
    z->from[z->n] = from;
    z->offset[z->n] = offset;
    z->n++;
}

/* Does summer time begin before it ends within a calendar year? Not in the south. */
static bool begins_first(const struct rule *r)
{
    return change_day(&r->begin, 1970) <= change_day(&r->end, 1970);
}

/* The changes of RULE_YEARS years by time. They come nearly sorted. */
static void rule_changes(const struct rule *r, int64_t first_year, struct moment *out)
{
    for (size_t i = 0; i < RULE_CHANGES; i++) {
        bool begins = (i % 2 == 0) == begins_first(r);
        const struct change *ch = begins ? &r->begin : &r->end;
        int64_t midnight = change_day(ch, first_year + (int64_t)(i / 2)) * DAY_SECONDS;
        struct moment m = {midnight + ch->time - (begins ? r->standard : r->daylight), begins ? 1 : -1};
        size_t k = i;
        for (; k > 0 && out[k - 1].at > m.at; k--)
            out[k] = out[k - 1];
        out[k] = m;
    }
}

/* The footer speaks for all time from `last` on, the file's last transition. Summer times that touch or overlap the next
 * year's ("0/0,J365/25" is how a file says: always) are counted, not switched on and off. */
static bool add_rule(struct nilo_zone *z, const struct rule *r, bool any_transition, int64_t last)
{
    if (!r->summer) {
        add_span(z, any_transition ? last : INT64_MIN, r->standard);
        return true;
    }
    int64_t first_year = any_transition ? year_near(last) + 3 : 1970;
    struct moment *changes = calloc(RULE_CHANGES, sizeof *changes);
    if (changes == NULL)
        return false;
    z->repeats = true;
    z->repeats_always = !any_transition;
    z->window = year_start(first_year) * DAY_SECONDS;
    rule_changes(r, first_year - 5, changes);
    int running = begins_first(r) ? 0 : 1;
    for (size_t i = 0; i < RULE_CHANGES; i++) {
        running += changes[i].step;
        add_span(z, any_transition && changes[i].at < last ? last : changes[i].at,
                 running > 0 ? r->daylight : r->standard);
    }
    free(changes);
    return true;
}

static void fill_columns(struct nilo_zone *z)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (size_t i = z->n; i-- > 1;) {
        int64_t first = z->from[i] + z->offset[i];
        low = first < low ? first : low;
        z->future_low[i] = low;
    }
    z->future_low[0] = INT64_MIN;
    for (size_t i = 0; i + 1 < z->n; i++) {
        int64_t end = z->from[i + 1] + z->offset[i];
        high = end > high ? end : high;
        z->past_high[i] = high;
    }
    z->past_high[z->n - 1] = INT64_MAX;
}

/* ---- the file ----------------------------------------------------------------------------------------------------- */

#define HEADER_SIZE 44
#define TYPE_SIZE   6

/* One data block of a file, checked to lie inside of it. */
struct block {
    const unsigned char *times, *indexes, *types;
    size_t time_size, time_count, type_count, leap_count;
    size_t size; /* header included */
    unsigned char version;
};

static uint32_t big32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t big_time(const unsigned char *p, size_t size)
{
    if (size == 4)
        return (int32_t)big32(p);
    return (int64_t)((uint64_t)big32(p) << 32 | big32(p + 4));
}

static bool read_block(const unsigned char *p, size_t len, size_t time_size, struct block *ret)
{
    if (len < HEADER_SIZE || memcmp(p, "TZif", 4) != 0)
        return false;
    uint64_t utc = big32(p + 20), standard = big32(p + 24), leaps = big32(p + 28);
    uint64_t times = big32(p + 32), types = big32(p + 36), chars = big32(p + 40);
    uint64_t size =
        HEADER_SIZE + times * (time_size + 1) + types * TYPE_SIZE + chars + leaps * (time_size + 4) + standard + utc;
    if (size > len)
        return false;
    *ret = (struct block){
        .times = p + HEADER_SIZE,
        .indexes = p + HEADER_SIZE + times * time_size,
        .types = p + HEADER_SIZE + times * (time_size + 1),
        .time_size = time_size,
        .time_count = times,
        .type_count = types,
        .leap_count = leaps,
        .size = size,
        .version = p[4],
    };
    return true;
}

/* The last block is the one that counts: from version 2 on the second, with 64-bit times and the footer behind it. */
static bool read_file(const unsigned char *p, size_t len, struct block *ret, struct rule *ret_rule)
{
    struct block b;
    *ret_rule = (struct rule){0};
    if (!read_block(p, len, 4, &b))
        return false;
    if (b.version >= '2') {
        p += b.size;
        len -= b.size;
        if (!read_block(p, len, 8, &b))
            return false;
        p += b.size;
        len -= b.size;
        const unsigned char *end = len > 0 && *p == '\n' ? memchr(p + 1, '\n', len - 1) : NULL;
        if (end == NULL)
            return false;
        if (end > p + 1 && !read_rule((const char *)p + 1, (size_t)(end - p - 1), ret_rule))
            return false;
    }
    *ret = b;
    return true;
}

static bool type_offset(const struct block *b, size_t type, int32_t *ret)
{
    if (type >= b->type_count)
        return false;
    *ret = (int32_t)big32(b->types + type * TYPE_SIZE);
    return *ret > -OFFSET_LIMIT && *ret < OFFSET_LIMIT;
}

/* Transitions outside of what nilo_us can say: those before it are folded into the first span, those after it (and with
 * them the footer) never come. false when the file is damaged. */
static bool add_transitions(struct nilo_zone *z, const struct block *b, bool *ret_any, bool *ret_cut, int64_t *ret_last)
{
    int32_t offset;
    int64_t last = INT64_MIN;
    *ret_any = *ret_cut = false;
    if (!type_offset(b, 0, &offset))
        return false;
    add_span(z, INT64_MIN, offset);
    for (size_t i = 0; i < b->time_count; i++) {
        int64_t at = big_time(b->times + i * b->time_size, b->time_size);
        if ((i > 0 && at <= last) || !type_offset(b, b->indexes[i], &offset))
            return false;
        last = at;
        *ret_any = true;
        *ret_cut = at > SECONDS_MAX;
        if (!*ret_cut)
            add_span(z, at < SECONDS_MIN ? INT64_MIN : at, offset);
    }
    *ret_last = last < SECONDS_MIN ? SECONDS_MIN : last;
    return true;
}

static int build(struct nilo_zone *z, const unsigned char *bytes, size_t len, const char *path, struct nilo_err *err)
{
    struct block b;
    struct rule rule;
    bool any, cut;
    int64_t last;
    if (!read_file(bytes, len, &b, &rule))
        return nilo_err_set(err, NILO_ECORRUPT, "%s is not a readable time zone file", path);
    if (b.leap_count > 0)
        return nilo_err_set(err, NILO_EINVAL,
                            "the time zone file %s counts leap seconds: choose the zone without \"right/\"", path);
    if (!make_columns(z, b.time_count + (rule.summer ? RULE_CHANGES : 0) + 2))
        return nilo_err_nomem(err);
    if (!add_transitions(z, &b, &any, &cut, &last))
        return nilo_err_set(err, NILO_ECORRUPT, "%s is damaged: its transitions make no sense", path);
    if (rule.given && !cut && !add_rule(z, &rule, any, last))
        return nilo_err_nomem(err);
    fill_columns(z);
    return 0;
}

static int read_all(int fd, const char *path, unsigned char **ret_bytes, size_t *ret_len, struct nilo_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return nilo_err_sys(err, NILO_ECORRUPT, "cannot read %s", path);
    if (!S_ISREG(st.st_mode))
        return nilo_err_set(err, NILO_EINVAL, "there is no time zone in %s", path);
    if (st.st_size > FILE_MAX)
        return nilo_err_set(err, NILO_ECORRUPT, "%s is too large for a time zone file", path);

    size_t size = (size_t)st.st_size, len = 0;
    unsigned char *bytes = malloc(size + 1);
    if (bytes == NULL)
        return nilo_err_nomem(err);
    while (len < size) {
        ssize_t n = read(fd, bytes + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            nilo_err_sys(err, NILO_ECORRUPT, "cannot read %s", path);
            free(bytes);
            return -1;
        }
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret_bytes = bytes;
    *ret_len = len;
    return 0;
}

static int load_file(struct nilo_zone *z, const char *folder, const char *path, struct nilo_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* non-blocking: a FIFO there must not hang us */
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        if (access(folder, F_OK) != 0)
            return nilo_err_set(err, NILO_EINVAL,
                                "the time zone \"%s\" cannot be looked up: %s is missing, install tzdata", z->name,
                                folder);
        return nilo_err_set(err, NILO_EINVAL, "there is no time zone \"%s\" in %s", z->name, folder);
    }
    if (fd < 0)
        return nilo_err_sys(err, NILO_ECORRUPT, "cannot open %s", path);

    unsigned char *bytes = NULL;
    size_t len = 0;
    int rc = read_all(fd, path, &bytes, &len, err);
    if (rc == 0)
        rc = build(z, bytes, len, path, err);
    free(bytes);
    close(fd);
    return rc;
}

/* No path out of the folder: no dots at all, no empty part. */
static bool name_allowed(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > NAME_MAX_BYTES || name[0] == '/' || name[len - 1] == '/')
        return false;
    for (const char *p = name; *p != '\0'; p++) {
        if (!is_letter(*p) && !is_digit(*p) && *p != '_' && *p != '+' && *p != '-' && *p != '/')
            return false;
        if (p[0] == '/' && p[1] == '/')
            return false;
    }
    return true;
}

static int load_utc(struct nilo_zone *z, struct nilo_err *err)
{
    if (!make_columns(z, 1))
        return nilo_err_nomem(err);
    add_span(z, INT64_MIN, 0);
    fill_columns(z);
    return 0;
}

int nilo_zone_load(const char *folder, const char *name, struct nilo_zone **ret_zone, struct nilo_err *err)
{
    char *path = NULL;
    struct nilo_zone *z = NULL;
    int rc = -1;
    if (folder == NULL)
        folder = "/usr/share/zoneinfo";
    if (!name_allowed(name))
        return nilo_err_set(err, NILO_EINVAL, "\"%.60s\" is not the name of a time zone, like Europe/Berlin", name);
    if ((z = calloc(1, sizeof *z)) == NULL || (z->name = strdup(name)) == NULL) {
        nilo_err_nomem(err);
        goto out;
    }
    if (strcmp(name, "UTC") == 0) {
        rc = load_utc(z, err);
    } else if (asprintf(&path, "%s/%s", folder, name) < 0) {
        path = NULL;
        nilo_err_nomem(err);
    } else {
        rc = load_file(z, folder, path, err);
    }
out:
    free(path);
    if (rc == 0)
        *ret_zone = z;
    else
        nilo_zone_free(z);
    return rc;
}

void nilo_zone_free(struct nilo_zone *z)
{
    if (z == NULL)
        return;
    free(z->from);
    free(z->future_low);
    free(z->past_high);
    free(z->offset);
    free(z->name);
    free(z);
}

const char *nilo_zone_name(const struct nilo_zone *z)
{
    return z->name;
}

/* ---- asking ------------------------------------------------------------------------------------------------------- */

/* The first span whose value in that (ascending) column is above x, or n. Without branches that depend on the values: on
 * random instants those cost more than the search. */
static size_t first_above(const int64_t *column, size_t n, int64_t x)
{
    size_t below = 0; /* all before it are not above x */
    while (n > 1) {
        size_t half = n / 2;
        below += column[below + half - 1] <= x ? half : 0;
        n -= half;
    }
    return below + (column[below] <= x);
}

/* How many periods x, an instant or a local time, has to be moved back to lie in the window. The table goes on for years
 * on both sides of it, so that an offset may lead out. */
static int64_t periods_beyond(const struct nilo_zone *z, int64_t x)
{
    if (!z->repeats || (x < z->window && !z->repeats_always))
        return 0;
    return floor_div(x - z->window, PERIOD_SECONDS);
}

int32_t nilo_zone_offset(const struct nilo_zone *z, nilo_us at)
{
    int64_t s = floor_div(at, NILO_US_SECOND);
    s -= periods_beyond(z, s) * PERIOD_SECONDS;
    return z->offset[first_above(z->from, z->n, s) - 1];
}

/* The lowest civil day from this instant on: the definition that makes nilo_zone_day_start()'s cuts exact. */
nilo_day nilo_zone_day(const struct nilo_zone *z, nilo_us at)
{
    int64_t s = floor_div(at, NILO_US_SECOND);
    int64_t periods = periods_beyond(z, s);
    s -= periods * PERIOD_SECONDS;
    size_t next = first_above(z->from, z->n, s);
    int64_t local = s + z->offset[next - 1];
    if (next < z->n && z->future_low[next] < local)
        local = z->future_low[next];
    return NILO_DAY((int32_t)(floor_div(local, DAY_SECONDS) + periods * PERIOD_DAYS));
}

nilo_us nilo_zone_day_start(const struct nilo_zone *z, nilo_day d)
{
    int64_t midnight = d.n * DAY_SECONDS;
    int64_t periods = periods_beyond(z, midnight);
    midnight -= periods * PERIOD_SECONDS;
    size_t next = first_above(z->future_low, z->n, midnight - 1);
    int64_t start = midnight - z->offset[next - 1];
    if (next < z->n && z->from[next] < start)
        start = z->from[next]; /* midnight fell into the gap before that span */
    return us_saturated(start + periods * PERIOD_SECONDS);
}

nilo_us nilo_zone_wall(const struct nilo_zone *z, nilo_day d, int32_t second_of_day)
{
    int64_t wall = d.n * DAY_SECONDS + second_of_day;
    int64_t periods = periods_beyond(z, wall);
    wall -= periods * PERIOD_SECONDS;
    size_t i = first_above(z->past_high, z->n, wall);
    int64_t at = wall - z->offset[i];
    if (at < z->from[i])
        at = z->from[i];
    return us_saturated(at + periods * PERIOD_SECONDS);
}
