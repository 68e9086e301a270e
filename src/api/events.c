/* See events.h. Two locks: `looking` is held while the store is asked, `mutex` while the ring and the list of listeners are touched, never while somebody is
 * waited for. A new listener has its place on the list at once, and no stream yet: its handler, which may wait for it, gives it what it missed, and the stream
 * becomes the list's in the same moment in which it is given what came meanwhile. */
#include "api/events_priv.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crypt.h"
#include "base/json.h"
#include "base/log.h"

#define RING        1024
#define TOTAL       512
#define PER_ADDRESS 16
#define ROUND_MS    250 /* how often credentials are looked at */

/* ---- events ------------------------------------------------------------------------------------------------------------------------- */

static void event_free(struct nilo__event *v)
{
    if (v == NULL)
        return;
    free(v->name);
    free(v->data);
    free(v->connection);
    free(v);
}

static void id_of(const struct nilo_events *e, uint64_t n, char out[NILO__EVENT_ID])
{
    unsigned char mac[NILO_MAC_LEN];
    nilo_mac(e->key, &n, sizeof(n), mac);
    nilo_hex(mac, (NILO__EVENT_ID - 1) / 2, out);
}

/* The number before the oldest that is kept: behind it everything is known. */
uint64_t nilo__events_before_oldest(const struct nilo_events *e)
{
    uint64_t size = (uint64_t)e->config.ring;
    return e->last > size ? e->last - size : 0;
}

static struct nilo__event *kept(const struct nilo_events *e, uint64_t n)
{
    return e->ring[n % (uint64_t)e->config.ring];
}

bool nilo__events_find(const struct nilo_events *e, const char *id, size_t len, uint64_t *ret)
{
    char first[NILO__EVENT_ID];
    id_of(e, nilo__events_before_oldest(e), first);
    if (len != NILO__EVENT_ID - 1)
        return false;
    for (uint64_t n = e->last; n > nilo__events_before_oldest(e); n--) {
        if (memcmp(kept(e, n)->id, id, len) == 0) {
            *ret = n;
            return true;
        }
    }
    *ret = nilo__events_before_oldest(e);
    return memcmp(first, id, len) == 0;
}

static void put_day(struct nilo_json_out *o, const char *name, nilo_day d)
{
    char text[NILO_DAY_TEXT];
    nilo_day_format(d, text);
    nilo_json_key(o, name);
    nilo_json_str(o, nilo_day_is_none(d) ? NULL : text);
}

static void put_us(struct nilo_json_out *o, const char *name, nilo_us us)
{
    char text[NILO_US_TEXT];
    nilo_us_format(us, text);
    nilo_json_key(o, name);
    nilo_json_str(o, us == NILO_US_NONE ? NULL : text);
}

static void put_str(struct nilo_json_out *o, const char *name, const char *text)
{
    nilo_json_key(o, name);
    nilo_json_str(o, text);
}

static void put_int(struct nilo_json_out *o, const char *name, int64_t n)
{
    nilo_json_key(o, name);
    nilo_json_int(o, n);
}

/* What one look finds, kept aside until it is over. */
struct found {
    struct nilo__event *first, *last;
};

static struct nilo__event *event_new(struct found *f, const char *kind, enum nilo_role least, const char *workspace, struct nilo_buf *data, struct nilo_err *err)
{
    struct nilo__event *v = calloc(1, sizeof(*v));
    if (v != NULL) {
        v->kind = kind;
        v->least = least;
        v->name = strdup(workspace);
        v->data = data != NULL ? nilo_buf_take(data) : NULL;
    }
    if (v == NULL || v->name == NULL || (data != NULL && v->data == NULL)) {
        event_free(v);
        nilo_err_nomem(err);
        return NULL;
    }
    if (f->last != NULL)
        f->last->next = v;
    else
        f->first = v;
    f->last = v;
    return v;
}

static int write_run(struct nilo__event *v, struct nilo_err *err)
{
    struct nilo_buf b;
    struct nilo_json_out o;
    free(v->data);
    nilo_buf_init(&b, 65536);
    nilo_json_out_init(&o, &b);
    nilo_json_object_begin(&o);
    put_str(&o, "workspace", v->name);
    put_str(&o, "connection", v->connection);
    put_int(&o, "run", v->run.id);
    put_int(&o, "runs", v->runs);
    put_str(&o, "kind", nilo_run_kind_name((int)v->run.kind));
    put_str(&o, "status", nilo_run_status_name((int)v->run.status));
    put_us(&o, "ended_at", v->run.ended_at);
    put_day(&o, "first_day", v->run.first_day);
    put_day(&o, "last_day", v->run.last_day);
    put_int(&o, "failed", v->run.failed);
    nilo_json_object_end(&o);
    v->data = nilo_buf_take(&b);
    nilo_buf_done(&b);
    return v->data != NULL ? 0 : nilo_err_nomem(err);
}

static nilo_day earlier(nilo_day a, nilo_day b)
{
    return nilo_day_is_none(a) ? b : nilo_day_is_none(b) ? a : a.n < b.n ? a : b;
}

static nilo_day later(nilo_day a, nilo_day b)
{
    return nilo_day_is_none(a) ? b : nilo_day_is_none(b) ? a : a.n > b.n ? a : b;
}

/* A push like the one before: who writes row by row makes one a row. */
static bool joins(const struct nilo__event *v, const struct nilo_news_run *r)
{
    return v != NULL && v->runs > 0 && r->kind == NILO_RUN_PUSH && v->run.kind == NILO_RUN_PUSH && v->run.status == r->status && strcmp(v->name, r->workspace) == 0 &&
           strcmp(v->connection, r->connection) == 0;
}

static int found_run(void *ctx, const struct nilo_news_run *r, struct nilo_err *err)
{
    struct found *f = ctx;
    struct nilo__event *v = f->last;
    if (joins(v, r)) {
        v->runs++;
        v->run.id = r->id;
        v->run.ended_at = r->ended_at;
        v->run.failed += r->failed;
        v->run.first_day = earlier(v->run.first_day, r->first_day);
        v->run.last_day = later(v->run.last_day, r->last_day);
        return write_run(v, err);
    }
    /* who may read `runs` */
    v = event_new(f, "run_finished", NILO_ROLE_ADMIN, r->workspace, NULL, err);
    if (v == NULL)
        return -1;
    v->run = *r;
    v->runs = 1;
    v->connection = strdup(r->connection);
    return v->connection != NULL ? write_run(v, err) : nilo_err_nomem(err);
}

static int found_days(void *ctx, const struct nilo_news_days *d, struct nilo_err *err)
{
    struct nilo_buf b;
    struct nilo_json_out o;
    nilo_buf_init(&b, 65536);
    nilo_json_out_init(&o, &b);
    nilo_json_object_begin(&o);
    put_str(&o, "workspace", d->workspace);
    put_str(&o, "connection", d->connection);
    put_day(&o, "from", d->from);
    put_day(&o, "to", d->to);
    put_int(&o, "days", d->days);
    put_str(&o, "status", d->state);
    put_us(&o, "closed_at", d->closed_at);
    nilo_json_object_end(&o);
    int rc = event_new(ctx, "day_closed", NILO_ROLE_AUTHENTICATED, d->workspace, &b, err) != NULL ? 0 : -1;
    nilo_buf_done(&b);
    return rc;
}

/* Those that may read `content_events`. What is not listed is counted. */
static int found_items(void *ctx, const struct nilo_news_items *d, struct nilo_err *err)
{
    struct nilo_buf b;
    struct nilo_json_out o;
    nilo_buf_init(&b, 1 << 20);
    nilo_json_out_init(&o, &b);
    nilo_json_object_begin(&o);
    put_str(&o, "workspace", d->workspace);
    put_str(&o, "connection", d->connection);
    put_str(&o, "event", nilo_presence_name((int)d->event));
    put_day(&o, "day", d->day);
    put_us(&o, "at", d->at);
    put_int(&o, "items", d->n);
    nilo_json_key(&o, "external_ids");
    nilo_json_array_begin(&o);
    for (size_t i = 0; i < d->n_ids; i++)
        nilo_json_str(&o, d->ids[i]);
    nilo_json_array_end(&o);
    nilo_json_object_end(&o);
    int rc = event_new(ctx, "content_event", NILO_ROLE_AUTHENTICATED, d->workspace, &b, err) != NULL ? 0 : -1;
    nilo_buf_done(&b);
    return rc;
}

/* ---- listeners ------------------------------------------------------------------------------------------------------------------------ */

static void names_free(char **names)
{
    for (char **n = names; n != NULL && *n != NULL; n++)
        free(*n);
    free(names);
}

void nilo__listener_free(struct nilo__listener *l)
{
    if (l == NULL)
        return;
    if (l->stream != NULL)
        nilo_stream_close(l->stream);
    names_free(l->workspaces);
    free(l->only);
    nilo_secret_free(l->authorization);
    nilo_secret_free(l->apikey);
    free(l);
}

/* What it reaches from now on. */
bool nilo__listener_reach(struct nilo__listener *l, const struct nilo_principal *p)
{
    size_t n = p != NULL && p->workspaces_said ? p->n_workspaces : 0;
    char **names = calloc(n + 1, sizeof(*names));
    bool fine = names != NULL;
    for (size_t i = 0; i < n && fine; i++)
        fine = (names[i] = strdup(p->workspaces[i])) != NULL;
    if (!fine) {
        names_free(names);
        return false;
    }
    names_free(l->workspaces);
    l->workspaces = names;
    l->said = p != NULL && p->workspaces_said;
    return true;
}

static bool reaches(const struct nilo_events *e, const struct nilo__listener *l, const char *workspace)
{
    if (l->only != NULL && strcmp(l->only, workspace) != 0)
        return false;
    if (!l->said)
        return l->role == NILO_ROLE_SERVICE || e->n_workspaces == 1;
    for (char **n = l->workspaces; *n != NULL; n++) {
        if (strcmp(*n, workspace) == 0)
            return true;
    }
    return false;
}

static bool may_see(const struct nilo_events *e, const struct nilo__listener *l, const struct nilo__event *v)
{
    return l->role >= v->least && reaches(e, l, v->name);
}

void nilo__events_write(struct nilo_buf *out, const char *id, const char *kind, const char *data)
{
    nilo_buf_addf(out, "id: %s\nevent: %s\ndata: %s\n\n", id, kind, data);
}

/* Everything behind n that it may see. Returns how many. */
int64_t nilo__events_write_since(const struct nilo_events *e, const struct nilo__listener *l, uint64_t n, struct nilo_buf *out)
{
    int64_t told = 0;
    for (uint64_t i = n + 1; i <= e->last; i++) {
        const struct nilo__event *v = kept(e, i);
        if (!may_see(e, l, v))
            continue;
        nilo__events_write(out, v->id, v->kind, v->data);
        told++;
    }
    return told;
}

/* The newest that it may see: the id of one that it may not see would tell that it was there. */
void nilo__events_newest_id(const struct nilo_events *e, const struct nilo__listener *l, char out[NILO__EVENT_ID])
{
    for (uint64_t n = e->last; n > nilo__events_before_oldest(e); n--) {
        if (may_see(e, l, kept(e, n))) {
            memcpy(out, kept(e, n)->id, NILO__EVENT_ID);
            return;
        }
    }
    id_of(e, nilo__events_before_oldest(e), out);
}

/* The credentials and what they are worth now: false: it is to be ended. */
static bool still(struct nilo_events *e, struct nilo__listener *l)
{
    struct nilo_principal p;
    struct nilo_arena arena;
    uint64_t changes = e->config.gate != NULL ? nilo_gate_changes(e->config.gate) : 0;
    if (changes == l->changes || (l->authorization == NULL && l->apikey == NULL))
        return true;
    const struct nilo_credential_shown shown = {
        .authorization = l->authorization, .authorization_n = l->authorization != NULL ? strlen(l->authorization) : 0, .authorizations = l->authorization != NULL,
        .apikey = l->apikey, .apikey_n = l->apikey != NULL ? strlen(l->apikey) : 0, .apikeys = l->apikey != NULL,
    };
    nilo_arena_init(&arena, 0);
    bool holds = nilo_gate_still(e->config.gate, &shown, &arena, &p) == NILO_CREDENTIAL_OK && (p.role >= l->role || p.undecided) && nilo__listener_reach(l, &p) &&
                 (l->only == NULL || reaches(e, l, l->only));
    nilo_arena_done(&arena);
    l->changes = changes;
    return holds;
}

/* The mutex is held. */
void nilo__events_check(struct nilo_events *e)
{
    for (struct nilo__listener **at = &e->listeners; *at != NULL;) {
        struct nilo__listener *l = *at;
        bool coming = l->stream == NULL;
        bool gone = !coming && (!nilo_stream_send(l->stream, "", 0) || (l->end_at > 0 && nilo__events_now(e) >= l->end_at));
        bool revoked = !coming && !gone && !still(e, l);
        if (!gone && !revoked) {
            at = &l->next;
            continue;
        }
        e->counts.revoked += revoked;
        e->counts.listeners--;
        *at = l->next;
        nilo__listener_free(l);
    }
}

void nilo_events_check(struct nilo_events *e)
{
    pthread_mutex_lock(&e->mutex);
    nilo__events_check(e);
    pthread_mutex_unlock(&e->mutex);
}

/* ---- looking ----------------------------------------------------------------------------------------------------------------------------- */

/* The mutex is held. Who is too slow is found out here, and forgotten by the next check. */
static void tell_all(struct nilo_events *e, uint64_t since)
{
    for (struct nilo__listener *l = e->listeners; l != NULL; l = l->next) {
        struct nilo_buf b;
        if (l->stream == NULL)
            continue;
        nilo_buf_init(&b, NILO__EVENTS_TEXT);
        int64_t told = nilo__events_write_since(e, l, since, &b);
        if (told > 0 && !b.failed && nilo_stream_send(l->stream, b.data, b.len))
            e->counts.sent += told;
        nilo_buf_done(&b);
    }
}

static void keep(struct nilo_events *e, struct nilo__event *v)
{
    struct nilo__event **place = &e->ring[++e->last % (uint64_t)e->config.ring];
    event_free(*place);
    *place = v;
    v->n = e->last;
    v->next = NULL;
    id_of(e, v->n, v->id);
    e->counts.seen++;
}

/* A ring at a time, where more came at once: who listens misses none of them. The mutex is held. */
static void keep_all(struct nilo_events *e, struct nilo__event *first, bool good)
{
    uint64_t since = e->last;
    for (struct nilo__event *v = first, *next; v != NULL; v = next) {
        next = v->next;
        if (!good) {
            event_free(v);
            continue;
        }
        keep(e, v);
        if (next == NULL || e->last - since == (uint64_t)e->config.ring) {
            tell_all(e, since);
            since = e->last;
        }
    }
}

static int ask(struct nilo_events *e, struct nilo_store *s, struct found *f, int64_t *ret_workspaces, struct nilo_err *err)
{
    const struct nilo_news_sink sink = {found_run, found_days, found_items, f};
    struct nilo_workspace *all = NULL;
    size_t n = 0;
    if (nilo_store_workspaces(s, &all, &n, err) != 0)
        return -1;
    free(all);
    *ret_workspaces = (int64_t)n;
    /* for all who listen; each is told what it may see */
    return nilo_store_scope(s, &NILO_SCOPE_ALL, err) != 0 ? -1 : nilo_store_news_look(s, e->news, &sink, err);
}

static int look(struct nilo_events *e, struct nilo_store *s, struct nilo_err *err)
{
    struct found f = {0};
    int64_t workspaces;
    nilo_us at = nilo__events_now(e);
    int rc = ask(e, s, &f, &workspaces, err);
    pthread_mutex_lock(&e->mutex);
    e->counts.failures += rc != 0;
    if (rc == 0)
        e->n_workspaces = workspaces;
    keep_all(e, f.first, rc == 0);
    pthread_mutex_unlock(&e->mutex);
    e->looked = e->looked || rc == 0;
    e->looked_at = at;
    return rc;
}

int nilo_events_look(struct nilo_events *e, struct nilo_store *s, struct nilo_err *err)
{
    pthread_mutex_lock(&e->looking);
    int rc = look(e, s, err);
    pthread_mutex_unlock(&e->looking);
    return rc;
}

void nilo_events_reopened(struct nilo_events *e)
{
    pthread_mutex_lock(&e->looking);
    nilo_store_news_reopened(e->news);
    pthread_mutex_unlock(&e->looking);
}

/* Before somebody begins to listen: as of now, where that is not so anyway. */
int nilo__events_look_now(struct nilo_events *e, struct nilo_store *s, struct nilo_err *err)
{
    int rc = 0;
    pthread_mutex_lock(&e->looking);
    if (!e->looked || nilo__events_now(e) - e->looked_at >= NILO_EVENTS_LOOK_US) {
        nilo_store_news_reopened(e->news); /* another handle than the thread's */
        rc = look(e, s, err);
        nilo_store_news_reopened(e->news);
    }
    pthread_mutex_unlock(&e->looking);
    return rc;
}

/* ---- the thread ---------------------------------------------------------------------------------------------------------------------------- */

/* false: quit. While nobody listens there is nothing to do. */
static bool next_round(struct nilo_events *e)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ROUND_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&e->mutex);
    while (!e->watch.quit && e->listeners == NULL)
        pthread_cond_wait(&e->watch.moved, &e->mutex);
    for (int rc = 0; !e->watch.quit && rc == 0;)
        rc = pthread_cond_timedwait(&e->watch.moved, &e->mutex, &until);
    bool quit = e->watch.quit;
    pthread_mutex_unlock(&e->mutex);
    return !quit;
}

/* A store that does not answer is told once, and once that it does again. */
static void watch_store(struct nilo_events *e, struct nilo_store **s, bool *failing)
{
    struct nilo_err err = {0};
    int rc = 0;
    if (*s == NULL) {
        rc = e->watch.open(e->watch.ctx, s, &err);
        nilo_events_reopened(e);
    }
    if (rc == 0)
        rc = nilo_events_look(e, *s, &err);
    if (rc != 0) {
        nilo_store_close(*s);
        *s = NULL;
    }
    if (rc != 0 && !*failing)
        nilo_log(NILO_LOG_WARNING, "the store cannot be looked at for events", {"error", err.msg});
    if (rc == 0 && *failing)
        nilo_log(NILO_LOG_NOTICE, "the store is looked at for events again", {"every", "1 s"});
    *failing = rc != 0;
}

static bool is_due(struct nilo_events *e)
{
    pthread_mutex_lock(&e->looking);
    bool due = !e->looked || nilo__events_now(e) - e->looked_at >= NILO_EVENTS_LOOK_US;
    pthread_mutex_unlock(&e->looking);
    return due;
}

static void *watch(void *ctx)
{
    struct nilo_events *e = ctx;
    struct nilo_store *s = NULL;
    bool failing = false;
    while (next_round(e)) {
        nilo_events_check(e);
        if (is_due(e))
            watch_store(e, &s, &failing);
    }
    nilo_store_close(s);
    return NULL;
}

int nilo_events_watch(struct nilo_events *e, int (*open)(void *ctx, struct nilo_store **ret, struct nilo_err *err), void *ctx, struct nilo_err *err)
{
    e->watch.open = open;
    e->watch.ctx = ctx;
    if (pthread_create(&e->watch.thread, NULL, watch, e) != 0)
        return nilo_err_set(err, NILO_EBUSY, "no thread can be made for events");
    e->watch.running = true;
    return 0;
}

static void unwatch(struct nilo_events *e)
{
    if (!e->watch.running)
        return;
    pthread_mutex_lock(&e->mutex);
    e->watch.quit = true;
    pthread_cond_signal(&e->watch.moved);
    pthread_mutex_unlock(&e->mutex);
    pthread_join(e->watch.thread, NULL);
    e->watch.running = false;
}

/* ---- made and freed -------------------------------------------------------------------------------------------------------------------------- */

int nilo_events_new(const struct nilo_events_config *config, struct nilo_events **ret, struct nilo_err *err)
{
    struct nilo_events *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return nilo_err_nomem(err);
    e->config = *config;
    e->config.ring = config->ring > 0 ? config->ring : RING;
    e->config.total = config->total > 0 ? config->total : TOTAL;
    e->config.per_address = config->per_address > 0 ? config->per_address : PER_ADDRESS;
    e->ring = calloc((size_t)e->config.ring, sizeof(struct nilo__event *));
    if (e->ring == NULL || nilo_store_news_new(&e->news, err) != 0) {
        free(e->ring);
        free(e);
        return nilo_err_nomem(err);
    }
    config->env->random.fill(config->env->random.ctx, e->key, sizeof(e->key));
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&e->looking, NULL);
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->watch.moved, &attr);
    pthread_condattr_destroy(&attr);
    *ret = e;
    return 0;
}

/* A worker that has answered already, and not yet handed the stream over, still writes to the listener. */
static void until_none_is_coming(struct nilo_events *e)
{
    pthread_mutex_lock(&e->mutex);
    for (const struct nilo__listener *l = e->listeners; l != NULL;) {
        if (l->stream != NULL) {
            l = l->next;
            continue;
        }
        pthread_cond_wait(&e->watch.moved, &e->mutex);
        l = e->listeners;
    }
    pthread_mutex_unlock(&e->mutex);
}

void nilo_events_free(struct nilo_events *e)
{
    if (e == NULL)
        return;
    unwatch(e);
    until_none_is_coming(e);
    for (struct nilo__listener *l = e->listeners, *next; l != NULL; l = next) {
        next = l->next;
        nilo__listener_free(l);
    }
    for (int64_t i = 0; i < e->config.ring; i++)
        event_free(e->ring[i]);
    free(e->ring);
    nilo_store_news_free(e->news);
    pthread_cond_destroy(&e->watch.moved);
    pthread_mutex_destroy(&e->mutex);
    pthread_mutex_destroy(&e->looking);
    nilo_secret_wipe(e->key, sizeof(e->key));
    free(e);
}

void nilo_events_counts(struct nilo_events *e, struct nilo_events_counts *ret)
{
    pthread_mutex_lock(&e->mutex);
    *ret = e->counts;
    pthread_mutex_unlock(&e->mutex);
}
