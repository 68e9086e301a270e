/* What a test asks and tells the emulator by way of "/_emulator/...": never counted, never failed, never delayed. README.md lists it. */
#include "emulator/emulator_priv.h"

#include <string.h>

static void key_text(struct nilo_json_out *o, const char *name, const char *value)
{
    nilo_json_key(o, name);
    nilo_json_str(o, value);
}

static void key_int(struct nilo_json_out *o, const char *name, int64_t value)
{
    nilo_json_key(o, name);
    nilo_json_int(o, value);
}

static void refuse(struct emu_call *c, const char *message)
{
    c->res->status = 400;
    nilo_buf_reset(&c->res->body);
    nilo_buf_addf(&c->res->body, "%s\n", message);
}

static int64_t param_number(struct emu_call *c, const char *name, int64_t otherwise)
{
    return emu_number(emu_param(c->params, name), otherwise);
}

/* ---- the world --------------------------------------------------------------------------------------------------------------------------- */

static void tell_world(struct emu_call *c, struct nilo_json_out *o)
{
    struct emulator *em = c->em;
    char text[EMULATOR_TEXT];
    nilo_json_object_begin(o);
    key_int(o, "seed", em->o.seed);
    nilo_us_format(em->epoch, text);
    key_text(o, "epoch", text);
    nilo_us_format(c->now, text);
    key_text(o, "now", text);
    nilo_json_key(o, "projects");
    nilo_json_array_begin(o);
    for (int p = 0; p < (int)em->projects_n; p++) {
        nilo_json_object_begin(o);
        emulator_api_key(em, p, text);
        key_text(o, "key", text);
        emulator_client_id(em, p, text);
        key_text(o, "client_id", text);
        emulator_client_secret(em, p, text);
        key_text(o, "client_secret", text);
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
    nilo_json_key(o, "channels");
    nilo_json_array_begin(o);
    for (int k = 0; k < em->o.channels && k < 1000; k++) {
        nilo_json_object_begin(o);
        emulator_channel_id(em, k, text);
        key_text(o, "id", text);
        key_int(o, "account", k / em->o.account_channels);
        key_int(o, "videos", emu_videos(em, k, c->now));
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
    nilo_json_object_end(o);
}

static bool item_of(struct emu_call *c, struct emu_item *ret)
{
    const char *id = emu_param(c->params, "id");
    int64_t channel = param_number(c, "channel", -1), video = param_number(c, "video", -1);
    if (id && emu_video_of(c->em, id, strlen(id), INT64_C(4102444800) * NILO_US_SECOND, ret))
        return true;
    *ret = (struct emu_item){(int32_t)channel, (int32_t)video};
    if (id && emu_channel_of(c->em, id, strlen(id), &ret->channel)) {
        ret->video = -1;
        return true;
    }
    if (!id && channel >= 0 && channel < c->em->o.channels && video >= -1 && video < INT32_MAX)
        return true;
    refuse(c, "which item? id=ID of a video or channel, or channel=N with or without video=N");
    return false;
}

static void tell_item(struct emu_call *c, struct nilo_json_out *o)
{
    static const char *const states[] = {"by_seed", "public", "private", "deleted"};
    struct emu_item it;
    struct emu_stats s;
    char text[EMULATOR_TEXT];
    if (!item_of(c, &it))
        return;
    nilo_json_object_begin(o);
    if (it.video < 0) {
        emulator_channel_id(c->em, it.channel, text);
        key_text(o, "id", text);
        key_int(o, "subscribers", emu_subscribers(c->em, it.channel, c->now));
        key_int(o, "videos", emu_videos(c->em, it.channel, c->now));
    } else {
        emulator_video_id(c->em, it.channel, it.video, text);
        key_text(o, "id", text);
        nilo_us_format(emu_published(c->em, it), text);
        key_text(o, "published", text);
        emu_stats_at(c->em, it, c->now, &s);
        key_int(o, "views", s.views);
        key_int(o, "likes", s.likes);
        key_int(o, "comments", s.comments);
        nilo_json_key(o, "likes_hidden");
        nilo_json_bool(o, s.likes_hidden);
        nilo_json_key(o, "comments_closed");
        nilo_json_bool(o, s.comments_closed);
    }
    key_text(o, "state", states[emu_state_at(c->em, it, c->now)]);
    nilo_json_object_end(o);
}

static bool change_flag(struct emu_call *c, const char *name, signed char *flag)
{
    int64_t n = param_number(c, name, 2);
    if (!emu_param(c->params, name))
        return true;
    if (n < -1 || n > 1) {
        refuse(c, "hidden_likes, closed_comments and hidden_subscribers are 1, 0 (by the seed) or -1");
        return false;
    }
    *flag = (signed char)n;
    return true;
}

static void change_item(struct emu_call *c, struct nilo_json_out *o)
{
    static const char *const states[] = {"by_seed", "public", "private", "deleted"};
    static const char *const pins[EMU_PIN_N] = {"views", "likes", "comments", "subscribers"};
    const char *state = emu_param(c->params, "state");
    struct emu_item it;
    if (!item_of(c, &it))
        return;
    struct emu_override *over = emu_override_make(c->em, it);
    if (!over) {
        refuse(c, "out of memory");
        return;
    }
    if (state) {
        int k = 0;
        while (k < 4 && strcmp(states[k], state) != 0)
            k++;
        if (k == 4) {
            refuse(c, "state is by_seed, public, private or deleted");
            return;
        }
        over->state = (enum emu_state)k;
    }
    if (!change_flag(c, "hidden_likes", &over->hidden_likes) || !change_flag(c, "closed_comments", &over->closed_comments) ||
        !change_flag(c, "hidden_subscribers", &over->hidden_subscribers))
        return;
    int64_t fall = param_number(c, "fall_percent", 0);
    if (fall < 0 || fall > 100) {
        refuse(c, "fall_percent is 0 to 100");
        return;
    }
    if (it.video >= 0)
        over->fall += emu_views_at(c->em, it, c->now) * fall / 100;
    for (int k = 0; k < EMU_PIN_N; k++) {
        const char *pin = emu_param(c->params, pins[k]);
        if (pin && strlen(pin) >= sizeof over->pin[k]) {
            refuse(c, "a count is given as a JSON text of at most 47 bytes");
            return;
        }
        if (pin)
            snprintf(over->pin[k], sizeof over->pin[k], "%s", pin);
    }
    tell_item(c, o);
}

/* ---- tokens -------------------------------------------------------------------------------------------------------------------------------- */

static void make_grant(struct emu_call *c, struct nilo_json_out *o)
{
    char refresh[EMULATOR_TEXT], access[EMULATOR_TEXT];
    int64_t project = param_number(c, "project", 0), account = param_number(c, "account", 0);
    if (project < 0 || project >= (int64_t)c->em->projects_n || account < 0 || account * c->em->o.account_channels >= c->em->o.channels) {
        refuse(c, "no such project or account");
        return;
    }
    const char *platform = emu_param(c->params, "platform");
    bool tiktok = platform && strcmp(platform, "tiktok") == 0, shop = platform && strcmp(platform, "tiktok_shop") == 0;
    bool page = platform && strcmp(platform, "facebook") == 0;
    refresh[0] = '\0';
    if ((page     ? (emulator_facebook_grant(c->em, c->now, (int)account, access) < 0)
         : shop   ? emulator_shop_grant(c->em, c->now, (int)account, emu_param(c->params, "scope"), refresh, access)
         : tiktok ? emulator_tiktok_grant(c->em, c->now, (int)account, emu_param(c->params, "scope"), refresh, access)
                  : emulator_grant(c->em, c->now, (int)project, (int)account, refresh, access)) != 0) {
        refuse(c, "out of memory");
        return;
    }
    nilo_json_object_begin(o);
    key_int(o, "grant", (int64_t)c->em->tokens.grants_n - 1);
    key_text(o, "refresh_token", refresh);
    key_text(o, "access_token", access);
    key_int(o, "expires_in", shop ? c->em->o.shop_token_s : tiktok ? c->em->o.tiktok_token_s : c->em->o.token_seconds);
    nilo_json_object_end(o);
}

static void change_tokens(struct emu_call *c, struct nilo_json_out *o)
{
    const char *act = emu_param(c->params, "act");
    int64_t grant = param_number(c, "grant", -1), n = 0;
    struct emu_tokens *t = &c->em->tokens;
    if (!act || (strcmp(act, "expire") != 0 && strcmp(act, "revoke") != 0)) {
        refuse(c, "act is expire (access tokens) or revoke (the consent), with or without grant=N");
        return;
    }
    for (size_t i = 0; i < t->n && act[0] == 'e'; i++)
        if ((grant < 0 || t->token[i].grant == (uint32_t)grant) && t->token[i].kind == EMU_TOKEN_ACCESS && t->token[i].expires > c->now) {
            t->token[i].expires = c->now;
            n++;
        }
    for (size_t i = 0; i < t->grants_n && act[0] == 'r'; i++)
        if ((grant < 0 || (int64_t)i == grant) && !t->grant[i].revoked) {
            t->grant[i].revoked = true;
            n++;
        }
    nilo_json_object_begin(o);
    key_int(o, "changed", n);
    nilo_json_object_end(o);
}

/* ---- counters -------------------------------------------------------------------------------------------------------------------------------- */

static void tell_endpoints(struct emulator *em, struct nilo_json_out *o)
{
    static const char *const classes[6] = {"wire", "1xx", "2xx", "3xx", "4xx", "5xx"};
    nilo_json_key(o, "endpoints");
    nilo_json_array_begin(o);
    for (size_t i = 0; i < em->counts_n; i++) {
        const struct emu_endpoint_count *e = &em->count[i];
        nilo_json_object_begin(o);
        key_text(o, "host", e->host);
        key_text(o, "path", e->path);
        key_int(o, "calls", e->calls);
        key_int(o, "items_asked", e->asked);
        key_int(o, "items_given", e->given);
        key_int(o, "highest_per_second", e->second.highest);
        for (int k = 0; k < 6; k++)
            key_int(o, classes[k], e->status[k]);
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
}

static void tell_callers(struct emulator *em, struct nilo_json_out *o)
{
    nilo_json_key(o, "callers");
    nilo_json_array_begin(o);
    for (size_t i = 0; i < em->callers_n; i++) {
        const struct emu_caller *k = em->caller[i];
        nilo_json_object_begin(o);
        key_text(o, "name", k->name);
        key_text(o, "hash", k->hash);
        key_int(o, "calls", k->calls);
        key_int(o, "failed", k->failed);
        key_int(o, "limited", k->limited);
        key_int(o, "early", k->early);
        key_int(o, "highest_per_second", k->second.highest);
        key_int(o, "highest_per_window", k->window.highest);
        key_int(o, "highest_in_flight", k->inflight_highest);
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
}

static void tell_projects(struct emulator *em, struct nilo_json_out *o)
{
    nilo_json_key(o, "projects");
    nilo_json_array_begin(o);
    for (size_t p = 0; p < em->projects_n; p++) {
        const struct emu_project *project = &em->project[p];
        nilo_json_object_begin(o);
        key_int(o, "calls", project->calls);
        key_int(o, "limited", project->limited);
        key_int(o, "highest_per_second", project->second.highest);
        key_int(o, "highest_per_window", project->window.highest);
        nilo_json_key(o, "buckets");
        nilo_json_array_begin(o);
        for (int k = 0; k < EMU_BUCKETS; k++) {
            const struct emu_bucket *b = &project->bucket[k];
            char day[NILO_DAY_TEXT];
            nilo_day_format(NILO_DAY(b->day), day);
            nilo_json_object_begin(o);
            key_text(o, "name", b->name);
            key_text(o, "day", day);
            key_int(o, "used", b->used);
            key_int(o, "highest", b->highest);
            key_int(o, "refused", b->refused);
            nilo_json_object_end(o);
        }
        nilo_json_array_end(o);
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
}

static void tell_counters(struct emu_call *c, struct nilo_json_out *o)
{
    struct emulator *em = c->em;
    int64_t over = 0, early = 0, limited = 0;
    nilo_json_object_begin(o);
    key_int(o, "requests", (int64_t)em->requests);
    for (size_t p = 0; p < em->projects_n; p++)
        for (int k = 0; k < EMU_BUCKETS; k++)
            over += em->project[p].bucket[k].refused;
    for (size_t i = 0; i < em->callers_n; i++) {
        early += em->caller[i]->early;
        limited += em->caller[i]->limited;
    }
    key_int(o, "over_quota", over);
    key_int(o, "over_rate", limited);
    key_int(o, "early", early);
    key_int(o, "again", em->again);
    key_int(o, "secrets_in_url", em->secrets_in_url);
    emu_tiktok_counters(em, o);
    emu_shop_counters(em, o);
    tell_endpoints(em, o);
    tell_callers(em, o);
    tell_projects(em, o);
    nilo_json_key(o, "grants");
    nilo_json_array_begin(o);
    for (size_t i = 0; i < em->tokens.grants_n; i++) {
        const struct emu_grant *g = &em->tokens.grant[i];
        nilo_json_object_begin(o);
        key_int(o, "account", g->account);
        key_int(o, "refreshes", g->refreshes);
        key_int(o, "refused", g->refused);
        nilo_json_key(o, "revoked");
        nilo_json_bool(o, g->revoked);
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
    nilo_json_object_end(o);
}

/* Quotas used stay: the platform would not forget them either. */
static void forget_counters(struct emu_call *c, struct nilo_json_out *o)
{
    struct emulator *em = c->em;
    em->again = 0;
    for (size_t i = 0; i < em->counts_n; i++) {
        struct emu_endpoint_count *e = &em->count[i];
        e->calls = e->asked = e->given = 0;
        memset(e->status, 0, sizeof e->status);
        e->second.highest = 0;
    }
    for (size_t i = 0; i < em->callers_n; i++) {
        struct emu_caller *k = em->caller[i];
        k->calls = k->failed = k->limited = k->early = k->inflight_highest = 0;
        k->second.highest = k->window.highest = 0;
    }
    for (size_t p = 0; p < em->projects_n; p++) {
        em->project[p].calls = em->project[p].limited = 0;
        em->project[p].second.highest = em->project[p].window.highest = 0;
        for (int k = 0; k < EMU_BUCKETS; k++)
            em->project[p].bucket[k].refused = 0;
    }
    for (size_t i = 0; i < em->tokens.grants_n; i++)
        em->tokens.grant[i].refreshes = em->tokens.grant[i].refused = 0;
    em->secrets_in_url = 0;
    tell_counters(c, o);
}

static void tell_log(struct emu_call *c, struct nilo_json_out *o)
{
    struct emulator *em = c->em;
    (void)o;
    for (size_t i = 0; i < em->log_n; i++) {
        const struct emu_logged *l = &em->log[(em->log_first + i) % em->log_cap];
        struct nilo_json_out line;
        nilo_json_out_init(&line, &c->res->body);
        nilo_json_object_begin(&line);
        key_int(&line, "at", l->at);
        key_text(&line, "method", l->method);
        key_text(&line, "target", l->target ? l->target : "");
        key_int(&line, "status", l->status);
        key_int(&line, "units", l->units);
        key_int(&line, "delay_us", l->delay_us);
        key_text(&line, "who", l->who);
        key_text(&line, "hash", l->hash);
        if (l->hostile)
            key_text(&line, "hostile", l->hostile);
        nilo_json_object_end(&line);
        nilo_buf_addc(&c->res->body, '\n');
    }
}

/* ---- options ----------------------------------------------------------------------------------------------------------------------------------- */

static void tell_options(struct emu_call *c, struct nilo_json_out *o)
{
    const struct emu_options *v = &c->em->o;
    nilo_json_object_begin(o);
#define X(name, initial, low, high, text)                                                                                                    \
    nilo_json_key(o, #name);                                                                                                                 \
    nilo_json_object_begin(o);                                                                                                               \
    key_int(o, "is", v->name);                                                                                                               \
    key_int(o, "default", initial);                                                                                                          \
    key_text(o, "what", text);                                                                                                               \
    nilo_json_object_end(o);
    EMU_OPTION_ROWS(X)
#undef X
    nilo_json_key(o, "hostile");
    nilo_json_array_begin(o);
    for (size_t i = 0; emu_hostile_name(i); i++)
        nilo_json_str(o, emu_hostile_name(i));
    nilo_json_array_end(o);
    nilo_json_object_end(o);
}

static void set_options(struct emu_call *c, struct nilo_json_out *o)
{
    struct nilo_err err;
    for (const struct emu_param *p = c->params; p->name; p++)
        if (emulator_set(c->em, p->name, p->value, &err) != 0) {
            refuse(c, err.msg);
            return;
        }
    nilo_json_object_begin(o);
    nilo_json_object_end(o);
}

static void tell_ledger(struct emu_call *c, struct nilo_json_out *o)
{
    emu_ledger_tell(c->em, o);
    if (emu_param(c->params, "forget"))
        emu_ledger_forget(c->em);
}

void emu_control(struct emu_call *c)
{
    static const struct {
        const char *path;
        void (*act)(struct emu_call *c, struct nilo_json_out *o);
    } rows[] = {
        {"/_emulator/world", tell_world},       {"/_emulator/item", change_item},     {"/_emulator/grant", make_grant},
        {"/_emulator/tokens", change_tokens},   {"/_emulator/counters", tell_counters}, {"/_emulator/forget", forget_counters},
        {"/_emulator/log", tell_log},           {"/_emulator/options", tell_options}, {"/_emulator/set", set_options},
        {"/_emulator/ledger", tell_ledger},
    };
    struct nilo_json_out o;
    nilo_json_out_init(&o, &c->res->body);
    c->res->status = 200;
    emu_head(c, "Content-Type", "application/json; charset=utf-8");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].path, c->path) == 0) {
            rows[i].act(c, &o);
            return;
        }
    c->res->status = 404;
    nilo_buf_adds(&c->res->body, "no such control; README.md of tests/emulator lists them\n");
}
