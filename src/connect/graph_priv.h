/* What platforms on Meta's Graph API have in common (Instagram, Facebook): how it says that something is wrong, how much of a limit is used, pages, several
 * questions in one request. Facts and where they were found: the notes on platform APIs, section 2. */
#ifndef NILO_CONNECT_GRAPH_PRIV_H
#define NILO_CONNECT_GRAPH_PRIV_H

#include "base/json.h"
#include "connect/connector_priv.h"

/* Both count in hundredths of a limit that they do not name: of the app over an hour (X-App-Usage), of an account or page over a day
 * (X-Business-Use-Case-Usage). Connectors on it have these two buckets first, in this order. */
enum { NILO__GRAPH_APP, NILO__GRAPH_ACCOUNT, NILO__GRAPH_BUCKETS };
#define NILO__GRAPH_APPS           "meta"
#define NILO__GRAPH_APP_BUCKET     {"app", 200, 3600, NULL, true, "calls of the app an hour, by the platform's own count", true}
#define NILO__GRAPH_ACCOUNT_BUCKET {"account", 4800, 86400, NULL, false, "calls about the account in 24 hours, by the platform's own count", true}

#define NILO__GRAPH_BATCH 50 /* questions in one request */

/* {"error": {...}}, or what signing in has in its place. */
struct nilo__graph_error {
    bool there;
    int64_t code, subcode; /* 0 = not said */
    bool is_transient;
    const char *type, *message, *user_title, *user_message; /* cut; NULL = not said */
};

/** nilo__graph_refusal - true: something is wrong (no answer, an error in it, a status that is no success), and the result says what. Usage is taken in any
 *  case where an answer came, so the result is reset by it
 *  title   "Instagram"
 *  types   of business use cases that are the asker's, NULL-terminated: {"instagram", NULL}
 *  said    what it said; may be NULL */
bool nilo__graph_refusal(const struct nilo_http_answer *a, const char *title, const char *const *types, struct nilo_arena *arena, struct nilo_result *ret,
                         struct nilo__graph_error *said);
/** nilo__graph_error_of - reads the error of a body; said->there false: there is none, or it is no JSON */
void nilo__graph_error_of(const char *body, size_t n, struct nilo_arena *arena, struct nilo__graph_error *said);
bool nilo__graph_of_page_token(const struct nilo__graph_error *e); /* it wants a page's own token, and was asked with a person's */
/** nilo__graph_classify - what an error means: class, reason, message, waiting. at: when it was said */
void nilo__graph_classify(const struct nilo__graph_error *e, const char *title, nilo_us at, struct nilo_arena *arena, struct nilo_result *ret);
/** nilo__graph_of_metric - is it one about names of metrics that are asked for: invalid here, or not known for this kind of media? Then the whole call was
 *  refused because of them
 *  refused  bits of `names` (at most 32) that it names, or that it leaves out of those that it would take; 0: it says not which */
bool nilo__graph_of_metric(const struct nilo__graph_error *e, const char *const *names, size_t n, uint32_t *refused);

/** nilo__graph_usage - one header's value, X-App-Usage or X-Business-Use-Case-Usage, into the result; names in small letters. What does not read is nothing */
void nilo__graph_usage(const char *header, const char *value, const char *const *types, nilo_us at, struct nilo_result *ret);

/* ---- paths, ids, cursors ---- */

bool nilo__graph_id_fine(const char *id); /* digits, or digits_digits */
/** nilo__graph_cursor_fine - a cursor is passed on; an address (paging.next holds the token) never is */
bool nilo__graph_cursor_fine(const char *cursor);

/* ---- several questions in one request ---- */

/* One answer of a batch. */
struct nilo__graph_part {
    bool there;       /* false: null stood in its place, the platform did not get to it */
    int status;       /* 0 = it does not read */
    const char *body; /* NUL behind it; "" = none */
    size_t n;
};
/** nilo__graph_parts - the answers of a batch, at most max; usage in their headers goes into ret
 *  errors  NILO_EBODY it is no list of answers, NILO_ENOMEM */
int nilo__graph_parts(const struct nilo_http_answer *a, size_t max, const char *const *types, struct nilo_arena *arena, struct nilo__graph_part *parts, size_t *ret_n,
                      struct nilo_result *ret, struct nilo_err *err);

/** nilo__graph_proof - appsecret_proof of a token: hex in the arena; NULL: no memory */
const char *nilo__graph_proof(const char *secret, const char *token, struct nilo_arena *arena);

/* ---- variants (graph_variant.c): which names of metrics are left out ---- */

#define NILO__GRAPH_NO_INSIGHTS (UINT32_C(1) << 31) 
#define NILO__GRAPH_OWN         (UINT32_C(3) << 29) /* bits of the platform's own, which stay as they are */
/** nilo__graph_asked - bits of the n names that are asked for with that variant */
uint32_t nilo__graph_asked(unsigned variant, size_t n);
/** nilo__graph_after_refusal - the variant to ask with next, when these were refused (0: nobody knows which)
 *  returns  false: nothing is left to try */
bool nilo__graph_after_refusal(unsigned variant, size_t n, uint32_t refused, unsigned *ret);
/** nilo__graph_after_answer - the same when it was answered: another one while some names were held back to find out which one is refused */
unsigned nilo__graph_after_answer(unsigned variant, size_t n);

/* ---- items with their metrics (graph_items.c) ---- */

#define NILO__GRAPH_INSIGHTS 40
struct nilo__graph_insights {
    struct nilo__graph_insight {
        const char *name, *value, *total, *period; /* NULL = not said; value "?": it is no count; object: ... but an object */
        bool object;
    } all[NILO__GRAPH_INSIGHTS];
    size_t n; /* may be more than there is room for */
};
/** nilo__graph_insight_take - a member of one; path: below insights.data[]. errors: NILO_ENOMEM */
int nilo__graph_insight_take(struct nilo__graph_insights *all, const char *path, enum nilo_json_event event, const char *text, size_t len, struct nilo_arena *arena,
                             struct nilo_err *err);
bool nilo__graph_is_odd(enum nilo_json_event event); /* what is there but is neither text nor number is no absent one */
/** nilo__graph_wrong - the item is INVALID with that sentence; NULL: there was no memory for it */
void nilo__graph_wrong(struct nilo_item *item, const char *sentence);
/** nilo__graph_value - a count as it was written, or why it is not there; what is no count makes the item wrong */
void nilo__graph_value(const char *title, struct nilo_item_value *to, const char *metric, const char *text, enum nilo_absence otherwise, struct nilo_arena *arena,
                       struct nilo_item *item);
/** nilo__graph_posted - when it was posted, by the member `name`: unreadable or from the future is none, and the item is wrong. at: when it was said */
void nilo__graph_posted(const char *title, const char *name, const char *text, nilo_us at, struct nilo_arena *arena, struct nilo_item *item);

/* What a platform's items are. */
struct nilo__graph_items {
    const char *title, *what;             /* "Instagram", "media" */
    const char *purpose, *batch_purpose;  /* of requests */
    const char *const *types;             /* of business use cases */
    size_t size;                          /* of what an item is read into; it begins as zeros */
    const char *(*fields)(const struct nilo_ask *ask); /* besides insights */
    bool (*in_batch)(const struct nilo_ask *ask);      /* several as a batch; else by ?ids= */
    void (*address)(struct nilo__making *m, const char *path, const char *purpose);
    int (*sign)(struct nilo__making *m, struct nilo_err *err);
    const char *const *(*names)(int kind, size_t *ret_n); /* of insights, at most 16; the bits of variants */
    int (*member)(void *said, const char *path, enum nilo_json_event event, const char *text, size_t len, struct nilo_arena *arena, struct nilo_err *err);
    const char *(*id)(const void *said);
    void (*attrs)(const struct nilo_ask *ask, const void *said, nilo_us at, struct nilo_arena *arena, struct nilo_item *item); /* what it is, without values */
    int (*fill)(const struct nilo_ask *ask, const void *said, nilo_us at, struct nilo_arena *arena, struct nilo_item *item, struct nilo_err *err);
    /* Is it an error that other words than ask->variant's avoid? Then *ret is their variant; left as it is where nothing is left to try. Not asked for
     * names of metrics that are refused */
    bool (*instead)(const struct nilo_ask *ask, const struct nilo__graph_error *e, unsigned *ret);
    bool one_by_one; /* such an error is about the item; else about all of its kind */
};
#define NILO__GRAPH_PAGE 100 /* rows are asked for and taken */
/** nilo__graph_take_list - LIST. The next page goes by its cursor alone: paging.next holds the token */
int nilo__graph_take_list(const struct nilo__graph_items *g, const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret,
                          struct nilo_err *err);
/** nilo__graph_make_items - METRICS; errors: NILO_EINVAL an id that is none, too many; NILO_ENOMEM */
int nilo__graph_make_items(const struct nilo__graph_items *g, struct nilo__making *m, struct nilo_err *err);
int nilo__graph_take_items(const struct nilo__graph_items *g, const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret,
                           struct nilo_err *err);

/* ---- an account's or page's days (graph_days.c) ---- */

#define NILO__GRAPH_DAY_NAMES 10
struct nilo__graph_days {
    const char *title, *purpose;
    void (*address)(struct nilo__making *m, const char *path, const char *purpose);
    int (*sign)(struct nilo__making *m, struct nilo_err *err);
    struct {
        const char *name, *metric;
    } known[NILO__GRAPH_DAY_NAMES]; /* of at most 8 metrics */
    size_t n_known, n_asked;        /* the first n_asked, at most 5, are asked for; the rest is read where it comes */
};
int nilo__graph_make_days(const struct nilo__graph_days *d, struct nilo__making *m, struct nilo_err *err);
/** nilo__graph_refused_days - a name of a metric that is refused: again without it */
bool nilo__graph_refused_days(const struct nilo__graph_days *d, const struct nilo_ask *ask, const struct nilo__graph_error *e, struct nilo_result *ret);
int nilo__graph_take_days(const struct nilo__graph_days *d, const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret,
                          struct nilo_err *err);

/* ---- tokens (graph_tokens.c) ---- */

/** nilo__graph_sign - with the token; token_in: the setting that says where ("url", else a header); proof: the one that says whether its proof comes along, -1 = no
 *  errors  NILO_EINVAL there is no token */
int nilo__graph_sign(struct nilo__making *m, size_t token_in, int proof, struct nilo_err *err);
/** nilo__graph_can_exchange - is there what an EXCHANGE needs? Variant 0: a code becomes a token, 1: that one a long-lived one */
int nilo__graph_can_exchange(const struct nilo__making *m, struct nilo_err *err);
void nilo__graph_code(struct nilo__making *m, const char *url, const char *purpose);
void nilo__graph_long(struct nilo__making *m, const char *base, const char *path, const char *token, const char *purpose); /* ... and of REFRESH */
int nilo__graph_take_tokens(const char *title, const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret,
                            struct nilo_err *err);

/* ---- what an answer says (graph_tokens.c) ---- */

typedef int nilo__graph_take_op(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err);
/** nilo__graph_take - of all operations but METRICS: what is refused, or what by_op says
 *  days  of REPORT
 *  said  the error, or none */
int nilo__graph_take(const struct nilo__graph_items *items, const struct nilo__graph_days *days, nilo__graph_take_op *const by_op[NILO_OPS], const struct nilo_ask *ask,
                     const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo__graph_error *said, struct nilo_err *err);

#endif
