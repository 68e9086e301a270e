/* What platforms tell by themselves: the body of a notice to events (hook/meta.c, tiktok.c, youtube.c: pure), and events to what they do (apply.c): an item is made
 * known, read before its turn, deleted on a day, or has a last value; a connection is listed anew, or has to be signed in to again.
 *
 * A notice says what has happened, not what is true now: order is not promised, and one may come twice or days later. So most of them only have the platform asked, and what is
 * old does nothing. Leaves to api/ who may send and what is answered. */
#ifndef NILO_HOOK_HOOK_H
#define NILO_HOOK_HOOK_H

#include "config/config.h"
#include "store/store.h"

#define NILO_HOOK_EVENTS_MAX 1000          /* of one notice; Meta puts as many together */
#define NILO_HOOK_OLD_AFTER (7 * NILO_US_DAY) /* what is told later is told again by whoever sends it: it does nothing; as long as digests are known */

enum nilo_hook_what {
    NILO_HOOK_NOTHING,    /* known, and nothing follows from it */
    NILO_HOOK_UNKNOWN,
    NILO_HOOK_CHANGED,    /* an item is there, or has changed */
    NILO_HOOK_DELETED,    /* an item is not there any more */
    NILO_HOOK_LISTED,     /* something of the account's has changed; which items is not told */
    NILO_HOOK_READING,    /* values of an item */
    NILO_HOOK_SIGNED_OUT, /* the account's owner has taken the permission back */
};

struct nilo_hook_value {
    const char *metric;
    int64_t value;
};
struct nilo_hook_event {
    enum nilo_hook_what what;
    const char *platform; /* a notice may be about another one than it was sent for: Meta's apps are of several */
    const char *account;  /* whose; NULL = not told */
    const char *item;
    bool own;             /* the item is the account's own: it is made known where it is not */
    nilo_us at;           /* NILO_US_NONE = not told */
    const char *name;     /* of what it is; for a log: a short word of small letters, digits, points and underscores */
    struct nilo_hook_value values[4];
    size_t n_values;
};
struct nilo_hook_events {
    struct nilo_hook_event *list;
    size_t n;
};

/** nilo_hook_read - a notice of a platform, or a request that its app forget somebody (signed_request's payload, of "deauthorize" and "deletion")
 *  kind    NULL: a notice
 *  app_id  our app's key there; NULL = not known. What is meant for another one is unknown
 *  ret     in the arena; the body is not needed any more
 *  errors  NILO_EBODY it is no JSON (or no feed) of such a kind, or too deep; NILO_EINVAL more than NILO_HOOK_EVENTS_MAX events; NILO_ENOMEM */
int nilo_hook_read(const char *platform, const char *kind, const char *app_id, const char *body, size_t n, struct nilo_arena *arena, struct nilo_hook_events *ret,
                   struct nilo_err *err);

struct nilo_hook_notice {
    const char *hook, *digest; /* by which it is known when it comes again: nilo_store_hook_new() */
    const char *workspace;     /* whose connections alone are meant; NULL = all */
    const struct nilo_config *config;
    const struct nilo_hook_events *events;
};
/* How many events of each. */
struct nilo_hook_done {
    bool repeated;   /* it had come before: nothing was done */
    int64_t taken;
    int64_t foreign; /* of accounts and items that no connection is about */
    int64_t unknown, nothing, old;
};
/** nilo_hook_apply - in one transaction of its own; the store has to be open for writing */
int nilo_hook_apply(struct nilo_store *s, const struct nilo_hook_notice *notice, struct nilo_hook_done *ret, struct nilo_err *err);

#endif
