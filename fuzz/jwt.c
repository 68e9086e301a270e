/* Tokens. No bytes make a good one by chance, so the input is put to use in three ways: as the token; as head and body of one that is signed here, and then only
 * what the rules allow is taken; as the words of one that we issue, which must come back as they were. The input lies in memory of exactly its size. */
#include <string.h>

#include "api/credential.h"
#include "base/hash.h"
#include "fuzz.h"

#define NOW INT64_C(1700000000)
static const char secret[] = "0123456789abcdef0123456789abcdef";

static struct nilo_jwt_keys *keys(void)
{
    static struct nilo_jwt_keys *k;
    static const struct nilo_jwt_rule admin = {.admin_claim = "is_admin"};
    if (k == NULL) {
        NILO_FUZZ_CHECK(nilo_jwt_keys_new(&k, NULL) == 0);
        NILO_FUZZ_CHECK(nilo_jwt_keys_add_secret(k, secret, sizeof(secret) - 1, &admin, NULL) == 0);
    }
    return k;
}

static enum nilo_jwt_result judge(const char *text, size_t n, struct nilo_arena *arena, struct nilo_jwt_claims *ret)
{
    char *copy = malloc(n + 1);
    NILO_FUZZ_CHECK(copy != NULL);
    if (n > 0)
        memcpy(copy + 1, text, n);
    enum nilo_jwt_result r = nilo_jwt_verify(copy + 1, n, keys(), NOW * NILO_US_SECOND, arena, ret);
    free(copy);
    return r;
}

static void check_claims(const struct nilo_jwt_claims *c, enum nilo_jwt_result r)
{
    const char *const words[] = {c->role, c->sub, c->jti};
    for (size_t i = 0; i < 3; i++)
        NILO_FUZZ_CHECK(words[i] == NULL || (words[i][0] != '\0' && strlen(words[i]) <= NILO_JWT_WORD_MAX));
    NILO_FUZZ_CHECK(c->n_workspaces <= NILO_JWT_WORKSPACES_MAX && (c->workspaces_said || c->n_workspaces == 0));
    for (size_t i = 0; i < c->n_workspaces; i++)
        NILO_FUZZ_CHECK(c->workspaces[i][0] != '\0');
    NILO_FUZZ_CHECK(c->exp >= 0 && c->iat >= 0 && c->iat <= NOW + NILO_JWT_SKEW_S);
    NILO_FUZZ_CHECK((r == NILO_JWT_OK) == (c->exp > NOW - NILO_JWT_SKEW_S));
}

static size_t base64url(const void *p, size_t n, char *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *in = p;
    size_t o = 0;
    for (size_t bit = 0; bit < n * 8; bit += 6) {
        unsigned two = (unsigned)in[bit / 8] << 8 | (bit / 8 + 1 < n ? in[bit / 8 + 1] : 0u);
        out[o++] = letters[two >> (10 - bit % 8) & 63];
    }
    return o;
}

/* head, 0 or line end, body: signed as it is. */
static void signed_as_it_is(const char *in, size_t n, struct nilo_arena *arena)
{
    char token[16384];
    unsigned char mac[NILO_SHA256_LEN];
    struct nilo_jwt_claims claims;
    const char *end = memchr(in, '\n', n);
    if (end == NULL || n > 4000)
        return;
    size_t at = base64url(in, (size_t)(end - in), token);
    token[at++] = '.';
    at += base64url(end + 1, n - (size_t)(end - in) - 1, token + at);
    nilo_hmac_sha256(secret, sizeof(secret) - 1, token, at, mac);
    token[at++] = '.';
    at += base64url(mac, sizeof(mac), token + at);
    enum nilo_jwt_result r = judge(token, at, arena, &claims);
    if (r == NILO_JWT_BAD)
        return;
    NILO_FUZZ_CHECK(memmem(in, (size_t)(end - in), "HS256", 5) != NULL || memchr(in, '\\', n) != NULL);
    NILO_FUZZ_CHECK(memmem(end, n - (size_t)(end - in), "exp", 3) != NULL || memchr(in, '\\', n) != NULL);
    check_claims(&claims, r);
    token[at - 2] = token[at - 2] == 'A' ? 'B' : 'A';
    NILO_FUZZ_CHECK(judge(token, at, arena, &claims) == NILO_JWT_BAD);
}

static void issued(const char *in, size_t n, struct nilo_arena *arena)
{
    char word[NILO_JWT_WORD_MAX + 2] = "";
    struct nilo_buf out;
    struct nilo_jwt_claims c;
    const char *const places[] = {word};
    if (n > 0)
        memcpy(word, in, n < sizeof(word) - 1 ? n : sizeof(word) - 1);
    struct nilo_jwt_issue issue = {.role = "anon", .sub = word, .workspaces = places, .n_workspaces = 1, .iat = NOW, .exp = NOW + 60};
    nilo_buf_init(&out, NILO_JWT_MAX);
    if (nilo_jwt_sign(secret, sizeof(secret) - 1, NULL, &issue, &out, NULL) == 0) {
        NILO_FUZZ_CHECK(judge(nilo_buf_str(&out), out.len, arena, &c) == NILO_JWT_OK);
        NILO_FUZZ_CHECK(strcmp(c.sub, word) == 0 && c.n_workspaces == 1 && strcmp(c.workspaces[0], word) == 0);
        NILO_FUZZ_CHECK(strcmp(c.role, "anon") == 0 && c.exp == NOW + 60 && c.iat == NOW);
    } else {
        NILO_FUZZ_CHECK(out.len == 0);
    }
    nilo_buf_done(&out);
}

int nilo_fuzz_jwt(const uint8_t *data, size_t n)
{
    const char *in = (const char *)data;
    struct nilo_arena arena;
    struct nilo_jwt_claims claims;
    nilo_arena_init(&arena, NILO_JWT_ARENA);
    enum nilo_jwt_result r = judge(in, n, &arena, &claims);
    if (r != NILO_JWT_BAD)
        check_claims(&claims, r);
    nilo_arena_reset(&arena);
    signed_as_it_is(in, n, &arena);
    nilo_arena_reset(&arena);
    issued(in, n, &arena);
    nilo_arena_done(&arena);
    return 0;
}
