/* What became of each item that was asked about, and of each other question: by what was answered last, as the platform means it. Tests work out from this what a
 * collector should tell of a run, without knowing how it came to it.
 *
 * A platform's file says what it answers of an item (emu_ledger()). Of a call that never came so far (weather, a credential, a limit) its items are found by answering it
 * once more for nobody: `dry`, in which nothing is spent. */
#include "emulator/emulator_priv.h"

#include <string.h>

static const char *const words[EMU_FATES] = {
#define X(fate, word) word,
    EMU_FATE_ROWS(X)
#undef X
};

const char *emu_fate_word(enum emu_fate fate)
{
    return words[fate];
}

static struct emu_told *place(struct emu_told *all, size_t cap, const char *platform, const char *id)
{
    for (size_t at = emu_mix(emu_text_hash(id, strlen(id)) ^ emu_text_hash(platform, strlen(platform))) & (cap - 1);; at = (at + 1) & (cap - 1))
        if (!all[at].platform || (strcmp(all[at].id, id) == 0 && strcmp(all[at].platform, platform) == 0))
            return &all[at];
}

static struct emu_told *told_of(struct emulator *em, const char *platform, const char *id)
{
    struct emu_ledger *l = &em->ledger;
    if (l->n * 2 >= l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 1024;
        struct emu_told *all = calloc(cap, sizeof *all);
        if (!all)
            return NULL;
        for (size_t i = 0; i < l->cap; i++)
            if (l->told[i].platform)
                *place(all, cap, l->told[i].platform, l->told[i].id) = l->told[i];
        free(l->told);
        l->told = all;
        l->cap = cap;
    }
    struct emu_told *t = place(l->told, l->cap, platform, id);
    if (!t->platform) {
        *t = (struct emu_told){.platform = platform, .channel = -1, .video = -1};
        snprintf(t->id, sizeof t->id, "%s", id);
        l->n++;
    }
    return t;
}

void emu_ledger(struct emu_call *c, struct emu_item it, const char *id, enum emu_fate fate)
{
    struct emu_told *t = told_of(c->em, c->platform->name, id);
    c->told = true;
    if (!t)
        return;
    t->channel = it.channel;
    t->video = it.video;
    t->asked++;
    t->fate = c->dry ? c->fate : fate;
    if (t->fate == EMU_FATE_SERVED || t->fate == EMU_FATE_ODD) {
        t->served++;
        t->at = c->now;
    }
}

/* A question that is about no items: an account, a page of a list. */
static void of_question(struct emu_call *c)
{
    char key[48];
    uint64_t h = emu_text_hash(c->path, strlen(c->path));
    for (const struct emu_param *p = c->params; p && p->name; p++)
        if (strcmp(p->name, "key") != 0)
            h = emu_mix(h ^ emu_text_hash(p->name, strlen(p->name))) ^ emu_text_hash(p->value, strlen(p->value));
    h = emu_mix(h ^ emu_text_hash(c->req->body ? c->req->body : "", c->req->body_len));
    h = emu_mix(h ^ (uint64_t)c->grant);
    snprintf(key, sizeof key, "%016llx %.28s", (unsigned long long)h, c->path);
    struct emu_told *t = told_of(c->em, c->platform->name, key);
    if (!t)
        return;
    t->question = true;
    t->asked++;
    t->fate = c->fate;
    t->at = c->now;
}

static bool is_about_tokens(const struct emu_call *c)
{
    return strstr(c->endpoint->path, "token") || strstr(c->endpoint->path, "auth") || strstr(c->endpoint->path, "revoke");
}

/* The items of a call that was not answered. */
static void answer_for_nobody(struct emu_call *c)
{
    struct emulator_response kept = *c->res;
    struct emu_endpoint_count count = *c->count;
    bool done = c->done;
    nilo_buf_init(&c->res->head, 4u << 20);
    nilo_buf_init(&c->res->body, (size_t)512 << 20);
    c->dry = true;
    c->endpoint->answer(c);
    c->dry = false;
    emulator_response_done(c->res);
    *c->res = kept;
    c->count->asked = count.asked;
    c->count->given = count.given;
    c->done = done;
}

void emu_ledger_close(struct emu_call *c, bool answered)
{
    if (is_about_tokens(c))
        return;
    if (!answered && c->fate == EMU_FATE_NONE)
        c->fate = EMU_FATE_AUTH;
    if (!answered && (c->grant >= 0 || c->project >= 0))
        answer_for_nobody(c);
    if (answered && c->fate == EMU_FATE_NONE)
        c->fate = c->res->status < 400 ? EMU_FATE_SERVED : EMU_FATE_REFUSED;
    if (!c->told)
        of_question(c);
}

void emu_ledger_forget(struct emulator *em)
{
    if (em->ledger.cap)
        memset(em->ledger.told, 0, em->ledger.cap * sizeof *em->ledger.told);
    em->ledger.n = 0;
}

/* {"items":[{"platform","id","channel","asked","served","at","fate"}], "questions":[{"platform","asked","fate"}]} */
void emu_ledger_tell(const struct emulator *em, struct nilo_json_out *o)
{
    nilo_json_object_begin(o);
    for (int questions = 0; questions < 2; questions++) {
        nilo_json_key(o, questions ? "questions" : "items");
        nilo_json_array_begin(o);
        for (size_t i = 0; i < em->ledger.cap; i++) {
            const struct emu_told *t = &em->ledger.told[i];
            if (!t->platform || t->question != (questions == 1))
                continue;
            nilo_json_object_begin(o);
            nilo_json_key(o, "platform");
            nilo_json_str(o, t->platform);
            nilo_json_key(o, "id");
            nilo_json_str(o, t->id);
            nilo_json_key(o, "channel");
            nilo_json_int(o, t->channel);
            nilo_json_key(o, "video");
            nilo_json_int(o, t->video);
            nilo_json_key(o, "asked");
            nilo_json_int(o, t->asked);
            nilo_json_key(o, "served");
            nilo_json_int(o, t->served);
            nilo_json_key(o, "at");
            nilo_json_int(o, t->at);
            nilo_json_key(o, "fate");
            nilo_json_str(o, words[t->fate]);
            nilo_json_object_end(o);
        }
        nilo_json_array_end(o);
    }
    nilo_json_object_end(o);
}
