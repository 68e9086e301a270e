/* Shared by the files of Facebook's connector. */
#ifndef NILO_CONNECT_FACEBOOK_PRIV_H
#define NILO_CONNECT_FACEBOOK_PRIV_H

#include "connect/graph_priv.h"

/* Numbers of the settings. */
enum { NILO__FB_BASE, NILO__FB_TOKEN, NILO__FB_AUTHORIZE, NILO__FB_CONFIG, NILO__FB_POSTS, NILO__FB_BATCH, NILO__FB_PROOF, NILO__FB_TOKEN_IN };

void nilo__fb_address(struct nilo__making *m, const char *path, const char *purpose);
int nilo__fb_sign(struct nilo__making *m, struct nilo_err *err);

/* ---- facebook_post.c: posts, and what is counted of them ---- */

/* Bits of variants: what the token does not permit. */
#define NILO__FB_NO_SUMMARIES (UINT32_C(1) << 30) /* comments, and the sum of reactions */
#define NILO__FB_NOT_PERMITTED (NILO__GRAPH_NO_INSIGHTS | UINT32_C(1) << 29)

extern const struct nilo__graph_items nilo__fb_posts;
extern const char *const nilo__fb_metrics[];
#define NILO__FB_KINDS 5
extern const struct nilo_connector_kind nilo__fb_kinds[NILO__FB_KINDS];
#define NILO__FB_POST "created_time,message,permalink_url,full_picture,status_type" /* what a post is */

#endif
