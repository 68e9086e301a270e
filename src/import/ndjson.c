/* NDJSON: one object a line. What columns are, members.c says. */
#include "import/import_priv.h"

#include <stdlib.h>
#include <string.h>

struct nilo__ndjson {
    struct nilo__text_lines lines;
    struct nilo__members members;
    struct nilo_err trouble; /* with the present line */
};

int nilo__ndjson_new(struct nilo__input *in, struct nilo__plan *plan, struct nilo__ndjson **ret, struct nilo_err *err)
{
    struct nilo__ndjson *n = calloc(1, sizeof *n);
    if (n == NULL)
        return nilo_err_nomem(err);
    nilo__text_lines_init(&n->lines, in);
    if (nilo__members_init(&n->members, plan, err) != 0) {
        nilo__ndjson_free(n);
        return -1;
    }
    *ret = n;
    return 0;
}

void nilo__ndjson_free(struct nilo__ndjson *n)
{
    if (n == NULL)
        return;
    nilo__text_lines_done(&n->lines);
    nilo__members_done(&n->members);
    free(n);
}

const char *nilo__ndjson_keys(const struct nilo__ndjson *n)
{
    return nilo_buf_str(&n->members.keys);
}

const char *nilo__json_where(const char *message)
{
    static const char prefix[] = "line 1, "; /* the parser's line is ours already */
    return strncmp(message, prefix, strlen(prefix)) == 0 ? message + strlen(prefix) : message;
}

static int parse_line(struct nilo__ndjson *n, struct nilo__row *ret, struct nilo_err *err)
{
    struct nilo__members *m = &n->members;
    const struct nilo_buf *raw = &n->lines.raw;
    *ret = (struct nilo__row){.line = n->lines.line, .raw = nilo_buf_str(raw), .raw_len = raw->len, .cells = m->cells, .n_cells = m->plan->n_columns};
    if (ret->raw_len > 0 && ret->raw[ret->raw_len - 1] == '\r')
        ret->raw_len--;
    if (nilo__members_read(m, nilo_buf_str(raw), raw->len, &n->trouble) != 0) {
        if (n->trouble.code != NILO_EBODY) {
            if (err != NULL)
                *err = n->trouble;
            return -1;
        }
        ret->why = NILO__JSON;
        ret->detail = nilo__json_where(n->trouble.msg);
    } else if (m->cell_large) {
        ret->why = NILO__CELL_LARGE;
    }
    nilo__members_end(m, !m->plan->by_name); /* a column that --map names is a column of every object: left out is empty */
    return 1;
}

int nilo__ndjson_next(struct nilo__ndjson *n, struct nilo__row *ret, struct nilo_err *err)
{
    int rc = nilo__text_lines_next(&n->lines, err);
    if (rc != 1)
        return rc;
    if (!n->lines.large)
        return parse_line(n, ret, err);
    *ret = (struct nilo__row){.line = n->lines.line, .why = NILO__ROW_LARGE};
    return 1;
}
