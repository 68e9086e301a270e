/* Whose rows a request is about, and how a failure is answered. See rest.h. */
#include <stdlib.h>
#include <string.h>

#include "api/admit.h"
#include "api/rest.h"
#include "query/compat.h"

#define PREFIX "/w/"

enum nilo_role nilo_rest_role(const struct nilo_exchange *x)
{
    const struct nilo_principal *p = nilo_req_principal(x);
    if (p != NULL)
        return p->role;
    return nilo_req_unix(x) ? NILO_ROLE_SERVICE : NILO_ROLE_ANON;
}

bool nilo_rest_in_workspace(const struct nilo_exchange *x)
{
    return strncmp(nilo_req_route(x)->path, PREFIX, strlen(PREFIX)) == 0;
}

const char *nilo_rest_name(const struct nilo_exchange *x)
{
    return nilo_req_segment(x, nilo_rest_in_workspace(x) ? 1 : 0);
}

/* ---- which workspace -------------------------------------------------------------------------------------------------------------------- */

struct known {
    struct nilo_workspace *all;
    size_t n;
};

static const struct nilo_workspace *find(const struct known *k, const char *name)
{
    for (size_t i = 0; i < k->n; i++) {
        if (strcmp(k->all[i].name, name) == 0)
            return &k->all[i];
    }
    return NULL;
}

static bool named(const struct nilo_principal *p, const char *workspace)
{
    for (size_t i = 0; i < p->n_workspaces; i++) {
        if (strcmp(p->workspaces[i], workspace) == 0)
            return true;
    }
    return false;
}

/* May the caller know of it? Who names none reaches the only one there is; the service all. */
static bool reaches(const struct nilo_exchange *x, const struct known *k, const char *workspace)
{
    const struct nilo_principal *p = nilo_req_principal(x);
    if (p != NULL && p->workspaces_said)
        return named(p, workspace);
    return nilo_rest_role(x) == NILO_ROLE_SERVICE || k->n == 1;
}

/* The same for one that is not there and one that is somebody else's. */
static int none(struct nilo_exchange *x)
{
    nilo_answer_error(x, 404, "PGRST125", "there is no such workspace", NULL, NULL);
    return 1;
}

static int which(struct nilo_exchange *x)
{
    nilo_answer_error(x, 400, "22023", "which workspace is meant? The request names none, and there is not just one", NULL,
                      "ask under /w/WORKSPACE/rest/v1/, or use a key that belongs to one workspace");
    return 1;
}

/* NULL: none is named, and none follows. */
static const char *wanted(const struct nilo_exchange *x, const struct known *k)
{
    const struct nilo_principal *p = nilo_req_principal(x);
    if (nilo_rest_in_workspace(x))
        return nilo_req_segment(x, 0);
    if (p != NULL && p->workspaces_said)
        return p->n_workspaces == 1 ? p->workspaces[0] : k->n == 1 ? k->all[0].name : NULL;
    return k->n == 1 ? k->all[0].name : NULL;
}

/* The list of a principal's names, those that exist. */
static int fill_all(struct nilo_exchange *x, const struct known *k, struct nilo_rest_scope *ret, struct nilo_err *err)
{
    int64_t *ids = nilo_arena_array(nilo_req_arena(x), k->n + 1, sizeof(*ids));
    size_t n = 0;
    if (ids == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < k->n; i++) {
        if (reaches(x, k, k->all[i].name))
            ids[n++] = k->all[i].id;
    }
    *ret = (struct nilo_rest_scope){.scope = {.role = nilo_rest_role(x), .workspaces = ids, .n = n}};
    return 0;
}

static int fill(struct nilo_exchange *x, const struct nilo_workspace *w, struct nilo_rest_scope *ret, struct nilo_err *err)
{
    int64_t *id = nilo_arena_alloc(nilo_req_arena(x), sizeof(*id));
    if (id == NULL)
        return nilo_err_nomem(err);
    *id = w->id;
    *ret = (struct nilo_rest_scope){.scope = {.role = nilo_rest_role(x), .workspaces = id, .n = 1}, .workspace = *w};
    return 0;
}

/* The table of a published set, asked for without /w/? */
static int find_set(const struct nilo_exchange *x, struct nilo_store *s, struct nilo_compat *ret, bool *ret_found, struct nilo_err *err)
{
    const struct nilo_relation *r = nilo_rest_in_workspace(x) ? NULL : nilo_compat_relation(nilo_rest_name(x) != NULL ? nilo_rest_name(x) : "");
    *ret_found = false;
    return r != NULL ? nilo_compat_find(s, r->view->set, ret, ret_found, err) : 0;
}

static int choose(struct nilo_exchange *x, const struct known *k, const struct nilo_compat *set, struct nilo_rest_scope *ret, struct nilo_err *err)
{
    const struct nilo_principal *p = nilo_req_principal(x);
    const char *name = set != NULL && !set->tenant ? set->workspace_name : wanted(x, k);
    bool service = nilo_rest_role(x) == NILO_ROLE_SERVICE;
    if (name == NULL && set != NULL && (service || (p != NULL && p->workspaces_said))) {
        if (fill_all(x, k, ret, err) != 0)
            return -1;
    } else if (name == NULL && service && nilo_req_unix(x) && (p == NULL || !p->workspaces_said)) {
        *ret = (struct nilo_rest_scope){.scope = NILO_SCOPE_ALL};
    } else if (name == NULL && k->n == 0 && (p == NULL || !p->workspaces_said)) {
        *ret = (struct nilo_rest_scope){.scope = {.role = nilo_rest_role(x)}}; /* nothing is recorded yet: there is nothing to choose between */
    } else if (name == NULL) {
        return which(x);
    } else {
        const struct nilo_workspace *w = find(k, name);
        if (w == NULL || !reaches(x, k, name))
            return none(x);
        if (fill(x, w, ret, err) != 0)
            return -1;
    }
    ret->any_range = service;
    ret->among = k->n > 1 && !(service && (p == NULL || !p->workspaces_said));
    return 0;
}

int nilo_rest_scope(struct nilo_exchange *x, struct nilo_store *s, struct nilo_rest_scope *ret, struct nilo_err *err)
{
    struct known k = {0};
    if (nilo_store_workspaces(s, &k.all, &k.n, err) != 0)
        return -1;
    struct nilo_compat set;
    bool found;
    int rc = find_set(x, s, &set, &found, err);
    if (rc == 0)
        rc = choose(x, &k, found ? &set : NULL, ret, err);
    free(k.all);
    return rc == 0 ? nilo_store_scope(s, &ret->scope, err) : rc;
}

int nilo_rest_reach(struct nilo_exchange *x, struct nilo_store *s, struct nilo_scope *ret, struct nilo_err *err)
{
    const struct nilo_principal *p = nilo_req_principal(x);
    struct known k = {0};
    struct nilo_rest_scope scope;
    if (nilo_rest_role(x) == NILO_ROLE_SERVICE && (p == NULL || !p->workspaces_said)) {
        *ret = NILO_SCOPE_ALL;
        return nilo_store_scope(s, ret, err);
    }
    if (nilo_store_workspaces(s, &k.all, &k.n, err) != 0)
        return -1;
    int rc = fill_all(x, &k, &scope, err);
    free(k.all);
    if (rc != 0)
        return -1;
    *ret = scope.scope;
    return nilo_store_scope(s, ret, err);
}

/* ---- failures ------------------------------------------------------------------------------------------------------------------------------ */

/* The store is what failed: whatever the statement was, the connection may be gone. */
static bool of_store(enum nilo_code code)
{
    return code == NILO_ESTORE || code == NILO_EAWAY || code == NILO_ECORRUPT || code == NILO_EIO;
}

/* "Requested range not satisfiable: an offset of ...": the dialect has fixed words for these, what is behind them are its details. */
static void split(const struct nilo_err *err, struct nilo_err *words, struct nilo_notes *notes)
{
    const char *colon = strstr(err->msg, ": ");
    if ((err->code != NILO_EONE && err->code != NILO_ERANGE) || colon == NULL || notes->details[0] != '\0')
        return;
    words->msg[colon - err->msg] = '\0';
    snprintf(notes->details, sizeof(notes->details), "%.250s", colon + 2);
    if (notes->details[0] >= 'a' && notes->details[0] <= 'z')
        notes->details[0] = (char)(notes->details[0] - 'a' + 'A');
}

/* What stands in the details needs no repetition behind the message. */
static void shorten(struct nilo_err *words, const struct nilo_notes *notes)
{
    size_t n = strlen(words->msg), tail = strlen(notes->details);
    if (tail > 0 && n > tail + 2 && strcmp(words->msg + n - tail, notes->details) == 0 && memcmp(words->msg + n - tail - 2, ": ", 2) == 0)
        words->msg[n - tail - 2] = '\0';
}

int nilo_rest_fail(struct nilo_exchange *x, const struct nilo_notes *notes, const struct nilo_err *err)
{
    int status = nilo_code_http(err->code);
    struct nilo_err words = *err;
    struct nilo_notes said = notes != NULL ? *notes : (struct nilo_notes){0};
    if (of_store(err->code))
        nilo_req_worker_broken(x);
    if (nilo_answer_started(x))
        return -1;
    if ((err->code == NILO_EPERM || err->code == NILO_ECLOSED) && nilo_rest_role(x) == NILO_ROLE_ANON)
        status = 401;
    shorten(&words, &said);
    split(err, &words, &said);
    nilo_answer_error(x, status, nilo_code_sqlstate(err->code), words.msg, said.details[0] != '\0' ? said.details : NULL,
                      said.hint[0] != '\0' ? said.hint : NULL);
    if (status == 401)
        nilo_answer_header(x, "WWW-Authenticate", "Bearer");
    if (status == 503)
        nilo_answer_header(x, "Retry-After", "1");
    return 0;
}
