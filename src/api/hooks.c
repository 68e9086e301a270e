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
#include "write/write.h"

/* What a platform sends at most; a push has what the API takes. */
static const struct {
    const char *platform, *type; /* the media type of its bodies */
    size_t body_max;
    bool subscribes; /* asks whether the address is ours, by GET */
} platforms[] = {
    {"push", "application/json", (size_t)1 << 20, false},
};
#define N_PLATFORMS (sizeof platforms / sizeof platforms[0])

struct hook {
    struct nilo_exchange *x;
    struct nilo_api *api;
    struct nilo_settings_held *held;
    const struct nilo_hook_keys *keys;
    const char *platform;
    size_t which;             /* in platforms[] */
    struct nilo_hook_shown shown;
    const struct nilo_hook_key *key;
    char batch[2 * NILO_SHA256_LEN + 8];
    struct nilo_written out;
    struct nilo_notes notes;
    bool no_workspace, which_workspace, closed;
};

#define COUNT(h, what) atomic_fetch_add(&(h)->api->hooks.what, 1)

static const char *platform_of(const struct nilo_exchange *x)
{
    return nilo_req_segment(x, nilo_rest_in_workspace(x) ? 1 : 0);
}

/* Is there one? The same answer as where there is no path. */
static bool begin(struct hook *h, struct nilo_exchange *x)
{
    *h = (struct hook){.x = x, .api = nilo_req_ctx(x), .platform = platform_of(x)};
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
    bool asks = (m == NILO_GET || m == NILO_HEAD) && platforms[h->which].subscribes;
    nilo_req_body(h->x, &n);
    if (m != NILO_POST && !asks) {
        const char *methods = platforms[h->which].subscribes ? "GET, HEAD, POST" : "POST";
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
    if (n <= platforms[h->which].body_max)
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
    size_t n, want = strlen(platforms[h->which].type);
    const char *type = nilo_req_header(h->x, "Content-Type", 0, &n);
    if (type == NULL || (n >= want && strncasecmp(type, platforms[h->which].type, want) == 0 && (n == want || type[want] == ';' || type[want] == ' ')))
        return true;
    char message[120];
    snprintf(message, sizeof message, "Content-Type not acceptable: %.*s", (int)(n < 60 ? n : 60), type);
    nilo_answer_error(h->x, 415, "PGRST102", message, NULL, platforms[h->which].type);
    return false;
}

/* What is signed names the push: the same one again is the same batch. */
static void name_batch(struct hook *h)
{
    static const char prefix[] = "hook ";
    struct nilo_sha256 sum;
    unsigned char digest[NILO_SHA256_LEN];
    nilo_sha256_init(&sum);
    nilo_sha256_add(&sum, h->shown.signature, h->shown.signature_n);
    nilo_sha256_add(&sum, h->shown.body, h->shown.body_n);
    nilo_sha256_done(&sum, digest);
    memcpy(h->batch, prefix, sizeof prefix);
    nilo_hex(digest, sizeof digest, h->batch + sizeof prefix - 1);
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
    if (find_workspace(h, s, &workspace, err) != 0)
        return -1;
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
                                 .batch = h->batch};
    return nilo_write_record(s, &w, &h->out, &h->notes, err);
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

static int take(struct hook *h, struct nilo_err *err)
{
    see(h);
    nilo_answer_header(h->x, "Cache-Control", "no-store");
    switch (nilo_hook_check(h->keys, &h->shown, h->api->env->clock.wall(h->api->env->clock.ctx), &h->key)) {
    case NILO_HOOK_BAD:
        return refuse(h, err);
    case NILO_HOOK_OLD: /* a clock that is wrong, or somebody's copy: no guess at a secret, so the address does not have to wait */
        COUNT(h, refused_time);
        nilo_admit_refuse(h->x, NILO_CREDENTIAL_BAD);
        return 0;
    case NILO_HOOK_GOOD:
        break;
    }
    if (!nilo_rest_coding(h->x) || !is_type(h)) {
        COUNT(h, refused_body);
        return 0;
    }
    name_batch(h);
    struct nilo_err why = {0};
    if (nilo_writer_do(h->api, push, h, nilo_req_deadline(h->x), &why) != 0)
        return answer_failure(h, &why);
    COUNT(h, accepted);
    nilo_answer_type(h->x, "application/json; charset=utf-8");
    return nilo_answer_write(h->x, nilo_buf_str(&h->out.body), h->out.body.len, err);
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
