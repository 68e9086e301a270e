/* Charts made of characters: points in, text out. Knows nothing of stores, terminals and environments, so that a picture can be compared. */
#ifndef NILO_CMD_CHART_H
#define NILO_CMD_CHART_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/day.h"
#include "base/decimal.h"

enum nilo_chart_style {
    NILO_CHART_BRAILLE, /* lines of dots, eight in a character */
    NILO_CHART_BLOCK,   /* columns, in steps of an eighth of a character; one series */
    NILO_CHART_ASCII    /* lines of characters, one mark a series */
};

struct nilo_chart_point {
    nilo_day day;
    bool has, open;  /* has: else a gap; open: the period is not over */
    nilo_i128 value; /* times 10^-scale of the series */
};
struct nilo_chart_series {
    const char *name;
    int scale;
    const struct nilo_chart_point *points; /* ascending, one a period, gaps among them */
    size_t n;
};
struct nilo_chart {
    enum nilo_chart_style style;
    bool colour;       /* escapes of a terminal */
    int width, height; /* of the whole in characters, of the drawing itself in lines */
};
#define NILO_CHART_WIDTH_MIN  20
#define NILO_CHART_WIDTH_MAX  1000
#define NILO_CHART_HEIGHT_MIN 3
#define NILO_CHART_HEIGHT_MAX 200
#define NILO_CHART_SERIES_MAX 8

/** nilo_chart_draw - drawing, axes and legend, lines ended by '\n'; the axis has round steps (1, 2, 5), dates below. A gap stays empty.
 *  n      1 to NILO_CHART_SERIES_MAX series with at least one value among them; NILO_CHART_BLOCK takes one
 *  errors NILO_ENOMEM (then out->failed as well) */
int nilo_chart_draw(const struct nilo_chart *c, const struct nilo_chart_series *series, size_t n, struct nilo_buf *out, struct nilo_err *err);

/** nilo_chart_spark - one series in at most `width` characters of one line, without a newline; a gap is a blank. Of several periods in
 *  one character the last one with a value is drawn */
int nilo_chart_spark(enum nilo_chart_style style, const struct nilo_chart_series *s, int width, struct nilo_buf *out, struct nilo_err *err);

/** nilo_chart_number - the value in few characters with k, M, G or T: exact when `digits` behind the point suffice, else rounded half to even */
#define NILO_CHART_NUMBER 64
void nilo_chart_number(nilo_i128 value, int scale, int digits, char out[NILO_CHART_NUMBER]);

#endif
