/* Writing over HTTP: headers to a struct nilo_write, which the one writer carries out (write/), and what came of it to headers again. */
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "api/publish.h"
#include "api/admit.h"
#include "api/rest_cache.h"
#include "api/rest_head.h"
#include "api/rest_write.h"
#include "api/writer.h"
#include "base/log.h"
#include "write/write.h"

#define NAME_MOST 255 /* bytes of a workspace's name */

struct writing {
    struct nilo_exchange *x;
    struct nilo_rest_scope scope;
    struct nilo_rest_accept accept;
    struct nilo_rest_prefer prefer;
    struct nilo_write write;
    struct nilo_written out;
    struct nilo_notes notes;
};

/* ---- the request ---------------------------------------------------------------------------------------------------------------------------- */

/* A body is JSON whether it says so or not (curl -d says it is a form); what says that it is another table of rows is believed. */
static bool json_body(struct nilo_exchange *x)
{
    static const char *const others[] = {"text/csv", "text/xml", "application/xml", "application/x-ndjson", "application/octet-stream",
                                         "multipart/form-data", "application/x-www-form-urlencoded"};
    size_t n, body_n;
    const char *type = nilo_req_header(x, "Content-Type", 0, &n);
    const char *body = nilo_req_body(x, &body_n);
    for (size_t i = 0; type != NULL && body_n > 0 && i < sizeof(others) / sizeof(others[0]); i++) {
        size_t len = strlen(others[i]);
        if (n < len || strncasecmp(type, others[i], len) != 0)
            continue;
        bool form = i == sizeof(others) / sizeof(others[0]) - 1;
        if (form && (body[0] == '{' || body[0] == '['))
            return true;
        char message[120];
        snprintf(message, sizeof(message), "Content-Type not acceptable: %s", others[i]);
        nilo_answer_error(x, 400, "PGRST102", message, "bodies are JSON", NULL);
        return false;
    }
    return true;
}

static struct nilo_write_prefer preferred(const struct nilo_rest_prefer *p)
{
    return (struct nilo_write_prefer){
        .ret = p->ret == NILO_RETURN_REPRESENTATION ? NILO_WRITE_ROWS : p->ret == NILO_RETURN_HEADERS ? NILO_WRITE_HEADERS : NILO_WRITE_MINIMAL,
        .resolution = p->resolution == NILO_RESOLUTION_MERGE    ? NILO_WRITE_MERGE
                      : p->resolution == NILO_RESOLUTION_IGNORE ? NILO_WRITE_IGNORE
                                                                : NILO_WRITE_INSERT,
        .missing_default = p->missing_default,
        .strict = p->strict,
        .count = p->count != NULL,
        .max_affected = p->strict ? p->max_affected : -1,
    };
}

/* On the writer's thread: who asks has been told by now that it took too long. */
static bool late(void *ctx)
{
    struct nilo_exchange *x = ctx;
    const struct nilo_api *api = nilo_req_ctx(x);
    return api->env->clock.mono(api->env->clock.ctx) >= nilo_req_deadline(x);
}

/* 0; 1: answered; -1 */
static int prepare(struct writing *w, struct nilo_err *err)
{
    struct nilo_exchange *x = w->x;
    struct nilo_store *store;
    struct nilo_rest_mark mark;
    if (!nilo_rest_profile(x) || !nilo_rest_coding(x) || !nilo_rest_accept(x, &w->accept) || !nilo_rest_prefer(x, &w->prefer) || !json_body(x))
        return 1;
    int rc = nilo_rest_current(x, &store, &mark, err);
    if (rc == 0)
        rc = nilo_rest_scope(x, store, &w->scope, err);
    if (rc != 0)
        return rc;
    enum nilo_method m = nilo_req_method(x);
    const struct nilo_principal *p = nilo_req_principal(x);
    w->write = (struct nilo_write){
        .verb = m == NILO_POST ? NILO_WRITE_POST : m == NILO_PATCH ? NILO_WRITE_PATCH : NILO_WRITE_DELETE,
        .relation = nilo_rest_name(x),
        .prefer = preferred(&w->prefer),
        .scope = w->scope.scope,
        .workspace = w->scope.workspace.id,
        .workspace_name = w->scope.workspace.name,
        .among = w->scope.among,
        .author = p == NULL ? NULL : p->sub != NULL ? p->sub : p->key_id,
        .format = w->accept.format,
        .strip = w->accept.strip,
        .late = late,
        .late_ctx = x,
    };
    w->write.query = nilo_req_query(x, &w->write.query_len);
    w->write.body = nilo_req_body(x, &w->write.body_len);
    return 0;
}

/* ---- the answer ------------------------------------------------------------------------------------------------------------------------------- */

static void say_applied(struct writing *w)
{
    static const char *const resolutions[] = {"", "resolution=merge-duplicates", "resolution=ignore-duplicates"};
    static const char *const returns[] = {"return=minimal", "return=headers-only", "return=representation"};
    char own[160] = "";
    size_t n = 0;
#define SAY(condition, text)                                                                                           \
    if (condition)                                                                                                     \
        n += (size_t)snprintf(own + n, sizeof(own) - n, "%s%s", n > 0 ? ", " : "", text)
    SAY(w->prefer.resolution != NILO_RESOLUTION_NOT_SAID && w->write.verb == NILO_WRITE_POST, resolutions[w->write.prefer.resolution]);
    SAY(w->prefer.missing_default, "missing=default");
    SAY(w->prefer.ret != NILO_RETURN_NOT_SAID, returns[w->write.prefer.ret]);
#undef SAY
    char reads[NILO_REST_APPLIED];
    bool more = nilo_rest_applied(&w->prefer, reads);
    if (more || n > 0)
        nilo_answer_header(w->x, "Preference-Applied", "%s%s%s", own, more && n > 0 ? ", " : "", reads);
}

/* An app that posts totals every hour is told once. */
static void say_ignored(const struct writing *w)
{
    static atomic_bool said;
    if (strcmp(w->write.relation, "user_metrics") == 0 && !atomic_exchange(&said, true))
        nilo_log(NILO_LOG_NOTICE, "totals that are posted to user_metrics are ignored: they are derived from the projects", {"relation", "user_metrics"});
}

/* Where the caller asks: under /w/NAME, where it asked there. */
static void say_location(const struct writing *w)
{
    char place[3 * NAME_MOST + 8] = "";
    const char *name = nilo_rest_in_workspace(w->x) ? nilo_req_segment(w->x, 0) : "";
    size_t n = 0;
    for (const char *p = name; *p != '\0' && n + 8 < sizeof(place); p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("-._~", *p) != NULL;
        n += (size_t)snprintf(place + n, sizeof(place) - n, plain ? "%s%c" : "%s%%%02X", p == name ? "/w/" : "", (unsigned)(unsigned char)*p);
    }
    nilo_answer_header(w->x, "Location", "%s/rest/v1/%s%s", place, w->write.relation, nilo_buf_str(&w->out.location));
}

static int answer(struct writing *w, struct nilo_err *err)
{
    struct nilo_exchange *x = w->x;
    nilo_answer_status(x, w->out.status);
    nilo_answer_header(x, "Content-Range", "%s", w->out.content_range);
    if (w->out.location.len > 0)
        say_location(w);
    if (w->out.rounded > 0)
        nilo_answer_header(x, "Nilometer-Rounded", "%lld", (long long)w->out.rounded);
    say_applied(w);
    say_ignored(w);
    if (!w->out.has_body)
        return 0;
    nilo_answer_type(x, w->accept.mime);
    return nilo_answer_write(x, nilo_buf_str(&w->out.body), w->out.body.len, err);
}

static int carry_out(struct nilo_store *s, void *ctx, struct nilo_err *err)
{
    struct writing *w = ctx;
    return nilo_write_run(s, &w->write, &w->out, &w->notes, err);
}

static int record(struct nilo_store *s, void *ctx, struct nilo_err *err)
{
    struct writing *w = ctx;
    return nilo_write_record(s, &w->write, &w->out, &w->notes, err);
}

static int answer_record(struct writing *w, struct nilo_err *err)
{
    nilo_answer_type(w->x, "application/json; charset=utf-8");
    if (w->out.rounded > 0)
        nilo_answer_header(w->x, "Nilometer-Rounded", "%lld", (long long)w->out.rounded);
    return nilo_answer_write(w->x, nilo_buf_str(&w->out.body), w->out.body.len, err);
}

static int write_with(struct nilo_exchange *x, nilo_writer_fn *job, int (*say)(struct writing *w, struct nilo_err *err), struct nilo_err *err)
{
    struct writing w = {.x = x};
    nilo_written_init(&w.out);
    int rc = prepare(&w, err);
    if (rc == 0 && nilo_rest_role(x) == NILO_ROLE_SERVICE && job == carry_out && nilo_publish_has(nilo_req_ctx(x), w.write.relation, w.scope.workspace.name))
        rc = nilo_err_set(err, NILO_EPERM, "permission denied for table %.80s: a source's table is read here, not written to", w.write.relation);
    if (rc == 0) {
        rc = nilo_writer_do(nilo_req_ctx(x), job, &w, nilo_req_deadline(x), err);
        if (rc == 0)
            rc = say(&w, err);
    }
    if (rc == -1)
        rc = nilo_rest_fail(x, &w.notes, err);
    nilo_written_done(&w.out);
    return rc == 1 ? 0 : rc;
}

int nilo_rest_write(struct nilo_exchange *x, struct nilo_err *err)
{
    return write_with(x, carry_out, answer, err);
}

int nilo_rest_record(struct nilo_exchange *x, struct nilo_err *err)
{
    return write_with(x, record, answer_record, err);
}
