/* See jobs.h. A request reads its arguments, joins the task that does just that or makes one, and waits without a worker until it is over. What
 * the tasks run is what the commands run. */
#include "api/jobs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/admit.h"
#include "api/rest_cache.h"
#include "api/rest.h"
#include "api/settings.h"
#include "api/task.h"
#include "base/json.h"
#include "collect/refresh.h"

#define NAME_MOST 200
#define JSON "application/json; charset=utf-8"
#define JSON_OBJECT "application/vnd.pgrst.object+json; charset=utf-8"

enum kind { COLLECT, BACKFILL, REFRESH };

struct job {
    struct nilo_api *api;
    enum kind kind;
    char workspace[NAME_MOST + 56]; /* "": all of them */
    nilo_day from, to;              /* collect: `to` alone */
    /* what came of it */
    int rc;
    struct nilo_err err;
    struct nilo_buf answer;
};

static void job_free(void *ctx)
{
    struct job *j = ctx;
    nilo_buf_done(&j->answer);
    free(j);
}

/* ---- the work -------------------------------------------------------------------------------------------------------------------------- */

static void put_int(struct nilo_json_out *o, const char *key, int64_t n)
{
    nilo_json_key(o, key);
    nilo_json_int(o, n);
}

static int collect(struct job *j, struct nilo_store *s, const struct nilo_config *c, struct nilo_json_out *o)
{
    struct nilo_collect_options options = {.workspace = j->workspace[0] != '\0' ? j->workspace : NULL, .day = j->to, .stop = nilo_tasks_quits,
                                           .stop_ctx = j->api->tasks};
    struct nilo_collect_result r;
    if (nilo_collect(s, c, &options, &r, &j->err) != 0)
        return -1;
    nilo_json_object_begin(o);
    put_int(o, "metrics_collected", r.metrics_collected);
    put_int(o, "execution_time_ms", r.execution_time_ms);
    nilo_json_key(o, "status");
    nilo_json_str(o, r.status);
    nilo_json_object_end(o);
    return 0;
}

static int backfill(struct job *j, struct nilo_store *s, const struct nilo_config *c, struct nilo_json_out *o)
{
    struct nilo_backfill_options options = {.workspace = j->workspace[0] != '\0' ? j->workspace : NULL, .from = j->from, .to = j->to};
    struct nilo_backfill_result r;
    if (nilo_backfill(s, c, &options, &r, &j->err) != 0)
        return -1;
    nilo_json_object_begin(o);
    put_int(o, "dates_processed", r.dates_processed);
    put_int(o, "total_metrics", r.total_metrics);
    put_int(o, "execution_time_ms", r.execution_time_ms);
    nilo_json_object_end(o);
    return 0;
}

/* Connections of platforms: every item, now. */
static int refresh(struct job *j, struct nilo_store *s, const struct nilo_config *c)
{
    const struct nilo_refresh_options options = {.workspace = j->workspace[0] != '\0' ? j->workspace : NULL, .stop = nilo_tasks_quits, .stop_ctx = j->api->tasks};
    struct nilo_refreshed r;
    return nilo_refresh(s, c, &options, &j->answer, &r, &j->err);
}

static int work(struct job *j, struct nilo_store *s, const struct nilo_config *c)
{
    struct nilo_json_out o;
    nilo_json_out_init(&o, &j->answer);
    int rc = j->kind == COLLECT ? collect(j, s, c, &o) : j->kind == BACKFILL ? backfill(j, s, c, &o) : refresh(j, s, c);
    nilo_buf_addc(&j->answer, '\n');
    return rc == 0 && j->answer.failed ? nilo_err_nomem(&j->err) : rc;
}

static void run(void *ctx)
{
    struct job *j = ctx;
    struct nilo_store *s = NULL;
    struct nilo_settings_held *held = nilo_settings_take(j->api->settings);
    j->rc = nilo_store_open_beside(j->api->share, NILO_STORE_WRITE, &s, &j->err);
    if (j->rc == 0)
        j->rc = work(j, s, nilo_settings_config(held));
    nilo_store_close(s);
    nilo_settings_give(j->api->settings, held);
}

/* ---- arguments --------------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *first, *second; /* first is the day or name; a day range has both */
} functions[] = {
    [COLLECT] = {"collect_daily_metrics", "target_date", NULL},
    [BACKFILL] = {"backfill_daily_metrics", "start_date", "end_date"},
    [REFRESH] = {"refresh_metrics", "workspace_id", NULL},
};

static int unknown(const struct job *j, const char *name, size_t n, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_EFUNCTION, "Could not find the function public.%s(%.*s) in the schema cache", functions[j->kind].name,
                        (int)(n < 100 ? n : 100), name);
}

static bool is(const char *text, size_t n, const char *word)
{
    return word != NULL && strlen(word) == n && memcmp(text, word, n) == 0;
}

static int take_value(struct job *j, bool second, enum nilo_json_event event, const char *text, size_t n, struct nilo_err *err)
{
    if (event == NILO_JSON_NULL)
        return 0;
    if (event != NILO_JSON_STRING)
        return nilo_err_set(err, NILO_EDATE, "%s has to be a text", second ? functions[j->kind].second : functions[j->kind].first);
    if (j->kind == REFRESH) {
        if (n == 0 || n > NAME_MOST)
            return nilo_err_set(err, NILO_EINVAL, "workspace_id is the name of a workspace, of 1 to %d bytes", NAME_MOST);
        snprintf(j->workspace, sizeof(j->workspace), "%.*s", (int)n, text);
        return 0;
    }
    if (nilo_day_parse(text, n, second || j->kind == COLLECT ? &j->to : &j->from, err) == 0)
        return 0;
    /* the words of PostgreSQL */
    return err->code == NILO_EDATERANGE ? nilo_err_set(err, NILO_EDATERANGE, "date/time field value out of range: \"%.*s\"", (int)(n < 100 ? n : 100), text)
                                        : nilo_err_set(err, NILO_EDATE, "invalid input syntax for type date: \"%.*s\"", (int)(n < 100 ? n : 100), text);
}

static int take_member(struct job *j, struct nilo_json *body, const char *name, size_t n, struct nilo_err *err)
{
    enum nilo_json_event event;
    const char *text;
    size_t len;
    bool first = is(name, n, functions[j->kind].first), second = is(name, n, functions[j->kind].second);
    if (!first && !second)
        return unknown(j, name, n, err);
    return nilo_json_next(body, &event, &text, &len, err) != 0 ? -1 : take_value(j, second, event, text, len, err);
}

static int take_body(struct job *j, const char *p, size_t n, struct nilo_err *err)
{
    struct nilo_json *body;
    enum nilo_json_event event;
    const char *text;
    size_t len;
    if (n == 0)
        return 0;
    if (nilo_json_new(p, n, NILO_JSON_DEFAULT_LIMITS, &body, err) != 0)
        return -1;
    int rc = nilo_json_next(body, &event, &text, &len, err);
    if (rc == 0 && event != NILO_JSON_OBJECT_BEGIN)
        rc = nilo_err_set(err, NILO_EBODY, "Empty or invalid json");
    while (rc == 0 && (rc = nilo_json_next(body, &event, &text, &len, err)) == 0 && event == NILO_JSON_KEY)
        rc = take_member(j, body, text, len, err);
    if (rc == 0) /* nothing behind it */
        rc = nilo_json_next(body, &event, &text, &len, err);
    if (rc != 0 && err->code == NILO_EBODY)
        nilo_err_set(err, NILO_EBODY, "Empty or invalid json");
    nilo_json_free(body);
    return rc;
}

static int check(struct job *j, struct nilo_err *err)
{
    if (j->kind == BACKFILL && (nilo_day_is_none(j->from) || nilo_day_is_none(j->to)))
        return nilo_err_set(err, NILO_EFUNCTION, "Could not find the function public.backfill_daily_metrics without both start_date and end_date in the schema cache");
    if (j->kind == BACKFILL && j->from.n > j->to.n)
        return nilo_err_set(err, NILO_EDATERANGE, "start_date is after end_date; exchange them");
    return 0;
}

/* The workspaces that the caller may have collected. 0; 1: answered; -1 */
static int take_scope(struct job *j, struct nilo_exchange *x, struct nilo_err *err)
{
    const struct nilo_principal *p = nilo_req_principal(x);
    struct nilo_store *store;
    struct nilo_rest_mark mark;
    struct nilo_rest_scope scope;
    if (nilo_rest_current(x, &store, &mark, err) != 0)
        return -1;
    if (nilo_rest_role(x) == NILO_ROLE_SERVICE && !nilo_rest_in_workspace(x) && (p == NULL || !p->workspaces_said))
        return 0;
    int rc = nilo_rest_scope(x, store, &scope, err);
    if (rc != 0)
        return rc;
    if (j->workspace[0] != '\0' && strcmp(j->workspace, scope.workspace.name) != 0) {
        nilo_answer_error(x, 404, "PGRST125", "there is no such workspace", NULL, NULL);
        return 1;
    }
    snprintf(j->workspace, sizeof(j->workspace), "%s", scope.workspace.name);
    return 0;
}

/* ---- waiting and answering ------------------------------------------------------------------------------------------------------------------ */

static void give_back(void *task)
{
    nilo_task_unref(task);
}

static bool object_wanted(const struct nilo_exchange *x)
{
    size_t n;
    const char *accept = nilo_req_header(x, "Accept", 0, &n);
    return accept != NULL && memmem(accept, n, "vnd.pgrst.object", strlen("vnd.pgrst.object")) != NULL;
}

static int answer(struct nilo_exchange *x, struct nilo_task *t, struct nilo_err *err)
{
    const struct job *j = nilo_task_ctx(t);
    if (!nilo_task_ran(t)) {
        nilo_err_set(err, NILO_EBUSY, "the server ends; nothing was begun, try again");
        return nilo_rest_fail(x, NULL, err);
    }
    if (j->rc != 0) {
        struct nilo_err said = j->err;
        if (said.code == NILO_ECONFIG) /* no connection to collect from: nothing is broken, and trying again does not help */
            said.code = NILO_EINVAL;
        return nilo_rest_fail(x, NULL, &said);
    }
    nilo_answer_header(x, "Cache-Control", "no-store");
    return nilo_answer_text(x, 200, object_wanted(x) ? JSON_OBJECT : JSON, nilo_buf_str(&j->answer), err);
}

static int begin(struct nilo_exchange *x, struct job *j, struct nilo_err *err)
{
    char key[NAME_MOST + 160];
    struct nilo_task *t;
    snprintf(key, sizeof(key), "%d %" PRId32 " %" PRId32 " %s", (int)j->kind, j->from.n, j->to.n, j->workspace);
    if (nilo_task_join(j->api->tasks, NILO_LANE_LONG, key, run, j, job_free, &t, err) != 0)
        return nilo_rest_fail(x, NULL, err);
    nilo_req_state_set(x, t, give_back);
    int rc = nilo_task_wait(t, x);
    return rc == 0 ? answer(x, t, err) : rc < 0 ? nilo_err_nomem(err) : rc;
}

static struct job *job_new(struct nilo_exchange *x, enum kind kind)
{
    struct job *j = calloc(1, sizeof(*j));
    if (j == NULL)
        return NULL;
    *j = (struct job){.api = nilo_req_ctx(x), .kind = kind, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE};
    nilo_buf_init(&j->answer, (size_t)128 << 20); /* a line a connection, of a refresh */
    return j;
}

static int refuse(struct nilo_exchange *x, struct job *j, int rc, const struct nilo_err *err)
{
    job_free(j);
    return rc > 0 ? 0 : nilo_rest_fail(x, NULL, err);
}

static int handle(struct nilo_exchange *x, enum kind kind, struct nilo_err *err)
{
    size_t n;
    const char *body = nilo_req_body(x, &n);
    if (nilo_req_state(x) != NULL)
        return answer(x, nilo_req_state(x), err);
    struct job *j = job_new(x, kind);
    if (j == NULL)
        return nilo_err_nomem(err);
    if (j->api->tasks == NULL || j->api->share == NULL || j->api->settings == NULL) {
        job_free(j);
        return nilo_err_set(err, NILO_EPERM, "this server writes nothing");
    }
    int rc = take_body(j, body, n, err);
    if (rc == 0)
        rc = check(j, err);
    if (rc == 0)
        rc = take_scope(j, x, err);
    return rc == 0 ? begin(x, j, err) : refuse(x, j, rc, err);
}

int nilo_job_collect(struct nilo_exchange *x, struct nilo_err *err)
{
    return handle(x, COLLECT, err);
}

int nilo_job_backfill(struct nilo_exchange *x, struct nilo_err *err)
{
    return handle(x, BACKFILL, err);
}

int nilo_job_refresh(struct nilo_exchange *x, struct nilo_err *err)
{
    return handle(x, REFRESH, err);
}

int nilo_job_by_get(struct nilo_exchange *x, struct nilo_err *err)
{
    (void)err;
    nilo_answer_error(x, 405, "25006", "cannot execute this function in a read-only transaction", NULL, "it writes: use POST");
    nilo_answer_header(x, "Allow", "POST, OPTIONS");
    return 0;
}

/* ---- cron ------------------------------------------------------------------------------------------------------------------------------------ */

static bool allowed(struct nilo_exchange *x, struct nilo_api *api)
{
    struct nilo_credential_shown shown = {0};
    size_t n;
    bool in_query = false;
    shown.authorization = nilo_req_header(x, "Authorization", 0, &shown.authorization_n);
    while (nilo_req_header(x, "Authorization", shown.authorizations, &n) != NULL)
        shown.authorizations++;
    shown.query = nilo_req_query(x, &shown.query_n);
    if (api->settings == NULL)
        return false;
    struct nilo_settings_held *held = nilo_settings_take(api->settings);
    const char *secret = nilo_settings_cron(held, &in_query);
    bool fine = nilo_cron_allows(&shown, secret, in_query);
    nilo_settings_give(api->settings, held);
    return fine;
}

static int from_hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* ?workspace_id=NAME, decoded. */
static int take_query(struct job *j, const char *query, size_t n, struct nilo_err *err)
{
    static const char name[] = "workspace_id=";
    size_t at = 0, len = 0;
    while (at < n && (n - at < sizeof(name) - 1 || memcmp(query + at, name, sizeof(name) - 1) != 0)) {
        const char *next = memchr(query + at, '&', n - at);
        at = next != NULL ? (size_t)(next - query) + 1 : n;
    }
    for (at += sizeof(name) - 1; at < n && query[at] != '&'; at++) {
        int high = query[at] == '%' && at + 2 < n ? from_hex(query[at + 1]) : -1, low = high >= 0 ? from_hex(query[at + 2]) : -1;
        char c = low >= 0 ? (char)(high * 16 + low) : query[at] == '+' ? ' ' : query[at];
        if (c == '\0' || len >= NAME_MOST)
            return nilo_err_set(err, NILO_EINVAL, "workspace_id is the name of a workspace, of 1 to %d bytes", NAME_MOST);
        j->workspace[len++] = c;
        at += low >= 0 ? 2 : 0;
    }
    return 0;
}

int nilo_job_cron(struct nilo_exchange *x, struct nilo_err *err)
{
    size_t n;
    const char *query = nilo_req_query(x, &n);
    if (nilo_req_state(x) != NULL)
        return answer(x, nilo_req_state(x), err);
    struct nilo_api *api = nilo_req_ctx(x);
    if (api->gate != NULL && nilo_gate_cron(api->gate, x) != 0) /* which also makes whoever guesses wait */
        return 0;
    if (api->gate == NULL && !allowed(x, api)) {
        nilo_answer_error(x, nilo_credential_status(NILO_CREDENTIAL_BAD), nilo_credential_code(NILO_CREDENTIAL_BAD),
                          nilo_credential_message(NILO_CREDENTIAL_BAD), NULL, NULL);
        nilo_answer_header(x, "WWW-Authenticate", "Bearer");
        nilo_answer_header(x, "Cache-Control", "no-store");
        return 0;
    }
    struct job *j = job_new(x, REFRESH);
    if (j == NULL)
        return nilo_err_nomem(err);
    int rc = take_query(j, query, n, err);
    return rc == 0 ? begin(x, j, err) : refuse(x, j, rc, err);
}

/* ---- commands -------------------------------------------------------------------------------------------------------------------------------- */

int nilo_job_command(struct nilo_exchange *x, struct nilo_err *err)
{
    struct nilo_api *api = nilo_req_ctx(x);
    if (nilo_req_unix(x) && api->command != NULL)
        return api->command(api->command_ctx, x, err);
    /* it reads and writes files with the rights of the server */
    nilo_answer_error(x, 403, "42501", "permission denied: commands are taken over the Unix socket of the server alone", NULL, NULL);
    return 0;
}
