/* Credentials for collecting: see tokens.h. */
#include "collect/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define AHEAD (5 * NILO_US_MINUTE) /* a token of the app's own is not used so short before its end */

struct app {
    struct app *next;
    char platform[64];
    struct nilo_login_app app;
    struct nilo_token own; /* of the app itself, where nobody signs in: shared by all its connections */
};

/* What a connection got last: its texts stay good until it asks again. */
struct held {
    struct held *next;
    int64_t connection;
    struct nilo_token token;
    char why[1024];
};

struct nilo_tokens_of {
    struct nilo_store *store;
    const struct nilo_config *config;
    struct nilo_login *login;
    struct app *apps;
    struct held *held;
};

int nilo_tokens_of_new(struct nilo_store *s, const struct nilo_config *config, struct nilo_http *http, struct nilo_tokens_of **ret, struct nilo_err *err)
{
    struct nilo_tokens_of *t = calloc(1, sizeof *t);
    if (t == NULL)
        return nilo_err_nomem(err);
    t->store = s;
    t->config = config;
    if (nilo_login_new(s, config, http, &t->login, err) != 0) {
        free(t);
        return -1;
    }
    *ret = t;
    return 0;
}

void nilo_tokens_of_free(struct nilo_tokens_of *t)
{
    if (t == NULL)
        return;
    for (struct app *a = t->apps, *next; a != NULL; a = next) {
        next = a->next;
        nilo_token_done(&a->own);
        nilo_login_app_done(&a->app);
        free(a);
    }
    for (struct held *h = t->held, *next; h != NULL; h = next) {
        next = h->next;
        nilo_token_done(&h->token);
        free(h);
    }
    nilo_login_free(t->login);
    free(t);
}

static int app_of(struct nilo_tokens_of *t, const char *platform, struct app **ret, struct nilo_err *err)
{
    struct app *a = t->apps;
    while (a != NULL && strcmp(a->platform, platform) != 0)
        a = a->next;
    if (a == NULL) {
        a = calloc(1, sizeof *a);
        if (a == NULL)
            return nilo_err_nomem(err);
        snprintf(a->platform, sizeof a->platform, "%s", platform);
        if (nilo_login_app_init(&a->app, t->config, platform, err) != 0) {
            free(a);
            return -1;
        }
        a->next = t->apps;
        t->apps = a;
    }
    *ret = a;
    return 0;
}

const char *const *nilo_tokens_of_settings(struct nilo_tokens_of *t, const char *platform, struct nilo_err *err)
{
    struct app *app;
    return app_of(t, platform, &app, err) == 0 ? app->app.settings : NULL;
}

static int held_of(struct nilo_tokens_of *t, int64_t connection, struct held **ret, struct nilo_err *err)
{
    struct held *h = t->held;
    while (h != NULL && h->connection != connection)
        h = h->next;
    if (h == NULL) {
        h = calloc(1, sizeof *h);
        if (h == NULL)
            return nilo_err_nomem(err);
        h->connection = connection;
        h->next = t->held;
        t->held = h;
    }
    *ret = h;
    return 0;
}

/* What keeps this connection from being asked, and no other. */
static bool is_its_own(enum nilo_code code)
{
    return code == NILO_EPERM || code == NILO_ENOENT || code == NILO_EBUSY || code == NILO_ESOURCE || code == NILO_ECONFIG || code == NILO_ENAME ||
           code == NILO_ECORRUPT || code == NILO_EINVAL || code == NILO_EIO;
}

static int ask(struct nilo_tokens_of *t, const struct nilo_connection *c, int64_t refused, struct held *h, const char **ret_why, struct nilo_err *err)
{
    struct nilo_token token = {0};
    struct nilo_err why = {0};
    *ret_why = NULL;
    if (nilo_token_get(t->login, c, refused, &token, &why) == 0) {
        nilo_token_done(&h->token);
        h->token = token;
        return 0;
    }
    if (!is_its_own(why.code)) {
        if (err != NULL)
            *err = why;
        return -1;
    }
    memcpy(h->why, why.msg, sizeof h->why);
    *ret_why = h->why;
    return 0;
}

/* A token of the app's own: the one there is as long as it holds. */
static int ask_own(struct nilo_tokens_of *t, struct app *app, bool anew, struct held *h, const char **ret_why, struct nilo_err *err)
{
    const struct nilo_clock *clock = &nilo_store_env(t->store)->clock;
    struct nilo_token token = {0};
    struct nilo_err why = {0};
    *ret_why = NULL;
    if (!anew && app->own.bearer != NULL && (app->own.until == NILO_US_NONE || clock->wall(clock->ctx) < app->own.until - AHEAD))
        return 0;
    if (nilo_token_of_app(t->login, &app->app, &token, &why) == 0) {
        token.generation = app->own.generation + 1;
        nilo_token_done(&app->own);
        app->own = token;
        return 0;
    }
    if (!is_its_own(why.code)) {
        if (err != NULL)
            *err = why;
        return -1;
    }
    memcpy(h->why, why.msg, sizeof h->why);
    *ret_why = h->why;
    return 0;
}

static int get_own(struct nilo_tokens_of *t, struct app *app, struct held *h, struct nilo_credentials *ret, const char **ret_why, struct nilo_err *err)
{
    if (ask_own(t, app, false, h, ret_why, err) != 0)
        return -1;
    h->token.generation = app->own.generation;
    if (*ret_why == NULL)
        *ret = (struct nilo_credentials){.access_token = app->own.bearer, .client_id = app->app.client_id, .client_secret = app->app.client_secret};
    return 0;
}

static int get(void *ctx, const struct nilo_connection *c, struct nilo_credentials *ret, const char **ret_why, struct nilo_err *err)
{
    struct nilo_tokens_of *t = ctx;
    struct app *app;
    struct held *h;
    struct nilo_err why = {0};
    *ret = (struct nilo_credentials){0};
    if (held_of(t, c->id, &h, err) != 0)
        return -1;
    if (app_of(t, c->platform, &app, &why) != 0) {
        memcpy(h->why, why.msg, sizeof h->why);
        *ret_why = h->why;
        return 0;
    }
    if (app->app.connector->app_token)
        return get_own(t, app, h, ret, ret_why, err);
    if (ask(t, c, NILO_TOKEN_FIRST, h, ret_why, err) != 0)
        return -1;
    if (*ret_why == NULL)
        *ret = (struct nilo_credentials){.api_key = app->app.api_key, .access_token = h->token.bearer, .client_id = app->app.client_id, .client_secret = app->app.client_secret};
    return 0;
}

static int refused(void *ctx, const struct nilo_connection *c, bool *ret_new, const char **ret_why, struct nilo_err *err)
{
    struct nilo_tokens_of *t = ctx;
    struct app *app;
    struct held *h;
    *ret_new = false;
    if (held_of(t, c->id, &h, err) != 0 || app_of(t, c->platform, &app, err) != 0)
        return -1;
    if (app->app.connector->app_token) { /* another connection may have got the next one */
        if (app->own.generation == h->token.generation && ask_own(t, app, true, h, ret_why, err) != 0)
            return -1;
        *ret_new = app->own.generation != h->token.generation;
        return 0;
    }
    int64_t was = h->token.generation;
    if (ask(t, c, was, h, ret_why, err) != 0)
        return -1;
    *ret_new = *ret_why == NULL && h->token.bearer != NULL && h->token.generation != was;
    return 0;
}

struct nilo_token_source nilo_tokens_of_source(struct nilo_tokens_of *t)
{
    return (struct nilo_token_source){.get = get, .refused = refused, .ctx = t};
}

/* ---- an app's own table ------------------------------------------------------------------------------------------------------------------- */

void nilo_collect_sync(struct nilo_store *s, const struct nilo_config *config)
{
    struct nilo_login *l = NULL;
    struct nilo_login_synced got = {0};
    struct nilo_err err = {0};
    if (nilo_login_new(s, config, NULL, &l, &err) != 0 || nilo_login_from_sql(l, &got, &err) != 0)
        nilo_log(NILO_LOG_WARNING, "connections_from_sql were not read; the connections there are stay as they are", {"error", err.msg});
    else if (got.refused > 0)
        nilo_log(NILO_LOG_WARNING, "rows of connections_from_sql were left out", {"first", got.note});
    nilo_login_free(l);
}
