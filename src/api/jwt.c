/* Reading and writing tokens; see jwt.h. The order is that of trust: the outer form, the head as far as it says which key is meant, the signature over
 * the very bytes that came, and only then the claims, time last: so EXPIRED says something only to who once held a good token. */
#include "api/jwt_priv.h"

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/names.h"

#define PART_MAX      (NILO_JWT_MAX / 4 * 3)
#define ALG_MAX       16
#define SECONDS_DIGITS 12 /* the year 33658; in microseconds still 63 bits */

static const struct nilo_json_limits json_limits = {.depth = 16, .keys = 200, .name_max = 256};

struct span {
    const char *p;
    size_t n;
};

/* ---- base64url -------------------------------------------------------------------------------------------------------------------------------- */

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* How many bytes came out; -1: a foreign byte, padding, a length that cannot be, bits left over that are not zero, or more than max. One text has one
 * spelling only, so that no second token says the same. */
static int decode(struct span in, unsigned char *out, size_t max)
{
    unsigned bits = 0;
    int held = 0;
    size_t n = 0;
    if (in.n % 4 == 1)
        return -1;
    for (size_t i = 0; i < in.n; i++) {
        int six = sextet(in.p[i]);
        if (six < 0)
            return -1;
        bits = (bits << 6 | (unsigned)six) & 0xffff;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        if (n == max)
            return -1;
        out[n++] = (unsigned char)(bits >> held);
    }
    return (bits & ((1u << held) - 1)) == 0 ? (int)n : -1;
}

static void encode(const void *p, size_t n, struct nilo_buf *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *from = p;
    unsigned bits = 0;
    int held = 0;
    for (size_t i = 0; i < n; i++) {
        bits = (bits << 8 | from[i]) & 0xffff;
        for (held += 8; held >= 6; held -= 6)
            nilo_buf_addc(out, letters[bits >> (held - 6) & 63]);
    }
    if (held > 0)
        nilo_buf_addc(out, letters[bits << (6 - held) & 63]);
}

/* ---- members of an object ------------------------------------------------------------------------------------------------------------------------ */

/* One row a member that means something: what to do with its value. Others are skipped. */
struct reading {
    struct nilo_json *json;
    struct nilo_arena *arena;
    const struct nilo_jwt_rule *rule;
};
typedef bool member_fn(struct reading *r, const char *name, size_t n, void *into);

static bool is(const char *p, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(p, word, n) == 0;
}

/* Calls member for each of an object that has begun; it leaves the value behind it. */
static bool each_member(struct reading *r, member_fn *member, void *into)
{
    for (;;) {
        enum nilo_json_event event;
        const char *name;
        size_t n;
        if (nilo_json_next(r->json, &event, &name, &n, NULL) != 0)
            return false;
        if (event == NILO_JSON_OBJECT_END)
            return true;
        if (!member(r, name, n, into))
            return false;
    }
}

static bool whole_object(struct reading *r, const unsigned char *text, size_t n, member_fn *member, void *into)
{
    enum nilo_json_event event;
    if (nilo_json_new((const char *)text, n, json_limits, &r->json, NULL) != 0)
        return false;
    bool good = nilo_json_next(r->json, &event, NULL, NULL, NULL) == 0 && event == NILO_JSON_OBJECT_BEGIN && each_member(r, member, into) &&
                nilo_json_next(r->json, &event, NULL, NULL, NULL) == 0 && event == NILO_JSON_END;
    nilo_json_free(r->json);
    r->json = NULL;
    return good;
}

static bool skip(struct reading *r)
{
    return nilo_json_skip(r->json, NULL) == 0;
}

/* A string of at most size - 1 bytes without NUL. */
static bool take_word(struct reading *r, char *out, size_t size)
{
    enum nilo_json_event event;
    const char *text;
    size_t n;
    if (nilo_json_next(r->json, &event, &text, &n, NULL) != 0 || event != NILO_JSON_STRING || n >= size)
        return false;
    memcpy(out, text, n);
    out[n] = '\0';
    return true;
}

/* The same into the arena, and fit to be shown; "" is as if it were not there. */
static bool take_name(struct reading *r, const char **ret)
{
    char word[NILO_JWT_WORD_MAX + 1];
    if (!take_word(r, word, sizeof(word)) || (word[0] != '\0' && !nilo_name_ok(word, NILO_JWT_WORD_MAX)))
        return false;
    *ret = word[0] != '\0' ? nilo_arena_strdup(r->arena, word) : NULL;
    return word[0] == '\0' || *ret != NULL;
}

/* Whole seconds, written as digits alone: what one reader takes for 1e20 and another for 0 is nothing. */
static bool take_seconds(struct reading *r, int64_t *ret)
{
    enum nilo_json_event event;
    const char *text;
    size_t n;
    int64_t v = 0;
    if (nilo_json_next(r->json, &event, &text, &n, NULL) != 0 || event != NILO_JSON_NUMBER || n > SECONDS_DIGITS)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        v = v * 10 + (text[i] - '0');
    }
    *ret = v;
    return true;
}

/* ---- the head ------------------------------------------------------------------------------------------------------------------------------------ */

struct head {
    char alg[ALG_MAX], kid[NILO_JWT_KID_MAX + 1], typ[NILO_JWT_WORD_MAX + 1];
    bool has_kid, has_typ;
};

static bool head_member(struct reading *r, const char *name, size_t n, void *into)
{
    /* Keys that the token brings along or points to, and whatever makes it another thing than a signed text. */
    static const char *const refused[] = {"jku", "jwk", "x5u", "x5c", "crit", "b64", "enc", "zip", "p2c", "p2s", "epk"};
    struct head *h = into;
    if (is(name, n, "alg"))
        return take_word(r, h->alg, sizeof(h->alg));
    if (is(name, n, "kid"))
        return h->has_kid = take_word(r, h->kid, sizeof(h->kid));
    if (is(name, n, "typ"))
        return h->has_typ = take_word(r, h->typ, sizeof(h->typ));
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (is(name, n, refused[i]))
            return false;
    }
    return skip(r);
}

static const char *without_application(const char *typ)
{
    static const char prefix[] = "application/";
    return strncasecmp(typ, prefix, sizeof(prefix) - 1) == 0 ? typ + sizeof(prefix) - 1 : typ;
}

static bool typ_holds(const struct head *h, const struct nilo_jwt_rule *rule)
{
    return rule->typ == NULL || (h->has_typ && strcasecmp(without_application(h->typ), without_application(rule->typ)) == 0);
}

/* ---- the signature --------------------------------------------------------------------------------------------------------------------------------- */

static bool mac_holds(const unsigned char *secret, size_t n, struct span signed_text, const unsigned char *signature, size_t signature_n)
{
    unsigned char mac[NILO_SHA256_LEN];
    nilo_hmac_sha256(secret, n, signed_text.p, signed_text.n, mac);
    return signature_n == sizeof(mac) && nilo_same(mac, signature, sizeof(mac));
}

/* A token of no key takes as long as one with a false signature. */
static bool no_key(struct span signed_text)
{
    static const unsigned char nobody[NILO_JWT_SECRET_MIN];
    unsigned char signature[NILO_SHA256_LEN] = {0};
    (void)mac_holds(nobody, sizeof(nobody), signed_text, signature, sizeof(signature));
    return false;
}

static bool signature_holds(const struct nilo__jwt_key *key, struct span signed_text, struct span encoded)
{
    unsigned char signature[NILO_SIGNATURE_MAX];
    int n = decode(encoded, signature, sizeof(signature));
    if (key == NULL || n <= 0)
        return no_key(signed_text);
    if (key->alg == NILO_JWT_HS256)
        return mac_holds(key->secret, key->secret_n, signed_text, signature, (size_t)n);
    return nilo_public_key_verify(key->public_key, signed_text.p, signed_text.n, signature, (size_t)n);
}

/* ---- the claims ------------------------------------------------------------------------------------------------------------------------------------- */

struct places {
    const char **list;
    size_t n;
    bool said;
};

struct body {
    struct nilo_jwt_claims claims;
    struct places top, app; /* workspaces, by where they stood */
    int64_t nbf;
    bool has_exp, iss_holds, aud_holds;
};

static bool add_place(struct reading *r, struct places *p, const char *text, size_t n)
{
    char *copy = n <= NILO_JWT_WORD_MAX ? nilo_arena_strndup(r->arena, text, n) : NULL;
    if (copy == NULL || !nilo_name_ok(copy, NILO_JWT_WORD_MAX) || p->n == NILO_JWT_WORKSPACES_MAX)
        return false;
    p->list[p->n++] = copy;
    return true;
}

/* One or a list, and only one of the two names. */
static bool take_places(struct reading *r, struct places *p)
{
    enum nilo_json_event event;
    const char *text;
    size_t n;
    if (p->said)
        return false;
    p->said = true;
    p->list = nilo_arena_array(r->arena, NILO_JWT_WORKSPACES_MAX, sizeof(*p->list));
    if (p->list == NULL || nilo_json_next(r->json, &event, &text, &n, NULL) != 0)
        return false;
    if (event == NILO_JSON_STRING)
        return add_place(r, p, text, n);
    if (event != NILO_JSON_ARRAY_BEGIN)
        return false;
    while (nilo_json_next(r->json, &event, &text, &n, NULL) == 0) {
        if (event == NILO_JSON_ARRAY_END)
            return true;
        if (event != NILO_JSON_STRING || !add_place(r, p, text, n))
            return false;
    }
    return false;
}

/* Anything but true is no. */
static bool take_admin(struct reading *r, bool *ret)
{
    enum nilo_json_event event;
    if (nilo_json_next(r->json, &event, NULL, NULL, NULL) != 0)
        return false;
    *ret = *ret || event == NILO_JSON_TRUE;
    return event == NILO_JSON_OBJECT_BEGIN || event == NILO_JSON_ARRAY_BEGIN ? skip(r) : true;
}

static bool take_expected(struct reading *r, const char *wanted, bool *ret)
{
    char word[NILO_JWT_WORD_MAX + 1];
    if (wanted == NULL)
        return skip(r);
    *ret = take_word(r, word, sizeof(word)) && strcmp(word, wanted) == 0;
    return *ret;
}

/* What stands at the top and in app_metadata alike; *ret_done: it was one of these. */
static bool common_member(struct reading *r, const char *name, size_t n, struct body *b, struct places *p, bool *ret_done)
{
    *ret_done = true;
    if (is(name, n, "workspaces") || is(name, n, "workspace"))
        return take_places(r, p);
    if (r->rule->admin_claim != NULL && is(name, n, r->rule->admin_claim))
        return take_admin(r, &b->claims.admin);
    *ret_done = false;
    return true;
}

static bool app_member(struct reading *r, const char *name, size_t n, void *into)
{
    struct body *b = into;
    bool done;
    return common_member(r, name, n, b, &b->app, &done) && (done || skip(r));
}

static bool take_app(struct reading *r, struct body *b)
{
    enum nilo_json_event event;
    if (nilo_json_next(r->json, &event, NULL, NULL, NULL) != 0)
        return false;
    return event == NILO_JSON_NULL || (event == NILO_JSON_OBJECT_BEGIN && each_member(r, app_member, b));
}

static bool body_member(struct reading *r, const char *name, size_t n, void *into)
{
    struct body *b = into;
    struct nilo_jwt_claims *c = &b->claims;
    bool done;
    if (is(name, n, "exp"))
        return b->has_exp = take_seconds(r, &c->exp);
    if (is(name, n, "nbf"))
        return take_seconds(r, &b->nbf);
    if (is(name, n, "iat"))
        return take_seconds(r, &c->iat);
    if (is(name, n, "iss"))
        return take_expected(r, r->rule->iss, &b->iss_holds);
    if (is(name, n, "aud"))
        return take_expected(r, r->rule->aud, &b->aud_holds);
    if (is(name, n, "role"))
        return take_name(r, &c->role) && c->role != NULL;
    if (is(name, n, "sub"))
        return take_name(r, &c->sub);
    if (is(name, n, "jti"))
        return take_name(r, &c->jti);
    if (is(name, n, "app_metadata"))
        return take_app(r, b);
    return common_member(r, name, n, b, &b->top, &done) && (done || skip(r));
}

/* Before the claims count: is it ours to judge, and is it whole? */
static bool body_holds(const struct body *b, const struct nilo_jwt_rule *rule)
{
    return b->has_exp && (rule->iss == NULL || b->iss_holds) && (rule->aud == NULL || b->aud_holds);
}

static enum nilo_jwt_result judge_time(const struct nilo__jwt_said *said, nilo_us now)
{
    int64_t second = now / NILO_US_SECOND;
    if (said->nbf > second + NILO_JWT_SKEW_S || said->claims.iat > second + NILO_JWT_SKEW_S)
        return NILO_JWT_BAD;
    return said->claims.exp <= second - NILO_JWT_SKEW_S ? NILO_JWT_EXPIRED : NILO_JWT_OK;
}

static bool read_body(struct span encoded, const struct nilo__jwt_key *key, struct nilo_arena *arena, struct nilo__jwt_said *ret)
{
    unsigned char text[PART_MAX];
    struct body b = {0};
    struct reading r = {.arena = arena, .rule = &key->rule};
    int n = decode(encoded, text, sizeof(text));
    if (n <= 0 || !whole_object(&r, text, (size_t)n, body_member, &b) || !body_holds(&b, &key->rule))
        return false;
    const struct places *p = b.top.said ? &b.top : &b.app;
    b.claims.workspaces_said = p->said;
    b.claims.workspaces = p->list;
    b.claims.n_workspaces = p->n;
    b.claims.kid = key->rule.kid;
    *ret = (struct nilo__jwt_said){.claims = b.claims, .nbf = b.nbf};
    return true;
}

/* ---- the calls of jwt.h -------------------------------------------------------------------------------------------------------------------------- */

/* Three parts, none empty. */
static bool split(const char *text, size_t len, struct span parts[3])
{
    int n = 0;
    size_t from = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && text[i] != '.')
            continue;
        if (n == 3 || i == from)
            return false;
        parts[n++] = (struct span){text + from, i - from};
        from = i + 1;
    }
    return n == 3;
}

static const struct nilo__jwt_key *choose_key(struct span encoded, const struct nilo_jwt_keys *keys)
{
    unsigned char text[PART_MAX];
    struct head h = {0};
    struct reading r = {0};
    int n = decode(encoded, text, sizeof(text));
    if (n <= 0 || !whole_object(&r, text, (size_t)n, head_member, &h))
        return NULL;
    const struct nilo__jwt_key *key = nilo__jwt_key_find(keys, h.has_kid ? h.kid : NULL, h.alg);
    return key != NULL && strcmp(h.alg, nilo_jwt_alg_name(key->alg)) == 0 && typ_holds(&h, &key->rule) ? key : NULL;
}

enum nilo_jwt_result nilo_jwt_verify(const char *text, size_t len, const struct nilo_jwt_keys *keys, nilo_us now, struct nilo_arena *arena,
                                     struct nilo_jwt_claims *ret)
{
    struct span parts[3];
    if (len > NILO_JWT_MAX || !split(text, len, parts))
        return NILO_JWT_BAD;
    struct nilo__jwt_said said;
    const struct nilo__jwt_mark mark = nilo__jwt_mark_of(keys, text, len);
    if (!nilo__jwt_recall(keys, &mark, arena, &said)) {
        const struct nilo__jwt_key *key = choose_key(parts[0], keys);
        struct span signed_text = {text, parts[0].n + 1 + parts[1].n};
        if (!signature_holds(key, signed_text, parts[2]) || !read_body(parts[1], key, arena, &said))
            return NILO_JWT_BAD;
        nilo__jwt_remember(keys, &mark, &said);
    }
    enum nilo_jwt_result result = judge_time(&said, now);
    if (result != NILO_JWT_BAD)
        *ret = said.claims;
    return result;
}

static int check_issue(const struct nilo_jwt_issue *issue, const char *kid, struct nilo_err *err)
{
    const char *words[] = {issue->role, issue->sub, issue->jti, issue->iss, issue->aud};
    if (issue->role == NULL)
        return nilo_err_set(err, NILO_EINVAL, "a token needs a role");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i] != NULL && !nilo_name_ok(words[i], NILO_JWT_WORD_MAX))
            return nilo_err_set(err, NILO_EINVAL, "what a token says must be 1 to %d bytes of text without control characters", NILO_JWT_WORD_MAX);
    }
    if (kid != NULL && !nilo_name_ok(kid, NILO_JWT_KID_MAX))
        return nilo_err_set(err, NILO_EINVAL, "the id of a key must be 1 to %d bytes of text without control characters", NILO_JWT_KID_MAX);
    for (size_t i = 0; i < issue->n_workspaces; i++) {
        if (i == NILO_JWT_WORKSPACES_MAX || !nilo_name_ok(issue->workspaces[i], NILO_JWT_WORD_MAX))
            return nilo_err_set(err, NILO_EINVAL, "a token names at most %d workspaces, of at most %d bytes each", NILO_JWT_WORKSPACES_MAX, NILO_JWT_WORD_MAX);
    }
    if (issue->iat < 0 || issue->exp <= issue->iat || issue->exp >= INT64_C(1000000000000))
        return nilo_err_set(err, NILO_EINVAL, "a token must end after it begins, and before the year 33658");
    return 0;
}

static void put_word(struct nilo_json_out *o, const char *name, const char *value)
{
    if (value == NULL)
        return;
    nilo_json_key(o, name);
    nilo_json_str(o, value);
}

static void put_head(struct nilo_json_out *o, const char *kid)
{
    nilo_json_object_begin(o);
    put_word(o, "alg", "HS256");
    put_word(o, "kid", kid);
    put_word(o, "typ", "JWT");
    nilo_json_object_end(o);
}

static void put_body(struct nilo_json_out *o, const struct nilo_jwt_issue *issue)
{
    nilo_json_object_begin(o);
    put_word(o, "iss", issue->iss);
    put_word(o, "aud", issue->aud);
    put_word(o, "role", issue->role);
    put_word(o, "sub", issue->sub);
    put_word(o, "jti", issue->jti);
    if (issue->workspaces != NULL) {
        nilo_json_key(o, "workspaces");
        nilo_json_array_begin(o);
        for (size_t i = 0; i < issue->n_workspaces; i++)
            nilo_json_str(o, issue->workspaces[i]);
        nilo_json_array_end(o);
    }
    nilo_json_key(o, "iat");
    nilo_json_int(o, issue->iat);
    nilo_json_key(o, "exp");
    nilo_json_int(o, issue->exp);
    nilo_json_object_end(o);
}

int nilo_jwt_sign(const void *secret, size_t n, const char *kid, const struct nilo_jwt_issue *issue, struct nilo_buf *out, struct nilo_err *err)
{
    struct nilo_buf head, body, token;
    struct nilo_json_out o;
    unsigned char mac[NILO_SHA256_LEN];
    if (n < NILO_JWT_SECRET_MIN)
        return nilo_err_set(err, NILO_ECONFIG, "an HS256 secret must have at least %d bytes, this one has %zu", NILO_JWT_SECRET_MIN, n);
    if (check_issue(issue, kid, err) != 0)
        return -1;
    nilo_buf_init(&head, NILO_JWT_MAX);
    nilo_buf_init(&body, NILO_JWT_MAX);
    nilo_buf_init(&token, NILO_JWT_MAX);
    nilo_json_out_init(&o, &head);
    put_head(&o, kid);
    nilo_json_out_init(&o, &body);
    put_body(&o, issue);
    encode(nilo_buf_str(&head), head.len, &token);
    nilo_buf_addc(&token, '.');
    encode(nilo_buf_str(&body), body.len, &token);
    nilo_hmac_sha256(secret, n, nilo_buf_str(&token), token.len, mac);
    nilo_buf_addc(&token, '.');
    encode(mac, sizeof(mac), &token);
    int rc = 0;
    if (head.failed || body.failed || token.failed)
        rc = nilo_err_set(err, NILO_EINVAL, "the token would be longer than %d bytes; name fewer workspaces in it", NILO_JWT_MAX);
    else if (nilo_buf_add(out, nilo_buf_str(&token), token.len) != 0)
        rc = nilo_err_nomem(err);
    nilo_buf_done(&head);
    nilo_buf_done(&body);
    nilo_buf_done(&token);
    return rc;
}
