/* A person signs in at a platform: OAuth 2 with a code (RFC 6749, 9700), PKCE with S256 (RFC 7636), and a state that nobody can guess. Nothing is stored
 * here; the code and the tokens stay in secret memory. */
#include "login/login_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define RANDOM_BYTES 32
#define WORD 44 /* 43 characters and a NUL */
#define PAGES_MOST 20
#define STEPS_MOST 3

struct nilo_sign_in {
    const struct nilo_login_app *app;
    const struct nilo_env *env;
    char state[WORD], *verifier, *code, *access_token, *refresh_token, *redirect;
    struct nilo_buf url;
    struct nilo_arena arena;
    const char *scopes;
    struct nilo_account *accounts; /* whose tokens are wiped in the end */
    size_t n_accounts;
};

/* base64url without padding (RFC 4648, section 5) */
static void base64url(const unsigned char bytes[RANDOM_BYTES], char out[WORD])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t n = 0;
    for (size_t i = 0; i < RANDOM_BYTES; i += 3) {
        unsigned long v = (unsigned long)bytes[i] << 16;
        if (i + 1 < RANDOM_BYTES)
            v |= (unsigned long)bytes[i + 1] << 8;
        if (i + 2 < RANDOM_BYTES)
            v |= bytes[i + 2];
        for (int shift = 18; shift >= 0 && n < WORD - 1; shift -= 6)
            out[n++] = letters[v >> shift & 63];
    }
    out[n] = '\0';
}

static void make_word(const struct nilo_env *env, char out[WORD])
{
    unsigned char bytes[RANDOM_BYTES];
    env->random.fill(env->random.ctx, bytes, sizeof bytes);
    base64url(bytes, out);
    nilo_secret_wipe(bytes, sizeof bytes);
}

static int make_url(struct nilo_sign_in *i, struct nilo_err *err)
{
    unsigned char hash[NILO_SHA256_LEN];
    char challenge[2 * NILO_SHA256_LEN + 1];
    const struct nilo_credentials credentials = {.client_id = i->app->client_id};
    const struct nilo_ask ask = {.credentials = &credentials, .settings = i->app->settings, .redirect = i->redirect};
    nilo_sha256(i->verifier, strlen(i->verifier), hash);
    if (i->app->connector->oauth->challenge_hex)
        nilo_hex(hash, sizeof hash, challenge);
    else
        base64url(hash, challenge);
    return nilo_connector_authorize(i->app->connector, &ask, i->state, challenge, &i->url, err);
}

int nilo_sign_in_new(const struct nilo_login_app *app, const char *redirect, const struct nilo_env *env, struct nilo_sign_in **ret, struct nilo_err *err)
{
    if (app->connector->oauth == NULL)
        return nilo_err_set(err, NILO_EINVAL, "nobody can sign in at %s", app->connector->title);
    if (app->client_id == NULL)
        return nilo_err_set(err, NILO_ECONFIG, "signing in at %s needs an app there: give its client_id and client_secret in the configuration, under platforms (docs/connections.md)",
                            app->connector->title);
    struct nilo_sign_in *i = calloc(1, sizeof *i);
    if (i == NULL)
        return nilo_err_nomem(err);
    i->app = app;
    i->env = env;
    nilo_buf_init(&i->url, 8192);
    nilo_arena_init(&i->arena, 0);
    i->redirect = strdup(redirect);
    i->verifier = nilo_secret_alloc(WORD);
    if (i->redirect == NULL || i->verifier == NULL) {
        nilo_sign_in_free(i);
        return nilo_err_nomem(err);
    }
    make_word(env, i->state);
    make_word(env, i->verifier);
    if (make_url(i, err) != 0) {
        nilo_sign_in_free(i);
        return -1;
    }
    *ret = i;
    return 0;
}

void nilo_sign_in_free(struct nilo_sign_in *i)
{
    if (i == NULL)
        return;
    nilo_secret_free(i->verifier);
    nilo_secret_free(i->code);
    nilo_secret_free(i->access_token);
    nilo_secret_free(i->refresh_token);
    for (size_t k = 0; k < i->n_accounts; k++) {
        if (i->accounts[k].token != NULL)
            nilo_secret_wipe((void *)(uintptr_t)i->accounts[k].token, strlen(i->accounts[k].token));
    }
    nilo_arena_done(&i->arena);
    nilo_buf_done(&i->url);
    free(i->redirect);
    free(i);
}

const char *nilo_sign_in_url(const struct nilo_sign_in *i)
{
    return nilo_buf_str(&i->url);
}

/* ---- coming back ----------------------------------------------------------------------------------------------------------------------- */

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The first parameter of that name, decoded, in secret memory; NULL: none, or no memory. */
static char *parameter(const char *query, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = query; at != NULL && *at != '\0'; at = strchr(at, '&'), at = at != NULL ? at + 1 : NULL) {
        if (strncmp(at, name, n) != 0 || at[n] != '=')
            continue;
        const char *from = at + n + 1;
        size_t len = strcspn(from, "&#"), to = 0;
        char *out = nilo_secret_alloc(len + 1);
        if (out == NULL)
            return NULL;
        for (size_t k = 0; k < len; k++) {
            int high = from[k] == '%' && k + 2 < len ? digit(from[k + 1]) : -1, low = high >= 0 ? digit(from[k + 2]) : -1;
            out[to++] = low >= 0 ? (char)(high * 16 + low) : from[k] == '+' ? ' ' : from[k];
            k += low >= 0 ? 2 : 0;
        }
        out[to] = '\0';
        return out;
    }
    return NULL;
}

static bool is_plain_word(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && n <= 40 && strspn(text, "abcdefghijklmnopqrstuvwxyz_") == n;
}

int nilo_sign_in_back(struct nilo_sign_in *i, const char *query, struct nilo_err *err)
{
    const char *mark = strchr(query, '?');
    char *state, *wrong, *code;
    if (mark != NULL)
        query = mark + 1;
    state = parameter(query, "state");
    wrong = parameter(query, "error");
    code = parameter(query, "code");
    int rc = 0;
    /* first of all: an answer to another question is none, whatever it says */
    if (state == NULL || strlen(state) != strlen(i->state) || !nilo_same(state, i->state, strlen(i->state)))
        rc = nilo_err_set(err, NILO_EINVAL, "this is not the answer to this sign-in: its state is another one; begin anew");
    else if (wrong != NULL)
        rc = nilo_err_set(err, NILO_EPERM, strcmp(wrong, "access_denied") == 0 ? "%s says that access was not granted (%s)" : "%s did not sign anybody in (%s)",
                          i->app->connector->title, is_plain_word(wrong) ? wrong : "an error");
    else if (code == NULL || code[0] == '\0')
        rc = nilo_err_set(err, NILO_EINVAL, "the address holds no code; take all of it, from https:// or http:// on");
    if (rc == 0) {
        nilo_secret_free(i->code);
        i->code = code;
        code = NULL;
    }
    nilo_secret_free(state);
    nilo_secret_free(wrong);
    nilo_secret_free(code);
    return rc;
}

/* ---- tokens and accounts ------------------------------------------------------------------------------------------------------------------ */

static int ask(struct nilo_sign_in *i, struct nilo_http *http, const struct nilo_ask *what, struct nilo_result *ret, struct nilo_err *err)
{
    const struct nilo_connector *c = i->app->connector;
    struct nilo_http_answer *answer = NULL;
    struct nilo_call call;
    char why[300];
    if (c->make(what, &i->arena, &call, err) != 0 || nilo__login_send(http, &call, &answer, err) != 0)
        return -1;
    int rc = nilo_connector_take(c, what, answer, &i->arena, ret, err);
    nilo_http_answer_free(answer);
    if (rc != 0 || ret->class == NILO_CLASS_OK)
        return rc;
    nilo__login_why(c->title, ret, why, sizeof why);
    return nilo_err_set(err, ret->key_wrong ? NILO_ECONFIG : ret->class == NILO_CLASS_AUTH || ret->class == NILO_CLASS_PERMISSION ? NILO_EPERM : NILO_ESOURCE, "%s", why);
}

static nilo_us until_of(int64_t seconds, nilo_us now)
{
    return seconds < 0 || seconds > INT64_C(100) * 366 * 86400 ? NILO_US_NONE : now + seconds * NILO_US_SECOND;
}

int nilo_sign_in_tokens(struct nilo_sign_in *i, struct nilo_http *http, struct nilo_login_set *ret, struct nilo_err *err)
{
    struct nilo_credentials credentials = {.client_id = i->app->client_id, .client_secret = i->app->client_secret};
    nilo_us now = i->env->clock.wall(i->env->clock.ctx);
    struct nilo_ask what = {.op = NILO_OP_EXCHANGE, .credentials = &credentials, .settings = i->app->settings, .now = now, .day = NILO_DAY_NONE,
                                  .code = i->code, .verifier = i->verifier, .redirect = i->redirect};
    struct nilo_result result = {0};
    if (ask(i, http, &what, &result, err) != 0)
        return -1;
    char *brief = NULL;
    int64_t expires = -1;
    for (int step = 0; result.again && result.tokens.access_token != NULL && step < STEPS_MOST; step++) { /* it is for an hour, and good for one that lasts */
        char *next = nilo__login_copy(result.tokens.access_token);
        expires = result.tokens.expires_s;
        nilo__login_wipe(&result);
        nilo_secret_free(brief);
        if ((brief = next) == NULL)
            return nilo_err_nomem(err);
        credentials.access_token = brief;
        what.variant = result.variant;
        result = (struct nilo_result){0};
        if (ask(i, http, &what, &result, err) != 0) {
            nilo_secret_free(brief);
            return -1;
        }
    }
    nilo_secret_free(brief);
    const struct nilo_tokens *t = &result.tokens;
    i->access_token = t->access_token != NULL ? nilo__login_copy(t->access_token) : NULL;
    i->refresh_token = t->refresh_token != NULL ? nilo__login_copy(t->refresh_token) : NULL;
    nilo__login_wipe(&result);
    if (i->access_token == NULL || (t->refresh_token != NULL && i->refresh_token == NULL))
        return nilo_err_nomem(err);
    *ret = (struct nilo_login_set){.access_token = i->access_token, .refresh_token = i->refresh_token, .access_until = until_of(t->expires_s >= 0 ? t->expires_s : expires, now),
                                   .refresh_until = until_of(t->refresh_expires_s, now), .scopes = t->scope};
    return 0;
}

int nilo_sign_in_accounts(struct nilo_sign_in *i, struct nilo_http *http, const struct nilo_account **ret, size_t *ret_n, struct nilo_err *err)
{
    const struct nilo_credentials credentials = {.access_token = i->access_token, .client_id = i->app->client_id, .client_secret = i->app->client_secret};
    struct nilo_ask what = {.op = NILO_OP_ACCOUNTS, .credentials = &credentials, .settings = i->app->settings,
                            .now = i->env->clock.wall(i->env->clock.ctx), .day = NILO_DAY_NONE};
    struct nilo_account *all = NULL;
    size_t n = 0;
    for (int page = 0; page < PAGES_MOST; page++) {
        struct nilo_result result = {0};
        if (ask(i, http, &what, &result, err) != 0)
            return -1;
        struct nilo_account *more = nilo_arena_array(&i->arena, n + result.n_accounts + 1, sizeof *more);
        if (more == NULL)
            return nilo_err_nomem(err);
        if (n > 0)
            memcpy(more, all, n * sizeof *all);
        if (result.n_accounts > 0)
            memcpy(more + n, result.accounts, result.n_accounts * sizeof *more);
        all = more;
        n += result.n_accounts;
        i->accounts = all;
        i->n_accounts = n;
        if (result.next == NULL || (what.cursor != NULL && strcmp(what.cursor, result.next) == 0))
            break;
        what.cursor = result.next;
    }
    *ret = all;
    *ret_n = n;
    return 0;
}
