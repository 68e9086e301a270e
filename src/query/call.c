/* Function calls: which there are, their arguments, and what a function may ask of its call. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "query/functions.h"

/* ---- the table ------------------------------------------------------------------------------------------------------------------- */

static const struct nilo_function *const builtin[] = {
#define X(name) &nilo__fn_##name,
    NILO__FUNCTION_ROWS(X)
#undef X
};
#define N_BUILTIN      (sizeof builtin / sizeof builtin[0])
#define REGISTERED_MAX 64
static const struct nilo_function *registered[REGISTERED_MAX];
static size_t n_registered;

size_t nilo_functions_n(void)
{
    return N_BUILTIN + n_registered;
}
const struct nilo_function *nilo_function_at(size_t i)
{
    return i < N_BUILTIN ? builtin[i] : registered[i - N_BUILTIN];
}

const struct nilo_function *nilo_function_find(const char *name)
{
    for (size_t i = 0; i < nilo_functions_n(); i++)
        if (strcmp(nilo_function_at(i)->name, name) == 0)
            return nilo_function_at(i);
    return NULL;
}

bool nilo_function_register(const struct nilo_function *f)
{
    if (n_registered == REGISTERED_MAX || nilo_function_find(f->name))
        return false;
    registered[n_registered++] = f;
    return true;
}

/* ---- the call ---------------------------------------------------------------------------------------------------------------------- */

static int parameter_of(const struct nilo_function *f, const char *name)
{
    for (size_t i = 0; i < f->n_parameters; i++) {
        const struct nilo_parameter *p = &f->parameters[i];
        size_t len = strlen(p->name);
        if (strcmp(p->name, name) == 0 ? !p->prefix : p->prefix && strncmp(name, p->name, len) == 0)
            return (int)i;
    }
    return -1;
}

/* "timeseries takes metric, from, to" */
static void list_parameters(const struct nilo_function *f, struct nilo_notes *notes)
{
    struct nilo_buf list;
    nilo_buf_init(&list, sizeof notes->hint - 1);
    nilo_buf_addf(&list, "%s takes %s", f->name, f->n_parameters ? "" : "no arguments");
    for (size_t i = 0; i < f->n_parameters; i++)
        nilo_buf_addf(&list, "%s%s%s", i ? ", " : "", f->parameters[i].name,
                      f->parameters[i].prefix ? "<metric>" : "");
    snprintf(notes->hint, sizeof notes->hint, "%s", nilo_buf_str(&list));
    nilo_buf_done(&list);
}

static int no_function(const char *name, const struct nilo_arg *args, size_t n, struct nilo_notes *notes,
                       struct nilo_err *err)
{
    struct nilo__near near = {.name = name, .len = strlen(name)};
    struct nilo_buf list;
    for (size_t i = 0; i < nilo_functions_n(); i++)
        nilo__near_try(&near, nilo_function_at(i)->name);
    const struct nilo_function *f = nilo_function_find(name);
    for (size_t i = 0; f && i < n && notes; i++) {
        struct nilo__near word = {.name = args[i].name, .len = strlen(args[i].name)};
        if (parameter_of(f, args[i].name) >= 0)
            continue;
        for (size_t k = 0; k < f->n_parameters; k++)
            nilo__near_try(&word, f->parameters[k].name);
        if (word.best)
            snprintf(notes->hint, sizeof notes->hint, "Perhaps you meant the argument %s", word.best);
        else
            list_parameters(f, notes);
        break;
    }
    if (!f && near.best && notes)
        snprintf(notes->hint, sizeof notes->hint, "Perhaps you meant to call the function public.%s", near.best);
    nilo_buf_init(&list, 600);
    for (size_t i = 0; i < n; i++)
        nilo_buf_addf(&list, "%s%.60s", i ? ", " : "", args[i].name);
    nilo_err_set(err, NILO_EFUNCTION, "Could not find the function public.%.100s%s%s%s in the schema cache", name,
                 n ? "(" : "", n ? nilo_buf_str(&list) : " without parameters", n ? ")" : "");
    nilo_buf_done(&list);
    return -1;
}

static int bad_value(const struct nilo_parameter *p, const char *value, enum nilo_code code, struct nilo_err *err)
{
    return nilo_err_set(err, code, "invalid input syntax for type %s: \"%.100s\" (argument %s)",
                        nilo_type_name(p->type), value, p->name);
}

static int check_argument(const struct nilo_parameter *p, const char *value, struct nilo_err *err)
{
    nilo_day day;
    int64_t number;
    struct nilo_iso iso;
    size_t len = strlen(value);
    if (!nilo_utf8_valid(value, len, NULL))
        return bad_value(p, "?", NILO_EINVAL, err);
    switch (p->type) {
    case NILO_T_DAY:
        return nilo_day_parse(value, len, &day, err) < 0 ? nilo_err_wrap(err, "argument %s", p->name) : 0;
    case NILO_T_TIME:
        return nilo_iso_parse(value, len, &iso, err) < 0 ? nilo_err_wrap(err, "argument %s", p->name) : 0;
    case NILO_T_INT:
        return nilo_decimal_parse(value, len, 0, false, &number, NULL) < 0 ? bad_value(p, value, NILO_ENUMBER, err) : 0;
    case NILO_T_DECIMAL:
        return nilo_decimal_parse(value, len, NILO_SCALE_MAX, false, &number, NULL) < 0
                   ? bad_value(p, value, NILO_ENUMBER, err)
                   : 0;
    case NILO_T_BOOL:
        return strcmp(value, "true") != 0 && strcmp(value, "false") != 0 ? bad_value(p, value, NILO_ENUMBER, err) : 0;
    case NILO_T_JSON:
        return nilo_json_check(value, len, err);
    default:
        return 0;
    }
}

/* A name given twice is a slip that must not pass: which of the two was meant? */
static int check_twice(const struct nilo_arg *args, size_t n, struct nilo_err *err)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            if (strcmp(args[i].name, args[k].name) == 0)
                return nilo_err_set(err, NILO_EINVAL, "the argument %.100s is given twice; give it once",
                                    args[i].name);
    return 0;
}

static int take_argument(struct nilo_query *q, const struct nilo_arg *arg, int at, struct nilo_err *err)
{
    const struct nilo_parameter *p = &q->function->parameters[at];
    struct nilo_parameter named = *p;
    named.name = arg->name;
    if (!arg->value)
        return 0;
    if (check_argument(&named, arg->value, err) < 0)
        return -1;
    const char *value = nilo_arena_strdup(&q->arena, arg->value);
    if (p->prefix) {
        const char *name = nilo_arena_strdup(&q->arena, arg->name);
        q->others[q->n_others++] = (struct nilo_arg){name, value};
        return name && value ? 0 : nilo_err_nomem(err);
    }
    q->arguments[at] = value;
    return value ? 0 : nilo_err_nomem(err);
}

/* as_of: an argument, or told beside the arguments (--as-of). */
static int take_as_of(struct nilo_query *q, struct nilo_err *err)
{
    const struct nilo_function *f = q->function;
    int at = parameter_of(f, "as_of");
    if (q->request.as_of && at < 0)
        return nilo_err_set(err, NILO_EINVAL, "%s cannot be asked as of a time; " NILO__AS_OF_CAN, f->name);
    if (at < 0)
        return 0;
    if (q->request.as_of && q->arguments[at])
        return nilo_err_set(err, NILO_EINVAL, "as_of is given twice; give it once");
    if (q->request.as_of && !(q->arguments[at] = nilo_arena_strdup(&q->arena, q->request.as_of)))
        return nilo_err_nomem(err);
    q->request.as_of = NULL;
    if (!q->arguments[at])
        return 0;
    if (nilo_iso_parse(q->arguments[at], strlen(q->arguments[at]), &q->as_of, err) < 0)
        return nilo_err_wrap(err, "as_of");
    q->has_as_of = true;
    return 0;
}

static int take_arguments(struct nilo_query *q, const struct nilo_arg *args, size_t n, struct nilo_notes *notes,
                          struct nilo_err *err)
{
    const struct nilo_function *f = q->function;
    q->arguments = nilo_arena_array(&q->arena, f->n_parameters + 1, sizeof *q->arguments);
    q->others = nilo_arena_array(&q->arena, n + 1, sizeof *q->others);
    if (!q->arguments || !q->others)
        return nilo_err_nomem(err);
    if (check_twice(args, n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        int at = parameter_of(f, args[i].name);
        if (at < 0 && strcmp(args[i].name, "as_of") == 0)
            return nilo_err_set(err, NILO_EINVAL, "%s cannot be asked as of a time; " NILO__AS_OF_CAN, f->name);
        if (at < 0)
            return no_function(f->name, args, n, notes, err);
        if (take_argument(q, &args[i], at, err) < 0)
            return -1;
    }
    if (take_as_of(q, err) < 0)
        return -1;
    for (size_t i = 0; i < f->n_parameters; i++)
        if (f->parameters[i].required && !q->arguments[i])
            return nilo_err_set(err, NILO_ENULL, "%s needs the argument %s: %s", f->name, f->parameters[i].name,
                                f->parameters[i].doc);
    return 0;
}

/* The function's own columns, then those that its arguments ask for. */
static int name_columns(struct nilo_query *q, struct nilo_err *err)
{
    const struct nilo_function *f = q->function;
    const struct nilo_call c = {.q = q};
    struct nilo_out_column *more = NULL;
    size_t n_more = 0;
    if (f->more_columns && f->more_columns(&c, &q->arena, &more, &n_more, err) < 0)
        return -1;
    q->out = nilo_arena_array(&q->arena, f->n_columns + n_more, sizeof *q->out);
    if (!q->out)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < f->n_columns; i++)
        q->out[q->n_out++] = (struct nilo_out_column){.name = f->columns[i].name, .type = f->columns[i].type};
    for (size_t i = 0; i < n_more; i++)
        q->out[q->n_out++] = more[i];
    return 0;
}

int nilo_query_call(const char *function, const struct nilo_arg *args, size_t n, const struct nilo_request *request,
                    struct nilo_query **ret, struct nilo_notes *notes, struct nilo_err *err)
{
    if (notes)
        *notes = (struct nilo_notes){0};
    const struct nilo_function *f = nilo_function_find(function);
    return f ? nilo__call_new(f, args, n, request, ret, notes, err) : no_function(function, args, n, notes, err);
}

int nilo__call_new(const struct nilo_function *f, const struct nilo_arg *args, size_t n, const struct nilo_request *request, struct nilo_query **ret,
                   struct nilo_notes *notes, struct nilo_err *err)
{
    struct nilo_query *q = calloc(1, sizeof *q);
    if (!q)
        return nilo_err_nomem(err);
    nilo_arena_init(&q->arena, (size_t)64 << 20);
    q->request = *request;
    q->function = f;
    q->total = q->limit = -1;
    if (take_arguments(q, args, n, notes, err) < 0 || name_columns(q, err) < 0 || nilo__call_columns(q, err) < 0) {
        nilo_query_free(q);
        return -1;
    }
    *ret = q;
    return 0;
}

/* A table of somebody else's may be able to say how many rows there are; what is put together here is counted here. */
static int count_ahead(struct nilo_call *c, struct nilo_head *head, struct nilo_err *err)
{
    int64_t total;
    if (c->q->request.count == NILO_COUNT_NONE || c->q->folded || !c->q->function->count)
        return 0;
    int rc = c->q->function->count(c, &total, err);
    return rc < 0 ? -1 : rc == 1 ? 0 : nilo__count_head(c->q, total, head, err);
}

int nilo__call_run(struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope,
                   const struct nilo_sink *sink, struct nilo_err *err)
{
    struct nilo_call c = {.q = q, .store = s, .scope = scope, .sink = sink};
    struct nilo_head head = {.columns = q->out, .n = q->n_out, .offset = q->offset, .total = -1, .page = -1, .limited = q->limited, .one = q->function->one && !q->folded};
    nilo_arena_init(&c.arena, 0);
    q->note[0] = '\0';
    q->total = -1;
    int rc = q->shaped ? nilo__shaping_new(q, sink, &c.shaping, err) : 0;
    if (rc == 0)
        rc = count_ahead(&c, &head, err);
    if (rc == 0)
        rc = c.shaping ? nilo__shaping_head(c.shaping, &head, err) : sink->head(sink->ctx, &head, err);
    if (rc == 0)
        rc = q->function->run(&c, err);
    if (c.shaping)
        rc = nilo__shaping_end(c.shaping, rc, &head, err);
    else if (rc == 0)
        q->total = c.rows;
    nilo__shaping_free(c.shaping);
    nilo_arena_done(&c.arena);
    return rc;
}

/* ---- for functions -------------------------------------------------------------------------------------------------------------------- */

const struct nilo_function *nilo_call_function(const struct nilo_call *c)
{
    return c->q->function;
}
struct nilo_store *nilo_call_store(const struct nilo_call *c)
{
    return c->store;
}
const struct nilo_scope *nilo_call_scope(const struct nilo_call *c)
{
    return c->scope;
}
const struct nilo_request *nilo_call_request(const struct nilo_call *c)
{
    return &c->q->request;
}
struct nilo_arena *nilo_call_arena(const struct nilo_call *c)
{
    return &((struct nilo_call *)(uintptr_t)c)->arena;
}

const char *nilo_call_text(const struct nilo_call *c, const char *name)
{
    int at = parameter_of(c->q->function, name);
    if (at < 0)
        return NULL;
    return c->q->arguments[at] ? c->q->arguments[at] : c->q->function->parameters[at].fallback;
}

nilo_day nilo_call_day(const struct nilo_call *c, const char *name)
{
    const char *text = nilo_call_text(c, name);
    nilo_day day;
    return text && nilo_day_parse(text, strlen(text), &day, NULL) == 0 ? day : NILO_DAY_NONE;
}

int64_t nilo_call_int(const struct nilo_call *c, const char *name, int64_t fallback)
{
    const char *text = nilo_call_text(c, name);
    int64_t v;
    return text && nilo_decimal_parse(text, strlen(text), 0, false, &v, NULL) == 0 ? v : fallback;
}

bool nilo_call_each(const struct nilo_call *c, const char *prefix, size_t i, const char **ret_name,
                    const char **ret_value)
{
    for (size_t k = 0; k < c->q->n_others; k++) {
        const struct nilo_arg *a = &c->q->others[k];
        if (strncmp(a->name, prefix, strlen(prefix)) != 0 || i-- > 0)
            continue;
        *ret_name = a->name;
        *ret_value = a->value;
        return true;
    }
    return false;
}

int nilo_call_row(struct nilo_call *c, const struct nilo_datum *cells, struct nilo_err *err)
{
    c->rows++;
    if (c->shaping)
        return nilo__shaping_row(c->shaping, cells, err);
    return c->sink->row(c->sink->ctx, cells, err);
}

int nilo_call_today(const struct nilo_call *c, nilo_day *ret, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(c->store);
    const struct nilo_calendar *calendar;
    nilo_us now = env->clock.wall(env->clock.ctx);
    if (nilo__scope_calendar(c->store, c->scope, &calendar, err) < 0)
        return -1;
    if (calendar)
        *ret = nilo_calendar_day(calendar, now);
    else
        *ret = NILO_DAY((int32_t)((now - (now < 0 ? NILO_US_DAY - 1 : 0)) / NILO_US_DAY));
    return 0;
}
