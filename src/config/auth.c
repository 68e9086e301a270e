/* Rules of the part `auth` and of the secrets beside it. What a secret holds is looked at where it is used, at the start of serve. */
#include "config/config_priv.h"

#include <string.h>

static int check_reference(const struct nilo__config_place *at, const struct nilo__config_node *node, const char *key, const char *text,
                           struct nilo_err *err)
{
    const char *problem = text != NULL ? nilo__config_reference_problem(text) : NULL;
    return problem != NULL ? nilo__config_fail(at, nilo__config_line(node, key), key, err, "%s", problem) : 0;
}

static int check_token(const struct nilo_config_token *t, const struct nilo__config_node *node, const struct nilo__config_place *at,
                       struct nilo_err *err)
{
    bool shared = strcmp(t->alg, "HS256") == 0;
    const char *wanted = shared ? "secret" : "public_key", *other = shared ? "public_key" : "secret";
    if ((shared ? t->public_key : t->secret) != NULL)
        return nilo__config_fail(at, nilo__config_line(node, other), other, err, "does not go with %s, which takes a %s", t->alg, wanted);
    if ((shared ? t->secret : t->public_key) == NULL)
        return nilo__config_fail(at, nilo__config_line(node, wanted), wanted, err, "is required for %s; write env:NAME, file:PATH or credential:NAME", t->alg);
    return check_reference(at, node, wanted, shared ? t->secret : t->public_key, err);
}

static bool is_sql(const struct nilo_config_connection *c)
{
    return strcmp(c->platform, "sql") == 0;
}

const struct nilo_config_connection *nilo_config_admin_source(const struct nilo_config *c, const struct nilo_config_admin *a)
{
    const struct nilo_config_connection *found = NULL;
    for (int i = 0; i < c->n_connections; i++) {
        const struct nilo_config_connection *one = &c->connections[i];
        if (!is_sql(one) || (a->connection != NULL && strcmp(one->name, a->connection) != 0))
            continue;
        if (found != NULL)
            return NULL;
        found = one;
    }
    return found;
}

static int check_admin(const struct nilo_config *c, const struct nilo_config_admin *a, const struct nilo__config_node *node,
                       const struct nilo__config_place *at, struct nilo_err *err)
{
    struct nilo_err why = {0};
    if ((a->sub != NULL) == (a->sql != NULL))
        return nilo__config_fail(at, node->line, NULL, err, "give one of sub (a user) and sql (how to ask who is an admin)");
    if (a->sub != NULL && a->connection != NULL)
        return nilo__config_fail(at, nilo__config_line(node, "connection"), "connection", err, "goes with sql, not with sub");
    if (a->sub != NULL)
        return 0;
    if (nilo_config_sql_about(a->sql, NILO_SQL_ANY, NULL, &why) != 0)
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__config_fail(at, nilo__config_line(node, "sql"), "sql", err, "%s", why.msg);
    if (nilo_config_admin_source(c, a) == NULL)
        return nilo__config_fail(at, nilo__config_line(node, "connection"), "connection", err,
                                 a->connection != NULL ? "is not the name of exactly one connection of platform sql in this file"
                                                       : "is required: this file has not exactly one connection of platform sql");
    return 0;
}

int nilo__config_auth_rules(const struct nilo_config *c, const struct nilo__config_node *root, const struct nilo__config_place *top, struct nilo_err *err)
{
    const struct nilo__config_node *auth = nilo__config_get(root, "auth"), *list, *node;
    struct nilo__config_place at = nilo__config_in(top, "auth");
    if (check_reference(top, root, "cron_secret", c->cron_secret, err) != 0)
        return -1;
    list = auth != NULL ? nilo__config_get(auth, "tokens") : NULL;
    node = list != NULL ? list->first : NULL;
    for (int i = 0; i < c->auth.n_tokens && node != NULL; i++, node = node->next) {
        struct nilo__config_place below = nilo__config_at(&at, "tokens", i);
        if (check_token(&c->auth.tokens[i], node, &below, err) != 0)
            return -1;
    }
    list = auth != NULL ? nilo__config_get(auth, "admins") : NULL;
    node = list != NULL ? list->first : NULL;
    for (int i = 0; i < c->auth.n_admins && node != NULL; i++, node = node->next) {
        struct nilo__config_place below = nilo__config_at(&at, "admins", i);
        if (check_admin(c, &c->auth.admins[i], node, &below, err) != 0)
            return -1;
    }
    return 0;
}
