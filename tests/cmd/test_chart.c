/* Pictures of fixed data, compared character by character with those in pictures.txt, and the small rules behind them. To make the pictures anew,
 * run it with NILO_UPDATE=1 and look at every one of them. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/chart.h"

#define PICTURES "tests/cmd/pictures.txt"
#define MOST     400
#define GAP      INT64_MIN

/* ---- data -------------------------------------------------------------------------------------------------------------------------------- */

struct data {
    struct nilo_chart_point points[MOST];
    size_t n;
};

static nilo_day day(const char *text)
{
    nilo_day d;
    assert_int_equal(nilo_day_parse(text, strlen(text), &d, NULL), 0);
    return d;
}

static void fill(struct data *d, const char *from, int step, const int64_t *values, size_t n)
{
    nilo_day at = day(from);
    d->n = n;
    for (size_t i = 0; i < n; i++) {
        d->points[i] = (struct nilo_chart_point){.day = at, .has = values[i] != GAP, .value = values[i] != GAP ? values[i] : 0};
        at = step == 30 ? nilo_day_next_month(at) : NILO_DAY(at.n + step);
    }
}
#define VALUES(...) (const int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)

/* A year that rises with a weekly beat, without two weeks in spring. */
static void year(struct data *d, int64_t factor)
{
    int64_t values[365];
    for (int i = 0; i < 365; i++)
        values[i] = i >= 90 && i < 118 ? GAP : factor * (1000 + 7 * i + 150 * (i % 7));
    fill(d, "2025-01-01", 1, values, 365);
}

/* ---- pictures -------------------------------------------------------------------------------------------------------------------------------- */

struct picture {
    const char *name;
    struct nilo_chart chart;
    int n;
    void (*make)(struct data *all, struct nilo_chart_series *series);
};

static void two_weeks(struct data *all, struct nilo_chart_series *s)
{
    (void)s;
    fill(all, "2026-03-02", 1, VALUES(120, 180, 260, GAP, GAP, 310, 300, 420, 480, GAP, 510, 640, 700, 690));
    all->points[13].open = true;
}
static void a_year(struct data *all, struct nilo_chart_series *s) { (void)s; year(all, 1); }
static void a_year_of_millions(struct data *all, struct nilo_chart_series *s) { (void)s; year(all, 1234567); }
static void three(struct data *all, struct nilo_chart_series *s)
{
    fill(&all[0], "2026-01-01", 7, VALUES(100, 140, 180, 220, 240, 300, 340, 420));
    fill(&all[1], "2026-01-01", 7, VALUES(300, 280, 290, 270, 260, 250, 245, 240));
    fill(&all[2], "2026-01-15", 7, VALUES(10, 20, 35, 30, 50, 60));
    s[0].name = "views", s[1].name = "likes", s[2].name = "käsekuchen_bestellt_am_sonntag";
}
static void negative(struct data *all, struct nilo_chart_series *s)
{
    (void)s;
    fill(all, "2026-03-02", 1, VALUES(-30, -12, 4, 18, 33, 12, 0, -5, -21, -44, GAP, 15, 1, -1));
}
static void below_zero(struct data *all, struct nilo_chart_series *s)
{
    (void)s;
    fill(all, "2026-03-02", 1, VALUES(-30, -32, -28, -40, -12));
}
static void one_point(struct data *all, struct nilo_chart_series *s)
{
    (void)s;
    fill(all, "2026-03-02", 1, VALUES(42));
}
static void lonely_points(struct data *all, struct nilo_chart_series *s)
{
    (void)s;
    fill(all, "2026-03-02", 1, VALUES(1, GAP, 2, GAP, GAP, 3, GAP, 4));
}
static void all_equal(struct data *all, struct nilo_chart_series *s)
{
    (void)s;
    fill(all, "2026-03-02", 1, VALUES(250, 250, 250, GAP, 250, 250));
}
static void all_zero(struct data *all, struct nilo_chart_series *s)
{
    (void)s;
    fill(all, "2026-03-02", 1, VALUES(0, 0, 0));
}
static void high_and_flat(struct data *all, struct nilo_chart_series *s)
{
    (void)s;
    fill(all, "2026-03-02", 1, VALUES(10000000, 10000120, 10000180, 10000240, 10000420));
}
static void rates(struct data *all, struct nilo_chart_series *s)
{
    s->scale = 6;
    fill(all, "2025-01-01", 30, VALUES(42500, 51000, 48250, 60000, GAP, 71000, 69000, 80125, 82000, 81000, 90000, 97500));
}
static void sums(struct data *all, struct nilo_chart_series *s)
{
    (void)s;
    fill(all, "2000-01-01", 30, VALUES(0, 1, 2, 3));
    for (int i = 0; i < 4; i++)
        all->points[i].value = (nilo_i128)INT64_MAX * 1000000 * (i + 1);
}
static void months(struct data *all, struct nilo_chart_series *s)
{
    int64_t values[120];
    (void)s;
    for (int i = 0; i < 120; i++)
        values[i] = 500 + (i % 12 < 6 ? 40 * (i % 12) : 40 * (12 - i % 12)) + 10 * i;
    fill(all, "2016-01-01", 30, values, 120);
}

#define BRAILLE(w, h) {NILO_CHART_BRAILLE, false, w, h}
#define BLOCK(w, h)   {NILO_CHART_BLOCK, false, w, h}
#define ASCII(w, h)   {NILO_CHART_ASCII, false, w, h}
static const struct picture pictures[] = {
    {"gaps stay empty and the open day is marked: braille", BRAILLE(60, 9), 1, two_weeks},
    {"gaps stay empty and the open day is marked: block", BLOCK(60, 9), 1, two_weeks},
    {"gaps stay empty and the open day is marked: ascii", ASCII(60, 9), 1, two_weeks},
    {"a year of days in braille", BRAILLE(80, 13), 1, a_year},
    {"a year of days in blocks: several days a column", BLOCK(80, 9), 1, a_year},
    {"a year of days in ascii, narrow", ASCII(40, 7), 1, a_year},
    {"millions", BRAILLE(80, 9), 1, a_year_of_millions},
    {"three series, with names at their ends: braille", BRAILLE(70, 9), 3, three},
    {"three series, with names at their ends: ascii", ASCII(70, 9), 3, three},
    {"three series in colour", {NILO_CHART_BRAILLE, true, 50, 4}, 3, three},
    {"three series whose names need room in three lines", BRAILLE(70, 3), 3, three},
    {"negative values: braille", BRAILLE(60, 9), 1, negative},
    {"negative values: block", BLOCK(60, 9), 1, negative},
    {"negative values alone: block", BLOCK(60, 7), 1, below_zero},
    {"negative values alone: ascii", ASCII(60, 7), 1, below_zero},
    {"one point: braille", BRAILLE(40, 5), 1, one_point},
    {"one point: block", BLOCK(40, 5), 1, one_point},
    {"points between gaps are dots", BRAILLE(40, 5), 1, lonely_points},
    {"all equal: braille", BRAILLE(40, 5), 1, all_equal},
    {"all equal: block", BLOCK(40, 5), 1, all_equal},
    {"all zero", BRAILLE(40, 5), 1, all_zero},
    {"all zero: block", BLOCK(40, 5), 1, all_zero},
    {"ten million and a little: digits that are not cut", BRAILLE(60, 7), 1, high_and_flat},
    {"ten million and a little: columns stand on zero", BLOCK(60, 7), 1, high_and_flat},
    {"rates by month", ASCII(60, 9), 1, rates},
    {"sums beyond 64 bits", BRAILLE(60, 7), 1, sums},
    {"ten years of months", BRAILLE(72, 9), 1, months},
    {"as small as it gets", ASCII(20, 3), 1, two_weeks},
};

static void draw(const struct picture *p, struct nilo_buf *out)
{
    static struct data all[NILO_CHART_SERIES_MAX];
    struct nilo_chart_series series[NILO_CHART_SERIES_MAX];
    struct nilo_err err = {0};
    for (int i = 0; i < p->n; i++)
        series[i] = (struct nilo_chart_series){.name = "views", .points = all[i].points};
    p->make(all, series);
    for (int i = 0; i < p->n; i++)
        series[i].n = all[i].n;
    nilo_buf_init(out, 1 << 20);
    assert_int_equal(nilo_chart_draw(&p->chart, series, (size_t)p->n, out, &err), 0);
}

static char *kept_pictures(void)
{
    char *path = nilo_test_source(PICTURES);
    FILE *f = fopen(path, "re");
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    if (f == NULL)
        fail_msg("%s is not there", path);
    size_t len = fread(text, 1, (1 << 20) - 1, f);
    assert_true(len > 0);
    fclose(f);
    free(path);
    return text;
}

static void pictures_are_those_that_were_looked_at(void **state)
{
    struct nilo_buf all, one;
    (void)state;
    char *kept = kept_pictures();
    nilo_buf_init(&all, 1 << 20);
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        draw(&pictures[i], &one);
        nilo_buf_addf(&all, "==== %s\n", pictures[i].name);
        nilo_buf_add(&all, one.data, one.len);
        nilo_buf_done(&one);
    }
    if (getenv("NILO_UPDATE") != NULL) {
        char *path = nilo_test_source(PICTURES);
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        fwrite(all.data, 1, all.len, f);
        fclose(f);
        free(path);
    }
    if (getenv("NILO_UPDATE") == NULL && strcmp(kept, nilo_buf_str(&all)) != 0) {
        size_t at = 0, line = 1;
        while (kept[at] == nilo_buf_str(&all)[at] && kept[at] != '\0')
            line += kept[at++] == '\n';
        fail_msg("%s:%zu is another picture now", PICTURES, line);
    }
    free(kept);
    nilo_buf_done(&all);
}

/* Characters of a line, escapes left out. */
static int width_of(const char *line, size_t len)
{
    int n = 0;
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\x1b') {
            while (line[i] != 'm')
                i++;
            continue;
        }
        n += ((unsigned char)line[i] & 0xc0) != 0x80;
    }
    return n;
}

static void no_line_is_wider_than_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        for (int width = NILO_CHART_WIDTH_MIN; width <= 200; width += 7) {
            struct picture p = pictures[i];
            struct nilo_buf out;
            p.chart.width = width;
            draw(&p, &out);
            int lines = 0;
            for (const char *at = out.data; *at != '\0'; lines++) {
                size_t len = strcspn(at, "\n");
                if (width_of(at, len) > (p.n > 1 || width < 30 ? (width < 45 ? 45 : width) : width)) /* names and labels need their room */
                    fail_msg("%s at %d: %d characters: %.*s", p.name, width, width_of(at, len), (int)len, at);
                at += len + 1;
            }
            assert_int_equal(lines, p.chart.height + 2);
            nilo_buf_done(&out);
        }
    }
}

/* In one column of dots: where the gap is there is nothing, whatever the width. */
static void a_gap_of_a_month_is_empty_at_every_width(void **state)
{
    (void)state;
    for (int style = NILO_CHART_BRAILLE; style <= NILO_CHART_ASCII; style++) {
        for (int width = 60; width <= 160; width += 20) {
            struct picture p = {"", {(enum nilo_chart_style)style, false, width, 6}, 1, a_year};
            struct nilo_buf out;
            draw(&p, &out);
            int gutter = width_of(out.data, strcspn(out.data, "+|\xe2")) + 1, columns = width - gutter;
            int middle = gutter + (style == NILO_CHART_BLOCK ? columns * 104 / 365 : columns * 104 / 364), row = 0;
            for (const char *at = out.data; row < 6; row++) {
                int n = 0;
                const char *c = at;
                for (; *c != '\n' && n < middle; c++)
                    n += ((unsigned char)c[1] & 0xc0) != 0x80;
                if (*c != '\n' && *c != ' ')
                    fail_msg("style %d, width %d, line %d: something stands in the gap", style, width, row);
                at += strcspn(at, "\n") + 1;
            }
            nilo_buf_done(&out);
        }
    }
}

static void numbers_are_short_and_exact_where_they_can_be(void **state)
{
    static const struct {
        int64_t value;
        int scale, digits;
        const char *text;
    } rows[] = {
        {0, 0, 2, "0"},          {7, 0, 2, "7"},           {999, 0, 2, "999"},       {1000, 0, 2, "1k"},        {1050, 0, 2, "1.05k"},
        {1234, 0, 2, "1.23k"},   {1235, 0, 2, "1.24k"},    {1225, 0, 2, "1.22k"},    {-1500, 0, 2, "-1.5k"},    {999999, 0, 2, "1000k"},
        {1000000, 0, 2, "1M"},   {2500000000, 0, 2, "2.5G"}, {INT64_MAX, 0, 2, "9.22E"}, {10000000000000000, 0, 2, "10P"}, {42500, 6, 2, "0.04"}, {42500, 6, 4, "0.0425"},
        {123456, 2, 2, "1.23k"}, {12345, 2, 2, "123.45"},  {-4, 1, 0, "-0.4"},
        {-1, 3, 2, "-0.001"},    {1, 6, 2, "0.000001"},    {5000, 6, 2, "0.005"},    {0, 6, 2, "0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[NILO_CHART_NUMBER];
        nilo_chart_number(rows[i].value, rows[i].scale, rows[i].digits, out);
        assert_string_equal(out, rows[i].text);
    }
}

static void sparklines_are_one_line(void **state)
{
    static const struct {
        void (*make)(struct data *, struct nilo_chart_series *);
        enum nilo_chart_style style;
        int width;
        const char *text;
    } rows[] = {
        {two_weeks, NILO_CHART_BRAILLE, 40, "▁▂▃  ▃▃▅▅ ▆▇██"},
        {two_weeks, NILO_CHART_ASCII, 40, "_.-  --== +*##"},
        {two_weeks, NILO_CHART_BLOCK, 7, "▂▃▃▅▅▇█"},
        {negative, NILO_CHART_BRAILLE, 40, "▂▄▅▇█▆▅▅▃▁ ▆▅▅"},
        {all_equal, NILO_CHART_BRAILLE, 40, "▄▄▄ ▄▄"},
        {one_point, NILO_CHART_BRAILLE, 40, "▄"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct data d;
        struct nilo_chart_series s = {.name = "views", .points = d.points};
        struct nilo_buf out;
        struct nilo_err err = {0};
        rows[i].make(&d, &s);
        s.n = d.n;
        nilo_buf_init(&out, 4096);
        assert_int_equal(nilo_chart_spark(rows[i].style, &s, rows[i].width, &out, &err), 0);
        assert_string_equal(nilo_buf_str(&out), rows[i].text);
        nilo_buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_are_those_that_were_looked_at),
        cmocka_unit_test(no_line_is_wider_than_asked),
        cmocka_unit_test(a_gap_of_a_month_is_empty_at_every_width),
        cmocka_unit_test(numbers_are_short_and_exact_where_they_can_be),
        cmocka_unit_test(sparklines_are_one_line),
    };
    return cmocka_run_group_tests_name("chart", tests, NULL, NULL);
}
