/* doctor --item ID: what is known of one item side by side: the all-time best, the newest snapshot, the newest 30 and 90 days. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/doctor.h"

enum side { BEST, LATEST, DAYS_30, DAYS_90, N_SIDES };
static const char *const headings[] = {"best", "latest", "30 days", "90 days"};
static const char *const names[] = {"best", "latest", "days_30", "days_90"};
static const char *const requests[] = {"content_best?", "content_latest?", "content_windows?window_days=eq.30&", "content_windows?window_days=eq.90&"};

/* One item of that id; there may be one on each connection. Texts live in the arena. */
struct item {
    const char *workspace, *connection, *title, *deleted_at;
    const char *day[N_SIDES];            /* of the snapshot */
    const char **value[N_SIDES];         /* of each metric, NULL = none */
    const char **best_day, **best_window; /* of each metric */
};
struct items {
    struct nilo_arena arena;
    const struct nilo_metric **metrics;
    size_t n_metrics;
    struct item *all;
    size_t n, cap;
    enum side side;
};

static const char *kept(struct items *t, const struct nilo_datum *d)
{
    char text[NILO_DATUM_MAX];
    size_t len;
    if (d->null)
        return NULL;
    const char *p = nilo_datum_text(d, text, &len);
    return nilo_arena_strndup(&t->arena, p, len);
}

static int no_head(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    (void)ctx, (void)head, (void)err;
    return 0;
}

static int item_row(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct items *t = ctx;
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 4;
        struct item *more = realloc(t->all, cap * sizeof *more);
        if (more == NULL)
            return nilo_err_nomem(err);
        t->all = more;
        t->cap = cap;
    }
    struct item *x = &t->all[t->n++];
    *x = (struct item){.workspace = kept(t, &cells[0]), .connection = kept(t, &cells[1]), .title = kept(t, &cells[2]),
                       .deleted_at = kept(t, &cells[3])};
    const char ***lists[] = {&x->value[0], &x->value[1], &x->value[2], &x->value[3], &x->best_day, &x->best_window};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        *lists[i] = nilo_arena_array(&t->arena, t->n_metrics + 1, sizeof **lists[i]);
        if (*lists[i] == NULL)
            return nilo_err_nomem(err);
        memset(*lists[i], 0, (t->n_metrics + 1) * sizeof **lists[i]);
    }
    return x->workspace != NULL && x->connection != NULL ? 0 : nilo_err_nomem(err);
}

/* {"views": "2026-03-10"} or {"views": 30} */
static int read_object(struct items *t, const struct nilo_datum *d, const char **to, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event e = NILO_JSON_END;
    const char *text;
    size_t len, at = t->n_metrics;
    if (d->null)
        return 0;
    if (nilo_json_new(d->p, d->len, NILO_JSON_DEFAULT_LIMITS, &j, err) != 0)
        return -1;
    int rc;
    while ((rc = nilo_json_next(j, &e, &text, &len, err)) == 0 && e != NILO_JSON_END) {
        if (e == NILO_JSON_KEY) {
            for (at = 0; at < t->n_metrics; at++)
                if (strlen(t->metrics[at]->name) == len && memcmp(t->metrics[at]->name, text, len) == 0)
                    break;
        } else if (e == NILO_JSON_STRING || e == NILO_JSON_NUMBER) {
            to[at] = nilo_arena_strndup(&t->arena, text, len);
        }
    }
    nilo_json_free(j);
    return rc;
}

static int side_row(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct items *t = ctx;
    const char *workspace = kept(t, &cells[0]), *connection = kept(t, &cells[1]);
    if (workspace == NULL || connection == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < t->n; i++) {
        struct item *x = &t->all[i];
        if (strcmp(x->workspace, workspace) != 0 || strcmp(x->connection, connection) != 0)
            continue;
        x->day[t->side] = kept(t, &cells[2]);
        for (size_t k = 0; k < t->n_metrics; k++)
            x->value[t->side][k] = kept(t, &cells[3 + k]);
        if (t->side == BEST && (read_object(t, &cells[3 + t->n_metrics], x->best_day, err) != 0 ||
                                read_object(t, &cells[4 + t->n_metrics], x->best_window, err) != 0))
            return -1;
    }
    return 0;
}

static int find_metrics(struct nilo_store *s, struct items *t, struct nilo_err *err)
{
    const struct nilo_catalog *c = nilo_store_catalog(s);
    t->metrics = nilo_arena_array(&t->arena, c->n + 1, sizeof *t->metrics);
    if (t->metrics == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < c->n; i++)
        if (c->metrics[i].wide)
            t->metrics[t->n_metrics++] = &c->metrics[i];
    return 0;
}

static int ask(struct nilo_store *s, struct items *t, const char *relation, const char *id, const char *columns, bool metrics,
               int (*row)(void *, const struct nilo_datum *, struct nilo_err *), struct nilo_err *err)
{
    struct nilo_buf request;
    nilo_buf_init(&request, (size_t)1 << 20);
    nilo_buf_adds(&request, relation);
    nilo_buf_adds(&request, "external_id=eq.");
    nilo__ask_value(&request, id);
    nilo_buf_addf(&request, "&select=%s", columns);
    for (size_t i = 0; i < t->n_metrics && metrics; i++)
        nilo_buf_addf(&request, ",%s", t->metrics[i]->name);
    if (metrics && t->side == BEST)
        nilo_buf_adds(&request, ",best_days,best_windows");
    const struct nilo_sink sink = {.head = no_head, .row = row, .ctx = t};
    int rc = nilo__ask(s, &request, &sink, err);
    nilo_buf_done(&request);
    return rc;
}

static int gather(struct nilo_store *s, struct items *t, const char *id, struct nilo_err *err)
{
    if (find_metrics(s, t, err) != 0 || ask(s, t, "content?", id, "workspace,connection,title,deleted_at", false, item_row, err) != 0)
        return -1;
    if (t->n == 0)
        return nilo_err_set(err, NILO_ENAME, "there is no item \"%s\"; nilometer get content lists them", id);
    for (int i = 0; i < N_SIDES; i++) {
        t->side = (enum side)i;
        if (ask(s, t, requests[i], id, "workspace,connection,day", true, side_row, err) != 0)
            return -1;
    }
    return 0;
}

static bool known(const struct item *x, size_t metric)
{
    bool any = false;
    for (int i = 0; i < N_SIDES; i++)
        any = any || x->value[i][metric] != NULL;
    return any;
}

static int print_table(const struct items *t, const struct item *x, FILE *out, struct nilo_err *err)
{
    struct nilo__table table;
    nilo__table_init(&table, 2 + N_SIDES, 0);
    nilo__table_add(&table, "metric");
    for (int i = 0; i < N_SIDES; i++)
        nilo__table_add(&table, headings[i]);
    nilo__table_add(&table, "best was read");
    nilo__table_add(&table, "(day)");
    for (int i = 0; i < N_SIDES; i++)
        nilo__table_add(&table, i == BEST ? "" : x->day[i] != NULL ? x->day[i] : "-");
    nilo__table_add(&table, "");
    for (size_t k = 0; k < t->n_metrics; k++) {
        const char *window = x->best_window[k];
        if (!known(x, k))
            continue;
        nilo__table_add(&table, t->metrics[k]->name);
        for (int i = 0; i < N_SIDES; i++)
            nilo__table_add(&table, x->value[i][k] != NULL ? x->value[i][k] : "-");
        if (window == NULL || x->best_day[k] == NULL)
            nilo__table_add(&table, "");
        else if (strcmp(window, "0") == 0)
            nilo__table_add(&table, x->best_day[k]);
        else
            nilo__table_addf(&table, "%s, in %s days", x->best_day[k], window);
    }
    return nilo__table_print(&table, out, err);
}

static int print_text(const struct items *t, const char *id, FILE *out, struct nilo_err *err)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct item *x = &t->all[i];
        if (i > 0)
            fputc('\n', out);
        nilo__put(out, id);
        fputs(" on ", out);
        nilo__put(out, x->connection);
        fputs(", workspace ", out);
        nilo__put(out, x->workspace);
        if (x->title != NULL) {
            fputs(": ", out);
            nilo__put(out, x->title);
        }
        if (x->deleted_at != NULL)
            fprintf(out, " (deleted on its platform, %.10s)", x->deleted_at);
        fputc('\n', out);
        if (print_table(t, x, out, err) != 0)
            return -1;
    }
    return 0;
}

static void number(struct nilo_json_out *o, const char *name, const char *text)
{
    nilo_json_key(o, name);
    if (text != NULL)
        nilo_json_text(o, text, strlen(text));
    else
        nilo_json_null(o);
}

static void text(struct nilo_json_out *o, const char *name, const char *value)
{
    nilo_json_key(o, name);
    nilo_json_str(o, value);
}

static int print_json(const struct items *t, const char *id, FILE *out, struct nilo_err *err)
{
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_array_begin(&a.json);
    for (size_t i = 0; i < t->n; i++) {
        const struct item *x = &t->all[i];
        nilo_json_object_begin(&a.json);
        text(&a.json, "workspace", x->workspace);
        text(&a.json, "connection", x->connection);
        text(&a.json, "external_id", id);
        text(&a.json, "title", x->title);
        text(&a.json, "deleted_at", x->deleted_at);
        text(&a.json, "latest_day", x->day[LATEST]);
        text(&a.json, "days_30_day", x->day[DAYS_30]);
        text(&a.json, "days_90_day", x->day[DAYS_90]);
        nilo_json_key(&a.json, "metrics");
        nilo_json_array_begin(&a.json);
        for (size_t k = 0; k < t->n_metrics; k++) {
            if (!known(x, k))
                continue;
            nilo_json_object_begin(&a.json);
            text(&a.json, "metric", t->metrics[k]->name);
            for (int side = 0; side < N_SIDES; side++)
                number(&a.json, names[side], x->value[side][k]);
            text(&a.json, "best_day", x->best_day[k]);
            number(&a.json, "best_window", x->best_window[k]);
            nilo_json_object_end(&a.json);
        }
        nilo_json_array_end(&a.json);
        nilo_json_object_end(&a.json);
    }
    nilo_json_array_end(&a.json);
    return nilo__answer_print(&a, out, err);
}

int nilo__doctor_item(struct nilo_cmd_ctx *ctx, const char *id, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct items t = {0};
    if (nilo_cmd_store(ctx, NILO_STORE_READ, &s, err) != 0)
        return -1;
    nilo_arena_init(&t.arena, 0);
    int rc = gather(s, &t, id, err);
    if (rc == 0)
        rc = ctx->json ? print_json(&t, id, ctx->out, err) : print_text(&t, id, ctx->out, err);
    free(t.all);
    nilo_arena_done(&t.arena);
    nilo_store_close(s);
    return rc;
}
