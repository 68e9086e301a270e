/* See hooks.h. On the loop: is there such a hook, has the address to wait, is it too long? On a worker: the signature, then the body, whose effect the writer has
 * committed before the answer goes out. */
#include "api/hooks.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/admit.h"
#include "api/hook_keys.h"
#include "api/rest_head.h"
#include "api/settings.h"
#include "api/writer.h"
#include "base/hash.h"
#include "base/log.h"
#include "hook/hook.h"
#include "write/write.h"

/* What a platform sends at most; a push has what the API takes. */
static const struct {
    const char *platform, *type; /* the media type of its bodies */
    size_t body_max;
    bool subscribes; /* asks whether the address is ours, by GET */
} platforms[] = {
    {"push", "application/json", (size_t)1 << 20, false},
    {"instagram", "application/json", (size_t)1 << 20, true}, /* up to 1,000 changes */
    {"facebook", "application/json", (size_t)1 << 20, true},
    {"tiktok", "application/json", (size_t)64 << 10, false},
    {"tiktok_shop", "application/json", (size_t)64 << 10, false},
    {"youtube", "application/atom+xml", (size_t)256 << 10, true},
};
#define N_PLATFORMS (sizeof platforms / sizeof platforms[0])

/* What Meta has an app called for when somebody removes it: a form with a signed request. */
static const char *const requests[] = {"deauthorize", "deletion"};
#define REQUEST_TYPE "application/x-www-form-urlencoded"
#define REQUEST_MAX  ((size_t)16 << 10)

struct hook {
    struct nilo_exchange *x;
    struct nilo_api *api;
    struct nilo_settings_held *held;
    const struct nilo_hook_keys *keys;
    const char *platform;
    size_t which;             /* in platforms[] */
    const char *request;      /* NULL: a notice, or a push */
    struct nilo_hook_shown shown;
    const struct nilo_hook_key *key;
    char digest[2 * NILO_SHA256_LEN + 1]; /* of what came */
    char name[16 + 260];      /* by which what came is known: the platform, and the workspace of the key */
    struct nilo_hook_events events;
    struct nilo_hook_done done;
    struct nilo_written out;
    struct nilo_notes notes;
    bool no_workspace, which_workspace, closed;
};

#define COUNT(h, what) atomic_fetch_add(&(h)->api->hooks.what, 1)

static bool is_request(const struct hook *h)
{
    bool meta = strcmp(h->platform, "instagram") == 0 || strcmp(h->platform, "facebook") == 0;
    return meta && (strcmp(h->request, requests[0]) == 0 || strcmp(h->request, requests[1]) == 0);
}

/* Is there one? The same answer as where there is no path. */
static bool begin(struct hook *h, struct nilo_exchange *x)
{
    const int at = nilo_rest_in_workspace(x) ? 1 : 0;
    *h = (struct hook){.x = x, .api = nilo_req_ctx(x), .platform = nilo_req_segment(x, at), .request = nilo_req_segment(x, at + 1)};
    if (h->request != NULL && !is_request(h))
        h->which = N_PLATFORMS;
    while (h->which < N_PLATFORMS && strcmp(platforms[h->which].platform, h->platform) != 0)
        h->which++;
    if (h->which < N_PLATFORMS && h->api->settings != NULL) {
        h->held = nilo_settings_take(h->api->settings);
        h->keys = nilo_settings_hooks(h->held);
        if (nilo_hook_keys_have(h->keys, h->platform))
            return true;
        nilo_settings_give(h->api->settings, h->held);
    }
    nilo_answer_error(x, 404, "PGRST125", "there is nothing under this path", NULL, NULL);
    return false;
}

/* ---- on the loop ---------------------------------------------------------------------------------------------------------------------------- */

static int refuse(struct hook *h, struct nilo_err *err)
{
    (void)err;
    COUNT(h, refused_signature);
    if (h->api->gate != NULL)
        nilo_gate_hook_failed(h->api->gate, h->x);
    nilo_admit_refuse(h->x, NILO_CREDENTIAL_BAD);
    return 0;
}

static int confirm(struct hook *h, struct nilo_err *err)
{
    size_t n;
    const char *query = nilo_req_query(h->x, &n), *challenge;
    if (!nilo_hook_subscribes(h->keys, h->platform, query, n, nilo_req_arena(h->x), &challenge))
        return refuse(h, err);
    COUNT(h, confirmed);
    nilo_answer_header(h->x, "Cache-Control", "no-store");
    return nilo_answer_text(h->x, 200, "text/plain; charset=utf-8", challenge, err);
}

static int look(struct hook *h, struct nilo_err *err)
{
    size_t n;
    enum nilo_method m = nilo_req_method(h->x);
    bool may_ask = platforms[h->which].subscribes && h->request == NULL, asks = (m == NILO_GET || m == NILO_HEAD) && may_ask;
    nilo_req_body(h->x, &n);
    if (m != NILO_POST && !asks) {
        const char *methods = may_ask ? "GET, HEAD, POST" : "POST";
        nilo_answer_error(h->x, 405, "PGRST117", "this path does not take the method", methods, "use one of the methods in details");
        nilo_answer_header(h->x, "Allow", "%s, OPTIONS", methods);
        return 0;
    }
    if (h->api->gate != NULL && nilo_gate_hook(h->api->gate, h->x) != 0) {
        COUNT(h, refused_wait);
        return 0;
    }
    if (asks)
        return confirm(h, err);
    if (n <= (h->request != NULL ? REQUEST_MAX : platforms[h->which].body_max))
        return NILO_LATER;
    COUNT(h, refused_size);
    return nilo_answer_error(h->x, 413, "54000", nilo_http_reason_text(NILO_HTTP_BODY_LONG), NULL, NULL);
}

int nilo_hook_instant(struct nilo_exchange *x, struct nilo_err *err)
{
    struct hook h;
    if (!begin(&h, x))
        return 0;
    int rc = look(&h, err);
    nilo_settings_give(h.api->settings, h.held);
    return rc;
}

/* ---- on a worker ------------------------------------------------------------------------------------------------------------------------------ */

static void see(struct hook *h)
{
    size_t n;
    const char *header = nilo_hook_header(h->platform);
    h->shown = (struct nilo_hook_shown){.platform = h->platform, .workspace = nilo_rest_in_workspace(h->x) ? nilo_req_segment(h->x, 0) : NULL};
    h->shown.signature = nilo_req_header(h->x, header, 0, &h->shown.signature_n);
    if (nilo_req_header(h->x, header, 1, &n) != NULL)
        h->shown.signature = NULL;
    h->shown.body = nilo_req_body(h->x, &h->shown.body_n);
}

/* The media type without its parameters; a body that says nothing of itself is taken for what it has to be. */
static bool is_type(struct hook *h)
{
    const char *wanted = h->request != NULL ? REQUEST_TYPE : platforms[h->which].type;
    size_t n, want = strlen(wanted);
    const char *type = nilo_req_header(h->x, "Content-Type", 0, &n);
    if (type == NULL || (n >= want && strncasecmp(type, wanted, want) == 0 && (n == want || type[want] == ';' || type[want] == ' ')))
        return true;
    char message[120];
    snprintf(message, sizeof message, "Content-Type not acceptable: %.*s", (int)(n < 60 ? n : 60), type);
    nilo_answer_error(h->x, 415, "PGRST102", message, NULL, wanted);
    return false;
}

/* A push is named by what is signed, the instant too: the same one again is the same batch. A notice by what it says: who sends it again may sign it anew. Of the path nothing
 * goes in, as that is not signed. */
static void name_it(struct hook *h, bool push)
{
    struct nilo_sha256 sum;
    unsigned char digest[NILO_SHA256_LEN];
    const char *workspace = h->key->workspace;
    nilo_sha256_init(&sum);
    if (push)
        nilo_sha256_add(&sum, h->shown.signature, h->shown.signature_n);
    nilo_sha256_add(&sum, h->shown.body, h->shown.body_n);
    nilo_sha256_done(&sum, digest);
    nilo_hex(digest, sizeof digest, h->digest);
    snprintf(h->name, sizeof h->name, "%s%s%.250s", h->platform, workspace != NULL ? " " : "", workspace != NULL ? workspace : "");
}

/* Of the path, else of the key, else the store's only one. 0; -1 with err, or one of the three flags where that is the answer. */
static int find_workspace(struct hook *h, struct nilo_store *s, struct nilo_workspace *ret, struct nilo_err *err)
{
    const char *name = h->shown.workspace != NULL ? h->shown.workspace : h->key->workspace;
    struct nilo_workspace *all;
    size_t n, at = 0;
    if (nilo_store_workspaces(s, &all, &n, err) != 0)
        return -1;
    while (name != NULL && at < n && strcmp(all[at].name, name) != 0)
        at++;
    h->no_workspace = name != NULL && at == n;
    h->which_workspace = name == NULL && n != 1;
    if (!h->no_workspace && !h->which_workspace)
        *ret = all[at];
    free(all);
    if (!h->no_workspace && !h->which_workspace && nilo_store_access_closed(s, ret->id, &h->closed, err) != 0)
        return -1;
    return h->no_workspace || h->which_workspace || h->closed ? nilo_err_set(err, NILO_EINVAL, "there is no such workspace") : 0;
}

static int push(struct nilo_store *s, void *ctx, struct nilo_err *err)
{
    struct hook *h = ctx;
    struct nilo_workspace workspace;
    char batch[sizeof h->digest + 8];
    if (find_workspace(h, s, &workspace, err) != 0)
        return -1;
    snprintf(batch, sizeof batch, "hook %s", h->digest);
    const struct nilo_write w = {.verb = NILO_WRITE_POST,
                                 .relation = "record",
                                 .query = "",
                                 .body = h->shown.body,
                                 .body_len = h->shown.body_n,
                                 .scope = {.role = NILO_ROLE_SERVICE, .workspaces = &workspace.id, .n = 1},
                                 .workspace = workspace.id,
                                 .workspace_name = workspace.name,
                                 .among = true,
                                 .author = "hook",
                                 .batch = batch};
    return nilo_write_record(s, &w, &h->out, &h->notes, err);
}

static int notice(struct nilo_store *s, void *ctx, struct nilo_err *err)
{
    struct hook *h = ctx;
    const struct nilo_hook_notice n = {.hook = h->name,
                                       .digest = h->digest,
                                       .workspace = h->shown.workspace != NULL ? h->shown.workspace : h->key->workspace,
                                       .config = nilo_settings_config(h->held),
                                       .events = &h->events};
    return nilo_hook_apply(s, &n, &h->done, err);
}

static int answer_failure(struct hook *h, const struct nilo_err *err)
{
    int status = nilo_code_http(err->code);
    if (status < 500)
        COUNT(h, refused_body);
    else
        COUNT(h, failed);
    if (h->closed) { /* nobody is let in */
        nilo_admit_refuse(h->x, NILO_CREDENTIAL_BAD);
        return 0;
    }
    if (h->no_workspace)
        return nilo_answer_error(h->x, 404, "PGRST125", "there is no such workspace", NULL, NULL);
    if (h->which_workspace)
        return nilo_answer_error(h->x, 400, "22023", "which workspace is meant? The request names none, and there is not just one", NULL,
                                 "name it in the entry under hooks, or send to /w/WORKSPACE/hooks/push");
    return nilo_rest_fail(h->x, &h->notes, err);
}

static void count_events(const struct hook *h)
{
    atomic_fetch_add(&h->api->hooks.repeated, h->done.repeated);
    atomic_fetch_add(&h->api->hooks.events, h->done.taken);
    atomic_fetch_add(&h->api->hooks.events_foreign, h->done.foreign);
    atomic_fetch_add(&h->api->hooks.events_nothing, h->done.nothing);
    atomic_fetch_add(&h->api->hooks.events_unknown, h->done.unknown);
    atomic_fetch_add(&h->api->hooks.events_old, h->done.old);
}

/* Who asks for their data to be deleted is given a page and a code; what is deleted then a person decides (nilometer erase), who finds the code in the log. */
static int answer_deletion(struct hook *h, struct nilo_err *err)
{
    char text[1200];
    h->digest[20] = '\0';
    nilo_log(NILO_LOG_WARNING, "somebody asks for the deletion of their data", {"hook", h->name}, {"confirmation_code", h->digest});
    snprintf(text, sizeof text, "{\"url\":\"%s\",\"confirmation_code\":\"%s\"}\n", h->key->status_page, h->digest);
    return nilo_answer_text(h->x, 200, "application/json; charset=utf-8", text, err);
}

static int take_notice(struct hook *h, const char *body, size_t n, struct nilo_err *err)
{
    struct nilo_err why = {0};
    name_it(h, false);
    if (h->request != NULL && strcmp(h->request, requests[1]) == 0 && h->key->status_page == NULL)
        return nilo_answer_error(h->x, 404, "PGRST125", "there is nothing under this path", NULL, "a status_page has to be configured beside the secret");
    if (nilo_hook_read(h->platform, h->request, h->key->app_id, body, n, nilo_req_arena(h->x), &h->events, &why) != 0 ||
        nilo_writer_do(h->api, notice, h, nilo_req_deadline(h->x), &why) != 0)
        return answer_failure(h, &why);
    COUNT(h, accepted);
    count_events(h);
    return h->request != NULL && strcmp(h->request, requests[1]) == 0 ? answer_deletion(h, err) : 0;
}

static int take_push(struct hook *h, struct nilo_err *err)
{
    struct nilo_err why = {0};
    name_it(h, true);
    if (nilo_writer_do(h->api, push, h, nilo_req_deadline(h->x), &why) != 0)
        return answer_failure(h, &why);
    COUNT(h, accepted);
    nilo_answer_type(h->x, "application/json; charset=utf-8");
    return nilo_answer_write(h->x, nilo_buf_str(&h->out.body), h->out.body.len, err);
}

static int take(struct hook *h, struct nilo_err *err)
{
    enum nilo_hook_verdict verdict;
    see(h);
    const char *body = h->shown.body;
    size_t n = h->shown.body_n;
    if (h->request != NULL)
        verdict = nilo_hook_check_request(h->keys, &h->shown, nilo_req_arena(h->x), &body, &n, &h->key);
    else
        verdict = nilo_hook_check(h->keys, &h->shown, h->api->env->clock.wall(h->api->env->clock.ctx), &h->key);
    if (verdict == NILO_HOOK_BAD)
        return refuse(h, err);
    if (verdict == NILO_HOOK_OLD) { /* a clock that is wrong, or somebody's copy: no guess at a secret, so the address does not have to wait */
        COUNT(h, refused_time);
        nilo_admit_refuse(h->x, NILO_CREDENTIAL_BAD);
        return 0;
    }
    nilo_answer_header(h->x, "Cache-Control", "no-store");
    if (!nilo_rest_coding(h->x) || !is_type(h)) {
        COUNT(h, refused_body);
        return 0;
    }
    return strcmp(h->platform, "push") == 0 ? take_push(h, err) : take_notice(h, body, n, err);
}

int nilo_hook_handler(struct nilo_exchange *x, struct nilo_err *err)
{
    struct hook h;
    if (!begin(&h, x)) /* a reload took it away meanwhile */
        return 0;
    nilo_written_init(&h.out);
    int rc = take(&h, err);
    nilo_written_done(&h.out);
    nilo_settings_give(h.api->settings, h.held);
    return rc;
}
