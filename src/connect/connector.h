/* What collecting needs to know of a platform: which requests to make and what the answers say. One file a platform and one row in the table of
 * connector.c; docs/new-connector.md shows how.
 *
 * A connector does no I/O, keeps no state, and knows no clock: `make` turns an operation into one request, `take` turns the answer to it into a result.
 * Whoever drives it (src/collect, a simulation, a test with recorded answers) sends the request with http.h, honours budgets, waits, and hands what comes
 * out to record. Everything that has to be remembered between two calls is in the result (cursor, variant) and is given back with the next operation. */
#ifndef NILO_CONNECT_CONNECTOR_H
#define NILO_CONNECT_CONNECTOR_H

#include "base/arena.h"
#include "base/day.h"
#include "base/zone.h"
#include "connect/http.h"
#include "model/model.h"

/* ---- classes of errors (DESIGN section 5) ---------------------------------------------------------------------------------------------- */

/* class, its word in run logs (run_failure.class) */
#define NILO_CLASS_ROWS(X)                                                                                             \
    X(NILO_CLASS_OK, "ok")                                                                                             \
    X(NILO_CLASS_TRANSIENT, "transient")       /* try again, a few times, with backoff */                              \
    X(NILO_CLASS_RATE_LIMITED, "rate_limited") /* wait as the result says, keep the rest of the job */                 \
    X(NILO_CLASS_AUTH, "auth")                 /* one token refresh; then the connection is expired */                 \
    X(NILO_CLASS_PERMISSION, "permission")     /* a person has to permit or configure something; no retry */           \
    X(NILO_CLASS_GONE, "gone")                 /* the item is deleted or private: a dated event, history stays */      \
    X(NILO_CLASS_INVALID, "invalid")           /* log it and go on: our request or their answer is wrong */
enum nilo_class {
#define X(class, word) class,
    NILO_CLASS_ROWS(X)
#undef X
        NILO_CLASSES
};
const char *nilo_class_word(enum nilo_class c);

/* ---- what goes in ------------------------------------------------------------------------------------------------------------------------ */

/* operation, word */
#define NILO_OP_ROWS(X)                                                                                                \
    X(NILO_OP_ACCOUNT, "account")   /* one account: what it is called, what it counts, where its content is listed */  \
    X(NILO_OP_ACCOUNTS, "accounts") /* the accounts that the token may choose from: for `connection connect`; paged */ \
    X(NILO_OP_LIST, "list")         /* content of an account, newest first; paged */                                   \
    X(NILO_OP_METRICS, "metrics")   /* readings of up to ids_per_call items, as of now */                              \
    X(NILO_OP_REPORT, "report")     /* by the owner's token: of items, lifetime or a window; of an account, days */ \
    X(NILO_OP_EXCHANGE, "exchange") /* OAuth: code for tokens */                                                       \
    X(NILO_OP_REFRESH, "refresh")   /* OAuth: a new access token */
enum nilo_op {
#define X(op, word) op,
    NILO_OP_ROWS(X)
#undef X
        NILO_OPS
};
const char *nilo_op_word(enum nilo_op op);

/* Secrets, in memory of the caller's that they stay in; NULL = there is none. They must live until nilo_http_start() has copied the request. */
struct nilo_credentials {
    const char *api_key;       /* of the app; enough for public counts */
    const char *access_token;  /* of a person who signed in; goes before the key */
    const char *refresh_token;
    const char *client_id, *client_secret; /* of the app */
};

/* One operation. Texts live as long as the request that is made of it and its answer. */
struct nilo_ask {
    enum nilo_op op;
    const struct nilo_credentials *credentials;
    const char *const *settings; /* by the numbers of the connector's settings; NULL, there or for all: the default */
    unsigned variant;            /* 0 at first; later what a result said (nilo_result.variant), for this connection, operation and kind */
    int kind;                    /* METRICS: all ids are of that one of the connector's kinds, 1 ..; 0: it is not known of them, or there are no kinds */
    nilo_us now;                 /* wall clock, when it is asked */
    const char *account;         /* ACCOUNT, LIST, REPORT: its id, or a name that the platform knows (@handle); NULL = the token's own */
    const char *listing;         /* LIST, REPORT: what ACCOUNT said (nilo_account.listing); NULL: the connector finds it from the account where it can */
    const char *cursor;          /* LIST, ACCOUNTS, REPORT of a listing: what the page before said; NULL = the first page */
    const char *const *ids;      /* METRICS, REPORT: 1 .. ids_per_call (ids_per_report), different ones; REPORT: none = of the account: by day, or, where the
                                  * connector has windows, a listing of all its items */
    size_t n_ids;
    int win;                     /* REPORT of items: 0 = lifetime, else days up to and with `day`; of the account: so many days, each a window of its own */
    nilo_day day;                /* REPORT: the last day, in the platform's days; NILO_DAY_NONE = its today */
    const char *code, *verifier, *redirect; /* EXCHANGE: what the redirect brought; PKCE; the redirect's address as it was given before */
};

/* ---- the request ----------------------------------------------------------------------------------------------------------------------------- */

#define NILO_BUCKETS 4 /* a platform has no more */

struct nilo_call {
    struct nilo_http_request http; /* ready for nilo_http_start(); deadline and ctx are the caller's to set. Texts in the arena */
    int bucket;                    /* of the connector's buckets: which budget it uses; -1 = none */
    int also;                      /* another one that it uses as well; 0 or -1 = none, so it is never the first */
    int cost;                      /* how much of them */
};

/* ---- the result -------------------------------------------------------------------------------------------------------------------------------- */

/* A value of an item; metric is one of nilo_builtin_metrics (its id holds in every store). */
struct nilo_item_value {
    const struct nilo_metric *metric;
    int64_t value; /* by the metric's scale; ignored unless absence is NILO_PRESENT */
    enum nilo_absence absence;
    const char *currency; /* of an amount of money: ISO 4217; else NULL */
    const char *detail; /* NULL, or a JSON object that is kept with it: {"breakdown": {"like": 3}} */
};

/* What became of one item, or what one reading of it says. */
struct nilo_item {
    const char *id;              /* as the platform writes it */
    enum nilo_entity_kind kind;  /* NILO_CONTENT, NILO_ACCOUNT */
    enum nilo_class class;       /* OK: it is there. GONE: asked for by id and not in the answer. Others: something else is wrong with it alone */
    const char *reason;          /* where not OK: a sentence */
    bool unsure;                 /* not OK, but this spelling of the question may err: ask again for it with the result's doubt_variant before believing it */
    int win;                     /* 0, or days */
    nilo_day day;                /* of a window: its last day; NILO_DAY_NONE: as of now */
    const char *title, *url, *media_type, *caption, *thumbnail, *account; /* NULL = not said; account: whose it is */
    const char *status;          /* NULL = not said; public, unlisted, private, ... as the platform says */
    nilo_us posted_at;           /* NILO_US_NONE = not said */
    int64_t duration_ms;         /* -1 = not said */
    const struct nilo_item_value *values; /* of a METRICS or REPORT: one for each metric of the operation, absences too */
    size_t n_values;
};

struct nilo_account {
    const char *id, *title, *handle, *url, *thumbnail; /* NULL = not said, but for id */
    const char *listing;      /* NULL, or where its content is listed, for NILO_OP_LIST */
    const char *also_listing; /* NULL, or another such place: stories */
    const char *token;        /* ACCOUNTS: NULL, or its own token, which counts in the place of the person's from now on and does not end. Wipe it */
    int64_t followers, items; /* -1 = not said or hidden. items: where it has not moved since the last listing, there is nothing new to list */
    const struct nilo_item_value *values;
    size_t n_values;
};

struct nilo_tokens {
    const char *access_token, *refresh_token; /* NULL = none came: the one there is stays. In the arena: copy and wipe them (nilo_secret_wipe) */
    int64_t expires_s, refresh_expires_s;     /* from now; -1 = not said, does not end */
    const char *scope;                        /* NULL = not said */
};

/* When the platform lets us ask again. */
enum nilo_until {
    NILO_UNTIL_SOON,  /* after a backoff of the caller's own */
    NILO_UNTIL_TIME,  /* not before retry_at */
    NILO_UNTIL_RESET  /* the bucket is empty until it fills up: nilo_bucket_reset() */
};

struct nilo_result {
    enum nilo_class class; /* of the whole call; OK: single items may be in another */
    const char *reason;    /* the platform's own word for it ("quotaExceeded"), or ours ("http 502", "timeout"); "" where OK */
    const char *message;   /* a sentence for people; "" where OK. No secrets, no text of the platform's beyond 300 bytes */
    enum nilo_until until; /* where RATE_LIMITED */
    nilo_us retry_at;      /* NILO_US_NONE = not said */
    bool again;            /* ask again at once with `variant`: the platform does not know this spelling of the question. Not a failure. EXCHANGE: with the
                            * access token that came as the credentials', which becomes one that lasts */
    unsigned variant;      /* for the next asks of this operation and kind: remember it for the connection as long as the run, or longer. Whoever says
                            * `again` makes sure that variants do not go in circles */
    unsigned doubt_variant; /* see nilo_item.unsure */
    bool key_wrong;        /* AUTH or PERMISSION about the app's own key or client, not about a person's token: refreshing changes nothing */
    int limited;           /* RATE_LIMITED until a time: the one bucket whose limit it is; -1 = whoever asks */
    /* what the answer says about budgets */
    int64_t used_permille[NILO_BUCKETS]; /* of each bucket, as the platform counts; -1 = nothing */
    nilo_us full_until[NILO_BUCKETS];    /* of each bucket: nothing more before that; NILO_US_NONE = nothing is said */
    int64_t remaining;     /* calls of the call's bucket; -1 = nothing is said */
    /* what was asked for */
    const struct nilo_item *items; /* LIST: what there is; METRICS: one for each id asked for, in the order asked, GONE ones too; REPORT: those of which
                                    * there is something; of an account its days, each with win 1 */
    size_t n_items;
    const struct nilo_account *accounts; /* ACCOUNT: one, or none where it is GONE; ACCOUNTS */
    size_t n_accounts;
    const char *next;      /* LIST, ACCOUNTS, REPORT of a listing: cursor of the next page; NULL = that was the last. Whoever pages stops where a cursor comes twice */
    nilo_day through;      /* REPORT of a listing: the newest day that the platform has numbers of; NILO_DAY_NONE = not said */
    bool lacks;            /* ... and there were entries that could not be told apart: nothing that needs all of them is right */
    struct nilo_tokens tokens; /* EXCHANGE, REFRESH */
};

/* ---- a platform ---------------------------------------------------------------------------------------------------------------------------------- */

/* A word of the configuration, under a connection's `settings:`. */
struct nilo_connector_setting {
    const char *name, *otherwise, *help; /* otherwise: the default, "" = none */
    bool url;                            /* https:// of a host, or http:// of this machine; without a slash at its end */
};

/* Items that are asked for by themselves, because the platform tells other things of them than of the rest. An item whose media_type is not known yet is asked
 * for with kind 0, and again at once when the answer says what it is. */
#define NILO_KINDS 15 /* a platform has no more */
struct nilo_connector_kind {
    const char *media_type; /* as the connector's items say it (nilo_item.media_type) */
    int64_t ends_after_s;   /* so long after it was posted the platform tells nothing of it any more, which is no deletion; 0 = never */
};

/* Something that is used up and fills up again. */
struct nilo_connector_bucket {
    const char *name;  /* "units"; with the connector's and the budget's owner it names the budget that is kept */
    int64_t limit;     /* for each period; the configuration may say another */
    int64_t period_s;  /* 86400 with zone: civil days there; otherwise a sliding window */
    const char *zone;  /* NULL, or of its days */
    bool per_app;      /* shared by all connections with the same key or client; else by account */
    const char *what;  /* "units a day" */
    bool told;         /* the limit is not known in calls: the platform tells how much of it is used, and `limit` is the least it may be */
};

/* Signing in; NULL where a platform has none. */
struct nilo_connector_oauth {
    int authorize_setting;  /* number of the setting that holds the address people are sent to */
    const char *scopes;     /* separated as the platform wants them */
    const char *client_id;  /* how the parameter is called: client_id, client_key */
    const char *extra;      /* NULL, or more parameters of the address: "access_type=offline&prompt=consent" */
    bool challenge_hex;     /* the challenge of PKCE is written in hexadecimal digits, not in base64url */
    int other_setting;      /* where that setting is that word, the other one counts: a platform with two ways in. Its challenge is the first one's */
    const char *other_word;
    int instead_setting;    /* what is in it, where it is not empty, takes the place of the scopes, under the name `instead`; instead NULL: nothing does */
    const char *instead;
    const struct nilo_connector_oauth *other; /* NULL = there is one way */
    bool pkce, rotates;     /* rotates: each refresh gives a new refresh token and the old one is dead: store before use */
};

/* What a platform does not count any more. */
struct nilo_connector_retired {
    const char *name;    /* as it was called there */
    const char *metric;  /* that it was here: nothing is in it from that day on (unsupported), never what came after it; NULL: it was none */
    const char *day;     /* of its end: YYYY-MM-DD */
    const char *instead; /* what is counted now, and is something else; NULL = nothing */
};

struct nilo_connector {
    const char *platform; /* "youtube": of connection.platform */
    const char *title;    /* "YouTube" */
    size_t ids_per_call, ids_per_report;
    int64_t call_gap_ms;  /* between calls of one budget owner, by default: 0 where the platform says how much is used or allows bursts */
    int at_once;          /* calls under way a token, by default */
    const char *day_zone; /* whose days REPORT counts; NULL = UTC */
    unsigned ops;         /* bits 1 << enum nilo_op: what it can do */
    unsigned needs_token; /* bits: what works only with an access token */
    bool app_token;       /* nobody signs in: REFRESH brings the app's own access token, for its client id and secret */
    const struct nilo_connector_setting *settings;
    size_t n_settings;
    const struct nilo_connector_bucket *buckets;
    size_t n_buckets;
    /* Whose apps its client ids name, where several platforms have the same ones: an app's buckets, which are the same at the same numbers, are then one for all of
     * them. NULL: the platform's own */
    const char *apps_of;
    const struct nilo_connector_kind *kinds; /* NULL: all items are asked for alike */
    size_t n_kinds;
    const struct nilo_connector_retired *retired;
    size_t n_retired;
    const struct nilo_connector_oauth *oauth;
    const char *const *metrics;        /* names that METRICS brings; NULL-terminated */
    const char *const *report_metrics; /* that REPORT brings of items; NULL-terminated */
    const char *const *day_metrics;    /* that REPORT brings of an account's days; at most 8; NULL: there are no such reports */
    /* How many of these ids, from the first on, one METRICS may ask for together: 1 .. n; NULL: any ids_per_call of them. Whoever plans puts the newest first */
    size_t (*together)(const char *const *ids, size_t n);
    /* Windows of items that are told by a listing: REPORT without ids, `win` and `day`, paged. In days, the shortest first, ended by 0; NULL: there are none, and REPORT
     * without ids is of the account's days. Longer ones than window_most are put together from adjacent ones (collect/platform_windows.c); of the first one
     * REPORT with an id tells more, for at most window_details items a run */
    const int *windows;
    int window_most;
    size_t window_details;
    int report_settle_days; /* so old a day is when its report has settled, as far as is known before that was measured */

    /* The request of an operation. errors: NILO_EINVAL an id, cursor or setting that cannot be asked with, or nothing to sign with; NILO_ENOMEM */
    int (*make)(const struct nilo_ask *ask, struct nilo_arena *arena, struct nilo_call *ret, struct nilo_err *err);
    /* What an answer to that request says; any ending of it, any status, any bytes. Texts are in the arena or in `ask`, none in the answer.
     * errors: NILO_ENOMEM, and nothing else: what is wrong with the answer is in the result */
    int (*take)(const struct nilo_ask *ask, const struct nilo_http_answer *answer, struct nilo_arena *arena, struct nilo_result *ret,
                struct nilo_err *err);
};

/** nilo_connector_find - by platform; NULL = none */
const struct nilo_connector *nilo_connector_find(const char *platform);
/** nilo_connector_at - in the order of their names; NULL behind the last */
const struct nilo_connector *nilo_connector_at(size_t i);

/** nilo_connector_take - what an answer says, as the connector's take(); without secrets in what it quotes: this is what everybody calls
 *  errors  as take() */
int nilo_connector_take(const struct nilo_connector *c, const struct nilo_ask *ask, const struct nilo_http_answer *answer, struct nilo_arena *arena,
                        struct nilo_result *ret, struct nilo_err *err);
/** nilo_redact - a text of somebody else's without secrets: the n known ones (NULL among them is fine), also percent-encoded or cut off, and what looks like one
 *  returns  the text itself where nothing is in it, else in the arena */
const char *nilo_redact(const char *text, const char *const *secrets, size_t n, struct nilo_arena *arena);

/** nilo_connector_setting - what a setting is: of ask->settings, else the default */
const char *nilo_connector_setting(const struct nilo_connector *c, const struct nilo_ask *ask, size_t i);
/** nilo_connector_check_setting - would this value do?
 *  ret      its number
 *  errors   NILO_EINVAL no such setting (names those there are), not an address */
int nilo_connector_check_setting(const struct nilo_connector *c, const char *name, const char *value, size_t *ret, struct nilo_err *err);

/** nilo_bucket_period - the period of a bucket that an instant lies in: a civil day of its zone, else a span of period_s since 1970
 *  zone     loaded by the caller (nilo_zone_load(bucket->zone)); ignored where the bucket has none
 *  ret_end  first instant of the next one; may be NULL
 *  returns  first instant of it */
nilo_us nilo_bucket_period(const struct nilo_connector_bucket *b, const struct nilo_zone *zone, nilo_us at, nilo_us *ret_end);

/** nilo_connector_authorize - the address a person is sent to, to sign in
 *  challenge  of PKCE (S256), as the platform wants it written (challenge_hex); ignored where it has none
 *  errors     NILO_EINVAL it has no signing in; NILO_ENOMEM */
int nilo_connector_authorize(const struct nilo_connector *c, const struct nilo_ask *ask, const char *state, const char *challenge, struct nilo_buf *ret,
                             struct nilo_err *err);

/** nilo_ask_write - an operation as JSON, without credentials, settings and what a code flow brought. Look at b->failed
 *  nilo_ask_read - and back: op is nilo_op_word()'s; variant and now are the caller's to set. Texts in the arena. errors: NILO_EBODY, NILO_ECORRUPT */
void nilo_ask_write(const struct nilo_ask *ask, struct nilo_buf *b);
int nilo_ask_read(const char *text, const char *op, struct nilo_arena *arena, struct nilo_ask *ret, struct nilo_err *err);

/* ---- for connectors: what they share --------------------------------------------------------------------------------------------------------- */

/** nilo_result_of_end - sets the result to OK and nothing said; true: no whole answer came, and the result says so */
bool nilo_result_of_end(const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret);
/** nilo_result_of_status - class, reason and message of an HTTP status without any more words: 408, 425, 5xx transient; 429 rate limited; 401 auth;
 *  403 permission; 404, 410 gone; other 3xx and 4xx invalid. Retry-After is honoured */
void nilo_result_of_status(const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret);

#endif
