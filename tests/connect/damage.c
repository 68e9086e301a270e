/* See damage.h. A result becomes a list of cells (whose, what, its text), and two
 * results are compared cell by cell. */
#include "support/nilo_test.h"

#include "answers.h"
#include "damage.h"
#include "members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"

#define ALIKE    3  /* so many members of the same path are damaged, of the others it is only looked what follows them */
#define SENTENCE 10 /* letters that a reason has at least */

/* ---- a result as cells ----------------------------------------------------------------------------------------------------------------------------- */

enum what { COUNT, TIME, LENGTH, TEXT, CLASS };
struct cell {
    const char *owner, *name;
    enum what what;
    const char *text; /* NULL = none; a count that is there: its digits; one that is not: ! and why */
    const char *reason; /* of a CLASS */
};
struct cells {
    struct nilo_arena *arena;
    struct cell *all;
    size_t n, cap;
};

static void put(struct cells *c, const char *owner, const char *name, enum what what, const char *text)
{
    assert_true(c->n < c->cap);
    c->all[c->n++] = (struct cell){.owner = owner, .name = name, .what = what, .text = text};
}

static const char *digits(struct cells *c, int64_t n)
{
    return nilo_arena_printf(c->arena, "%lld", (long long)n);
}

static void put_values(struct cells *c, const char *owner, const struct nilo_item_value *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put(c, owner, v[i].metric->name, COUNT, v[i].absence == NILO_PRESENT ? digits(c, v[i].value) : nilo_arena_printf(c->arena, "!%s", nilo_absence_name(v[i].absence)));
}

static void put_count(struct cells *c, const char *owner, const char *name, int64_t n)
{
    put(c, owner, name, COUNT, n >= 0 ? digits(c, n) : "!not said");
}

static void put_item(struct cells *c, const struct nilo_item *i)
{
    const char *owner = nilo_arena_printf(c->arena, "%s %d %d", i->id, i->win, i->day.n);
    put(c, owner, "class", CLASS, nilo_class_word(i->class));
    c->all[c->n - 1].reason = i->reason;
    put_values(c, owner, i->values, i->n_values);
    put(c, owner, "posted_at", TIME, i->posted_at != NILO_US_NONE ? digits(c, i->posted_at) : NULL);
    put(c, owner, "duration", LENGTH, i->duration_ms >= 0 ? digits(c, i->duration_ms) : NULL);
    const char *const texts[][2] = {{"title", i->title}, {"url", i->url}, {"media_type", i->media_type}, {"caption", i->caption}, {"thumbnail", i->thumbnail},
                                    {"account", i->account}, {"status", i->status}};
    for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
        put(c, owner, texts[k][0], TEXT, texts[k][1]);
}

static void put_account(struct cells *c, const struct nilo_account *a)
{
    const char *owner = nilo_arena_printf(c->arena, "account %s", a->id);
    put_values(c, owner, a->values, a->n_values);
    put_count(c, owner, "followers", a->followers);
    put_count(c, owner, "items", a->items);
    const char *const texts[][2] = {{"title", a->title}, {"handle", a->handle}, {"url", a->url}, {"thumbnail", a->thumbnail}, {"listing", a->listing},
                                    {"also_listing", a->also_listing}};
    for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
        put(c, owner, texts[k][0], TEXT, texts[k][1]);
}

static const char call[] = "the call";

static struct cells cells_of(const struct nilo_result *r, struct nilo_arena *arena)
{
    struct cells c = {.arena = arena, .cap = 10 + (r->n_items + r->n_accounts) * 50};
    c.all = nilo_arena_array(arena, c.cap, sizeof(*c.all));
    assert_non_null(c.all);
    put(&c, call, "class", CLASS, nilo_class_word(r->class));
    c.all[0].reason = r->message;
    put(&c, call, "next", TEXT, r->next);
    put(&c, call, "access token", TEXT, r->tokens.access_token);
    put(&c, call, "refresh token", TEXT, r->tokens.refresh_token);
    put(&c, call, "scope", TEXT, r->tokens.scope);
    if (r->tokens.access_token != NULL) {
        put_count(&c, call, "expires", r->tokens.expires_s);
        put_count(&c, call, "refresh expires", r->tokens.refresh_expires_s);
    }
    for (size_t i = 0; i < r->n_items; i++)
        put_item(&c, &r->items[i]);
    for (size_t i = 0; i < r->n_accounts; i++)
        put_account(&c, &r->accounts[i]);
    return c;
}

static const struct cell *find(const struct cells *c, const struct cell *like, size_t near)
{
    for (size_t k = 0; k < c->n; k++) {
        const struct cell *one = &c->all[(near + k) % c->n];
        if (one->name[0] == like->name[0] && strcmp(one->name, like->name) == 0 && strcmp(one->owner, like->owner) == 0)
            return one;
    }
    return NULL;
}

static bool same(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static bool has_value(const struct cell *c)
{
    return c != NULL && c->text != NULL && c->text[0] != '!';
}

/* ---- damages ---------------------------------------------------------------------------------------------------------------------------------------- */

/* What a damage says: nothing, perhaps nothing (an empty text), or something. */
enum says { NOTHING, PERHAPS_NOTHING, SOMETHING };
static const struct way {
    const char *name, *json; /* json NULL: the member is missing */
    const char *number;      /* the count that it may be taken for; NULL = none */
    bool may_be_an_id;
    enum says says;
} ways[] = {
    {"missing", NULL, NULL, false, NOTHING},
    {"null", "null", NULL, false, NOTHING},
    {"an empty text", "\"\"", NULL, false, PERHAPS_NOTHING},
    {"a text", "\"many\"", NULL, true, SOMETHING},
    {"digits as text", "\"17\"", "17", true, SOMETHING},
    {"a number", "17", "17", true, SOMETHING},
    {"huge", "99999999999999999999", NULL, true, SOMETHING},
    {"huge as text", "\"99999999999999999999\"", NULL, true, SOMETHING},
    {"beyond 63 bits", "9223372036854775808", NULL, true, SOMETHING},
    {"as large as may be", "9223372036854775807", "9223372036854775807", true, SOMETHING},
    {"beyond 2^53", "9007199254740993", "9007199254740993", true, SOMETHING},
    {"negative", "-5", NULL, true, SOMETHING},
    {"negative as text", "\"-5\"", NULL, true, SOMETHING},
    {"a fraction", "1.5", "1.5", true, SOMETHING},
    {"with a comma", "\"12,345\"", "12345", true, SOMETHING},
    {"not a number", "\"NaN\"", NULL, true, SOMETHING},
    {"true", "true", NULL, false, SOMETHING},
    {"false", "false", NULL, false, SOMETHING},
    {"an object", "{\"n\":1}", NULL, false, SOMETHING},
    {"an array", "[1]", NULL, false, SOMETHING},
    {"an empty object", "{}", NULL, false, SOMETHING},
    {"an empty array", "[]", NULL, false, SOMETHING},
};
/* of times, besides */
static const struct way future[] = {{"a day that has not come", "\"2099-01-02T03:04:05Z\"", NULL, true, SOMETHING}, {"a second that has not come", "4070908800", NULL, true, SOMETHING}};

#define MICRO INT64_C(1000000)

static nilo_i128 micro_of(const char *number)
{
    nilo_i128 n = 0;
    int behind = -1;
    for (const char *p = number; *p != '\0'; p++) {
        if (*p == '.')
            behind = 0;
        else
            n = n * 10 + (*p - '0'), behind += behind >= 0;
    }
    for (behind = behind < 0 ? 0 : behind; behind < 6; behind++)
        n *= 10;
    return n;
}

/* What a count is where `w` stands in its place; false: no count */
static bool count_of(const struct way *w, nilo_i128 num, nilo_i128 den, int64_t *ret)
{
    nilo_i128 n = w->number != NULL ? micro_of(w->number) * num : -1;
    if (n < 0 || n % den != 0 || n / den > INT64_MAX)
        return false;
    *ret = (int64_t)(n / den);
    return true;
}

/* The damage as a text of its own, without quotes; "" = it is none */
static void text_of(const struct way *w, char ret[40])
{
    size_t n = w->json != NULL ? strlen(w->json) : 0;
    ret[0] = '\0';
    if (n > 0 && w->json[0] == '"')
        snprintf(ret, 40, "%.*s", (int)n - 2, w->json + 1);
    else if (n > 0 && strspn(w->json, "-.0123456789") == n)
        snprintf(ret, 40, "%s", w->json);
}

/* ---- one answer --------------------------------------------------------------------------------------------------------------------------------------- */

struct checking {
    const struct damage *d;
    struct damage_counts *add;
    struct nilo_arena base_arena;
    struct cells base;
    struct members r;
    bool *followed;       /* cells of the baseline that a member has been found for */
    char *body;           /* of the damaged answer, of exactly its size */
    struct nilo_arena arena;
    struct cells now;
};

/* What a cell of the baseline follows from this member: a count times num/den of what is written in millionths. */
struct follows {
    size_t cell;
    enum what what;
    nilo_i128 num, den;
};
#define FOLLOWS 12

static void take_with(struct checking *c, const struct member *m, const char *json)
{
    const char *s = c->d->body;
    size_t from = json != NULL ? m->from : m->whole, to = json != NULL ? m->to : m->whole_end, n = strlen(s), k = json != NULL ? strlen(json) : 0;
    nilo_arena_done(&c->arena);
    free(c->body);
    nilo_arena_init(&c->arena, 0);
    c->body = malloc(n + k - (to - from) + 1);
    assert_non_null(c->body);
    memcpy(c->body, s, from);
    if (k > 0)
        memcpy(c->body + from, json, k);
    memcpy(c->body + from + k, s + to, n - to + 1);
    struct nilo_http_answer a = answers_of(200, c->body, c->d->ask.now);
    struct nilo_result r = answers_take(c->d->connector, &c->d->ask, &a, &c->arena);
    c->now = cells_of(&r, &c->arena);
    c->add->takes++;
}

static void wrong(const struct checking *c, const struct member *m, const struct way *w, const struct cell *before, const struct cell *after, const char *why)
{
    const struct cell *one = before != NULL ? before : after;
    if (c->add->wrong[0] == '\0')
        snprintf(c->add->wrong, sizeof(c->add->wrong), "%s: %s %s: %s of %s was %s and is %s: %s", c->d->name, m->path, w->name, one->name, one->owner,
                 before == NULL || before->text == NULL ? "none" : before->text, after == NULL || after->text == NULL ? "none" : after->text, why);
}

static bool listed(const char *list, const char *word)
{
    char with[220];
    snprintf(with, sizeof(with), " %s ", word);
    return list != NULL && strstr(list, with) != NULL;
}

static int64_t divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a != 0 ? a : 1;
}

#define PROBED_TIME (INT64_C(1580702706) * NILO_US_SECOND)

/* The probe comes out again, in what may follow it. */
static size_t probe(struct checking *c, const struct member *m, const char *json, enum what what, int64_t micro, const char *text, struct follows *ret, size_t n)
{
    take_with(c, m, json);
    for (size_t i = 0; i < c->base.n && n < FOLLOWS; i++) {
        const struct cell *before = &c->base.all[i], *after = find(&c->now, before, i);
        bool known = false;
        if (before->what != what || after == NULL || !has_value(after) || same(before->text, after->text))
            continue;
        for (size_t k = 0; k < n; k++)
            known |= ret[k].cell == i;
        long long value = what == TEXT ? 0 : strtoll(after->text, NULL, 10);
        if (known || (what == TEXT && strstr(after->text, text) == NULL) || (what == TIME && value != PROBED_TIME) || (what == LENGTH && value % 1717 != 0) ||
            (what == COUNT && (value <= 0 || (nilo_i128)value * MICRO % micro != 0)))
            continue;
        int64_t common = divisor(value, micro);
        ret[n++] = (struct follows){.cell = i, .what = what, .num = value / common, .den = micro / common};
        c->followed[i] = true;
    }
    return n;
}

static size_t learn(struct checking *c, const struct member *m, struct follows ret[FOLLOWS])
{
    size_t n = 0;
    n = probe(c, m, m->text ? "\"17171717\"" : "17171717", COUNT, 17171717 * MICRO, NULL, ret, n);
    if (n == 0)
        n = probe(c, m, m->text ? "\"1717\"" : "1717", COUNT, 1717 * MICRO, NULL, ret, n);
    if (n == 0)
        n = probe(c, m, m->text ? "\"0.171717\"" : "0.171717", COUNT, 171717, NULL, ret, n);
    n = probe(c, m, m->text ? "\"2020-02-03T04:05:06Z\"" : "1580702706", TIME, INT64_C(1580702706) * MICRO, NULL, ret, n);
    if (m->text && n == 0)
        n = probe(c, m, "\"1580702706\"", TIME, INT64_C(1580702706) * MICRO, NULL, ret, n);
    n = probe(c, m, m->text ? "\"PT1717S\"" : "1717", LENGTH, 1717 * MICRO, NULL, ret, n);
    if (m->text && n == 0)
        n = probe(c, m, "\"1717\"", LENGTH, 1717 * MICRO, NULL, ret, n);
    if (m->text && n == 0)
        n = probe(c, m, "\"probe-17171717\"", TEXT, 0, "probe-17171717", ret, n);
    for (size_t i = 0; i < n; i++) {
        c->add->counts += ret[i].what == COUNT;
        c->add->times += ret[i].what == TIME;
        c->add->lengths += ret[i].what == LENGTH;
        c->add->texts += ret[i].what == TEXT;
    }
    return n;
}

/* The owner's class after the damage, with its sentence. */
static const struct cell *class_of(const struct checking *c, const char *owner)
{
    struct cell like = {.owner = owner, .name = "class"};
    return find(&c->now, &like, 0);
}

static bool says_why(const struct checking *c, const char *owner)
{
    const struct cell *class = class_of(c, owner);
    /* accounts have no class */
    return class == NULL || (strcmp(class->text, "invalid") == 0 && class->reason != NULL && strlen(class->reason) >= SENTENCE);
}

static void check_count(const struct checking *c, const struct member *m, const struct way *w, const struct follows *f, const struct cell *before, const struct cell *after)
{
    int64_t wanted;
    bool is_count = count_of(w, f->num, f->den, &wanted);
    if (has_value(after)) {
        bool smaller = listed(c->d->sums, before->name) && w->says == NOTHING && strtoll(after->text, NULL, 10) <= strtoll(before->text, NULL, 10);
        if (!(is_count && strtoll(after->text, NULL, 10) == wanted) && !smaller)
            wrong(c, m, w, before, after, "that is not what is written");
        return;
    }
    bool failed = strcmp(after->text + 1, nilo_absence_name(NILO_FAILED)) == 0;
    if (w->says == NOTHING && failed)
        wrong(c, m, w, before, after, "nothing was said, so nothing has failed");
    if (failed && !says_why(c, before->owner))
        wrong(c, m, w, before, after, "and no sentence says why");
    if (w->says == SOMETHING && !failed && strcmp(after->text, "!not said") != 0)
        wrong(c, m, w, before, after, "what is there and is no count has failed");
}

#define LENGTH_MOST (INT64_C(366) * 86400 * 1000)

static void check_time(const struct checking *c, const struct member *m, const struct way *w, const struct follows *f, const struct cell *before, const struct cell *after)
{
    int64_t wanted, n = after->text != NULL ? strtoll(after->text, NULL, 10) : 0;
    bool is_number = count_of(w, f->num, f->den, &wanted);
    if (after->text != NULL && w->says != NOTHING && !(is_number && n == wanted) && !same(before->text, after->text)) /* the same may be said in another place */
        wrong(c, m, w, before, after, "that is not what is written");
    if (after->text != NULL && (before->what == TIME ? n > c->d->ask.now + NILO_US_DAY : n > LENGTH_MOST))
        wrong(c, m, w, before, after, "that cannot be");
    /* of what a listing says is wrong the answer with the item's counts says more */
    if (after->text == NULL && w->says == SOMETHING && c->d->ask.op != NILO_OP_LIST && !says_why(c, before->owner))
        wrong(c, m, w, before, after, "and no sentence says why");
}

static void check_text(const struct checking *c, const struct member *m, const struct way *w, const struct cell *before, const struct cell *after)
{
    char own[40];
    text_of(w, own);
    if (strcmp(before->name, "next") == 0 && after->text != NULL && strcmp(after->text, "?") == 0) /* there is more, but not where */
        return;
    if (after->text != NULL && (own[0] == '\0' || strstr(after->text, own) == NULL) && strstr(c->body, after->text) == NULL)
        wrong(c, m, w, before, after, "that text is nowhere");
}

static void check_followed(const struct checking *c, const struct member *m, const struct way *w, const struct follows *f, const struct cell *before, const struct cell *after)
{
    if (after == NULL && (f->what != COUNT || w->says != NOTHING)) /* of a retired metric nothing is said where it is not told */
        wrong(c, m, w, before, after, "it is gone altogether");
    else if (after == NULL)
        return;
    else if (f->what == COUNT)
        check_count(c, m, w, f, before, after);
    else if (f->what == TEXT)
        check_text(c, m, w, before, after);
    else
        check_time(c, m, w, f, before, after);
}

/* A class that is another one: nothing is deleted by what could not be an id, and there is a sentence. */
static void check_class(const struct checking *c, const struct member *m, const struct way *w, const struct cell *before, const struct cell *after)
{
    if (after == NULL || same(before->text, after->text))
        return;
    if (strcmp(after->text, "gone") == 0 && !w->may_be_an_id && !m->container)
        wrong(c, m, w, before, after, "what does not read deletes nothing");
    if (strcmp(after->text, "ok") != 0 && (after->reason == NULL || strlen(after->reason) < SENTENCE))
        wrong(c, m, w, before, after, "and no sentence says why");
}

/* What depends on a name, a kind or an id may be lost; it does not become something else. */
static void check_lost(const struct checking *c, const struct member *m, const struct way *w, const struct cell *before, const struct cell *after)
{
    int64_t part;
    bool sum = has_value(after) && listed(c->d->sums, before->name), other = sum && count_of(w, 1, MICRO, &part) && strtoll(after->text, NULL, 10) >= part;
    bool smaller = other || (sum && strtoll(after->text, NULL, 10) <= strtoll(before->text, NULL, 10));
    if ((before->what == COUNT || before->what == LENGTH) && has_value(after) && !smaller)
        wrong(c, m, w, before, after, "it has become something else");
}

static const struct follows *followed_by(const struct follows *f, size_t n, size_t cell)
{
    for (size_t k = 0; k < n; k++) {
        if (f[k].cell == cell)
            return &f[k];
    }
    return NULL;
}

static void compare(const struct checking *c, const struct member *m, const struct way *w, const struct follows *f, size_t n)
{
    bool vital = m->container || listed(c->d->vital, m->path) || (!m->in_array && n == 0);
    const char *owner = NULL;
    check_class(c, m, w, &c->base.all[0], &c->now.all[0]);
    if (strcmp(c->now.all[0].text, "ok") != 0) {
        if (!vital)
            wrong(c, m, w, &c->base.all[0], &c->now.all[0], "one member costs the whole answer");
        return;
    }
    for (size_t i = 1; i < c->base.n; i++) {
        const struct cell *before = &c->base.all[i], *after = find(&c->now, before, i);
        const struct follows *follows = followed_by(f, n, i);
        bool still = after != NULL ? same(before->text, after->text) : before->text == NULL;
        if (follows != NULL)
            check_followed(c, m, w, follows, before, after);
        else if (before->what == CLASS)
            check_class(c, m, w, before, after);
        else if (!still && after != NULL && before->what == TEXT)
            check_text(c, m, w, before, after);
        else if (!still && n > 0 && !(before->what == COUNT && !has_value(before) && !has_value(after)))
            wrong(c, m, w, before, after, "another member was damaged");
        else if (!still)
            check_lost(c, m, w, before, after);
        /* where an id does not read, what seemed to be gone may be that one */
        bool doubt = before->what == CLASS && after != NULL && strcmp(before->text, "gone") == 0 && strcmp(after->text, "invalid") == 0;
        if (still || vital || doubt)
            continue;
        if (owner != NULL && strcmp(owner, before->owner) != 0)
            wrong(c, m, w, before, after, "it is another one's");
        owner = before->owner;
    }
    for (size_t i = 1; i < c->now.n; i++) {
        const struct cell *after = &c->now.all[i];
        if (after->what == COUNT && has_value(after) && find(&c->base, after, i) == NULL && !m->container && !w->may_be_an_id)
            wrong(c, m, w, NULL, after, "it has come from nowhere");
    }
}

static void check_member(struct checking *c, const struct member *m)
{
    struct follows f[FOLLOWS];
    size_t n = m->container ? 0 : learn(c, m, f);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        take_with(c, m, ways[i].json);
        compare(c, m, &ways[i], f, n);
    }
    for (size_t i = 0; i < 2 && n > 0 && f[0].what == TIME; i++) {
        take_with(c, m, future[i].json);
        compare(c, m, &future[i], f, n);
    }
    c->add->members++;
}

void damage_find(const struct damage *d, struct damage_counts *add)
{
    struct checking c = {.d = d, .add = add};
    nilo_arena_init(&c.base_arena, 0);
    nilo_arena_init(&c.arena, 0);
    struct nilo_http_answer a = answers_of(200, d->body, d->ask.now);
    struct nilo_result r = answers_take(d->connector, &d->ask, &a, &c.base_arena);
    if (r.class != NILO_CLASS_OK)
        fail_msg("%s: as it is: %s %s", d->name, nilo_class_word(r.class), r.message);
    c.base = cells_of(&r, &c.base_arena);
    c.followed = calloc(c.base.n, sizeof(*c.followed));
    assert_non_null(c.followed);
    members_read(d->body, &c.r);
    for (size_t i = 0; i < c.r.n && add->wrong[0] == '\0'; i++) {
        size_t alike = 0;
        for (size_t k = 0; k < i; k++)
            alike += strcmp(c.r.all[k].path, c.r.all[i].path) == 0;
        struct follows f[FOLLOWS];
        if (alike < ALIKE)
            check_member(&c, &c.r.all[i]);
        else if (!c.r.all[i].container)
            learn(&c, &c.r.all[i], f); /* that it is followed */
    }
    for (size_t i = 0; i < c.base.n && add->wrong[0] == '\0'; i++) {
        const struct cell *one = &c.base.all[i];
        if (one->what == COUNT && has_value(one) && !c.followed[i] && !listed(d->sums, one->name))
            snprintf(add->wrong, sizeof(add->wrong), "%s: %s of %s is %s, which follows no member of the answer", d->name, one->name, one->owner, one->text);
    }
    free(c.followed);
    free(c.r.all);
    free(c.body);
    nilo_arena_done(&c.arena);
    nilo_arena_done(&c.base_arena);
}

void damage_check(const struct damage *d, struct damage_counts *add)
{
    damage_find(d, add);
    if (add->wrong[0] != '\0')
        fail_msg("%s", add->wrong);
}
