/* The table of keys that tokens are checked with. Everything that would make a check worthless is refused here, at the start: short secrets, a
 * public key given as a secret, two keys that a token could not tell apart. */
#include "api/jwt_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypt.h"
#include "base/names.h"

#define PUBLIC_MAX 16384

const char *nilo_jwt_alg_name(enum nilo_jwt_alg alg)
{
    static const char *const names[] = {
#define X(id, name) name,
        NILO_JWT_ALG_ROWS(X)
#undef X
    };
    return alg < NILO_JWT_ALG_N ? names[alg] : "?";
}

int nilo_jwt_keys_new(struct nilo_jwt_keys **ret, struct nilo_err *err)
{
    struct nilo_jwt_keys *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return nilo_err_nomem(err);
    nilo_arena_init(&k->arena, 0);
    *ret = k;
    return 0;
}

void nilo_jwt_keys_free(struct nilo_jwt_keys *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; i < k->n; i++) {
        nilo_secret_free(k->list[i].secret);
        nilo_public_key_free(k->list[i].public_key);
    }
    nilo_secret_wipe(k->seen_key, sizeof(k->seen_key));
    nilo_arena_done(&k->arena);
    nilo__jwt_seen_free(k->seen);
    free(k);
}

size_t nilo_jwt_keys_n(const struct nilo_jwt_keys *k)
{
    return k->n;
}

static bool may_be_meant(const struct nilo__jwt_key *key, const char *alg)
{
    return !key->rule.named && strcmp(nilo_jwt_alg_name(key->alg), alg) == 0;
}

/* By its id alone; the algorithm is compared afterwards, by whoever asks. Without an id, the only key that could be meant. */
const struct nilo__jwt_key *nilo__jwt_key_find(const struct nilo_jwt_keys *k, const char *kid, const char *alg)
{
    const struct nilo__jwt_key *found = NULL;
    for (size_t i = 0; i < k->n; i++) {
        const struct nilo__jwt_key *key = &k->list[i];
        if (kid != NULL && key->rule.kid != NULL && strcmp(key->rule.kid, kid) == 0)
            return key;
        if (kid == NULL && may_be_meant(key, alg)) {
            if (found != NULL)
                return NULL;
            found = key;
        }
    }
    return found;
}

static int check_words(const struct nilo_jwt_rule *rule, struct nilo_err *err)
{
    const struct {
        const char *name, *value;
        size_t max;
    } words[] = {{"kid", rule->kid, NILO_JWT_KID_MAX},
                 {"typ", rule->typ, NILO_JWT_WORD_MAX},
                 {"iss", rule->iss, NILO_JWT_WORD_MAX},
                 {"aud", rule->aud, NILO_JWT_WORD_MAX},
                 {"admin claim", rule->admin_claim, NILO_JWT_WORD_MAX}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].value != NULL && !nilo_name_ok(words[i].value, words[i].max))
            return nilo_err_set(err, NILO_ECONFIG, "the %s of a token key must be 1 to %zu bytes of text", words[i].name, words[i].max);
    }
    return 0;
}

static int check_alone(const struct nilo_jwt_keys *k, enum nilo_jwt_alg alg, const struct nilo_jwt_rule *rule, struct nilo_err *err)
{
    if (k->n == NILO_JWT_KEYS_MAX)
        return nilo_err_set(err, NILO_EFULL, "there are %d token keys already", NILO_JWT_KEYS_MAX);
    for (size_t i = 0; i < k->n; i++) {
        const struct nilo__jwt_key *other = &k->list[i];
        if (rule->kid != NULL && other->rule.kid != NULL && strcmp(other->rule.kid, rule->kid) == 0)
            return nilo_err_set(err, NILO_ECONFIG, "two token keys have the kid %s; give each its own", rule->kid);
        bool either = !rule->named && !other->rule.named && other->alg == alg;
        if (either && (rule->kid == NULL || other->rule.kid == NULL))
            return nilo_err_set(err, NILO_ECONFIG, "there are two %s keys and one has no kid, so no token could say that it is for that one; give it a kid",
                                nilo_jwt_alg_name(alg));
    }
    return rule->kid == NULL && rule->named ? nilo_err_set(err, NILO_EINTERNAL, "a key to be named needs a name") : 0;
}

static int copy_rule(struct nilo_jwt_keys *k, const struct nilo_jwt_rule *from, struct nilo_jwt_rule *to, struct nilo_err *err)
{
    const char *const *words[] = {&from->kid, &from->typ, &from->iss, &from->aud, &from->admin_claim};
    const char **copies[] = {&to->kid, &to->typ, &to->iss, &to->aud, &to->admin_claim};
    to->named = from->named;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        *copies[i] = nilo_arena_strdup(&k->arena, *words[i]);
        if (*words[i] != NULL && *copies[i] == NULL)
            return nilo_err_nomem(err);
    }
    return 0;
}

static int prepare(struct nilo_jwt_keys *k, enum nilo_jwt_alg alg, const struct nilo_jwt_rule *rule, struct nilo__jwt_key *ret, struct nilo_err *err)
{
    static const struct nilo_jwt_rule none = {0};
    rule = rule != NULL ? rule : &none;
    *ret = (struct nilo__jwt_key){.alg = alg};
    if (check_words(rule, err) != 0 || check_alone(k, alg, rule, err) != 0)
        return -1;
    return copy_rule(k, rule, &ret->rule, err);
}

/* The mistake that turns a key everybody may know into one that signs. */
static bool looks_public(const unsigned char *secret, size_t n)
{
    static const char begin[] = "-----BEGIN ";
    while (n > 0 && (*secret == ' ' || *secret == '\n' || *secret == '\r' || *secret == '\t')) {
        secret++;
        n--;
    }
    return n > sizeof(begin) - 1 && memcmp(secret, begin, sizeof(begin) - 1) == 0;
}

int nilo_jwt_keys_add_secret(struct nilo_jwt_keys *k, const void *secret, size_t n, const struct nilo_jwt_rule *rule, struct nilo_err *err)
{
    struct nilo__jwt_key key;
    if (n < NILO_JWT_SECRET_MIN)
        return nilo_err_set(err, NILO_ECONFIG, "an HS256 secret must have at least %d bytes, this one has %zu; make one: openssl rand -base64 48",
                            NILO_JWT_SECRET_MIN, n);
    if (n > NILO_JWT_SECRET_MAX)
        return nilo_err_set(err, NILO_ECONFIG, "an HS256 secret has at most %d bytes, this one has %zu", NILO_JWT_SECRET_MAX, n);
    if (looks_public(secret, n))
        return nilo_err_set(err, NILO_ECONFIG, "the HS256 secret is a PEM file; whoever knows a public key could sign with it. Say RS256 or ES256 for it");
    if (prepare(k, NILO_JWT_HS256, rule, &key, err) != 0)
        return -1;
    key.secret = nilo_secret_alloc(n);
    if (key.secret == NULL)
        return nilo_err_nomem(err);
    memcpy(key.secret, secret, n);
    key.secret_n = n;
    k->list[k->n++] = key;
    return 0;
}

int nilo_jwt_keys_add_public(struct nilo_jwt_keys *k, enum nilo_jwt_alg alg, const char *pem, size_t n, const struct nilo_jwt_rule *rule,
                             struct nilo_err *err)
{
    struct nilo__jwt_key key;
    if (alg != NILO_JWT_RS256 && alg != NILO_JWT_ES256)
        return nilo_err_set(err, NILO_ECONFIG, "%s has no public key", nilo_jwt_alg_name(alg));
    if (n > PUBLIC_MAX)
        return nilo_err_set(err, NILO_ECONFIG, "a public key has at most %d bytes", PUBLIC_MAX);
    if (prepare(k, alg, rule, &key, err) != 0)
        return -1;
    if (nilo_public_key_new(alg == NILO_JWT_RS256 ? NILO_PUBLIC_RSA : NILO_PUBLIC_P256, pem, n, &key.public_key, err) != 0)
        return -1;
    k->list[k->n++] = key;
    return 0;
}
