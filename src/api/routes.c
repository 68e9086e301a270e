/* The table of routes of the daemon, and the first of them: is the process there, does the store answer, the server's own counters.
 * A route is one row; who may call it is the third word and cannot be left out. */
#include "api/api.h"
#include "api/hooks.h"
#include "api/jobs.h"
#include "api/own_metrics.h"
#include "api/admit.h"
#include "api/events.h"
#include "api/cors.h"

#include <stdlib.h>

#include "api/rest_cache.h"
#include "api/rest_read.h"
#include "api/rest_write.h"
#include "api/openapi.h"
#include "base/buf.h"

static int healthz(struct nilo_exchange *x, struct nilo_err *err)
{
    nilo_answer_header(x, "Cache-Control", "no-store");
    return nilo_answer_text(x, 200, "application/json; charset=utf-8", "{\"status\":\"ok\"}\n", err);
}

static int readyz(struct nilo_exchange *x, struct nilo_err *err)
{
    struct nilo_store *store;
    struct nilo_rest_mark mark;
    struct nilo_workspace *all = NULL;
    size_t n = 0;
    int rc = nilo_rest_current(x, &store, &mark, err);
    if (rc == 0)
        rc = nilo_store_workspaces(store, &all, &n, err);
    free(all);
    if (rc != 0) {
        nilo_req_worker_broken(x);
        nilo_answer_error(x, 503, nilo_code_sqlstate(err->code), "the store does not answer", err->msg, NULL);
        nilo_answer_header(x, "Retry-After", "1");
        return 0;
    }
    nilo_answer_header(x, "Cache-Control", "no-store");
    return nilo_answer_text(x, 200, "application/json; charset=utf-8", "{\"status\":\"ready\"}\n", err);
}

const struct nilo_route nilo_api_routes[] = {
    /* what is asked most */
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/rest/v1/{relation}", ANON, .instant = nilo_rest_instant, .handler = nilo_rest_read),
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/w/{workspace}/rest/v1/{relation}", ANON, .instant = nilo_rest_instant, .handler = nilo_rest_read),
    /* the server itself */
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/healthz", EVERYONE, .instant = healthz),
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/readyz", EVERYONE, .handler = readyz, .deadline_us = 10 * NILO_US_SECOND),
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/metrics", SERVICE, .handler = nilo_own_metrics),
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/", ANON, .handler = nilo_openapi_root),
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/rest/v1", ANON, .handler = nilo_openapi_answer),
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/rest/v1/", ANON, .handler = nilo_openapi_answer),
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/w/{workspace}/rest/v1", ANON, .handler = nilo_openapi_answer),
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/w/{workspace}/rest/v1/", ANON, .handler = nilo_openapi_answer),
    /* what writes for a while */
#define JOB(name, fn)                                                                                                                      \
    NILO_ROUTE(NILO_POST, "/rest/v1/rpc/" name, ADMIN, .handler = fn, .deadline_us = NILO_JOB_DEADLINE),                                    \
        NILO_ROUTE(NILO_POST, "/w/{workspace}/rest/v1/rpc/" name, ADMIN, .handler = fn, .deadline_us = NILO_JOB_DEADLINE),                  \
        NILO_ROUTE(NILO_GET | NILO_HEAD, "/rest/v1/rpc/" name, ANON, .instant = nilo_job_by_get),                                           \
        NILO_ROUTE(NILO_GET | NILO_HEAD, "/w/{workspace}/rest/v1/rpc/" name, ANON, .instant = nilo_job_by_get)
    JOB("collect_daily_metrics", nilo_job_collect),
    JOB("backfill_daily_metrics", nilo_job_backfill),
    JOB("refresh_metrics", nilo_job_refresh),
#undef JOB
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/events", AUTHENTICATED, .handler = nilo_events_answer, .deadline_us = NILO_NO_DEADLINE),
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/w/{workspace}/events", AUTHENTICATED, .handler = nilo_events_answer, .deadline_us = NILO_NO_DEADLINE),
    NILO_ROUTE(NILO_POST, "/commands", SERVICE, .handler = nilo_job_command, .deadline_us = NILO_NO_DEADLINE),
    NILO_ROUTE(NILO_GET | NILO_POST, "/cron/metrics-refresh", EVERYONE, .handler = nilo_job_cron, .deadline_us = NILO_JOB_DEADLINE),
    NILO_ROUTE(NILO_GET | NILO_POST, "/api/cron/studio/metrics-refresh", EVERYONE, .handler = nilo_job_cron, .deadline_us = NILO_JOB_DEADLINE),
    NILO_ROUTE(NILO_HOOK_METHODS, "/hooks/{hook}", EVERYONE, .instant = nilo_hook_instant, .handler = nilo_hook_handler),
    NILO_ROUTE(NILO_HOOK_METHODS, "/w/{workspace}/hooks/{hook}", EVERYONE, .instant = nilo_hook_instant, .handler = nilo_hook_handler),
    NILO_ROUTE(NILO_HOOK_METHODS, "/hooks/{hook}/{request}", EVERYONE, .instant = nilo_hook_instant, .handler = nilo_hook_handler),
    NILO_ROUTE(NILO_HOOK_METHODS, "/w/{workspace}/hooks/{hook}/{request}", EVERYONE, .instant = nilo_hook_instant, .handler = nilo_hook_handler),
    /* functions and writes */
    NILO_ROUTE(NILO_POST, "/rest/v1/rpc/record", ANON, .handler = nilo_rest_record),
    NILO_ROUTE(NILO_POST, "/w/{workspace}/rest/v1/rpc/record", ANON, .handler = nilo_rest_record),
    NILO_ROUTE(NILO_GET | NILO_HEAD | NILO_POST, "/rest/v1/rpc/{function}", ANON, .instant = nilo_rest_instant, .handler = nilo_rest_call),
    NILO_ROUTE(NILO_GET | NILO_HEAD | NILO_POST, "/w/{workspace}/rest/v1/rpc/{function}", ANON, .instant = nilo_rest_instant, .handler = nilo_rest_call),
    NILO_ROUTE(NILO_PUT | NILO_PATCH | NILO_DELETE, "/rest/v1/rpc/{function}", ANON, .instant = nilo_rest_call_wrong),
    NILO_ROUTE(NILO_PUT | NILO_PATCH | NILO_DELETE, "/w/{workspace}/rest/v1/rpc/{function}", ANON, .instant = nilo_rest_call_wrong),
    NILO_ROUTE(NILO_POST | NILO_PATCH | NILO_DELETE, "/rest/v1/{relation}", ANON, .handler = nilo_rest_write),
    NILO_ROUTE(NILO_POST | NILO_PATCH | NILO_DELETE, "/w/{workspace}/rest/v1/{relation}", ANON, .handler = nilo_rest_write),
};
const size_t nilo_api_routes_n = sizeof(nilo_api_routes) / sizeof(nilo_api_routes[0]);

/* ---- hooks ------------------------------------------------------------------------------------------------------------------------------ */

int nilo_api_open(const struct nilo_api *api, struct nilo_store **ret, struct nilo_err *err)
{
    struct nilo_store *s;
    if (api->open(api->open_ctx, &s, err) != 0)
        return -1;
    if (nilo_store_wall(s, NULL, err) != 0) {
        nilo_store_close(s);
        return -1;
    }
    *ret = s;
    return 0;
}

static int worker_new(void *ctx, int worker, void **ret, struct nilo_err *err)
{
    (void)worker;
    struct nilo_api *api = ctx;
    struct nilo_api_worker *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return nilo_err_nomem(err);
    w->lost = nilo_rest_cache_lost(api);
    if (nilo_api_open(api, &w->store, err) != 0) {
        free(w);
        return -1;
    }
    *ret = w;
    return 0;
}

static void worker_free(void *ctx, void *worker)
{
    (void)ctx;
    struct nilo_api_worker *w = worker;
    nilo_store_close(w->store);
    free(w);
}

/* Without a gate: whoever can open the Unix socket (0600) is the one who runs the server; nobody else is anybody. */
static int admit(void *ctx, struct nilo_exchange *x, struct nilo_err *err)
{
    static const struct nilo_credential_rules nobody;
    const struct nilo_api *api = ctx;
    (void)err;
    if (api->gate == NULL)
        return nilo_admit(x, &nobody, 0);
    return nilo_gate_admit(api->gate, x);
}

static int authorize(void *ctx, struct nilo_exchange *x, struct nilo_err *err)
{
    const struct nilo_api *api = ctx;
    (void)err;
    return api->gate != NULL ? nilo_gate_authorize(api->gate, x) : 0;
}

static void decorate(void *ctx, struct nilo_exchange *x)
{
    (void)ctx;
    nilo_cors(x);
    nilo_gate_decorate(x);
}

struct nilo_server_hooks nilo_api_hooks(struct nilo_api *api)
{
    return (struct nilo_server_hooks){.ctx = api, .worker_new = worker_new, .worker_free = worker_free, .admit = admit, .authorize = authorize,
                                      .decorate = decorate};
}

struct nilo_api_worker *nilo_api_worker(struct nilo_exchange *x, struct nilo_err *err)
{
    struct nilo_api_worker *w = nilo_req_worker(x);
    if (w == NULL)
        nilo_err_set(err, NILO_EBUSY, "the store cannot be opened at present; try again");
    return w;
}
