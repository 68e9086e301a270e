/* Recording through the public library: one run at a time on a handle, through record like everybody else's. */
#include "lib/lib_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLATFORM_MOST 50

/* ---- reasons ------------------------------------------------------------------------------------------------------------------------ */

static void drop_reasons(struct nilo__lib_run *r)
{
    for (size_t i = 0; i < r->n_reasons; i++) {
        free(r->reasons[i].key);
        free(r->reasons[i].sentence);
    }
    r->n_reasons = 0;
    r->refused = r->unseen = 0;
}

void nilo__lib_run_drop(struct nilometer *n)
{
    if (n->run.recorder != NULL)
        nilo_record_abort(n->run.recorder, NULL);
    n->run.recorder = NULL;
    drop_reasons(&n->run);
}

static struct nilo__reason *find_reason(struct nilo__lib_run *r, const char *key)
{
    for (size_t i = 0; i < r->n_reasons; i++) {
        if (strcmp(r->reasons[i].key, key) == 0)
            return &r->reasons[i];
    }
    return NULL;
}

static int note_reason(struct nilometer *n, const char *key, const char *sentence, int64_t count)
{
    struct nilo__lib_run *r = &n->run;
    struct nilo__reason *to = find_reason(r, key);
    if (to == NULL && r->n_reasons >= NILO__REASONS) { /* the last place is for all others */
        key = "", sentence = "other reasons";
        to = find_reason(r, key);
    }
    if (to != NULL) {
        to->count += count;
        return 0;
    }
    to = &r->reasons[r->n_reasons];
    *to = (struct nilo__reason){strdup(key), strdup(sentence), count};
    if (to->key != NULL && to->sentence != NULL) {
        r->n_reasons++;
        return 0;
    }
    free(to->key);
    free(to->sentence);
    return -1;
}

size_t nilometer_refusals(const struct nilometer *n)
{
    return n != NULL ? n->run.n_reasons : 0;
}

const char *nilometer_refusal(const struct nilometer *n, size_t i, int64_t *ret_count)
{
    if (n == NULL || i >= n->run.n_reasons)
        return NULL;
    if (ret_count != NULL)
        *ret_count = n->run.reasons[i].count;
    return n->run.reasons[i].sentence;
}

/* ---- begin ---------------------------------------------------------------------------------------------------------------------------- */

/* Everything that a run's options say, defaults filled in. */
struct wanted {
    struct nilometer_run o;
    const char *kind; /* push, import */
    char connection[PLATFORM_MOST + sizeof "import-"];
};

static int take_names(struct nilometer *n, struct wanted *w)
{
    size_t len = w->o.platform != NULL ? strlen(w->o.platform) : 1;
    if (len == 0 || len > PLATFORM_MOST ||
        (w->o.platform != NULL && strspn(w->o.platform, "abcdefghijklmnopqrstuvwxyz0123456789_-") != len))
        return nilo_err_set(&n->err, NILO_EINVAL, "platform: \"%.60s\" is not 1 to %d of a-z, 0-9, _ and -", w->o.platform, PLATFORM_MOST);
    if (w->o.workspace == NULL)
        w->o.workspace = n->n_workspaces == 1 ? n->workspaces[0] : "default";
    if (!nilo__lib_in_scope(n, w->o.workspace))
        return nilo_err_set(&n->err, NILO_EPERM, "the workspace \"%.200s\" is outside of this handle's scope", w->o.workspace);
    if (w->o.connection == NULL) {
        snprintf(w->connection, sizeof w->connection, "%s%s%s", w->kind, w->o.platform != NULL ? "-" : "",
                 w->o.platform != NULL ? w->o.platform : "");
        w->o.connection = w->connection;
    }
    return 0;
}

static int take_options(struct nilometer *n, const struct nilometer_run *run, struct wanted *w)
{
    w->o = (struct nilometer_run)NILOMETER_RUN_INIT;
    if (run != NULL && nilo__lib_struct(n, "nilometer_run", run, NILO__FIRST(struct nilometer_run, dry_run), &w->o, sizeof w->o) != 0)
        return -1;
    if (w->o.kind < NILOMETER_PUSH || w->o.kind > NILOMETER_REVISE)
        return nilo_err_set(&n->err, NILO_EINVAL, "there is no kind of run %d", w->o.kind);
    if (w->o.kind == NILOMETER_REVISE && w->o.connection == NULL)
        return nilo_err_set(&n->err, NILO_EINVAL, "revising needs the connection whose values are put right");
    w->kind = w->o.kind == NILOMETER_IMPORT ? "import" : "push";
    return take_names(n, w);
}

static int find_connection(struct nilometer *n, const struct wanted *w, bool make, struct nilo_connection *ret)
{
    struct nilo_workspace workspace;
    const char *platform = w->o.platform != NULL ? w->o.platform : w->kind;
    if (nilo_store_workspace(n->store, w->o.workspace, make, NULL, &workspace, &n->err) != 0)
        return -1;
    return nilo_store_connection(n->store, workspace.id, w->o.connection, make, platform, w->kind, ret, &n->err);
}

static int make_connection(struct nilometer *n, const struct wanted *w, struct nilo_connection *ret)
{
    if (w->o.dry_run || w->o.kind == NILOMETER_REVISE)
        return find_connection(n, w, false, ret);
    if (nilo_store_begin(n->store, &n->err) != 0)
        return -1;
    if (find_connection(n, w, true, ret) != 0) {
        nilo_store_rollback(n->store);
        return -1;
    }
    return nilo_store_commit(n->store, &n->err);
}

static int check_connection(struct nilometer *n, const struct wanted *w, const struct nilo_connection *c)
{
    if (w->o.kind == NILOMETER_REVISE)
        return 0;
    if (strcmp(c->platform, "sql") == 0)
        return nilo_err_set(&n->err, NILO_EINVAL, "the connection \"%s\" is counted from a database by nilometer collect; use one of another name",
                            c->name);
    if (w->o.platform != NULL && strcmp(c->platform, w->o.platform) != 0)
        return nilo_err_set(&n->err, NILO_EINVAL, "the store knows the connection \"%s\" with platform %s, not %s; a new connection needs a new name",
                            c->name, c->platform, w->o.platform);
    return 0;
}

static int begin(struct nilometer *n, const struct nilometer_run *run)
{
    struct wanted w;
    struct nilo_connection c;
    if (take_options(n, run, &w) != 0 || make_connection(n, &w, &c) != 0 || check_connection(n, &w, &c) != 0)
        return -1;
    static const enum nilo_run_kind kinds[] = {NILO_RUN_PUSH, NILO_RUN_IMPORT, NILO_RUN_REVISE};
    bool revise = w.o.kind == NILOMETER_REVISE;
    const struct nilo_run_options o = {
        .kind = kinds[w.o.kind],
        .provenance = w.o.kind == NILOMETER_IMPORT ? NILO_IMPORTED : NILO_OBSERVED,
        .revise = revise || w.o.revise != 0,
        .dry_run = w.o.dry_run != 0,
        .no_close = revise,
        .slot = w.o.slot,
        .target_day = NILO_DAY_NONE,
        .read_until = NILO_DAY_NONE,
        .author = !revise ? NULL : w.o.author != NULL ? w.o.author : "unknown",
    };
    drop_reasons(&n->run);
    n->run.ended[0] = '\0';
    return nilo_record_begin(n->store, &c, &o, &n->run.recorder, &n->err);
}

int nilometer_begin(struct nilometer *n, const struct nilometer_run *run)
{
    int code = nilo__lib_enter(n, NILO__WRITES | NILO__NO_RUN);
    return code != 0 ? code : nilo__lib_leave(n, begin(n, run));
}

/* ---- add ------------------------------------------------------------------------------------------------------------------------------ */

static bool refusal(enum nilo_code code)
{
    return code == NILO_EINVAL || code == NILO_EDATE || code == NILO_EDATERANGE || code == NILO_ENUMBER || code == NILO_EOVERFLOW ||
           code == NILO_EBODY || code == NILO_ENULL;
}

/* An error that is nobody's reading ends the run here, so that no later call meets half of it. */
static int end_run(struct nilometer *n)
{
    snprintf(n->run.ended, sizeof n->run.ended, "%s", n->err.msg);
    nilo_record_abort(n->run.recorder, &n->err);
    n->run.recorder = NULL;
    return -1;
}

static int refuse(struct nilometer *n, const struct nilometer_reading *reading, const char *key)
{
    char sentence[sizeof n->err.msg + 300], own[sizeof n->err.msg];
    const char *id = reading->kind != NILOMETER_APP ? reading->external_id : NULL;
    snprintf(own, sizeof own, "%s", n->err.msg);
    snprintf(sentence, sizeof sentence, "%s%s%.200s%s", own, id != NULL ? " (first: item " : "", id != NULL ? id : "", id != NULL ? ")" : "");
    n->run.refused++;
    if (note_reason(n, key != NULL ? key : own, sentence, 1) == 0)
        return -1;
    nilo_err_nomem(&n->err);
    return end_run(n);
}

static int add(struct nilometer *n, const struct nilometer_reading *reading)
{
    struct nilo_reading r;
    const char *key = NULL;
    if (reading == NULL)
        return nilo__lib_misuse(n, "the reading is NULL");
    nilo_arena_reset(&n->run.scratch);
    if (nilo__lib_reading(n, reading, &r, &key) != 0) {
        if (n->misused)
            return -1;
        if (!refusal(n->err.code))
            return end_run(n);
        n->run.unseen++;
        return refuse(n, reading, key);
    }
    if (nilo_record_add(n->run.recorder, &r, &n->err) == 0)
        return 0;
    return refusal(n->err.code) ? refuse(n, reading, NULL) : end_run(n);
}

int nilometer_add(struct nilometer *n, const struct nilometer_reading *reading)
{
    int code = nilo__lib_enter(n, NILO__WRITES | NILO__RUN);
    return code != 0 ? code : nilo__lib_leave(n, add(n, reading));
}

/* ---- commit, abort ---------------------------------------------------------------------------------------------------------------------- */

/* Into the run's log too: one line a reason, as imports do. */
static int log_reasons(struct nilometer *n)
{
    for (size_t i = 0; i < n->run.n_reasons; i++) {
        const struct nilo__reason *why = &n->run.reasons[i];
        char text[700];
        snprintf(text, sizeof text, "%" PRId64 " %s refused: %.600s", why->count, why->count == 1 ? "reading" : "readings", why->sentence);
        if (nilo_record_fail(n->run.recorder, NULL, "invalid", text, &n->err) != 0)
            return -1;
    }
    return 0;
}

static void fill_summary(const struct nilometer *n, const struct nilo_run *run, struct nilometer_summary *s)
{
    char day[NILO_DAY_TEXT];
    s->run = run->id;
    s->readings = run->readings + n->run.unseen;
    s->refused_readings = n->run.refused;
    s->merged_readings = run->merged_readings;
    s->items = run->items;
    s->recorded = run->outcomes[NILO_RECORDED];
    s->replaced = run->outcomes[NILO_REPLACED];
    s->kept = run->outcomes[NILO_KEPT];
    s->unchanged = run->outcomes[NILO_UNCHANGED];
    s->merged = run->outcomes[NILO_MERGED];
    s->late = run->outcomes[NILO_LATE];
    s->amended = run->outcomes[NILO_AMENDED];
    s->refused = run->outcomes[NILO_REFUSED];
    s->days_closed = run->days_closed;
    nilo_day_format(run->first_day, day);
    snprintf(s->first_day, sizeof s->first_day, "%s", day);
    nilo_day_format(run->last_day, day);
    snprintf(s->last_day, sizeof s->last_day, "%s", day);
    snprintf(s->status, sizeof s->status, "%s", nilo_run_status_name((int)run->status));
}

static int commit(struct nilometer *n, struct nilometer_summary *summary)
{
    struct nilometer_summary s = NILOMETER_SUMMARY_INIT;
    struct nilo_run run = {0};
    if (summary != NULL && summary->size < NILO__FIRST(struct nilometer_summary, status))
        return nilo__lib_misuse(n, "the size in struct nilometer_summary is %zu; begin with NILOMETER_SUMMARY_INIT", summary->size);
    if (log_reasons(n) != 0)
        return end_run(n);
    struct nilo_recorder *r = n->run.recorder;
    n->run.recorder = NULL;
    nilo_arena_reset(&n->run.scratch);
    if (nilo_record_finish(r, NULL, &n->run.scratch, &run, &n->err) != 0) {
        snprintf(n->run.ended, sizeof n->run.ended, "%s", n->err.msg);
        return -1;
    }
    if (run.outcomes[NILO_REFUSED] > 0 &&
        note_reason(n, "closed", "another value for a closed day; with revise it becomes an amendment", run.outcomes[NILO_REFUSED]) != 0)
        nilo__lib_run_drop(n); /* the run is in; for its reasons there is no memory */
    if (summary == NULL)
        return 0;
    size_t size = summary->size < sizeof s ? summary->size : sizeof s;
    fill_summary(n, &run, &s);
    s.size = summary->size;
    memcpy(summary, &s, size);
    return 0;
}

int nilometer_commit(struct nilometer *n, struct nilometer_summary *summary)
{
    int code = nilo__lib_enter(n, NILO__WRITES | NILO__RUN);
    return code != 0 ? code : nilo__lib_leave(n, commit(n, summary));
}

int nilometer_abort(struct nilometer *n)
{
    int code = nilo__lib_enter(n, NILO__WRITES | NILO__RUN);
    if (code != 0)
        return code;
    struct nilo_err cause;
    nilo_err_set(&cause, NILO_ECANCELLED, "aborted by the program that recorded");
    nilo_record_abort(n->run.recorder, &cause);
    n->run.recorder = NULL;
    return nilo__lib_leave(n, 0);
}
