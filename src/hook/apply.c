/* What a notice does. First whose it is: the connections of its platform whose account it names, as the configuration says, as somebody signed in, or as collecting found out.
 * Then, all in one transaction: items that are new, gone or have a last value go through record, as one run a connection; the rest is wishes to the collector, and the end of
 * a sign-in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "connect/connector.h"
#include "hook/hook.h"
#include "record/record.h"
#include "store/collecting.h"

#define AHEAD (5 * NILO_US_MINUTE)
#define LATE  (10 * NILO_US_MINUTE)
#define VALUES_MAX 64

/* A connection that may be meant. */
struct place {
    struct nilo_connection c;
    const char **accounts;
    size_t n_accounts;
    bool known;            /* accounts were looked up */
    nilo_us connected_at;  /* NILO_US_NONE: nobody signed in */
    struct nilo_recorder *recorder;
    bool asked;
};

/* What became of an event. */
struct fate {
    bool aside; /* no connection is looked for */
    bool found, did;
};

struct applying {
    struct nilo_store *s;
    const struct nilo_hook_notice *notice;
    struct nilo_hook_done *done;
    struct nilo_arena arena;
    struct place *places;
    size_t n;
    nilo_us now;
};

/* ---- whose it is ---------------------------------------------------------------------------------------------------------------------------- */

/* Is any event about that platform? */
static bool is_told_of(const struct applying *a, const char *platform)
{
    for (size_t i = 0; i < a->notice->events->n; i++) {
        if (strcmp(a->notice->events->list[i].platform, platform) == 0)
            return true;
    }
    return false;
}

static int load_places(struct applying *a, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    size_t n = 0;
    int rc = nilo_store_connections(a->s, &all, &n, err);
    if (rc == 0 && (a->places = nilo_arena_array(&a->arena, n + 1, sizeof *a->places)) == NULL)
        rc = nilo_err_nomem(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        bool closed = false, meant = a->notice->workspace == NULL || strcmp(a->notice->workspace, all[i].workspace_name) == 0;
        if (!meant || strcmp(all[i].status, "disabled") == 0 || !is_told_of(a, all[i].platform))
            continue;
        rc = nilo_store_access_closed(a->s, all[i].workspace, &closed, err);
        if (rc == 0 && !closed)
            a->places[a->n++] = (struct place){.c = all[i], .connected_at = NILO_US_NONE};
    }
    free(all);
    return rc;
}

static int add_account(struct applying *a, struct place *p, const char *account, struct nilo_err *err)
{
    const char *copy = nilo_arena_strdup(&a->arena, account);
    if (account == NULL)
        return 0;
    if (copy == NULL)
        return nilo_err_nomem(err);
    p->accounts[p->n_accounts++] = copy;
    return 0;
}

static int add_configured(struct applying *a, struct place *p, char **words, size_t n, struct nilo_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (add_account(a, p, words[i], err) != 0)
            return -1;
    }
    return 0;
}

static int look_up_accounts(struct applying *a, struct place *p, struct nilo_err *err)
{
    const struct nilo_config *config = a->notice->config;
    struct nilo_item_state *found;
    struct nilo_login_row login = {0};
    char **words = NULL;
    size_t n_words = 0, n_found = 0;
    bool there = false;
    const char *text = NULL;
    if (p->known)
        return 0;
    p->known = true;
    for (int i = 0; i < config->n_connections; i++) {
        const struct nilo_config_connection *c = &config->connections[i];
        if (strcmp(c->name, p->c.name) == 0 && strcmp(c->workspace, p->c.workspace_name) == 0)
            text = c->accounts;
    }
    if (nilo_config_words(text, &words, &n_words, err) != 0)
        return -1;
    int rc = nilo_store_login(a->s, p->c.id, &a->arena, &there, &login, err);
    if (rc == 0)
        rc = nilo_store_items(a->s, p->c.id, NILO_ACCOUNT, &a->arena, &found, &n_found, err);
    if (rc == 0 && (p->accounts = nilo_arena_array(&a->arena, n_words + n_found + 1, sizeof *p->accounts)) == NULL)
        rc = nilo_err_nomem(err);
    if (rc == 0)
        rc = add_configured(a, p, words, n_words, err);
    if (rc == 0 && there) {
        p->connected_at = login.connected_at;
        rc = add_account(a, p, login.account, err);
    }
    for (size_t i = 0; i < n_found && rc == 0; i++)
        rc = add_account(a, p, found[i].external_id, err);
    free(words);
    return rc;
}

static int is_of(struct applying *a, struct place *p, const struct nilo_hook_event *e, bool *ret, struct nilo_err *err)
{
    *ret = false;
    if (e->account == NULL || strcmp(p->c.platform, e->platform) != 0)
        return 0;
    if (look_up_accounts(a, p, err) != 0)
        return -1;
    for (size_t i = 0; i < p->n_accounts && !*ret; i++)
        *ret = strcmp(p->accounts[i], e->account) == 0;
    return 0;
}

/* ---- what it does -------------------------------------------------------------------------------------------------------------------------- */

static nilo_us instant(const struct applying *a, const struct nilo_hook_event *e)
{
    return e->at == NILO_US_NONE || e->at > a->now ? a->now : e->at;
}

/* A reading of the item goes to the connection's run, which begins with the first. */
static int hand_over(struct applying *a, struct place *p, const struct nilo_reading *reading, struct nilo_err *err)
{
    const struct nilo_run_options o = {.kind = NILO_RUN_PUSH, .provenance = NILO_OBSERVED, .within = true, .target_day = NILO_DAY_NONE, .read_until = NILO_DAY_NONE,
                                       .no_close = true, .author = "hook"};
    struct nilo_err refused = {0};
    if (p->recorder == NULL && nilo_record_begin(a->s, &p->c, &o, &p->recorder, err) != 0)
        return -1;
    if (nilo_record_add(p->recorder, reading, &refused) == 0 || refused.code == NILO_EINVAL || refused.code == NILO_EDATERANGE)
        return 0; /* what the record refuses it has counted, and says so in the run */
    if (err != NULL)
        *err = refused;
    return -1;
}

static int make_known(struct applying *a, struct place *p, const struct nilo_hook_event *e, struct nilo_err *err)
{
    const struct nilo_attrs attrs = {.posted_at = NILO_US_NONE, .deleted_at = NILO_US_NONE, .at = instant(a, e), .duration_ms = -1};
    const struct nilo_reading reading = {.kind = NILO_CONTENT, .external_id = e->item, .captured_at = attrs.at, .day = NILO_DAY_NONE, .attrs = &attrs};
    return hand_over(a, p, &reading, err);
}

/* As the collector does it that finds the item gone: a dated event, and no metric has a value from then on. */
static int bury(struct applying *a, struct place *p, const struct nilo_hook_event *e, struct nilo_err *err)
{
    const struct nilo_connector *connector = nilo_connector_find(p->c.platform);
    const nilo_us at = instant(a, e);
    const struct nilo_attrs attrs = {.posted_at = NILO_US_NONE, .deleted_at = at, .at = at, .duration_ms = -1, .status = "gone"};
    struct nilo_reading_value values[VALUES_MAX];
    struct nilo_reading reading = {.kind = NILO_CONTENT, .external_id = e->item, .captured_at = at, .day = NILO_DAY_NONE, .attrs = &attrs, .values = values};
    for (size_t i = 0; connector != NULL && connector->metrics != NULL && connector->metrics[i] != NULL && reading.n_values < VALUES_MAX; i++) {
        const struct nilo_metric *m = nilo_catalog_by_name(nilo_store_catalog(a->s), connector->metrics[i]);
        if (m != NULL && m->active)
            values[reading.n_values++] = (struct nilo_reading_value){.metric = m->id, .absence = NILO_DELETED};
    }
    return hand_over(a, p, &reading, err);
}

/* One that comes late may have been overtaken: what was hidden and shown again is there, and read again at once rather than buried until its turn. */
static int bury_or_look(struct applying *a, struct place *p, const struct nilo_hook_event *e, struct nilo_entity_ref item, struct nilo_err *err)
{
    if (bury(a, p, e, err) != 0)
        return -1;
    if (instant(a, e) >= a->now - LATE)
        return 0;
    p->asked = true;
    return nilo_store_item_ask(a->s, &p->c, item, a->now, err);
}

static int keep_values(struct applying *a, struct place *p, const struct nilo_hook_event *e, struct nilo_err *err)
{
    struct nilo_reading_value values[4];
    struct nilo_reading reading = {.kind = NILO_CONTENT, .external_id = e->item, .captured_at = instant(a, e), .day = NILO_DAY_NONE, .values = values};
    for (size_t i = 0; i < e->n_values; i++) {
        const struct nilo_metric *m = nilo_catalog_by_name(nilo_store_catalog(a->s), e->values[i].metric);
        if (m != NULL && m->active)
            values[reading.n_values++] = (struct nilo_reading_value){.metric = m->id, .value = e->values[i].value, .absence = NILO_PRESENT};
    }
    return hand_over(a, p, &reading, err);
}

static int sign_out(struct applying *a, struct place *p, const struct nilo_hook_event *e, bool *ret, struct nilo_err *err)
{
    char reason[200];
    bool fresh = false;
    if (p->connected_at != NILO_US_NONE && p->connected_at > instant(a, e)) /* somebody has signed in since */
        return 0;
    snprintf(reason, sizeof reason, "its owner has taken the permission back, as %s tells", e->platform);
    if (nilo_store_connection_turn(a->s, p->c.id, "expired", reason, &fresh, err) != 0)
        return -1;
    *ret = true;
    if (fresh)
        nilo_log(NILO_LOG_WARNING, "connection expired: its owner has taken the permission back", {"workspace", p->c.workspace_name}, {"connection", p->c.name});
    return 0;
}

/* One event at one connection that it is about; ret: something came of it. */
static int take(struct applying *a, struct place *p, const struct nilo_hook_event *e, bool *ret, struct nilo_err *err)
{
    struct nilo_entity_ref item = {0};
    if (e->item != NULL && nilo_store_item(a->s, &p->c, e->item, &item, err) != 0)
        return -1;
    switch (e->what) {
    case NILO_HOOK_CHANGED:
        if (item.id == 0 && !e->own)
            return 0;
        *ret = p->asked = true;
        return item.id != 0 ? nilo_store_item_ask(a->s, &p->c, item, a->now, err) : make_known(a, p, e, err);
    case NILO_HOOK_DELETED: /* what was never seen leaves no trace */
        *ret = item.id != 0;
        return item.id != 0 ? bury_or_look(a, p, e, item, err) : 0;
    case NILO_HOOK_LISTED:
        *ret = p->asked = true;
        return 0;
    case NILO_HOOK_READING:
        *ret = item.id != 0 || e->own;
        return *ret ? keep_values(a, p, e, err) : 0;
    case NILO_HOOK_SIGNED_OUT:
        return sign_out(a, p, e, ret, err);
    default:
        return 0;
    }
}

/* What can be said of an event without looking at connections; true: that is all. */
static bool put_aside(struct applying *a, const struct nilo_hook_event *e)
{
    int64_t *count = e->what == NILO_HOOK_UNKNOWN                                                                                ? &a->done->unknown
                     : e->what == NILO_HOOK_NOTHING                                                                              ? &a->done->nothing
                     : e->at != NILO_US_NONE && (e->at < a->now - NILO_HOOK_OLD_AFTER || e->at > a->now + AHEAD) ? &a->done->old
                                                                                                                 : NULL;
    if (e->what == NILO_HOOK_UNKNOWN)
        nilo_log(NILO_LOG_INFO, "a notice that is not known", {"hook", a->notice->hook}, {"event", e->name != NULL ? e->name : ""});
    if (count != NULL)
        ++*count;
    return count != NULL;
}

/* One connection after the other: each has a run of its own. */
static int take_all(struct applying *a, struct place *p, struct fate *fates, struct nilo_err *err)
{
    for (size_t i = 0; i < a->notice->events->n; i++) {
        const struct nilo_hook_event *e = &a->notice->events->list[i];
        bool mine = false;
        if (fates[i].aside)
            continue;
        if (is_of(a, p, e, &mine, err) != 0 || (mine && take(a, p, e, &fates[i].did, err) != 0))
            return -1;
        fates[i].found = fates[i].found || mine;
    }
    return 0;
}

static int finish_place(struct applying *a, struct place *p, struct nilo_err *err)
{
    struct nilo_recorder *r = p->recorder;
    struct nilo_run run;
    p->recorder = NULL;
    if (r != NULL && nilo_record_finish(r, NULL, &a->arena, &run, err) != 0)
        return -1;
    return p->asked ? nilo_store_collect_ask(a->s, p->c.id, a->now, err) : 0;
}

static int within(struct applying *a, struct nilo_err *err)
{
    bool fresh;
    if (nilo_store_hook_new(a->s, a->notice->hook, a->notice->digest, a->now, &fresh, err) != 0)
        return -1;
    a->done->repeated = !fresh;
    if (!fresh)
        return 0;
    struct fate *fates = nilo_arena_array(&a->arena, a->notice->events->n + 1, sizeof *fates);
    if (fates == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < a->notice->events->n; i++)
        fates[i].aside = put_aside(a, &a->notice->events->list[i]);
    if (load_places(a, err) != 0)
        return -1;
    for (size_t i = 0; i < a->n; i++) {
        if (take_all(a, &a->places[i], fates, err) != 0 || finish_place(a, &a->places[i], err) != 0)
            return -1;
    }
    for (size_t i = 0; i < a->notice->events->n; i++) {
        if (!fates[i].aside)
            ++*(fates[i].did ? &a->done->taken : fates[i].found ? &a->done->nothing : &a->done->foreign);
    }
    return 0;
}

int nilo_hook_apply(struct nilo_store *s, const struct nilo_hook_notice *notice, struct nilo_hook_done *ret, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(s);
    struct applying a = {.s = s, .notice = notice, .done = ret, .now = env->clock.wall(env->clock.ctx)};
    *ret = (struct nilo_hook_done){0};
    nilo_arena_init(&a.arena, (size_t)256 << 20);
    int rc = nilo_store_begin(s, err);
    if (rc == 0) {
        rc = within(&a, err);
        for (size_t i = 0; i < a.n; i++) {
            if (a.places[i].recorder != NULL) /* of a notice that failed */
                nilo_record_abort(a.places[i].recorder, err);
        }
        if (rc == 0)
            rc = nilo_store_commit(s, err);
        else
            nilo_store_rollback(s);
    }
    nilo_arena_done(&a.arena);
    return rc;
}
