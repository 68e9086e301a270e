/* Who is let in, as the daemon keeps it: the keys that credentials are checked with, exchanged as a whole on a reload; who is an admin; how often somebody
 * may come. Asked on loops without waiting. What a credential is worth is credential.h's business, which answer a refusal gets admit.h's. */
#ifndef NILO_API_GATE_H
#define NILO_API_GATE_H

#include "api/credential.h"
#include "api/server.h"
#include "config/config.h"
#include "keys/keys.h"
#include "store/store.h"

/* What holds from a load on. All three are taken over, and any may be NULL. */
struct nilo_gate_rules {
    struct nilo_config *config;   /* its parts auth, cron and limits; NULL: nobody without credentials, limits on */
    struct nilo_keys *ring;       /* NULL: there are neither keys nor tokens of our own */
    struct nilo_jwt_keys *tokens; /* more keys of tokens than those of config and ring: for tests */
    bool anonymous;               /* as the configuration's, for tests: who shows nothing is anon */
};

struct nilo_gate;
/** nilo_gate_new - lets in nobody but the Unix socket until it is loaded; env must outlive it */
int nilo_gate_new(const struct nilo_env *env, struct nilo_gate **ret, struct nilo_err *err);
void nilo_gate_free(struct nilo_gate *g); /* after the server; NULL is fine */
/** nilo_gate_load - the rules from now on; any thread. What they hold is taken over also on failure, when what was there stays
 *  errors  NILO_ECONFIG, with file, line and key: a secret that is too short, a public key that is none, ...; those of nilo_config_secret() */
int nilo_gate_load(struct nilo_gate *g, const struct nilo_gate_rules *rules, struct nilo_err *err);

/** nilo_gate_ring - other keys of the store from now on, as after a rotation; the rest of the rules stays. ring is taken over also on failure; NULL: none. By the thread that
 *  loads
 *  errors  those of nilo_config_secret(): what was there stays */
int nilo_gate_ring(struct nilo_gate *g, struct nilo_keys *ring, struct nilo_err *err);

/** nilo_gate_refresh - reads what the store says of keys of the API, if it has changed since: they count from now on. Any thread, s is its own
 *  errors  those of the store; what was known stays in force */
int nilo_gate_refresh(struct nilo_gate *g, struct nilo_store *s, struct nilo_err *err);
#define NILO_GATE_EVERY (250000) /* microseconds, real time */
/** nilo_gate_watch - a thread that does so every NILO_GATE_EVERY, so that what is revoked is refused within a second. Its end is nilo_gate_free()'s
 *  open  a store for reading; called on that thread, again after it failed */
int nilo_gate_watch(struct nilo_gate *g, int (*open)(void *ctx, struct nilo_store **ret, struct nilo_err *err), void *ctx, struct nilo_err *err);
void nilo_gate_unwatch(struct nilo_gate *g); /* ends it and waits for that; harmless where there is none */

/* ---- for the hooks of the server ---------------------------------------------------------------------------------------------------------- */

int nilo_gate_admit(struct nilo_gate *g, struct nilo_exchange *x);     /* on a loop; returns as the hook does */
int nilo_gate_authorize(struct nilo_gate *g, struct nilo_exchange *x); /* on a worker: asks whether an undecided one is an admin */
void nilo_gate_decorate(struct nilo_exchange *x);                      /* RateLimit-* */

/* For answers that go on for long. */
/** nilo_gate_changes - rises with everything that may make good credentials bad, or bad ones good: keys, revocations, a reload. Any thread */
uint64_t nilo_gate_changes(const struct nilo_gate *g);
/** nilo_gate_still - what these credentials are worth now, without counting as a request. Any thread
 *  ret   as nilo_credential_check() */
enum nilo_credential_result nilo_gate_still(struct nilo_gate *g, const struct nilo_credential_shown *shown, struct nilo_arena *arena,
                                            struct nilo_principal *ret);

/** nilo_gate_cron - for routes under /cron, which are EVERYONE's: does the request show the cron secret? 0: yes. NILO_LATER: no, and the answer is
 *  given (the one that all bad credentials get): return 0 from the handler */
int nilo_gate_cron(struct nilo_gate *g, struct nilo_exchange *x);

/** nilo_gate_hook - for routes under /hooks, which are EVERYONE's and look at signatures: does the address have to wait? 0: no. NILO_LATER: yes, and the answer is given */
int nilo_gate_hook(struct nilo_gate *g, struct nilo_exchange *x);
void nilo_gate_hook_failed(struct nilo_gate *g, struct nilo_exchange *x); /* it was not signed well */

#endif
