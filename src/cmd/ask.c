/* Commands that read more than the small tables ask query, like everybody else. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd_priv.h"

const struct nilo_scope nilo__everything = {.role = NILO_ROLE_SERVICE, .all = true};

/* ---- requests --------------------------------------------------------------------------------------------------------------- */

void nilo__ask_value(struct nilo_buf *request, const char *value)
{
    for (const unsigned char *p = (const unsigned char *)value; *p != '\0'; p++) {
        bool plain = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '-' || *p == '_';
        if (plain)
            nilo_buf_addc(request, (char)*p);
        else
            nilo_buf_addf(request, "%%%02X", *p);
    }
}

static int parse(struct nilo_store *s, const struct nilo_buf *request, struct nilo_query **ret, struct nilo_err *err)
{
    struct nilo_request how = NILO_REQUEST_DEFAULT;
    how.any_range = true;
    if (request->failed)
        return nilo_err_nomem(err);
    return nilo_query_parse(s, nilo_buf_str(request), request->len, &how, ret, NULL, err);
}

int nilo__ask(struct nilo_store *s, const struct nilo_buf *request, const struct nilo_sink *sink, struct nilo_err *err)
{
    struct nilo_query *q = NULL;
    if (parse(s, request, &q, err) != 0)
        return -1;
    int rc = nilo_query_run(q, s, &nilo__everything, sink, err);
    nilo_query_free(q);
    return rc;
}

/* ---- one number, one text ----------------------------------------------------------------------------------------------------- */

struct first {
    int64_t number;
    struct nilo_buf *text;
};

static int no_head(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    (void)ctx, (void)head, (void)err;
    return 0;
}

static int first_row(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct first *f = ctx;
    (void)err;
    if (cells[0].null)
        return 0;
    f->number = (int64_t)cells[0].i;
    if (f->text != NULL)
        nilo_buf_add(f->text, cells[0].p, cells[0].len);
    return 0;
}

int nilo__ask_number(struct nilo_store *s, const struct nilo_buf *request, int64_t fallback, int64_t *ret, struct nilo_err *err)
{
    struct first f = {.number = fallback};
    const struct nilo_sink sink = {.head = no_head, .row = first_row, .ctx = &f};
    if (nilo__ask(s, request, &sink, err) != 0)
        return -1;
    *ret = f.number;
    return 0;
}

int nilo__ask_text(struct nilo_store *s, const struct nilo_buf *request, struct nilo_buf *ret, struct nilo_err *err)
{
    struct first f = {.text = ret};
    const struct nilo_sink sink = {.head = no_head, .row = first_row, .ctx = &f};
    return nilo__ask(s, request, &sink, err) != 0 || ret->failed ? -1 : 0;
}

/* ---- answers as they are -------------------------------------------------------------------------------------------------------- */

static int print(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    (void)err; /* what did not arrive is told at the end, for all commands alike */
    fwrite(p, 1, n, (FILE *)ctx);
    return 0;
}

/* The writer needs the query's columns until its end. */
int nilo__ask_print(struct nilo_store *s, const struct nilo_buf *request, enum nilo_format format, FILE *out, struct nilo_err *err)
{
    struct nilo_query *q = NULL;
    struct nilo_writer *w = NULL;
    if (parse(s, request, &q, err) != 0)
        return -1;
    int rc = nilo_writer_new(format, false, print, out, &w, err);
    if (rc == 0) {
        const struct nilo_sink sink = nilo_writer_sink(w);
        rc = nilo_query_run(q, s, &nilo__everything, &sink, err);
    }
    if (rc == 0)
        rc = nilo_writer_end(w, err);
    nilo_writer_free(w);
    nilo_query_free(q);
    return rc;
}
