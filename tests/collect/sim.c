#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "emulator/emulator_test.h"
#include "emulator/in_process.h"

static nilo_us now_of(const struct sim *sim)
{
    return sim->s->clock.wall;
}

/* ---- what is seen of the wire ----------------------------------------------------------------------------------------------------------------- */

#define IN_A_ROW 5
#define AT_LEAST (7 * NILO_US_SECOND) /* an open circuit stays so */

static void look_at_circuit(struct sim *sim, uint64_t job)
{
    if (sim->in_a_row < IN_A_ROW)
        return;
    sim->past_circuit += sim->probe != 0 || now_of(sim) - sim->failed_at < AT_LEAST;
    sim->probe = job;
}

static void count_in_a_row(struct sim *sim, uint64_t job, const struct nilo_http_outcome *o)
{
    bool failed = o->end != NILO_HTTP_ANSWERED || o->status >= 500, open = sim->in_a_row >= IN_A_ROW, probe = sim->probe == job;
    if (o->end == NILO_HTTP_CANCELLED || (open && failed && !probe))
        return;
    sim->closed += open && !failed;
    sim->in_a_row = failed ? sim->in_a_row + 1 : 0;
    if (sim->in_a_row >= IN_A_ROW)
        sim->failed_at = now_of(sim);
    sim->opened += sim->in_a_row == IN_A_ROW;
    if (probe || !failed)
        sim->probe = 0;
}

static int on_start(void *ctx, const struct nilo_http_job *job, int64_t *ret_retry_after_s)
{
    struct sim *sim = ctx;
    sim->requests++;
    sim->early += now_of(sim) < sim->not_before;
    look_at_circuit(sim, job->id);
    if (++sim->under_way > sim->most_under_way)
        sim->most_under_way = sim->under_way;
    return sim->fault != NULL ? sim->fault(sim->fault_ctx, now_of(sim), strstr(job->wire_url, "://") + 3, ret_retry_after_s) : 0;
}

static void on_land(void *ctx, uint64_t job, const struct nilo_http_outcome *o)
{
    struct sim *sim = ctx;
    sim->under_way--;
    count_in_a_row(sim, job, o);
    for (size_t i = 0; i < o->n_headers; i++) {
        nilo_us until = now_of(sim) + strtoll(o->headers[i].value, NULL, 10) * NILO_US_SECOND;
        if (strcasecmp(o->headers[i].name, "Retry-After") == 0 && (o->status == 429 || o->status == 503) && until > sim->not_before)
            sim->not_before = until;
    }
}

/* ---- tokens -------------------------------------------------------------------------------------------------------------------------------- */

static const char *own_token(const struct sim *sim, const struct nilo_connection *c)
{
    for (const char *const *p = sim->own; p != NULL && *p != NULL; p += 2) {
        if (strcmp(*p, c->name) == 0)
            return p[1];
    }
    return NULL;
}

static int token_get(void *ctx, const struct nilo_connection *c, struct nilo_credentials *ret, const char **ret_why, struct nilo_err *err)
{
    struct sim *sim = ctx;
    const char *own = own_token(sim, c);
    (void)err;
    *ret_why = NULL;
    *ret = (struct nilo_credentials){.api_key = sim->key, .client_id = sim->client, .client_secret = sim->secret};
    if (sim->oauth)
        ret->access_token = own != NULL ? own : sim->access;
    return 0;
}

/* The emulator's own way to a new token, without HTTP: what is tested here is who asks for one, and how often. */
static int token_refused(void *ctx, const struct nilo_connection *c, bool *ret_new, const char **ret_why, struct nilo_err *err)
{
    struct sim *sim = ctx;
    const bool over = sim->no_refresh || own_token(sim, c) != NULL;
    sim->refreshes++;
    *ret_new = !over;
    *ret_why = over ? "the consent was withdrawn" : NULL;
    return over ? 0 : emulator_grant(sim->em, now_of(sim), sim->project, 0, sim->refresh, sim->access) == 0 ? 0 : nilo_err_set(err, NILO_EINTERNAL, "grant");
}

/* ---- the world ------------------------------------------------------------------------------------------------------------------------------ */

static void on_outcome(void *ctx, const struct nilo_platform_outcome *o)
{
    struct sim *sim = ctx;
    if (sim->n_outcomes == SIM_OUTCOMES)
        return;
    struct sim_outcome *to = &sim->outcomes[sim->n_outcomes++];
    *to = (struct sim_outcome){.run = o->run, .discovered = o->discovered, .due = o->due, .read = o->read, .failed = o->failed, .gone = o->gone, .back = o->back,
                               .left = o->left, .requests = o->requests, .retries = o->retries, .again_at = o->again_at, .n_failures = o->n_failures, .all_failures = o->all_failures,
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
    const struct emulator_http_watch watch = {.start = on_start, .land = on_land, .ctx = sim, .ahead = &sim->ahead};
    *sim = (struct sim){.s = s};
    ok(s, emulator_new(&sim->em, &s->err));
    ok(s, emulator_set(sim->em, "epoch", STORES_START, &s->err));
    ok(s, emulator_set_all(sim->em, options, &s->err));
    emulator_api_key(sim->em, 0, sim->key);
    emulator_client_id(sim->em, 0, sim->client);
    emulator_client_secret(sim->em, 0, sim->secret);
    ok(s, emulator_http_watched(sim->em, &s->clock, &s->env, &watch, &sim->http, &s->err));
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

char *sim_counter_text(struct sim *sim, const char *path)
{
    const struct emulator_request req = {.method = "GET", .target = "/_emulator/counters"};
    struct emulator_response res;
    emulator_answer(sim->em, now_of(sim), &req, &res);
    char *text = emulator_json(nilo_buf_str(&res.body), path);
    emulator_response_done(&res);
    return text;
}

int64_t sim_counter(struct sim *sim, const char *path)
{
    char *text = sim_counter_text(sim, path);
    if (text == NULL)
        fail_msg("no counter %s", path);
    int64_t n = strtoll(text, NULL, 10);
    free(text);
    return n;
}
