/* Signing in at Meta: through Facebook (its dialog, a code, a token of an hour or two, one of 60 days), and at Instagram itself, where the same steps have addresses
 * and names of their own, a long-lived token is renewed only when it is a day old, and the first answer lies in a list. */
#include "emulator/emulator_priv.h"

#include <string.h>

#define USER_DAYS 60
#define SHORT_S   5000
#define CODE_LIFE (10 * NILO_US_MINUTE)

static void refuse(struct emu_call *c, int code, const char *message)
{
    nilo_buf_reset(&c->res->body);
    c->res->status = emu_graph_error(&c->res->body, code, 0, message);
    emu_head(c, "Content-Type", "application/json; charset=UTF-8");
    c->done = true;
}

static int client_of(const struct emu_call *c, const struct emu_param *from, bool secret)
{
    const char *id = emu_param(from, "client_id"), *said = emu_param(from, "client_secret");
    for (int p = 0; id && p < (int)c->em->projects_n; p++) {
        char text[EMULATOR_TEXT];
        emulator_client_id(c->em, p, text);
        if (strcmp(text, id) != 0)
            continue;
        emulator_client_secret(c->em, p, text);
        return !secret || (said && strcmp(text, said) == 0) ? p : -1;
    }
    return -1;
}

void emu_graph_authorize(struct emu_call *c)
{
    const char *redirect = emu_param(c->params, "redirect_uri"), *state = emu_param(c->params, "state"), *scope = emu_param(c->params, "scope");
    const char *asked = scope ? scope : emu_param(c->params, "config_id");
    int project = client_of(c, c->params, false);
    char text[EMULATOR_TEXT];
    if (project < 0 || !redirect || !state || !asked || strlen(redirect) >= sizeof c->em->tokens.grant->redirect) {
        refuse(c, 101, "Invalid App ID, or something is missing");
        return;
    }
    int64_t grant = emu_grant_add(c->em, project, (int)emu_number(emu_param(c->params, "login_hint"), 0), asked);
    int64_t code = emu_token_add(c->em, EMU_TOKEN_CODE, (uint32_t)grant, c->now, c->now + CODE_LIFE);
    snprintf(c->em->tokens.grant[grant].redirect, sizeof c->em->tokens.grant->redirect, "%s", redirect);
    emu_token_text(c->em, code, text);
    c->res->status = 302;
    emu_head(c, "Location", nilo_arena_printf(&c->arena, c->em->o.deny ? "%s?error=access_denied%s&state=%s" : "%s?code=%s&state=%s", redirect, c->em->o.deny ? "" : text, state));
}

static void put_token(struct emu_call *c, uint32_t grant, int64_t seconds, struct nilo_json_out *o)
{
    char text[EMULATOR_TEXT];
    emu_token_text(c->em, emu_token_add(c->em, EMU_TOKEN_ACCESS, grant, c->now, c->now + seconds * NILO_US_SECOND), text);
    emu_graph_text(o, "access_token", text);
}

static void give_token(struct emu_call *c, uint32_t grant, int64_t seconds)
{
    struct nilo_json_out o;
    nilo_json_out_init(&o, &c->res->body);
    nilo_json_object_begin(&o);
    put_token(c, grant, seconds, &o);
    emu_graph_text(&o, "token_type", "bearer");
    nilo_json_key(&o, "expires_in");
    nilo_json_int(&o, seconds);
    nilo_json_object_end(&o);
    c->res->status = 200;
    emu_head(c, "Content-Type", "application/json; charset=UTF-8");
}

/* The grant of a code, which is good once and for the address that it was given for; -1 = none. */
static int64_t grant_of(struct emu_call *c, const struct emu_param *from)
{
    const char *text = emu_param(from, "code"), *redirect = emu_param(from, "redirect_uri");
    int64_t code = text ? emu_token_find(c->em, EMU_TOKEN_CODE, text) : -1;
    struct emu_token *t = code >= 0 ? &c->em->tokens.token[code] : NULL;
    if (!t || !emu_token_valid(c->em, code, c->now) || t->used || !redirect || strcmp(redirect, c->em->tokens.grant[t->grant].redirect) != 0)
        return -1;
    t->used = true;
    return t->grant;
}

static const char no_code[] = "This authorization code has expired or was used.";

void emu_graph_token(struct emu_call *c)
{
    const char *old_text = emu_param(c->params, "fb_exchange_token");
    int64_t old = old_text ? emu_token_find(c->em, EMU_TOKEN_ACCESS, old_text) : -1, grant;
    if (client_of(c, c->params, true) < 0)
        refuse(c, 101, "Error validating client secret.");
    else if ((grant = grant_of(c, c->params)) >= 0)
        give_token(c, (uint32_t)grant, SHORT_S);
    else if (emu_token_valid(c->em, old, c->now))
        give_token(c, c->em->tokens.token[old].grant, (int64_t)USER_DAYS * 86400);
    else
        refuse(c, 100, no_code);
}

/* ---- at Instagram itself ------------------------------------------------------------------------------------------------------------------------ */

static void short_token(struct emu_call *c)
{
    const char *type = emu_param(c->form, "grant_type");
    struct nilo_json_out o;
    int64_t grant;
    if (client_of(c, c->form, true) < 0 || !type || strcmp(type, "authorization_code") != 0) {
        refuse(c, 101, "Error validating client secret.");
    } else if ((grant = grant_of(c, c->form)) < 0) {
        refuse(c, 100, no_code);
    } else {
        nilo_json_out_init(&o, &c->res->body);
        nilo_json_object_begin(&o);
        nilo_json_key(&o, "data");
        nilo_json_array_begin(&o);
        nilo_json_object_begin(&o);
        put_token(c, (uint32_t)grant, SHORT_S, &o);
        emu_graph_text(&o, "user_id", "1020");
        emu_graph_text(&o, "permissions", c->em->tokens.grant[grant].scope);
        nilo_json_object_end(&o);
        nilo_json_array_end(&o);
        nilo_json_object_end(&o);
        c->res->status = 200;
        emu_head(c, "Content-Type", "application/json; charset=UTF-8");
    }
}

static void long_token(struct emu_call *c)
{
    const char *type = emu_param(c->params, "grant_type"), *text = emu_param(c->params, "access_token"), *secret = emu_param(c->params, "client_secret");
    int64_t old = text ? emu_token_find(c->em, EMU_TOKEN_ACCESS, text) : -1;
    bool renews = strcmp(c->path, "/refresh_access_token") == 0;
    char expected[EMULATOR_TEXT];
    emulator_client_secret(c->em, 0, expected);
    if (!emu_token_valid(c->em, old, c->now))
        refuse(c, 190, "Error validating access token: Session has expired.");
    else if (!type || strcmp(type, renews ? "ig_refresh_token" : "ig_exchange_token") != 0 || (!renews && (!secret || strcmp(secret, expected) != 0)))
        refuse(c, 101, "Invalid grant type or client secret");
    else if (renews && c->now - c->em->tokens.token[old].made < NILO_US_DAY)
        refuse(c, 100, "A token is renewed when it is a day old");
    else
        give_token(c, c->em->tokens.token[old].grant, (int64_t)USER_DAYS * 86400);
}

static void admit(struct emu_call *c)
{
    (void)c; /* it is the app that asks, or a token's holder: each answer looks itself */
}

static const struct emu_endpoint endpoints[] = {
    {"GET", "www.instagram.com", "/oauth/authorize", -1, emu_graph_authorize},
    {"POST", "api.instagram.com", "/oauth/access_token", -1, short_token},
    {"GET", "graph.instagram.com", "/access_token", -1, long_token},
    {"GET", "graph.instagram.com", "/refresh_access_token", -1, long_token},
    {NULL, NULL, NULL, 0, NULL},
};

static void fail(struct emu_call *c, int status, bool rate)
{
    emu_instagram.fail(c, status, rate);
}

const struct emu_platform emu_instagram_login = {"instagram_login", endpoints, fail, admit};
