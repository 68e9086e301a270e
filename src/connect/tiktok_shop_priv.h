/* Shared by the files of TikTok Shop's connector: tiktok_shop.c (requests, shops, tokens), tiktok_shop_answer.c (errors, rows of videos). */
#ifndef NILO_CONNECT_TIKTOK_SHOP_PRIV_H
#define NILO_CONNECT_TIKTOK_SHOP_PRIV_H

#include "connect/connector_priv.h"
#include "connect/walk.h"

/* Versions of the analytics, newest first. What one call of them is not known in is asked for in the one before (nilo_ask.variant): four bits for the list, four
 * for single videos, as one may be gone where the other is there. */
enum nilo__ts_version { NILO__TS_202605, NILO__TS_202509, NILO__TS_202409, NILO__TS_VERSIONS };
enum nilo__ts_version nilo__ts_version(const struct nilo_ask *ask);

/** nilo__ts_refusal - true: something is wrong (no answer, a status that is no success, an error inside of a success), and the result says what */
bool nilo__ts_refusal(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret);
bool nilo__ts_id_fine(const char *id); /* of a video: letters and digits */

/** nilo__ts_take_list - a page of the shop's videos with what they did in the window */
int nilo__ts_take_list(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err);
/** nilo__ts_take_video - likes, comments and shares of one video in the window */
int nilo__ts_take_video(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err);

#endif
