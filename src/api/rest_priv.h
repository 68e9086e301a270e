/* Shared inside the reading half of /rest/v1: one reading request, from its headers to its answer. */
#ifndef NILO_API_REST_PRIV_H
#define NILO_API_REST_PRIV_H

#include "api/rest_cache.h"
#include "api/rest_head.h"

struct nilo__reading {
    struct nilo_exchange *x;
    struct nilo_api *api;
    struct nilo_store *store;
    struct nilo_rest_mark mark; /* of the store, before anything was read */
    struct nilo_rest_key key;
    struct nilo_rest_scope scope;
    struct nilo_rest_accept accept;
    struct nilo_rest_prefer prefer;
    struct nilo_request request;
    struct nilo_query *query;
    struct nilo_published *published; /* of a source's table: publish.h */
    struct nilo_notes notes;
    struct nilo_head head;  /* offset, total and page of it, once the rows begin */
    struct nilo_buf headers; /* lines as they go out, of a good answer */
    int status;
    nilo_us until;          /* so long the answer is worth something, on clock.mono */
    struct nilo_buf held;   /* the beginning of the answer, until it is known how it goes on */
    bool open;              /* the head of the answer is made: bytes go out as they come */
    bool again;             /* the answer is longer than what is held back: to be begun anew */
    bool parked;            /* later */
    bool counted_ahead;     /* which was done */
    bool only_head;         /* nothing but head is wanted */
    bool noted;             /* who asks prints what a person should know (nilometer --url) */
};

/** parses into r->query. 0; 1: refused, the answer is given; -1 */
typedef int nilo__rest_parse_fn(struct nilo__reading *r, struct nilo_err *err);
int nilo__rest_read_with(struct nilo_exchange *x, nilo__rest_parse_fn *parse, struct nilo_err *err);

#endif
