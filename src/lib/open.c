/* The handle of the public library: opening and closing, the rules of every call, the scope. */
#include "lib/lib_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *nilometer_version(void)
{
    return NILO_VERSION;
}

/* ---- every call ------------------------------------------------------------------------------------------------------------------ */

int nilo__lib_misuse(struct nilometer *n, const char *fmt, ...)
{
    va_list ap;
    n->misused = true;
    n->err = (struct nilo_err){.code = NILO_EINVAL};
    va_start(ap, fmt);
    vsnprintf(n->err.msg, sizeof n->err.msg, fmt, ap);
    va_end(ap);
    return -1;
}

static int check_run(struct nilometer *n, unsigned needs)
{
    if ((needs & NILO__NO_RUN) != 0 && n->run.recorder != NULL)
        return nilo__lib_misuse(n, "a run is open; nilometer_commit() or nilometer_abort() it first");
    if ((needs & NILO__RUN) == 0 || n->run.recorder != NULL)
        return 0;
    if (n->run.ended[0] != '\0')
        return nilo__lib_misuse(n, "no run is open: the last one ended with: %.800s", n->run.ended);
    return nilo__lib_misuse(n, "no run is open; nilometer_begin() starts one");
}

static int check_needs(struct nilometer *n, unsigned needs)
{
    if (n->store == NULL)
        return nilo__lib_misuse(n, "this handle has no store: opening it failed");
    if ((needs & NILO__WRITES) != 0 && !n->writes)
        return nilo_err_set(&n->err, NILO_EREADONLY, "this handle only reads; open the store %s with NILOMETER_WRITE",
                            nilo_store_target(n->store));
    if ((needs & NILO__WHOLE) != 0 && n->scoped)
        return nilo_err_set(&n->err, NILO_EPERM, "this acts on the whole store, and the handle is for some of its workspaces only");
    return check_run(n, needs);
}

int nilo__lib_enter(struct nilometer *n, unsigned needs)
{
    if (n == NULL || n->busy) /* from inside of a callback: the call around it keeps its own error */
        return NILOMETER_EMISUSE;
    n->busy = true;
    n->misused = false;
    n->err = (struct nilo_err){.code = NILO_OK};
    return check_needs(n, needs) == 0 ? 0 : nilo__lib_leave(n, -1);
}

int nilo__lib_leave(struct nilometer *n, int rc)
{
    n->busy = false;
    if (rc == 0)
        n->err = (struct nilo_err){.code = NILO_OK};
    n->code = rc == 0 ? NILOMETER_OK : n->misused ? NILOMETER_EMISUSE : nilo__lib_code(n->err.code);
    return n->code;
}

int nilometer_code(const struct nilometer *n)
{
    return n != NULL ? n->code : NILOMETER_EMISUSE;
}

const char *nilometer_message(const struct nilometer *n)
{
    return n != NULL ? n->err.msg : "there is no handle: it is NULL, or memory ran out when it was opened";
}

int nilo__lib_struct(struct nilometer *n, const char *what, const void *from, size_t least, void *to, size_t size)
{
    size_t given;
    memcpy(&given, from, sizeof given);
    if (given < least)
        return nilo__lib_misuse(n, "the size in struct %s is %zu; begin with its _INIT", what, given);
    for (size_t i = size; i < given; i++) {
        if (((const unsigned char *)from)[i] != 0)
            return nilo_err_set(&n->err, NILO_EINVAL, "struct %s says something that this version of the library, %s, does not know", what,
                                NILO_VERSION);
    }
    memcpy(to, from, given < size ? given : size);
    return 0;
}

/* ---- scope -------------------------------------------------------------------------------------------------------------------------- */

bool nilo__lib_in_scope(const struct nilometer *n, const char *workspace)
{
    for (size_t i = 0; i < n->n_workspaces; i++) {
        if (strcmp(n->workspaces[i], workspace) == 0)
            return true;
    }
    return !n->scoped;
}

/* A workspace of the scope that is not there yet has nothing to show. */
int nilo__lib_scope(struct nilometer *n, struct nilo_arena *arena, struct nilo_scope *ret)
{
    *ret = NILO_SCOPE_ALL;
    if (!n->scoped)
        return 0;
    int64_t *ids = nilo_arena_array(arena, n->n_workspaces + 1, sizeof *ids);
    struct nilo_workspace *all;
    size_t n_all, k = 0;
    if (ids == NULL)
        return nilo_err_nomem(&n->err);
    if (nilo_store_workspaces(n->store, &all, &n_all, &n->err) != 0)
        return -1;
    for (size_t i = 0; i < n_all; i++) {
        if (nilo__lib_in_scope(n, all[i].name))
            ids[k++] = all[i].id;
    }
    free(all);
    *ret = (struct nilo_scope){.role = NILO_ROLE_SERVICE, .workspaces = ids, .n = k};
    return 0;
}

static bool known(const struct nilo_workspace *all, size_t n_all, const char *name)
{
    for (size_t i = 0; i < n_all; i++) {
        if (strcmp(all[i].name, name) == 0)
            return true;
    }
    return false;
}

/* A reader makes no workspace, so a name that is not there is a mistake. A writer may be about to make it. */
static int check_scope(struct nilometer *n)
{
    struct nilo_workspace *all;
    size_t n_all;
    int rc = 0;
    if (n->writes || !n->scoped)
        return 0;
    if (nilo_store_workspaces(n->store, &all, &n_all, &n->err) != 0)
        return -1;
    for (size_t i = 0; i < n->n_workspaces && rc == 0; i++) {
        if (!known(all, n_all, n->workspaces[i]))
            rc = nilo_err_set(&n->err, NILO_ENOENT, "there is no workspace \"%.200s\" in the store %s", n->workspaces[i],
                              nilo_store_target(n->store));
    }
    free(all);
    return rc;
}

/* Names are unique here: a workspace that is named twice is read once. */
static int copy_scope(struct nilometer *n, const struct nilometer_options *o)
{
    if (o->workspaces == NULL)
        return o->n_workspaces == 0 ? 0 : nilo__lib_misuse(n, "n_workspaces is %zu, and workspaces is NULL", o->n_workspaces);
    n->scoped = true;
    n->workspaces = calloc(o->n_workspaces + 1, sizeof *n->workspaces);
    if (n->workspaces == NULL)
        return nilo_err_nomem(&n->err);
    for (size_t i = 0; i < o->n_workspaces; i++) {
        if (o->workspaces[i] == NULL)
            return nilo__lib_misuse(n, "workspaces[%zu] is NULL", i);
        n->workspaces[n->n_workspaces] = strdup(o->workspaces[i]);
        if (n->workspaces[n->n_workspaces] == NULL)
            return nilo_err_nomem(&n->err);
        n->n_workspaces++;
    }
    return 0;
}

/* ---- open, close ---------------------------------------------------------------------------------------------------------------------- */

static nilo_us callers_clock(void *ctx)
{
    const struct nilometer *n = ctx;
    return n->clock(n->clock_ctx);
}

static int make_env(struct nilometer *n, const struct nilometer_options *o, struct nilo_env *ret)
{
    if (nilo_env_plain(ret, &n->err) != 0)
        return -1;
    if (o->clock == NULL)
        return 0;
    n->clock = o->clock;
    n->clock_ctx = o->clock_ctx;
    /* one clock for both: with the system's for spans, a clock that stands still would look like one that was set back */
    ret->clock.wall = ret->clock.mono = callers_clock;
    ret->clock.ctx = n;
    return 0;
}

static int open_store(struct nilometer *n, const char *target, const struct nilometer_options *options)
{
    static const enum nilo_store_mode modes[] = {NILO_STORE_READ, NILO_STORE_WRITE, NILO_STORE_CREATE};
    struct nilometer_options o = NILOMETER_OPTIONS_INIT;
    struct nilo_env env;
    if (target == NULL)
        return nilo__lib_misuse(n, "the store to open is NULL");
    if (options != NULL && nilo__lib_struct(n, "nilometer_options", options, NILO__FIRST(struct nilometer_options, clock_ctx), &o, sizeof o) != 0)
        return -1;
    if (o.mode < NILOMETER_READ || o.mode > NILOMETER_CREATE)
        return nilo_err_set(&n->err, NILO_EINVAL, "there is no mode %d to open a store in", o.mode);
    n->writes = o.mode != NILOMETER_READ;
    if (copy_scope(n, &o) != 0 || make_env(n, &o, &env) != 0 ||
        nilo_store_open(target, modes[o.mode], &env, &n->store, &n->err) != 0)
        return -1;
    return check_scope(n);
}

int nilometer_open(const char *target, const struct nilometer_options *options, struct nilometer **ret)
{
    if (ret == NULL)
        return NILOMETER_EMISUSE;
    struct nilometer *n = *ret = calloc(1, sizeof *n);
    if (n == NULL)
        return NILOMETER_ENOMEM;
    nilo_arena_init(&n->run.scratch, 0);
    n->busy = true;
    int rc = open_store(n, target, options);
    if (rc != 0) {
        nilo_store_close(n->store);
        n->store = NULL;
    }
    return nilo__lib_leave(n, rc);
}

int nilometer_close(struct nilometer *n)
{
    if (n == NULL)
        return NILOMETER_OK;
    if (n->busy)
        return NILOMETER_EMISUSE;
    n->busy = true; /* for a clock that calls back */
    nilo__lib_run_drop(n);
    nilo_arena_done(&n->run.scratch);
    nilo_store_close(n->store);
    for (size_t i = 0; i < n->n_workspaces; i++)
        free(n->workspaces[i]);
    free(n->workspaces);
    free(n);
    return NILOMETER_OK;
}
