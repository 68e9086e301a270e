/* OpenAPI 3.1: what a role may ask of the server, made from the tables of relations, functions, metrics and routes. The parts that follow from no table
 * (how credentials are sent, what refusals look like) are the .json files in openapi/. */
#ifndef NILO_API_OPENAPI_H
#define NILO_API_OPENAPI_H

#include "api/api.h"
#include "query/query.h"

struct nilo_openapi {
    const struct nilo_catalog *catalog; /* the wide metrics are columns */
    enum nilo_role role;                /* what it may not see is not in the text */
    const struct nilo_relation *const *views; /* relations of the compatibility sets that are published */
    size_t n_views;
    const struct nilo_route *routes;    /* other paths; those that paths.json does not describe are named */
    size_t n_routes;
};

/** nilo_openapi_write - the text as one JSON object, handed to write() in pieces of about 64 KiB */
int nilo_openapi_write(const struct nilo_openapi *what, nilo_write_fn *write, void *ctx, struct nilo_err *err);

/* Handlers: GET /rest/v1/, and GET / where the caller asks for OpenAPI. */
int nilo_openapi_answer(struct nilo_exchange *x, struct nilo_err *err);
int nilo_openapi_root(struct nilo_exchange *x, struct nilo_err *err);

#endif
