/* What this installation is to a platform, and one call there. */
#include "login/login_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *nilo__login_copy(const char *text)
{
    size_t n = strlen(text);
    char *copy = nilo_secret_alloc(n + 1);
    if (copy != NULL)
        memcpy(copy, text, n + 1);
    return copy;
}

static int resolve(const char *reference, char **ret, struct nilo_err *err)
{
    char *value;
    if (reference == NULL)
        return 0;
    if (nilo_config_secret(reference, &value, err) != 0)
        return -1;
    *ret = nilo__login_copy(value);
    nilo_secret_wipe(value, strlen(value));
    free(value);
    return *ret != NULL ? 0 : nilo_err_nomem(err);
}

static int unknown(const char *platform, struct nilo_err *err)
{
    const struct nilo_connector *c;
    char known[256] = "";
    for (size_t i = 0; (c = nilo_connector_at(i)) != NULL; i++) {
        size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%s", n > 0 ? ", " : "", c->platform);
    }
    return nilo_err_set(err, NILO_ENAME, "%.60s is no platform that can be signed in to; there are: %s", platform, known);
}

static int take_settings(struct nilo_login_app *a, const struct nilo_config *config, const struct nilo_config_platform *p, struct nilo_err *err)
{
    a->settings = calloc(a->connector->n_settings + 1, sizeof *a->settings);
    if (a->settings == NULL)
        return nilo_err_nomem(err);
    for (int i = 0; p != NULL && i < p->n_settings; i++) {
        struct nilo_err why = {0};
        size_t at;
        if (nilo_connector_check_setting(a->connector, p->settings[i].name, p->settings[i].value, &at, &why) != 0)
            return nilo_err_set(err, NILO_ECONFIG, "%s:%d: %s", config->path, p->settings[i].line, why.msg);
        a->settings[at] = p->settings[i].value;
    }
    return 0;
}

int nilo_login_app_init(struct nilo_login_app *a, const struct nilo_config *config, const char *platform, struct nilo_err *err)
{
    const struct nilo_config_platform *p = nilo_config_platform(config, platform);
    *a = (struct nilo_login_app){.connector = nilo_connector_find(platform)};
    if (a->connector == NULL)
        return unknown(platform, err);
    if (p != NULL)
        a->redirect = p->redirect;
    if (take_settings(a, config, p, err) == 0 &&
        (p == NULL || (resolve(p->client_id, &a->client_id, err) == 0 && resolve(p->client_secret, &a->client_secret, err) == 0 &&
                       resolve(p->api_key, &a->api_key, err) == 0)))
        return 0;
    nilo_login_app_done(a);
    return -1;
}

void nilo_login_app_done(struct nilo_login_app *a)
{
    nilo_secret_free(a->client_id);
    nilo_secret_free(a->client_secret);
    nilo_secret_free(a->api_key);
    free(a->settings);
    *a = (struct nilo_login_app){0};
}

/* ---- one call ----------------------------------------------------------------------------------------------------------------------- */

int nilo__login_http(struct nilo_login *l, struct nilo_http **ret, struct nilo_err *err)
{
    if (l->http == NULL) {
        if (nilo_http_new(nilo_store_env(l->store), NULL, &l->http, err) != 0)
            return -1;
        l->own_http = true;
    }
    *ret = l->http;
    return 0;
}

int nilo__login_send(struct nilo_http *http, const struct nilo_call *call, struct nilo_http_answer **ret, struct nilo_err *err)
{
    struct nilo_http_request request = call->http;
    struct nilo_http_answer *answer;
    uint64_t id;
    request.deadline_ms = 30000;
    if (nilo_http_start(http, &request, &id, err) != 0)
        return -1;
    while ((answer = nilo_http_next(http)) == NULL) {
        if (nilo_http_poll(http, NILO_US_NONE, err) != 0) {
            nilo_http_cancel(http, id);
            return -1;
        }
    }
    *ret = answer;
    return 0;
}

/* A platform's word may be anything; what does not look like a word is not repeated. */
static bool is_word(const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        if (!isalpha((unsigned char)text[i]) && strchr("_ 0123456789", text[i]) == NULL)
            return false;
    }
    return n > 0 && n <= 40;
}

void nilo__login_why(const char *title, const struct nilo_result *result, char *out, size_t size)
{
    const char *word = is_word(result->reason) ? result->reason : nilo_class_word(result->class);
    if (result->class == NILO_CLASS_AUTH)
        snprintf(out, size, "%s does not take it any more (%s)", title, word);
    else if (result->key_wrong)
        snprintf(out, size, "%s does not know the app that the configuration names, or its secret (%s)", title, word);
    else if (result->class == NILO_CLASS_RATE_LIMITED || result->class == NILO_CLASS_TRANSIENT)
        snprintf(out, size, "%s could not be asked just now (%s)", title, word);
    else
        snprintf(out, size, "%s answered something else than tokens (%s)", title, word);
}

void nilo__login_wipe(const struct nilo_result *r)
{
    const char *const secrets[] = {r->tokens.access_token, r->tokens.refresh_token};
    for (size_t i = 0; i < 2; i++) {
        if (secrets[i] != NULL)
            nilo_secret_wipe((void *)(uintptr_t)secrets[i], strlen(secrets[i]));
    }
}

/* ---- the app's own token ------------------------------------------------------------------------------------------------------------------ */

static int take_app_token(const struct nilo_login_app *a, const struct nilo_result *r, nilo_us now, struct nilo_token *ret, struct nilo_err *err)
{
    char why[300];
    if (r->class != NILO_CLASS_OK) {
        nilo__login_why(a->connector->title, r, why, sizeof why);
        return nilo_err_set(err, r->key_wrong || r->class == NILO_CLASS_PERMISSION || r->class == NILO_CLASS_AUTH ? NILO_ECONFIG : NILO_ESOURCE, "%s", why);
    }
    *ret = (struct nilo_token){.bearer = nilo__login_copy(r->tokens.access_token), .until = NILO_US_NONE};
    if (r->tokens.expires_s >= 0 && r->tokens.expires_s < 366 * 86400)
        ret->until = now + r->tokens.expires_s * NILO_US_SECOND;
    return ret->bearer != NULL ? 0 : nilo_err_nomem(err);
}

int nilo_token_of_app(struct nilo_login *l, const struct nilo_login_app *a, struct nilo_token *ret, struct nilo_err *err)
{
    const struct nilo_clock *clock = &nilo_store_env(l->store)->clock;
    const struct nilo_credentials credentials = {.client_id = a->client_id, .client_secret = a->client_secret};
    const struct nilo_ask ask = {.op = NILO_OP_REFRESH, .credentials = &credentials, .settings = a->settings, .now = clock->wall(clock->ctx), .day = NILO_DAY_NONE};
    struct nilo_http *http;
    struct nilo_http_answer *answer = NULL;
    struct nilo_result result = {0};
    struct nilo_call call;
    struct nilo_arena arena;
    struct nilo_err why = {0};
    nilo_arena_init(&arena, 0);
    int rc = a->connector->make(&ask, &arena, &call, &why);
    if (rc != 0)
        rc = nilo_err_set(err, why.code == NILO_EINVAL ? NILO_ECONFIG : why.code, "%s", why.msg);
    else if (nilo__login_http(l, &http, err) != 0 || nilo__login_send(http, &call, &answer, err) != 0 ||
             nilo_connector_take(a->connector, &ask, answer, &arena, &result, err) != 0)
        rc = -1;
    else
        rc = take_app_token(a, &result, clock->wall(clock->ctx), ret, err);
    nilo__login_wipe(&result);
    nilo_http_answer_free(answer);
    nilo_arena_done(&arena);
    return rc;
}
