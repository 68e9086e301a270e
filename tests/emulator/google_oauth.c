/* Google's authorization: the code flow with PKCE and state (accounts.google.com; the account consents at once), the token endpoint with code and
 * refresh_token, revocation. Refresh tokens stay as they are, unless option rotate asks for what TikTok does; with reuse_revokes
 * an old one that is used once more kills the whole consent, as RFC 9700 wants it. */
#include "emulator/google.h"

#include <string.h>

#define CODE_LIFE (10 * NILO_US_MINUTE)

static void oauth_error(struct emu_call *c, int status, const char *error, const char *description)
{
    struct nilo_json_out o;
    nilo_buf_reset(&c->res->body);
    nilo_json_out_init(&o, &c->res->body);
    c->res->status = status;
    c->done = true;
    emu_head(c, "Content-Type", "application/json; charset=utf-8");
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "error");
    nilo_json_str(&o, error);
    nilo_json_key(&o, "error_description");
    nilo_json_str(&o, description);
    nilo_json_object_end(&o);
}

static int client_of(const struct emu_call *c, const struct emu_param *from)
{
    const char *id = emu_param(from, "client_id");
    for (int p = 0; id && p < (int)c->em->projects_n; p++) {
        char text[EMULATOR_TEXT];
        emulator_client_id(c->em, p, text);
        if (strcmp(text, id) == 0)
            return p;
    }
    return -1;
}

/* ---- the person's side ---------------------------------------------------------------------------------------------------------------- */

static void add_encoded(struct nilo_buf *b, const char *s)
{
    for (; *s; s++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *s))
            nilo_buf_addc(b, *s);
        else
            nilo_buf_addf(b, "%%%02X", (unsigned char)*s);
}

static void page(struct emu_call *c, int status, const char *text)
{
    c->res->status = status;
    emu_head(c, "Content-Type", "text/html; charset=utf-8");
    nilo_buf_addf(&c->res->body, "<!DOCTYPE html><title>Sign in</title><p>%s\n", text);
}

static int account_hint(struct emu_call *c)
{
    const char *hint = emu_param(c->params, "login_hint");
    char *end;
    long n = hint ? strtol(hint, &end, 10) : 0;
    return hint && end != hint && n >= 0 && n < c->em->o.channels ? (int)n : 0;
}

static void authorize(struct emu_call *c)
{
    const struct emu_param *q = c->params;
    const char *redirect = emu_param(q, "redirect_uri"), *type = emu_param(q, "response_type"), *scope = emu_param(q, "scope");
    const char *challenge = emu_param(q, "code_challenge"), *method = emu_param(q, "code_challenge_method"), *state = emu_param(q, "state");
    int project = client_of(c, q);
    if (project < 0 || !redirect || strlen(redirect) >= sizeof c->em->tokens.grant->redirect) { /* never redirect to what nobody vouches for */
        page(c, 400, project < 0 ? "Error 401: invalid_client" : "Error 400: redirect_uri_mismatch");
        return;
    }
    if (strncmp(redirect, "http://127.0.0.1", 16) != 0 && strncmp(redirect, "http://localhost", 16) != 0 && strncmp(redirect, "http://[::1]", 12) != 0 &&
        strncmp(redirect, "https://", 8) != 0) {
        page(c, 400, "Error 400: redirect_uri_mismatch");
        return;
    }
    if (!type || strcmp(type, "code") != 0 || !scope || !*scope || (challenge && strlen(challenge) >= sizeof c->em->tokens.grant->challenge)) {
        page(c, 400, "Error 400: invalid_request");
        return;
    }
    struct nilo_buf to;
    nilo_buf_init(&to, 16384);
    nilo_buf_adds(&to, redirect);
    nilo_buf_addc(&to, strchr(redirect, '?') ? '&' : '?');
    if (c->em->o.deny) {
        nilo_buf_adds(&to, "error=access_denied");
    } else {
        int64_t grant = emu_grant_add(c->em, project, account_hint(c), scope);
        int64_t code = grant < 0 ? -1 : emu_token_add(c->em, EMU_TOKEN_CODE, (uint32_t)grant, c->now, c->now + CODE_LIFE);
        char text[EMULATOR_TEXT];
        if (code < 0) {
            nilo_buf_done(&to);
            page(c, 500, "out of memory");
            return;
        }
        struct emu_grant *g = &c->em->tokens.grant[grant];
        const char *access = emu_param(q, "access_type");
        g->offline = access && strcmp(access, "offline") == 0;
        g->plain = challenge && (!method || strcmp(method, "plain") == 0);
        snprintf(g->redirect, sizeof g->redirect, "%s", redirect);
        snprintf(g->challenge, sizeof g->challenge, "%s", challenge ? challenge : "");
        emu_token_text(c->em, code, text);
        nilo_buf_adds(&to, "code=");
        add_encoded(&to, text);
        nilo_buf_adds(&to, "&scope=");
        add_encoded(&to, scope);
    }
    if (state) {
        nilo_buf_adds(&to, "&state=");
        add_encoded(&to, state);
    }
    c->res->status = 302;
    emu_head(c, "Location", nilo_buf_str(&to));
    nilo_buf_done(&to);
}

/* ---- the program's side ------------------------------------------------------------------------------------------------------------------ */

static void give_tokens(struct emu_call *c, uint32_t grant, bool with_refresh)
{
    struct emulator *em = c->em;
    struct nilo_json_out o;
    char text[EMULATOR_TEXT];
    int64_t access = emu_token_add(em, EMU_TOKEN_ACCESS, grant, c->now, c->now + em->o.token_seconds * NILO_US_SECOND), refresh = -1;
    if (with_refresh)
        refresh = emu_token_add(em, EMU_TOKEN_REFRESH, grant, c->now, em->o.refresh_days ? c->now + em->o.refresh_days * NILO_US_DAY : INT64_MAX);
    if (access < 0 || (with_refresh && refresh < 0)) {
        oauth_error(c, 500, "internal_failure", "out of memory");
        return;
    }
    em->tokens.grant[grant].last_used = c->now;
    c->res->status = 200;
    emu_head(c, "Content-Type", "application/json; charset=utf-8");
    emu_head(c, "Cache-Control", "no-cache, no-store, max-age=0, must-revalidate");
    nilo_json_out_init(&o, &c->res->body);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "access_token");
    emu_token_text(em, access, text);
    nilo_json_str(&o, text);
    nilo_json_key(&o, "expires_in");
    nilo_json_int(&o, em->o.token_seconds);
    if (with_refresh) {
        nilo_json_key(&o, "refresh_token");
        emu_token_text(em, refresh, text);
        nilo_json_str(&o, text);
    }
    nilo_json_key(&o, "scope");
    nilo_json_str(&o, em->tokens.grant[grant].scope);
    nilo_json_key(&o, "token_type");
    nilo_json_str(&o, "Bearer");
    nilo_json_object_end(&o);
}

static bool verifier_fits(const struct emu_grant *g, const char *verifier)
{
    unsigned char hash[NILO_SHA256_LEN];
    char text[64];
    if (!g->challenge[0])
        return true;
    if (!verifier)
        return false;
    if (g->plain)
        return strcmp(verifier, g->challenge) == 0;
    nilo_sha256(verifier, strlen(verifier), hash);
    emu_base64url(hash, sizeof hash, text);
    return strcmp(text, g->challenge) == 0;
}

static void by_code(struct emu_call *c, int project)
{
    struct emulator *em = c->em;
    const char *text = emu_param(c->form, "code"), *redirect = emu_param(c->form, "redirect_uri");
    int64_t code = text ? emu_token_find(em, EMU_TOKEN_CODE, text) : -1;
    if (!text) {
        oauth_error(c, 400, "invalid_request", "Missing required parameter: code");
        return;
    }
    if (!emu_token_valid(em, code, c->now)) {
        oauth_error(c, 400, "invalid_grant", "Malformed auth code.");
        return;
    }
    struct emu_token *t = &em->tokens.token[code];
    struct emu_grant *g = &em->tokens.grant[t->grant];
    if (t->used) { /* a stolen code: nothing that came of it may live on */
        g->revoked = true;
        oauth_error(c, 400, "invalid_grant", "Bad Request");
    } else if (g->project != project) {
        oauth_error(c, 401, "unauthorized_client", "Unauthorized");
    } else if (!redirect || strcmp(redirect, g->redirect) != 0) {
        oauth_error(c, 400, "redirect_uri_mismatch", "Bad Request");
    } else if (!verifier_fits(g, emu_param(c->form, "code_verifier"))) {
        oauth_error(c, 400, "invalid_grant", g->challenge[0] && !emu_param(c->form, "code_verifier") ? "Missing code verifier." : "Invalid code verifier.");
    } else {
        t->used = true;
        give_tokens(c, t->grant, g->offline);
    }
}

static void by_refresh(struct emu_call *c, int project)
{
    struct emulator *em = c->em;
    const char *text = emu_param(c->form, "refresh_token");
    int64_t token = text ? emu_token_find(em, EMU_TOKEN_REFRESH, text) : -1;
    if (!text) {
        oauth_error(c, 400, "invalid_request", "Missing required parameter: refresh_token");
        return;
    }
    if (token >= 0) {
        struct emu_token *t = &em->tokens.token[token];
        struct emu_grant *g = &em->tokens.grant[t->grant];
        char name[24];
        c->grant = t->grant;
        c->project = g->project;
        snprintf(name, sizeof name, "grant-%u", t->grant);
        c->caller = emu_caller_of(em, name, text);
        if (t->used && em->o.reuse_revokes && c->now >= t->expires && !t->revoked)
            g->revoked = true;
        if (emu_token_valid(em, token, c->now) && g->project == project) {
            g->refreshes++;
            if (em->o.rotate && !t->used) {
                t->used = true;
                t->expires = c->now + em->o.rotate_grace_s * NILO_US_SECOND;
            } else if (em->o.refresh_days && !em->o.rotate) {
                t->expires = c->now + em->o.refresh_days * NILO_US_DAY; /* its life is counted from the last use */
            }
            give_tokens(c, t->grant, em->o.rotate);
            return;
        }
        g->refused++;
    }
    oauth_error(c, 400, "invalid_grant", token < 0 ? "Bad Request" : "Token has been expired or revoked.");
}

static void token_endpoint(struct emu_call *c)
{
    const char *type = emu_param(c->form, "grant_type"), *secret = emu_param(c->form, "client_secret");
    char expected[EMULATOR_TEXT];
    int project = client_of(c, c->form);
    if (project >= 0)
        emulator_client_secret(c->em, project, expected);
    if (project < 0 || !secret || strcmp(secret, expected) != 0)
        oauth_error(c, 401, "invalid_client", project < 0 ? "The OAuth client was not found." : "Unauthorized");
    else if (type && strcmp(type, "authorization_code") == 0)
        by_code(c, project);
    else if (type && strcmp(type, "refresh_token") == 0)
        by_refresh(c, project);
    else
        oauth_error(c, 400, type ? "unsupported_grant_type" : "invalid_request", type ? "Invalid grant_type" : "Missing required parameter: grant_type");
}

static void revoke(struct emu_call *c)
{
    const char *text = emu_param(c->form, "token");
    int64_t token = -1;
    if (!text)
        text = emu_param(c->params, "token");
    if (text && (token = emu_token_find(c->em, EMU_TOKEN_REFRESH, text)) < 0)
        token = emu_token_find(c->em, EMU_TOKEN_ACCESS, text);
    if (!emu_token_valid(c->em, token, c->now)) {
        oauth_error(c, 400, "invalid_token", "Token expired or revoked");
        return;
    }
    c->em->tokens.grant[c->em->tokens.token[token].grant].revoked = true;
    c->res->status = 200;
    emu_head(c, "Content-Type", "application/json; charset=utf-8");
    nilo_buf_adds(&c->res->body, "{}");
}

/* The weather of this service speaks its own language. */
static void fail(struct emu_call *c, int status, bool rate)
{
    if (status == 502 || status == 404)
        google_fail(c, status, rate);
    else if (status >= 500)
        oauth_error(c, status, "internal_failure", "Backend Error");
    else
        oauth_error(c, 403, "rate_limit_exceeded", "Rate limit exceeded");
}

static const struct emu_endpoint endpoints[] = {
    {"GET", "accounts.google.com", "/o/oauth2/v2/auth", -1, authorize},
    {"POST", "oauth2.googleapis.com", "/token", -1, token_endpoint},
    {"POST", "oauth2.googleapis.com", "/revoke", -1, revoke},
    {0},
};
const struct emu_platform emu_google_oauth = {"google_oauth", endpoints, fail, google_admit};
