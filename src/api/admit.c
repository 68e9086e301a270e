/* See admit.h. All refusals of credentials are the same bytes; what a good caller may not do is said in full. */
#include "api/admit.h"

#define BODY_SERVICE ((int64_t)16 << 20) /* bytes of a body of service_role's; others have the server's limit, 1 MiB */

void nilo_req_credentials(const struct nilo_exchange *x, struct nilo_credential_shown *s)
{
    size_t n;
    *s = (struct nilo_credential_shown){0};
    s->authorization = nilo_req_header(x, "Authorization", 0, &s->authorization_n);
    s->apikey = nilo_req_header(x, "apikey", 0, &s->apikey_n);
    while (nilo_req_header(x, "Authorization", s->authorizations, &n) != NULL)
        s->authorizations++;
    while (nilo_req_header(x, "apikey", s->apikeys, &n) != NULL)
        s->apikeys++;
    s->query = nilo_req_query(x, &s->query_n);
}

void nilo_admit_refuse(struct nilo_exchange *x, enum nilo_credential_result r)
{
    nilo_answer_error(x, nilo_credential_status(r), nilo_credential_code(r), nilo_credential_message(r), NULL, NULL);
    nilo_answer_header(x, "WWW-Authenticate", "Bearer");
    nilo_answer_header(x, "Cache-Control", "no-store");
}

static int forbid(struct nilo_exchange *x, const struct nilo_principal *p, int status)
{
    char message[160];
    snprintf(message, sizeof(message), "permission denied: the role %s may not do this", nilo_api_role_name(p->role));
    nilo_answer_error(x, status, "42501", message, NULL, NULL);
    if (status == 401)
        nilo_answer_header(x, "WWW-Authenticate", "Bearer");
    nilo_answer_header(x, "Cache-Control", "no-store");
    return NILO_LATER;
}

enum nilo_credential_result nilo_admit_who(struct nilo_exchange *x, const struct nilo_credential_rules *rules, nilo_us now, struct nilo_principal **ret)
{
    struct nilo_credential_shown shown;
    struct nilo_principal *p = nilo_arena_alloc(nilo_req_arena(x), sizeof(*p));
    *ret = NULL;
    if (p == NULL) {
        nilo_answer_error(x, 500, "53200", "out of memory", NULL, NULL);
        return NILO_CREDENTIAL_NONE;
    }
    nilo_req_credentials(x, &shown);
    enum nilo_credential_result r = nilo_credential_check(&shown, rules, now, nilo_req_arena(x), p);
    bool nothing = shown.authorization == NULL && shown.apikey == NULL;
    if (nilo_req_unix(x) && nothing && r != NILO_CREDENTIAL_BAD) {
        *p = (struct nilo_principal){.role = NILO_ROLE_SERVICE};
        r = NILO_CREDENTIAL_OK;
    }
    if (r != NILO_CREDENTIAL_OK) {
        nilo_admit_refuse(x, r);
        return r;
    }
    nilo_req_identity_set(x, p, NULL);
    *ret = p;
    return r;
}

int nilo_admit_may(struct nilo_exchange *x, const struct nilo_principal *p)
{
    int status = nilo_principal_may(p, nilo_req_route(x)->who);
    if (p->role == NILO_ROLE_SERVICE)
        nilo_req_body_max_set(x, BODY_SERVICE);
    return status != 0 ? forbid(x, p, status) : 0;
}

int nilo_admit(struct nilo_exchange *x, const struct nilo_credential_rules *rules, nilo_us now)
{
    struct nilo_principal *p;
    nilo_admit_who(x, rules, now, &p);
    return p != NULL ? nilo_admit_may(x, p) : NILO_LATER;
}

const struct nilo_principal *nilo_req_principal(const struct nilo_exchange *x)
{
    return nilo_req_identity(x);
}
