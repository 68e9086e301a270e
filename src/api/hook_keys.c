/* See hook_keys.h. Every key that may be meant is tried: several entries of one platform are tenants, or an old and a new secret while one is exchanged. */
#include "api/hook_keys.h"

#include <stdlib.h>
#include <string.h>

#include "api/signature.h"
#include "base/crypt.h"
#include "base/hash.h"

#define SECRET_MIN    16
#define SECONDS_MOST  12 /* digits */
#define HEX_SHA256    ((size_t)2 * NILO_SHA256_LEN)
#define CHALLENGE_MAX 512
#define VALUE_MAX     (16 << 10) /* of a form or a query */

struct nilo_hook_keys {
    struct nilo_hook_key *list;
    size_t n;
};

enum scheme { TIMED, KEYED, HUB, HUB_OLD };
static const struct {
    const char *platform, *header;
    enum scheme scheme;
} schemes[] = {
    {"push", "Nilometer-Signature", TIMED},      {"tiktok", "TikTok-Signature", TIMED},      {"tiktok_shop", "Authorization", KEYED},
    {"instagram", "X-Hub-Signature-256", HUB},   {"facebook", "X-Hub-Signature-256", HUB},   {"youtube", "X-Hub-Signature", HUB_OLD},
};
#define N_SCHEMES (sizeof schemes / sizeof schemes[0])

static size_t scheme_of(const char *platform)
{
    size_t i = 0;
    while (i < N_SCHEMES && strcmp(schemes[i].platform, platform) != 0)
        i++;
    return i;
}

const char *nilo_hook_header(const char *platform)
{
    size_t i = scheme_of(platform);
    return i < N_SCHEMES ? schemes[i].header : NULL;
}

/* ---- the keys ------------------------------------------------------------------------------------------------------------------------------ */

static int read_secret(const char *reference, const char *what, char **ret, struct nilo_err *err)
{
    char *plain;
    if (reference == NULL)
        return 0;
    if (nilo_config_secret(reference, &plain, err) != 0)
        return -1;
    size_t n = strlen(plain);
    *ret = nilo_secret_alloc(n + 1);
    if (*ret != NULL)
        memcpy(*ret, plain, n + 1);
    nilo_secret_wipe(plain, n);
    free(plain);
    if (*ret == NULL)
        return nilo_err_nomem(err);
    return n >= SECRET_MIN ? 0 : nilo_err_set(err, NILO_ECONFIG, "the %s must have at least %d bytes; make one: openssl rand -hex 24", what, SECRET_MIN);
}

static int read_key(const struct nilo_config *config, const struct nilo_config_hook *h, struct nilo_hook_key *ret, struct nilo_err *err)
{
    const struct nilo_config_platform *p = nilo_config_platform(config, h->platform);
    *ret = (struct nilo_hook_key){.platform = h->platform, .workspace = h->workspace, .status_page = h->status_page,
                                  .app_id = h->app_id != NULL ? h->app_id : p != NULL ? p->client_id : NULL};
    return read_secret(h->secret != NULL ? h->secret : p != NULL ? p->client_secret : NULL, "secret", &ret->secret, err) != 0
               ? -1
               : read_secret(h->verify_token, "verify_token", &ret->verify_token, err);
}

static bool is_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* An app has one address at its platform, so of two workspaces under one secret the second would never hear of anything. Programs that push name theirs in the path. */
static int check_apart(const struct nilo_hook_keys *k, size_t at, struct nilo_err *err)
{
    const struct nilo_hook_key *key = &k->list[at];
    for (size_t i = 0; i < at && strcmp(key->platform, "push") != 0; i++) {
        if (strcmp(k->list[i].platform, key->platform) == 0 && is_same(k->list[i].secret, key->secret) && !is_same(k->list[i].workspace, key->workspace))
            return nilo_err_set(err, NILO_ECONFIG, "hooks[%zu] has the same secret and another workspace, and gets all notices: leave the workspace out of one entry for both, and every "
                                "connection with the account is meant", i);
    }
    return 0;
}

int nilo_hook_keys_new(const struct nilo_config *config, struct nilo_hook_keys **ret, struct nilo_err *err)
{
    struct nilo_hook_keys *k = calloc(1, sizeof *k);
    if (k == NULL || (k->list = calloc((size_t)config->n_hooks + 1, sizeof *k->list)) == NULL) {
        free(k);
        return nilo_err_nomem(err);
    }
    for (int i = 0; i < config->n_hooks; i++) {
        struct nilo_err why = {0};
        k->n++;
        if (read_key(config, &config->hooks[i], &k->list[i], &why) == 0 && check_apart(k, (size_t)i, &why) == 0)
            continue;
        nilo_hook_keys_free(k);
        return nilo_err_set(err, why.code, "%s:%d: hooks[%d]: %s", config->path != NULL ? config->path : "", config->hooks[i].line, i, why.msg);
    }
    *ret = k;
    return 0;
}

void nilo_hook_keys_free(struct nilo_hook_keys *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; i < k->n; i++) {
        nilo_secret_free(k->list[i].secret);
        nilo_secret_free(k->list[i].verify_token);
    }
    free(k->list);
    free(k);
}

bool nilo_hook_keys_have(const struct nilo_hook_keys *k, const char *platform)
{
    for (size_t i = 0; i < k->n; i++) {
        if (strcmp(k->list[i].platform, platform) == 0)
            return true;
    }
    return false;
}

/* ---- signatures ------------------------------------------------------------------------------------------------------------------------------ */

/* t=SECONDS,s=HEX, in this order or the other. */
struct timed {
    const char *seconds, *hex;
    size_t n_seconds, n_hex;
};

static bool read_timed(const char *p, size_t n, struct timed *ret)
{
    *ret = (struct timed){0};
    for (const char *end = p + n; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        size_t len = (size_t)((comma != NULL ? comma : end) - p);
        for (; len > 0 && *p == ' '; len--)
            p++;
        if (len < 2 || p[1] != '=' || (p[0] == 't' ? ret->seconds : p[0] == 's' ? ret->hex : p) != NULL)
            return false; /* another word, or one of them twice */
        *(p[0] == 't' ? &ret->seconds : &ret->hex) = p + 2;
        *(p[0] == 't' ? &ret->n_seconds : &ret->n_hex) = len - 2;
        p = comma != NULL ? comma + 1 : end;
    }
    return ret->seconds != NULL && ret->n_seconds > 0 && ret->n_seconds <= SECONDS_MOST && strspn(ret->seconds, "0123456789") >= ret->n_seconds && ret->hex != NULL;
}

static bool same_hex(const char *hex, size_t n, const unsigned char *mac, size_t mac_n)
{
    unsigned char shown[64];
    return n == 2 * mac_n && n <= 2 * sizeof shown && nilo_unhex(hex, n, shown) == 0 && nilo_same(shown, mac, mac_n);
}

static bool sha256_fits(const struct nilo_hook_key *key, const char *head, size_t head_n, const char *body, size_t body_n, const char *hex, size_t hex_n)
{
    unsigned char mac[NILO_SHA256_LEN];
    nilo_hmac_sha256_joined(key->secret, strlen(key->secret), head, head_n, body, body_n, mac);
    return same_hex(hex, hex_n, mac, sizeof mac);
}

static enum nilo_hook_verdict check_timed(const struct nilo_hook_key *key, const struct nilo_hook_shown *s, nilo_us now)
{
    struct timed t;
    char head[SECONDS_MOST + 2];
    if (!read_timed(s->signature, s->signature_n, &t))
        return NILO_HOOK_BAD;
    size_t n = (size_t)snprintf(head, sizeof head, "%.*s.", (int)t.n_seconds, t.seconds);
    if (!sha256_fits(key, head, n, s->body, s->body_n, t.hex, t.n_hex))
        return NILO_HOOK_BAD;
    nilo_us at = strtoll(head, NULL, 10) * NILO_US_SECOND;
    return at >= now - NILO_HOOK_WINDOW && at <= now + NILO_HOOK_WINDOW ? NILO_HOOK_GOOD : NILO_HOOK_OLD;
}

/* METHOD=HEX */
static bool hub_fits(const struct nilo_hook_key *key, const struct nilo_hook_shown *s, bool sha1_too)
{
    static const char sha256[] = "sha256=", sha1[] = "sha1=";
    size_t n = sizeof sha256 - 1, n1 = sizeof sha1 - 1;
    if (s->signature_n == n + HEX_SHA256 && memcmp(s->signature, sha256, n) == 0)
        return sha256_fits(key, "", 0, s->body, s->body_n, s->signature + n, s->signature_n - n);
    if (!sha1_too || s->signature_n <= n1 || memcmp(s->signature, sha1, n1) != 0)
        return false;
    unsigned char mac[NILO_SHA1_LEN];
    return nilo_hmac_sha1(key->secret, strlen(key->secret), s->body, s->body_n, mac) && same_hex(s->signature + n1, s->signature_n - n1, mac, sizeof mac);
}

static enum nilo_hook_verdict check(enum scheme scheme, const struct nilo_hook_key *key, const struct nilo_hook_shown *s, nilo_us now)
{
    switch (scheme) {
    case TIMED:
        return check_timed(key, s, now);
    case KEYED:
        return key->app_id != NULL && sha256_fits(key, key->app_id, strlen(key->app_id), s->body, s->body_n, s->signature, s->signature_n) ? NILO_HOOK_GOOD : NILO_HOOK_BAD;
    case HUB:
    case HUB_OLD:
        return hub_fits(key, s, scheme == HUB_OLD) ? NILO_HOOK_GOOD : NILO_HOOK_BAD;
    }
    return NILO_HOOK_BAD;
}

/* One that is bound to a workspace is meant where that is named, or none. */
static bool is_meant(const struct nilo_hook_key *key, const struct nilo_hook_shown *s)
{
    return strcmp(key->platform, s->platform) == 0 && (key->workspace == NULL || s->workspace == NULL || strcmp(key->workspace, s->workspace) == 0);
}

enum nilo_hook_verdict nilo_hook_check(const struct nilo_hook_keys *k, const struct nilo_hook_shown *shown, nilo_us now, const struct nilo_hook_key **ret)
{
    enum nilo_hook_verdict found = NILO_HOOK_BAD;
    size_t scheme = scheme_of(shown->platform);
    for (size_t i = 0; i < k->n && scheme < N_SCHEMES && shown->signature != NULL && found != NILO_HOOK_GOOD; i++) {
        enum nilo_hook_verdict v = is_meant(&k->list[i], shown) ? check(schemes[scheme].scheme, &k->list[i], shown, now) : NILO_HOOK_BAD;
        if (v != NILO_HOOK_BAD) {
            found = v;
            *ret = &k->list[i];
        }
    }
    return found;
}

/* ---- forms and queries ---------------------------------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The value of the name, decoded, in the arena; NULL: not there, twice, with a NUL byte, or too long. */
static const char *form_value(const char *p, size_t n, const char *name, struct nilo_arena *arena)
{
    const char *found = NULL;
    size_t name_n = strlen(name), len = 0;
    for (const char *end = p + n; p < end;) {
        const char *next = memchr(p, '&', (size_t)(end - p));
        size_t one = (size_t)((next != NULL ? next : end) - p);
        if (one > name_n && p[name_n] == '=' && memcmp(p, name, name_n) == 0) {
            if (found != NULL)
                return NULL;
            found = p + name_n + 1;
            len = one - name_n - 1;
        }
        p = next != NULL ? next + 1 : end;
    }
    char *text = found != NULL && len <= VALUE_MAX ? nilo_arena_alloc(arena, len + 1) : NULL;
    size_t out = 0;
    for (size_t i = 0; text != NULL && i < len; i++) {
        int high = found[i] == '%' && i + 2 < len ? hex_digit(found[i + 1]) : -1, low = high >= 0 ? hex_digit(found[i + 2]) : -1;
        char c = low >= 0 ? (char)(high * 16 + low) : found[i] == '+' ? ' ' : found[i];
        if (c == '\0')
            return NULL;
        text[out++] = c;
        i += low >= 0 ? 2 : 0;
    }
    if (text != NULL)
        text[out] = '\0';
    return text;
}

bool nilo_hook_subscribes(const struct nilo_hook_keys *k, const char *platform, const char *query, size_t n, struct nilo_arena *arena, const char **ret_challenge)
{
    const char *mode = form_value(query, n, "hub.mode", arena), *token = form_value(query, n, "hub.verify_token", arena);
    const char *challenge = form_value(query, n, "hub.challenge", arena);
    unsigned char shown[NILO_SHA256_LEN], wanted[NILO_SHA256_LEN];
    bool good = false;
    if (mode == NULL || (strcmp(mode, "subscribe") != 0 && strcmp(mode, "unsubscribe") != 0) || token == NULL || challenge == NULL || challenge[0] == '\0' ||
        strlen(challenge) > CHALLENGE_MAX)
        return false;
    nilo_sha256(token, strlen(token), shown); /* by their digests, as lengths differ */
    for (size_t i = 0; i < k->n; i++) {
        if (strcmp(k->list[i].platform, platform) != 0 || k->list[i].verify_token == NULL)
            continue;
        nilo_sha256(k->list[i].verify_token, strlen(k->list[i].verify_token), wanted);
        good |= nilo_same(shown, wanted, sizeof shown);
    }
    *ret_challenge = challenge;
    return good;
}

/* base64url without padding, or with it; -1: it is none. */
static long decode(const char *p, size_t n, char *out)
{
    unsigned bits = 0;
    int have = 0;
    long len = 0;
    while (n > 0 && p[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        int v = c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '-' ? 62 : c == '_' ? 63 : -1;
        if (v < 0)
            return -1;
        bits = bits << 6 | (unsigned)v;
        if ((have += 6) >= 8)
            out[len++] = (char)(bits >> (have -= 8) & 0xff);
    }
    return len;
}

enum nilo_hook_verdict nilo_hook_check_request(const struct nilo_hook_keys *k, const struct nilo_hook_shown *shown, struct nilo_arena *arena, const char **ret_payload,
                                               size_t *ret_n, const struct nilo_hook_key **ret)
{
    const char *request = form_value(shown->body, shown->body_n, "signed_request", arena);
    const char *dot = request != NULL ? strchr(request, '.') : NULL;
    char mac[64], *payload = dot != NULL ? nilo_arena_alloc(arena, strlen(dot) + 1) : NULL;
    long n = -1;
    if (payload == NULL || dot - request > 80 || decode(request, (size_t)(dot - request), mac) != NILO_SHA256_LEN || (n = decode(dot + 1, strlen(dot + 1), payload)) < 0)
        return NILO_HOOK_BAD;
    for (size_t i = 0; i < k->n; i++) {
        unsigned char wanted[NILO_SHA256_LEN];
        if (!is_meant(&k->list[i], shown))
            continue;
        nilo_hmac_sha256(k->list[i].secret, strlen(k->list[i].secret), dot + 1, strlen(dot + 1), wanted);
        if (nilo_same(mac, wanted, sizeof wanted)) {
            *ret = &k->list[i];
            *ret_payload = payload;
            *ret_n = (size_t)n;
            return NILO_HOOK_GOOD;
        }
    }
    return NILO_HOOK_BAD;
}
