#include "fake.h"

#include "support/nilo_test.h"

#include <stdio.h>
#include <string.h>

static bool form_is(const char *body, const char *name, const char *value)
{
    char wanted[400];
    snprintf(wanted, sizeof wanted, "%s=%s", name, value);
    const char *at = strstr(body, wanted);
    return at != NULL && (at == body || at[-1] == '&') && (at[strlen(wanted)] == '&' || at[strlen(wanted)] == '\0');
}

static void form_get(const char *body, const char *name, char *out, size_t size)
{
    char wanted[60];
    snprintf(wanted, sizeof wanted, "%s=", name);
    const char *at = strstr(body, wanted);
    snprintf(out, size, "%.*s", at != NULL ? (int)strcspn(at + strlen(wanted), "&") : 0, at != NULL ? at + strlen(wanted) : "");
}

static int start(void *transport, const struct nilo_http_job *job, struct nilo_err *err)
{
    struct fake *f = transport;
    (void)err;
    assert_true(f->n < 8);
    f->jobs[f->n] = job->id;
    snprintf(f->bodies[f->n], sizeof f->bodies[0], "%.*s", (int)job->n_body, job->body != NULL ? job->body : "");
    assert_null(strstr(job->url, "refresh-"));
    assert_null(strstr(job->url, "secret"));
    f->n++;
    return 0;
}

/* Decides, then says it. */
static int decide(struct fake *f, const char *body, char *out, size_t size)
{
    char refresh[40], more[120] = "", expires[120] = "";
    if (body[0] == '\0') { /* the list of channels */
        f->lists++;
        snprintf(out, size, "{\"items\":[{\"id\":\"UCone\",\"snippet\":{\"title\":\"One\"}},{\"id\":\"UCtwo\",\"snippet\":{\"title\":\"Two\"}}]}");
        return 200;
    }
    bool of_code = form_is(body, "grant_type", "authorization_code");
    f->codes += of_code;
    f->refreshes += !of_code;
    snprintf(f->last, sizeof f->last, "%s", body);
    form_get(body, "code_verifier", f->verifier, sizeof f->verifier);
    if (f->answer != NULL) {
        snprintf(out, size, "%s", f->answer);
        return f->status;
    }
    snprintf(refresh, sizeof refresh, "refresh-%d", f->generation);
    if (!form_is(body, "client_secret", "app-secret") || !form_is(body, "client_id", "app-id")) {
        snprintf(out, size, "{\"error\":\"invalid_client\"}");
        return 401;
    }
    if (of_code ? !form_is(body, "code", "code-1") : !form_is(body, "refresh_token", refresh)) {
        snprintf(out, size, "{\"error\":\"invalid_grant\",\"error_description\":\"no\"}");
        return 400;
    }
    if (of_code || f->rotates)
        snprintf(more, sizeof more, ",\"refresh_token\":\"refresh-%d\"", ++f->generation);
    if (f->expires_s > 0)
        snprintf(expires, sizeof expires, ",\"expires_in\":%d", f->expires_s);
    if (f->refresh_s > 0)
        snprintf(expires + strlen(expires), sizeof expires - strlen(expires), ",\"refresh_token_expires_in\":%d", f->refresh_s);
    snprintf(out, size, "{\"access_token\":\"access-%d\",\"token_type\":\"Bearer\"%s%s}", ++f->access, expires, more);
    return 200;
}

static int poll(void *transport, nilo_us span, struct nilo_err *err)
{
    struct fake *f = transport;
    (void)span, (void)err;
    for (size_t i = 0; i < f->n; i++) {
        struct nilo_buf body;
        char text[1000];
        const struct nilo_http_header type = {"Content-Type", "application/json"};
        struct nilo_http_outcome o = {.end = NILO_HTTP_ANSWERED, .headers = &type, .n_headers = 1, .body = &body};
        nilo_buf_init(&body, 4096);
        o.status = decide(f, f->bodies[i], text, sizeof text);
        nilo_buf_adds(&body, text);
        if (f->no_answer) {
            o.end = NILO_HTTP_BROKEN;
            o.status = 0;
            nilo_buf_done(&body);
            o.body = NULL;
        }
        if (f->before != NULL) {
            void (*before)(void *) = f->before;
            f->before = NULL;
            before(f->ctx);
        }
        nilo_http_finish(f->http, f->jobs[i], &o);
        nilo_buf_done(&body);
    }
    f->n = 0;
    return 0;
}

static void cancel(void *transport, uint64_t id)
{
    (void)transport, (void)id;
}

static void nothing(void *transport)
{
    (void)transport;
}

struct nilo_http *fake_start(struct fake *f, const struct nilo_env *env)
{
    static const struct nilo_http_ops ops = {.name = "fake", .start = start, .poll = poll, .cancel = cancel, .wake = nothing, .free = nothing};
    struct nilo_err err = {0};
    *f = (struct fake){.env = env, .generation = 1, .expires_s = 3600};
    if (nilo_http_new_over(env, &ops, f, &f->http, &err) != 0)
        fail_msg("%s", err.msg);
    return f->http;
}

void fake_end(struct fake *f)
{
    nilo_http_free(f->http);
}
