/* The text of a statement for a source: which operands stand beside :from and :to, and where names in it come from. */
#ifndef NILO_CONNECT_COMPARED_H
#define NILO_CONNECT_COMPARED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "config/config.h"

enum nilo__token_kind { NILO__WORD, NILO__NAME, NILO__TEXT, NILO__NUMBER, NILO__PARAM, NILO__SIGN };

struct nilo__token {
    enum nilo__token_kind kind;
    const char *p; /* in the statement; of names and texts what is between the quotes */
    size_t n;
};

struct nilo__tokens {
    struct nilo__token *t;
    size_t n;
};

/* Tokens from one to another, both included; from > to: none. */
struct nilo__span {
    ptrdiff_t from, to;
};

/* How the placeholder stands in it: as it is, as datetime() of it, as unixepoch() or julianday() of it. CALLED: however, the operand is a datetime(). */
enum nilo__bound { NILO__BOUND_SPELLED, NILO__BOUND_BLANK, NILO__BOUND_SECONDS, NILO__BOUND_JULIAN, NILO__BOUND_CALLED, NILO__BOUNDS };

/* What a placeholder is there for. */
enum nilo__use {
    NILO__USE_FREE,     /* something that its spelling makes no difference to */
    NILO__USE_DATE,     /* its date alone, as date(:from) gives it */
    NILO__USE_COMPARED, /* compared with an operand */
    NILO__USE_UNSEEN,   /* its spelling may count, and for what is not known */
};

struct nilo__comparison {
    enum nilo__bound bound;
    int64_t factor; /* of 1000 * unixepoch(:from); else 1 */
    struct nilo__span with;
};

/* Where a column of that name comes from. */
enum nilo__origin {
    NILO__ORIGIN_TABLE,   /* a table or view of the statement, or nothing that the text tells */
    NILO__ORIGIN_QUERY,   /* a subquery: from the expressions that are called so there */
    NILO__ORIGIN_UNKNOWN, /* a subquery that does not name it in each of its parts */
};

/** nilo__sql_tokens - the statement without blanks and comments, on the arena */
int nilo__sql_tokens(const char *sql, struct nilo_arena *arena, struct nilo__tokens *ret, struct nilo_err *err);

/* Of tokens out of range there is none: an empty sign. */
const struct nilo__token *nilo__token_at(const struct nilo__tokens *all, ptrdiff_t i);
bool nilo__token_is(const struct nilo__token *t, enum nilo__token_kind kind, const char *text); /* letters of either case */
bool nilo__is_sign(const struct nilo__tokens *all, ptrdiff_t i, const char *text);
bool nilo__is_name(const struct nilo__token *t);
bool nilo__same_name(const struct nilo__token *a, const struct nilo__token *b);
bool nilo__spells(const struct nilo__token *t, const char *name); /* is it that name? */

/** nilo__enclosing - the bracket that the token at i stands in; -1 none */
ptrdiff_t nilo__enclosing(const struct nilo__tokens *all, ptrdiff_t i);

/** nilo__partner - the bracket that belongs to the one at i; -1 none */
ptrdiff_t nilo__partner(const struct nilo__tokens *all, ptrdiff_t i);

/** nilo__call_of - the function's name when the span is one call of it and nothing else; NULL otherwise. ret its arguments, brackets excluded */
const struct nilo__token *nilo__call_of(const struct nilo__tokens *all, struct nilo__span span, struct nilo__span *ret);

/** nilo__next_argument - of what is left of the arguments the first, which is taken from them; false: none */
bool nilo__next_argument(const struct nilo__tokens *all, struct nilo__span *left, struct nilo__span *ret);

/** nilo__use_of - what the placeholder at param is there for, ret: with what it is compared */
enum nilo__use nilo__use_of(const struct nilo__tokens *all, ptrdiff_t param, struct nilo__comparison *ret);

/** nilo__is_range - is it the placeholder of :from or :to? */
bool nilo__is_range(const struct nilo__token *t, const struct nilo_sql_shape *shape);

typedef int nilo__source_fn(void *ctx, struct nilo__span expression);

/** nilo__origin_of - where a column that is spoken of at a token comes from; of a subquery fn gets each expression that has this name there
 *  returns -1 when fn does */
int nilo__origin_of(const struct nilo__tokens *all, ptrdiff_t name, nilo__source_fn *fn, void *ctx, enum nilo__origin *ret);

/** nilo__is_read - is the table one that a column spoken of at that token may be of: named in the same query or around it, by the column's qualifier
 *  where it has one, or handed on whole by a subquery */
bool nilo__is_read(const struct nilo__tokens *all, const char *table, ptrdiff_t at);

#endif
