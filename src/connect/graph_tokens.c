/* Signing in through Facebook, what requests are signed with, and refusals; for all platforms on the Graph API. A code becomes a token of an hour or two, which becomes one of 60
 * days; while that lives it is good for another one, so it is its own refresh token and ends with it. */
#include <string.h>

#include "connect/graph_priv.h"
#include "connect/walk.h"

int nilo__graph_sign(struct nilo__making *m, size_t token_in, int proof_setting, struct nilo_err *err)
{
    const struct nilo_credentials *c = m->ask->credentials;
    const bool proves = proof_setting >= 0 && strcmp(nilo_connector_setting(m->connector, m->ask, (size_t)proof_setting), "yes") == 0;
    if (c->access_token == NULL)
        return nilo_err_set(err, NILO_EINVAL, "%s tells nothing without somebody who has signed in: nilometer connection connect", m->connector->title);
    if (strcmp(nilo_connector_setting(m->connector, m->ask, token_in), "url") == 0)
        nilo__add_query_secret(m, "access_token", c->access_token);
    else
        nilo__add_bearer(m, c->access_token);
    if (proves && c->client_secret != NULL && c->client_secret[0] != '\0') {
        const char *proof = nilo__graph_proof(c->client_secret, c->access_token, m->arena);
        nilo__add_query_secret(m, "appsecret_proof", proof);
        m->failed = m->failed || proof == NULL;
    }
    return 0;
}

int nilo__graph_can_exchange(const struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_credentials *c = m->ask->credentials;
    const bool first = m->ask->variant == 0;
    const char *lacks = c->client_id == NULL ? "client id" : c->client_secret == NULL ? "client secret" : first && m->ask->code == NULL ? "code" : !first && c->access_token == NULL ? "token" : NULL;
    return lacks == NULL ? 0 : nilo_err_set(err, NILO_EINVAL, "there is no %s to get a token of %s's with", lacks, m->connector->title);
}

void nilo__graph_code(struct nilo__making *m, const char *url, const char *purpose)
{
    const struct nilo_credentials *c = m->ask->credentials;
    nilo__at(m, url, "", purpose);
    nilo__add_query(m, "client_id", c->client_id);
    nilo__add_query(m, "redirect_uri", m->ask->redirect);
    nilo__add_query_secret(m, "client_secret", c->client_secret);
    nilo__add_query_secret(m, "code", m->ask->code);
}

void nilo__graph_long(struct nilo__making *m, const char *base, const char *path, const char *token, const char *purpose)
{
    const struct nilo_credentials *c = m->ask->credentials;
    nilo__at(m, base, path, purpose);
    nilo__add_query(m, "grant_type", "fb_exchange_token");
    nilo__add_query(m, "client_id", c->client_id);
    nilo__add_query_secret(m, "client_secret", c->client_secret);
    nilo__add_query_secret(m, "fb_exchange_token", token);
}

struct token {
    const char *access, *expires, *scope;
    struct nilo_arena *arena;
    struct nilo_err *err;
};

static int take_member(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want wants[] = {
        {"access_token", offsetof(struct token, access)}, {"data[].access_token", offsetof(struct token, access)}, {"expires_in", offsetof(struct token, expires)},
        {"permissions", offsetof(struct token, scope)}, {"data[].permissions", offsetof(struct token, scope)},
    };
    struct token *t = ctx;
    return nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), t, path, event, text, len, 16384, t->arena, t->err);
}

int nilo__graph_take_tokens(const char *title, const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret,
                            struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct token t = {.arena = arena, .err = &why};
    if (nilo__walk(a->body, a->n_body, take_member, &t, &why) != 0)
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__unreadable(title, arena, &(struct nilo_err){.msg = "no JSON"}, ret);
    if (t.access == NULL || t.access[0] == '\0')
        return nilo__unreadable(title, arena, &(struct nilo_err){.msg = "there is no access_token in it"}, ret);
    ret->tokens = (struct nilo_tokens){.access_token = t.access, .expires_s = -1, .refresh_expires_s = -1, .scope = t.scope};
    if (!nilo__count_of(t.expires, &ret->tokens.expires_s))
        ret->tokens.expires_s = -1;
    if (ask->op == NILO_OP_EXCHANGE && ask->variant == 0) { /* it lives an hour: on to the next step */
        ret->again = true;
        ret->variant = 1;
        return 0;
    }
    ret->tokens.refresh_token = t.access;
    ret->tokens.refresh_expires_s = ret->tokens.expires_s;
    return 0;
}

/* ---- refusals ----------------------------------------------------------------------------------------------------------------------------------- */

int nilo__graph_take(const struct nilo__graph_items *items, const struct nilo__graph_days *days, nilo__graph_take_op *const by_op[NILO_OPS], const struct nilo_ask *ask,
                     const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo__graph_error *said, struct nilo_err *err)
{
    const bool tokens = ask->op == NILO_OP_EXCHANGE || ask->op == NILO_OP_REFRESH;
    bool refused = nilo__graph_refusal(a, items->title, items->types, arena, ret, said);
    ret->variant = ask->variant;
    if (!refused)
        return by_op[ask->op](ask, a, arena, ret, err);
    if (ask->op == NILO_OP_REPORT && nilo__graph_refused_days(days, ask, said, ret))
        return 0;
    /* A code or a token that is refused there leads nowhere else: somebody has to sign in. */
    if (tokens && (ret->class == NILO_CLASS_INVALID || ret->class == NILO_CLASS_GONE) && said->there)
        ret->class = NILO_CLASS_AUTH;
    return 0;
}
