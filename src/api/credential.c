/* See credential.h. */
#include "api/credential.h"

#include <string.h>
#include <strings.h>

#include "base/hash.h"

static const struct {
    int status;
    const char *code, *message;
} results[] = {
#define X(id, status, code, message) {status, code, message},
    NILO_CREDENTIAL_ROWS(X)
#undef X
};

int nilo_credential_status(enum nilo_credential_result r)
{
    return r < NILO_CREDENTIAL_N ? results[r].status : results[NILO_CREDENTIAL_BAD].status;
}

const char *nilo_credential_code(enum nilo_credential_result r)
{
    return r < NILO_CREDENTIAL_N ? results[r].code : results[NILO_CREDENTIAL_BAD].code;
}

const char *nilo_credential_message(enum nilo_credential_result r)
{
    return r < NILO_CREDENTIAL_N ? results[r].message : results[NILO_CREDENTIAL_BAD].message;
}

struct text {
    const char *p;
    size_t n;
};

/* ---- one credential --------------------------------------------------------------------------------------------------------------------------------- */

struct check {
    const struct nilo_credential_rules *rules;
    nilo_us now;
    struct nilo_arena *arena;
};

/* The named workspaces that are not disabled; none left: no good. */
static bool keep_enabled(const struct check *c, struct nilo_principal *p)
{
    const struct nilo_credential_book *book = &c->rules->book;
    if (!p->workspaces_said)
        return p->role == NILO_ROLE_SERVICE || book->disabled == NULL || !book->disabled(book->ctx, NULL);
    const char **kept = nilo_arena_array(c->arena, p->n_workspaces + 1, sizeof(*kept));
    size_t n = 0;
    for (size_t i = 0; i < p->n_workspaces && kept != NULL; i++) {
        if (book->disabled == NULL || !book->disabled(book->ctx, p->workspaces[i]))
            kept[n++] = p->workspaces[i];
    }
    p->workspaces = kept;
    p->n_workspaces = n;
    return n > 0;
}

static enum nilo_credential_result check_key(const struct check *c, struct text t, struct nilo_principal *ret)
{
    const struct nilo_credential_book *book = &c->rules->book;
    enum nilo_role role;
    char id[NILO_API_KEY_ID + 1];
    if (!nilo_api_key_read(t.p, t.n, &role, id))
        return NILO_CREDENTIAL_BAD;
    const struct nilo_api_key *kept = book->find != NULL ? book->find(book->ctx, id, c->arena) : NULL;
    if (!nilo_api_key_holds(t.p, t.n, kept, c->rules->ring) || kept->revoked || kept->role != role)
        return NILO_CREDENTIAL_BAD;
    if (kept->expires_at != NILO_US_NONE && kept->expires_at <= c->now)
        return NILO_CREDENTIAL_BAD;
    *ret = (struct nilo_principal){.role = role, .workspaces_said = kept->workspaces_said, .workspaces = kept->workspaces,
                                   .n_workspaces = kept->n_workspaces};
    if (kept->expires_at != NILO_US_NONE)
        ret->expires = kept->expires_at / NILO_US_SECOND;
    ret->key_id = nilo_arena_strdup(c->arena, id);
    return ret->key_id != NULL && keep_enabled(c, ret) ? NILO_CREDENTIAL_OK : NILO_CREDENTIAL_BAD;
}

static bool is_admin(const struct nilo_credential_rules *rules, const struct nilo_jwt_claims *claims)
{
    bool listed = claims->admin;
    for (const char *const *a = rules->admins; a != NULL && *a != NULL && claims->sub != NULL && !listed; a++)
        listed = strcmp(*a, claims->sub) == 0;
    return listed;
}

/* A token without a role has the least: PostgREST's rule. Only who is signed in becomes an admin. */
static bool role_of(const struct nilo_credential_rules *rules, const struct nilo_jwt_claims *claims, enum nilo_role *ret)
{
    *ret = NILO_ROLE_ANON;
    if (claims->role != NULL && !nilo_api_role_value(claims->role, ret))
        return false;
    if (*ret == NILO_ROLE_AUTHENTICATED && is_admin(rules, claims))
        *ret = NILO_ROLE_ADMIN;
    return true;
}

static enum nilo_credential_result check_token(const struct check *c, struct text t, struct nilo_principal *ret)
{
    const struct nilo_credential_book *book = &c->rules->book;
    struct nilo_jwt_claims claims;
    enum nilo_jwt_result r = NILO_JWT_BAD;
    if (c->rules->tokens != NULL)
        r = nilo_jwt_verify(t.p, t.n, c->rules->tokens, c->now, c->arena, &claims);
    if (r == NILO_JWT_BAD)
        return NILO_CREDENTIAL_BAD;
    *ret = (struct nilo_principal){.workspaces_said = claims.workspaces_said, .workspaces = claims.workspaces, .n_workspaces = claims.n_workspaces,
                                   .sub = claims.sub, .key_id = claims.jti, .expires = claims.exp};
    if (!role_of(c->rules, &claims, &ret->role))
        return NILO_CREDENTIAL_BAD;
    if (book->revoked != NULL && (claims.jti != NULL || claims.sub != NULL) && book->revoked(book->ctx, claims.jti, claims.sub))
        return NILO_CREDENTIAL_BAD;
    if (!keep_enabled(c, ret))
        return NILO_CREDENTIAL_BAD;
    return r == NILO_JWT_EXPIRED ? NILO_CREDENTIAL_EXPIRED : NILO_CREDENTIAL_OK;
}

static enum nilo_credential_result check_one(const struct check *c, struct text t, struct nilo_principal *ret)
{
    size_t prefix = sizeof(NILO_API_KEY_PREFIX) - 1;
    bool opaque = t.n >= prefix && memcmp(t.p, NILO_API_KEY_PREFIX, prefix) == 0;
    return opaque ? check_key(c, t, ret) : check_token(c, t, ret);
}

/* ---- both headers ------------------------------------------------------------------------------------------------------------------------------------- */

/* What follows "Bearer "; p NULL = another scheme, or nothing. RFC 9110: schemes are without case, a blank or more between. */
static struct text bearer(const char *value, size_t n)
{
    static const char scheme[] = "Bearer ";
    const size_t s = sizeof(scheme) - 1;
    if (n <= s || strncasecmp(value, scheme, s) != 0)
        return (struct text){0};
    struct text t = {value + s, n - s};
    while (t.n > 0 && *t.p == ' ') {
        t.p++;
        t.n--;
    }
    return t.n > 0 ? t : (struct text){0};
}

static bool holds(const struct nilo_principal *p, const char *workspace)
{
    for (size_t i = 0; i < p->n_workspaces; i++) {
        if (strcmp(p->workspaces[i], workspace) == 0)
            return true;
    }
    return false;
}

/* The user's workspaces as far as the app's key reaches; what one of them leaves open the other decides. */
static bool narrow(const struct check *c, struct nilo_principal *user, const struct nilo_principal *app)
{
    if (!app->workspaces_said)
        return true;
    if (!user->workspaces_said) {
        user->workspaces_said = true;
        user->workspaces = app->workspaces;
        user->n_workspaces = app->n_workspaces;
        return true;
    }
    const char **both = nilo_arena_array(c->arena, user->n_workspaces, sizeof(*both));
    size_t n = 0;
    for (size_t i = 0; i < user->n_workspaces && both != NULL; i++) {
        if (holds(app, user->workspaces[i]))
            both[n++] = user->workspaces[i];
    }
    user->workspaces = both;
    user->n_workspaces = n;
    return n > 0;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* BAD wins over EXPIRED: that one is only for who has nothing else wrong. */
static enum nilo_credential_result check_both(const struct check *c, struct text user, struct text app, struct nilo_principal *ret)
{
    struct nilo_principal of_app;
    enum nilo_credential_result a = check_one(c, user, ret), b = check_one(c, app, &of_app);
    if (a == NILO_CREDENTIAL_BAD || b == NILO_CREDENTIAL_BAD || !narrow(c, ret, &of_app))
        return NILO_CREDENTIAL_BAD;
    ret->expires = sooner(ret->expires, of_app.expires);
    return a != NILO_CREDENTIAL_OK ? a : b;
}

static enum nilo_credential_result check_shown(const struct check *c, const struct nilo_credential_shown *shown, struct nilo_principal *ret)
{
    struct text user = {0}, app = {shown->apikey, shown->apikey_n};
    if (shown->authorizations > 1 || shown->apikeys > 1 || (shown->query != NULL && nilo_credential_in_query(shown->query, shown->query_n)))
        return NILO_CREDENTIAL_BAD;
    if (shown->authorization == NULL && shown->apikey == NULL) {
        *ret = (struct nilo_principal){.role = NILO_ROLE_ANON};
        return c->rules->anonymous && keep_enabled(c, ret) ? NILO_CREDENTIAL_OK : NILO_CREDENTIAL_NONE;
    }
    if (shown->authorization != NULL) {
        user = bearer(shown->authorization, shown->authorization_n);
        if (user.p == NULL)
            return NILO_CREDENTIAL_BAD;
    }
    if (shown->apikey == NULL)
        return check_one(c, user, ret);
    if (shown->authorization == NULL || (user.n == app.n && memcmp(user.p, app.p, app.n) == 0))
        return check_one(c, app, ret);
    return check_both(c, user, app, ret);
}

enum nilo_credential_result nilo_credential_check(const struct nilo_credential_shown *shown, const struct nilo_credential_rules *rules, nilo_us now,
                                                  struct nilo_arena *arena, struct nilo_principal *ret)
{
    struct check c = {.rules = rules, .now = now, .arena = arena};
    struct nilo_principal p;
    enum nilo_credential_result r = check_shown(&c, shown, &p);
    if (r == NILO_CREDENTIAL_OK)
        *ret = p;
    return r;
}

int nilo_principal_may(const struct nilo_principal *p, enum nilo_who who)
{
    bool may = false;
    switch (who) {
    case NILO_WHO_EVERYONE:
    case NILO_WHO_ANON:
        may = true;
        break;
    case NILO_WHO_AUTHENTICATED:
        may = p->role >= NILO_ROLE_AUTHENTICATED;
        break;
    case NILO_WHO_ADMIN:
        may = p->role >= NILO_ROLE_ADMIN;
        break;
    case NILO_WHO_SERVICE:
        may = p->role == NILO_ROLE_SERVICE;
        break;
    case NILO_WHO_NOT_SAID:
    case NILO_WHO_N:
        break;
    }
    return may ? 0 : p->role == NILO_ROLE_ANON ? 401 : 403;
}

/* ---- queries --------------------------------------------------------------------------------------------------------------------------------------------- */

/* The next name=value of a query; false behind the last. Names and values as sent. */
static bool next_pair(struct text *rest, struct text *ret_name, struct text *ret_value)
{
    if (rest->n == 0)
        return false;
    const char *end = memchr(rest->p, '&', rest->n);
    size_t n = end != NULL ? (size_t)(end - rest->p) : rest->n;
    const char *equals = memchr(rest->p, '=', n);
    size_t name_n = equals != NULL ? (size_t)(equals - rest->p) : n;
    *ret_name = (struct text){rest->p, name_n};
    *ret_value = equals != NULL ? (struct text){equals + 1, n - name_n - 1} : (struct text){rest->p + n, 0};
    size_t used = end != NULL ? n + 1 : n;
    rest->p += used;
    rest->n -= used;
    return true;
}

/* Decoded, as far as it fits; NUL-terminated. Returns the whole length, so that more than fits can be told. */
static size_t decode(struct text t, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++, n++) {
        unsigned char byte = (unsigned char)t.p[i];
        if (byte == '%' && t.n - i > 2 && nilo_unhex(t.p + i + 1, 2, &byte) == 0)
            i += 2;
        else if (byte == '+')
            byte = ' ';
        if (n + 1 < size)
            out[n] = (char)byte;
    }
    out[n < size ? n : size - 1] = '\0';
    return n;
}

static bool name_of_a_key(const char *name)
{
    static const char *const names[] = {"apikey", "api_key", "api-key", "access_token", "id_token", "authorization", "bearer", "jwt"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* A filter's value begins with an operator, so that no honest one looks so. */
static bool looks_like_a_key(struct text value)
{
    char text[NILO_API_KEY_TEXT];
    char id[NILO_API_KEY_ID + 1];
    enum nilo_role role;
    if (value.n == 0 || (value.p[0] != '%' && value.p[0] != 'e' && value.p[0] != NILO_API_KEY_PREFIX[0]))
        return false; /* cannot begin as one: nearly always */
    size_t n = decode(value, text, sizeof(text));
    if (n < sizeof(text) && nilo_api_key_read(text, n, &role, id))
        return true;
    int dots = 0;
    for (size_t i = 0; i < value.n; i++)
        dots += value.p[i] == '.' || (value.n - i > 2 && strncasecmp(value.p + i, "%2e", 3) == 0);
    return strncmp(text, "eyJ", 3) == 0 && dots == 2; /* {" in base64 */
}

bool nilo_credential_in_query(const char *query, size_t n)
{
    struct text rest = {query, n}, name, value;
    char text[32];
    while (next_pair(&rest, &name, &value)) {
        bool may = name.n > 0 && strchr("%aAbBiIjJ", name.p[0]) != NULL; /* of an encoded name any letter may be the first */
        bool fits = may && decode(name, text, sizeof(text)) < sizeof(text);
        if ((fits && name_of_a_key(text)) || looks_like_a_key(value))
            return true;
    }
    return false;
}

/* ---- the cron secret ---------------------------------------------------------------------------------------------------------------------------------------- */

int nilo_cron_secret_check(const char *secret, struct nilo_err *err)
{
    if (strlen(secret) >= NILO_CRON_SECRET_MIN)
        return 0;
    return nilo_err_set(err, NILO_ECONFIG, "the cron secret must have at least %d bytes; make one: openssl rand -hex 24", NILO_CRON_SECRET_MIN);
}

/* By their digests: neither where they differ nor how long the secret is shows in the time. */
static bool same_secret(struct text shown, const char *secret)
{
    unsigned char a[NILO_SHA256_LEN], b[NILO_SHA256_LEN];
    nilo_sha256(shown.p, shown.n, a);
    nilo_sha256(secret, strlen(secret), b);
    return nilo_same(a, b, sizeof(a));
}

/* 1 the secret, 0 none, -1 another one. */
static int secret_in_query(const struct nilo_credential_shown *shown, const char *secret)
{
    struct text rest = {shown->query, shown->query != NULL ? shown->query_n : 0}, name, value;
    char text[1024];
    int found = 0;
    while (found >= 0 && next_pair(&rest, &name, &value)) {
        if (decode(name, text, sizeof(text)) != 6 || strcmp(text, "secret") != 0)
            continue;
        size_t n = decode(value, text, sizeof(text));
        found = n < sizeof(text) && same_secret((struct text){text, n}, secret) ? 1 : -1;
    }
    return found;
}

bool nilo_cron_allows(const struct nilo_credential_shown *shown, const char *secret, bool in_query)
{
    if (secret == NULL || shown->authorizations > 1)
        return false;
    int query = in_query ? secret_in_query(shown, secret) : 0;
    if (shown->authorization == NULL || query < 0)
        return query > 0;
    struct text t = bearer(shown->authorization, shown->authorization_n);
    return t.p != NULL && same_secret(t, secret);
}
