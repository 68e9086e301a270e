/* What may be asked of the rows of a function, as of those of a relation: select, conditions, order, pages, aggregates. A function's rows come from code,
 * so all of it happens here, row by row; only what is put in order or together is kept, within the bounds of fold.c. */
#include <stdlib.h>
#include <string.h>

#include "query/query_priv.h"

#define TEXT_MOST ((size_t)64 << 20)
#define ENOUGH    2 /* the page is full and nobody counts the rest */

struct nilo__shaping {
    struct nilo_query *q;
    const struct nilo_sink *sink;
    struct nilo__fold *fold;
    const struct nilo_datum *row; /* by column */
    struct nilo_datum *cells, *order;
    struct nilo_buf *text, scratch; /* by item */
    int64_t seen;
    struct nilo_arena arena;
};

/* The function's columns, for the grammar. */
int nilo__call_columns(struct nilo_query *q, struct nilo_err *err)
{
    const struct nilo_function *f = q->function;
    struct nilo_column *columns = nilo_arena_array(&q->arena, q->n_out + 1, sizeof *columns);
    if (!columns)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < q->n_out; i++)
        columns[i] = i < f->n_columns ? f->columns[i] : (struct nilo_column){.name = q->out[i].name, .type = q->out[i].type};
    q->columns = columns;
    q->n_columns = q->n_out;
    return 0;
}

int nilo__shaping_new(struct nilo_query *q, const struct nilo_sink *sink, struct nilo__shaping **ret, struct nilo_err *err)
{
    struct nilo__shaping *s = calloc(1, sizeof *s);
    if (!s)
        return nilo_err_nomem(err);
    *s = (struct nilo__shaping){.q = q, .sink = sink};
    nilo_arena_init(&s->arena, 0);
    nilo_buf_init(&s->scratch, TEXT_MOST);
    s->cells = nilo_arena_array(&s->arena, q->n_items + 1, sizeof *s->cells);
    s->order = nilo_arena_array(&s->arena, q->n_order + 1, sizeof *s->order);
    s->text = nilo_arena_array(&s->arena, q->n_items + 1, sizeof *s->text);
    for (size_t i = 0; s->text && i < q->n_items; i++)
        nilo_buf_init(&s->text[i], TEXT_MOST);
    int rc = s->cells && s->order && s->text ? 0 : nilo_err_nomem(err);
    if (rc == 0 && (q->folded || (q->n_order && !q->presorted)))
        rc = nilo__fold_new(q, &s->fold, err);
    if (rc < 0)
        nilo__shaping_free(s);
    else
        *ret = s;
    return rc;
}

void nilo__shaping_free(struct nilo__shaping *s)
{
    if (!s)
        return;
    nilo__fold_free(s->fold);
    for (size_t i = 0; s->text && i < s->q->n_items; i++)
        nilo_buf_done(&s->text[i]);
    nilo_buf_done(&s->scratch);
    nilo_arena_done(&s->arena);
    free(s);
}

int nilo__shaping_head(struct nilo__shaping *s, struct nilo_head *head, struct nilo_err *err)
{
    return s->fold ? 0 : s->sink->head(s->sink->ctx, head, err); /* of what is kept it comes when all is known */
}

static int value_of(void *ctx, const struct nilo_column *column, const struct nilo__path *path, struct nilo_datum *ret, struct nilo_err *err)
{
    struct nilo__shaping *s = ctx;
    const struct nilo_datum *base = &s->row[column - s->q->columns];
    *ret = *base;
    return path->n && !base->null ? nilo__json_at(base->p, base->len, path, &s->scratch, ret, err) : 0;
}

static int fill(struct nilo__shaping *s, struct nilo_err *err)
{
    const struct nilo_query *q = s->q;
    for (size_t i = 0; i < q->n_items; i++) {
        const struct nilo__item *item = &q->items[i];
        if (!item->column)
            s->cells[i] = nilo_datum_int(1);
        else if (nilo__item_value(item, &s->row[item->column - q->columns], &s->text[i], &s->cells[i], err) < 0)
            return -1;
    }
    for (size_t i = 0; i < q->n_order; i++)
        s->order[i] = s->row[q->order[i].column - q->columns];
    return 0;
}

int nilo__shaping_row(struct nilo__shaping *s, const struct nilo_datum *row, struct nilo_err *err)
{
    const struct nilo_query *q = s->q;
    s->row = row;
    int holds = nilo__holds(q->filter, value_of, s, err);
    if (holds != 1)
        return holds;
    int64_t at = s->seen++ - q->offset;
    bool beyond = !s->fold && q->limit >= 0 && at >= q->limit;
    if (beyond)
        return q->request.count == NILO_COUNT_EXACT ? 0 : ENOUGH;
    if (!s->fold && at < 0)
        return 0;
    if (fill(s, err) < 0)
        return -1;
    return s->fold ? nilo__fold_add(s->fold, s->cells, s->order, NULL, err) : s->sink->row(s->sink->ctx, s->cells, err);
}

int nilo__shaping_end(struct nilo__shaping *s, int rc, struct nilo_head *head, struct nilo_err *err)
{
    if (rc == ENOUGH)
        return 0;
    if (rc == 0 && s->fold) {
        rc = nilo__fold_answer(s->fold, s->q, head, s->sink, err);
        return rc;
    }
    return rc == 0 ? nilo__count_head(s->q, s->seen, head, err) : rc;
}
