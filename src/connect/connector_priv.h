/* What connectors share with each other. */
#ifndef NILO_CONNECT_CONNECTOR_PRIV_H
#define NILO_CONNECT_CONNECTOR_PRIV_H

#include "connect/connector.h"
#include "connect/http_priv.h"

extern const struct nilo_connector nilo__facebook; /* facebook.c */
extern const struct nilo_connector nilo__instagram; /* instagram.c */
extern const struct nilo_connector nilo__tiktok;  /* tiktok.c */
extern const struct nilo_connector nilo__tiktok_research; /* tiktok_research.c */
extern const struct nilo_connector nilo__tiktok_shop; /* tiktok_shop.c */
extern const struct nilo_connector nilo__youtube; /* youtube.c */

extern const struct nilo_result nilo__result_none; /* OK, and nothing said */

/** nilo__add_encoded - for one name or value in a URL */
void nilo__add_encoded(struct nilo_buf *b, const char *text);

/* ---- making.c: a request being put together ---- */

/* What there is no memory for is remembered, and said at the end. */
struct nilo__making {
    const struct nilo_connector *connector;
    const struct nilo_ask *ask;
    struct nilo_arena *arena;
    struct nilo_call *call; /* GET, and the bucket that nilo__make() was given; for EXCHANGE and REFRESH none, and no cost */
    struct nilo_http_field *query, *headers, *form;
    bool failed;
};
typedef int nilo__make_op(struct nilo__making *m, struct nilo_err *err);
/** nilo__make - the request of an operation: nilo_connector.make() of those that put it together with what is below
 *  by_op         NULL: the platform has no such operation
 *  bucket, also  which budgets it uses unless the operation says otherwise; -1 = none */
int nilo__make(const struct nilo_connector *c, nilo__make_op *const by_op[NILO_OPS], int bucket, int also, const struct nilo_ask *ask, struct nilo_arena *arena,
               struct nilo_call *ret, struct nilo_err *err);
void nilo__at(struct nilo__making *m, const char *base, const char *path, const char *purpose); /* path NULL: there was no memory for it */
void nilo__at_setting(struct nilo__making *m, size_t setting, const char *path, const char *purpose);
void nilo__add_query(struct nilo__making *m, const char *name, const char *value);        /* value NULL: there was no memory for it */
void nilo__add_query_secret(struct nilo__making *m, const char *name, const char *value); /* value NULL: nothing */
void nilo__add_form(struct nilo__making *m, const char *name, const char *value, bool secret); /* value NULL: nothing */
void nilo__add_header_secret(struct nilo__making *m, const char *name, const char *before, const char *value);
void nilo__add_bearer(struct nilo__making *m, const char *token);
void nilo__add_json_body(struct nilo__making *m, const struct nilo_buf *body); /* copied; POST */

/* ---- values.c ---- */

/** nilo__count_of - a count as it was written; NULL = absent. false: it is none, or beyond what can be kept */
bool nilo__count_of(const char *text, int64_t *ret);
/** nilo__iso_duration - PT1H2M3S, P1DT2H in milliseconds; -1: NULL, or unreadable */
int64_t nilo__iso_duration(const char *text);
/** nilo__instant_of - ISO 8601; NILO_US_NONE: NULL, or unreadable */
nilo_us nilo__instant_of(const char *text);
const struct nilo_metric *nilo__metric_of(const char *name); /* a builtin one; NULL = none */
void nilo__complain(struct nilo_item *item, const char *reason); /* what is wrong with an item; of several things the last. NULL: there was no memory for it */
/** nilo__unreadable - the result of an answer that is not what it should be; returns 0 */
int nilo__unreadable(const char *title, struct nilo_arena *arena, const struct nilo_err *why, struct nilo_result *ret);

/* ---- google_error.c ---- */

/** nilo__google_refusal - true: something is wrong (no answer, a status that is no success), and the result says what. title: "YouTube" */
bool nilo__google_refusal(const struct nilo_http_answer *a, const char *title, struct nilo_arena *arena, struct nilo_result *ret);

#endif
