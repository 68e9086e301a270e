/* What platforms on Meta's Graph API have in common (Instagram, Facebook): how it says that something is wrong, how much of a limit is used, pages, several
 * questions in one request. Facts and where they were found: the notes on platform APIs, section 2. */
#ifndef NILO_CONNECT_GRAPH_PRIV_H
#define NILO_CONNECT_GRAPH_PRIV_H

#include "connect/connector_priv.h"

/* Both count in hundredths of a limit that they do not name: of the app over an hour (X-App-Usage), of an account or page over a day
 * (X-Business-Use-Case-Usage). Connectors on it have these two buckets first, in this order. */
enum { NILO__GRAPH_APP, NILO__GRAPH_ACCOUNT, NILO__GRAPH_BUCKETS };
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

#endif
