/* The OpenAPI text over HTTP: for whom, in what form, with which of the tables that are published. */
#include <string.h>
#include <strings.h>

#include "api/admit.h"
#include "api/openapi.h"
#include "api/publish.h"
#include "api/rest_cache.h"
#include "api/rest.h"
#include "query/compat.h"

#define MIME_OPENAPI "application/openapi+json"
#define MIME_JSON    "application/json"

/* Is the media type among those of Accept? Parameters are not looked at. */
static bool accepts(const struct nilo_exchange *x, const char *mime)
{
    size_t n, len = strlen(mime);
    const char *value;
    for (int i = 0; (value = nilo_req_header(x, "Accept", i, &n)) != NULL; i++) {
        for (size_t at = 0; at + len <= n; at++) {
            bool begins = at == 0 || value[at - 1] == ',' || value[at - 1] == ' ';
            bool ends = at + len == n || strchr(",; ", value[at + len]) != NULL;
            if (begins && ends && strncasecmp(value + at, mime, len) == 0)
                return true;
        }
    }
    return false;
}

/* The relations of all sets that are published in this store, in the request's arena. */
static int find_views(struct nilo_exchange *x, struct nilo_store *s, struct nilo_openapi *what, struct nilo_err *err)
{
    size_t most = 0;
    struct nilo_compat binding;
    for (size_t i = 0; nilo_compat_sets[i] != NULL; i++)
        most += nilo_compat_sets[i]->n;
    const struct nilo_relation **published = NULL;
    size_t n_published = 0;
    if (what->role == NILO_ROLE_SERVICE) {
        const struct nilo_principal *p = nilo_req_principal(x);
        bool said = p != NULL && p->workspaces_said;
        const char *workspace = said && p->n_workspaces == 1 ? p->workspaces[0] : !said && nilo_rest_in_workspace(x) ? nilo_req_segment(x, 0) : "";
        bool one = !said || p->n_workspaces == 1; /* a key of several sees the tables of each under its path */
        if (one && nilo_publish_relations(nilo_req_ctx(x), workspace, nilo_req_arena(x), &published, &n_published, err) != 0)
            return -1;
    }
    const struct nilo_relation **all = nilo_arena_array(nilo_req_arena(x), most + n_published + 1, sizeof(*all));
    if (all == NULL)
        return nilo_err_nomem(err);
    what->views = all;
    for (size_t i = 0; nilo_compat_sets[i] != NULL; i++) {
        const struct nilo_compat_set *set = nilo_compat_sets[i];
        bool bound = false;
        if (nilo_compat_find(s, set->name, &binding, &bound, err) != 0)
            return -1;
        for (size_t k = 0; bound && k < set->n; k++)
            all[what->n_views++] = &set->relations[k];
    }
    for (size_t i = 0; i < n_published; i++)
        all[what->n_views++] = published[i];
    return 0;
}

int nilo_openapi_answer(struct nilo_exchange *x, struct nilo_err *err)
{
    size_t n;
    struct nilo_store *store;
    struct nilo_rest_mark mark;
    bool said = nilo_req_header(x, "Accept", 0, &n) != NULL;
    bool json = accepts(x, MIME_JSON) && !accepts(x, MIME_OPENAPI);
    if (said && !json && !accepts(x, MIME_OPENAPI) && !accepts(x, "*/*") && !accepts(x, "application/*"))
        return nilo_answer_error(x, 406, "PGRST107", "None of these media types are available", NULL, "this path answers " MIME_OPENAPI);
    if (nilo_rest_current(x, &store, &mark, err) != 0) /* metrics may have come since this worker looked last */
        return nilo_rest_fail(x, NULL, err);
    struct nilo_scope scope;
    struct nilo_catalog catalog;
    struct nilo_openapi what = {
        .catalog = &catalog,
        .role = nilo_rest_role(x),
        .routes = nilo_api_routes,
        .n_routes = nilo_api_routes_n,
    };
    if (nilo_rest_reach(x, store, &scope, err) != 0 || nilo_query_catalog(store, &scope, nilo_req_arena(x), &catalog, err) != 0 || find_views(x, store, &what, err) != 0)
        return nilo_rest_fail(x, NULL, err);
    nilo_answer_type(x, json ? MIME_JSON "; charset=utf-8" : MIME_OPENAPI "; charset=utf-8");
    nilo_answer_header(x, "Cache-Control", "private, max-age=300");
    nilo_answer_header(x, "Vary", "Authorization, apikey, Accept"); /* each role has a text of its own, and each workspace its metrics */
    return nilo_openapi_write(&what, nilo_answer_write, x, err);
}

int nilo_openapi_root(struct nilo_exchange *x, struct nilo_err *err)
{
    if (accepts(x, MIME_OPENAPI))
        return nilo_openapi_answer(x, err);
    return nilo_answer_error(x, 404, "PGRST125", "Invalid path specified in request URL", NULL, "the API is at /rest/v1/");
}
