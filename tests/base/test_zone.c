/* Time zones: offsets, the cuts between days, wall times, the footer's rules, damaged files.
 * Well-known instants are asserted without help; Python's zoneinfo, where it is there, judges thousands of random ones. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/zone.h"

#define COUNT(a)     (sizeof(a) / sizeof(a)[0])
#define SYSTEM_ZONES "/usr/share/zoneinfo"

/* ---- help --------------------------------------------------------------------------------------------------------- */

static struct nilo_zone *load_from(const char *folder, const char *name)
{
    struct nilo_zone *z = NULL;
    struct nilo_err err;
    if (nilo_zone_load(folder, name, &z, &err) != 0)
        fail_msg("%s", err.msg);
    return z;
}

static struct nilo_zone *load(const char *name)
{
    if (access(SYSTEM_ZONES "/Europe/Berlin", R_OK) != 0) {
        printf("# skipped: %s is not there\n", SYSTEM_ZONES);
        skip();
    }
    return load_from(NULL, name);
}

static nilo_us instant(const char *text)
{
    struct nilo_iso iso;
    struct nilo_err err;
    if (nilo_iso_parse(text, strlen(text), &iso, &err) != 0)
        fail_msg("%s", err.msg);
    return iso.us;
}

static nilo_day day(const char *text)
{
    nilo_day d = NILO_DAY_NONE;
    if (nilo_day_parse(text, strlen(text), &d, NULL) != 0)
        fail_msg("%s", text);
    return d;
}

/* What the clock on the wall says, without any cutting. */
static int64_t wall_clock(const struct nilo_zone *z, nilo_us at)
{
    return at + nilo_zone_offset(z, at) * NILO_US_SECOND;
}

static int64_t plain_civil_day(const struct nilo_zone *z, nilo_us at)
{
    int64_t local = wall_clock(z, at);
    return local / NILO_US_DAY - (local % NILO_US_DAY < 0);
}

/* The definition, looked at from both sides: just before a day's start the civil day is an earlier one, from the start on
 * it never is again (looked at every 15 minutes for three days), and nilo_zone_day() says the same. */
static void check_cut(const struct nilo_zone *z, nilo_day d)
{
    nilo_us start = nilo_zone_day_start(z, d), next = nilo_zone_day_start(z, NILO_DAY(d.n + 1));
    char text[NILO_DAY_TEXT];
    nilo_day_format(d, text);
    if (start > next || plain_civil_day(z, start - 1) >= d.n || nilo_zone_day(z, start - 1).n >= d.n ||
        nilo_zone_day(z, start).n < d.n)
        fail_msg("%s: %s (%d) is cut at the wrong place: %lld", nilo_zone_name(z), text, d.n, (long long)start);
    if (start < next && (nilo_zone_day(z, start).n != d.n || nilo_zone_day(z, next - 1).n != d.n))
        fail_msg("%s: %s (%d): nilo_zone_day disagrees with the cut", nilo_zone_name(z), text, d.n);
    for (nilo_us at = start; at < start + 3 * NILO_US_DAY; at += 15 * NILO_US_MINUTE) {
        if (plain_civil_day(z, at) < d.n)
            fail_msg("%s: %s (%d) is over and comes back", nilo_zone_name(z), text, d.n);
    }
}

/* The first instant at which the clock shows that time or a later one; changes of offset at whole quarters of an hour. */
static void check_wall(const struct nilo_zone *z, nilo_day d, int32_t second)
{
    nilo_us at = nilo_zone_wall(z, d, second), wall = d.n * NILO_US_DAY + second * NILO_US_SECOND;
    bool reached = wall_clock(z, at) >= wall;
    for (nilo_us before = at - 1; before > at - 5 * NILO_US_DAY; before -= 15 * NILO_US_MINUTE)
        reached = reached && wall_clock(z, before) < wall;
    if (!reached)
        fail_msg("%s: day %d second %d is not first shown at %lld", nilo_zone_name(z), d.n, second, (long long)at);
}

/* The cuts around every instant at which the offset changed between two days. Returns how many those were. */
static int check_cuts_between(const struct nilo_zone *z, nilo_day from, nilo_day to)
{
    int changes = 0;
    for (int32_t n = from.n; n < to.n; n++) {
        nilo_us at = n * NILO_US_DAY;
        if (nilo_zone_offset(z, at) == nilo_zone_offset(z, at + NILO_US_DAY))
            continue;
        changes++;
        for (int32_t near = n - 2; near <= n + 3; near++)
            check_cut(z, NILO_DAY(near));
    }
    return changes;
}

/* ---- names and files ---------------------------------------------------------------------------------------------- */

static void a_name_that_is_no_zone_is_refused_by_name(void **state)
{
    static const char *const names[] = {
        "",
        "/",
        "/etc/passwd",
        "/Europe/Berlin",
        "../etc/passwd",
        "Europe/../Europe/Berlin",
        "./Europe/Berlin",
        "Europe//Berlin",
        "Europe/",
        "Europe/Berlin\n",
        "Europe/Ber lin",
        "zone.tab",
        "Europe",
        "Europe/Berlin/Mitte",
        "Europe/Nowhere",
        "CEST",
        "utc+0200",
    };
    struct nilo_zone *z = NULL;
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct nilo_err err = {0};
        if (nilo_zone_load(NULL, names[i], &z, &err) != -1 || err.code != NILO_EINVAL ||
            strstr(err.msg, names[i]) == NULL)
            fail_msg("\"%s\": code %d, %s", names[i], (int)err.code, err.msg);
        assert_null(z);
    }
    char endless[4000];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_int_equal(nilo_zone_load(NULL, endless, &z, NULL), -1);
    nilo_zone_free(NULL);
}

static void utc_needs_no_file(void **state)
{
    struct nilo_zone *z = load_from("/nowhere/at/all", "UTC");
    struct nilo_err err;
    (void)state;
    assert_string_equal(nilo_zone_name(z), "UTC");
    assert_int_equal(nilo_zone_offset(z, instant("2025-07-01T12:00:00Z")), 0);
    assert_int_equal(nilo_zone_day(z, -1).n, -1);
    assert_int_equal(nilo_zone_day(z, 0).n, 0);
    assert_int_equal(nilo_zone_day_start(z, NILO_DAY(20000)), 20000 * NILO_US_DAY);
    assert_int_equal(nilo_zone_wall(z, NILO_DAY(20000), 86399), 20000 * NILO_US_DAY + 86399 * NILO_US_SECOND);
    nilo_zone_free(z);
    assert_int_equal(nilo_zone_load("/nowhere/at/all", "Europe/Berlin", &z, &err), -1);
    assert_int_equal(err.code, NILO_EINVAL);
    assert_non_null(strstr(err.msg, "tzdata"));
}

/* ---- well-known instants ------------------------------------------------------------------------------------------ */

static void known_instants_have_their_offset_and_day(void **state)
{
    static const struct {
        const char *zone, *at;
        int32_t offset;
        const char *day;
    } rows[] = {
        {"Europe/Berlin", "2025-03-30T00:59:59Z", 3600, "2025-03-30"},
        {"Europe/Berlin", "2025-03-30T01:00:00Z", 7200, "2025-03-30"},
        {"Europe/Berlin", "2025-10-26T00:59:59Z", 7200, "2025-10-26"},
        {"Europe/Berlin", "2025-10-26T01:00:00Z", 3600, "2025-10-26"},
        {"Europe/Berlin", "2025-06-30T21:59:59.999999Z", 7200, "2025-06-30"},
        {"Europe/Berlin", "2025-06-30T22:00:00Z", 7200, "2025-07-01"},
        {"Europe/Berlin", "1800-01-01T00:00:00Z", 3208,
         "1800-01-01"}, /* local mean time, before the first transition */
        {"Europe/Berlin", "2600-07-01T12:00:00Z", 7200, "2600-07-01"}, /* far beyond the file, by its footer */
        {"Europe/Berlin", "9999-12-31T22:59:59Z", 3600, "9999-12-31"},
        {"Europe/Berlin", "9998-08-31T22:00:00Z", 7200, "9998-09-01"},
        {"Europe/Dublin", "2025-01-15T12:00:00Z", 0,
         "2025-01-15"}, /* its "summer time" is the winter's, and negative */
        {"Europe/Dublin", "2525-07-15T12:00:00Z", 3600, "2525-07-15"},
        {"Asia/Kolkata", "2025-01-01T18:29:59Z", 19800, "2025-01-01"},
        {"Asia/Kolkata", "2025-01-01T18:30:00Z", 19800, "2025-01-02"},
        {"Asia/Kathmandu", "3000-01-01T00:00:00Z", 20700, "3000-01-01"},
        {"Australia/Lord_Howe", "2025-04-05T14:59:59Z", 39600, "2025-04-06"}, /* half an hour of summer time */
        {"Australia/Lord_Howe", "2025-04-05T15:00:00Z", 37800, "2025-04-06"},
        {"Australia/Lord_Howe", "2125-10-07T00:00:00Z", 39600, "2125-10-07"},
        {"Pacific/Apia", "2011-12-30T09:59:59Z", -36000, "2011-12-29"},
        {"Pacific/Apia", "2011-12-30T10:00:00Z", 50400, "2011-12-31"},
        {"America/Los_Angeles", "2025-03-09T09:59:59Z", -28800, "2025-03-09"},
        {"America/Los_Angeles", "2025-03-09T10:00:00Z", -25200, "2025-03-09"},
        {"America/Los_Angeles", "2500-12-25T07:59:59Z", -28800, "2500-12-24"},
        {"America/St_Johns", "2025-01-01T03:29:59Z", -12600, "2024-12-31"},
        {"America/Sao_Paulo", "2030-01-01T00:00:00Z", -10800, "2029-12-31"}, /* gave summer time up */
        {"Etc/GMT+12", "2025-01-01T11:59:59Z", -43200, "2024-12-31"},
        {"Etc/GMT-14", "2025-01-01T10:00:00Z", 50400, "2025-01-02"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct nilo_zone *z = load(rows[i].zone);
        nilo_us at = instant(rows[i].at);
        char text[NILO_DAY_TEXT];
        nilo_day_format(nilo_zone_day(z, at), text);
        if (nilo_zone_offset(z, at) != rows[i].offset || strcmp(text, rows[i].day) != 0)
            fail_msg("%s at %s: %d %s", rows[i].zone, rows[i].at, nilo_zone_offset(z, at), text);
        nilo_zone_free(z);
    }
}

static void known_days_start_where_they_do(void **state)
{
    static const struct {
        const char *zone, *day, *start;
    } rows[] = {
        {"Europe/Berlin", "2025-03-30", "2025-03-29T23:00:00Z"},
        {"Europe/Berlin", "2025-03-31", "2025-03-30T22:00:00Z"}, /* a day of 23 hours */
        {"Europe/Berlin", "2025-10-26", "2025-10-25T22:00:00Z"},
        {"Europe/Berlin", "2025-10-27", "2025-10-26T23:00:00Z"}, /* and one of 25 */
        {"Europe/Berlin", "2625-10-27", "2625-10-26T22:00:00Z"},
        {"America/Havana", "2025-03-09", "2025-03-09T05:00:00Z"}, /* no midnight: 00:00 is 01:00 */
        {"America/Havana", "2025-11-02", "2025-11-02T04:00:00Z"}, /* back to midnight, not over it */
        {"America/Havana", "2025-11-03", "2025-11-03T05:00:00Z"},
        {"Asia/Beirut", "2024-03-31", "2024-03-30T22:00:00Z"},      /* 00:00 is 01:00 */
        {"Asia/Beirut", "2024-10-27", "2024-10-26T22:00:00Z"},      /* 24:00 is 23:00 of the day before */
        {"America/St_Johns", "2010-11-07", "2010-11-07T03:30:00Z"}, /* 00:01 is 23:01 of the day before */
        {"America/St_Johns", "2010-03-14", "2010-03-14T03:30:00Z"}, /* 00:01 is 01:01 */
        {"America/Toronto", "1919-03-31", "1919-03-31T04:30:00Z"},  /* 23:30 is 00:30 of the day after */
        {"America/Toronto", "1919-10-26", "1919-10-26T05:00:00Z"},  /* 00:00 is 23:00 of the day before */
        {"Atlantic/Azores", "2025-03-30", "2025-03-30T01:00:00Z"},
        {"Atlantic/Azores", "2025-10-26", "2025-10-26T00:00:00Z"},
        {"Australia/Lord_Howe", "2025-04-07", "2025-04-06T13:30:00Z"},
        {"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z"},
        {"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"}, /* skipped: empty */
        {"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
        {"Pacific/Apia", "2012-01-01", "2011-12-31T10:00:00Z"},
        {"America/Juneau", "1867-10-18",
         "1867-10-17T08:57:41Z"}, /* lived twice, two days long: Russia's and America's */
        {"America/Juneau", "1867-10-19", "1867-10-19T08:57:41Z"},
        {"UTC", "2025-01-01", "2025-01-01T00:00:00Z"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct nilo_zone *z = load(rows[i].zone);
        char got[NILO_US_TEXT];
        nilo_us_format(nilo_zone_day_start(z, day(rows[i].day)), got);
        if (nilo_zone_day_start(z, day(rows[i].day)) != instant(rows[i].start))
            fail_msg("%s: %s starts at %s, expected %s", rows[i].zone, rows[i].day, got, rows[i].start);
        nilo_zone_free(z);
    }
}

static void a_wall_time_is_its_first_instant_or_the_end_of_the_gap(void **state)
{
    static const struct {
        const char *zone, *day;
        int32_t hour, minute;
        const char *at;
    } rows[] = {
        {"Europe/Berlin", "2025-07-01", 0, 0, "2025-06-30T22:00:00Z"},
        {"Europe/Berlin", "2025-03-30", 1, 59, "2025-03-30T00:59:00Z"},
        {"Europe/Berlin", "2025-03-30", 2, 0, "2025-03-30T01:00:00Z"},
        {"Europe/Berlin", "2025-03-30", 2, 30, "2025-03-30T01:00:00Z"},
        {"Europe/Berlin", "2025-03-30", 3, 0, "2025-03-30T01:00:00Z"},
        {"Europe/Berlin", "2025-03-30", 3, 1, "2025-03-30T01:01:00Z"},
        {"Europe/Berlin", "2025-10-26", 2, 30, "2025-10-26T00:30:00Z"},
        {"Europe/Berlin", "2025-10-26", 3, 0, "2025-10-26T02:00:00Z"},
        {"Europe/Berlin", "2825-10-26", 2, 30, "2825-10-26T00:30:00Z"},
        {"Europe/Berlin", "2025-10-25", 26, 30, "2025-10-26T00:30:00Z"}, /* seconds run on into the next day */
        {"America/St_Johns", "2010-11-07", 0, 0, "2010-11-07T02:30:00Z"},
        {"America/St_Johns", "2010-11-07", 0, 1, "2010-11-07T03:31:00Z"},
        {"Pacific/Apia", "2011-12-30", 12, 0, "2011-12-30T10:00:00Z"},
        {"America/Havana", "2025-03-09", 0, 0, "2025-03-09T05:00:00Z"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct nilo_zone *z = load(rows[i].zone);
        char got[NILO_US_TEXT];
        nilo_us at = nilo_zone_wall(z, day(rows[i].day), rows[i].hour * 3600 + rows[i].minute * 60);
        nilo_us_format(at, got);
        if (at != instant(rows[i].at))
            fail_msg("%s: %s %d:%02d is %s, expected %s", rows[i].zone, rows[i].day, rows[i].hour, rows[i].minute, got,
                     rows[i].at);
        nilo_zone_free(z);
    }
}

/* ---- days partition the time line --------------------------------------------------------------------------------- */

/* Zones that changed over midnight, by odd amounts, across the date line, or very often. */
static const char *const odd_zones[] = {
    "America/Havana", "Asia/Beirut",       "America/St_Johns", "Atlantic/Azores",      "America/Toronto",
    "Pacific/Apia",   "America/Juneau",    "Asia/Manila",      "Pacific/Kwajalein",    "Australia/Lord_Howe",
    "Asia/Gaza",      "Africa/Casablanca", "America/Asuncion", "Antarctica/Troll",     "America/Nuuk",
    "Europe/Dublin",  "Asia/Tehran",       "Africa/Monrovia",  "America/Scoresbysund",
};

static void cuts_and_days_agree_around_every_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(odd_zones); i++) {
        struct nilo_zone *z = load(odd_zones[i]);
        assert_true(check_cuts_between(z, day("1840-01-01"), day("2045-01-01")) >= 2);
        /* over the seam where the footer's 400 years repeat, and far beyond */
        check_cuts_between(z, day("2430-01-01"), day("2445-01-01"));
        check_cuts_between(z, day("9995-01-01"), day("9999-12-20"));
        nilo_zone_free(z);
    }
}

static void every_day_is_its_neighbours_neighbour(void **state)
{
    struct nilo_zone *z = load("America/St_Johns");
    (void)state;
    for (int32_t n = day("1880-01-01").n; n < day("2110-01-01").n; n++) {
        nilo_us start = nilo_zone_day_start(z, NILO_DAY(n)), next = nilo_zone_day_start(z, NILO_DAY(n + 1));
        if (nilo_zone_day(z, start).n != n || nilo_zone_day(z, next - 1).n != n)
            fail_msg("day %d", n);
    }
    nilo_zone_free(z);
}

static void days_far_outside_of_the_calendar_do_not_overflow(void **state)
{
    static const char *const names[] = {"UTC", "Europe/Berlin", "Etc/GMT-14", "Etc/GMT+12"};
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct nilo_zone *z = load(names[i]);
        static const int32_t days[] = {-106000000, -5000000, -719163, -719162, 2932896, 2932897, 5000000, 106000000};
        for (size_t k = 0; k < COUNT(days); k++)
            check_cut(z, NILO_DAY(days[k]));
        assert_true(nilo_zone_day_start(z, NILO_DAY(INT32_MAX)) == INT64_MAX);
        assert_true(nilo_zone_day_start(z, NILO_DAY(INT32_MIN)) == INT64_MIN + 1);
        assert_true(nilo_zone_wall(z, NILO_DAY(INT32_MAX), INT32_MAX) == INT64_MAX);
        assert_true(nilo_zone_wall(z, NILO_DAY(INT32_MIN), INT32_MIN) == INT64_MIN + 1);
        assert_in_range(nilo_zone_day(z, INT64_MAX).n, 106751990, 106751992);
        assert_in_range(-nilo_zone_day(z, INT64_MIN).n, 106751991, 106751993);
        nilo_zone_free(z);
    }
}

/* ---- files of our own --------------------------------------------------------------------------------------------- */

struct transition {
    int64_t at;
    int type;
};

static void put32(struct nilo_buf *b, uint32_t v)
{
    nilo_buf_addc(b, (char)(v >> 24));
    nilo_buf_addc(b, (char)(v >> 16));
    nilo_buf_addc(b, (char)(v >> 8));
    nilo_buf_addc(b, (char)v);
}

static void put_block(struct nilo_buf *b, char version, int time_size, const struct transition *t, size_t n_t,
                      const int32_t *offsets, size_t n_offsets, uint32_t leaps)
{
    nilo_buf_adds(b, "TZif");
    nilo_buf_addc(b, version);
    for (int i = 0; i < 15; i++)
        nilo_buf_addc(b, 0);
    put32(b, 0);
    put32(b, 0);
    put32(b, leaps);
    put32(b, (uint32_t)n_t);
    put32(b, (uint32_t)n_offsets);
    put32(b, 4);
    for (size_t i = 0; i < n_t; i++) {
        if (time_size == 8)
            put32(b, (uint32_t)((uint64_t)t[i].at >> 32));
        put32(b, (uint32_t)t[i].at);
    }
    for (size_t i = 0; i < n_t; i++)
        nilo_buf_addc(b, (char)t[i].type);
    for (size_t i = 0; i < n_offsets; i++) {
        put32(b, (uint32_t)offsets[i]);
        nilo_buf_addc(b, 0);
        nilo_buf_addc(b, 0);
    }
    nilo_buf_add(b, "LMT", 4);
    for (uint32_t i = 0; i < leaps * (uint32_t)(time_size + 4); i++)
        nilo_buf_addc(b, 0);
}

/* A folder for one test, and the zone in it: always named "Zone". */
static char folder[] = "/tmp/nilo-zone-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static void zone_path(char *out, size_t size)
{
    snprintf(out, size, "%s/Zone", folder);
}

static int remove_folder(void **state)
{
    char path[64];
    (void)state;
    zone_path(path, sizeof path);
    unlink(path);
    return rmdir(folder);
}

static void write_zone(const char *bytes, size_t n)
{
    char path[64];
    zone_path(path, sizeof path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* Version 3, with an empty first block, as zic -b slim writes it. */
static void write_made_zone(const struct transition *t, size_t n_t, const int32_t *offsets, size_t n_offsets,
                            const char *footer)
{
    static const int32_t nothing[] = {0};
    struct nilo_buf b;
    nilo_buf_init(&b, 1 << 20);
    put_block(&b, '3', 4, NULL, 0, nothing, 1, 0);
    put_block(&b, '3', 8, t, n_t, offsets, n_offsets, 0);
    nilo_buf_addf(&b, "\n%s\n", footer);
    assert_false(b.failed);
    write_zone(b.data, b.len);
    nilo_buf_done(&b);
}

static void footers_of_every_form_rule_the_years_after_the_file(void **state)
{
    static const struct {
        const char *footer, *at;
        int32_t offset;
    } rows[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2030-03-31T00:59:59Z", 3600},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2030-03-31T01:00:00Z", 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2030-10-27T00:59:59Z", 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2030-10-27T01:00:00Z", 3600},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2430-10-27T01:00:00Z", 3600},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "9830-10-27T00:59:59Z", 7200},
        {"EST5EDT,M3.2.0,M11.1.0", "2025-03-09T06:59:59Z", -18000},
        {"EST5EDT,M3.2.0,M11.1.0", "2025-03-09T07:00:00Z", -14400},
        {"EST5EDT", "2025-03-09T07:00:00Z", -14400}, /* without a rule: the usual one */
        {"<+03>-3", "2500-07-01T00:00:00Z", 10800},
        {"<-0330>3:30", "2500-07-01T00:00:00Z", -12600},
        {"<+0545>-05:45:30", "2500-07-01T00:00:00Z", 20730},
        {"AAA-3BBB-2:30:15,J60/0,J300", "2028-02-29T20:59:59Z", 10800}, /* J60 is March 1st in every year */
        {"AAA-3BBB-2:30:15,J60/0,J300", "2028-02-29T21:00:00Z", 9015},
        {"AAA-3BBB-2:30:15,J60/0,J300", "2027-02-28T21:00:00Z", 9015},
        {"AAA-3BBB-2:30:15,J60/0,J300", "2027-02-28T20:59:59Z", 10800},
        {"AAA0BBB,59/0,300", "2028-02-29T00:00:00Z", 3600}, /* 59 counts February 29th */
        {"AAA0BBB,59/0,300", "2028-02-28T23:59:59Z", 0},
        {"AAA0BBB,59/0,300", "2027-03-01T00:00:00Z", 3600},
        {"AAA0BBB,59/0,300", "2027-02-28T23:59:59Z", 0},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2025-03-30T00:59:59Z", -7200}, /* Nuuk: Saturday 23:00 */
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2025-03-30T01:00:00Z", -3600},
        {"IST-2IDT,M3.4.4/26,M10.5.0", "2025-03-27T23:59:59Z", 7200}, /* Jerusalem: Friday after the 4th Thursday */
        {"IST-2IDT,M3.4.4/26,M10.5.0", "2025-03-28T00:00:00Z", 10800},
        {"EET-2EEST,M3.4.4/50,M10.4.4/50", "2025-03-29T00:00:00Z", 10800}, /* Gaza: two days on */
        {"EET-2EEST,M3.4.4/50,M10.4.4/50", "2025-03-28T23:59:59Z", 7200},
        {"AAA0BBB,M2.5.4/0,M10.5.0", "2024-02-28T23:59:59Z", 0}, /* a leap day can be the fifth Thursday */
        {"AAA0BBB,M2.5.4/0,M10.5.0", "2024-02-29T00:00:00Z", 3600},
        {"AAA0BBB,M2.5.4/0,M10.5.0", "2023-02-23T00:00:00Z", 3600},
        {"AAA0BBB,M1.1.0/-167,M12.5.0/167", "2029-06-01T00:00:00Z", 3600}, /* overlaps its neighbours: always */
        {"AAA0BBB,M1.1.0/-167,M12.5.0/167", "2030-03-01T00:00:00Z", 3600},
        {"AAA0BBB,M1.1.0/-20,M12.5.0/20", "2029-01-06T03:59:59Z", 0}, /* begins on the Saturday before */
        {"AAA0BBB,M1.1.0/-20,M12.5.0/20", "2029-01-06T04:00:00Z", 3600},
        {"EST5EDT,0/0,J365/25", "2025-01-01T05:00:00Z", -14400}, /* summer time without an end */
        {"EST5EDT,0/0,J365/25", "2025-12-31T23:59:59Z", -14400},
        {"EST5EDT,0/0,J365/25", "2026-01-01T05:00:00Z", -14400},
        {"XXX3EDT4,0/0,J365/23", "2025-06-01T00:00:00Z", -14400},
        {"XXX3EDT4,0/0,J365/23", "2026-01-01T03:00:00Z", -14400},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2025-01-01T00:00:00Z", 0}, /* Dublin: the winter is the exception */
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2025-07-01T00:00:00Z", 3600},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01T00:00:00Z", 39600}, /* the south: over the new year */
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-07-01T00:00:00Z", 36000},
        {"", "2500-07-01T00:00:00Z", 1234}, /* none: the last offset stays */
    };
    /* the last transition leads into what the rule says then, or into 1234 s where there is none */
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct transition t[] = {{instant("1900-01-01T00:00:00Z") / NILO_US_SECOND, 1}};
        const int32_t offsets[] = {999, 1234};
        write_made_zone(t, 1, offsets, 2, rows[i].footer);
        struct nilo_zone *z = load_from(folder, "Zone");
        int32_t offset = nilo_zone_offset(z, instant(rows[i].at));
        if (offset != rows[i].offset)
            fail_msg("%s at %s: %d, expected %d", rows[i].footer, rows[i].at, offset, rows[i].offset);
        assert_int_equal(nilo_zone_offset(z, instant("1899-12-31T23:59:59.999999Z")), 999);
        check_cuts_between(z, day("2023-12-01"), day("2026-02-01"));
        check_cuts_between(z, day("2298-12-01"), day("2304-02-01"));
        nilo_zone_free(z);
    }
}

static void unreadable_footers_are_damage(void **state)
{
    static const char *const footers[] = {
        "C",
        "CET",
        "CE-1",
        "CET-25",
        "CET-1:60",
        "CET-1CEST,",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.0.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,M3.5.0/,M10.5.0",
        "CET-1CEST,J0,J100",
        "CET-1CEST,J366,J100",
        "CET-1CEST,366,100",
        "CET-1CEST,99999999999999999999,100",
        "CET-1CEST,M3.5.0,M10.5.0,",
        "<CET-1",
        "<C T>-1",
        "CET-1CEST,M3.5.0,M10.5.0 ",
    };
    static const int32_t offsets[] = {3600};
    (void)state;
    for (size_t i = 0; i < COUNT(footers); i++) {
        struct nilo_zone *z = NULL;
        struct nilo_err err = {0};
        write_made_zone(NULL, 0, offsets, 1, footers[i]);
        if (nilo_zone_load(folder, "Zone", &z, &err) != -1 || err.code != NILO_ECORRUPT || z != NULL)
            fail_msg("%s: code %d", footers[i], (int)err.code);
    }
}

static void a_file_of_nothing_but_a_rule_follows_it_at_all_times(void **state)
{
    static const int32_t offsets[] = {3600};
    (void)state;
    write_made_zone(NULL, 0, offsets, 1, "CET-1CEST,M3.5.0,M10.5.0/3");
    struct nilo_zone *z = load_from(folder, "Zone");
    assert_int_equal(nilo_zone_offset(z, instant("2025-07-01T00:00:00Z")), 7200);
    assert_int_equal(nilo_zone_offset(z, instant("1925-07-01T00:00:00Z")), 7200);
    assert_int_equal(nilo_zone_offset(z, instant("0925-07-01T00:00:00Z")), 7200);
    assert_int_equal(nilo_zone_offset(z, instant("0925-01-01T00:00:00Z")), 3600);
    check_cuts_between(z, day("0001-01-10"), day("0005-01-01"));
    check_cuts_between(z, day("1966-01-01"), day("1975-01-01"));
    nilo_zone_free(z);
}

static void version_1_has_32_bits_and_no_rule(void **state)
{
    const struct transition t[] = {{INT32_MIN, 1}, {0, 0}, {INT32_MAX, 1}};
    static const int32_t offsets[] = {3600, -7200};
    struct nilo_buf b;
    (void)state;
    nilo_buf_init(&b, 1 << 16);
    put_block(&b, '\0', 4, t, 3, offsets, 2, 0);
    write_zone(b.data, b.len);
    nilo_buf_done(&b);
    struct nilo_zone *z = load_from(folder, "Zone");
    assert_int_equal(nilo_zone_offset(z, INT32_MIN * NILO_US_SECOND - 1), 3600);
    assert_int_equal(nilo_zone_offset(z, INT32_MIN * NILO_US_SECOND), -7200);
    assert_int_equal(nilo_zone_offset(z, -1), -7200);
    assert_int_equal(nilo_zone_offset(z, 0), 3600);
    assert_int_equal(nilo_zone_offset(z, instant("2500-01-01T00:00:00Z")), -7200);
    nilo_zone_free(z);
}

static void transitions_beyond_all_time_do_no_harm(void **state)
{
    const struct transition t[] = {
        {INT64_MIN, 1}, {INT64_MIN + 1, 0}, {INT64_C(-576460752303423488), 1}, {0, 2}, {INT64_MAX, 0}};
    static const int32_t offsets[] = {-80000, 3600, 7200};
    (void)state;
    write_made_zone(t, 5, offsets, 3, "CET-1CEST,M3.5.0,M10.5.0/3");
    struct nilo_zone *z = load_from(folder, "Zone");
    assert_int_equal(nilo_zone_offset(z, INT64_MIN), 3600);
    assert_int_equal(nilo_zone_offset(z, 0), 7200);
    assert_int_equal(nilo_zone_offset(z, INT64_MAX), 7200); /* the footer speaks only after the last transition */
    check_cuts_between(z, NILO_DAY(-10), NILO_DAY(10));
    nilo_zone_free(z);

    write_made_zone(t, 2, offsets, 3, "CET-1CEST,M3.5.0,M10.5.0/3");
    z = load_from(folder, "Zone");
    assert_int_equal(nilo_zone_offset(z, instant("2025-07-01T00:00:00Z")), 7200);
    assert_int_equal(nilo_zone_offset(z, instant("2025-12-01T00:00:00Z")), 3600);
    nilo_zone_free(z);

    const struct transition late[] = {{INT64_MAX / NILO_US_SECOND, 1}}; /* the last second that fits */
    write_made_zone(late, 1, offsets, 3, "CET-1CEST,M3.5.0,M10.5.0/3");
    z = load_from(folder, "Zone");
    assert_int_equal(nilo_zone_day(z, INT64_MAX).n, 106751991);
    assert_true(nilo_zone_day_start(z, NILO_DAY(INT32_MAX)) == INT64_MAX);
    nilo_zone_free(z);
}

/* Clocks set forward and back by up to a day, in quick succession: what no country ever did must still be cut cleanly. */
static void cuts_hold_for_clocks_gone_mad(void **state)
{
    struct nilo_seeded_random seeded;
    struct nilo_random r = (nilo_seeded_random_init(&seeded, 1), nilo_seeded_random(&seeded));
    (void)state;
    for (int round = 0; round < 40; round++) {
        struct transition t[40];
        int32_t offsets[40];
        int64_t at = (int64_t)nilo_random_below(&r, 100) * 900;
        for (int i = 0; i < 40; i++) {
            t[i] = (struct transition){at, i};
            at += 900 * (1 + (int64_t)nilo_random_below(&r, round % 2 == 0 ? 200 : 20));
            offsets[i] = ((int32_t)nilo_random_below(&r, 200) - 99) * 900;
        }
        write_made_zone(t, 40, offsets, 40, round % 3 == 0 ? "AAA-9BBB5,M4.1.3/-100,M4.1.5/99" : "");
        struct nilo_zone *z = load_from(folder, "Zone");
        for (int32_t n = -5; n < 120; n++) {
            check_cut(z, NILO_DAY(n));
            check_wall(z, NILO_DAY(n), 900 * (int32_t)nilo_random_below(&r, 96));
        }
        nilo_zone_free(z);
    }
}

/* The last transition's past must not come back in 400 years, when the footer's calendar repeats. */
static void only_the_rule_repeats(void **state)
{
    const struct transition t[] = {{instant("2037-06-15T00:00:00Z") / NILO_US_SECOND, 1}};
    static const int32_t offsets[] = {999, 7200};
    (void)state;
    write_made_zone(t, 1, offsets, 2, "CET-1CEST,M3.5.0,M10.5.0/3");
    struct nilo_zone *z = load_from(folder, "Zone");
    assert_int_equal(nilo_zone_offset(z, instant("2037-06-14T23:59:59Z")), 999);
    for (int32_t n = day("2037-06-15").n; n < day("2850-01-01").n; n += 7) {
        int32_t offset = nilo_zone_offset(z, n * NILO_US_DAY);
        if (offset != 3600 && offset != 7200)
            fail_msg("day %d: %d", n, offset);
        assert_true(nilo_zone_day(z, nilo_zone_day_start(z, NILO_DAY(n))).n == n);
    }
    nilo_zone_free(z);
}

/* ---- damage ------------------------------------------------------------------------------------------------------- */

static char *read_whole(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "rb");
    char *bytes = malloc(65536);
    assert_non_null(f);
    assert_non_null(bytes);
    *ret_len = fread(bytes, 1, 65536, f);
    fclose(f);
    assert_in_range(*ret_len, 100, 65535);
    return bytes;
}

/* Loads or is refused; what loads answers consistently. Returns whether it loaded. */
static bool survives(const char *bytes, size_t len)
{
    struct nilo_zone *z = NULL;
    struct nilo_err err = {0};
    write_zone(bytes, len);
    if (nilo_zone_load(folder, "Zone", &z, &err) != 0) {
        if (z != NULL || (err.code != NILO_ECORRUPT && err.code != NILO_EINVAL) || strstr(err.msg, folder) == NULL)
            fail_msg("code %d: %s", (int)err.code, err.msg);
        return false;
    }
    static const int32_t days[] = {-719162, -40000, -1000, 0, 20000, 24837, 200000, 2932896};
    for (size_t i = 0; i < COUNT(days); i++) {
        nilo_us start = nilo_zone_day_start(z, NILO_DAY(days[i]));
        nilo_us next = nilo_zone_day_start(z, NILO_DAY(days[i] + 1));
        assert_true(start <= next);
        assert_true(nilo_zone_day(z, start).n >= days[i] && nilo_zone_day(z, start - 1).n < days[i]);
        assert_true(wall_clock(z, nilo_zone_wall(z, NILO_DAY(days[i]), 0)) >= days[i] * NILO_US_DAY);
    }
    nilo_zone_free(z);
    return true;
}

static void damaged_files_are_refused_or_harmless(void **state)
{
    static const char *const names[] = {"Europe/Berlin", "Asia/Gaza", "America/St_Johns", "Asia/Kolkata"};
    struct nilo_seeded_random seeded;
    struct nilo_random r = (nilo_seeded_random_init(&seeded, 2), nilo_seeded_random(&seeded));
    int loaded = 0, refused = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[128];
        size_t len;
        nilo_zone_free(load(names[i]));
        snprintf(path, sizeof path, SYSTEM_ZONES "/%s", names[i]);
        char *bytes = read_whole(path, &len);
        assert_true(survives(bytes, len));
        for (int k = 0; k < 500; k++) {
            size_t at = nilo_random_below(&r, len);
            if (k % 4 == 0) /* the second header and what stands next to it, and the footer */
                at = k % 8 == 0 ? len - 1 - at % 40 : at % 60;
            char kept = bytes[at];
            bytes[at] = (char)(bytes[at] ^ (1 << nilo_random_below(&r, 8)));
            *(survives(bytes, len) ? &loaded : &refused) += 1;
            bytes[at] = kept;
        }
        for (int k = 0; k < 100; k++) /* cut short: never whole, but for the byte after the footer */
            assert_false(survives(bytes, nilo_random_below(&r, len)));
        free(bytes);
    }
    assert_true(loaded > 100 && refused > 100);
}

static void other_files_are_named_in_the_refusal(void **state)
{
    static const int32_t offsets[] = {0, 100000};
    const struct transition twice[] = {{5, 0}, {5, 1}}, back[] = {{5, 0}, {4, 1}}, unknown[] = {{5, 7}};
    struct nilo_zone *z = NULL;
    struct nilo_err err;
    struct nilo_buf b;
    (void)state;
    assert_false(survives("", 0));
    assert_false(survives("not a zone\n", 11));
    assert_false(survives("TZif2", 5));
    write_made_zone(twice, 2, offsets, 1, "");
    assert_int_equal(nilo_zone_load(folder, "Zone", &z, &err), -1);
    write_made_zone(back, 2, offsets, 1, "");
    assert_int_equal(nilo_zone_load(folder, "Zone", &z, &err), -1);
    write_made_zone(unknown, 1, offsets, 1, "");
    assert_int_equal(nilo_zone_load(folder, "Zone", &z, &err), -1);
    write_made_zone(NULL, 0, offsets + 1, 1, ""); /* more than a day east */
    assert_int_equal(nilo_zone_load(folder, "Zone", &z, &err), -1);
    assert_int_equal(err.code, NILO_ECORRUPT);

    nilo_buf_init(&b, 1 << 16);
    put_block(&b, '\0', 4, NULL, 0, offsets, 1, 3);
    write_zone(b.data, b.len);
    nilo_buf_done(&b);
    assert_int_equal(nilo_zone_load(folder, "Zone", &z, &err), -1);
    assert_int_equal(err.code, NILO_EINVAL);
    assert_non_null(strstr(err.msg, "leap seconds"));
    assert_null(z);
}

/* ---- Python's zoneinfo as the oracle ------------------------------------------------------------------------------ */

static nilo_us random_instant(const struct nilo_random *r, bool near)
{
    int64_t low = instant(near ? "1850-01-01T00:00:00Z" : "0001-01-03T00:00:00Z");
    int64_t high = instant(near ? "2060-01-01T00:00:00Z" : "9999-12-29T00:00:00Z");
    return low + (nilo_us)nilo_random_below(r, (uint64_t)(high - low));
}

/* "zone instant offset", and "zone day second instant" for wall times; oracle_zone.py reckons them again. */
static void put_cases(FILE *f, const struct nilo_zone *z, const char *folder_name, const struct nilo_random *r, int n)
{
    for (int i = 0; i < n; i++) {
        nilo_us at = random_instant(r, i % 4 != 0);
        fprintf(f, "offset %s %s %lld %d\n", folder_name, nilo_zone_name(z), (long long)at, nilo_zone_offset(z, at));
        nilo_day d = nilo_zone_day(z, at);
        if (i % 2 == 0) /* around a change of offset, gaps and overlaps come up */
            for (int k = 0;
                 k < 200 && nilo_zone_offset(z, d.n * NILO_US_DAY) == nilo_zone_offset(z, (d.n + 1) * NILO_US_DAY); k++)
                d.n++;
        if (d.n > NILO_DAY_MAX.n - 3)
            continue;
        int32_t second = (int32_t)nilo_random_below(r, i % 2 == 0 ? 288 : 86400) * (i % 2 == 0 ? 300 : 1);
        fprintf(f, "wall %s %s %d %d %lld\n", folder_name, nilo_zone_name(z), d.n, second,
                (long long)nilo_zone_wall(z, d, second));
    }
}

static void agrees_with_zoneinfo(void **state)
{
    static const char *const others[] = {
        "Europe/Berlin",     "Europe/London",
        "Europe/Moscow",     "America/New_York",
        "America/Sao_Paulo", "Asia/Tokyo",
        "Asia/Kolkata",      "Asia/Shanghai",
        "Australia/Sydney",  "Pacific/Auckland",
        "Pacific/Chatham",   "Africa/Cairo",
        "Asia/Jerusalem",    "UTC",
        "America/Santiago",  "America/Argentina/San_Luis",
        "Etc/GMT+12",
    };
    struct nilo_seeded_random seeded;
    struct nilo_random r = (nilo_seeded_random_init(&seeded, 3), nilo_seeded_random(&seeded));
    (void)state;
    char *script = nilo_test_source("tests/base/oracle_zone.py");
    if (system("python3 -c 'import zoneinfo' >/dev/null 2>&1") != 0) {
        free(script);
        printf("# skipped: python3 with zoneinfo is not there\n");
        skip();
    }
    nilo_zone_free(load("Europe/Berlin"));
    char path[] = "/tmp/nilo-zone-cases-XXXXXX", command[4200];
    int fd = mkstemp(path);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    assert_non_null(f);
    for (size_t i = 0; i < COUNT(odd_zones) + COUNT(others); i++) {
        struct nilo_zone *z = load(i < COUNT(odd_zones) ? odd_zones[i] : others[i - COUNT(odd_zones)]);
        put_cases(f, z, SYSTEM_ZONES, &r, 200);
        nilo_zone_free(z);
    }
    static const int32_t offsets[] = {3600};
    /* no rule of the form "300" here: zoneinfo takes it for a day earlier than POSIX, glibc and we do */
    write_made_zone(NULL, 0, offsets, 1, "AAA-3BBB-2:30:15,J60/-30,J300/160");
    struct nilo_zone *z = load_from(folder, "Zone");
    put_cases(f, z, folder, &r, 200);
    nilo_zone_free(z);
    assert_int_equal(fclose(f), 0);

    snprintf(command, sizeof command, "python3 '%s' %s", script, path);
    int status = system(command);
    remove(path);
    free(script);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_is_no_zone_is_refused_by_name),
        cmocka_unit_test(utc_needs_no_file),
        cmocka_unit_test(known_instants_have_their_offset_and_day),
        cmocka_unit_test(known_days_start_where_they_do),
        cmocka_unit_test(a_wall_time_is_its_first_instant_or_the_end_of_the_gap),
        cmocka_unit_test(cuts_and_days_agree_around_every_change),
        cmocka_unit_test(every_day_is_its_neighbours_neighbour),
        cmocka_unit_test(days_far_outside_of_the_calendar_do_not_overflow),
        cmocka_unit_test(footers_of_every_form_rule_the_years_after_the_file),
        cmocka_unit_test(unreadable_footers_are_damage),
        cmocka_unit_test(a_file_of_nothing_but_a_rule_follows_it_at_all_times),
        cmocka_unit_test(version_1_has_32_bits_and_no_rule),
        cmocka_unit_test(transitions_beyond_all_time_do_no_harm),
        cmocka_unit_test(cuts_hold_for_clocks_gone_mad),
        cmocka_unit_test(only_the_rule_repeats),
        cmocka_unit_test(damaged_files_are_refused_or_harmless),
        cmocka_unit_test(other_files_are_named_in_the_refusal),
        cmocka_unit_test(agrees_with_zoneinfo),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
