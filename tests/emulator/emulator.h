/* The emulator of platforms: answers as YouTube (and, file by file, the others) would, from nothing but a seed, a virtual time and what happened to
 * it so far. This is the core, without sockets, clock or randomness of its own: the same options and the same requests at the same times give the
 * same bytes. Two fronts use it: program/ serves it over real HTTP on loopback, a simulation calls emulator_answer() itself.
 *
 * What it can be told is a list of options (README.md, options.c), as text, before the first request or at any time later. */
#ifndef NILO_TESTS_EMULATOR_H
#define NILO_TESTS_EMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/day.h"
#include "base/env.h"
#include "base/err.h"

struct emulator;

struct emulator_header {
    const char *name, *value;
};

struct emulator_request {
    const char *method; /* "GET", "POST" */
    const char *host;   /* the platform's: "www.googleapis.com"; any other, or NULL: found by the path */
    const char *target; /* path and query as sent: "/youtube/v3/videos?id=..."; may begin with "/<host of a platform>/" */
    const struct emulator_header *headers;
    size_t headers_n;
    const char *body; /* may be NULL */
    size_t body_len;
};

/* How an answer goes over the wire. All but PLAIN are misbehaviour that a front without sockets plays as it can. */
enum emulator_wire {
    EMULATOR_WIRE_PLAIN,
    EMULATOR_WIRE_RESET,        /* the connection is reset before a byte of the answer */
    EMULATOR_WIRE_RESET_MIDDLE, /* after half of the body */
    EMULATOR_WIRE_CUT,          /* closed, in order, after half of the body */
    EMULATOR_WIRE_STALL,        /* nothing comes, ever */
    EMULATOR_WIRE_STALL_MIDDLE, /* half of the body, then nothing */
    EMULATOR_WIRE_DRIP,         /* the body a byte at a time, one each drip_ms */
    EMULATOR_WIRE_DRIP_HEAD,    /* the head likewise */
    EMULATOR_WIRE_HEADERS,      /* header lines without end */
    EMULATOR_WIRE_ENDLESS,      /* a chunked body without end, beginning with the answer's */
    EMULATOR_WIRE_LENGTH_LONG,  /* Content-Length is larger than what comes before the connection closes */
    EMULATOR_WIRE_LENGTH_SHORT, /* Content-Length is smaller than what comes */
    EMULATOR_WIRE_BAD_CHUNK,    /* a chunk's size is no number */
    EMULATOR_WIRE_NOT_HTTP      /* bytes that are no HTTP at all */
};

struct emulator_response {
    int status;
    struct nilo_buf head; /* "Name: value\r\n" lines, without Content-Length */
    struct nilo_buf body;
    int64_t delay_us; /* latency: how long after the request the answer is there */
    enum emulator_wire wire;
    int64_t drip_us; /* between the bytes of EMULATOR_WIRE_DRIP and _DRIP_HEAD */
};

/** emulator_new - a world with default options (seed 1); see emulator_set() */
int emulator_new(struct emulator **ret, struct nilo_err *err);
void emulator_free(struct emulator *em);

/** emulator_set - one option; effective at once. What shapes the world (seed, channels, videos, ...) belongs before the first request.
 *  errors  NILO_EINVAL no such option, or not such a value; the sentence says what is taken */
int emulator_set(struct emulator *em, const char *name, const char *value, struct nilo_err *err);
/** emulator_set_all - "name=value" separated by white space; "#" begins a comment: the form of configuration files */
int emulator_set_all(struct emulator *em, const char *text, struct nilo_err *err);

/** emulator_answer - what the platforms answer at that time; counts, logs
 *  now   virtual time, never before that of an earlier call by more than a clock may step
 *  res   initialised here; emulator_response_done() in any case */
void emulator_answer(struct emulator *em, nilo_us now, const struct emulator_request *req, struct emulator_response *res);
void emulator_response_done(struct emulator_response *res);
/** emulator_response_header - the value of a header line (case does not matter), copied to out; false = no such */
bool emulator_response_header(const struct emulator_response *res, const char *name, char *out, size_t size);

/* What a test needs to know of the world; the program's "/_emulator/world" says the same. Texts are written with a NUL and fit into
 * EMULATOR_TEXT bytes. Projects, channels, videos and accounts count from 0. */
#define EMULATOR_TEXT 160
void emulator_api_key(const struct emulator *em, int project, char out[EMULATOR_TEXT]);
void emulator_client_id(const struct emulator *em, int project, char out[EMULATOR_TEXT]);
void emulator_client_secret(const struct emulator *em, int project, char out[EMULATOR_TEXT]);
void emulator_channel_id(const struct emulator *em, int channel, char out[EMULATOR_TEXT]);
void emulator_video_id(const struct emulator *em, int channel, int video, char out[EMULATOR_TEXT]);
/** emulator_grant - an account consents without a browser: a refresh token and a first access token */
int emulator_grant(struct emulator *em, nilo_us now, int project, int account, char ret_refresh[EMULATOR_TEXT], char ret_access[EMULATOR_TEXT]);
/** emulator_views - the truth about a video at a time: what an answer would say, whether or not it is visible. -1 = no such video, or not yet */
int64_t emulator_views(const struct emulator *em, int channel, int video, nilo_us at);

/* TikTok: its accounts are the channels; username "creatorN". */
void emulator_tiktok_account(const struct emulator *em, int account, char out[EMULATOR_TEXT]); /* open_id */
void emulator_tiktok_id(const struct emulator *em, int account, int video, char out[EMULATOR_TEXT]);
/** emulator_tiktok_counts - views, likes, comments, shares, saves at a time; false: it is not there, or nobody sees it */
bool emulator_tiktok_counts(const struct emulator *em, int account, int video, nilo_us at, int64_t ret[5]);
/** emulator_tiktok_grant - an account consents without a browser, with these scopes (NULL = all) */
int emulator_tiktok_grant(struct emulator *em, nilo_us now, int account, const char *scope, char ret_refresh[EMULATOR_TEXT], char ret_access[EMULATOR_TEXT]);

/* TikTok Shop: its shops are the channels, and their videos have TikTok's ids. */
enum { EMULATOR_SHOP_GMV, EMULATOR_SHOP_VIEWS, EMULATOR_SHOP_ITEMS, EMULATOR_SHOP_ORDERS, EMULATOR_SHOP_CLICKS, EMULATOR_SHOP_VALUES };
void emulator_shop_id(int shop, char out[EMULATOR_TEXT]);
void emulator_shop_cipher(const struct emulator *em, int shop, char out[EMULATOR_TEXT]);
/** emulator_shop_day - what one UTC day brought, as it is told at that time, GMV in hundredths; false: the video was not there yet */
bool emulator_shop_day(const struct emulator *em, int shop, int video, nilo_day day, nilo_us told, int64_t ret[EMULATOR_SHOP_VALUES]);
/** emulator_shop_grant - a seller consents without a browser, with this scope (NULL = the one for analytics) */
int emulator_shop_grant(struct emulator *em, nilo_us now, int account, const char *scope, char ret_refresh[EMULATOR_TEXT], char ret_access[EMULATOR_TEXT]);

/** emulator_instagram_* - ids of accounts and media; the truth about a metric by the platform's name, -1 = it has none; what came of limits and refusals so far */
void emulator_instagram_account(int account, char out[EMULATOR_TEXT]);
void emulator_instagram_id(int account, int media, char out[EMULATOR_TEXT]);
int64_t emulator_instagram_value(const struct emulator *em, int account, int media, const char *metric, nilo_us at);

/** emulator_facebook_* - ids of pages and posts; the truth about a post's metric by the platform's name (also "comments", "shares") and of a page's day, -1 = it is not
 *  told; a page's own token, which does not end: its grant, or -1 */
void emulator_facebook_page(int page, char out[EMULATOR_TEXT]);
void emulator_facebook_id(int page, int post, char out[EMULATOR_TEXT]);
int64_t emulator_facebook_value(const struct emulator *em, int page, int post, const char *name, nilo_us at);
int64_t emulator_facebook_day(const struct emulator *em, int page, const char *name, nilo_day day);
int emulator_facebook_grant(struct emulator *em, nilo_us now, int page, char ret_access[EMULATOR_TEXT]);

#endif
