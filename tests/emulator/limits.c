/* Quotas and rates, counted exactly: how many units a project has used of each bucket on this Pacific day, how many calls fell into any window, how
 * many were in flight at once, who came back before it was told to. What is over a limit is refused by the platform's file; here is what it knows. */
#include "emulator/emulator_priv.h"

#include <string.h>

static bool rate_grow(struct emu_rate *r)
{
    size_t cap = r->cap ? r->cap * 2 : 64;
    nilo_us *at = malloc(cap * sizeof *at);
    if (!at)
        return false;
    for (size_t i = 0; i < r->n; i++)
        at[i] = r->at[(r->first + i) % r->cap];
    free(r->at);
    r->at = at;
    r->cap = cap;
    r->first = 0;
    return true;
}

/* A window (now - w, now]: what came exactly w ago is out of it. */
int emu_rate_now(struct emu_rate *r, nilo_us now)
{
    while (r->n && r->at[r->first] <= now - r->window_us) {
        r->first = (r->first + 1) % r->cap;
        r->n--;
    }
    return (int)r->n;
}

int emu_rate_count(struct emu_rate *r, nilo_us now)
{
    emu_rate_now(r, now);
    if (r->n == r->cap && !rate_grow(r))
        return (int)r->n;
    r->at[(r->first + r->n++) % r->cap] = now;
    if ((int64_t)r->n > r->highest)
        r->highest = (int64_t)r->n;
    return (int)r->n;
}

int32_t emu_pacific_day(const struct emulator *em, nilo_us at)
{
    return nilo_zone_day(em->pacific, at).n;
}

bool emu_charge(struct emulator *em, int project, int bucket, int64_t units, nilo_us now)
{
    struct emu_bucket *b = &em->project[project].bucket[bucket];
    int64_t limit = bucket == EMU_BUCKET_STATS ? em->o.quota_stats : em->o.quota;
    int32_t day = emu_pacific_day(em, now);
    if (day != b->day) {
        b->day = day;
        b->used = 0;
    }
    if (b->used + units > limit) {
        b->refused++;
        return false;
    }
    b->used += units;
    if (b->used > b->highest)
        b->highest = b->used;
    return true;
}

struct emu_caller *emu_caller_of(struct emulator *em, const char *name, const char *credential)
{
    for (size_t i = 0; i < em->callers_n; i++)
        if (strcmp(em->caller[i]->name, name) == 0)
            return em->caller[i];
    if (em->callers_n == em->callers_cap) {
        size_t cap = em->callers_cap ? em->callers_cap * 2 : 16;
        struct emu_caller **more = realloc(em->caller, cap * sizeof *more);
        if (!more)
            return NULL;
        em->caller = more;
        em->callers_cap = cap;
    }
    struct emu_caller *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    snprintf(c->name, sizeof c->name, "%s", name);
    if (credential)
        snprintf(c->hash, sizeof c->hash, "%016llx", (unsigned long long)emu_text_hash(credential, strlen(credential)));
    c->second.window_us = NILO_US_SECOND;
    c->window.window_us = em->o.rate_window_s * NILO_US_SECOND;
    em->caller[em->callers_n++] = c;
    return c;
}

void emu_in_flight(struct emu_caller *caller, nilo_us now)
{
    size_t n = 0;
    for (size_t i = 0; i < caller->ends_n; i++)
        if (caller->ends[i] > now)
            caller->ends[n++] = caller->ends[i];
    caller->ends_n = n;
}

bool emu_told_to_wait(const struct emu_caller *caller, const char *host, nilo_us now)
{
    for (size_t i = 0; i < sizeof caller->wait / sizeof *caller->wait; i++)
        if (caller->wait[i].told <= now && now < caller->wait[i].until && (!caller->wait[i].host || strcmp(caller->wait[i].host, host) == 0))
            return true;
    return false;
}

void emu_takes_off(struct emu_caller *caller, nilo_us now, nilo_us end)
{
    emu_in_flight(caller, now);
    if (caller->ends_n == caller->ends_cap) {
        size_t cap = caller->ends_cap ? caller->ends_cap * 2 : 16;
        nilo_us *ends = realloc(caller->ends, cap * sizeof *ends);
        if (!ends)
            return;
        caller->ends = ends;
        caller->ends_cap = cap;
    }
    caller->ends[caller->ends_n++] = end;
    if ((int64_t)caller->ends_n > caller->inflight_highest)
        caller->inflight_highest = (int64_t)caller->ends_n;
}

/* ---- second tries ------------------------------------------------------------------------------------------------------------------------ */

#define AGAIN (35 * NILO_US_MINUTE) /* what is asked for by the hour is no second try */

static struct emu_in_vain *vain_of(struct emulator *em, uint64_t key)
{
    if (em->vain_n * 2 >= em->vain_cap) {
        size_t cap = em->vain_cap ? em->vain_cap * 2 : 1024;
        struct emu_in_vain *all = calloc(cap, sizeof *all);
        if (!all)
            return NULL;
        for (size_t i = 0; i < em->vain_cap; i++) {
            size_t at = em->vain[i].key & (cap - 1);
            while (em->vain[i].key && all[at].key)
                at = (at + 1) & (cap - 1);
            if (em->vain[i].key)
                all[at] = em->vain[i];
        }
        free(em->vain);
        em->vain = all;
        em->vain_cap = cap;
    }
    size_t at = key & (em->vain_cap - 1);
    while (em->vain[at].key && em->vain[at].key != key)
        at = (at + 1) & (em->vain_cap - 1);
    em->vain_n += !em->vain[at].key;
    em->vain[at].key = key;
    return &em->vain[at];
}

static void ask_again(struct emu_call *c, uint64_t thing, bool failed, bool *all)
{
    struct emu_in_vain *v = vain_of(c->em, emu_mix(thing ^ emu_text_hash(c->caller->name, strlen(c->caller->name))) | 1);
    *all = *all && v && v->at && c->now - v->at < AGAIN;
    if (v)
        v->at = failed ? c->now : 0;
}

void emu_count_again(struct emu_call *c, bool failed)
{
    const char *ids = emu_param(c->params, "id");
    bool all = true;
    if (!c->caller)
        return;
    if (ids && *ids) {
        for (const char *end; *ids; ids = end + (*end == ',')) {
            end = ids + strcspn(ids, ",");
            ask_again(c, emu_text_hash(ids, (size_t)(end - ids)), failed, &all);
        }
    } else {
        uint64_t thing = emu_text_hash(c->path, strlen(c->path));
        for (const struct emu_param *p = c->params; p && p->name; p++)
            if (strcmp(p->name, "key") != 0)
                thing = emu_mix(thing ^ emu_text_hash(p->name, strlen(p->name))) ^ emu_text_hash(p->value, strlen(p->value));
        ask_again(c, thing, failed, &all);
    }
    c->em->again += all;
}

void emu_limits_free(struct emulator *em)
{
    free(em->vain);
    for (size_t i = 0; i < em->callers_n; i++) {
        free(em->caller[i]->second.at);
        free(em->caller[i]->window.at);
        free(em->caller[i]->ends);
        free(em->caller[i]);
    }
    free(em->caller);
    for (size_t i = 0; i < em->projects_n; i++) {
        free(em->project[i].second.at);
        free(em->project[i].window.at);
    }
    free(em->project);
    for (size_t i = 0; i < em->counts_n; i++)
        free(em->count[i].second.at);
    free(em->graph_app.at);
    free(em->facebook.app.at);
    for (size_t i = 0; i < EMU_FACEBOOK_PAGES; i++)
        free(em->facebook.page[i].at);
    free(em->instagram.app.at);
    for (size_t i = 0; i < EMU_INSTAGRAM_ACCOUNTS; i++)
        free(em->instagram.account[i].at);
}
