/* The http client without its transport: checks a request, puts together what goes out in memory for secrets, keeps what has ended until it is taken. */
#include "connect/http_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/crypt.h"
#include "base/day.h"

#define DEADLINE_MS     60000
#define DEADLINE_MAX_MS 600000
#define BODY_BYTES      ((size_t)8 << 20)
#define BODY_MAX_BYTES  ((size_t)256 << 20)
#define FIELDS_MAX      64
#define WIRE_MAX        ((size_t)4 << 20) /* of what goes out: URL, headers, body */

struct ended {
    struct nilo_http_answer answer; /* first: nilo_http_answer_free() is given this */
    struct nilo_arena arena;
    char *body;
    struct ended *next;
};

struct work {
    struct nilo_http_job job;
    struct ended *ended; /* made at the start, so that nothing can fail at the end */
    char *block; /* secret memory: wire_url, headers, body */
    const char **lines;
    char *url, *purpose;
    nilo_us started_wall, started_mono;
    struct work *next;
};

struct nilo_http {
    struct nilo_env env;
    const struct nilo_http_ops *ops;
    void *transport;
    uint64_t last_id;
    struct work *under_way;
    struct ended *first, *last;
    size_t n_under_way, n_ended;
};

static const struct {
    const char *word;
    bool again;
} ends[] = {
#define X(code, word, again) {word, again},
    NILO_HTTP_END_ROWS(X)
#undef X
};

const char *nilo_http_end_word(enum nilo_http_end end)
{
    return (unsigned)end < NILO_HTTP_ENDS ? ends[end].word : "?";
}

bool nilo_http_end_again(enum nilo_http_end end)
{
    return (unsigned)end < NILO_HTTP_ENDS && ends[end].again;
}

/* ---- Retry-After ---------------------------------------------------------------------------------------------------------------------- */

int64_t nilo_http_retry_after(const char *text, nilo_us now)
{
    struct nilo_iso at;
    text += strspn(text, " \t");
    size_t digits = strspn(text, "0123456789");
    if (digits > 0) {
        int64_t seconds = 0;
        if (text[digits + strspn(text + digits, " \t")] != '\0')
            return -1;
        for (size_t i = 0; i < digits && seconds <= NILO__HTTP_RETRY_MAX; i++)
            seconds = seconds * 10 + (text[i] - '0');
        return seconds * 1000 < NILO__HTTP_RETRY_MAX ? seconds * 1000 : NILO__HTTP_RETRY_MAX;
    }
    const char *date = strchr(text, ','); /* "Sun, 06 Nov 1994 08:49:37 GMT" */
    if (date == NULL || nilo_strptime(date + 1 + strspn(date + 1, " "), strlen(date + 1 + strspn(date + 1, " ")), "%d %b %Y %H:%M:%S GMT", &at, NULL) != 0)
        return -1;
    if (at.us <= now)
        return 0;
    int64_t ms = (at.us - now + 999) / 1000;
    return ms < NILO__HTTP_RETRY_MAX ? ms : NILO__HTTP_RETRY_MAX;
}

/* ---- what goes out ---------------------------------------------------------------------------------------------------------------------- */

/* Writes, or only counts: first how much memory is needed, then into it. A buffer that grows would leave copies of secrets behind. */
struct pen {
    char *to; /* NULL = counts */
    size_t at;
};

static void put(struct pen *p, const char *text, size_t n)
{
    if (p->to != NULL && n > 0)
        memcpy(p->to + p->at, text, n);
    p->at += n;
}

static void puts_(struct pen *p, const char *text)
{
    put(p, text, strlen(text));
}

static void put_encoded(struct pen *p, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if ((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || strchr("-._~", *c) != NULL) {
            put(p, (const char *)c, 1);
        } else {
            char three[3] = {'%', hex[*c >> 4], hex[*c & 15]};
            put(p, three, 3);
        }
    }
}

static void put_pairs(struct pen *p, const struct nilo_http_field *f, size_t n, const char *before, bool secrets)
{
    for (size_t i = 0; i < n; i++) {
        if (f[i].secret && !secrets)
            continue;
        puts_(p, before);
        before = "&";
        put_encoded(p, f[i].name);
        puts_(p, "=");
        if (f[i].before != NULL)
            put_encoded(p, f[i].before);
        put_encoded(p, f[i].value);
    }
}

static void put_url(struct pen *p, const struct nilo_http_request *r, bool secrets)
{
    puts_(p, r->url);
    put_pairs(p, r->query, r->n_query, strchr(r->url, '?') != NULL ? "&" : "?", secrets);
    put(p, "", 1);
}

static const char form_type[] = "Content-Type: application/x-www-form-urlencoded";

static void put_line(struct pen *p, const char *name, const char *before, const char *value)
{
    puts_(p, name);
    puts_(p, ": ");
    puts_(p, before != NULL ? before : "");
    puts_(p, value);
    put(p, "", 1);
}

/* Fills the job where the pen writes. */
static void put_all(struct pen *p, const struct nilo_http_request *r, struct work *w)
{
    size_t n = 0;
    w->job.wire_url = p->to != NULL ? p->to + p->at : NULL;
    put_url(p, r, true);
    for (size_t i = 0; i < r->n_headers; i++) {
        w->lines[n++] = p->to != NULL ? p->to + p->at : NULL;
        put_line(p, r->headers[i].name, r->headers[i].before, r->headers[i].value);
    }
    if (r->n_form > 0) {
        w->lines[n++] = p->to != NULL ? p->to + p->at : NULL;
        put(p, form_type, sizeof(form_type));
    }
    w->job.headers = w->lines;
    w->job.n_headers = n;
    size_t body = p->at;
    put_pairs(p, r->form, r->n_form, "", true);
    put(p, r->body, r->body != NULL ? r->n_body : 0);
    w->job.n_body = p->at - body;
    w->job.body = p->to != NULL && (r->n_form > 0 || r->body != NULL) ? p->to + body : NULL;
    put(p, "", 1);
}

/* ---- is it a request? ------------------------------------------------------------------------------------------------------------------- */

static bool is_token(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++) {
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || strchr("!#$%&'*+-.^_`|~", s[i]) != NULL))
            return false;
    }
    return n > 0;
}

static bool is_text(const char *s)
{
    for (; s != NULL && *s != '\0'; s++) {
        if ((unsigned char)*s < ' ' || (unsigned char)*s >= 0x7f)
            return false;
    }
    return true;
}

static int check_fields(const struct nilo_http_field *f, size_t n, bool header, struct nilo_err *err)
{
    if (n > FIELDS_MAX)
        return nilo_err_set(err, NILO_EINVAL, "a request with more than %d fields of a kind", FIELDS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (f[i].name == NULL || f[i].value == NULL || (header && !is_token(f[i].name)))
            return nilo_err_set(err, NILO_EINVAL, "a request's field has no name or no value");
        if (header && (!is_text(f[i].value) || !is_text(f[i].before)))
            return nilo_err_set(err, NILO_EINVAL, "the value of %s holds characters that no header may hold", f[i].name);
    }
    return 0;
}

static int check_where(const struct nilo_http_request *r, struct nilo_err *err)
{
    struct nilo__http_host host;
    bool https;
    if (nilo__http_parse(r->url, &host, &https, err) != 0)
        return -1;
    if (r->loopback && !host.loopback)
        return nilo_err_set(err, NILO_EINVAL, "%s is no address of this machine, and the configured one is", host.name);
    if (!r->loopback && host.loopback)
        return nilo_err_set(err, NILO_EINVAL, "%s is an address of this machine; only a configured base may be one", host.name);
    if (!r->loopback && !https)
        return nilo_err_set(err, NILO_EINVAL, "over plain HTTP anybody on the way to %s could read along; use https://", host.name);
    return 0;
}

static int check(const struct nilo_http_request *r, struct nilo_err *err)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "HEAD"};
    bool known = false;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        known = known || (r->method != NULL && strcmp(r->method, methods[i]) == 0);
    if (!known || r->url == NULL || (r->n_form > 0 && r->body != NULL))
        return nilo_err_set(err, NILO_EINVAL, "a request without a method, without an address, or with two bodies");
    if (check_where(r, err) != 0)
        return -1;
    if (check_fields(r->query, r->n_query, false, err) != 0 || check_fields(r->headers, r->n_headers, true, err) != 0)
        return -1;
    return check_fields(r->form, r->n_form, false, err);
}

/* ---- under way ---------------------------------------------------------------------------------------------------------------------------- */

static void work_free(struct work *w)
{
    if (w == NULL)
        return;
    nilo_secret_free(w->block);
    free(w->ended);
    free(w->lines);
    free(w->url);
    free(w->purpose);
    free(w);
}

static char *plain_url(const struct nilo_http_request *r)
{
    struct pen p = {0};
    put_url(&p, r, false);
    p.to = malloc(p.at);
    p.at = 0;
    if (p.to != NULL)
        put_url(&p, r, false);
    return p.to;
}

static int work_new(const struct nilo_http_request *r, struct work **ret, struct nilo_err *err)
{
    struct work *w = calloc(1, sizeof(*w));
    struct pen p = {0};
    if (w == NULL)
        return nilo_err_nomem(err);
    w->ended = calloc(1, sizeof(*w->ended));
    w->lines = calloc(r->n_headers + 1, sizeof(*w->lines));
    w->url = plain_url(r);
    w->purpose = strdup(r->purpose != NULL ? r->purpose : "");
    if (w->ended == NULL || w->lines == NULL || w->url == NULL || w->purpose == NULL)
        goto nomem;
    put_all(&p, r, w);
    if (p.at > WIRE_MAX) {
        work_free(w);
        return nilo_err_set(err, NILO_EINVAL, "a request of more than %zu bytes", WIRE_MAX);
    }
    w->block = p.to = nilo_secret_alloc(p.at);
    p.at = 0;
    if (w->block == NULL)
        goto nomem;
    put_all(&p, r, w);
    w->job.url = w->url;
    w->job.purpose = w->purpose;
    w->job.method = r->method;
    w->job.deadline_ms = r->deadline_ms <= 0 ? DEADLINE_MS : r->deadline_ms < DEADLINE_MAX_MS ? r->deadline_ms : DEADLINE_MAX_MS;
    w->job.body_max = r->body_max == 0 ? BODY_BYTES : r->body_max < BODY_MAX_BYTES ? r->body_max : BODY_MAX_BYTES;
    w->job.loopback = r->loopback;
    w->job.ctx = r->ctx;
    *ret = w;
    return 0;
nomem:
    work_free(w);
    return nilo_err_nomem(err);
}

/* The caller's text may be gone while it is under way. */
static const char *method_of(const char *method)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "HEAD"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(method, methods[i]) == 0)
            return methods[i];
    }
    return "GET";
}

int nilo_http_start(struct nilo_http *h, const struct nilo_http_request *r, uint64_t *ret_id, struct nilo_err *err)
{
    struct work *w = NULL;
    if (check(r, err) != 0)
        return nilo_err_wrap(err, "%s", r->purpose != NULL ? r->purpose : "a request");
    if (work_new(r, &w, err) != 0)
        return -1;
    w->job.http = h;
    w->job.id = ++h->last_id;
    w->job.method = method_of(r->method);
    w->started_wall = h->env.clock.wall(h->env.clock.ctx);
    w->started_mono = h->env.clock.mono(h->env.clock.ctx);
    w->next = h->under_way;
    h->under_way = w;
    h->n_under_way++;
    if (h->ops->start(h->transport, &w->job, err) != 0) {
        h->under_way = w->next;
        h->n_under_way--;
        work_free(w);
        return -1;
    }
    *ret_id = w->job.id;
    return 0;
}

int nilo_http_poll(struct nilo_http *h, nilo_us span, struct nilo_err *err)
{
    if (h->first != NULL || (span == NILO_US_NONE && h->n_under_way == 0))
        span = 0;
    return h->ops->poll(h->transport, span, err);
}

void nilo_http_cancel(struct nilo_http *h, uint64_t id)
{
    for (struct work *w = h->under_way; w != NULL; w = w->next) {
        if (w->job.id == id) {
            h->ops->cancel(h->transport, id);
            return;
        }
    }
}

size_t nilo_http_under_way(const struct nilo_http *h)
{
    return h->n_under_way + h->n_ended;
}

void nilo_http_wake(struct nilo_http *h)
{
    h->ops->wake(h->transport);
}

int nilo_http_new_over(const struct nilo_env *env, const struct nilo_http_ops *ops, void *transport, struct nilo_http **ret, struct nilo_err *err)
{
    struct nilo_http *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return nilo_err_nomem(err);
    h->env = *env;
    h->ops = ops;
    h->transport = transport;
    *ret = h;
    return 0;
}

void nilo_http_free(struct nilo_http *h)
{
    if (h == NULL)
        return;
    h->ops->free(h->transport);
    while (h->under_way != NULL) {
        struct work *w = h->under_way;
        h->under_way = w->next;
        work_free(w);
    }
    for (struct nilo_http_answer *a; (a = nilo_http_next(h)) != NULL;)
        nilo_http_answer_free(a);
    free(h);
}

/* ---- ended ------------------------------------------------------------------------------------------------------------------------------- */

static const char *trimmed(struct nilo_arena *arena, const char *value)
{
    value += strspn(value, " \t");
    size_t n = strlen(value);
    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t' || value[n - 1] == '\r' || value[n - 1] == '\n'))
        n--;
    return nilo_arena_strndup(arena, value, n);
}

static bool take_headers(struct ended *e, const struct nilo_http_outcome *o, nilo_us now)
{
    struct nilo_http_header *headers = nilo_arena_array(&e->arena, o->n_headers + 1, sizeof(*headers));
    if (headers == NULL)
        return false;
    for (size_t i = 0; i < o->n_headers; i++) {
        char *name = nilo_arena_strdup(&e->arena, o->headers[i].name);
        headers[i].value = trimmed(&e->arena, o->headers[i].value);
        if (name == NULL || headers[i].value == NULL)
            return false;
        for (char *p = name; *p != '\0'; p++)
            *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
        headers[i].name = name;
        if (strcmp(name, "retry-after") == 0) {
            int64_t ms = nilo_http_retry_after(headers[i].value, now);
            e->answer.retry_after_ms = ms > e->answer.retry_after_ms ? ms : e->answer.retry_after_ms;
        }
    }
    e->answer.headers = headers;
    e->answer.n_headers = o->n_headers;
    return true;
}

static bool take_body(struct ended *e, struct nilo_buf *body, size_t max)
{
    if (body == NULL || e->answer.end != NILO_HTTP_ANSWERED)
        return true;
    if (body->len > max) {
        e->answer.end = NILO_HTTP_TOO_BIG;
        e->answer.message = "the answer is longer than it may be";
        return true;
    }
    size_t n = body->len;
    if (n == 0 && !body->failed)
        return true;
    e->body = nilo_buf_take(body);
    e->answer.body = e->body != NULL ? e->body : "";
    e->answer.n_body = e->body != NULL ? n : 0;
    return e->body != NULL;
}

static void fill(struct nilo_http *h, const struct work *w, const struct nilo_http_outcome *o, struct ended *e)
{
    struct nilo_http_answer *a = &e->answer;
    *a = (struct nilo_http_answer){.id = w->job.id, .ctx = w->job.ctx, .end = o->end, .message = "", .status = o->status, .body = "",
                                   .retry_after_ms = -1, .started_at = w->started_wall, .waited = o->waited, .first_byte = o->first_byte};
    a->ended_at = h->env.clock.wall(h->env.clock.ctx);
    a->took = h->env.clock.mono(h->env.clock.ctx) - w->started_mono;
    snprintf(a->address, sizeof(a->address), "%s", o->address != NULL ? o->address : "");
    snprintf(a->http_version, sizeof(a->http_version), "%s", o->http_version != NULL ? o->http_version : "");
    a->purpose = nilo_arena_strdup(&e->arena, w->purpose);
    const char *message = nilo_arena_strdup(&e->arena, o->message != NULL ? o->message : "");
    a->message = message != NULL ? message : "";
    bool fine = take_headers(e, o, a->ended_at) && take_body(e, o->body, w->job.body_max);
    if (!fine || a->purpose == NULL || message == NULL) {
        a->end = NILO_HTTP_LOCAL;
        a->message = "out of memory";
        a->purpose = a->purpose != NULL ? a->purpose : "";
        a->body = "";
        a->n_body = 0;
    }
}

void nilo_http_finish(struct nilo_http *h, uint64_t id, const struct nilo_http_outcome *o)
{
    struct work **at = &h->under_way;
    while (*at != NULL && (*at)->job.id != id)
        at = &(*at)->next;
    struct work *w = *at;
    if (w == NULL)
        return;
    struct ended *e = w->ended;
    w->ended = NULL;
    nilo_arena_init(&e->arena, 0);
    fill(h, w, o, e);
    *at = w->next;
    h->n_under_way--;
    work_free(w);
    if (h->last != NULL)
        h->last->next = e;
    else
        h->first = e;
    h->last = e;
    h->n_ended++;
}

struct nilo_http_answer *nilo_http_next(struct nilo_http *h)
{
    struct ended *e = h->first;
    if (e == NULL)
        return NULL;
    h->first = e->next;
    h->last = e->next != NULL ? h->last : NULL;
    h->n_ended--;
    return &e->answer;
}

void nilo_http_answer_free(struct nilo_http_answer *a)
{
    struct ended *e = (struct ended *)a;
    if (a == NULL)
        return;
    /* An answer of the OAuth server is a secret. */
    nilo_secret_wipe(e->body, e->body != NULL ? a->n_body : 0);
    free(e->body);
    nilo_arena_done(&e->arena);
    free(e);
}

const char *nilo_http_answer_header(const struct nilo_http_answer *a, const char *name)
{
    for (size_t i = 0; i < a->n_headers; i++) {
        if (strcmp(a->headers[i].name, name) == 0)
            return a->headers[i].value;
    }
    return NULL;
}
