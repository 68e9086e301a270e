/* See graph_priv.h. Errors are decided by their codes, not by the HTTP status: most come with 400, some with 200. */
#include "connect/graph_priv.h"

#include <string.h>

#include "base/decimal.h"
#include "base/hash.h"
#include "connect/walk.h"

#define MESSAGE_MAX   2000 /* is read of a sentence: it may list names */
#define SAID_MAX      300  /* is told of it */
#define TRY_LATER     (15 * NILO_US_MINUTE) /* a limit of an hour's or a day's sliding span, and nothing said about its end */
#define BLOCKED       NILO_US_HOUR
#define REGAIN_MOST   (24 * 60)             /* minutes */
#define CURSOR_MAX    2048

/* ---- errors ------------------------------------------------------------------------------------------------------------------------------ */

/* What a code means; bucket: whose limit, -1 = everybody's who asks. The first row whose range holds it counts, so subcodes come first (0: any). */
static const struct {
    int64_t first, last, subcode;
    enum nilo_class class;
    int bucket;
    nilo_us wait;
    bool key_wrong;
} codes[] = {
    {1, 2, 0, NILO_CLASS_TRANSIENT, -1, 0, false},
    {3, 3, 0, NILO_CLASS_PERMISSION, -1, 0, true}, /* a capability that the app does not have */
    {4, 4, 0, NILO_CLASS_RATE_LIMITED, NILO__GRAPH_APP, TRY_LATER, false},
    {10, 10, 0, NILO_CLASS_PERMISSION, -1, 0, false},
    {17, 17, 0, NILO_CLASS_RATE_LIMITED, NILO__GRAPH_ACCOUNT, TRY_LATER, false},
    {24, 24, 0, NILO_CLASS_INVALID, -1, 0, false},
    {32, 32, 0, NILO_CLASS_RATE_LIMITED, NILO__GRAPH_ACCOUNT, TRY_LATER, false},
    {100, 100, 33, NILO_CLASS_GONE, -1, 0, false},
    {100, 100, 2108006, NILO_CLASS_INVALID, -1, 0, false}, /* from before the account became a business's: never */
    {100, 100, 0, NILO_CLASS_INVALID, -1, 0, false},
    {101, 101, 0, NILO_CLASS_PERMISSION, -1, 0, true},     /* the app's own id */
    {102, 102, 0, NILO_CLASS_AUTH, -1, 0, false},
    {104, 104, 0, NILO_CLASS_PERMISSION, -1, 0, true},     /* appsecret_proof is missing or wrong */
    {190, 190, 0, NILO_CLASS_AUTH, -1, 0, false},
    {200, 299, 0, NILO_CLASS_PERMISSION, -1, 0, false},
    {341, 341, 0, NILO_CLASS_RATE_LIMITED, NILO__GRAPH_APP, TRY_LATER, false},
    {368, 368, 0, NILO_CLASS_RATE_LIMITED, NILO__GRAPH_ACCOUNT, BLOCKED, false}, /* blocked for a while */
    {613, 613, 0, NILO_CLASS_RATE_LIMITED, NILO__GRAPH_ACCOUNT, TRY_LATER, false},
    {803, 803, 0, NILO_CLASS_GONE, -1, 0, false},
    {80000, 80014, 0, NILO_CLASS_RATE_LIMITED, NILO__GRAPH_ACCOUNT, TRY_LATER, false},
};

struct reading {
    struct nilo__graph_error *e;
    struct nilo_arena *arena;
    const char *code, *subcode;
};

static int take_error(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    struct reading *r = ctx;
    static const struct nilo__want texts[] = {
        {"error.type", offsetof(struct nilo__graph_error, type)}, {"error.message", offsetof(struct nilo__graph_error, message)},
        {"error.error_user_title", offsetof(struct nilo__graph_error, user_title)}, {"error.error_user_msg", offsetof(struct nilo__graph_error, user_message)},
        {"error_type", offsetof(struct nilo__graph_error, type)}, {"error_message", offsetof(struct nilo__graph_error, message)}};
    static const struct nilo__want numbers[] = {{"error.code", offsetof(struct reading, code)}, {"error.error_subcode", offsetof(struct reading, subcode)}};
    if ((event == NILO_JSON_OBJECT_BEGIN && strcmp(path, "error") == 0) || (event == NILO_JSON_STRING && strcmp(path, "error_type") == 0))
        r->e->there = true;
    if (event == NILO_JSON_TRUE && strcmp(path, "error.is_transient") == 0)
        r->e->is_transient = true;
    if (nilo__want_take(texts, sizeof(texts) / sizeof(texts[0]), r->e, path, event, text, len, MESSAGE_MAX, r->arena, NULL) != 0)
        return -1;
    return nilo__want_take(numbers, 2, r, path, event, text, len, 20, r->arena, NULL);
}

void nilo__graph_error_of(const char *body, size_t n, struct nilo_arena *arena, struct nilo__graph_error *said)
{
    struct reading r = {.e = said, .arena = arena};
    *said = (struct nilo__graph_error){0};
    if (nilo__walk(body, n, take_error, &r, NULL) != 0)
        said->there = false;
    if (!nilo__count_of(r.code, &said->code))
        said->code = 0;
    if (!nilo__count_of(r.subcode, &said->subcode))
        said->subcode = 0;
}

static bool says(const char *text, const char *what)
{
    return text != NULL && strstr(text, what) != NULL;
}

bool nilo__graph_of_page_token(const struct nilo__graph_error *e)
{
    return (e->code == 190 || e->code == 210) && e->subcode == 0 && (says(e->message, "Page Access Token") || says(e->message, "page access token"));
}

/* Some are told apart by the sentence alone. */
static void of_sentence(const struct nilo__graph_error *e, struct nilo_result *ret)
{
    if (says(e->message, "app secret proof") || says(e->message, "appsecret_proof")) {
        ret->class = NILO_CLASS_PERMISSION;
        ret->key_wrong = true;
    } else if (nilo__graph_of_page_token(e)) {
        ret->class = NILO_CLASS_PERMISSION; /* the token lives: it is a person's where a page's is wanted */
    } else if (e->code == 100 && says(e->message, "does not exist") && e->subcode == 0) {
        /* where a permission is named that would be needed nobody knows whether it is there */
        ret->class = says(e->message, "requires the '") ? NILO_CLASS_PERMISSION : NILO_CLASS_GONE;
    } else if (e->code == 0 && (says(e->message, "platform app") || says(e->message, "client_id") || says(e->message, "client_secret"))) {
        ret->class = NILO_CLASS_PERMISSION; /* signing in at Instagram: one "code": 400 for everything */
        ret->key_wrong = true;
    }
}

/* No more of a text than that, and no half of a character. */
static int cut(const char *text)
{
    size_t n = strlen(text);
    if (n <= SAID_MAX)
        return (int)n;
    for (n = SAID_MAX; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
        n--;
    return (int)n;
}

void nilo__graph_classify(const struct nilo__graph_error *e, const char *title, nilo_us at, struct nilo_arena *arena, struct nilo_result *ret)
{
    const char *reason = e->subcode > 0 ? nilo_arena_printf(arena, "%lld/%lld", (long long)e->code, (long long)e->subcode)
                                        : nilo_arena_printf(arena, "%lld", (long long)e->code);
    const char *said = e->user_message != NULL && (e->message == NULL || strcmp(e->message, "Invalid parameter") == 0) ? e->user_message : e->message;
    const char *message = said != NULL ? nilo_arena_printf(arena, "%s says: %.*s", title, cut(said), said) : nilo_arena_printf(arena, "%s refuses it (code %lld)", title, (long long)e->code);
    size_t i = 0;
    while (i < sizeof(codes) / sizeof(codes[0]) &&
           (e->code < codes[i].first || e->code > codes[i].last || (codes[i].subcode != 0 && codes[i].subcode != e->subcode)))
        i++;
    ret->reason = reason != NULL ? reason : "";
    ret->message = message != NULL ? message : "";
    if (i == sizeof(codes) / sizeof(codes[0])) { /* not known, and as of a fault of the request's: the status has said whether it is one of theirs */
        if (ret->class == NILO_CLASS_OK || ret->class == NILO_CLASS_GONE)
            ret->class = NILO_CLASS_INVALID;
    } else {
        ret->class = codes[i].class;
        ret->key_wrong = codes[i].key_wrong;
        ret->limited = codes[i].bucket;
    }
    of_sentence(e, ret);
    if (ret->class == NILO_CLASS_INVALID && e->is_transient)
        ret->class = NILO_CLASS_TRANSIENT;
    if (ret->class != NILO_CLASS_RATE_LIMITED || ret->until == NILO_UNTIL_TIME)
        return;
    nilo_us wait = i < sizeof(codes) / sizeof(codes[0]) ? codes[i].wait : TRY_LATER, regain = ret->limited >= 0 ? ret->full_until[ret->limited] : NILO_US_NONE;
    ret->until = NILO_UNTIL_TIME;
    ret->retry_at = regain != NILO_US_NONE && regain > at ? regain : at + wait;
}

/* ---- names of metrics -------------------------------------------------------------------------------------------------------------------- */

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool names_it(const char *text, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = text; (at = strstr(at, name)) != NULL; at += n) {
        if ((at == text || !is_name(at[-1])) && !is_name(at[n]))
            return true;
    }
    return false;
}

bool nilo__graph_of_metric(const struct nilo__graph_error *e, const char *const *names, size_t n, uint32_t *refused)
{
    static const char list[] = "one of the following values:";
    const char *text = e->message, *taken = text != NULL ? strstr(text, list) : NULL;
    bool any = false;
    *refused = 0;
    if (e->code != 100 || e->subcode == 33 || e->subcode == 2108006 || text == NULL || strstr(text, "metric") == NULL)
        return false;
    /* A list that was cut names the rest not; what stands in it is known at least. */
    bool whole = taken != NULL && strlen(text) < MESSAGE_MAX;
    for (size_t i = 0; i < n && i < 32; i++) {
        bool named = names_it(taken != NULL ? taken + sizeof(list) - 1 : text, names[i]);
        any = any || named;
        if (taken != NULL ? whole && !named : named)
            *refused |= UINT32_C(1) << i;
    }
    if (taken != NULL && !any)
        *refused = 0; /* a list of something else */
    return true;
}

/* ---- usage -------------------------------------------------------------------------------------------------------------------------------- */

struct usage {
    const char *calls, *cpu, *time, *regain, *type;
    const char *const *types; /* NULL: of the app */
    int64_t permille, minutes; /* the most of what is the asker's; -1 */
    struct nilo_arena arena;
};

static void fold(struct usage *u)
{
    const char *const percents[] = {u->calls, u->cpu, u->time};
    bool ours = u->types == NULL;
    int64_t v;
    for (size_t i = 0; u->types != NULL && u->type != NULL && u->types[i] != NULL; i++)
        ours = ours || strcmp(u->types[i], u->type) == 0;
    for (size_t i = 0; ours && i < 3; i++) {
        if (percents[i] != NULL && nilo_decimal_parse(percents[i], strlen(percents[i]), 1, true, &v, NULL) == 0 && v >= 0 && v > u->permille)
            u->permille = v < 100000 ? v : 100000;
    }
    if (ours && u->regain != NULL && nilo_decimal_parse(u->regain, strlen(u->regain), 0, true, &v, NULL) == 0 && v > u->minutes)
        u->minutes = v < REGAIN_MOST ? v : REGAIN_MOST;
}

static int take_usage(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want wants[] = {
        {"call_count", offsetof(struct usage, calls)}, {"total_cputime", offsetof(struct usage, cpu)}, {"total_time", offsetof(struct usage, time)},
        {"estimated_time_to_regain_access", offsetof(struct usage, regain)}, {"type", offsetof(struct usage, type)}};
    struct usage *u = ctx;
    const char *inner = strstr(path, "[]"); /* "<object>[].call_count"; of the app: "call_count" */
    bool entry = u->types == NULL ? path[0] == '\0' : inner != NULL && inner[2] == '\0';
    if (entry && event == NILO_JSON_OBJECT_BEGIN)
        u->calls = u->cpu = u->time = u->regain = u->type = NULL;
    else if (entry && event == NILO_JSON_OBJECT_END)
        fold(u);
    if (u->types != NULL && (inner == NULL || inner[2] != '.'))
        return 0;
    return nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), u, u->types != NULL ? inner + 3 : path, event, text, len, 40, &u->arena, NULL);
}

void nilo__graph_usage(const char *header, const char *value, const char *const *types, nilo_us at, struct nilo_result *ret)
{
    bool app = strcmp(header, "x-app-usage") == 0;
    struct usage u = {.types = app ? NULL : types, .permille = -1, .minutes = 0};
    int bucket = app ? NILO__GRAPH_APP : NILO__GRAPH_ACCOUNT;
    if (!app && strcmp(header, "x-business-use-case-usage") != 0)
        return;
    nilo_arena_init(&u.arena, 65536);
    if (nilo__walk(value, strlen(value), take_usage, &u, NULL) == 0) {
        if (u.permille > ret->used_permille[bucket])
            ret->used_permille[bucket] = u.permille;
        nilo_us until = u.minutes > 0 ? at + u.minutes * NILO_US_MINUTE : NILO_US_NONE;
        if (until != NILO_US_NONE && (ret->full_until[bucket] == NILO_US_NONE || until > ret->full_until[bucket]))
            ret->full_until[bucket] = until;
    }
    nilo_arena_done(&u.arena);
}

bool nilo__graph_refusal(const struct nilo_http_answer *a, const char *title, const char *const *types, struct nilo_arena *arena, struct nilo_result *ret,
                         struct nilo__graph_error *said)
{
    struct nilo__graph_error e;
    if (said != NULL)
        *said = (struct nilo__graph_error){0};
    if (nilo_result_of_end(a, arena, ret))
        return true;
    for (size_t i = 0; i < a->n_headers; i++)
        nilo__graph_usage(a->headers[i].name, a->headers[i].value, types, a->ended_at, ret);
    nilo_result_of_status(a, arena, ret);
    nilo__graph_error_of(a->body, a->n_body, arena, &e);
    if (said != NULL)
        *said = e;
    if (e.there)
        nilo__graph_classify(&e, title, a->ended_at, arena, ret);
    return ret->class != NILO_CLASS_OK;
}

/* ---- ids and cursors ------------------------------------------------------------------------------------------------------------------------ */

bool nilo__graph_id_fine(const char *id)
{
    size_t n = strspn(id, "0123456789"), m = id[n] == '_' ? strspn(id + n + 1, "0123456789") : 0;
    return n > 0 && n + m < 64 && (id[n] == '\0' || (m > 0 && id[n + 1 + m] == '\0'));
}

bool nilo__graph_cursor_fine(const char *cursor)
{
    size_t n = strspn(cursor, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/.|");
    return n > 0 && n <= CURSOR_MAX && cursor[n] == '\0' && strstr(cursor, "//") == NULL;
}

/* ---- batches --------------------------------------------------------------------------------------------------------------------------------- */

struct parts {
    struct nilo__graph_part *all;
    size_t n, max;
    const char *status, *name, *value; /* of the one, and of its header, that is being read */
    bool list;
    const char *const *types;
    nilo_us at;
    struct nilo_arena *arena;
    struct nilo_result *ret;
    struct nilo_err *err;
};

static void lower(char *text)
{
    for (; *text != '\0'; text++)
        *text = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
}

/* A header of a part: usage may stand there alone. */
static int part_header(struct parts *p)
{
    char *name = nilo_arena_strdup(p->arena, p->name);
    if (p->name == NULL || p->value == NULL)
        return 0;
    if (name == NULL)
        return nilo_err_nomem(p->err);
    lower(name);
    nilo__graph_usage(name, p->value, p->types, p->at, p->ret);
    return 0;
}

static int part_body(struct parts *p, struct nilo__graph_part *one, const char *text, size_t len)
{
    one->body = nilo_arena_strndup(p->arena, text, len);
    one->n = len;
    return one->body != NULL ? 0 : nilo_err_nomem(p->err);
}

static int take_part(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want wants[] = {
        {"[].code", offsetof(struct parts, status)}, {"[].headers[].name", offsetof(struct parts, name)}, {"[].headers[].value", offsetof(struct parts, value)}};
    struct parts *p = ctx;
    p->list = p->list || (event == NILO_JSON_ARRAY_BEGIN && path[0] == '\0');
    if (strcmp(path, "[]") == 0 && event != NILO_JSON_OBJECT_END && event != NILO_JSON_ARRAY_END) {
        if (p->n++ < p->max)
            p->all[p->n - 1] = (struct nilo__graph_part){.there = event == NILO_JSON_OBJECT_BEGIN, .body = ""};
        p->status = NULL;
    }
    if (p->n == 0 || p->n > p->max)
        return 0;
    struct nilo__graph_part *one = &p->all[p->n - 1];
    if (strcmp(path, "[]") == 0 && event == NILO_JSON_OBJECT_END) {
        int64_t status;
        one->status = nilo__count_of(p->status, &status) && status < 1000 ? (int)status : 0;
        return 0;
    }
    if (strcmp(path, "[].headers[]") == 0 && event == NILO_JSON_OBJECT_BEGIN)
        p->name = p->value = NULL;
    else if (strcmp(path, "[].headers[]") == 0 && event == NILO_JSON_OBJECT_END)
        return part_header(p);
    if (strcmp(path, "[].body") == 0 && event == NILO_JSON_STRING)
        return part_body(p, one, text, len);
    return nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), p, path, event, text, len, 2000, p->arena, p->err);
}

int nilo__graph_parts(const struct nilo_http_answer *a, size_t max, const char *const *types, struct nilo_arena *arena, struct nilo__graph_part *parts, size_t *ret_n,
                      struct nilo_result *ret, struct nilo_err *err)
{
    struct parts p = {.all = parts, .max = max, .types = types, .at = a->ended_at, .arena = arena, .ret = ret, .err = err};
    if (nilo__walk(a->body, a->n_body, take_part, &p, err) != 0)
        return -1;
    if (!p.list)
        return nilo_err_set(err, NILO_EBODY, "it is JSON, but no list of answers");
    *ret_n = p.n < max ? p.n : max;
    return 0;
}

const char *nilo__graph_proof(const char *secret, const char *token, struct nilo_arena *arena)
{
    unsigned char mac[NILO_SHA256_LEN];
    char hex[2 * NILO_SHA256_LEN + 1];
    nilo_hmac_sha256(secret, strlen(secret), token, strlen(token), mac);
    nilo_hex(mac, sizeof(mac), hex);
    return nilo_arena_strdup(arena, hex);
}
