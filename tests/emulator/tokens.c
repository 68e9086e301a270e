/* Consents (grants), codes and tokens. A token's text holds its number, mixed, and a second hash that only this seed makes: nothing needs to be
 * looked up by text, and an invented token is told from one that was given out and died. */
#include "emulator/emulator_priv.h"

#include <string.h>

enum { H_TOKEN = 100, H_TOKEN_2, H_KEY, H_CLIENT, H_SECRET };

static const char *const prefixes[] = {[EMU_TOKEN_ACCESS] = "ya29.", [EMU_TOKEN_REFRESH] = "1//0", [EMU_TOKEN_CODE] = "4/0"};

static void *grow(void *p, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return p;
    size_t more = *cap ? *cap * 2 : 64;
    void *bigger = realloc(p, more * size);
    if (bigger)
        *cap = more;
    return bigger;
}

int64_t emu_grant_add(struct emulator *em, int project, int account, const char *scope)
{
    struct emu_tokens *t = &em->tokens;
    struct emu_grant *grant = grow(t->grant, t->grants_n, &t->grants_cap, sizeof *grant);
    if (!grant)
        return -1;
    t->grant = grant;
    grant[t->grants_n] = (struct emu_grant){.project = project, .account = account, .offline = true};
    snprintf(grant[t->grants_n].scope, sizeof grant->scope, "%s", scope);
    return (int64_t)t->grants_n++;
}

int64_t emu_token_add(struct emulator *em, enum emu_token_kind kind, uint32_t grant, nilo_us now, nilo_us expires)
{
    struct emu_tokens *t = &em->tokens;
    struct emu_token *token = grow(t->token, t->n, &t->cap, sizeof *token);
    if (!token)
        return -1;
    t->token = token;
    token[t->n] = (struct emu_token){.kind = kind, .grant = grant, .made = now, .expires = expires};
    return (int64_t)t->n++;
}

static void body_of(const struct emulator *em, enum emu_token_kind kind, uint64_t number, unsigned char raw[24])
{
    uint64_t v[3] = {emu_mix(number + emu_hash(em, H_TOKEN, kind, 0)), emu_hash(em, H_TOKEN_2, kind, number), emu_hash(em, H_TOKEN_2, kind + 8u, number)};
    for (int i = 0; i < 24; i++)
        raw[i] = (unsigned char)(v[i / 8] >> (56 - 8 * (i % 8)));
}

void emu_token_text(const struct emulator *em, int64_t token, char out[EMULATOR_TEXT])
{
    unsigned char raw[24];
    enum emu_token_kind kind = em->tokens.token[token].kind;
    body_of(em, kind, (uint64_t)token, raw);
    size_t n = strlen(prefixes[kind]);
    memcpy(out, prefixes[kind], n);
    emu_base64url(raw, sizeof raw, out + n);
}

int64_t emu_token_find(const struct emulator *em, enum emu_token_kind kind, const char *text)
{
    size_t n = strlen(prefixes[kind]), len = strlen(text);
    if (len != n + 32 || memcmp(text, prefixes[kind], n) != 0)
        return -1;
    unsigned char raw[32];
    size_t raw_n;
    if (!emu_unbase64url(text + n, 32, raw, &raw_n) || raw_n != 24)
        return -1;
    uint64_t number = emu_unmix(emu_get64(raw)) - emu_hash(em, H_TOKEN, kind, 0);
    char again[EMULATOR_TEXT];
    if (number >= em->tokens.n || em->tokens.token[number].kind != kind)
        return -1;
    emu_token_text(em, (int64_t)number, again);
    return memcmp(again, text, len + 1) == 0 ? (int64_t)number : -1;
}

bool emu_token_valid(const struct emulator *em, int64_t token, nilo_us now)
{
    if (token < 0)
        return false;
    const struct emu_token *t = &em->tokens.token[token];
    return !t->revoked && now < t->expires && !em->tokens.grant[t->grant].revoked;
}

static void secret_text(const struct emulator *em, uint64_t kind, int project, const char *prefix, size_t digits, char out[EMULATOR_TEXT])
{
    unsigned char raw[32];
    char text[64];
    for (int i = 0; i < 32; i++)
        raw[i] = (unsigned char)(emu_hash(em, kind, (uint64_t)project, (uint64_t)(i / 8)) >> (8 * (i % 8)));
    emu_base64url(raw, sizeof raw, text);
    snprintf(out, EMULATOR_TEXT, "%s%.*s", prefix, (int)digits, text);
}

void emulator_api_key(const struct emulator *em, int project, char out[EMULATOR_TEXT])
{
    secret_text(em, H_KEY, project, "AIza", 35, out);
}

void emulator_client_id(const struct emulator *em, int project, char out[EMULATOR_TEXT])
{
    uint64_t h = emu_hash(em, H_CLIENT, (uint64_t)project, 0);
    snprintf(out, EMULATOR_TEXT, "%012llu-%016llx.apps.googleusercontent.com", (unsigned long long)(h % UINT64_C(1000000000000)),
             (unsigned long long)emu_mix(h));
}

void emulator_client_secret(const struct emulator *em, int project, char out[EMULATOR_TEXT])
{
    secret_text(em, H_SECRET, project, "GOCSPX-", 28, out);
}

int emulator_grant(struct emulator *em, nilo_us now, int project, int account, char ret_refresh[EMULATOR_TEXT], char ret_access[EMULATOR_TEXT])
{
    int64_t grant = emu_grant_add(em, project, account, "https://www.googleapis.com/auth/youtube.readonly https://www.googleapis.com/auth/yt-analytics.readonly");
    if (grant < 0)
        return -1;
    nilo_us life = em->o.refresh_days ? now + em->o.refresh_days * NILO_US_DAY : INT64_MAX;
    int64_t refresh = emu_token_add(em, EMU_TOKEN_REFRESH, (uint32_t)grant, now, life);
    int64_t access = emu_token_add(em, EMU_TOKEN_ACCESS, (uint32_t)grant, now, now + em->o.token_seconds * NILO_US_SECOND);
    if (refresh < 0 || access < 0)
        return -1;
    em->tokens.grant[grant].last_used = now;
    emu_token_text(em, refresh, ret_refresh);
    emu_token_text(em, access, ret_access);
    return 0;
}
