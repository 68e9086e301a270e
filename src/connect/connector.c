/* The table of platforms, and what every connector would do alike. */
#include "connect/connector_priv.h"

#include <stdio.h>
#include <string.h>

/* One row a platform, by name. */
static const struct nilo_connector *const connectors[] = {
    &nilo__facebook,
    &nilo__instagram,
    &nilo__tiktok,
    &nilo__tiktok_research,
    &nilo__tiktok_shop,
    &nilo__youtube,
};

static const char *const class_words[] = {
#define X(class, word) word,
    NILO_CLASS_ROWS(X)
#undef X
};
static const char *const op_words[] = {
#define X(op, word) word,
    NILO_OP_ROWS(X)
#undef X
};

const char *nilo_class_word(enum nilo_class c)
{
    return (unsigned)c < NILO_CLASSES ? class_words[c] : "?";
}

const char *nilo_op_word(enum nilo_op op)
{
    return (unsigned)op < NILO_OPS ? op_words[op] : "?";
}

const struct nilo_connector *nilo_connector_at(size_t i)
{
    return i < sizeof(connectors) / sizeof(connectors[0]) ? connectors[i] : NULL;
}

const struct nilo_connector *nilo_connector_find(const char *platform)
{
    const struct nilo_connector *c;
    for (size_t i = 0; (c = nilo_connector_at(i)) != NULL; i++) {
        if (strcmp(c->platform, platform) == 0)
            return c;
    }
    return NULL;
}

/* ---- settings ---------------------------------------------------------------------------------------------------------------------------- */

const char *nilo_connector_setting(const struct nilo_connector *c, const struct nilo_ask *ask, size_t i)
{
    return ask->settings != NULL && ask->settings[i] != NULL ? ask->settings[i] : c->settings[i].otherwise;
}

static int check_url(const struct nilo_connector_setting *s, const char *value, struct nilo_err *err)
{
    struct nilo__http_host host;
    bool https;
    size_t n = strlen(value);
    if (nilo__http_parse(value, &host, &https, err) != 0)
        return nilo_err_wrap(err, "%s", s->name);
    if (!https && !host.loopback)
        return nilo_err_set(err, NILO_EINVAL, "%s: over plain HTTP anybody on the way to %s could read along; use https://", s->name, host.name);
    if (strpbrk(value, "?#") != NULL || value[n - 1] == '/')
        return nilo_err_set(err, NILO_EINVAL, "%s is the beginning of addresses: without ? and without a slash at its end", s->name);
    return 0;
}

int nilo_connector_check_setting(const struct nilo_connector *c, const char *name, const char *value, size_t *ret, struct nilo_err *err)
{
    char known[512] = "";
    for (size_t i = 0; i < c->n_settings; i++) {
        size_t n = strlen(known);
        if (strcmp(c->settings[i].name, name) == 0) {
            if (c->settings[i].url && check_url(&c->settings[i], value, err) != 0)
                return -1;
            *ret = i;
            return 0;
        }
        snprintf(known + n, sizeof(known) - n, "%s%s", n > 0 ? ", " : "", c->settings[i].name);
    }
    return nilo_err_set(err, NILO_EINVAL, "%s has no setting %.100s; there are %s", c->title, name, known);
}

/* ---- budgets ------------------------------------------------------------------------------------------------------------------------------- */

nilo_us nilo_bucket_period(const struct nilo_connector_bucket *b, const struct nilo_zone *zone, nilo_us at, nilo_us *ret_end)
{
    nilo_us first, end;
    if (b->zone != NULL) {
        nilo_day day = nilo_zone_day(zone, at);
        first = nilo_zone_day_start(zone, day);
        end = nilo_zone_day_start(zone, NILO_DAY(day.n + 1));
    } else {
        nilo_us span = b->period_s * NILO_US_SECOND;
        first = at - ((at % span) + span) % span;
        end = first + span;
    }
    if (ret_end != NULL)
        *ret_end = end;
    return first;
}

/* ---- signing in ------------------------------------------------------------------------------------------------------------------------------ */

void nilo__add_encoded(struct nilo_buf *b, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || strchr("-._~", *p) != NULL)
            nilo_buf_addc(b, (char)*p);
        else
            nilo_buf_addf(b, "%%%02X", *p);
    }
}

int nilo_connector_authorize(const struct nilo_connector *c, const struct nilo_ask *ask, const char *state, const char *challenge, struct nilo_buf *ret,
                             struct nilo_err *err)
{
    const struct nilo_connector_oauth *oauth = c->oauth;
    if (oauth == NULL || ask->credentials->client_id == NULL)
        return nilo_err_set(err, NILO_EINVAL, oauth == NULL ? "%s has no signing in" : "signing in at %s needs a client id", c->title);
    if (oauth->other != NULL && strcmp(nilo_connector_setting(c, ask, (size_t)oauth->other_setting), oauth->other_word) == 0)
        oauth = oauth->other;
    const char *instead = oauth->instead != NULL ? nilo_connector_setting(c, ask, (size_t)oauth->instead_setting) : "";
    const struct {
        const char *name, *value;
    } pairs[] = {
        {oauth->client_id, ask->credentials->client_id}, {"redirect_uri", ask->redirect}, {"response_type", "code"},
        {instead[0] != '\0' ? oauth->instead : "scope", instead[0] != '\0' ? instead : oauth->scopes},
        {"state", state}, {"code_challenge", oauth->pkce ? challenge : NULL}, {"code_challenge_method", oauth->pkce && challenge != NULL ? "S256" : NULL},
    };
    char before = '?';
    nilo_buf_adds(ret, nilo_connector_setting(c, ask, (size_t)oauth->authorize_setting));
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (pairs[i].value == NULL)
            continue;
        nilo_buf_addf(ret, "%c%s=", before, pairs[i].name);
        nilo__add_encoded(ret, pairs[i].value);
        before = '&';
    }
    if (oauth->extra != NULL)
        nilo_buf_addf(ret, "%c%s", before, oauth->extra);
    return ret->failed ? nilo_err_nomem(err) : 0;
}

/* ---- answers --------------------------------------------------------------------------------------------------------------------------------- */

const struct nilo_result nilo__result_none = {.class = NILO_CLASS_OK, .reason = "", .message = "", .retry_at = NILO_US_NONE, .limited = -1, .through = {INT32_MIN},
                                              .used_permille = {-1, -1, -1, -1}, .full_until = {NILO_US_NONE, NILO_US_NONE, NILO_US_NONE, NILO_US_NONE}, .remaining = -1, .tokens = {.expires_s = -1, .refresh_expires_s = -1}};

static void wait_as_told(const struct nilo_http_answer *a, struct nilo_result *ret)
{
    if (a->retry_after_ms >= 0) {
        ret->until = NILO_UNTIL_TIME;
        ret->retry_at = a->ended_at + a->retry_after_ms * 1000;
    }
}

static enum nilo_class class_of_status(int status)
{
    if (status == 429)
        return NILO_CLASS_RATE_LIMITED;
    if (status == 408 || status == 425 || status >= 500)
        return NILO_CLASS_TRANSIENT;
    if (status == 401)
        return NILO_CLASS_AUTH;
    if (status == 403)
        return NILO_CLASS_PERMISSION;
    if (status == 404 || status == 410)
        return NILO_CLASS_GONE;
    return status >= 200 && status <= 299 ? NILO_CLASS_OK : NILO_CLASS_INVALID;
}

void nilo_result_of_status(const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret)
{
    ret->class = class_of_status(a->status);
    if (ret->class == NILO_CLASS_OK)
        return;
    const char *reason = nilo_arena_printf(arena, "http %d", a->status);
    const char *message = a->status >= 300 && a->status <= 399 ? nilo_arena_printf(arena, "the platform sends us elsewhere (HTTP %d), which is not followed", a->status)
                                                               : nilo_arena_printf(arena, "the platform answers HTTP %d", a->status);
    ret->reason = reason != NULL ? reason : "";
    ret->message = message != NULL ? message : "";
    if (ret->class == NILO_CLASS_RATE_LIMITED || ret->class == NILO_CLASS_TRANSIENT)
        wait_as_told(a, ret);
}

bool nilo_result_of_end(const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret)
{
    *ret = nilo__result_none;
    if (a->end == NILO_HTTP_ANSWERED)
        return false;
    const char *message = nilo_arena_strdup(arena, a->message);
    ret->class = nilo_http_end_again(a->end) ? NILO_CLASS_TRANSIENT : NILO_CLASS_INVALID;
    ret->reason = nilo_http_end_word(a->end);
    ret->message = message != NULL ? message : "";
    return true;
}
