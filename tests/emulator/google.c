/* See google.h. The shapes are those of ../shared/PLATFORM-APIS.md sections 1.4-1.6 and 5. */
#include "emulator/google.h"

#include "base/day.h"

#include <string.h>

#define JSON_TYPE "application/json; charset=UTF-8"

void google_error(struct emu_call *c, const struct google_error *e)
{
    struct nilo_json_out o;
    bool legacy = c->em->o.error_legacy;
    nilo_buf_reset(&c->res->body);
    nilo_json_out_init(&o, &c->res->body);
    c->res->status = e->code;
    c->done = true;
    emu_head(c, "Content-Type", JSON_TYPE);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "error");
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "code");
    nilo_json_int(&o, e->code);
    nilo_json_key(&o, "message");
    nilo_json_str(&o, e->message);
    nilo_json_key(&o, "errors");
    nilo_json_array_begin(&o);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "message");
    nilo_json_str(&o, e->message);
    nilo_json_key(&o, "domain");
    nilo_json_str(&o, e->domain);
    nilo_json_key(&o, "reason");
    nilo_json_str(&o, e->reason);
    if (e->location) {
        nilo_json_key(&o, "location");
        nilo_json_str(&o, e->location);
        nilo_json_key(&o, "locationType");
        nilo_json_str(&o, e->location_type);
    }
    nilo_json_object_end(&o);
    nilo_json_array_end(&o);
    if (e->status && !legacy) {
        nilo_json_key(&o, "status");
        nilo_json_str(&o, e->status);
    }
    if (e->detail && !legacy) {
        nilo_json_key(&o, "details");
        nilo_json_array_begin(&o);
        nilo_json_object_begin(&o);
        nilo_json_key(&o, "@type");
        nilo_json_str(&o, "type.googleapis.com/google.rpc.ErrorInfo");
        nilo_json_key(&o, "reason");
        nilo_json_str(&o, e->detail);
        nilo_json_key(&o, "domain");
        nilo_json_str(&o, "googleapis.com");
        nilo_json_object_end(&o);
        nilo_json_array_end(&o);
    }
    nilo_json_object_end(&o);
    nilo_json_object_end(&o);
}

/* A service that cannot answer says so of itself; "not so fast" is said to whoever calls. */
static void retry_after(struct emu_call *c, bool of_host)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)c->em->o.retry_after_s);
    emu_head(c, "Retry-After", text);
    c->wait_until = c->now + c->em->o.retry_after_s * NILO_US_SECOND;
    c->wait_of_host = of_host;
}

void google_fail(struct emu_call *c, int status, bool rate)
{
    static const struct google_error rows[] = {
        {403, NULL, "User Rate Limit Exceeded. Rate of requests for user exceed configured project quota.", "usageLimits", "userRateLimitExceeded", NULL, NULL,
         NULL},
        {404, "NOT_FOUND", "Requested entity was not found.", "global", "notFound", NULL, NULL, NULL},
        {429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'.", "global", "rateLimitExceeded", NULL, NULL,
         "RATE_LIMIT_EXCEEDED"},
        {500, "INTERNAL", "Internal error encountered.", "global", "backendError", NULL, NULL, NULL},
        {501, "UNIMPLEMENTED", "Operation is not implemented, or supported, or enabled.", "global", "notImplemented", NULL, NULL, NULL},
        {503, "UNAVAILABLE", "The service is currently unavailable.", "global", "backendError", NULL, NULL, NULL},
    };
    (void)rate;
    if ((status == 429 || status == 503) && !c->no_wait)
        retry_after(c, status == 503);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == status) {
            google_error(c, &rows[i]);
            return;
        }
    static const char html[] = "<!DOCTYPE html>\n<html lang=en><title>Error 502 (Server Error)!!1</title>\n<p><b>502.</b> <ins>That's an error.</ins>\n"; /* 502 of a front
                                                                                                                              * that speaks no JSON */
    c->res->status = status;
    c->done = true;
    emu_head(c, "Content-Type", "text/html; charset=UTF-8");
    nilo_buf_reset(&c->res->body);
    nilo_buf_adds(&c->res->body, html);
}

/* ---- who calls -------------------------------------------------------------------------------------------------------------------------- */

static bool by_token(struct emu_call *c, const char *text)
{
    struct emulator *em = c->em;
    int64_t token = emu_token_find(em, EMU_TOKEN_ACCESS, text);
    if (token >= 0) {
        char name[24];
        c->grant = em->tokens.token[token].grant;
        c->project = em->tokens.grant[c->grant].project;
        snprintf(name, sizeof name, "grant-%lld", (long long)c->grant);
        c->caller = emu_caller_of(em, name, text);
    }
    if (emu_token_valid(em, token, c->now))
        return true;
    google_error(c, &(struct google_error){401, "UNAUTHENTICATED",
                                           "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
                                           "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
                                           "global", "authError", "Authorization", "header", NULL});
    return false;
}

static bool by_key(struct emu_call *c, const char *key)
{
    for (int p = 0; p < (int)c->em->projects_n; p++) {
        char text[EMULATOR_TEXT], name[24];
        emulator_api_key(c->em, p, text);
        if (strcmp(text, key) != 0)
            continue;
        snprintf(name, sizeof name, "key-%d", p);
        c->project = p;
        c->caller = emu_caller_of(c->em, name, key);
        return true;
    }
    if (c->em->o.error_legacy)
        google_error(c, &(struct google_error){400, NULL, "Bad Request", "usageLimits", "keyInvalid", NULL, NULL, NULL});
    else
        google_error(c, &(struct google_error){400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "global", "badRequest", NULL, NULL,
                                               "API_KEY_INVALID"});
    return false;
}

static bool credentials(struct emu_call *c)
{
    const char *authorization = emu_call_header(c, "authorization");
    const char *key = emu_call_header(c, "x-goog-api-key");
    if (authorization && strncmp(authorization, "Bearer ", 7) == 0)
        return by_token(c, authorization + 7);
    if (emu_param(c->params, "access_token"))
        return by_token(c, emu_param(c->params, "access_token"));
    if (!key)
        key = emu_param(c->params, "key");
    if (key)
        return by_key(c, key);
    c->caller = emu_caller_of(c->em, "none", NULL);
    google_error(c, &(struct google_error){403, "PERMISSION_DENIED", "The request is missing a valid API key.", "global", "forbidden", NULL, NULL, NULL});
    return false;
}

/* Refused calls count too: that is how a client is seen to hammer on. */
static bool rates(struct emu_call *c)
{
    struct emulator *em = c->em;
    struct emu_project *p = &em->project[c->project];
    p->second.window_us = NILO_US_SECOND;
    p->window.window_us = c->caller->window.window_us = em->o.rate_window_s * NILO_US_SECOND;
    p->calls++;
    c->caller->early += emu_told_to_wait(c->caller, c->endpoint->host, c->now);
    emu_in_flight(c->caller, c->now);
    emu_rate_count(&p->second, c->now);
    int of_project = emu_rate_count(&p->window, c->now), of_token = emu_rate_count(&c->caller->window, c->now);
    if ((em->o.rate_project && of_project > em->o.rate_project) || (em->o.rate_token && of_token > em->o.rate_token) ||
        (em->o.inflight_token && (int64_t)c->caller->ends_n >= em->o.inflight_token)) {
        p->limited++;
        c->caller->limited++;
        c->fate = EMU_FATE_LIMITED;
        google_fail(c, (int)em->o.rate_status, true);
        return false;
    }
    return true;
}

void google_admit(struct emu_call *c)
{
    if (c->endpoint->bucket < 0 && c->platform == &emu_google_oauth)
        return;
    if (!credentials(c) || !c->caller || !rates(c) || c->endpoint->bucket < 0)
        return;
    if (!emu_charge(c->em, c->project, c->endpoint->bucket, 1, c->now)) {
        c->fate = EMU_FATE_LIMITED;
        google_error(c, &(struct google_error){
                            403, NULL,
                            "The request cannot be completed because you have exceeded your <a href=\"/youtube/v3/getting-started#quota\">quota</a>.",
                            "youtube.quota", "quotaExceeded", NULL, NULL, NULL});
        return;
    }
    c->units = 1;
}

int google_account(const struct emu_call *c)
{
    return c->grant < 0 ? -1 : c->em->tokens.grant[c->grant].account;
}

bool google_owns(const struct emu_call *c, int32_t channel)
{
    return c->grant >= 0 && channel / (int32_t)c->em->o.account_channels == google_account(c);
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------------------ */

void google_time(nilo_us at, char out[32])
{
    int year, month, dom;
    int64_t s = at / NILO_US_SECOND - (at % NILO_US_SECOND < 0), day = s / 86400 - (s % 86400 < 0);
    int rest = (int)(s - day * 86400);
    nilo_day_to_civil(NILO_DAY((int32_t)day), &year, &month, &dom);
    snprintf(out, 32, "%04d-%02d-%02dT%02d:%02d:%02dZ", year % 10000, month % 100, dom % 100, rest / 3600 % 24, rest / 60 % 60, rest % 60);
}

void google_etag(const struct emulator *em, const void *p, size_t n, char out[32])
{
    unsigned char raw[20];
    uint64_t h = emu_text_hash(p, n);
    for (int i = 0; i < 20; i++)
        raw[i] = (unsigned char)(emu_hash(em, 200, h, (uint64_t)(i / 8)) >> (8 * (i % 8)));
    emu_base64url(raw, sizeof raw, out);
}

void google_answer(struct emu_call *c, const struct nilo_buf *json, const char *etag)
{
    const char *have = emu_call_header(c, "if-none-match");
    char quoted[40];
    snprintf(quoted, sizeof quoted, "\"%s\"", etag);
    c->res->status = 200;
    if (etag[0])
        emu_head(c, "ETag", quoted);
    if (etag[0] && have && c->em->o.etag_304 && strcmp(have, quoted) == 0) {
        c->res->status = 304;
        return;
    }
    emu_head(c, "Content-Type", JSON_TYPE);
    emu_head(c, "Vary", "Origin, X-Origin, Referer");
    nilo_buf_add(&c->res->body, json->data, json->len);
}

void google_list(struct emu_call *c, const char *kind, const struct nilo_buf *items, const char *next, const char *previous, int64_t total, int64_t per_page)
{
    struct nilo_buf json;
    struct nilo_json_out o;
    char etag[32];
    nilo_buf_init(&json, 64u << 20);
    nilo_json_out_init(&o, &json);
    google_etag(c->em, items ? nilo_buf_str(items) : "", items ? items->len : 0, etag);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "kind");
    nilo_json_str(&o, kind);
    nilo_json_key(&o, "etag");
    nilo_json_str(&o, etag);
    if (next) {
        nilo_json_key(&o, "nextPageToken");
        nilo_json_str(&o, next);
    }
    if (previous) {
        nilo_json_key(&o, "prevPageToken");
        nilo_json_str(&o, previous);
    }
    if (items) {
        nilo_json_key(&o, "items");
        nilo_json_text(&o, nilo_buf_str(items), items->len);
    }
    nilo_json_key(&o, "pageInfo");
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "totalResults");
    nilo_json_int(&o, total);
    nilo_json_key(&o, "resultsPerPage");
    nilo_json_int(&o, per_page);
    nilo_json_object_end(&o);
    nilo_json_object_end(&o);
    google_answer(c, &json, etag);
    nilo_buf_done(&json);
}

bool google_part(const struct emu_call *c, const char *part)
{
    const char *s = emu_param(c->params, "part");
    size_t n = strlen(part);
    while (s && *s) {
        size_t len = strcspn(s, ",");
        if (len == n && memcmp(s, part, n) == 0)
            return true;
        s += len + (s[len] == ',');
    }
    return false;
}

void google_missing(struct emu_call *c, const char *message, const char *location)
{
    google_error(c, &(struct google_error){400, NULL, message, "youtube.parameter", "missingRequiredParameter", location, *location ? "other" : NULL, NULL});
}
