/* Writing in the PostgREST dialect, without HTTP: a method, a relation, a query string and a body to what is recorded and what is answered. Rows are
 * read strictly (write/body.c), looked at by the rules of their relation, and handed to record or to the store's own functions, all in one
 * transaction: an answer that is an error has changed nothing. What rpc/record takes is the exception: row by row, good ones are kept.
 *
 * Leaves to api/ the headers and who is asking, to record which day, run and reading it is, to query how rows are spelled. */
#ifndef NILO_WRITE_WRITE_H
#define NILO_WRITE_WRITE_H

#include "query/query.h"

enum nilo_write_verb { NILO_WRITE_POST, NILO_WRITE_PATCH, NILO_WRITE_DELETE, NILO_WRITE_PUT };
enum nilo_write_return { NILO_WRITE_MINIMAL, NILO_WRITE_HEADERS, NILO_WRITE_ROWS };
enum nilo_write_resolution { NILO_WRITE_INSERT, NILO_WRITE_MERGE, NILO_WRITE_IGNORE };

/* What the header Prefer asks of a write. */
struct nilo_write_prefer {
    enum nilo_write_return ret;
    enum nilo_write_resolution resolution;
    bool missing_default, count;
    bool strict;          /* what would be rounded is refused */
    int64_t max_affected; /* -1 = any number */
};

struct nilo_write {
    enum nilo_write_verb verb;
    const char *relation;
    const char *query; /* still encoded; "" = none */
    size_t query_len;
    const char *body;
    size_t body_len;
    struct nilo_write_prefer prefer;
    struct nilo_scope scope;      /* of one workspace, or of none where nothing is recorded yet */
    int64_t workspace;            /* 0 = none */
    const char *workspace_name;
    bool among;                   /* others have workspaces here, and who asks does not speak for them: what is common to all is not changed */
    const char *author;           /* who asks; NULL = not known */
    const char *batch;            /* of record: the key of a batch that names none itself; NULL = it has none */
    bool (*late)(void *ctx);      /* asked before the commit: true, and nothing is written (NILO_ETIMEOUT); NULL = it takes as long as it takes */
    void *late_ctx;
    enum nilo_format format;      /* of what is returned: JSON, OBJECT or CSV */
    bool strip;
};

struct nilo_written {
    int status;
    int64_t rows;        /* touched */
    int64_t rounded;     /* averages and percentages of more digits than are kept: rounded half-even, which the answer says */
    bool has_body;       /* return=representation */
    struct nilo_buf body;
    struct nilo_buf location; /* "" = none; behind the relation's path: "?key=eq.value" */
    char content_range[NILO_CONTENT_RANGE_TEXT]; /* "" = none */
};
void nilo_written_init(struct nilo_written *w);
void nilo_written_done(struct nilo_written *w);

/** nilo_write_run - does it, in a transaction of its own; the store has to be open for writing
 *  notes    not NULL: details and hint of a refusal
 *  errors   NILO_ERELATION, NILO_EPERM, NILO_EBODY, NILO_EPAYLOADCOLUMN, NILO_ENULL, NILO_ECHECK, NILO_ENUMBER, NILO_EDATE, NILO_EDATERANGE,
 *           NILO_EEXIST (409 23505), NILO_ECONSTRAINT (42P10), NILO_EMAXAFFECTED, NILO_ECLOSED (a series' row is not changed), and the store's */
int nilo_write_run(struct nilo_store *s, const struct nilo_write *w, struct nilo_written *ret, struct nilo_notes *notes, struct nilo_err *err);

/** nilo_write_record - the function record(batch, connection, platform, rows): of w the body, scope and workspace count. Rows stand for themselves: the answer
 *  {run, batch, status, rows, failed, results: [{row, status, code, message}]} tells of each what became of it. A batch key that was completed before
 *  is answered "repeated", without results
 *  errors   of the body as a whole, NILO_EPERM, the store's: then nothing was recorded */
int nilo_write_record(struct nilo_store *s, const struct nilo_write *w, struct nilo_written *ret, struct nilo_notes *notes, struct nilo_err *err);

/* May this be written to at all? What Allow says: a set of 1 << verb. */
unsigned nilo_write_verbs(const char *relation);
enum nilo_role nilo_write_role(const char *relation); /* the least that may; of one that takes none: the service's */

#endif
