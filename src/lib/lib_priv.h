/* Shared inside lib/: what is behind the handle of the public library. include/nilometer.h is the contract; here it is kept on top of record
 * and query, without a path of its own to the values. */
#ifndef NILO_LIB_LIB_PRIV_H
#define NILO_LIB_LIB_PRIV_H

#include "nilometer.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "query/query.h"
#include "record/record.h"
#include "store/store.h"

#define NILO__REASONS 32 /* different reasons for refusals that are told apart */

/* Why something of a run was refused. */
struct nilo__reason {
    char *key;      /* what makes two refusals alike */
    char *sentence; /* of the first */
    int64_t count;
};

struct nilo__lib_run {
    struct nilo_recorder *recorder; /* NULL: no run is open */
    struct nilo_arena scratch;      /* of the reading at hand */
    struct nilo__reason reasons[NILO__REASONS + 1];
    size_t n_reasons;
    int64_t refused;                /* readings; */
    int64_t unseen;                 /* those of them that record never saw */
    char ended[sizeof(((struct nilo_err *)0)->msg)]; /* why the last run ended by itself, "" = it did not */
};

struct nilometer {
    struct nilo_store *store; /* NULL: opening failed */
    int64_t (*clock)(void *ctx);
    void *clock_ctx;
    bool writes, scoped;
    char **workspaces; /* the scope's */
    size_t n_workspaces;
    struct nilo__lib_run run;
    /* the call at hand, or the last one */
    bool busy, misused;
    int code;
    struct nilo_err err;
};

/* What a call needs of the handle. */
#define NILO__WRITES  1u /* a handle that writes */
#define NILO__NO_RUN  2u /* no run open */
#define NILO__RUN     4u /* a run open */
#define NILO__WHOLE   8u /* no scope */

/** nilo__lib_enter - every call on a handle begins with it, and ends with nilo__lib_leave() where this returned 0. The sentence of what goes wrong in
 *  between goes to n->err
 *  returns  0, or the code to hand to the caller */
int nilo__lib_enter(struct nilometer *n, unsigned needs);
/** nilo__lib_leave - rc as of the functions below: 0 or -1 with n->err filled. Returns the public code */
int nilo__lib_leave(struct nilometer *n, int rc);
/** nilo__lib_misuse - the calling program is wrong; returns -1 */
int nilo__lib_misuse(struct nilometer *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** nilo__lib_code - the public number of a code */
int nilo__lib_code(enum nilo_code code);

/** nilo__lib_struct - takes a caller's struct that begins with its size into ours (`size` bytes, filled with defaults), whichever is longer
 *  least    its size in the first version that had it
 *  returns  0, or -1: too small, or it says something that this version does not know */
int nilo__lib_struct(struct nilometer *n, const char *what, const void *from, size_t least, void *to, size_t size);

/* The size that a struct had in the first version: up to and with its last field then. */
#define NILO__FIRST(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))

/** nilo__lib_in_scope - may the handle touch that workspace? */
bool nilo__lib_in_scope(const struct nilometer *n, const char *workspace);
/** nilo__lib_scope - the scope as query wants it; ids live in `arena` */
int nilo__lib_scope(struct nilometer *n, struct nilo_arena *arena, struct nilo_scope *ret);

/** nilo__lib_reading - the caller's reading as record takes it, checked as far as record does not; lives in n->run.scratch
 *  returns  -1 with n->err; *ret_key (where not NULL then) tells what makes it alike to other refusals */
int nilo__lib_reading(struct nilometer *n, const struct nilometer_reading *in, struct nilo_reading *ret, const char **ret_key);

/** nilo__lib_run_drop - an open run is aborted, what is kept of the last one freed */
void nilo__lib_run_drop(struct nilometer *n);

#endif
