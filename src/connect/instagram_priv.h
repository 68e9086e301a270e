/* Shared by the files of Instagram's connector. */
#ifndef NILO_CONNECT_INSTAGRAM_PRIV_H
#define NILO_CONNECT_INSTAGRAM_PRIV_H

#include "base/json.h"
#include "connect/graph_priv.h"

/* Numbers of the settings. */
enum { NILO__IG_LOGIN, NILO__IG_BASE, NILO__IG_TOKEN, NILO__IG_LONG, NILO__IG_AUTHORIZE, NILO__IG_AUTHORIZE_IG, NILO__IG_BATCH, NILO__IG_PROOF, NILO__IG_TOKEN_IN };

extern const char *const nilo__ig_types[]; /* of business use cases */

void nilo__ig_address(struct nilo__making *m, const char *path, const char *purpose);
int nilo__ig_sign(struct nilo__making *m, struct nilo_err *err);
bool nilo__ig_is_instagram(const struct nilo_ask *ask);

/* ---- instagram_media.c: metrics of media ---- */

extern const struct nilo__graph_items nilo__ig_media;
bool nilo__ig_in_batch(const struct nilo_ask *ask);
int nilo__ig_make_metrics(struct nilo__making *m, struct nilo_err *err);
int nilo__ig_take_list(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err);
int nilo__ig_take_metrics(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err);

/* A medium as an answer has it. */
struct nilo__ig_medium {
    const char *id, *type, *product, *timestamp, *permalink, *caption, *thumbnail, *media_url, *likes, *comments, *owner;
    size_t n_children; /* of an album: they have no counts of their own and are nobody's items */
    struct nilo__graph_insights insights;
};
/** nilo__ig_medium_take - a member of it; path: below the medium ("" = itself). errors: NILO_ENOMEM */
int nilo__ig_medium_take(struct nilo__ig_medium *m, const char *path, enum nilo_json_event event, const char *text, size_t len, struct nilo_arena *arena, struct nilo_err *err);
/** nilo__ig_attrs - what it is, without values. listing: NULL, or where it was listed. at: when it was said */
void nilo__ig_attrs(const struct nilo__ig_medium *m, const char *listing, nilo_us at, struct nilo_arena *arena, struct nilo_item *item);

/* ---- instagram_days.c: an account's days ---- */

extern const struct nilo__graph_days nilo__ig_days;
int nilo__ig_make_report(struct nilo__making *m, struct nilo_err *err);
int nilo__ig_take_report(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err);

#endif
