/* Shared by the files of TikTok's connectors: tiktok.c (Display), tiktok_research.c (Research), tiktok_answer.c (what both answer). */
#ifndef NILO_CONNECT_TIKTOK_PRIV_H
#define NILO_CONNECT_TIKTOK_PRIV_H

#include "connect/connector_priv.h"

/* Numbers of the settings; of either connector. */
enum { NILO__TT_BASE, NILO__TT_TOKEN, NILO__TT_AUTHORIZE };

#define NILO__TT_NOWHERE "?" /* the cursor of a page of which is said that it is there, and not where: cannot be asked with */

/* ---- tiktok.c: requests ---- */

int nilo__tt_sign(struct nilo__making *m, struct nilo_err *err);           /* errors: NILO_EINVAL nobody has signed in */
bool nilo__tt_id_fine(const char *id);                                        /* of a video: 1 to 20 digits */

/* ---- tiktok_answer.c ---- */

/* What an answer is asked for. */
enum nilo__tt_shape { NILO__TT_DATA, NILO__TT_TOKENS };
/** nilo__tt_refusal - true: something is wrong (no answer, a status that is no success, an error inside of a success), and the result says what */
bool nilo__tt_refusal(const struct nilo_http_answer *a, enum nilo__tt_shape shape, struct nilo_arena *arena, struct nilo_result *ret);

/* A page of videos as it was written. */
struct nilo__tt_video {
    const char *id, *created, *duration, *views, *likes, *comments, *shares, *saves;
    const char *title, *caption, *url, *cover, *username;
};
#define NILO__TT_VIDEOS 100
struct nilo__tt_page {
    struct nilo_arena *arena;
    struct nilo__tt_video all[NILO__TT_VIDEOS];
    size_t n;      /* entries there were; of those beyond the room nothing is kept */
    size_t odd;    /* entries without an id that reads */
    bool list;     /* there is a list of videos, empty or not */
    bool more;     /* has_more */
    const char *cursor, *search;
    struct nilo_err *err;
};
/** nilo__tt_page - errors: none but NILO_ENOMEM; *ret_done false: it is no page of videos, and the result says so */
int nilo__tt_page(const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo__tt_page **ret, bool *ret_read, struct nilo_result *result,
                  struct nilo_err *err);
size_t nilo__tt_page_n(const struct nilo__tt_page *p); /* entries that are kept */
/** nilo__tt_item - what an entry says; saves: they are among the counts. values false: without counts */
int nilo__tt_item(const struct nilo__tt_video *v, const struct nilo_ask *ask, bool saves, bool values, struct nilo_arena *arena, struct nilo_item *ret,
                  struct nilo_err *err);
/** nilo__tt_list - the items of a page, without counts; the next page is the caller's */
int nilo__tt_list(const struct nilo__tt_page *p, const struct nilo_ask *ask, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err);
/** nilo__tt_items - one item for each id asked for, from a page; those it does not hold are gone (unsure as asked for) */
int nilo__tt_items(const struct nilo__tt_page *p, const struct nilo_ask *ask, bool saves, struct nilo_arena *arena, struct nilo_result *ret,
                   struct nilo_err *err);

/* ---- tiktok.c ---- */

int nilo__tt_take_account(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret,
                          struct nilo_err *err);
int nilo__tt_take_tokens(const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err);

#endif
