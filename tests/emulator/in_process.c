/* See in_process.h. A request is answered when it is started; what the answer is and when it is there is kept until the clock has come so far. */
#include "emulator/in_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define HEADERS 64
#define SLOW    (15 * NILO_US_SECOND) /* the client's rule: fewer than 100 bytes a second for so long */
#define SLOW_BYTES 100

struct flight {
    struct flight *next;
    struct nilo_http *http;
    uint64_t id;
    nilo_us due;
    enum nilo_http_end end;
    const char *message;
    struct emulator_response res;
};

struct transport {
    struct emulator *em;
    struct nilo_virtual_clock *clock;
    nilo_us offset; /* from the monotonic clock to the world's time: the program's wall clock may step, the world's does not */
    struct flight *first; /* by due, then in the order they were started */
    bool woken;
    struct emulator_http_watch watch;
};

static bool is_gone(const struct transport *t)
{
    return t->watch.gone && *t->watch.gone;
}

static int dead(struct nilo_err *err)
{
    return nilo_err_set(err, NILO_ECANCELLED, "the process is gone");
}

static nilo_us world_time(const struct transport *t)
{
    return t->watch.ahead ? t->clock->wall - *t->watch.ahead : t->clock->mono + t->offset;
}

/* Decompressed as the client would, up to a ceiling. */
static enum nilo_http_end unpack(struct nilo_buf *body, size_t max)
{
    unsigned char piece[65536];
    struct nilo_buf out;
    z_stream z = {.next_in = (unsigned char *)body->data, .avail_in = (unsigned)body->len};
    enum nilo_http_end end = NILO_HTTP_ANSWERED;
    int rc = Z_OK;
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return NILO_HTTP_LOCAL;
    nilo_buf_init(&out, max + 1);
    while (rc == Z_OK && end == NILO_HTTP_ANSWERED) {
        z.next_out = piece;
        z.avail_out = sizeof piece;
        rc = inflate(&z, Z_NO_FLUSH);
        size_t n = sizeof piece - z.avail_out;
        if (out.len + n > max)
            end = NILO_HTTP_TOO_BIG;
        else
            nilo_buf_add(&out, piece, n);
        if (rc == Z_BUF_ERROR || (rc == Z_OK && z.avail_in == 0 && n == 0))
            break;
    }
    inflateEnd(&z);
    if (end == NILO_HTTP_ANSWERED && rc != Z_STREAM_END)
        end = NILO_HTTP_BROKEN;
    if (end == NILO_HTTP_ANSWERED) {
        nilo_buf_done(body);
        *body = out;
    } else {
        nilo_buf_done(&out);
    }
    return end;
}

static void ends_as(struct flight *f, enum nilo_http_end end, const char *message)
{
    f->end = end;
    f->message = message;
}

static void on_the_wire(struct flight *f, nilo_us now)
{
    struct emulator_response *res = &f->res;
    int64_t a_second = NILO_US_SECOND / (res->drip_us > 0 ? res->drip_us : 1);
    switch (res->wire) {
    case EMULATOR_WIRE_PLAIN:
        return;
    case EMULATOR_WIRE_LENGTH_SHORT: /* what is beyond the length is not part of the answer */
        res->body.len /= 2;
        if (res->body.data)
            res->body.data[res->body.len] = 0;
        return;
    case EMULATOR_WIRE_RESET:
    case EMULATOR_WIRE_RESET_MIDDLE:
    case EMULATOR_WIRE_CUT:
    case EMULATOR_WIRE_LENGTH_LONG:
    case EMULATOR_WIRE_BAD_CHUNK:
    case EMULATOR_WIRE_NOT_HTTP:
        ends_as(f, NILO_HTTP_BROKEN, "the answer broke off");
        return;
    case EMULATOR_WIRE_HEADERS:
    case EMULATOR_WIRE_ENDLESS:
        ends_as(f, NILO_HTTP_TOO_BIG, "the answer does not end");
        return;
    case EMULATOR_WIRE_DRIP:
    case EMULATOR_WIRE_DRIP_HEAD:
        if (a_second >= SLOW_BYTES) {
            f->due += (nilo_us)res->body.len * res->drip_us;
            return;
        }
        break;
    case EMULATOR_WIRE_STALL:
    case EMULATOR_WIRE_STALL_MIDDLE:
        break;
    }
    f->due = now + SLOW;
    ends_as(f, NILO_HTTP_TOO_SLOW, "hardly anything came for 15 seconds");
}

/* "https://host/path" as host and target; the copies are the caller's. */
static void split_url(const char *url, char *host, size_t size, const char **ret_target)
{
    const char *s = strstr(url, "://");
    s = s ? s + 3 : url;
    size_t n = strcspn(s, "/?");
    snprintf(host, size, "%.*s", (int)n, s);
    *ret_target = s[n] ? s + n : "/";
}

static void ask_platform(struct transport *t, const struct nilo_http_job *job, struct emulator_response *res)
{
    struct emulator_header headers[HEADERS];
    char *lines[HEADERS], host[256];
    const char *target;
    size_t n = 0;
    for (size_t i = 0; i < job->n_headers && n < HEADERS; i++) {
        char *line = strdup(job->headers[i]), *colon = line ? strchr(line, ':') : NULL;
        if (!colon) {
            free(line);
            continue;
        }
        *colon = 0;
        headers[n] = (struct emulator_header){line, colon + 1 + strspn(colon + 1, " ")};
        lines[n++] = line;
    }
    split_url(job->wire_url, host, sizeof host, &target);
    struct emulator_request req = {.method = job->method, .host = host, .target = target, .headers = headers, .headers_n = n, .body = job->body,
                                   .body_len = job->n_body};
    emulator_answer(t->em, world_time(t), &req, res);
    while (n > 0)
        free(lines[--n]);
}

/* A status that the test wants in the platform's place. */
static void instead(struct emulator_response *res, int status, int64_t retry_after_s)
{
    char line[64];
    *res = (struct emulator_response){.status = status, .delay_us = NILO_US_SECOND / 10};
    nilo_buf_init(&res->head, 256);
    nilo_buf_init(&res->body, 256);
    snprintf(line, sizeof line, "Retry-After: %lld\r\n", (long long)retry_after_s);
    if (retry_after_s >= 0)
        nilo_buf_adds(&res->head, line);
}

static int start(void *ctx, const struct nilo_http_job *job, struct nilo_err *err)
{
    struct transport *t = ctx;
    char gzip[32];
    int64_t retry_after_s = -1;
    if (is_gone(t))
        return dead(err);
    int status = t->watch.start ? t->watch.start(t->watch.ctx, job, &retry_after_s) : 0;
    if (status < 0)
        return dead(err);
    struct flight *f = calloc(1, sizeof *f);
    if (!f)
        return nilo_err_nomem(err);
    if (status > 0)
        instead(&f->res, status, retry_after_s);
    else
        ask_platform(t, job, &f->res);
    if (t->watch.sent)
        t->watch.sent(t->watch.ctx);
    f->http = job->http;
    f->id = job->id;
    f->due = t->clock->mono + f->res.delay_us;
    f->end = NILO_HTTP_ANSWERED;
    on_the_wire(f, t->clock->mono);
    if (f->end == NILO_HTTP_ANSWERED && emulator_response_header(&f->res, "Content-Encoding", gzip, sizeof gzip) && strcmp(gzip, "gzip") == 0)
        f->end = unpack(&f->res.body, job->body_max);
    if (f->due > t->clock->mono + job->deadline_ms * 1000) {
        f->due = t->clock->mono + job->deadline_ms * 1000;
        ends_as(f, NILO_HTTP_TIMED_OUT, "no answer within the deadline");
    }
    struct flight **at = &t->first;
    while (*at && (*at)->due <= f->due)
        at = &(*at)->next;
    f->next = *at;
    *at = f;
    return 0;
}

static void land(struct transport *t, struct flight *f)
{
    struct nilo_http_header headers[HEADERS];
    size_t n = 0;
    char *text = strdup(nilo_buf_str(&f->res.head));
    for (char *s = text, *end; s && *s && n < HEADERS; s = end + 2) {
        end = strstr(s, "\r\n");
        *end = 0;
        char *colon = strchr(s, ':');
        if (!colon)
            continue;
        *colon = 0;
        headers[n++] = (struct nilo_http_header){s, colon + 1 + strspn(colon + 1, " ")};
    }
    struct nilo_http_outcome o = {.end = f->end, .message = f->message, .address = "127.0.0.1", .http_version = "1.1"};
    if (f->end == NILO_HTTP_ANSWERED) {
        o.status = f->res.status;
        o.headers = headers;
        o.n_headers = n;
        o.body = &f->res.body;
    }
    if (t->watch.land)
        t->watch.land(t->watch.ctx, f->id, &o);
    nilo_http_finish(f->http, f->id, &o);
    emulator_response_done(&f->res);
    free(text);
    free(f);
}

static bool land_due(struct transport *t)
{
    bool any = false;
    while (t->first && t->first->due <= t->clock->mono && !is_gone(t)) {
        struct flight *f = t->first;
        t->first = f->next;
        land(t, f);
        any = true;
    }
    return any;
}

static int move(void *ctx, nilo_us span, struct nilo_err *err)
{
    struct transport *t = ctx;
    if (is_gone(t))
        return dead(err);
    if (land_due(t) || t->woken || span == 0 || (span == NILO_US_NONE && !t->first)) {
        t->woken = false;
        return 0;
    }
    nilo_us wait = t->first ? t->first->due - t->clock->mono : span;
    if (span != NILO_US_NONE && span < wait)
        wait = span;
    nilo_virtual_clock_advance(t->clock, wait);
    land_due(t);
    return is_gone(t) ? dead(err) : 0;
}

static void cancel(void *ctx, uint64_t id)
{
    struct transport *t = ctx;
    for (struct flight **at = &t->first; *at; at = &(*at)->next)
        if ((*at)->id == id) {
            struct flight *f = *at;
            *at = f->next;
            ends_as(f, NILO_HTTP_CANCELLED, "cancelled");
            land(t, f);
            return;
        }
}

static void wake(void *ctx)
{
    struct transport *t = ctx;
    t->woken = true;
}

static void transport_free(void *ctx)
{
    struct transport *t = ctx;
    while (t->first) {
        struct flight *f = t->first;
        t->first = f->next;
        emulator_response_done(&f->res);
        free(f);
    }
    free(t);
}

int emulator_http_new(struct emulator *em, struct nilo_virtual_clock *clock, const struct nilo_env *env, struct nilo_http **ret, struct nilo_err *err)
{
    return emulator_http_watched(em, clock, env, &(const struct emulator_http_watch){0}, ret, err);
}

int emulator_http_watched(struct emulator *em, struct nilo_virtual_clock *clock, const struct nilo_env *env, const struct emulator_http_watch *watch,
                          struct nilo_http **ret, struct nilo_err *err)
{
    static const struct nilo_http_ops ops = {.name = "emulator", .start = start, .poll = move, .cancel = cancel, .wake = wake, .free = transport_free};
    struct transport *t = calloc(1, sizeof *t);
    if (!t)
        return nilo_err_nomem(err);
    t->em = em;
    t->watch = *watch;
    t->clock = clock;
    t->offset = clock->wall - clock->mono;
    if (nilo_http_new_over(env, &ops, t, ret, err) != 0) {
        free(t);
        return -1;
    }
    return 0;
}
