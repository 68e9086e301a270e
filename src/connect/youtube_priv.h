/* Shared by the files of YouTube's connector. */
#ifndef NILO_CONNECT_YOUTUBE_PRIV_H
#define NILO_CONNECT_YOUTUBE_PRIV_H

#include "connect/connector_priv.h"

#define NILO__YT_REPORT_IDS 200 /* rows that a report by video may have */

/* Numbers of the settings and of the buckets. */
enum { NILO__YT_BASE, NILO__YT_ANALYTICS, NILO__YT_TOKEN, NILO__YT_AUTHORIZE, NILO__YT_KEY_IN };
enum { NILO__YT_UNITS, NILO__YT_STATS, NILO__YT_REPORTS };

int nilo__yt_sign(struct nilo__making *m, struct nilo_err *err);
bool nilo__yt_id_fine(const char *id);
/** nilo__yt_join_ids - the ids with commas, behind `before`. errors: NILO_EINVAL none or too many, one that could be nobody's */
int nilo__yt_join_ids(struct nilo__making *m, const char *before, size_t max, const char **ret, struct nilo_err *err);
/** nilo__yt_count - one value; text NULL: it is `otherwise`. What is wrong with it is said of the item */
void nilo__yt_count(struct nilo_item_value *to, const char *name, const char *text, enum nilo_absence otherwise, struct nilo_arena *arena, struct nilo_item *item);

/* youtube_reports.c */
int nilo__yt_make_report(struct nilo__making *m, struct nilo_err *err);
int nilo__yt_take_report(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err);

#endif
