/* nilometer plot: series as charts in the terminal. The numbers are those of the function timeseries, asked like everybody asks; drawing them is
 * chart.c's. Here is how wide, in which characters and colours, and what stands around the picture. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/chart.h"
#include "cmd/query_priv.h"

#define ARGUMENTS_MOST 64
#define HEIGHT         13 /* twelve between the first and the last tick divide well */
#define TEXT_MOST      ((size_t)16 << 20)

struct series {
    const char *metric;
    struct nilo_chart_point *points;
    size_t n, cap, gaps;
    int scale;
    char absence[32]; /* the first gap's reason */
    size_t value, period, open, why; /* columns of the answer */
    bool change, any;                /* change: wanted instead of the value */
};

struct plot {
    struct nilo_cmd_ctx *ctx;
    struct nilo_store *store;
    struct nilo_arg args[ARGUMENTS_MOST];
    size_t n_args;
    char *copies[ARGUMENTS_MOST];
    struct series series[NILO_CHART_SERIES_MAX];
    size_t n;
    struct nilo_chart chart;
    struct nilo_buf out;
};

/* ---- the command line ----------------------------------------------------------------------------------------------------------------- */

static int add_metric(struct plot *p, const char *name, struct nilo_err *err)
{
    if (p->n == NILO_CHART_SERIES_MAX)
        return nilo_err_set(err, NILO_EUSAGE, "more than %d metrics in one chart", NILO_CHART_SERIES_MAX);
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->series[i].metric, name) == 0)
            return nilo_err_set(err, NILO_EUSAGE, "the metric %s is named twice", name);
    }
    p->series[p->n++].metric = name;
    return 0;
}

/* Words are metrics, NAME=VALUE is what timeseries takes. */
static int take_word(struct plot *p, const char *word, struct nilo_err *err)
{
    const char *equals = strchr(word, '=');
    if (equals == NULL)
        return add_metric(p, word, err);
    if (equals == word)
        return nilo_err_set(err, NILO_EUSAGE, "\"%s\" is no argument; write name=value", word);
    if (strncmp(word, "metric=", 7) == 0)
        return add_metric(p, word + 7, err);
    if (p->n_args + 1 >= ARGUMENTS_MOST) /* one is the metric */
        return nilo_err_set(err, NILO_EUSAGE, "more than %d arguments", ARGUMENTS_MOST - 1);
    char *name = strdup(word);
    if (name == NULL)
        return nilo_err_nomem(err);
    name[equals - word] = '\0';
    p->copies[p->n_args] = name;
    p->args[p->n_args++] = (struct nilo_arg){name, name + (equals - word) + 1};
    return 0;
}

static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
    }
    return false;
}

static bool on_terminal(FILE *out)
{
    return fileno(out) >= 0 && isatty(fileno(out)) == 1;
}

static int terminal_width(FILE *out)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    char *end = NULL;
    long wanted = columns != NULL ? strtol(columns, &end, 10) : 0;
    if (columns == NULL || end == columns || *end != '\0' || wanted <= 0)
        wanted = on_terminal(out) && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    return wanted < NILO_CHART_WIDTH_MIN ? NILO_CHART_WIDTH_MIN : wanted > NILO_CHART_WIDTH_MAX ? NILO_CHART_WIDTH_MAX : (int)wanted;
}

static int take_style(struct plot *p, struct nilo_err *err)
{
    const char *style = nilo_args_get(p->ctx->args, "style"), *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    static const char *const names[] = {[NILO_CHART_BRAILLE] = "braille", [NILO_CHART_BLOCK] = "block", [NILO_CHART_ASCII] = "ascii"};
    p->chart.style = locale_is_utf8() ? NILO_CHART_BRAILLE : NILO_CHART_ASCII;
    p->chart.colour = on_terminal(p->ctx->out) && (no_colour == NULL || no_colour[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
    for (int i = 0; style != NULL; i++) {
        if (i == 3)
            return nilo_err_set(err, NILO_EUSAGE, "--style is braille, block or ascii, not \"%s\"", style);
        if (strcmp(style, names[i]) != 0)
            continue;
        p->chart.style = (enum nilo_chart_style)i;
        break;
    }
    return 0;
}

static int take_args(struct plot *p, struct nilo_err *err)
{
    int64_t width, height;
    for (int i = 0; i < nilo_args_rest_n(p->ctx->args); i++) {
        if (take_word(p, nilo_args_rest(p->ctx->args, i), err) != 0)
            return -1;
    }
    if (p->n == 0)
        return nilo_err_set(err, NILO_EUSAGE, "name the metric to draw, like: nilometer plot views owner=mia");
    if (nilo_args_int(p->ctx->args, "width", NILO_CHART_WIDTH_MIN, NILO_CHART_WIDTH_MAX, terminal_width(p->ctx->out), &width, err) != 0 ||
        nilo_args_int(p->ctx->args, "height", NILO_CHART_HEIGHT_MIN, NILO_CHART_HEIGHT_MAX, HEIGHT, &height, err) != 0)
        return -1;
    p->chart.width = (int)width;
    p->chart.height = (int)height;
    return take_style(p, err);
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------------- */

static int take_head(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    struct series *s = ctx;
    const struct {
        const char *name;
        size_t *at;
    } wanted[] = {{s->change ? "change" : "value", &s->value}, {"period", &s->period}, {"open", &s->open}, {"absence", &s->why}};
    for (size_t k = 0; k < sizeof wanted / sizeof wanted[0]; k++) {
        size_t i = 0;
        while (i < head->n && strcmp(head->columns[i].name, wanted[k].name) != 0)
            i++;
        if (i == head->n)
            return nilo_err_set(err, NILO_EINTERNAL, "timeseries answers without a column %s", wanted[k].name);
        *wanted[k].at = i;
    }
    return 0;
}

static int take_row(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct series *s = ctx;
    if (s->n == s->cap) {
        size_t cap = s->cap > 0 ? 2 * s->cap : 256;
        struct nilo_chart_point *more = realloc(s->points, cap * sizeof *more);
        if (more == NULL)
            return nilo_err_nomem(err);
        s->points = more;
        s->cap = cap;
    }
    const struct nilo_datum *v = &cells[s->value], *why = &cells[s->why];
    s->points[s->n++] = (struct nilo_chart_point){
        .day = NILO_DAY((int32_t)cells[s->period].i), .has = !v->null, .open = !cells[s->open].null && cells[s->open].i != 0, .value = v->null ? 0 : v->i};
    s->scale = v->null ? s->scale : v->scale;
    s->any |= !v->null;
    s->gaps += v->null;
    if (v->null && !why->null && s->absence[0] == '\0')
        snprintf(s->absence, sizeof s->absence, "%.*s", (int)why->len, why->p);
    return 0;
}

static int read_series(struct plot *p, struct series *s, const struct nilo_scope *scope, struct nilo_err *err)
{
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    struct nilo_query *q = NULL;
    struct nilo_notes notes;
    request.any_range = true;
    request.as_of = nilo_args_get(p->ctx->args, "as-of");
    p->args[p->n_args] = (struct nilo_arg){"metric", s->metric};
    s->change = nilo_args_get(p->ctx->args, "change") != NULL;
    const struct nilo_sink sink = {take_head, take_row, s};
    if (nilo_query_call("timeseries", p->args, p->n_args + 1, &request, &q, &notes, err) != 0) {
        nilo__add_hint(&notes, err);
        return -1;
    }
    int rc = nilo_query_run(q, p->store, scope, &sink, err);
    if (rc == 0 && nilo_query_note(q) != NULL)
        nilo_cmd_notice(p->ctx, "%s", nilo_query_note(q));
    nilo_query_free(q);
    return rc == 0 ? 0 : -1;
}

static int read_all(struct plot *p, struct nilo_err *err)
{
    struct nilo_scope scope = NILO_SCOPE_ALL;
    struct nilo_workspace w;
    const char *workspace = nilo_args_get(p->ctx->args, "workspace");
    if (nilo_cmd_store(p->ctx, NILO_STORE_READ, &p->store, err) != 0)
        return -1;
    if (workspace != NULL) {
        if (nilo_store_workspace(p->store, workspace, false, NULL, &w, err) != 0)
            return nilo__wrong_name(err);
        scope = (struct nilo_scope){.role = NILO_ROLE_SERVICE, .workspaces = &w.id, .n = 1};
    }
    for (size_t i = 0; i < p->n; i++) {
        if (read_series(p, &p->series[i], &scope, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- what stands around the picture ---------------------------------------------------------------------------------------------------------- */

static const char *argument(const struct plot *p, const char *name)
{
    for (size_t i = 0; i < p->n_args; i++) {
        if (strcmp(p->args[i].name, name) == 0)
            return p->args[i].value;
    }
    return NULL;
}

static void put_days(struct plot *p, const struct series *s)
{
    char from[NILO_DAY_TEXT], to[NILO_DAY_TEXT];
    const char *step = argument(p, "step");
    nilo_day_format(s->points[0].day, from);
    nilo_day_format(s->points[s->n - 1].day, to);
    if (strcmp(from, to) == 0)
        nilo_buf_addf(&p->out, "%s", from);
    else
        nilo_buf_addf(&p->out, "%s to %s", from, to);
    if (step != NULL && strcmp(step, "day") != 0)
        nilo_buf_addf(&p->out, " by %s", step);
}

/* "views (change) owner=mia, 2026-03-08 to 2026-03-10" */
static void put_title(struct plot *p, const struct series *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        nilo_buf_addf(&p->out, "%s%s", i > 0 ? ", " : "", s[i].metric);
    if (nilo_args_get(p->ctx->args, "change") != NULL)
        nilo_buf_adds(&p->out, " (change)");
    for (size_t i = 0; i < p->n_args; i++) {
        static const char *const said[] = {"metric", "from", "to", "step"};
        bool skip = false;
        for (size_t k = 0; k < sizeof said / sizeof said[0]; k++)
            skip |= strcmp(p->args[i].name, said[k]) == 0;
        if (!skip)
            nilo_buf_addf(&p->out, " %s=%s", p->args[i].name, p->args[i].value);
    }
    nilo_buf_adds(&p->out, ", ");
    for (size_t i = 0; i < n; i++) {
        if (s[i].n > 0) {
            put_days(p, &s[i]);
            break;
        }
    }
    nilo_buf_addc(&p->out, '\n');
}

static const struct nilo_chart_point *last_value(const struct series *s)
{
    size_t i = s->n;
    while (i > 0 && !s->points[i - 1].has)
        i--;
    return i > 0 ? &s->points[i - 1] : NULL;
}

static void put_notes(struct plot *p, const struct series *s)
{
    char number[NILO_CHART_NUMBER], day[NILO_DAY_TEXT];
    const struct nilo_chart_point *last = last_value(s);
    nilo_buf_addf(&p->out, "%s: ", s->metric);
    if (last == NULL) {
        nilo_buf_adds(&p->out, "no value\n");
        return;
    }
    nilo_day_format(last->day, day);
    nilo_chart_number(last->value, s->scale, 2, number);
    nilo_buf_addf(&p->out, "%s on %s", number, day);
    if (last->open)
        nilo_buf_addf(&p->out, "%s, not over yet", p->chart.style == NILO_CHART_ASCII ? " (o)"
                                                  : p->chart.style == NILO_CHART_BLOCK ? " (\xe2\x96\x91)" : " (\xe2\x97\x8b)");
    /* a first reading has no change, which is no gap */
    size_t gaps = s->gaps - (s->change && s->n > 0 && !s->points[0].has);
    if (gaps > 0)
        nilo_buf_addf(&p->out, "; %zu of %zu periods without a value%s%s", gaps, s->n, s->absence[0] != '\0' ? ": " : "", s->absence);
    nilo_buf_addc(&p->out, '\n');
}

/* Nothing to draw is an answer too; it says what would help. */
static void put_nothing(struct plot *p)
{
    const char *from = argument(p, "from");
    nilo_buf_adds(&p->out, "Nothing to draw: no value of ");
    for (size_t i = 0; i < p->n; i++)
        nilo_buf_addf(&p->out, "%s%s", i > 0 ? ", " : "", p->series[i].metric);
    if (p->series[0].n > 0) {
        nilo_buf_adds(&p->out, ", ");
        put_days(p, &p->series[0]);
    } else {
        nilo_buf_adds(&p->out, " is recorded");
    }
    if (strcmp(p->series[0].absence, nilo_absence_name(NILO_DROPPED)) == 0) {
        nilo_buf_adds(&p->out, ".\nThese days were dropped and take no value any more: nilometer get drops says by whom and when.\n");
        return;
    }
    nilo_buf_addf(&p->out, ".\nDays of the past come from: nilometer backfill --from %s (SQL sources), or nilometer import FILE.\n",
                  from != NULL ? from : "DAY");
}

/* ---- output ----------------------------------------------------------------------------------------------------------------------------------- */

static struct nilo_chart_series chart_series(const struct series *s)
{
    return (struct nilo_chart_series){.name = s->metric, .scale = s->scale, .points = s->points, .n = s->n};
}

static int draw(struct plot *p, struct series *s, size_t n, struct nilo_err *err)
{
    struct nilo_chart_series list[NILO_CHART_SERIES_MAX];
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i].any)
            list[k++] = chart_series(&s[i]);
    }
    put_title(p, s, n);
    if (k > 0 && nilo_chart_draw(&p->chart, list, k, &p->out, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        put_notes(p, &s[i]);
    return 0;
}

static int sparks(struct plot *p, struct nilo_err *err)
{
    int widest = 0;
    for (size_t i = 0; i < p->n; i++)
        widest = (int)strlen(p->series[i].metric) > widest ? (int)strlen(p->series[i].metric) : widest;
    for (size_t i = 0; i < p->n; i++) {
        struct series *s = &p->series[i];
        const struct nilo_chart_series c = chart_series(s);
        char number[NILO_CHART_NUMBER];
        int room = p->chart.width - widest - 2 - 10;
        nilo_buf_addf(&p->out, "%-*s  ", widest, s->metric);
        if (s->any) {
            const struct nilo_chart_point *last = last_value(s);
            nilo_chart_number(last->value, s->scale, 2, number);
            if (nilo_chart_spark(p->chart.style, &c, room > 8 ? room : 8, &p->out, err) != 0)
                return -1;
            nilo_buf_addf(&p->out, "  %s\n", number);
        } else {
            nilo_buf_adds(&p->out, "no value\n");
        }
    }
    return 0;
}

static int as_json(struct plot *p, struct nilo_err *err)
{
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_array_begin(&a.json);
    for (size_t k = 0; k < p->n; k++) {
        const struct series *s = &p->series[k];
        nilo_json_object_begin(&a.json);
        nilo_json_key(&a.json, "metric");
        nilo_json_str(&a.json, s->metric);
        nilo_json_key(&a.json, "points");
        nilo_json_array_begin(&a.json);
        for (size_t i = 0; i < s->n; i++) {
            char text[NILO_DECIMAL_TEXT];
            size_t len = nilo_decimal_format(s->points[i].value, s->scale, true, text);
            nilo_json_object_begin(&a.json);
            nilo_json_key(&a.json, "period");
            nilo__json_day(&a.json, s->points[i].day);
            nilo_json_key(&a.json, s->change ? "change" : "value");
            if (s->points[i].has)
                nilo_json_text(&a.json, text, len);
            else
                nilo_json_null(&a.json);
            nilo_json_key(&a.json, "open");
            nilo_json_bool(&a.json, s->points[i].open);
            nilo_json_object_end(&a.json);
        }
        nilo_json_array_end(&a.json);
        nilo_json_object_end(&a.json);
    }
    nilo_json_array_end(&a.json);
    return nilo__answer_print(&a, p->ctx->out, err);
}

static int print(struct plot *p, struct nilo_err *err)
{
    bool any = false;
    int rc = 0;
    for (size_t i = 0; i < p->n; i++)
        any |= p->series[i].any;
    if (p->ctx->json)
        return as_json(p, err);
    nilo_buf_init(&p->out, TEXT_MOST);
    if (!any)
        put_nothing(p);
    else if (nilo_args_get(p->ctx->args, "spark") != NULL)
        rc = sparks(p, err);
    else if (p->chart.style != NILO_CHART_BLOCK)
        rc = draw(p, p->series, p->n, err);
    for (size_t i = 0; any && p->chart.style == NILO_CHART_BLOCK && nilo_args_get(p->ctx->args, "spark") == NULL && rc == 0 && i < p->n; i++) {
        nilo_buf_adds(&p->out, i > 0 ? "\n" : "");
        rc = draw(p, &p->series[i], 1, err);
    }
    if (rc == 0 && p->out.failed)
        rc = nilo_err_nomem(err);
    if (rc == 0)
        fwrite(nilo_buf_str(&p->out), 1, p->out.len, p->ctx->out);
    nilo_buf_done(&p->out);
    return rc;
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct plot p = {.ctx = ctx};
    int rc = take_args(&p, err);
    if (rc == 0)
        rc = read_all(&p, err);
    if (rc == 0)
        rc = print(&p, err);
    for (size_t i = 0; i < p.n; i++)
        free(p.series[i].points);
    for (size_t i = 0; i < ARGUMENTS_MOST; i++)
        free(p.copies[i]);
    nilo_store_close(p.store);
    return rc;
}

const struct nilo_cmd nilo_cmd_plot = {
    .name = "plot",
    .operands = "METRIC... [NAME=VALUE...]",
    .summary = "draw series as a chart in the terminal",
    .description = "Draws what the function timeseries answers and takes its arguments: from, to, step (day, week, month), owner, connection, platform, "
                   "external_id, window_days. Several metrics share one chart, each with its name at the end of its line; --style block draws one chart each. A "
                   "gap is left empty: missing is not zero. A circle (o, or a lighter column) marks a period that is not over.\n"
                   "\n"
                   "Lines are drawn in Braille dots where the locale is UTF-8, else in ASCII; in colour on a terminal unless NO_COLOR is set. The width "
                   "is the terminal's, or COLUMNS, or 80.\n"
                   "\n"
                   "  nilometer plot views owner=mia from=2026-01-01\n"
                   "  nilometer plot users_total posts_total step=week\n"
                   "  nilometer plot posts_created --style block --change\n"
                   "  nilometer plot views likes comments --spark",
    .options = (const struct nilo_option[]){{"workspace", "W", "only this workspace; default: all", false},
                                            {"style", "STYLE", "braille, block or ascii", false},
                                            {"width", "COLUMNS", "characters, 20 to 1000", false},
                                            {"height", "LINES", "lines of the drawing, 3 to 200; default 13", false},
                                            {"change", NULL, "the change against the value before instead of the value", false},
                                            {"spark", NULL, "one line for each metric", false},
                                            {"as-of", "TIME", "as it was known then: an instant, or the end of a day", false},
                                            {0}},
    .run = run,
};
