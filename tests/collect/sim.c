#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/emulator_test.h"

/* ---- the transport ------------------------------------------------------------------------------------------------------------------------ */

struct pending {
    struct pending *next;
    struct nilo_http *http;
    uint64_t id;
    nilo_us due;
    enum nilo_http_end end;
    int status;
    char retry_after[32];
    struct nilo_buf body;
};

struct wire {
    struct sim *sim;
    struct pending *first;
};

static nilo_us now_of(const struct sim *sim)
{
    return sim->s->clock.wall;
}

static void ask_emulator(struct sim *sim, const struct nilo_http_job *job, struct pending *p)
{
    struct emulator_header headers[32];
    char lines[32][512], host[128];
    struct emulator_request req = {.method = job->method, .host = host, .headers = headers, .body = job->body, .body_len = job->n_body};
    struct emulator_response res;
    const char *begin = strstr(job->wire_url, "://") + 3;
    snprintf(host, sizeof host, "%.*s", (int)strcspn(begin, "/"), begin);
    req.target = begin + strcspn(begin, "/");
    for (size_t i = 0; i < job->n_headers && i < 32; i++) {
        snprintf(lines[i], sizeof lines[i], "%s", job->headers[i]);
        char *colon = strchr(lines[i], ':');
        *colon = '\0';
        headers[req.headers_n++] = (struct emulator_header){lines[i], colon + 1 + (colon[1] == ' ')};
    }
    emulator_answer(sim->em, now_of(sim), &req, &res);
    p->due = now_of(sim) + res.delay_us;
    p->status = res.status;
    if (!emulator_response_header(&res, "Retry-After", p->retry_after, sizeof p->retry_after))
        p->retry_after[0] = '\0';
    nilo_buf_add(&p->body, nilo_buf_str(&res.body), res.body.len);
    if (res.wire != EMULATOR_WIRE_PLAIN) {
        p->end = res.wire == EMULATOR_WIRE_STALL || res.wire == EMULATOR_WIRE_STALL_MIDDLE ? NILO_HTTP_TIMED_OUT : NILO_HTTP_BROKEN;
        p->due += p->end == NILO_HTTP_TIMED_OUT ? job->deadline_ms * 1000 : 0;
    }
    emulator_response_done(&res);
}

static int wire_start(void *transport, const struct nilo_http_job *job, struct nilo_err *err)
{
    struct wire *w = transport;
    struct sim *sim = w->sim;
    struct pending *p = calloc(1, sizeof *p), **at = &w->first;
    int64_t wait_s = -1;
    int64_t under_way = 1;
    if (p == NULL)
        return nilo_err_nomem(err);
    nilo_buf_init(&p->body, 64u << 20);
    p->http = job->http;
    p->id = job->id;
    sim->requests++;
    sim->early += now_of(sim) < sim->not_before;
    int status = sim->fault != NULL ? sim->fault(sim->fault_ctx, now_of(sim), strstr(job->wire_url, "://") + 3, &wait_s) : 0;
    if (status > 0) {
        p->status = status;
        p->due = now_of(sim) + NILO_US_SECOND / 10;
        if (wait_s >= 0)
            snprintf(p->retry_after, sizeof p->retry_after, "%lld", (long long)wait_s);
    } else {
        ask_emulator(sim, job, p);
    }
    for (; *at != NULL; at = &(*at)->next)
        under_way++;
    *at = p;
    sim->most_under_way = under_way > sim->most_under_way ? under_way : sim->most_under_way;
    return 0;
}

static void finish(struct wire *w, struct pending *p, enum nilo_http_end end)
{
    const struct nilo_http_header header = {"Retry-After", p->retry_after};
    const struct nilo_http_outcome o = {.end = end,
                                        .status = p->status,
                                        .headers = &header,
                                        .n_headers = p->retry_after[0] != '\0',
                                        .body = end == NILO_HTTP_ANSWERED ? &p->body : NULL};
    if (p->retry_after[0] != '\0' && (p->status == 429 || p->status == 503)) {
        nilo_us until = now_of(w->sim) + strtoll(p->retry_after, NULL, 10) * NILO_US_SECOND;
        w->sim->not_before = until > w->sim->not_before ? until : w->sim->not_before;
    }
    nilo_http_finish(p->http, p->id, &o);
    nilo_buf_done(&p->body);
    free(p);
}

static int wire_poll(void *transport, nilo_us span, struct nilo_err *err)
{
    struct wire *w = transport;
    nilo_us now = now_of(w->sim), until = span == NILO_US_NONE ? INT64_MAX : now + span, first = INT64_MAX;
    (void)err;
    for (struct pending *p = w->first; p != NULL; p = p->next)
        first = p->due < first ? p->due : first;
    if (first == INT64_MAX && span == NILO_US_NONE)
        return 0;
    if (first < until)
        until = first;
    if (until > now)
        nilo_virtual_clock_advance(&w->sim->s->clock, until - now);
    for (struct pending **at = &w->first; *at != NULL;) {
        struct pending *p = *at;
        if (p->due > now_of(w->sim)) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        finish(w, p, p->end);
    }
    return 0;
}

static void wire_cancel(void *transport, uint64_t id)
{
    struct wire *w = transport;
    for (struct pending **at = &w->first; *at != NULL; at = &(*at)->next) {
        if ((*at)->id == id) {
            struct pending *p = *at;
            *at = p->next;
            finish(w, p, NILO_HTTP_CANCELLED);
            return;
        }
    }
}

static void wire_wake(void *transport)
{
    (void)transport;
}

static void wire_free(void *transport)
{
    struct wire *w = transport;
    while (w->first != NULL) {
        struct pending *next = w->first->next;
        nilo_buf_done(&w->first->body);
        free(w->first);
        w->first = next;
    }
    free(w);
}

static const struct nilo_http_ops wire_ops = {"emulator", wire_start, wire_poll, wire_cancel, wire_wake, wire_free};

/* ---- tokens -------------------------------------------------------------------------------------------------------------------------------- */

static int token_get(void *ctx, const struct nilo_connection *c, struct nilo_credentials *ret, const char **ret_why, struct nilo_err *err)
{
    struct sim *sim = ctx;
    (void)c;
    (void)err;
    *ret_why = NULL;
    *ret = (struct nilo_credentials){.api_key = sim->key, .client_id = sim->client, .client_secret = sim->secret};
    if (sim->oauth)
        ret->access_token = sim->access;
    return 0;
}

/* The emulator's own way to a new token, without HTTP: what is tested here is who asks for one, and how often. */
static int token_refused(void *ctx, const struct nilo_connection *c, bool *ret_new, const char **ret_why, struct nilo_err *err)
{
    struct sim *sim = ctx;
    (void)c;
    sim->refreshes++;
    *ret_new = !sim->no_refresh;
    *ret_why = sim->no_refresh ? "the consent was withdrawn" : NULL;
    return sim->no_refresh ? 0 : emulator_grant(sim->em, now_of(sim), sim->project, 0, sim->refresh, sim->access) == 0 ? 0 : nilo_err_set(err, NILO_EINTERNAL, "grant");
}

/* ---- the world ------------------------------------------------------------------------------------------------------------------------------ */

static void on_outcome(void *ctx, const struct nilo_platform_outcome *o)
{
    struct sim *sim = ctx;
    if (sim->n_outcomes == SIM_OUTCOMES)
        return;
    struct sim_outcome *to = &sim->outcomes[sim->n_outcomes++];
    *to = (struct sim_outcome){.run = o->run, .discovered = o->discovered, .due = o->due, .read = o->read, .failed = o->failed, .gone = o->gone, .back = o->back,
                               .left = o->left, .requests = o->requests, .retries = o->retries, .again_at = o->again_at, .n_failures = o->n_failures,
                               .n_notes = o->n_notes};
    snprintf(to->connection, sizeof to->connection, "%.60s", o->connection->name);
    snprintf(to->status, sizeof to->status, "%s", o->status);
    snprintf(to->error, sizeof to->error, "%.250s", o->error != NULL ? o->error : "");
    snprintf(to->note, sizeof to->note, "%.500s", o->n_notes > 0 ? o->notes[0] : "");
    if (o->n_failures > 0)
        snprintf(to->failure, sizeof to->failure, "%.60s %s %.200s", o->failures[0].metric, o->failures[0].class, o->failures[0].message);
}

void sim_init(struct sim *sim, struct stores *s, const char *options)
{
    struct wire *w = calloc(1, sizeof *w);
    *sim = (struct sim){.s = s};
    assert_non_null(w);
    w->sim = sim;
    ok(s, emulator_new(&sim->em, &s->err));
    ok(s, emulator_set(sim->em, "epoch", STORES_START, &s->err));
    ok(s, emulator_set_all(sim->em, options, &s->err));
    emulator_api_key(sim->em, 0, sim->key);
    emulator_client_id(sim->em, 0, sim->client);
    emulator_client_secret(sim->em, 0, sim->secret);
    ok(s, nilo_http_new_over(&s->env, &wire_ops, w, &sim->http, &s->err));
    const struct nilo_platforms_options o = {.store = s->store,
                                             .http = sim->http,
                                             .tokens = {.get = token_get, .refused = token_refused, .ctx = sim},
                                             .report = on_outcome,
                                             .report_ctx = sim};
    ok(s, nilo_platforms_new(&o, &sim->platforms, &s->err));
}

void sim_done(struct sim *sim)
{
    nilo_platforms_free(sim->platforms);
    nilo_http_free(sim->http);
    emulator_free(sim->em);
}

struct nilo_platform_want sim_want(struct sim *sim, const char *name, int channel)
{
    static char ids[64][EMULATOR_TEXT];
    static const char *accounts[64];
    emulator_channel_id(sim->em, channel, ids[channel % 64]);
    accounts[channel % 64] = ids[channel % 64];
    return (struct nilo_platform_want){.connection = stores_connection(sim->s, "w", "UTC", name, "youtube", "file"),
                                       .accounts = &accounts[channel % 64],
                                       .n_accounts = 1,
                                       .request_delay_ms = -1};
}

void sim_collect(struct sim *sim, const struct nilo_platform_want *wants, size_t n)
{
    sim->n_outcomes = 0;
    for (size_t i = 0; i < n; i++)
        ok(sim->s, nilo_platforms_add(sim->platforms, &wants[i], &sim->s->err));
    ok(sim->s, nilo_platforms_run(sim->platforms, &sim->s->err));
    assert_int_equal(nilo_platforms_busy(sim->platforms), 0);
}

void sim_control(struct sim *sim, const char *target)
{
    const struct emulator_request req = {.method = "GET", .target = target};
    struct emulator_response res;
    emulator_answer(sim->em, now_of(sim), &req, &res);
    if (res.status != 200)
        fail_msg("%s: %d %s", target, res.status, nilo_buf_str(&res.body));
    emulator_response_done(&res);
}

int64_t sim_counter(struct sim *sim, const char *path)
{
    const struct emulator_request req = {.method = "GET", .target = "/_emulator/counters"};
    struct emulator_response res;
    emulator_answer(sim->em, now_of(sim), &req, &res);
    char *text = emulator_json(nilo_buf_str(&res.body), path);
    if (text == NULL)
        fail_msg("no counter %s in %s", path, nilo_buf_str(&res.body));
    int64_t n = strtoll(text, NULL, 10);
    free(text);
    emulator_response_done(&res);
    return n;
}
