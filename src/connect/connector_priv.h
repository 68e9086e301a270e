/* What connectors share with each other. */
#ifndef NILO_CONNECT_CONNECTOR_PRIV_H
#define NILO_CONNECT_CONNECTOR_PRIV_H

#include "connect/connector.h"
#include "connect/http_priv.h"

extern const struct nilo_connector nilo__instagram; /* instagram.c */
extern const struct nilo_connector nilo__tiktok;  /* tiktok.c */
extern const struct nilo_connector nilo__tiktok_research; /* tiktok_research.c */
extern const struct nilo_connector nilo__youtube; /* youtube.c */

extern const struct nilo_result nilo__result_none; /* OK, and nothing said */

/** nilo__add_encoded - for one name or value in a URL */
void nilo__add_encoded(struct nilo_buf *b, const char *text);

/* ---- values.c ---- */

/** nilo__count_of - a count as it was written; NULL = absent. false: it is none, or beyond what can be kept */
bool nilo__count_of(const char *text, int64_t *ret);
/** nilo__iso_duration - PT1H2M3S, P1DT2H in milliseconds; -1: NULL, or unreadable */
int64_t nilo__iso_duration(const char *text);
/** nilo__instant_of - ISO 8601; NILO_US_NONE: NULL, or unreadable */
nilo_us nilo__instant_of(const char *text);
const struct nilo_metric *nilo__metric_of(const char *name); /* a builtin one; NULL = none */
/** nilo__unreadable - the result of an answer that is not what it should be; returns 0 */
int nilo__unreadable(const char *title, struct nilo_arena *arena, const struct nilo_err *why, struct nilo_result *ret);

/* ---- google_error.c ---- */

/** nilo__google_refusal - true: something is wrong (no answer, a status that is no success), and the result says what. title: "YouTube" */
bool nilo__google_refusal(const struct nilo_http_answer *a, const char *title, struct nilo_arena *arena, struct nilo_result *ret);

#endif
