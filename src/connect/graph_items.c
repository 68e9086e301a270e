/* Media and posts on the Graph API with their metrics, by field expansion: an item's own fields and its insights in one go. Of several: a batch, in which each is a
 * question with an answer of its own, or ?ids=, which one wrong id fails (then the caller asks for halves).
 *
 * A name of a metric that is refused fails the whole question: the variant leaves it out (graph_variant.c), for all items of the kind where all of a request were
 * refused, else for those alone. What an item is made of, and which other refusals go away with other words, says the platform's struct nilo__graph_items. */
#include <string.h>

#include "base/json.h"
#include "connect/graph_priv.h"
#include "connect/walk.h"

/* ---- insights ----------------------------------------------------------------------------------------------------------------------------- */

static int keep(const char **to, const char *text, size_t len, struct nilo_arena *arena, struct nilo_err *err)
{
    *to = nilo_arena_strndup(arena, text, len < 100 ? len : 100);
    return *to != NULL ? 0 : nilo_err_nomem(err);
}

bool nilo__graph_is_odd(enum nilo_json_event event)
{
    return event == NILO_JSON_TRUE || event == NILO_JSON_FALSE || event == NILO_JSON_OBJECT_BEGIN || event == NILO_JSON_ARRAY_BEGIN;
}

int nilo__graph_insight_take(struct nilo__graph_insights *all, const char *path, enum nilo_json_event event, const char *text, size_t len, struct nilo_arena *arena,
                             struct nilo_err *err)
{
    if (path[0] == '\0' && event == NILO_JSON_OBJECT_BEGIN)
        all->n++;
    if (all->n == 0 || all->n > NILO__GRAPH_INSIGHTS)
        return 0;
    struct nilo__graph_insight *one = &all->all[all->n - 1];
    const char **to = strcmp(path, ".name") == 0                ? &one->name
                      : strcmp(path, ".period") == 0            ? &one->period
                      : strcmp(path, ".values[].value") == 0    ? &one->value
                      : strcmp(path, ".total_value.value") == 0 ? &one->total
                                                                : NULL;
    if (to != NULL && nilo__graph_is_odd(event)) {
        one->object = one->object || (to == &one->value && event == NILO_JSON_OBJECT_BEGIN);
        return keep(to, "?", 1, arena, err);
    }
    return to != NULL && (event == NILO_JSON_STRING || event == NILO_JSON_NUMBER) ? keep(to, text, len, arena, err) : 0;
}

void nilo__graph_wrong(struct nilo_item *item, const char *sentence)
{
    item->class = NILO_CLASS_INVALID;
    item->reason = sentence != NULL ? sentence : "something in it does not read";
}

void nilo__graph_posted(const char *title, const char *name, const char *text, nilo_us at, struct nilo_arena *arena, struct nilo_item *item)
{
    item->posted_at = nilo__instant_of(text);
    if (text != NULL && item->posted_at == NILO_US_NONE)
        nilo__graph_wrong(item, nilo_arena_printf(arena, "%s's %s \"%.40s\" does not read", title, name, text));
    if (item->posted_at != NILO_US_NONE && item->posted_at > at + 5 * NILO_US_MINUTE) { /* of our clock: later is nothing that has been posted */
        nilo__graph_wrong(item, nilo_arena_printf(arena, "%s's %s %.40s is in the future", title, name, text));
        item->posted_at = NILO_US_NONE;
    }
}

void nilo__graph_value(const char *title, struct nilo_item_value *to, const char *metric, const char *text, enum nilo_absence otherwise, struct nilo_arena *arena,
                       struct nilo_item *item)
{
    *to = (struct nilo_item_value){.metric = nilo__metric_of(metric), .absence = otherwise};
    if (text == NULL)
        return;
    to->absence = nilo__count_of(text, &to->value) ? NILO_PRESENT : NILO_FAILED;
    if (to->absence == NILO_FAILED)
        nilo__graph_wrong(item, nilo_arena_printf(arena, "%s's %s are \"%.40s\", which is no count that can be kept", title, metric, text));
}

/* ---- asking ---------------------------------------------------------------------------------------------------------------------------------- */

static const char *fields_of(const struct nilo__graph_items *g, struct nilo__making *m)
{
    size_t n;
    const char *const *names = g->names(m->ask->kind, &n);
    uint32_t asked = nilo__graph_asked(m->ask->variant, n);
    struct nilo_buf b;
    nilo_buf_init(&b, 4096);
    nilo_buf_adds(&b, g->fields(m->ask));
    for (size_t i = 0, k = 0; i < n; i++) {
        if ((asked >> i & 1) != 0)
            nilo_buf_addf(&b, "%s%s", k++ > 0 ? "," : ",insights.metric(", names[i]);
    }
    nilo_buf_adds(&b, asked != 0 ? ")" : "");
    const char *text = nilo_arena_strdup(m->arena, nilo_buf_str(&b));
    nilo_buf_done(&b);
    return text;
}

static const char *batch_of(struct nilo__making *m, const char *fields)
{
    struct nilo_buf b;
    struct nilo_json_out o;
    nilo_buf_init(&b, 1u << 20);
    nilo_json_out_init(&o, &b);
    nilo_json_array_begin(&o);
    for (size_t i = 0; i < m->ask->n_ids; i++) {
        const char *url = nilo_arena_printf(m->arena, "%s?fields=%s", m->ask->ids[i], fields);
        nilo_json_object_begin(&o);
        nilo_json_key(&o, "method");
        nilo_json_str(&o, "GET");
        nilo_json_key(&o, "relative_url");
        nilo_json_str(&o, url);
        nilo_json_object_end(&o);
        m->failed = m->failed || url == NULL;
    }
    nilo_json_array_end(&o);
    const char *text = b.failed ? NULL : nilo_arena_strdup(m->arena, nilo_buf_str(&b));
    nilo_buf_done(&b);
    return text;
}

static const char *joined(struct nilo__making *m)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 8192);
    for (size_t i = 0; i < m->ask->n_ids; i++)
        nilo_buf_addf(&b, "%s%s", i > 0 ? "," : "", m->ask->ids[i]);
    const char *text = nilo_arena_strdup(m->arena, nilo_buf_str(&b));
    nilo_buf_done(&b);
    return text;
}

int nilo__graph_make_items(const struct nilo__graph_items *g, struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_ask *a = m->ask;
    const char *fields = fields_of(g, m);
    if (a->n_ids == 0 || a->n_ids > NILO__GRAPH_BATCH)
        return nilo_err_set(err, NILO_EINVAL, "%zu %s in one call of %s's; it takes 1 to %d", a->n_ids, g->what, g->title, NILO__GRAPH_BATCH);
    for (size_t i = 0; i < a->n_ids; i++) {
        if (!nilo__graph_id_fine(a->ids[i]))
            return nilo_err_set(err, NILO_EINVAL, "%.100s is no id of %s %s", a->ids[i], g->title, g->what);
    }
    if (fields == NULL)
        return nilo_err_nomem(err);
    m->call->cost = (int)a->n_ids; /* each counts, however they are asked for */
    if (a->n_ids > 1 && g->in_batch(a)) {
        const char *text = batch_of(m, fields);
        if (text == NULL || m->failed)
            return nilo_err_nomem(err);
        g->address(m, "/", g->batch_purpose);
        m->call->http.method = "POST";
        nilo__add_form(m, "batch", text, false);
        return g->sign(m, err);
    }
    g->address(m, a->n_ids == 1 ? nilo_arena_printf(m->arena, "/%s", a->ids[0]) : "/", g->purpose);
    if (a->n_ids > 1)
        nilo__add_query(m, "ids", joined(m));
    nilo__add_query(m, "fields", fields);
    return g->sign(m, err);
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------------------------ */

struct taking {
    const struct nilo__graph_items *of;
    const struct nilo_ask *ask;
    nilo_us at;
    struct nilo_arena *arena;
    struct nilo_result *ret;
    struct nilo_item *items;
    uint32_t refused;  /* names, by parts of a batch */
    size_t n_refused, n_instead; /* items whose names are refused; that are told of in other words */
    unsigned instead;
    struct nilo_err *err;
};

struct one {
    const struct nilo__graph_items *of;
    void *said;
    const char *below; /* "<id>." of an answer by ids; "" */
    bool object;
    struct nilo_arena *arena;
    struct nilo_err *err;
};

static int take_one(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    struct one *o = ctx;
    size_t n = strlen(o->below);
    if (n > 0 && strncmp(path, o->below, n) != 0) { /* another's, or the item itself: its path has no dot */
        o->object = o->object || (event == NILO_JSON_OBJECT_BEGIN && strlen(path) == n - 1 && strncmp(path, o->below, n - 1) == 0);
        return 0;
    }
    o->object = o->object || (event == NILO_JSON_OBJECT_BEGIN && path[n] == '\0');
    return o->of->member(o->said, path + n, event, text, len, o->arena, o->err);
}

/* A body with the item in it. */
static int take_body(struct taking *t, size_t i, const char *body, size_t n, const char *below)
{
    struct nilo_err why = {0};
    struct one o = {.of = t->of, .said = nilo_arena_alloc(t->arena, t->of->size), .below = below, .arena = t->arena, .err = &why};
    if (o.said == NULL)
        return nilo_err_nomem(t->err);
    memset(o.said, 0, t->of->size);
    if (nilo__walk(body, n, take_one, &o, &why) != 0) {
        if (why.code == NILO_ENOMEM)
            return nilo_err_nomem(t->err);
        nilo__graph_wrong(&t->items[i], nilo_arena_printf(t->arena, "%s's answer does not read: %.200s", t->of->title, why.msg));
        return 0;
    }
    const char *id = t->of->id(o.said);
    if (o.object && id != NULL && strcmp(id, t->ask->ids[i]) == 0)
        return t->of->fill(t->ask, o.said, t->at, t->arena, &t->items[i], t->err);
    const char *sentence = nilo_arena_printf(t->arena, !o.object && below[0] != '\0' ? "%s answers without it: deleted, or not visible" : "%s's answer is about something else", t->of->title);
    nilo__graph_wrong(&t->items[i], sentence);
    if (!o.object && below[0] != '\0')
        t->items[i].class = NILO_CLASS_GONE;
    return 0;
}

/* What is wrong with one item alone. What is wrong with all is in the result then. */
static void take_item_error(struct taking *t, size_t i, const struct nilo__graph_error *e, int status)
{
    struct nilo_item *item = &t->items[i];
    struct nilo_result r = *t->ret;
    size_t n;
    const char *const *names = t->of->names(t->ask->kind, &n);
    unsigned instead = t->ask->variant;
    uint32_t refused;
    r.class = status >= 500 ? NILO_CLASS_TRANSIENT : NILO_CLASS_INVALID;
    r.until = NILO_UNTIL_SOON;
    nilo__graph_classify(e, t->of->title, t->at, t->arena, &r);
    item->class = r.class;
    item->reason = r.message;
    if (nilo__graph_of_metric(e, names, n, &refused) && nilo__graph_asked(t->ask->variant, n) != 0) {
        t->refused |= refused;
        t->n_refused++;
        item->unsure = true;
    } else if (t->of->instead(t->ask, e, &instead) && instead != t->ask->variant) {
        item->class = t->of->one_by_one ? NILO_CLASS_INVALID : item->class;
        item->unsure = true;
        t->n_instead++;
        t->instead = instead;
    } else if (r.class == NILO_CLASS_RATE_LIMITED || r.class == NILO_CLASS_AUTH || r.key_wrong) {
        r.variant = t->ask->variant;
        *t->ret = r;
    }
}

/* Names that are refused: without them, all or those alone. Where nobody knows which, the search begins. */
static void turn(struct taking *t)
{
    size_t n, n_ids = t->ask->n_ids;
    unsigned next;
    t->of->names(t->ask->kind, &n);
    bool can = t->n_refused > 0 && nilo__graph_after_refusal(t->ask->variant, n, t->refused, &next);
    t->ret->doubt_variant = t->n_instead > 0 ? t->instead : NILO__GRAPH_NO_INSIGHTS | (t->ask->variant & NILO__GRAPH_OWN);
    if (t->n_instead == n_ids && !t->of->one_by_one) {
        t->ret->again = true;
        t->ret->variant = t->instead;
    } else if (can && t->n_refused == n_ids) {
        t->ret->again = true;
        t->ret->variant = next;
    } else if (can && t->n_instead == 0 && (t->refused & nilo__graph_asked(t->ask->variant, n)) != 0) {
        t->ret->doubt_variant = next;
    }
}

/* While names are held back to find the bad one, an answer is only a step. */
static void after_answer(struct taking *t)
{
    size_t n;
    t->of->names(t->ask->kind, &n);
    unsigned next = nilo__graph_after_answer(t->ask->variant, n);
    bool any = false;
    for (size_t i = 0; i < t->ask->n_ids; i++)
        any = any || t->items[i].n_values > 0;
    if (next == t->ask->variant || !any || t->n_refused > 0)
        return;
    t->ret->again = true;
    t->ret->variant = next;
}

static int take_parts(struct taking *t, const struct nilo_http_answer *a)
{
    struct nilo__graph_part *parts = nilo_arena_array(t->arena, NILO__GRAPH_BATCH, sizeof(*parts));
    struct nilo_err why = {0};
    size_t n;
    if (parts == NULL)
        return nilo_err_nomem(t->err);
    if (nilo__graph_parts(a, NILO__GRAPH_BATCH, t->of->types, t->arena, parts, &n, t->ret, &why) != 0)
        return why.code == NILO_ENOMEM ? nilo_err_nomem(t->err) : nilo__unreadable(t->of->title, t->arena, &why, t->ret);
    for (size_t i = 0; i < t->ask->n_ids && t->ret->class == NILO_CLASS_OK; i++) {
        struct nilo__graph_error e = {0};
        if (i < n && parts[i].there)
            nilo__graph_error_of(parts[i].body, parts[i].n, t->arena, &e);
        if (i >= n || !parts[i].there || (!e.there && parts[i].status >= 500)) {
            const char *sentence = nilo_arena_printf(t->arena, "%s has not come to it", t->of->title);
            t->items[i].class = NILO_CLASS_TRANSIENT;
            t->items[i].reason = sentence != NULL ? sentence : "it was not come to";
        } else if (e.there) {
            take_item_error(t, i, &e, parts[i].status);
        } else if (take_body(t, i, parts[i].body, parts[i].n, "") != 0) {
            return -1;
        }
    }
    return 0;
}

static int take_ids(struct taking *t, const struct nilo_http_answer *a)
{
    for (size_t i = 0; i < t->ask->n_ids; i++) {
        const char *below = nilo_arena_printf(t->arena, "%s.", t->ask->ids[i]);
        if (below == NULL)
            return nilo_err_nomem(t->err);
        if (take_body(t, i, a->body, a->n_body, below) != 0)
            return -1;
    }
    return 0;
}

/* Those that a platform did not come to are asked for once more in the same words, unless others need other words. */
static void doubt_transient(struct taking *t)
{
    if (t->n_refused > 0 || t->n_instead > 0)
        return;
    for (size_t i = 0; i < t->ask->n_ids; i++)
        t->items[i].unsure = t->items[i].unsure || t->items[i].class == NILO_CLASS_TRANSIENT;
    t->ret->doubt_variant = t->ask->variant;
}

/* A refusal of the whole call that is about its words, or about the one item. */
static bool is_about_items(const struct nilo__graph_items *g, const struct nilo_ask *ask, const struct nilo__graph_error *e, bool instead)
{
    size_t n;
    const char *const *names = g->names(ask->kind, &n);
    uint32_t refused;
    if (!e->there)
        return false;
    return nilo__graph_of_metric(e, names, n, &refused) || (instead && !g->one_by_one) ||
           (ask->n_ids == 1 && (instead || e->code == 100 || e->code == 24 || e->code == 803));
}

int nilo__graph_take_items(const struct nilo__graph_items *g, const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret,
                           struct nilo_err *err)
{
    struct nilo__graph_error e;
    struct taking t = {.of = g, .ask = ask, .at = a->ended_at, .arena = arena, .ret = ret, .items = nilo_arena_array(arena, ask->n_ids, sizeof(*t.items)), .err = err};
    bool refused = nilo__graph_refusal(a, g->title, g->types, arena, ret, &e);
    unsigned next;
    bool instead = refused && e.there && g->instead(ask, &e, &next);
    int rc = 0;
    ret->variant = ask->variant;
    if (t.items == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < ask->n_ids; i++)
        t.items[i] = (struct nilo_item){.id = ask->ids[i], .kind = NILO_CONTENT, .day = NILO_DAY_NONE, .posted_at = NILO_US_NONE, .duration_ms = -1};
    if (refused && (!is_about_items(g, ask, &e, instead) || ret->key_wrong)) {
        /* By ids one fails all of them: which one it is shows when halves are asked for. */
        if (ask->n_ids > 1 && e.there && !ret->key_wrong && (ret->class == NILO_CLASS_GONE || instead))
            ret->class = NILO_CLASS_INVALID;
        return 0;
    }
    if (refused) {
        ret->class = NILO_CLASS_OK;
        ret->reason = ret->message = "";
        for (size_t i = 0; i < ask->n_ids; i++)
            take_item_error(&t, i, &e, a->status);
    } else {
        rc = ask->n_ids > 1 && g->in_batch(ask) ? take_parts(&t, a) : ask->n_ids > 1 ? take_ids(&t, a) : take_body(&t, 0, a->body, a->n_body, "");
    }
    if (rc != 0 || ret->class != NILO_CLASS_OK)
        return rc;
    turn(&t);
    if (!ret->again)
        after_answer(&t);
    doubt_transient(&t);
    ret->items = t.items;
    ret->n_items = ask->n_ids;
    return 0;
}

/* ---- lists --------------------------------------------------------------------------------------------------------------------------------------- */

struct page {
    const struct nilo__graph_items *of;
    struct nilo_arena *arena;
    unsigned char *said; /* one behind the other */
    size_t n;
    const char *after;
    bool data, next;
    struct nilo_err *err;
};

static int take_row(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want after[] = {{"paging.cursors.after", offsetof(struct page, after)}};
    struct page *p = ctx;
    p->data = p->data || (strcmp(path, "data") == 0 && event == NILO_JSON_ARRAY_BEGIN);
    p->next = p->next || (strcmp(path, "paging.next") == 0 && event == NILO_JSON_STRING); /* that it is there; what it says holds the token */
    if (strcmp(path, "data[]") == 0 && event == NILO_JSON_OBJECT_BEGIN)
        p->n++;
    if (strncmp(path, "data[]", 6) != 0)
        return nilo__want_take(after, 1, p, path, event, text, len, 2048, p->arena, p->err);
    if (p->n == 0 || p->n > NILO__GRAPH_PAGE)
        return 0;
    return p->of->member(p->said + (p->n - 1) * p->of->size, path[6] == '.' ? path + 7 : path + 6, event, text, len, p->arena, p->err);
}

int nilo__graph_take_list(const struct nilo__graph_items *g, const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret,
                          struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct page p = {.of = g, .arena = arena, .said = nilo_arena_array(arena, NILO__GRAPH_PAGE, g->size), .err = &why};
    struct nilo_item *items = nilo_arena_array(arena, NILO__GRAPH_PAGE, sizeof(*items));
    size_t n = 0;
    if (p.said == NULL || items == NULL)
        return nilo_err_nomem(err);
    if (nilo__walk(a->body, a->n_body, take_row, &p, &why) != 0)
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__unreadable(g->title, arena, &why, ret);
    if (!p.data) {
        nilo_err_set(&why, NILO_EBODY, "it is JSON, but no list of %s", g->what);
        return nilo__unreadable(g->title, arena, &why, ret);
    }
    for (size_t i = 0; i < p.n && i < NILO__GRAPH_PAGE; i++) {
        const void *said = p.said + i * g->size;
        const char *id = g->id(said);
        if (id == NULL || !nilo__graph_id_fine(id))
            continue;
        items[n] = (struct nilo_item){.id = id, .kind = NILO_CONTENT, .day = NILO_DAY_NONE, .duration_ms = -1};
        g->attrs(ask, said, a->ended_at, arena, &items[n]);
        items[n].class = NILO_CLASS_OK; /* what does not read of it is said of its reading */
        items[n].account = items[n].account != NULL ? items[n].account : ask->account;
        n++;
    }
    ret->items = items;
    ret->n_items = n;
    ret->next = p.next && p.after != NULL && nilo__graph_cursor_fine(p.after) ? p.after : NULL;
    return 0;
}
