/* The writer of answers, shared by out.c and out_table.c. */
#ifndef NILO_QUERY_OUT_PRIV_H
#define NILO_QUERY_OUT_PRIV_H

#include "base/json.h"
#include "query/query.h"

struct nilo__layout; /* of a table */

struct nilo_writer {
    enum nilo_format format;
    bool strip, begun;
    nilo_write_fn *write;
    void *write_ctx;
    struct nilo_buf buf;
    struct nilo_head head; /* its columns live as long as the query */
    int64_t rows;
    struct nilo__layout *layout;
};
/** nilo__writer_flush - hands the bytes on when there are at least so many */
int nilo__writer_flush(struct nilo_writer *w, size_t least, struct nilo_err *err);

int nilo__table_head(struct nilo_writer *w, struct nilo_err *err);
int nilo__table_row(struct nilo_writer *w, const struct nilo_datum *cells, struct nilo_err *err);
int nilo__table_end(struct nilo_writer *w, struct nilo_err *err);
void nilo__table_free(struct nilo_writer *w);

#endif
