/* See api_key.h. A ring key is never used itself: for tokens and for hashes there is one derived from it each, so that neither says anything of the other. */
#include "api/api_key.h"

#include <assert.h>
#include <string.h>

#include "base/crypt.h"
#include "base/hash.h"

#define ISSUER "nilometer"

static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
#define LETTERS (sizeof(letters) - 1)

static const struct {
    enum nilo_role role;
    const char *kind, *name;
} roles[] = {
#define X(role, kind, name) {role, kind, name},
    NILO_API_ROLE_ROWS(X)
#undef X
};
#define ROLES (sizeof(roles) / sizeof(roles[0]))

const char *nilo_api_role_name(enum nilo_role role)
{
    for (size_t i = 0; i < ROLES; i++) {
        if (roles[i].role == role)
            return roles[i].name;
    }
    return "?";
}

bool nilo_api_role_value(const char *name, enum nilo_role *ret)
{
    for (size_t i = 0; i < ROLES; i++) {
        if (strcmp(roles[i].name, name) == 0) {
            *ret = roles[i].role;
            return true;
        }
    }
    return false;
}

/* ---- what a ring key gives ------------------------------------------------------------------------------------------------------------------------- */

#define FOR_HASH  "nilometer: hash of API keys"
#define FOR_TOKEN "nilometer: HS256 of tokens"

static void derive(const unsigned char *key, const char *purpose, unsigned char out[NILO_MAC_LEN])
{
    nilo_mac(key, purpose, strlen(purpose), out);
}

static const struct nilo_key *current(const struct nilo_keys *ring, struct nilo_err *err)
{
    const struct nilo_key *key = ring != NULL ? nilo_keys_current(ring, NILO_KEY_TOKEN) : NULL;
    if (key == NULL)
        nilo_err_set(err, NILO_ENOENT, "the store has no token key yet; make one: nilometer key rotate token");
    return key;
}

static void hash_by(const unsigned char *key, const char *text, size_t n, unsigned char out[NILO_MAC_LEN])
{
    unsigned char derived[NILO_MAC_LEN];
    derive(key, FOR_HASH, derived);
    nilo_mac(derived, text, n, out);
    nilo_secret_wipe(derived, sizeof(derived));
}

/* ---- the text ---------------------------------------------------------------------------------------------------------------------------------------- */

static void checksum(const char *text, size_t n, char out[NILO_API_KEY_CHECKSUM + 1])
{
    unsigned char digest[NILO_SHA256_LEN];
    nilo_sha256(text, n, digest);
    uint32_t v = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 | digest[3];
    for (int i = NILO_API_KEY_CHECKSUM; i-- > 0; v /= LETTERS)
        out[i] = letters[v % LETTERS];
    out[NILO_API_KEY_CHECKSUM] = '\0';
}

static void random_letters(const struct nilo_env *env, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = letters[nilo_random_below(&env->random, LETTERS)];
    out[n] = '\0';
}

static const char *kind_of(enum nilo_role role)
{
    for (size_t i = 0; i < ROLES; i++) {
        if (roles[i].role == role)
            return roles[i].kind;
    }
    return "?";
}

int nilo_api_key_new(enum nilo_role role, const struct nilo_keys *ring, const struct nilo_env *env, char ret_text[NILO_API_KEY_TEXT],
                     struct nilo_api_key *ret, struct nilo_err *err)
{
    const struct nilo_key *key = current(ring, err);
    char secret[NILO_API_KEY_SECRET + 1], check[NILO_API_KEY_CHECKSUM + 1];
    if (key == NULL)
        return -1;
    *ret = (struct nilo_api_key){.role = role, .expires_at = NILO_US_NONE};
    random_letters(env, NILO_API_KEY_ID, ret->id);
    random_letters(env, NILO_API_KEY_SECRET, secret);
    int n = snprintf(ret_text, NILO_API_KEY_TEXT, NILO_API_KEY_PREFIX "%s_%s_%s", kind_of(role), ret->id, secret);
    assert(n > 0 && n + NILO_API_KEY_CHECKSUM < NILO_API_KEY_TEXT);
    checksum(ret_text, (size_t)n, check);
    memcpy(ret_text + n, check, sizeof(check));
    memcpy(ret->hashed_by, key->id, sizeof(ret->hashed_by));
    hash_by(nilo_keys_bytes(ring, key), ret_text, strlen(ret_text), ret->hash);
    nilo_secret_wipe(secret, sizeof(secret));
    return 0;
}

static bool all_letters(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\0' || strchr(letters, p[i]) == NULL)
            return false;
    }
    return true;
}

/* What follows "nilo_<kind>_", or NULL. */
static const char *behind_kind(const char *text, size_t n, enum nilo_role *ret_role)
{
    size_t prefix = sizeof(NILO_API_KEY_PREFIX) - 1;
    if (n < prefix || memcmp(text, NILO_API_KEY_PREFIX, prefix) != 0)
        return NULL;
    for (size_t i = 0; i < ROLES; i++) {
        size_t k = strlen(roles[i].kind);
        if (n - prefix > k && memcmp(text + prefix, roles[i].kind, k) == 0 && text[prefix + k] == '_') {
            *ret_role = roles[i].role;
            return text + prefix + k + 1;
        }
    }
    return NULL;
}

bool nilo_api_key_read(const char *text, size_t n, enum nilo_role *ret_role, char *ret_id)
{
    const size_t tail = NILO_API_KEY_SECRET + NILO_API_KEY_CHECKSUM;
    char check[NILO_API_KEY_CHECKSUM + 1];
    enum nilo_role role;
    const char *id = n < NILO_API_KEY_TEXT ? behind_kind(text, n, &role) : NULL;
    if (id == NULL || (size_t)(text + n - id) != NILO_API_KEY_ID + 1 + tail || id[NILO_API_KEY_ID] != '_')
        return false;
    if (!all_letters(id, NILO_API_KEY_ID) || !all_letters(id + NILO_API_KEY_ID + 1, tail))
        return false;
    checksum(text, n - NILO_API_KEY_CHECKSUM, check);
    if (memcmp(check, text + n - NILO_API_KEY_CHECKSUM, NILO_API_KEY_CHECKSUM) != 0)
        return false;
    *ret_role = role;
    memcpy(ret_id, id, NILO_API_KEY_ID);
    ret_id[NILO_API_KEY_ID] = '\0';
    return true;
}

bool nilo_api_key_holds(const char *text, size_t n, const struct nilo_api_key *kept, const struct nilo_keys *ring)
{
    static const unsigned char nobody[NILO_KEY_LEN];
    static const unsigned char nothing[NILO_MAC_LEN];
    unsigned char hash[NILO_MAC_LEN];
    const struct nilo_key *key = kept != NULL && ring != NULL ? nilo_keys_find(ring, NILO_KEY_TOKEN, kept->hashed_by) : NULL;
    hash_by(key != NULL ? nilo_keys_bytes(ring, key) : nobody, text, n, hash);
    bool same = nilo_same(hash, kept != NULL ? kept->hash : nothing, sizeof(hash));
    return same && key != NULL;
}

/* ---- tokens of our own --------------------------------------------------------------------------------------------------------------------------------- */

int nilo_api_token(const struct nilo_keys *ring, enum nilo_role role, struct nilo_jwt_issue issue, struct nilo_buf *out, struct nilo_err *err)
{
    const struct nilo_key *key = current(ring, err);
    unsigned char derived[NILO_MAC_LEN];
    if (key == NULL)
        return -1;
    issue.role = nilo_api_role_name(role);
    issue.iss = ISSUER;
    derive(nilo_keys_bytes(ring, key), FOR_TOKEN, derived);
    int rc = nilo_jwt_sign(derived, sizeof(derived), key->id, &issue, out, err);
    nilo_secret_wipe(derived, sizeof(derived));
    return rc;
}

int nilo_api_token_keys(struct nilo_jwt_keys *keys, const struct nilo_keys *ring, struct nilo_err *err)
{
    int rc = 0;
    for (int i = 0; i < nilo_keys_n(ring) && rc == 0; i++) {
        const struct nilo_key *key = nilo_keys_at(ring, i);
        struct nilo_jwt_rule rule = {.kid = key->id, .named = true, .typ = "JWT", .iss = ISSUER};
        unsigned char derived[NILO_MAC_LEN];
        if (key->kind != NILO_KEY_TOKEN)
            continue;
        derive(nilo_keys_bytes(ring, key), FOR_TOKEN, derived);
        rc = nilo_jwt_keys_add_secret(keys, derived, sizeof(derived), &rule, err);
        nilo_secret_wipe(derived, sizeof(derived));
    }
    return rc;
}
