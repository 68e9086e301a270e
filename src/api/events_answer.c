/* The handler of /events: is there a place, what was missed, and then onto the list. See events.h. */
#include "api/events_priv.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "api/admit.h"
#include "api/rest_cache.h"
#include "api/rest.h"
#include "base/crypt.h"

/* What counts as one address. */
static void place_of(const struct nilo_exchange *x, char out[NILO__PLACE])
{
    unsigned char b[16];
    const char *address = nilo_req_address(x);
    if (inet_pton(AF_INET6, address, b) == 1)
        nilo_hex(b, 8, out);
    else
        snprintf(out, NILO__PLACE, "%s", address);
}

static char *secret_copy(const char *p, size_t n)
{
    char *s = nilo_secret_alloc(n + 1);
    if (s != NULL) {
        memcpy(s, p, n);
        s[n] = '\0';
    }
    return s;
}

static bool copy_credentials(const struct nilo_exchange *x, struct nilo__listener *l)
{
    struct nilo_credential_shown shown;
    nilo_req_credentials(x, &shown);
    if (shown.authorization != NULL)
        l->authorization = secret_copy(shown.authorization, shown.authorization_n);
    if (shown.apikey != NULL)
        l->apikey = secret_copy(shown.apikey, shown.apikey_n);
    return (shown.authorization == NULL || l->authorization != NULL) && (shown.apikey == NULL || l->apikey != NULL);
}

static nilo_us end_of(const struct nilo_events *e, const struct nilo_principal *p)
{
    const struct nilo_clock *clock = &e->config.env->clock;
    if (p == NULL || p->expires == 0 || p->expires > INT64_MAX / NILO_US_SECOND / 2)
        return 0;
    nilo_us left = p->expires * NILO_US_SECOND - clock->wall(clock->ctx);
    return nilo__events_now(e) + (left > 0 ? left : 1);
}

static struct nilo__listener *listener_new(const struct nilo_events *e, const struct nilo_exchange *x, const char *only)
{
    const struct nilo_principal *p = nilo_req_principal(x);
    struct nilo__listener *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    l->role = nilo_rest_role(x);
    l->end_at = end_of(e, p);
    place_of(x, l->place);
    if (only != NULL)
        l->only = strdup(only);
    if ((only != NULL && l->only == NULL) || !nilo__listener_reach(l, p) || !copy_credentials(x, l)) {
        nilo__listener_free(l);
        return NULL;
    }
    return l;
}

static int refuse(struct nilo_exchange *x, int status, const char *message)
{
    nilo_answer_error(x, status, "53400", message, NULL, "close a stream that is not needed, or share one");
    nilo_answer_header(x, "Retry-After", "5");
    nilo_answer_header(x, "Cache-Control", "no-store");
    return 0;
}

/* The mutex is held. Is there a place for it? */
static int counts_over(struct nilo_events *e, const struct nilo__listener *l)
{
    int64_t same = 0;
    for (const struct nilo__listener *o = e->listeners; o != NULL; o = o->next)
        same += strcmp(o->place, l->place) == 0;
    int status = e->counts.listeners >= e->config.total ? 503 : strcmp(l->place, "unix") != 0 && same >= e->config.per_address ? 429 : 0;
    e->counts.refused += status != 0;
    return status;
}

/* On the list, or the status of the refusal. */
static int take_place(struct nilo_events *e, struct nilo__listener *l)
{
    pthread_mutex_lock(&e->mutex);
    nilo__events_check(e);
    int status = counts_over(e, l);
    if (status == 0) {
        l->next = e->listeners;
        e->listeners = l;
        e->counts.listeners++;
        pthread_cond_signal(&e->watch.moved);
    }
    pthread_mutex_unlock(&e->mutex);
    return status;
}

static void leave(struct nilo_events *e, struct nilo__listener *l)
{
    pthread_mutex_lock(&e->mutex);
    struct nilo__listener **at = &e->listeners;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    e->counts.listeners--;
    pthread_cond_signal(&e->watch.moved);
    pthread_mutex_unlock(&e->mutex);
    nilo__listener_free(l);
}

static int over_limit(struct nilo_exchange *x, int status)
{
    return refuse(x, status, status == 429 ? "too many streams of events from this address" : "too many streams of events");
}

/* What it is given first. Returns up to which event that is. */
static uint64_t write_beginning(struct nilo_events *e, const struct nilo__listener *l, const struct nilo_exchange *x, struct nilo_buf *out)
{
    size_t n;
    const char *id = nilo_req_header(x, "Last-Event-ID", 0, &n);
    char at[NILO__EVENT_ID];
    uint64_t from = 0;
    pthread_mutex_lock(&e->mutex);
    bool resumed = id != NULL && n > 0, known = resumed && nilo__events_find(e, id, n, &from);
    if (known)
        memcpy(at, id, NILO__EVENT_ID - 1);
    else
        nilo__events_newest_id(e, l, at);
    at[NILO__EVENT_ID - 1] = '\0';
    nilo_buf_adds(out, "retry: 3000\n");
    nilo__events_write(out, at, resumed && !known ? "reset" : "ready", "{}");
    if (known)
        e->counts.sent += nilo__events_write_since(e, l, from, out);
    e->counts.resets += resumed && !known;
    uint64_t last = e->last;
    pthread_mutex_unlock(&e->mutex);
    return last;
}

/* What came since its beginning was written. The mutex is held. One that is gone already is found out by the next check. */
static void catch_up(struct nilo_events *e, struct nilo__listener *l, uint64_t since)
{
    struct nilo_buf b;
    char at[NILO__EVENT_ID];
    nilo_buf_init(&b, NILO__EVENTS_TEXT);
    if (since < nilo__events_before_oldest(e)) {
        nilo__events_newest_id(e, l, at);
        nilo__events_write(&b, at, "reset", "{}");
        e->counts.resets++;
    } else {
        e->counts.sent += nilo__events_write_since(e, l, since, &b);
    }
    if (b.len > 0 && !b.failed)
        (void)nilo_stream_send(l->stream, b.data, b.len);
    nilo_buf_done(&b);
}

static int listen_on(struct nilo_events *e, struct nilo_exchange *x, struct nilo__listener *l, uint64_t since, struct nilo_err *err)
{
    const struct nilo_stream_options how = {.heartbeat_us = NILO_EVENTS_HEARTBEAT_US, .heartbeat = ":\n\n", .end_at = l->end_at};
    pthread_mutex_lock(&e->mutex);
    l->stream = nilo_answer_keep(x, &how);
    if (l->stream != NULL)
        catch_up(e, l, since);
    bool kept_on = l->stream != NULL;
    pthread_cond_signal(&e->watch.moved); /* nilo_events_free() waits for it */
    pthread_mutex_unlock(&e->mutex);
    if (kept_on)
        return 0; /* from here on it is the list's */
    leave(e, l);
    return nilo_err_nomem(err);
}

static int head(struct nilo_exchange *x)
{
    nilo_answer_type(x, "text/event-stream; charset=utf-8");
    nilo_answer_header(x, "Cache-Control", "no-store");
    nilo_answer_header(x, "X-Accel-Buffering", "no"); /* nginx passes on what comes at once */
    return 0;
}

static int answer(struct nilo_events *e, struct nilo_exchange *x, struct nilo__listener *l, struct nilo_err *err)
{
    struct nilo_buf b;
    (void)head(x);
    nilo_buf_init(&b, NILO__EVENTS_TEXT);
    uint64_t since = write_beginning(e, l, x, &b);
    nilo_rest_cache_expire(nilo_req_ctx(x)); /* who reads once it is told to be ready sees all that it will not be told */
    int rc = b.failed ? nilo_err_nomem(err) : nilo_answer_write(x, b.data, b.len, err);
    nilo_buf_done(&b);
    if (rc == 0)
        return listen_on(e, x, l, since, err);
    leave(e, l);
    return rc;
}

/* Who names several workspaces, or is the service, hears of all of them; everybody else of the one that it is about. 0; 1: refused; -1 */
static int scope(struct nilo_exchange *x, struct nilo_store *s, const char **ret_only, struct nilo_err *err)
{
    const struct nilo_principal *p = nilo_req_principal(x);
    struct nilo_rest_scope found;
    *ret_only = nilo_rest_in_workspace(x) ? nilo_req_segment(x, 0) : NULL;
    if (*ret_only == NULL && ((p != NULL && p->workspaces_said) || nilo_rest_role(x) == NILO_ROLE_SERVICE))
        return 0;
    return nilo_rest_scope(x, s, &found, err);
}

int nilo_events_answer(struct nilo_exchange *x, struct nilo_err *err)
{
    const struct nilo_api *api = nilo_req_ctx(x);
    struct nilo_store *store = NULL;
    struct nilo_rest_mark mark;
    const char *only = NULL;
    int rc = nilo_rest_current(x, &store, &mark, err);
    if (rc == 0)
        rc = scope(x, store, &only, err);
    if (rc != 0)
        return rc > 0 ? 0 : nilo_rest_fail(x, NULL, err);
    if (api->events == NULL)
        return refuse(x, 503, "this server tells no events");
    if (nilo__events_look_now(api->events, store, err) != 0)
        return nilo_rest_fail(x, NULL, err);
    if (nilo_req_method(x) == NILO_HEAD)
        return head(x);
    struct nilo__listener *l = listener_new(api->events, x, only);
    if (l == NULL)
        return nilo_err_nomem(err);
    int status = take_place(api->events, l);
    if (status == 0)
        return answer(api->events, x, l, err);
    nilo__listener_free(l);
    return over_limit(x, status);
}
