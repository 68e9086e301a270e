/* Who is let in, as the daemon keeps it: the keys that credentials are checked with, exchanged as a whole on a reload, and asked on loops without
 * waiting. What a credential is worth is credential.h's business, which answer a refusal gets admit.h's. */
#ifndef NILO_API_GATE_H
#define NILO_API_GATE_H

#include "api/credential.h"
#include "api/server.h"
#include "keys/keys.h"

/* What holds from a load on. */
struct nilo_gate_rules {
    struct nilo_jwt_keys *tokens; /* may be NULL; without those of the ring */
    struct nilo_keys *ring;       /* may be NULL: then there are neither keys nor tokens of our own */
    bool anonymous;               /* who shows nothing is anon; else nobody */
};

struct nilo_gate;
/** nilo_gate_new - lets in nobody but the Unix socket until it is loaded; env must outlive it */
int nilo_gate_new(const struct nilo_env *env, struct nilo_gate **ret, struct nilo_err *err);
void nilo_gate_free(struct nilo_gate *g); /* after the server; NULL is fine */
/** nilo_gate_load - the rules from now on; any thread. Takes tokens and ring over, also on failure, when what was there stays */
int nilo_gate_load(struct nilo_gate *g, const struct nilo_gate_rules *rules, struct nilo_err *err);

/** nilo_gate_admit - for the admit hook; returns as nilo_admit() */
int nilo_gate_admit(struct nilo_gate *g, struct nilo_exchange *x);

#endif
