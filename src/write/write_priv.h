/* Shared inside write/: rows of a body, cells of a row, and what the relations' own files ask of each other. */
#ifndef NILO_WRITE_WRITE_PRIV_H
#define NILO_WRITE_WRITE_PRIV_H

#include "query/compat.h"
#include "record/record.h"
#include "write/write.h"

#define NILO__ARENA_MAX ((size_t)512 << 20) /* a body of 16 MiB in rows and cells */

/* ---- body.c: JSON to rows ---------------------------------------------------------------------------------------------------- */

enum nilo__json_kind { NILO__ABSENT, NILO__NULL, NILO__BOOL, NILO__NUMBER, NILO__STRING, NILO__NESTED };

/* One member of a row. Only what a row holds is kept, however many columns there are. */
struct nilo__member {
    const char *p; /* strings: unescaped; all else as written. Not NUL-terminated */
    uint32_t len;
    uint16_t column; /* index into columns */
    uint8_t kind;    /* enum nilo__json_kind; never ABSENT */
};
struct nilo__row {
    const struct nilo__member *members;
    uint32_t n;
};
struct nilo__name {
    const char *p;
    size_t len;
};
struct nilo__body {
    struct nilo__name *columns;
    size_t n_columns, cap_columns;
    struct nilo__row *rows;
    size_t n_rows;
    bool array;
};
/** nilo__body_parse - one object or an array of them. Rows need the same keys unless columns are given (`wanted`, may be NULL), then other keys
 *  are left out. free_keys: rows may differ. Texts live in the arena and in the body
 *  errors   NILO_EBODY */
int nilo__body_parse(const char *text, size_t len, const struct nilo__name *wanted, size_t n_wanted, bool free_keys, struct nilo_arena *arena,
                     struct nilo__body *ret, struct nilo_notes *notes, struct nilo_err *err);
/** nilo__member - of a row by column index; NULL when the row has none */
const struct nilo__member *nilo__member(const struct nilo__row *row, size_t column);

/* ---- parameters.c: the query string of a write ---------------------------------------------------------------------------------- */

struct nilo__parameters {
    struct nilo__name *columns, *conflict; /* decoded; n 0 = not given */
    size_t n_columns, n_conflict;
    bool has_columns, has_conflict;
    struct nilo_buf select; /* "select=..." as sent, "" = none */
    struct nilo_buf filter; /* everything else as sent, joined by & */
};
int nilo__parameters_parse(const char *query, size_t len, struct nilo_arena *arena, struct nilo__parameters *ret, struct nilo_notes *notes,
                           struct nilo_err *err);
void nilo__parameters_done(struct nilo__parameters *p);
/** nilo__encode - bytes that mean something in a query string as %XX */
void nilo__encode(struct nilo_buf *out, const char *p, size_t len);

/* ---- one write in progress ------------------------------------------------------------------------------------------------------- */

struct nilo__relation;

struct nilo__job {
    struct nilo_store *store;
    const struct nilo_write *w;
    const struct nilo__relation *relation;
    const struct nilo_relation *read;  /* the same one, as query knows it */
    struct nilo_compat binding;        /* of a compatibility set's; else empty */
    struct nilo__parameters params;
    struct nilo__body body;
    const struct nilo_column *const *columns; /* of the body's columns, those of the relation */
    struct nilo_written *out;
    struct nilo_notes *notes;
    struct nilo_arena arena;
    size_t row; /* the row that is looked at, for messages */
    const struct nilo_calendar *calendar;
    int64_t made, kept; /* rows that are new, and that were there */
    bool written;          /* what is shown was written just now, and is not about to go */
    bool *answered;     /* by row: is it part of the answer? NULL = all */
};

/** nilo__commit - ends the transaction: nobody is told of what is written after the time for the answer is over
 *  errors   NILO_ETIMEOUT nothing was written */
int nilo__commit(struct nilo__job *j, struct nilo_err *err);

/* One row that the filter of a PATCH or DELETE found: cells are the relation's own columns, hidden ones too, in their order. */
typedef int nilo__change_fn(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err);

/* A relation that takes writes: one row of the table in write.c. */
struct nilo__relation {
    const char *name;
    enum nilo_role role;   /* below: refused */
    unsigned verbs;        /* 1 << enum nilo_write_verb */
    bool series;           /* its rows are days: neither changed nor deleted */
    bool keeps;            /* columns that it does not know are kept as they come (metadata) */
    const char *live;      /* a condition that rows just written fulfil and others of the same key do not, and that alone are taken away; NULL = none */
    bool own_columns;      /* insert looks at the body's columns itself: metrics are among them */
    const char *constraint; /* name of the unique one, for 23505 */
    const char *const *key; /* its columns, NULL-terminated */
    int (*insert)(struct nilo__job *j, struct nilo_err *err);
    nilo__change_fn *update, *remove; /* PATCH, DELETE; NULL: 42501 */
};
const struct nilo__relation *nilo__writable(const char *name);

/* ---- cells.c: a member as a typed value ------------------------------------------------------------------------------------------ */

/** nilo__cell - the member of the row in that column; NULL when the row says nothing of it (also where the body has no such column) */
const struct nilo__member *nilo__cell(const struct nilo__job *j, const char *column);
bool nilo__said(const struct nilo__member *m); /* there, and not null */
int nilo__need(const struct nilo__job *j, const struct nilo__member *m, const char *column, struct nilo_err *err); /* 23502 */
/** nilo__text - NUL-terminated in the arena; numbers and booleans as written, as PostgreSQL does. *ret NULL for null */
int nilo__text(struct nilo__job *j, const struct nilo__member *m, const char **ret, struct nilo_err *err);
int nilo__date(struct nilo__job *j, const struct nilo__member *m, nilo_day *ret, struct nilo_err *err);
int nilo__time(struct nilo__job *j, const struct nilo__member *m, nilo_us *ret, struct nilo_err *err);
int nilo__whole(struct nilo__job *j, const struct nilo__member *m, int64_t *ret, struct nilo_err *err);
int nilo__truth(struct nilo__job *j, const struct nilo__member *m, bool *ret, struct nilo_err *err);
/** nilo__number - the spelling of a number, as JSON or in quotes, checked; ret_digits behind the point, above NILO_SCALE_MAX: too many to be exact */
int nilo__number(struct nilo__job *j, const struct nilo__member *m, struct nilo__name *ret, int *ret_digits, struct nilo_err *err);
/** nilo__scaled - that number in the metric's scale. Averages and percentages are rounded half-even to it and counted (strict: not), nothing else is: 22003 */
int nilo__scaled(struct nilo__job *j, struct nilo__name number, const struct nilo_metric *metric, int64_t *ret, struct nilo_err *err);
/** nilo__json - its JSON text in the arena */
int nilo__json(struct nilo__job *j, const struct nilo__member *m, const char **ret, struct nilo_err *err);

/* The details of a refusal, cut at the end of a character. */
void nilo__detail(struct nilo_notes *notes, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** nilo__taken - 409 23505 for the key of a row; values in the order of the relation's key */
int nilo__taken(struct nilo__job *j, const char *const *values, struct nilo_err *err);
/** nilo__twice - a key that comes twice in one body: 23505 for plain inserts, 21000 for merging ones. ignore: never called */
int nilo__twice(struct nilo__job *j, const char *const *values, struct nilo_err *err);
/** nilo__check_failed - 23514 */
int nilo__check_failed(struct nilo__job *j, const char *constraint, struct nilo_err *err);
/** nilo__own_workspace - a body may name the workspace, its own: another one is answered as one that is not there */
int nilo__own_workspace(struct nilo__job *j, struct nilo_err *err);

/* ---- show.c: what is returned --------------------------------------------------------------------------------------------------------- */

/** nilo__show - reads the rows that were written by their keys and spells them in that order; counts them in any case
 *  keys    n * (columns of the relation's key) texts, as they are spelled in answers; a row whose answered is false is left out */
int nilo__show(struct nilo__job *j, const char *const *keys, size_t n, struct nilo_err *err);
/** nilo__change - fn for every row that the filter finds; what is returned is shown before (gone) or after */
int nilo__change(struct nilo__job *j, nilo__change_fn *fn, bool gone, struct nilo_err *err);

/** nilo__hides - does the body of this PATCH say when rows are hidden, and nothing else, and may the caller? */
int nilo__hides(struct nilo__job *j, bool *ret, struct nilo_err *err);
nilo__change_fn nilo__update_hidden;

/* ---- small.c: what small relations share ------------------------------------------------------------------------------------------------ */

/* One row of a POST: finds or makes it, fills its key. *ret_there: it was there. A merging write has put it right then. */
typedef int nilo__row_fn(struct nilo__job *j, const char **key, bool *ret_there, struct nilo_err *err);
int nilo__insert_rows(struct nilo__job *j, nilo__row_fn *fn, struct nilo_err *err);
int nilo__need_text(struct nilo__job *j, const char *column, const char **ret, struct nilo_err *err); /* 23502 */
/** nilo__cell_of, nilo__text_of - a column of a row that a PATCH or DELETE found; the text is NULL for null */
const struct nilo_datum *nilo__cell_of(const struct nilo__job *j, const struct nilo_datum *cells, const char *column);
const char *nilo__text_of(struct nilo__job *j, const struct nilo_datum *cells, const char *column);
/** nilo__keeps_key - a PATCH does not change what tells rows apart: 42501 */
int nilo__keeps_key(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err);
int nilo__find_owner(struct nilo__job *j, const char *key, bool make, int64_t *ret, bool *ret_there, struct nilo_err *err);
/** nilo__find_item - made where it is not there, on the named connection, else on the one that has it, else on that of what is pushed
 *  errors   NILO_EREFERENCE there is no such connection */
int nilo__find_item(struct nilo__job *j, const char *connection, const char *external_id, struct nilo_entity_ref *ret, struct nilo_connection *c,
                    struct nilo_err *err);
/** nilo__extra - the columns of this row that the relation does not have, over those that were kept; NULL: the row has none */
int nilo__extra(struct nilo__job *j, const char *was, const char **ret, struct nilo_err *err);

/* ---- the relations ------------------------------------------------------------------------------------------------------------------------- */

int nilo__insert_daily(struct nilo__job *j, struct nilo_err *err);
int nilo__insert_readings(struct nilo__job *j, struct nilo_err *err);
int nilo__insert_owners(struct nilo__job *j, struct nilo_err *err);
int nilo__insert_credits(struct nilo__job *j, struct nilo_err *err);
int nilo__insert_totals(struct nilo__job *j, struct nilo_err *err);
int nilo__insert_metrics(struct nilo__job *j, struct nilo_err *err);
int nilo__insert_annotations(struct nilo__job *j, struct nilo_err *err);
int nilo__insert_content(struct nilo__job *j, struct nilo_err *err);
nilo__change_fn nilo__update_annotation, nilo__delete_annotation, nilo__update_content, nilo__update_credit;
nilo__change_fn nilo__update_owner, nilo__delete_owner, nilo__delete_credit, nilo__update_metric, nilo__delete_metric;

#endif
