/* See gate.h. Loops hold the lock for reading while they check one request; a reload holds it for as long as it takes to exchange some pointers. */
#include "api/gate.h"

#include <pthread.h>
#include <stdlib.h>

#include "api/admit.h"

struct nilo_gate {
    const struct nilo_env *env;
    pthread_rwlock_t lock; /* rules and what they point to */
    struct nilo_gate_rules rules;
};

static void rules_done(struct nilo_gate_rules *r)
{
    nilo_jwt_keys_free(r->tokens);
    nilo_keys_free(r->ring);
    *r = (struct nilo_gate_rules){0};
}

int nilo_gate_new(const struct nilo_env *env, struct nilo_gate **ret, struct nilo_err *err)
{
    struct nilo_gate *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return nilo_err_nomem(err);
    g->env = env;
    pthread_rwlock_init(&g->lock, NULL);
    *ret = g;
    return 0;
}

void nilo_gate_free(struct nilo_gate *g)
{
    if (g == NULL)
        return;
    rules_done(&g->rules);
    pthread_rwlock_destroy(&g->lock);
    free(g);
}

int nilo_gate_load(struct nilo_gate *g, const struct nilo_gate_rules *rules, struct nilo_err *err)
{
    struct nilo_gate_rules fresh = *rules, old;
    if (fresh.tokens == NULL && nilo_jwt_keys_new(&fresh.tokens, err) != 0)
        goto failed;
    if (fresh.ring != NULL && nilo_api_token_keys(fresh.tokens, fresh.ring, err) != 0)
        goto failed;
    pthread_rwlock_wrlock(&g->lock);
    old = g->rules;
    g->rules = fresh;
    pthread_rwlock_unlock(&g->lock);
    rules_done(&old);
    return 0;
failed:
    rules_done(&fresh);
    return -1;
}

int nilo_gate_admit(struct nilo_gate *g, struct nilo_exchange *x)
{
    pthread_rwlock_rdlock(&g->lock);
    const struct nilo_credential_rules rules = {.tokens = g->rules.tokens, .ring = g->rules.ring, .anonymous = g->rules.anonymous};
    int rc = nilo_admit(x, &rules, g->env->clock.wall(g->env->clock.ctx));
    pthread_rwlock_unlock(&g->lock);
    return rc;
}
