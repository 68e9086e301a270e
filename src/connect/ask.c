/* An operation as text and back, without its secrets: so that a kept answer can be taken again. */
#include <string.h>

#include "base/json.h"
#include "connect/connector_priv.h"
#include "connect/walk.h"

#define IDS_MAX 1000

void nilo_ask_write(const struct nilo_ask *ask, struct nilo_buf *b)
{
    struct nilo_json_out o;
    const struct {
        const char *name, *value;
    } texts[] = {{"account", ask->account}, {"listing", ask->listing}, {"cursor", ask->cursor}};
    nilo_json_out_init(&o, b);
    nilo_json_object_begin(&o);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].value != NULL) {
            nilo_json_key(&o, texts[i].name);
            nilo_json_str(&o, texts[i].value);
        }
    }
    if (ask->n_ids > 0) {
        nilo_json_key(&o, "ids");
        nilo_json_array_begin(&o);
        for (size_t i = 0; i < ask->n_ids; i++)
            nilo_json_str(&o, ask->ids[i]);
        nilo_json_array_end(&o);
    }
    nilo_json_key(&o, "win");
    nilo_json_int(&o, ask->win);
    if (ask->kind != 0) {
        nilo_json_key(&o, "kind");
        nilo_json_int(&o, ask->kind);
    }
    if (!nilo_day_is_none(ask->day)) {
        nilo_json_key(&o, "day");
        nilo_json_int(&o, ask->day.n);
    }
    nilo_json_object_end(&o);
}

struct reading {
    const char *account, *listing, *cursor, *win, *day, *kind;
    const char **ids;
    size_t n;
    struct nilo_arena *arena;
    struct nilo_err *err;
};

static int take(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want wants[] = {
        {"account", offsetof(struct reading, account)}, {"listing", offsetof(struct reading, listing)}, {"cursor", offsetof(struct reading, cursor)},
        {"win", offsetof(struct reading, win)}, {"day", offsetof(struct reading, day)}, {"kind", offsetof(struct reading, kind)},
    };
    struct reading *r = ctx;
    if (event == NILO_JSON_STRING && strcmp(path, "ids[]") == 0 && r->n < IDS_MAX) {
        r->ids[r->n] = nilo_arena_strndup(r->arena, text, len);
        return r->ids[r->n++] != NULL ? 0 : nilo_err_nomem(r->err);
    }
    return nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), r, path, event, text, len, 4096, r->arena, r->err);
}

int nilo_ask_read(const char *text, const char *op, struct nilo_arena *arena, struct nilo_ask *ret, struct nilo_err *err)
{
    static const struct nilo_credentials none;
    struct reading r = {.ids = nilo_arena_array(arena, IDS_MAX, sizeof(*r.ids)), .arena = arena, .err = err};
    int64_t win = 0, day = 0, kind = 0;
    int known = 0;
    while (known < NILO_OPS && strcmp(nilo_op_word((enum nilo_op)known), op) != 0)
        known++;
    if (r.ids == NULL)
        return nilo_err_nomem(err);
    if (nilo__walk(text, strlen(text), take, &r, err) != 0)
        return -1;
    if (known == NILO_OPS || !nilo__count_of(r.win, &win) || win > 3660 || (r.day != NULL && !nilo__count_of(r.day, &day)) || day > NILO_DAY_MAX.n ||
        (r.kind != NULL && !nilo__count_of(r.kind, &kind)) || kind > NILO_KINDS)
        return nilo_err_set(err, NILO_ECORRUPT, "what was asked for (%.40s) does not read", op);
    *ret = (struct nilo_ask){.op = (enum nilo_op)known, .credentials = &none, .account = r.account, .listing = r.listing, .cursor = r.cursor, .ids = r.ids, .n_ids = r.n,
                             .win = (int)win, .kind = (int)kind, .day = r.day != NULL ? NILO_DAY((int32_t)day) : NILO_DAY_NONE};
    return 0;
}
