/* See chart.h. A chart is a grid of cells; a line is drawn in pixels, several of which make a cell (2 x 4 dots of Braille, or the cell itself). */
#include "cmd/chart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

struct cell {
    uint8_t dots;
    int8_t series;    /* whose colour and mark; -1 = empty */
    const char *text; /* instead of dots; NULL = none */
};

struct plane {
    const struct nilo_chart *c;
    const struct nilo_chart_series *series;
    size_t n;
    int columns, rows; /* of cells */
    int px, py;        /* pixels in a cell */
    int scale;         /* that all values are brought to */
    nilo_i128 lo, hi, step;
    nilo_day first, last;
    struct cell *cells;
    int gutter, names; /* characters left and right of the drawing */
    char unit;
    int unit_scale, digits;
};

static const char *const colours[NILO_CHART_SERIES_MAX] = {"36", "33", "35", "32", "34", "31", "96", "93"};
static const char marks[NILO_CHART_SERIES_MAX + 1] = "*+x#@%&=";

static bool ascii(const struct plane *p)
{
    return p->c->style == NILO_CHART_ASCII;
}

/* ---- numbers -------------------------------------------------------------------------------------------------------------------------- */

static nilo_i128 power(int n)
{
    nilo_i128 v = 1;
    while (n-- > 0)
        v *= 10;
    return v;
}

static nilo_i128 value_of(const struct plane *p, const struct nilo_chart_series *s, const struct nilo_chart_point *at)
{
    return at->value * power(p->scale - s->scale);
}

/* 1,234,567 */
static void grouped(const char *digits, char out[NILO_CHART_NUMBER])
{
    size_t sign = digits[0] == '-', whole = strcspn(digits + sign, "."), k = 0;
    for (size_t i = 0; digits[i] != '\0' && k + 2 < NILO_CHART_NUMBER; i++) {
        if (i > sign && i < sign + whole && (sign + whole - i) % 3 == 0)
            out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = '\0';
}

static const struct {
    int power;
    const char *suffix;
} units[] = {{18, "E"}, {15, "P"}, {12, "T"}, {9, "G"}, {6, "M"}, {3, "k"}, {0, ""}};
#define UNITS (sizeof units / sizeof units[0])

static size_t unit_for(nilo_i128 greatest, int scale)
{
    size_t u = 0;
    if (greatest < 0)
        greatest = -greatest;
    while (u + 1 < UNITS && greatest < power(units[u].power + scale))
        u++;
    return u;
}

static void in_unit(nilo_i128 value, int scale, size_t u, int digits, bool keep, char out[NILO_CHART_NUMBER])
{
    char text[NILO_DECIMAL_TEXT];
    nilo_i128 rounded;
    int have = scale + units[u].power;
    if (!nilo_decimal_rescale(value, have, digits, &rounded))
        rounded = 0; /* towards fewer digits nothing overflows */
    nilo_decimal_format(rounded, digits, keep, text);
    snprintf(out, NILO_CHART_NUMBER, "%s%s", text, rounded != 0 ? units[u].suffix : "");
}

void nilo_chart_number(nilo_i128 value, int scale, int digits, char out[NILO_CHART_NUMBER])
{
    size_t u = unit_for(value, scale);
    int most = scale + units[u].power, kept = digits < most ? digits : most;
    nilo_i128 rounded;
    /* what is not nothing does not look like nothing */
    while (value != 0 && kept < most && nilo_decimal_rescale(value, most, kept, &rounded) && rounded == 0)
        kept++;
    in_unit(value, scale, u, kept, false, out);
}

/* ---- the value axis ---------------------------------------------------------------------------------------------------------------------- */

static nilo_i128 floor_to(nilo_i128 v, nilo_i128 step)
{
    nilo_i128 q = v / step;
    if (v % step != 0 && v < 0)
        q--;
    return q * step;
}

static nilo_i128 first_tick(const struct plane *p)
{
    return -floor_to(-p->lo, p->step);
}

static nilo_i128 nice_step(nilo_i128 span, int most)
{
    static const int factors[] = {1, 2, 5};
    nilo_i128 unit = 1;
    for (;; unit *= 10) {
        for (size_t i = 0; i < 3; i++) {
            if (span <= unit * factors[i] * most)
                return unit * factors[i];
        }
    }
}

static void find_extremes(struct plane *p)
{
    bool any = false;
    for (size_t k = 0; k < p->n; k++) {
        for (size_t i = 0; i < p->series[k].n; i++) {
            if (!p->series[k].points[i].has)
                continue;
            nilo_i128 v = value_of(p, &p->series[k], &p->series[k].points[i]);
            p->lo = !any || v < p->lo ? v : p->lo;
            p->hi = !any || v > p->hi ? v : p->hi;
            any = true;
        }
    }
}

/* Columns that rise and columns that hang begin at the same edge: zero is brought between two lines, the range grows as far as that needs. */
static void zero_between_lines(struct plane *p)
{
    int below = (int)((2 * -p->lo * p->rows + (p->hi - p->lo)) / (2 * (p->hi - p->lo)));
    below = below < 1 ? 1 : below > p->rows - 1 ? p->rows - 1 : below;
    nilo_i128 down = (-p->lo + below - 1) / below, up = (p->hi + p->rows - below - 1) / (p->rows - below), line = down > up ? down : up;
    p->lo = -line * below;
    p->hi = line * (p->rows - below);
}

/* Where up to a quarter more lets the ticks stand at even distances, the range gets it. */
static void spread_ticks(struct plane *p)
{
    int steps = (int)((p->hi - p->lo) / p->step);
    for (int more = 1; (p->rows - 1) % steps != 0 && more <= steps / 4; more++) {
        if ((p->rows - 1) % (steps + more) != 0)
            continue;
        if (p->hi > 0)
            p->hi += more * p->step;
        else
            p->lo -= more * p->step;
        return;
    }
}

/* Columns stand on zero. A line may leave it out where its own movement would not be seen otherwise. */
static void find_range(struct plane *p)
{
    find_extremes(p);
    bool from_zero = p->c->style == NILO_CHART_BLOCK || p->hi == p->lo;
    if (p->lo > 0 && (from_zero || p->hi - p->lo > p->hi / 2))
        p->lo = 0;
    if (p->hi < 0 && (from_zero || p->hi - p->lo > -p->lo / 2))
        p->hi = 0;
    int ticks = p->rows / 2;
    p->step = nice_step(p->hi - p->lo, ticks < 1 ? 1 : ticks > 8 ? 8 : ticks);
    p->lo = floor_to(p->lo, p->step);
    nilo_i128 top = -floor_to(-p->hi, p->step);
    p->hi = top > p->lo ? top : p->lo + p->step;
    if (p->c->style == NILO_CHART_BLOCK && p->lo < 0 && p->hi > 0)
        zero_between_lines(p);
    else
        spread_ticks(p);
}

/* A common unit for all ticks, and as many digits as the step needs: then every label is exact. */
static void tick_text(const struct plane *p, nilo_i128 tick, char out[NILO_CHART_NUMBER])
{
    char text[NILO_DECIMAL_TEXT];
    size_t u = unit_for(p->hi > -p->lo ? p->hi : p->lo, p->scale);
    int zeros = 0;
    if (tick == 0) {
        snprintf(out, NILO_CHART_NUMBER, "0");
        return;
    }
    for (nilo_i128 s = p->step; s % 10 == 0; s /= 10)
        zeros++;
    int digits = p->scale + units[u].power - zeros;
    if (digits < 0)
        digits = 0;
    if (digits <= 2) {
        in_unit(tick, p->scale, u, digits, true, out);
        return;
    }
    nilo_decimal_format(tick, p->scale, false, text);
    grouped(text, out);
}

/* Pixels from the bottom. */
static int height_of(const struct plane *p, nilo_i128 v, int pixels)
{
    nilo_i128 span = p->hi - p->lo, at = v - p->lo;
    while (span > power(30)) {
        span /= 10;
        at /= 10;
    }
    return (int)((2 * at * (pixels - 1) + span) / (2 * span));
}

/* ---- the time axis ------------------------------------------------------------------------------------------------------------------------- */

static int across(const struct plane *p, nilo_day d, int pixels)
{
    int64_t span = p->last.n - p->first.n;
    return span == 0 ? (pixels - 1) / 2 : (int)((2 * (int64_t)(d.n - p->first.n) * (pixels - 1) + span) / (2 * span));
}

static void find_days(struct plane *p)
{
    bool any = false;
    for (size_t k = 0; k < p->n; k++) {
        const struct nilo_chart_series *s = &p->series[k];
        if (s->n == 0)
            continue;
        if (!any || s->points[0].day.n < p->first.n)
            p->first = s->points[0].day;
        if (!any || s->points[s->n - 1].day.n > p->last.n)
            p->last = s->points[s->n - 1].day;
        any = true;
    }
}

struct pace {
    char unit; /* d, m, y */
    int every;
    int width; /* of its labels */
};
static const struct pace paces[] = {{'d', 1, 5}, {'d', 2, 5}, {'d', 7, 5}, {'d', 14, 5}, {'m', 1, 7}, {'m', 2, 7},  {'m', 3, 7},
                                    {'m', 6, 7}, {'y', 1, 4}, {'y', 2, 4}, {'y', 5, 4},  {'y', 10, 4}, {'y', 100, 4}, {'y', 1000, 4}};

/* The first label at or behind d. */
static nilo_day pace_from(const struct pace *a, nilo_day d)
{
    int y, m, dom;
    if (a->unit == 'd')
        return a->every % 7 == 0 && nilo_day_weekday(d) != 1 ? NILO_DAY(nilo_day_week_start(d).n + 7) : d;
    nilo_day_to_civil(d, &y, &m, &dom);
    int months = a->unit == 'm' ? a->every : 12 * a->every;
    int at = (y * 12 + m - 1) + (dom > 1);
    at = (at + months - 1) / months * months;
    return at / 12 > 9999 ? NILO_DAY_MAX : nilo_day_from_civil(at / 12, at % 12 + 1, 1);
}

static nilo_day pace_next(const struct pace *a, nilo_day d)
{
    return a->unit == 'd' ? NILO_DAY(d.n + a->every) : pace_from(a, NILO_DAY(d.n + 1));
}

/* columns: how many the time goes over */
static bool pace_fits(const struct plane *p, int columns, const struct pace *a)
{
    int before = -100, labels = 0;
    for (nilo_day d = pace_from(a, p->first); d.n <= p->last.n; d = pace_next(a, d), labels++) {
        int at = across(p, d, columns);
        if (at - before < a->width + 2)
            return false;
        before = at;
    }
    return true;
}

static void put_label(char *line, int columns, int at, const char *text)
{
    int len = (int)strlen(text);
    if (at + len > columns)
        at = columns - len;
    if (at < 0)
        return;
    for (int i = at > 0 ? at - 1 : 0; i < at + len; i++) {
        if (line[i] != ' ')
            return; /* the one before is in the way: at the right end only */
    }
    memcpy(line + at, text, (size_t)len);
}

static void put_dates(const struct plane *p, int columns, char *ticks, char *labels)
{
    size_t k = 0;
    while (k + 1 < sizeof paces / sizeof paces[0] && !pace_fits(p, columns, &paces[k]))
        k++;
    for (nilo_day d = pace_from(&paces[k], p->first); d.n <= p->last.n; d = pace_next(&paces[k], d)) {
        char text[NILO_DAY_TEXT];
        int at = across(p, d, columns);
        nilo_day_format(d, text);
        ticks[at] = '+';
        text[paces[k].unit == 'y' ? 4 : paces[k].unit == 'm' ? 7 : 10] = '\0';
        put_label(labels, p->columns, at, paces[k].unit == 'd' ? text + 5 : text);
    }
}

/* ---- lines --------------------------------------------------------------------------------------------------------------------------------------- */

static void dot(struct plane *p, int x, int y, size_t series)
{
    static const uint8_t bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    int top = p->rows * p->py - 1 - y;
    struct cell *c = &p->cells[(size_t)(top / p->py) * (size_t)p->columns + (size_t)(x / p->px)];
    c->dots |= p->py == 4 ? bits[top % 4][x % 2] : 1;
    c->series = (int8_t)series;
}

static void line(struct plane *p, int x0, int y0, int x1, int y1, size_t series)
{
    int dx = abs(x1 - x0), dy = -abs(y1 - y0), sx = x0 < x1 ? 1 : -1, sy = y0 < y1 ? 1 : -1, e = dx + dy;
    for (;;) {
        dot(p, x0, y0, series);
        if (x0 == x1 && y0 == y1)
            return;
        int twice = 2 * e;
        if (twice >= dy) {
            e += dy;
            x0 += sx;
        }
        if (twice <= dx) {
            e += dx;
            y0 += sy;
        }
    }
}

/* A line joins neighbours in time only, so a gap stays open; what stands alone between gaps is a dot. */
static void draw_line(struct plane *p, size_t k)
{
    const struct nilo_chart_series *s = &p->series[k];
    int wide = p->columns * p->px, high = p->rows * p->py, x0 = 0, y0 = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!s->points[i].has)
            continue;
        int x = across(p, s->points[i].day, wide), y = height_of(p, value_of(p, s, &s->points[i]), high);
        bool joined = i > 0 && s->points[i - 1].has, goes_on = i + 1 < s->n && s->points[i + 1].has;
        line(p, joined ? x0 : x, joined ? y0 : y, x, y, k);
        if (!joined && !goes_on && !ascii(p)) /* one dot of eight is easily missed */
            p->cells[(size_t)((high - 1 - y) / p->py) * (size_t)p->columns + (size_t)(x / p->px)].text = "\xe2\x80\xa2";
        x0 = x;
        y0 = y;
    }
}

/* The period that is not over will be another value still. */
static void mark_open(struct plane *p, size_t k)
{
    const struct nilo_chart_series *s = &p->series[k];
    for (size_t i = 0; i < s->n; i++) {
        if (!s->points[i].has || !s->points[i].open)
            continue;
        int x = across(p, s->points[i].day, p->columns * p->px) / p->px;
        int y = (p->rows * p->py - 1 - height_of(p, value_of(p, s, &s->points[i]), p->rows * p->py)) / p->py;
        struct cell *c = &p->cells[(size_t)y * (size_t)p->columns + (size_t)x];
        c->text = ascii(p) ? "o" : "\xe2\x97\x8b";
        c->series = (int8_t)k;
    }
}

/* ---- columns ------------------------------------------------------------------------------------------------------------------------------------- */

static const char *const eighths[] = {"",         "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84",
                                      "\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88"};
#define SHADE      "\xe2\x96\x91"
#define UPPER_HALF "\xe2\x96\x80"
#define UPPER_LINE "\xe2\x96\x94"

/* Nothing is a value too: it must not look like a gap. */
static void draw_zero(struct plane *p, int x, int zero)
{
    int row = p->rows - 1 - zero / 8;
    struct cell *c = &p->cells[(size_t)(row < 0 ? 0 : row) * (size_t)p->columns + (size_t)x];
    c->series = 0;
    c->text = row < 0 ? UPPER_LINE : "_";
}

/* One character column from eighth `from` to eighth `to`, counted from the bottom. Below zero there are no eighths to hang from above, only halves. */
static void draw_bar(struct plane *p, int x, int from, int to, bool open)
{
    bool down = to < from;
    int low = down ? to : from, high = down ? from : to;
    for (int row = 0; row < p->rows; row++) {
        int base = (p->rows - 1 - row) * 8, a = low > base ? low - base : 0, b = high < base + 8 ? high - base : 8;
        struct cell *c = &p->cells[(size_t)row * (size_t)p->columns + (size_t)x];
        if (b <= a || a >= 8)
            continue;
        c->series = 0;
        c->text = open ? SHADE : b - a == 8 ? eighths[8] : !down ? eighths[b] : b - a >= 4 ? UPPER_HALF : UPPER_LINE;
    }
}

static void draw_bars(struct plane *p)
{
    const struct nilo_chart_series *s = &p->series[0];
    int n = (int)s->n, each = n < p->columns ? p->columns / n : 1, zero = height_of(p, 0, p->rows * 8 + 1);
    int wide = each > 2 ? (each > 7 ? 6 : each - 1) : each; /* a blank between them where there is room */
    for (int i = 0; i < n; i++) {
        const struct nilo_chart_point *at = &s->points[i];
        int x = n <= p->columns ? i * each : (int)((int64_t)i * p->columns / n);
        if (!at->has)
            continue;
        int top = height_of(p, value_of(p, s, at), p->rows * 8 + 1);
        if (top == zero && at->value != 0)
            top += at->value > 0 ? 1 : -1; /* little is not nothing */
        for (int k = 0; k < wide; k++) {
            for (int row = 0; n > p->columns && row < p->rows; row++) /* several periods in one column: the last one stands */
                p->cells[(size_t)row * (size_t)p->columns + (size_t)(x + k)] = (struct cell){.series = -1};
            if (at->value == 0)
                draw_zero(p, x + k, zero);
            else
                draw_bar(p, x + k, zero, top, at->open);
        }
    }
}

/* Bars stand where they begin, not where a line would pass. */
static int bar_end(const struct plane *p)
{
    int n = (int)p->series[0].n, each = n < p->columns ? p->columns / n : 1;
    return n < p->columns ? each * (n - 1) + 1 : p->columns;
}

/* ---- printing ------------------------------------------------------------------------------------------------------------------------------------- */

static void put_braille(struct nilo_buf *out, uint8_t dots)
{
    char text[NILO__UTF8_MAX];
    nilo_buf_add(out, text, nilo__utf8_put(0x2800u + dots, text));
}

static void colour(const struct plane *p, struct nilo_buf *out, int *now, int series)
{
    if (!p->c->colour || *now == series)
        return;
    nilo_buf_addf(out, "\x1b[%sm", series < 0 ? "0" : colours[series]);
    *now = series;
}

static void put_cell(const struct plane *p, struct nilo_buf *out, const struct cell *c)
{
    if (c->text != NULL)
        nilo_buf_adds(out, c->text);
    else if (c->dots == 0)
        nilo_buf_addc(out, ' ');
    else if (ascii(p))
        nilo_buf_addc(out, marks[c->series]);
    else
        put_braille(out, c->dots);
}

/* Which line has which tick; the text of a line is "" when it has none. */
static void put_axis(const struct plane *p, struct nilo_buf *out, int row)
{
    char text[NILO_CHART_NUMBER] = "";
    int pixels = p->c->style == NILO_CHART_BLOCK ? p->rows * 8 + 1 : p->rows * p->py;
    for (nilo_i128 tick = first_tick(p); tick <= p->hi; tick += p->step) {
        int up = height_of(p, tick, pixels), line_of = p->c->style == NILO_CHART_BLOCK ? (up > 0 ? (up - 1) / 8 : 0) : up / p->py;
        if (p->rows - 1 - line_of == row && text[0] == '\0')
            tick_text(p, tick, text);
    }
    nilo_buf_addf(out, "%*s %s", p->gutter - 2, text, ascii(p) ? (text[0] != '\0' ? "+" : "|") : text[0] != '\0' ? "\xe2\x94\xa4" : "\xe2\x94\x82");
}

static void put_bottom(const struct plane *p, struct nilo_buf *out)
{
    char ticks[NILO_CHART_WIDTH_MAX + 1], labels[NILO_CHART_WIDTH_MAX + 1];
    memset(ticks, '-', sizeof ticks);
    memset(labels, ' ', sizeof labels);
    labels[p->columns] = '\0';
    put_dates(p, p->c->style == NILO_CHART_BLOCK ? bar_end(p) : p->columns, ticks, labels);
    nilo_buf_addf(out, "%*s%s", p->gutter - 1, "", ascii(p) ? "+" : "\xe2\x94\x94");
    for (int i = 0; i < p->columns; i++)
        nilo_buf_adds(out, ticks[i] == '+' ? (ascii(p) ? "+" : "\xe2\x94\xac") : ascii(p) ? "-" : "\xe2\x94\x80");
    size_t len = strlen(labels);
    while (len > 0 && labels[len - 1] == ' ')
        len--;
    nilo_buf_addf(out, "\n%*s%.*s\n", p->gutter, "", (int)len, labels);
}

/* Characters of a name, as far as it is one character a column. */
static int length(const char *name)
{
    int n = 0;
    for (; *name != '\0'; name++)
        n += ((unsigned char)*name & 0xc0) != 0x80;
    return n;
}

static void put_name(struct nilo_buf *out, const char *name, int most)
{
    for (int n = 0; *name != '\0'; name++) {
        n += ((unsigned char)*name & 0xc0) != 0x80;
        if (n > most)
            return;
        nilo_buf_addc(out, *name);
    }
}

/* The names stand beside the ends of their lines; where two would meet, one makes room. */
static void place_names(const struct plane *p, int *row_of)
{
    for (size_t k = 0; k < p->n; k++) {
        const struct nilo_chart_series *s = &p->series[k];
        size_t i = s->n;
        row_of[k] = -1;
        while (i > 0 && !s->points[i - 1].has)
            i--;
        if (i == 0)
            continue;
        int want = p->rows - 1 - height_of(p, value_of(p, s, &s->points[i - 1]), p->rows * p->py) / p->py;
        for (int away = 0; away < 2 * p->rows && row_of[k] < 0; away++) {
            int row = want + (away % 2 ? -(away + 1) / 2 : away / 2);
            bool taken = row < 0 || row >= p->rows;
            for (size_t j = 0; j < k; j++)
                taken |= row_of[j] == row;
            row_of[k] = taken ? -1 : row;
        }
    }
}

static void put_rows(const struct plane *p, struct nilo_buf *out)
{
    int row_of[NILO_CHART_SERIES_MAX];
    place_names(p, row_of);
    for (int row = 0; row < p->rows; row++) {
        const struct cell *cells = &p->cells[(size_t)row * (size_t)p->columns];
        int end = p->columns, now = -1;
        size_t name = p->n;
        for (size_t k = 0; p->names > 0 && k < p->n; k++)
            name = row_of[k] == row ? k : name;
        put_axis(p, out, row);
        while (name == p->n && end > 0 && cells[end - 1].text == NULL && cells[end - 1].dots == 0)
            end--;
        for (int i = 0; i < end; i++) {
            if (cells[i].series >= 0)
                colour(p, out, &now, cells[i].series);
            put_cell(p, out, &cells[i]);
        }
        if (name < p->n) {
            colour(p, out, &now, (int)name);
            nilo_buf_addc(out, ' ');
            if (ascii(p))
                nilo_buf_addf(out, "%c ", marks[name]);
            put_name(out, p->series[name].name, p->names - 1 - (ascii(p) ? 2 : 0));
        }
        colour(p, out, &now, -1);
        nilo_buf_addc(out, '\n');
    }
}

/* ---- the whole --------------------------------------------------------------------------------------------------------------------------------------- */

static void lay_out(struct plane *p)
{
    char text[NILO_CHART_NUMBER];
    for (size_t k = 0; k < p->n; k++) {
        int len = length(p->series[k].name) + 1 + (ascii(p) ? 2 : 0);
        if (p->n > 1 && len > p->names)
            p->names = len < 24 ? len : 24;
    }
    for (nilo_i128 tick = first_tick(p); tick <= p->hi; tick += p->step) {
        tick_text(p, tick, text);
        if ((int)strlen(text) + 2 > p->gutter)
            p->gutter = (int)strlen(text) + 2;
    }
    p->columns = p->c->width - p->gutter - p->names;
    if (p->columns < 8)
        p->columns = 8;
}

int nilo_chart_draw(const struct nilo_chart *c, const struct nilo_chart_series *series, size_t n, struct nilo_buf *out, struct nilo_err *err)
{
    bool dots = c->style == NILO_CHART_BRAILLE;
    struct plane p = {.c = c, .series = series, .n = n, .rows = c->height, .px = dots ? 2 : 1, .py = dots ? 4 : 1};
    for (size_t k = 0; k < n; k++)
        p.scale = series[k].scale > p.scale ? series[k].scale : p.scale;
    find_range(&p);
    find_days(&p);
    lay_out(&p);
    p.cells = calloc((size_t)p.rows * (size_t)p.columns, sizeof *p.cells);
    if (p.cells == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < (size_t)p.rows * (size_t)p.columns; i++)
        p.cells[i].series = -1;
    if (c->style == NILO_CHART_BLOCK) {
        draw_bars(&p);
    } else {
        for (size_t k = 0; k < n; k++)
            draw_line(&p, k);
        for (size_t k = 0; k < n; k++)
            mark_open(&p, k);
    }
    put_rows(&p, out);
    put_bottom(&p, out);
    free(p.cells);
    return out->failed ? nilo_err_nomem(err) : 0;
}

/* ---- sparklines ---------------------------------------------------------------------------------------------------------------------------------------- */

int nilo_chart_spark(enum nilo_chart_style style, const struct nilo_chart_series *s, int width, struct nilo_buf *out, struct nilo_err *err)
{
    static const char steps[] = "_.-~=+*#";
    struct plane p = {.series = s, .n = 1, .scale = s->scale};
    int columns = s->n < (size_t)width ? (int)s->n : width;
    find_extremes(&p);
    for (int x = 0; x < columns; x++) {
        const struct nilo_chart_point *shown = NULL;
        for (size_t i = (size_t)x * s->n / (size_t)columns; i < (size_t)(x + 1) * s->n / (size_t)columns; i++)
            shown = s->points[i].has ? &s->points[i] : shown;
        if (shown == NULL) {
            nilo_buf_addc(out, ' ');
            continue;
        }
        int level = p.hi > p.lo ? height_of(&p, shown->value, 8) : 3;
        if (style == NILO_CHART_ASCII)
            nilo_buf_addc(out, steps[level]);
        else
            nilo_buf_adds(out, eighths[level + 1]);
    }
    return out->failed ? nilo_err_nomem(err) : 0;
}
