/* Writing in the PostgREST dialect, without HTTP: a method, a relation, a query string and a body to what is recorded and what is answered. Rows are
 * read strictly (write/body.c), looked at by the rules of their relation, and handed to record or to the store's own functions, all in one
 * transaction: an answer that is an error has changed nothing. What rpc/record takes is the exception: row by row, good ones are kept.
 *
 * Leaves to api/ the headers and who is asking, to record which day, run and reading it is, to query how rows are spelled. */
#ifndef NILO_WRITE_WRITE_H
#define NILO_WRITE_WRITE_H

#include "query/query.h"

enum nilo_write_verb { NILO_WRITE_POST, NILO_WRITE_PATCH, NILO_WRITE_DELETE, NILO_WRITE_PUT };
enum nilo_write_return { NILO_RETURN_MINIMAL, NILO_RETURN_HEADERS, NILO_RETURN_ROWS };
enum nilo_write_resolution { NILO_RESOLVE_NOT, NILO_RESOLVE_MERGE, NILO_RESOLVE_IGNORE };

/* The header Prefer, those of its words that writing knows. */
struct nilo_prefer {
    enum nilo_write_return ret;
    enum nilo_write_resolution resolution;
    bool missing_default, count, strict;
    int64_t max_affected; /* -1 = none; counts only with handling=strict */
    bool said_ret, said_resolution, said_missing, said_count, said_handling;
};
/** nilo_prefer_add - what one header says ("return=minimal, count=exact"); of words that come twice the first counts. Start from NILO_PREFER_DEFAULT.
 *  unknown  words that nobody knows are appended, joined by ", "; nilo_prefer_check() refuses them under handling=strict (PGRST122) */
#define NILO_PREFER_DEFAULT ((struct nilo_prefer){.max_affected = -1})
void nilo_prefer_add(struct nilo_prefer *p, const char *text, size_t len, struct nilo_buf *unknown);
int nilo_prefer_check(const struct nilo_prefer *p, const struct nilo_buf *unknown, struct nilo_notes *notes, struct nilo_err *err);
void nilo_prefer_applied(const struct nilo_prefer *p, struct nilo_buf *out); /* the header Preference-Applied; "" = none */

struct nilo_write {
    enum nilo_write_verb verb;
    const char *relation;
    const char *query; /* still encoded; "" = none */
    size_t query_len;
    const char *body;
    size_t body_len;
    struct nilo_prefer prefer;
    struct nilo_scope scope;      /* of one workspace, or of none where nothing is recorded yet */
    int64_t workspace;            /* 0 = none */
    const char *workspace_name;
    const char *author;           /* who asks; NULL = not known */
    enum nilo_format format;      /* of what is returned: JSON, OBJECT or CSV */
    bool strip;
};

struct nilo_written {
    int status;
    int64_t rows;        /* touched */
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

/* May this be written to at all? What Allow says: a set of 1 << verb. */
unsigned nilo_write_verbs(const char *relation);

#endif
