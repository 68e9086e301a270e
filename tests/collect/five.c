/* See five.h. Nothing here knows how a run comes to what it tells: what of an item was answered last is in the emulator's ledger, and from that follows
 *
 *   served                      it was updated, and what is recorded is the world's value of that instant
 *   odd                         it failed as invalid; what of it reads is recorded
 *   gone                        it was taken up and is deleted; nothing failed
 *   transient, invalid, ...     it failed, with that class; or it is left to a later run, and the run says how many are
 *
 * and from the items of a connection what the document says of it, and of its platform. */
#include "support/nilo_test.h"

#include "five_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "collect/refresh.h"
#include "emulator/emulator_test.h"
#include "emulator/in_process.h"
#include "login/login.h"
#include "support/tmp.h"
#include "world.h"

#define START    "2025-01-11T00:30:00Z"
#define ACCOUNTS 64
#define POSTS    400
#define DAY_H    21 /* the last reading of it is of the same day */
#define NOT_PERMITTED_ONE 2 /* an account, of TikTok */
#define GONE_MOST 3 /* of an account in the day: of a connection that loses many at once that is not believed */

/* ---- setting up -------------------------------------------------------------------------------------------------------------------------------------- */

enum affected { FINE, REVOKED, EXPIRED, NOT_PERMITTED };
struct account {
    const struct platform *platform;
    int channel;
    char name[24]; /* of the connection */
    int64_t grant;
    enum affected affected;
    bool over;     /* from now on nobody is let in */
    int gone;
    bool known[POSTS]; /* the first listing has it */
    /* of the last refresh */
    int64_t run;
    char status[16], error[300];
    int64_t processed, updated, errors;
};

struct play {
    const struct five *f;
    struct world w;
    struct emulator *em;
    struct nilo_http *http, *token_http;
    struct nilo_login *login;
    struct nilo_keys *ring;
    nilo_us ahead;
    struct nilo_seeded_random random;
    struct account accounts[ACCOUNTS];
    struct nilo_buf document;
    struct flight {
        uint64_t id;
        char host[64];
    } flights[256];
    struct {
        char host[64];
        nilo_us until;
    } told[8]; /* not to come before */
    int64_t early;
    nilo_us began; /* the last refresh */
    int64_t rounds, left, failed[EMU_FATES];
};

static uint64_t draw(struct play *p, uint64_t below)
{
    const struct nilo_random random = nilo_seeded_random(&p->random);
    return nilo_random_below(&random, below);
}

static const char *config_of(struct play *p)
{
    static char text[60000];
    char key[EMULATOR_TEXT], client[EMULATOR_TEXT], id[EMULATOR_TEXT];
    size_t n = 0;
    emulator_api_key(p->em, 0, key);
    setenv("NILO_TEST_FIVE_KEY", key, 1);
    emulator_client_id(p->em, 0, client);
    emulator_client_secret(p->em, 0, id);
    setenv("NILO_TEST_FIVE_SECRET", id, 1);
    n += (size_t)snprintf(text + n, sizeof text - n, "platforms:\n");
    for (int i = 0; i < five_platforms_n; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "  - platform: %s\n", five_platforms[i].name);
        const char *config = five_platforms[i].config, *mark = strstr(config, "%s"); /* of the app */
        n += (size_t)snprintf(text + n, sizeof text - n, "%.*s%s%s", mark != NULL ? (int)(mark - config) : (int)strlen(config), config, mark != NULL ? client : "",
                              mark != NULL ? mark + 2 : "");
    }
    n += (size_t)snprintf(text + n, sizeof text - n, "connections:\n");
    for (int i = 0; i < p->f->accounts; i++) {
        const struct account *a = &p->accounts[i];
        a->platform->account(p->em, a->channel, id);
        n += (size_t)snprintf(text + n, sizeof text - n, "  - {name: %s, workspace: w%d, platform: %s, %s: '%s', budget: %lld}\n", a->name, i % 3, a->platform->name,
                              strcmp(a->platform->name, "facebook") == 0 ? "pages" : "accounts", id, (long long)a->platform->budget(p->f));
    }
    assert_true(n < sizeof text);
    return text;
}

static void sign_in(struct play *p, struct account *a, int i)
{
    char refresh[EMULATOR_TEXT], access[EMULATOR_TEXT], id[EMULATOR_TEXT], workspace_name[8];
    nilo_us now = p->w.clock.wall;
    struct nilo_workspace workspace;
    struct nilo_connection c;
    snprintf(workspace_name, sizeof workspace_name, "w%d", i % 3);
    a->platform->grant(p->em, now, a->channel, a->affected == NOT_PERMITTED, refresh, access);
    a->grant = (int64_t)p->em->tokens.grants_n - 1;
    a->platform->account(p->em, a->channel, id);
    assert_int_equal(nilo_store_workspace(p->w.store, workspace_name, true, "UTC", &workspace, &p->w.err), 0);
    assert_int_equal(nilo_store_connection(p->w.store, workspace.id, a->name, true, a->platform->name, "file", &c, &p->w.err), 0);
    const struct nilo_login_set set = {.access_token = access, .refresh_token = refresh[0] != '\0' ? refresh : NULL, .access_until = now + a->platform->access_s * NILO_US_SECOND,
                                       .refresh_until = refresh[0] != '\0' ? now + 180 * NILO_US_DAY : NILO_US_NONE, .account = id};
    if (nilo_login_store(p->login, &c, &set, &p->w.err) != 0)
        fail_msg("%s", p->w.err.msg);
}

/* ---- the wire -------------------------------------------------------------------------------------------------------------------------------------------------- */

static nilo_us *told_of_host(struct play *p, const char *host)
{
    size_t i = 0;
    while (i < 7 && p->told[i].host[0] != '\0' && strcmp(p->told[i].host, host) != 0)
        i++;
    snprintf(p->told[i].host, sizeof p->told[i].host, "%.63s", host);
    return &p->told[i].until;
}

static int on_start(void *ctx, const struct nilo_http_job *job, int64_t *ret_retry_after_s)
{
    struct play *p = ctx;
    const char *host = strstr(job->wire_url, "://") + 3;
    struct flight *f = &p->flights[job->id % 256];
    (void)ret_retry_after_s;
    f->id = job->id;
    snprintf(f->host, sizeof f->host, "%.*s", (int)strcspn(host, "/?"), host);
    p->early += p->w.clock.wall < *told_of_host(p, f->host);
    return 0;
}

static void on_land(void *ctx, uint64_t job, const struct nilo_http_outcome *o)
{
    struct play *p = ctx;
    const struct flight *f = &p->flights[job % 256];
    for (size_t i = 0; i < o->n_headers; i++) {
        nilo_us until = p->w.clock.wall + strtoll(o->headers[i].value, NULL, 10) * NILO_US_SECOND, *at = told_of_host(p, f->host);
        if (f->id == job && strcasecmp(o->headers[i].name, "Retry-After") == 0 && (o->status == 429 || o->status == 503) && until > *at)
            *at = until;
    }
}

static void begin(struct play *p, const struct five *f)
{
    char name[40], path[60], options[900];
    *p = (struct play){.f = f};
    assert_true(f->accounts <= ACCOUNTS && f->posts <= POSTS);
    snprintf(name, sizeof name, "five%d", f->seed);
    snprintf(path, sizeof path, "keys-%s", name);
    setenv("NILOMETER_KEYS", nilo_test_path(path), 1);
    nilo_seeded_random_init(&p->random, (uint64_t)f->seed);
    nilo_buf_init(&p->document, (size_t)64 << 20);
    snprintf(options, sizeof options, "epoch=" START " seed=%d channels=%d videos=%d upload_hours=0 latency_ms=200 hidden_likes=60 closed_comments=40 ig_old=30 "
             "tiktok_short=200 tiktok_200=%d retry_after_s=%d log_max=10 quota=%lld quota_stats=%lld tiktok_rate=%lld graph_app_limit=%d ig_account_limit=%d fb_page_limit=%d", f->seed, f->accounts, f->posts,
             f->seed % 2, 5 + f->seed % 40, (long long)five_youtube_budget(f), (long long)five_youtube_budget(f), (long long)five_tiktok_budget(f), five_share(f) * (f->posts + 8) * 33 / 10,
             (f->posts + 8) * (f->refreshes + 1), (f->posts + 8) * (f->refreshes + 2));
    assert_int_equal(emulator_new(&p->em, &p->w.err), 0);
    if (emulator_set_all(p->em, options, &p->w.err) != 0)
        fail_msg("%s", p->w.err.msg);
    for (int i = 0; i < f->accounts; i++) {
        struct account *a = &p->accounts[i];
        a->platform = &five_platforms[i % five_platforms_n];
        a->channel = i;
        a->grant = -1;
        snprintf(a->name, sizeof a->name, "%s-%d", a->platform->name, i);
        a->affected = i == NOT_PERMITTED_ONE ? NOT_PERMITTED : FINE;
        for (int k = 0; k < f->posts; k++)
            a->known[k] = a->affected == FINE && a->platform->is_listed(p->em, (struct emu_item){i, k});
    }
    char *config = strdup(config_of(p));
    world_init(&p->w, name, NULL, config, START);
    free(config);
    p->ring = world_ring(&p->w);
    const struct emulator_http_watch seen = {.start = on_start, .land = on_land, .ctx = p, .ahead = &p->ahead}, watch = {.ahead = &p->ahead};
    assert_int_equal(emulator_http_watched(p->em, &p->w.clock, &p->w.env, &seen, &p->http, &p->w.err), 0);
    assert_int_equal(emulator_http_watched(p->em, &p->w.clock, &p->w.env, &watch, &p->token_http, &p->w.err), 0);
    assert_int_equal(nilo_login_new(p->w.store, p->w.config, p->token_http, &p->login, &p->w.err), 0);
    for (int i = 0; i < f->accounts; i++) {
        if (p->accounts[i].platform->grant != NULL)
            sign_in(p, &p->accounts[i], i);
    }
}

static void finish(struct play *p)
{
    nilo_buf_done(&p->document);
    nilo_login_free(p->login);
    nilo_keys_free(p->ring);
    nilo_http_free(p->http);
    nilo_http_free(p->token_http);
    world_done(&p->w);
    emulator_free(p->em);
}

/* ---- what the emulator did ---------------------------------------------------------------------------------------------------------------------------- */

static int by_id(const void *x, const void *y)
{
    const struct emu_told *a = *(const struct emu_told *const *)x, *b = *(const struct emu_told *const *)y;
    int c = strcmp(a->platform, b->platform);
    return c != 0 ? c : strcmp(a->id, b->id);
}

struct ledger {
    const struct emu_told **all;
    size_t n;
};

static struct ledger ledger_of(const struct emulator *em)
{
    struct ledger l = {.all = calloc(em->ledger.n + 1, sizeof *l.all)};
    assert_non_null(l.all);
    for (size_t i = 0; i < em->ledger.cap; i++) {
        if (em->ledger.told[i].platform != NULL)
            l.all[l.n++] = &em->ledger.told[i];
    }
    qsort(l.all, l.n, sizeof *l.all, by_id);
    return l;
}

static const struct emu_told *told(const struct ledger *l, const char *platform, const char *id)
{
    struct emu_told key = {.platform = platform};
    const struct emu_told *p = &key;
    snprintf(key.id, sizeof key.id, "%.47s", id);
    const struct emu_told **found = bsearch(&p, l->all, l->n, sizeof *l->all, by_id);
    return found != NULL ? *found : NULL;
}

/* ---- what the store says -------------------------------------------------------------------------------------------------------------------------------- */

static struct nilo_db_stmt *statement(struct play *p, const char *sql)
{
    struct nilo_db_stmt *s;
    if (nilo_db_prepare(nilo_store_db(p->w.store), sql, &s, &p->w.err) != 0 || nilo_db_query(s, NULL, 0, &p->w.err) != 0)
        fail_msg("%s: %s", sql, p->w.err.msg);
    return s;
}

struct failure {
    char id[64], class[24], message[400];
    bool of_item, seen;
};
struct failures {
    struct failure all[2000];
    size_t n;
};

static void failures_of(struct play *p, int64_t run, struct failures *ret)
{
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT coalesce(external_id, ''), class, message FROM run_failure WHERE run_id = %lld", (long long)run);
    struct nilo_db_stmt *s = statement(p, sql);
    ret->n = 0;
    while (nilo_db_row(s, &p->w.err) == 1) {
        struct failure *f = &ret->all[ret->n++];
        assert_true(ret->n < sizeof ret->all / sizeof ret->all[0]);
        *f = (struct failure){.of_item = false};
        snprintf(f->id, sizeof f->id, "%s", nilo_db_column_text(s, 0));
        snprintf(f->class, sizeof f->class, "%s", nilo_db_column_text(s, 1));
        snprintf(f->message, sizeof f->message, "%s", nilo_db_column_text(s, 2));
        assert_true(strlen(f->message) > 10);
    }
    nilo_db_reset(s);
}

/* ---- one refresh ------------------------------------------------------------------------------------------------------------------------------------------ */

static void on_run(void *ctx, const struct nilo_collect_run *run)
{
    struct play *p = ctx;
    for (int i = 0; i < p->f->accounts; i++) {
        struct account *a = &p->accounts[i];
        if (strcmp(a->name, run->connection) != 0)
            continue;
        a->run = run->run;
        snprintf(a->status, sizeof a->status, "%s", run->status);
        snprintf(a->error, sizeof a->error, "%.299s", run->error != NULL ? run->error : "");
    }
}

static int64_t number_at(const char *json, const char *path)
{
    char *text = emulator_json(json, path);
    if (text == NULL)
        fail_msg("the document has no %s", path);
    int64_t n = strtoll(text, NULL, 10);
    free(text);
    return n;
}

static void read_details(struct play *p)
{
    const char *json = nilo_buf_str(&p->document);
    for (int i = 0; i < p->f->accounts; i++) {
        char path[40];
        snprintf(path, sizeof path, "details.%d.connection", i);
        char *name = emulator_json(json, path);
        assert_non_null(name);
        for (int k = 0; k < p->f->accounts; k++) {
            struct account *a = &p->accounts[k];
            if (strcmp(a->name, name) != 0)
                continue;
            snprintf(path, sizeof path, "details.%d.postsProcessed", i);
            a->processed = number_at(json, path);
            snprintf(path, sizeof path, "details.%d.metricsUpdated", i);
            a->updated = number_at(json, path);
            snprintf(path, sizeof path, "details.%d.failed", i);
            a->errors = number_at(json, path);
        }
        free(name);
    }
}

static void refresh(struct play *p)
{
    struct nilo_refreshed r;
    const struct nilo_refresh_options o = {.http = p->http, .token_http = p->token_http, .report = on_run, .report_ctx = p};
    for (int i = 0; i < p->f->accounts; i++)
        p->accounts[i].run = p->accounts[i].processed = p->accounts[i].updated = p->accounts[i].errors = -1;
    nilo_buf_reset(&p->document);
    emu_ledger_forget(p->em);
    p->began = p->w.clock.wall;
    if (nilo_refresh(p->w.store, p->w.config, &o, &p->document, &r, &p->w.err) != 0)
        fail_msg("%s", p->w.err.msg);
    read_details(p);
    p->rounds++;
}

/* ---- what it has to be -------------------------------------------------------------------------------------------------------------------------------------- */

static int64_t left_of(const char *message)
{
    return strstr(message, "are left to a later run") != NULL ? strtoll(message, NULL, 10) : 0;
}

static struct failure *failure_of(struct failures *f, const char *id)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->all[i].id, id) == 0)
            return &f->all[i];
    }
    return NULL;
}

/* What of an item may stand in the log of a run whose class the platform's last word decides. */
static void check_failure(const struct account *a, const struct failure *f, const struct emu_told *t, const char *id)
{
    const char *class = emu_fate_word(t->fate == EMU_FATE_ODD ? EMU_FATE_REFUSED : t->fate);
    if (strcmp(f->class, class) != 0)
        fail_msg("%s: post %s failed as %s (%s), and the emulator's last word was %s", a->name, id, f->class, f->message, emu_fate_word(t->fate));
}

struct expected {
    int64_t served, gone, failed, left; /* left: neither; a later run's */
    int64_t questions;                  /* failures of the connection's own */
};

static struct expected check_account(struct play *p, struct account *a, const struct ledger *l)
{
    static struct failures failures;
    struct expected e = {0};
    int64_t said_left = 0;
    bool shut = false;
    failures_of(p, a->run, &failures);
    for (int k = 0; k < p->f->posts; k++) {
        char id[EMULATOR_TEXT];
        a->platform->post(p->em, a->channel, k, id);
        if (a->platform->window > 0)
            snprintf(id + strlen(id), sizeof id - strlen(id), "/%d/%d", a->platform->window, five_shop_last(p->em, p->began).n);
        const struct emu_told *t = told(l, a->platform->name, id);
        struct failure *f = failure_of(&failures, id);
        if (f != NULL)
            f->of_item = true;
        if (!a->known[k] && a->platform->window == 0) { /* a window may have come up to its day by now */
            assert_true(f == NULL);
            continue;
        }
        enum emu_fate fate = t != NULL ? t->fate : EMU_FATE_NONE;
        if (a->platform->window > 0) { /* what came counts, whatever a page behind it came to */
            e.served += t != NULL && t->served > 0;
            continue;
        }
        if (fate == EMU_FATE_SERVED) {
            e.served++;
        } else if (fate == EMU_FATE_GONE) {
            e.gone++;
        } else if (f != NULL) {
            e.failed++;
            check_failure(a, f, t, id);
        } else {
            e.left++;
            if (fate == EMU_FATE_ODD)
                fail_msg("%s: post %s was told wrongly, and the run does not say so", a->name, id);
        }
        if (f != NULL && (fate == EMU_FATE_SERVED || fate == EMU_FATE_GONE || t == NULL))
            fail_msg("%s: post %s is %s by the emulator, and failed: %s", a->name, id, emu_fate_word(fate), f->message);
        p->failed[fate] += f != NULL;
    }
    for (size_t i = 0; i < failures.n; i++) {
        struct failure *f = &failures.all[i];
        if (f->of_item)
            continue;
        e.questions++;
        said_left += left_of(f->message);
        shut |= strcmp(f->class, "auth") == 0;
    }
    if (failures.n == 0 && a->error[0] != '\0') { /* it did not come to asking */
        e.questions = 1;
        shut = strstr(a->error, "sign in") != NULL;
    }
    if (a->processed != e.served + e.gone + e.failed || a->updated != e.served || a->errors != e.failed + e.questions)
        fail_msg("%s: processed %lld, updated %lld, errors %lld; by the emulator %lld served, %lld gone, %lld failed, and %lld sentences of the connection's", a->name,
                 (long long)a->processed, (long long)a->updated, (long long)a->errors, (long long)e.served, (long long)e.gone, (long long)e.failed, (long long)e.questions);
    if (shut != a->over)
        fail_msg("%s %s: %s", a->name, shut ? "is not let in, though it might be" : "is let in, though it may not be", a->error);
    if (!a->over && said_left != e.left)
        fail_msg("%s says that %lld posts are left, and it is %lld", a->name, (long long)said_left, (long long)e.left);
    if (a->over && e.served > 0)
        fail_msg("%s was served without a consent", a->name);
    p->left += e.left;
    return e;
}

/* Sentences of connections: as many of a failure as questions came to nothing, and whatever had to be left. */
static void check_questions(const struct ledger *l, const struct platform *of, int64_t sentences)
{
    int64_t bad = 0;
    const struct emu_told *last = NULL;
    for (size_t i = 0; i < l->n; i++) {
        const struct emu_told *t = l->all[i];
        /* what is refused in one spelling is asked for in another */
        if (!t->question || strcmp(t->platform, of->name) != 0 || (t->fate != EMU_FATE_TRANSIENT && t->fate != EMU_FATE_LIMITED && t->fate != EMU_FATE_PERMISSION))
            continue;
        bad++;
        last = t;
    }
    if (of->window > 0 ? bad > 0 && sentences == 0 : bad > sentences) /* all pages of a shop's windows are one matter */
        fail_msg("%s: %lld questions came to nothing (the last: %s, %s), and %lld sentences say so", of->name, (long long)bad, last->id, emu_fate_word(last->fate), (long long)sentences);
}

static void check_summary(const struct play *p, const struct platform *of, int64_t processed, int64_t updated, int64_t errors)
{
    static const char *const names[] = {"processed", "updated", "errors"};
    const int64_t wanted[] = {processed, updated, errors};
    for (int i = 0; i < 3; i++) {
        char path[80];
        snprintf(path, sizeof path, "summary.byPlatform.%s.%s", of->name, names[i]);
        int64_t is = number_at(nilo_buf_str(&p->document), path);
        if (is != wanted[i])
            fail_msg("%s: %s are %lld, not %lld", of->name, names[i], (long long)is, (long long)wanted[i]);
    }
}

static void check_refresh(struct play *p)
{
    struct ledger l = ledger_of(p->em);
    int64_t all[3] = {0};
    for (int k = 0; k < five_platforms_n; k++) {
        int64_t processed = 0, updated = 0, errors = 0, sentences = 0;
        for (int i = 0; i < p->f->accounts; i++) {
            struct account *a = &p->accounts[i];
            if (a->platform != &five_platforms[k])
                continue;
            struct expected e = check_account(p, a, &l);
            processed += e.served + e.gone + e.failed;
            updated += e.served;
            errors += e.failed + e.questions;
            sentences += e.questions;
        }
        check_summary(p, &five_platforms[k], processed, updated, errors);
        check_questions(&l, &five_platforms[k], sentences);
        all[0] += processed;
        all[1] += updated;
        all[2] += errors;
    }
    assert_int_equal(number_at(nilo_buf_str(&p->document), "summary.totalPostsProcessed"), all[0]);
    assert_int_equal(number_at(nilo_buf_str(&p->document), "summary.totalMetricsUpdated"), all[1]);
    assert_int_equal(number_at(nilo_buf_str(&p->document), "summary.totalErrors"), all[2]);
    if (getenv("FIVE_TELL") != NULL)
        printf("# round %lld: %lld processed, %lld updated, %lld errors\n", (long long)p->rounds, (long long)all[0], (long long)all[1], (long long)all[2]);
    free(l.all);
}

/* ---- values ---------------------------------------------------------------------------------------------------------------------------------------------------- */

struct recorded {
    char id[48], metric[24];
    int64_t value;
    bool there;
    char absence[24];
};
struct values {
    struct recorded *all;
    size_t n;
};

static int by_metric(const void *x, const void *y)
{
    const struct recorded *a = x, *b = y;
    int c = strcmp(a->id, b->id);
    return c != 0 ? c : strcmp(a->metric, b->metric);
}

/* What is shown of today of all that there is. */
static struct values values_of(struct play *p)
{
    struct values v = {.all = calloc((size_t)p->f->accounts * (size_t)p->f->posts * 20, sizeof *v.all)};
    char sql[400];
    snprintf(sql, sizeof sql, "SELECT e.external_id, m.name, v.value, v.absence FROM day_value v JOIN metric m ON m.id = v.metric_id JOIN entity e ON e.bucket = v.bucket AND "
                              "e.id = v.entity_id WHERE e.kind = 0 AND (v.win = 0 OR (v.win = %d AND v.day = %d))", FIVE_WINDOW, five_shop_last(p->em, p->began).n);
    struct nilo_db_stmt *s = statement(p, sql);
    assert_non_null(v.all);
    while (nilo_db_row(s, &p->w.err) == 1) {
        struct recorded *r = &v.all[v.n++];
        snprintf(r->id, sizeof r->id, "%s", nilo_db_column_text(s, 0));
        snprintf(r->metric, sizeof r->metric, "%s", nilo_db_column_text(s, 1));
        r->there = !nilo_db_column_null(s, 2);
        r->value = r->there ? nilo_db_column_int(s, 2) : 0;
        snprintf(r->absence, sizeof r->absence, "%s", r->there ? "" : nilo_absence_name((int)nilo_db_column_int(s, 3)));
    }
    nilo_db_reset(s);
    qsort(v.all, v.n, sizeof *v.all, by_metric);
    return v;
}

static bool is_of_window(const struct play *p, const struct platform *of, const struct emu_told *t)
{
    char end[40];
    snprintf(end, sizeof end, "/%d/%d", of->window, five_shop_last(p->em, p->began).n);
    return of->window == 0 || (strlen(t->id) > strlen(end) && strcmp(t->id + strlen(t->id) - strlen(end), end) == 0);
}

/* Of what was served in the last refresh each value is the world's of that instant. */
static int64_t check_values(struct play *p)
{
    struct ledger l = ledger_of(p->em);
    struct values v = values_of(p);
    int64_t n = 0;
    for (size_t i = 0; i < l.n; i++) {
        const struct emu_told *t = l.all[i];
        struct truth truth[FIVE_TRUTHS];
        const struct platform *of = NULL;
        for (int k = 0; k < five_platforms_n; k++)
            of = strcmp(five_platforms[k].name, t->platform) == 0 ? &five_platforms[k] : of;
        if (t->question || t->fate != EMU_FATE_SERVED || of == NULL || !is_of_window(p, of, t))
            continue;
        size_t n_truth = of->truth(p->em, (struct emu_item){t->channel, t->video}, t->at, truth);
        for (size_t k = 0; k < n_truth; k++) {
            struct recorded key;
            snprintf(key.id, sizeof key.id, "%.*s", (int)strcspn(t->id, "/"), t->id);
            snprintf(key.metric, sizeof key.metric, "%s", truth[k].metric);
            const struct recorded *r = bsearch(&key, v.all, v.n, sizeof *v.all, by_metric);
            if (r == NULL || r->there == truth[k].hidden || (r->there && r->value != truth[k].value) || (!r->there && strcmp(r->absence, "hidden") != 0))
                fail_msg("%s of %s's %s are %lld (%s), and were %lld%s when they were read", truth[k].metric, t->platform, t->id, r != NULL ? (long long)r->value : -1,
                         r == NULL ? "nothing" : r->absence, (long long)truth[k].value, truth[k].hidden ? ", hidden" : "");
            n++;
        }
    }
    free(v.all);
    free(l.all);
    return n;
}

/* ---- the day ------------------------------------------------------------------------------------------------------------------------------------------------------ */

static void set(struct play *p, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    if (emulator_set(p->em, name, text, &p->w.err) != 0)
        fail_msg("%s", p->w.err.msg);
}

/* Somebody deletes, hides or brings back posts; a platform tells of some what is no count. */
static void something_happens(struct play *p)
{
    static const char *const spoils[] = {"\"many\"", "-5", "99999999999999999999", "1.5", "true"};
    for (int i = 0; i < p->f->accounts; i++) {
        struct account *a = &p->accounts[i];
        for (int k = 0; k < 2; k++) {
            struct emu_override *o = emu_override_make(p->em, (struct emu_item){a->channel, (int32_t)draw(p, (uint64_t)p->f->posts)});
            assert_non_null(o);
            switch (draw(p, 6)) {
            case 0:
                if (a->gone++ < GONE_MOST)
                    o->state = draw(p, 2) == 0 ? EMU_DELETED : EMU_PRIVATE;
                break;
            case 1:
                snprintf(o->pin[EMU_PIN_LIKES], sizeof o->pin[0], "%s", spoils[draw(p, 5)]);
                o->hidden_likes = -1;
                break;
            case 2:
                o->pin[EMU_PIN_LIKES][0] = '\0';
                break;
            case 3:
                o->hidden_likes = o->hidden_likes > 0 ? -1 : 1;
                o->pin[EMU_PIN_LIKES][0] = '\0'; /* what is not shown is not told wrongly */
                break;
            default:
                break;
            }
        }
    }
}

/* One account's consent is withdrawn in the middle of the day, another one's tokens end and are not renewed. */
static void lose_consent(struct play *p)
{
    int n = 0;
    for (int i = p->f->accounts - 1; i >= 0 && n < 2; i--) {
        struct account *a = &p->accounts[i];
        if (a->platform->grant == NULL || (n == 1 && a->platform == p->accounts[p->f->accounts - 1].platform))
            continue;
        a->over = true;
        a->affected = n++ == 0 ? REVOKED : EXPIRED;
        p->em->tokens.grant[a->grant].revoked = a->affected == REVOKED;
        for (size_t k = 0; k < p->em->tokens.n && a->affected == EXPIRED; k++) {
            if (p->em->tokens.token[k].grant == (uint32_t)a->grant)
                p->em->tokens.token[k].expires = p->w.clock.wall;
        }
    }
    assert_int_equal(n, 2);
}

static void check_limits(const struct play *p)
{
    const struct emulator *em = p->em;
    for (size_t i = 0; i < em->projects_n; i++) {
        for (int k = 0; k < EMU_BUCKETS; k++)
            assert_int_equal(em->project[i].bucket[k].refused, 0);
    }
    for (size_t i = 0; i < em->callers_n; i++) {
        const struct emu_caller *c = em->caller[i];
        if (c->limited > 0)
            fail_msg("%s came %lld times over a rate", c->name, (long long)c->limited);
    }
    assert_int_equal(p->early, 0); /* by what has been heard; the emulator counts from when its answer is there */
    assert_int_equal(em->instagram.over, 0);
    assert_int_equal(em->facebook.over, 0);
    assert_int_equal(em->tiktok.over_rate, 0);
    assert_int_equal(em->tiktok.over_day, 0);
    assert_int_equal(em->tiktok.dead_refresh, 0);
    assert_int_equal(em->secrets_in_url, 0);
}

static void check_status(struct play *p)
{
    for (int i = 0; i < p->f->accounts; i++) {
        const struct account *a = &p->accounts[i];
        struct nilo_connection c = world_connection(&p->w, a->name);
        if (strcmp(c.status, a->over ? "expired" : "connected") != 0)
            fail_msg("%s is %s", a->name, c.status);
    }
}

int64_t five_day(const struct five *f)
{
    static struct play play;
    struct play *p = &play;
    int64_t posts = 0, values = 0;
    begin(p, f);
    refresh(p);
    for (int i = 0; i < f->accounts; i++) {
        for (int k = 0; k < f->posts; k++)
            posts += p->accounts[i].known[k];
    }
    check_refresh(p);
    if (number_at(nilo_buf_str(&p->document), "summary.totalMetricsUpdated") != posts)
        fail_msg("in fair weather not all of %lld posts are read: %s", (long long)posts, nilo_buf_str(&p->document));
    for (int round = 0; round < f->refreshes; round++) {
        nilo_virtual_clock_advance(&p->w.clock, DAY_H * NILO_US_HOUR / f->refreshes);
        something_happens(p);
        if (round == f->refreshes / 2)
            lose_consent(p);
        set(p, "weather", 150 + (int64_t)draw(p, 600));
        set(p, "spell_chance", 300 + (int64_t)draw(p, 700));
        set(p, "spell_minutes", 1 + (int64_t)draw(p, 10));
        set(p, "weather_all", (int64_t)draw(p, 2));
        set(p, "ig_parts", (int64_t)draw(p, 50));
        refresh(p);
        check_refresh(p);
        values += check_values(p);
        check_limits(p);
    }
    set(p, "weather", 0);
    set(p, "ig_parts", 0);
    nilo_virtual_clock_advance(&p->w.clock, 30 * NILO_US_MINUTE);
    refresh(p);
    check_refresh(p);
    values += check_values(p);
    check_limits(p);
    check_status(p);
    printf("# seed %d: %lld posts, %lld refreshes, %lld values are the world's; failed: %lld transient, %lld told wrongly; %lld left to a later run\n", f->seed, (long long)posts,
           (long long)p->rounds, (long long)values, (long long)p->failed[EMU_FATE_TRANSIENT], (long long)p->failed[EMU_FATE_ODD], (long long)p->left);
    finish(p);
    return posts;
}
