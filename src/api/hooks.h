/* /hooks/PLATFORM, and /w/WORKSPACE/hooks/PLATFORM: what platforms and apps send by themselves. Nobody shows a key there; each request is signed (hook_keys.h), and one
 * that is not signed well gets the answer of all bad credentials. A platform that the configuration does not name has no such path.
 *
 * What is acknowledged is recorded: the answer comes after the commit, so whoever gets none sends again, and twice is once. */
#ifndef NILO_API_HOOKS_H
#define NILO_API_HOOKS_H

#include "api/server.h"

nilo_handler_fn nilo_hook_instant, nilo_hook_handler; /* /hooks/{hook}, and /hooks/{hook}/{request}: what an app is told when somebody removes it (Meta) */

#define NILO_HOOK_METHODS (NILO_GET | NILO_HEAD | NILO_POST | NILO_PUT | NILO_PATCH | NILO_DELETE) /* all of them: what is no path takes none */

/* Since the start, for /metrics. */
#define NILO_HOOK_COUNT_ROWS(X)                                                                                                            \
    X(accepted, "requests to /hooks that were signed well and whose work is done")                                                         \
    X(repeated, "of them such as had come before")                                                                                         \
    X(confirmed, "subscriptions confirmed")                                                                                                \
    X(refused_signature, "refused: not signed, or with another secret")                                                                    \
    X(refused_time, "refused: signed well, but more than five minutes ago or ahead")                                                       \
    X(refused_body, "refused: signed well, but not to be read")                                                                            \
    X(refused_size, "refused: longer than its platform sends")                                                                             \
    X(refused_wait, "refused unseen: too many bad ones came from the address")                                                             \
    X(failed, "signed well, and could not be done at that time")                                                                            \
    X(events, "events of platforms that something followed from")                                                                          \
    X(events_foreign, "events of accounts that no connection is about")                                                                    \
    X(events_nothing, "events that nothing follows from")                                                                                  \
    X(events_unknown, "events that are not known")                                                                                         \
    X(events_old, "events of more than a week ago, or of the future")

struct nilo_hook_counts {
#define X(name, doc) _Atomic int64_t name;
    NILO_HOOK_COUNT_ROWS(X)
#undef X
};

#endif
