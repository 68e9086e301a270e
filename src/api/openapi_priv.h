/* Shared by openapi.c (paths) and openapi_schema.c (what rows and arguments look like). */
#ifndef NILO_API_OPENAPI_PRIV_H
#define NILO_API_OPENAPI_PRIV_H

#include "api/openapi.h"
#include "base/json.h"

/* One text being written: bytes go out as soon as there are 64 KiB of them, so that a catalogue of any size needs no more. */
struct nilo__doc {
    const struct nilo_openapi *what;
    struct nilo_buf buf;
    struct nilo_json_out o;
    nilo_write_fn *write;
    void *ctx;
    struct nilo_err *err;
    bool failed;
};

void nilo__doc_key_str(struct nilo__doc *d, const char *key, const char *value);
void nilo__doc_ref(struct nilo__doc *d, const char *kind, const char *name); /* {"$ref": "#/components/kind/name"} */
void nilo__doc_object(struct nilo__doc *d, const char *key); /* key: { */
void nilo__doc_array(struct nilo__doc *d, const char *key);  /* key: [ */
void nilo__doc_end(struct nilo__doc *d);                     /* } */
void nilo__doc_flush(struct nilo__doc *d, size_t from);      /* writes out what is there, if it is at least so much */

/* The store's relations, then those of compatibility sets. */
size_t nilo__doc_relations(const struct nilo__doc *d);
const struct nilo_relation *nilo__doc_relation_at(const struct nilo__doc *d, size_t i);
bool nilo__doc_sees(const struct nilo__doc *d, enum nilo_role min);

/* What is the column of a metric in this relation? NULL: none. */
bool nilo__doc_has_metric(const struct nilo_relation *r, const struct nilo_metric *m);

void nilo__doc_relation_schema(struct nilo__doc *d, const struct nilo_relation *r);  /* a row */
void nilo__doc_function_schema(struct nilo__doc *d, const struct nilo_function *f);  /* a row of its answer */
void nilo__doc_arguments_schema(struct nilo__doc *d, const struct nilo_function *f); /* the body of a call */
void nilo__doc_argument_parameters(struct nilo__doc *d, const struct nilo_function *f); /* of GET: elements of an array */
void nilo__doc_metric_schemas(struct nilo__doc *d);                                  /* members metric.NAME */
void nilo__doc_filters(struct nilo__doc *d);                                          /* members RELATION.COLUMN and metric.NAME of parameters */
void nilo__doc_filter_refs(struct nilo__doc *d, const struct nilo_relation *r);        /* elements of an array */

#endif
