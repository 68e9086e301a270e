/* See rest_days.h. The state of all days of what is asked for is a byte a day: the reason why it is not whole, 0 where it is. */
#include "api/rest_days.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define RANGES_MAX 20   /* named in a header */
#define GAPS_MAX   1500 /* bytes of it */
#define DAYS_MAX   65536
#define HISTORY_MAX 36524 /* days back: a century; what is older is told as not collected */
#define WHICH_MAX   200
#define PAUSED      100 /* among the reasons: no absence of a value */

/* As kept: first, then the days' bytes. */
struct map {
    int32_t first, n, through; /* through: the newest day on which anything was read; NILO_DAY_NONE */
    int32_t begins;            /* the first day on which there was anything to read; NILO_DAY_NONE */
    int32_t today;
    bool fills;                /* would a backfill fill days of it? */
    char which[WHICH_MAX];     /* its options that say of what; "" = of all */
    unsigned char reason[];
};

/* Whose days. */
struct asked {
    struct nilo_arg args[NILO_ASKED_MOST + 2]; /* with those for the days */
    size_t n;
    int32_t win;
    nilo_day from; /* of items that are named: the history of those is read from here on alone; NILO_DAY_NONE */
};

void nilo_rest_header(struct nilo_buf *headers, const char *name, const char *fmt, ...)
{
    va_list ap;
    nilo_buf_adds(headers, name);
    nilo_buf_adds(headers, ": ");
    size_t from = headers->len;
    va_start(ap, fmt);
    nilo_header_value(headers, fmt, ap);
    va_end(ap);
    nilo_header_blank(headers, from);
    nilo_buf_adds(headers, "\r\n");
}

/* ---- the map ------------------------------------------------------------------------------------------------------------------------------- */

static int no_head(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    (void)ctx, (void)head, (void)err;
    return 0;
}

/* A row of coverage(): day, window_days, items, of, reason, latest_day */
static int take_day(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct map **m = ctx;
    char name[32];
    (void)err;
    if ((*m)->n == DAYS_MAX)
        return 0;
    int reason = 0;
    if (cells[3].i > 0 && (*m)->begins == NILO_DAY_NONE.n)
        (*m)->begins = (int32_t)cells[0].i;
    if (!cells[4].null) {
        snprintf(name, sizeof(name), "%.*s", (int)cells[4].len, cells[4].p);
        reason = strcmp(name, "paused") == 0 ? PAUSED : nilo_absence_value(name);
    } else if (cells[3].i == 0) {
        reason = NILO_NOT_COLLECTED; /* nothing was there to be read yet: a backfill may know of it */
    }
    if (!cells[5].null)
        (*m)->through = (int32_t)cells[5].i;
    /* a day that a zone skips has no row */
    for (int32_t day = (int32_t)cells[0].i; (*m)->first + (*m)->n < day && (*m)->n < DAYS_MAX - 1;)
        (*m)->reason[(*m)->n++] = 0;
    (*m)->reason[(*m)->n++] = (unsigned char)(reason > 0 ? reason : 0);
    (*m)->today = (int32_t)cells[0].i;
    return 0;
}

static int ask_coverage(struct nilo_store *s, const struct nilo_scope *scope, struct asked *asked, nilo_day first, struct map **m, struct nilo_err *err)
{
    char from[NILO_DAY_TEXT], window[16];
    struct nilo_query *q;
    const struct nilo_scope seen = {.role = scope->role > NILO_ROLE_AUTHENTICATED ? scope->role : NILO_ROLE_AUTHENTICATED,
                                    .all = scope->all, .workspaces = scope->workspaces, .n = scope->n};
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    request.any_range = true;
    nilo_day_format(first, from);
    snprintf(window, sizeof(window), "%d", (int)asked->win);
    asked->args[asked->n] = (struct nilo_arg){"from", from};
    asked->args[asked->n + 1] = (struct nilo_arg){"window_days", window};
    const struct nilo_sink sink = {no_head, take_day, m};
    if (nilo_query_call("coverage", asked->args, asked->n + 2, &request, &q, NULL, err) != 0)
        return -1;
    int rc = nilo_query_run(q, s, &seen, &sink, err);
    nilo_query_free(q);
    return rc;
}

static int ask_backfill(struct nilo_store *s, const struct nilo_scope *scope, const struct asked *asked, struct nilo_arena *arena, struct map *m, struct nilo_err *err)
{
    const char *options;
    if (nilo_query_fills(s, scope, asked->args, asked->n, arena, &options, err) != 0)
        return -1;
    m->fills = options != NULL;
    if (options != NULL && strlen(options) < sizeof(m->which))
        memcpy(m->which, options, strlen(options) + 1);
    return 0;
}

static int make_map(struct nilo_store *s, const struct nilo_scope *scope, struct asked *asked, struct nilo_arena *arena, struct map **ret, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(s);
    nilo_day first, last;
    struct map *m = calloc(1, sizeof(*m) + DAYS_MAX);
    if (m == NULL)
        return nilo_err_nomem(err);
    if (nilo_query_recorded(s, scope, &first, &last, err) != 0) {
        free(m);
        return -1;
    }
    int32_t today = (int32_t)(env->clock.wall(env->clock.ctx) / NILO_US_DAY), earliest = today - HISTORY_MAX;
    if (!nilo_day_is_none(first) && first.n < earliest)
        first.n = earliest;
    if (!nilo_day_is_none(first) && !nilo_day_is_none(asked->from) && asked->from.n > first.n && asked->from.n < today)
        first = asked->from;
    m->first = first.n;
    m->through = m->today = m->begins = NILO_DAY_NONE.n;
    if (!nilo_day_is_none(first) && (ask_coverage(s, scope, asked, first, &m, err) != 0 || ask_backfill(s, scope, asked, arena, m, err) != 0)) {
        free(m);
        return -1;
    }
    *ret = m;
    return 0;
}

static void key_of(const struct nilo_scope *scope, const struct asked *asked, struct nilo_rest_key *ret)
{
    struct nilo_blake h;
    nilo_blake_init(&h);
    nilo_blake_add(&h, "days", 5);
    nilo_blake_add(&h, &scope->all, sizeof(scope->all));
    nilo_blake_add(&h, scope->workspaces, scope->n * sizeof(*scope->workspaces));
    nilo_blake_add(&h, &asked->win, sizeof(asked->win));
    nilo_blake_add(&h, &asked->from.n, sizeof(asked->from.n));
    for (size_t i = 0; i < asked->n; i++) {
        nilo_blake_add(&h, asked->args[i].name, strlen(asked->args[i].name) + 1);
        nilo_blake_add(&h, asked->args[i].value, strlen(asked->args[i].value) + 1);
    }
    nilo_blake_done(&h, ret->bytes);
}

/* ---- the headers --------------------------------------------------------------------------------------------------------------------------- */

struct gaps {
    struct nilo_buf text;
    int64_t days, whole; /* of those asked for */
    int ranges, left_out;
    int32_t today;
    nilo_day first, last; /* of what a backfill might fill */
};

static int reason_on(const struct map *m, int32_t day)
{
    return day < m->first || day - m->first >= m->n ? NILO_NOT_COLLECTED : m->reason[day - m->first];
}

/* What the source itself has said, what went for good and what is still to come no backfill brings. */
static bool may_be_filled(int reason)
{
    return reason == NILO_FAILED || reason == NILO_NOT_PERMITTED || reason == NILO_NOT_COLLECTED || reason == NILO_NOT_DUE || reason == PAUSED;
}

static void put_gap(struct gaps *g, int32_t from, int32_t to, int reason)
{
    char a[NILO_DAY_TEXT], b[NILO_DAY_TEXT];
    nilo_day_format(NILO_DAY(from), a);
    nilo_day_format(NILO_DAY(to), b);
    if (may_be_filled(reason) && from < g->today) {
        if (nilo_day_is_none(g->first))
            g->first = NILO_DAY(from);
        g->last = NILO_DAY(to < g->today ? to : g->today - 1);
    }
    if (g->ranges == RANGES_MAX) {
        g->left_out++;
        return;
    }
    g->ranges++;
    nilo_buf_addf(&g->text, "%s%s%s%s %s", g->text.len > 0 ? ", " : "", a, from < to ? ".." : "", from < to ? b : "", reason == PAUSED ? "paused" : nilo_absence_name(reason));
}

static void find_gaps(const struct map *m, int32_t from, int32_t to, struct gaps *g)
{
    int32_t since = from;
    int open = 0;
    for (int32_t day = from; day <= to; day++) {
        int reason = reason_on(m, day);
        g->days++;
        g->whole += reason == 0;
        if (reason == open)
            continue;
        if (open != 0)
            put_gap(g, since, day - 1, open);
        open = reason;
        since = day;
    }
    if (open != 0 && from <= to)
        put_gap(g, since, to, open);
}

static void put_headers(const struct map *m, nilo_day from, nilo_day to, struct nilo_buf *headers)
{
    struct gaps g = {.today = m->today, .first = NILO_DAY_NONE, .last = NILO_DAY_NONE};
    char a[NILO_DAY_TEXT], b[NILO_DAY_TEXT];
    if (m->n == 0) {
        nilo_rest_header(headers, "Nilometer-Hint", "nothing is recorded yet: nilometer collect reads the sources, nilometer import files");
        return;
    }
    if (m->through != NILO_DAY_NONE.n) {
        nilo_day_format(NILO_DAY(m->through), a);
        nilo_rest_header(headers, "Nilometer-Data-Through", "%s", a);
    }
    int32_t begins = m->begins != NILO_DAY_NONE.n ? m->begins : m->today + 1; /* nothing of it was ever read */
    int32_t first = nilo_day_is_none(from) ? begins : from.n, last = nilo_day_is_none(to) || to.n > m->today ? m->today : to.n;
    if ((int64_t)last - first >= DAYS_MAX)
        first = last - DAYS_MAX + 1;
    nilo_buf_init(&g.text, GAPS_MAX);
    find_gaps(m, first, last, &g);
    nilo_rest_header(headers, "Nilometer-Coverage", "%lld/%lld", (long long)g.whole, (long long)g.days);
    if (g.left_out > 0)
        nilo_buf_addf(&g.text, ", and %d more", g.left_out);
    if (g.ranges > 0)
        nilo_rest_header(headers, "Nilometer-Gaps", "%s", nilo_buf_str(&g.text));
    if (m->fills && !nilo_day_is_none(g.first)) {
        nilo_day_format(g.first, a);
        nilo_day_format(g.last, b);
        nilo_rest_header(headers, "Nilometer-Hint", "nilometer backfill --from %s --to %s%s", a, b, m->which);
    }
    nilo_buf_done(&g.text);
}

/* Of named items alone the days are read from the first one asked for on: their history may be long, and who asks for them is many. */
static int ask(const struct nilo_query *q, struct nilo_arena *arena, struct asked *ret, nilo_day *ret_from, nilo_day *ret_to, struct nilo_err *err)
{
    nilo_query_days(q, ret_from, ret_to, &ret->win);
    ret->from = NILO_DAY_NONE;
    if (nilo_query_asked(q, arena, ret->args, &ret->n, err) != 0)
        return -1;
    for (size_t i = 0; i < ret->n; i++) {
        if (strcmp(ret->args[i].name, "external_id") == 0)
            ret->from = *ret_from;
    }
    return 0;
}

int nilo_rest_days(const struct nilo_api *api, struct nilo_rest_mark mark, const struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope,
                   struct nilo_arena *arena, struct nilo_buf *headers, struct nilo_err *err)
{
    const struct nilo_relation *relation = nilo_query_relation(q);
    nilo_day from, to;
    struct asked asked;
    struct map *made = NULL;
    struct nilo_rest_key key;
    if (relation == NULL || relation->covers == NULL || scope->role < relation->min_role)
        return 0;
    if (ask(q, arena, &asked, &from, &to, err) != 0)
        return -1;
    key_of(scope, &asked, &key);
    const struct nilo_rest_kept *kept = nilo_rest_cache_find(api, &key);
    if (kept == NULL && make_map(s, scope, &asked, arena, &made, err) != 0)
        return -1;
    if (made != NULL) {
        const struct nilo_rest_kept keep = {.until = nilo_rest_cache_until(api, 5 * NILO_US_MINUTE), .body = (const char *)made,
                                            .body_n = sizeof(*made) + (size_t)made->n};
        nilo_rest_cache_put(api, &key, mark, &keep);
    }
    if (made == NULL) { /* its bytes lie in the entry without an alignment */
        made = malloc(kept->body_n);
        if (made != NULL)
            memcpy(made, kept->body, kept->body_n);
    }
    nilo_rest_cache_drop(kept);
    if (made == NULL)
        return nilo_err_nomem(err);
    put_headers(made, from, to, headers);
    free(made);
    return headers->failed ? nilo_err_nomem(err) : 0;
}
