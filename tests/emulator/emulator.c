/* The way of a call through the emulator: found by host and path, admitted (credentials, limits), failed by a rule or the weather, answered by its
 * platform, spoiled by a rule, compressed, delayed, logged. */
#include "emulator/emulator_priv.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

enum { H_WEATHER = 400, H_WEATHER_KIND, H_WEATHER_HIT, H_LATENCY, H_TAIL };

/* One row a platform. */
static const struct emu_platform *const platforms[] = {&emu_youtube, &emu_youtube_analytics, &emu_google_oauth, &emu_facebook, &emu_instagram, &emu_tiktok, &emu_tiktok_shop, &emu_instagram_login};

int emulator_new(struct emulator **ret, struct nilo_err *err)
{
    struct emulator *em = calloc(1, sizeof *em);
    if (!em)
        return nilo_err_nomem(err);
    em->o = (struct emu_options){
#define X(name, initial, low, high, text) .name = initial,
        EMU_OPTION_ROWS(X)
#undef X
    };
    nilo_buf_init(&em->bomb, 64u << 20);
    if (emulator_set(em, "epoch", "2026-11-01", err) != 0 || nilo_zone_load(NULL, "America/Los_Angeles", &em->pacific, err) != 0) {
        emulator_free(em);
        return -1;
    }
    *ret = em;
    return 0;
}

void emulator_free(struct emulator *em)
{
    if (!em)
        return;
    emu_limits_free(em);
    emu_tiktok_free(em);
    nilo_zone_free(em->pacific);
    free(em->override);
    free(em->ledger.told);
    free(em->tokens.token);
    free(em->tokens.grant);
    for (size_t i = 0; i < em->log_n; i++)
        free(em->log[(em->log_first + i) % em->log_cap].target);
    free(em->log);
    nilo_buf_done(&em->bomb);
    free(em);
}

void emulator_response_done(struct emulator_response *res)
{
    nilo_buf_done(&res->head);
    nilo_buf_done(&res->body);
}

bool emulator_response_header(const struct emulator_response *res, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);
    for (const char *s = nilo_buf_str(&res->head); *s; s = strstr(s, "\r\n") + 2)
        if (strncasecmp(s, name, n) == 0 && s[n] == ':') {
            const char *end = strstr(s, "\r\n");
            s += n + 1 + (s[n + 1] == ' ');
            snprintf(out, size, "%.*s", (int)(end - s), s);
            return true;
        }
    return false;
}

/* ---- what a request says ---------------------------------------------------------------------------------------------------------------- */

const char *emu_param(const struct emu_param *p, const char *name)
{
    for (; p && p->name; p++)
        if (strcmp(p->name, name) == 0)
            return p->value;
    return NULL;
}

const char *emu_call_header(const struct emu_call *c, const char *name)
{
    for (size_t i = 0; i < c->req->headers_n; i++)
        if (strcasecmp(c->req->headers[i].name, name) == 0)
            return c->req->headers[i].value;
    return NULL;
}

void emu_head(struct emu_call *c, const char *name, const char *value)
{
    nilo_buf_addf(&c->res->head, "%s: %s\r\n", name, value);
}

static int digit(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    ch = (char)(ch | 32);
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static void decode(char *s)
{
    char *to = s;
    for (; *s; s++)
        if (*s == '+') {
            *to++ = ' ';
        } else if (*s == '%' && digit(s[1]) >= 0 && digit(s[2]) >= 0) {
            *to++ = (char)(digit(s[1]) * 16 + digit(s[2]));
            s += 2;
        } else {
            *to++ = *s;
        }
    *to = 0;
}

static struct emu_param *params_of(struct nilo_arena *arena, const char *text, size_t len)
{
    char *s = nilo_arena_strndup(arena, text, len);
    size_t n = 2;
    for (size_t i = 0; i < len; i++)
        n += text[i] == '&';
    struct emu_param *p = nilo_arena_array(arena, n, sizeof *p);
    if (!s || !p)
        return NULL;
    n = 0;
    for (char *next = s; s; s = next) {
        next = strchr(s, '&');
        if (next)
            *next++ = 0;
        if (!*s)
            continue;
        char *value = strchr(s, '=');
        if (value)
            *value++ = 0;
        else
            value = s + strlen(s);
        decode(s);
        decode(value);
        p[n++] = (struct emu_param){s, value};
    }
    return p;
}

/* ---- which endpoint ------------------------------------------------------------------------------------------------------------------------ */

static bool known_host(const char *host, size_t len)
{
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++)
        for (const struct emu_endpoint *e = platforms[i]->endpoints; e->path; e++)
            if (strlen(e->host) == len && strncasecmp(e->host, host, len) == 0)
                return true;
    return false;
}

/* One with a star at its end takes whatever begins so. */
static bool is_path(const char *path, const char *asked)
{
    size_t n = strlen(path);
    return path[n - 1] == '*' ? strncmp(path, asked, n - 1) == 0 : strcmp(path, asked) == 0;
}

static bool route(struct emu_call *c, const char *host, size_t host_len)
{
    bool any = !known_host(host, host_len);
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++)
        for (const struct emu_endpoint *e = platforms[i]->endpoints; e->path; e++)
            if (is_path(e->path, c->path) && strcmp(e->method, c->req->method) == 0 &&
                (any || (strlen(e->host) == host_len && strncasecmp(e->host, host, host_len) == 0)) && (platforms[i] != &emu_facebook || emu_facebook_takes(c))) {
                c->platform = platforms[i];
                c->endpoint = e;
                return true;
            }
    return false;
}

static void split(struct emu_call *c, const char **ret_host, size_t *ret_host_len)
{
    const char *target = c->req->target, *host = c->req->host ? c->req->host : "";
    size_t host_len = strcspn(host, ":");
    if (target[0] == '/' && known_host(target + 1, strcspn(target + 1, "/?"))) {
        host = target + 1;
        host_len = strcspn(host, "/?");
        target = host + host_len;
    }
    size_t path = strcspn(target, "?");
    c->path = nilo_arena_strndup(&c->arena, target, path);
    c->params = params_of(&c->arena, target + path + (target[path] == '?'), strlen(target + path + (target[path] == '?')));
    c->form = params_of(&c->arena, c->req->body ? c->req->body : "", c->req->body_len);
    if (c->path) {
        char *s = c->path;
        decode(s);
    }
    *ret_host = host;
    *ret_host_len = host_len;
}

static struct emu_endpoint_count *count_of(struct emulator *em, const char *host, const char *path)
{
    for (size_t i = 0; i < em->counts_n; i++)
        if (strcmp(em->count[i].host, host) == 0 && strcmp(em->count[i].path, path) == 0)
            return &em->count[i];
    if (em->counts_n == sizeof em->count / sizeof *em->count)
        return &em->count[em->counts_n - 1];
    em->count[em->counts_n] = (struct emu_endpoint_count){.host = host, .path = path, .second = {.window_us = NILO_US_SECOND}};
    return &em->count[em->counts_n++];
}

/* ---- weather and latency --------------------------------------------------------------------------------------------------------------------- */

/* Whoever asks a host of that name has good weather always. */
#define FAIR_HOST "fair."

enum { RESET = 0, SLOW = 1, STALL = 2, UNNAMED = 1000 /* a status without its Retry-After */ };

/* Spells come and go by host and time, so that all callers of a host share them; which calls they hit is chance. */
static bool weather(struct emu_call *c)
{
    static const int plain[] = {503, 500, 429, 502, 403, RESET, 503, 429}, all[] = {503, 500, 429, 502, 403, RESET, SLOW, STALL, 429 + UNNAMED, 503 + UNNAMED};
    struct emulator *em = c->em;
    uint64_t host = emu_text_hash(c->endpoint->host, strlen(c->endpoint->host)), slot = (uint64_t)(c->now / (em->o.spell_minutes * NILO_US_MINUTE));
    if (!em->o.weather || (int64_t)(emu_hash(em, H_WEATHER, host, slot) % 1000) >= em->o.spell_chance ||
        (int64_t)(emu_hash(em, H_WEATHER_HIT, slot, em->requests) % 1000) >= em->o.weather ||
        (c->req->host && strncmp(c->req->host, FAIR_HOST, strlen(FAIR_HOST)) == 0))
        return false;
    uint64_t draw = emu_hash(em, H_WEATHER_KIND, host, slot);
    int kind = em->o.weather_all ? all[draw % (sizeof all / sizeof *all)] : plain[draw % 8];
    c->hostile = "weather";
    if (kind == SLOW) { /* answers, and late */
        c->slow = true;
        return false;
    }
    c->no_wait = kind > UNNAMED;
    c->fate = kind % UNNAMED == 429 || kind % UNNAMED == 403 ? EMU_FATE_LIMITED : EMU_FATE_TRANSIENT;
    if (kind == RESET || kind == STALL)
        c->res->wire = kind == RESET ? EMULATOR_WIRE_RESET : EMULATOR_WIRE_STALL;
    else
        c->platform->fail(c, kind % UNNAMED, true);
    return true;
}

static int64_t latency(const struct emulator *em)
{
    int64_t us = em->o.latency_ms * 1000, spread = em->o.latency_spread;
    if (spread)
        us = us / 100 * (100 - spread + (int64_t)(emu_hash(em, H_LATENCY, em->requests, 0) % (uint64_t)(2 * spread + 1)));
    if ((int64_t)(emu_hash(em, H_TAIL, em->requests, 0) % 1000) < em->o.latency_tail)
        us *= 10;
    return us;
}

/* ---- the log ----------------------------------------------------------------------------------------------------------------------------------- */

static bool is_secret(const char *name)
{
    static const char *const names[] = {"key", "access_token", "refresh_token", "client_secret", "code", "token", "code_verifier", "app_secret", "auth_code", "sign", "fb_exchange_token"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static char *told_target(struct emu_call *c)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 1u << 20);
    nilo_buf_adds(&b, c->path);
    char mark = '?';
    for (const struct emu_param *p = c->params; p && p->name; p++, mark = '&') {
        if (is_secret(p->name))
            nilo_buf_addf(&b, "%c%s=#%016llx", mark, p->name, (unsigned long long)emu_text_hash(p->value, strlen(p->value)));
        else
            nilo_buf_addf(&b, "%c%s=%.300s", mark, p->name, p->value);
        /* Some platforms want them there: a signature is spent, and TikTok Shop's and Meta's tokens are got so. */
        bool wanted = strcmp(p->name, "key") == 0 || strcmp(p->name, "sign") == 0 || (c->platform == &emu_tiktok_shop && c->endpoint->bucket < 0) ||
                      c->platform == &emu_instagram_login || c->endpoint->answer == emu_graph_token;
        if (is_secret(p->name) && !wanted)
            c->em->secrets_in_url++;
    }
    return nilo_buf_take(&b);
}

static void log_call(struct emu_call *c)
{
    struct emulator *em = c->em;
    if (em->log_cap != (size_t)em->o.log_max) {
        struct emu_logged *log = calloc((size_t)em->o.log_max, sizeof *log);
        if (!log)
            return;
        size_t keep = em->log_n < (size_t)em->o.log_max ? em->log_n : (size_t)em->o.log_max, drop = em->log_n - keep;
        for (size_t i = 0; i < em->log_n; i++) {
            struct emu_logged *old = &em->log[(em->log_first + i) % em->log_cap];
            if (i < drop)
                free(old->target);
            else
                log[i - drop] = *old;
        }
        free(em->log);
        em->log = log;
        em->log_cap = (size_t)em->o.log_max;
        em->log_first = 0;
        em->log_n = keep;
    }
    struct emu_logged *l;
    if (em->log_n == em->log_cap) {
        l = &em->log[em->log_first];
        em->log_first = (em->log_first + 1) % em->log_cap;
        free(l->target);
    } else {
        l = &em->log[(em->log_first + em->log_n++) % em->log_cap];
    }
    *l = (struct emu_logged){.at = c->now, .status = c->res->wire == EMULATOR_WIRE_RESET ? 0 : c->res->status, .delay_us = c->res->delay_us,
                             .units = c->units, .hostile = c->hostile, .target = told_target(c)};
    snprintf(l->method, sizeof l->method, "%s", c->req->method);
    if (c->caller) {
        snprintf(l->who, sizeof l->who, "%s", c->caller->name);
        snprintf(l->hash, sizeof l->hash, "%s", c->caller->hash);
    }
}

/* ---- the whole way --------------------------------------------------------------------------------------------------------------------------------- */

static void not_found(struct emu_call *c)
{
    c->res->status = 404;
    emu_head(c, "Content-Type", "text/html; charset=UTF-8");
    nilo_buf_adds(&c->res->body, "<!DOCTYPE html>\n<html lang=en><title>Error 404 (Not Found)!!1</title>\n<p><b>404.</b> <ins>That's an error.</ins>\n");
}

bool emu_gzip(const struct nilo_buf *plain, struct nilo_buf *out)
{
    z_stream z = {0};
    if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t bound = deflateBound(&z, plain->len);
    unsigned char *to = malloc(bound);
    bool ok = false;
    if (to) {
        z.next_in = (unsigned char *)nilo_buf_str(plain);
        z.avail_in = (unsigned)plain->len;
        z.next_out = to;
        z.avail_out = (unsigned)bound;
        ok = deflate(&z, Z_FINISH) == Z_STREAM_END && nilo_buf_add(out, to, bound - z.avail_out) == 0;
    }
    deflateEnd(&z);
    free(to);
    return ok;
}

static void compress_answer(struct emu_call *c)
{
    const char *accept = emu_call_header(c, "accept-encoding");
    char have[32];
    struct nilo_buf out;
    if (!c->em->o.gzip || !accept || !strstr(accept, "gzip") || c->res->body.len < 200 || emulator_response_header(c->res, "Content-Encoding", have, sizeof have))
        return;
    nilo_buf_init(&out, c->res->body.max);
    if (emu_gzip(&c->res->body, &out)) {
        nilo_buf_done(&c->res->body);
        c->res->body = out;
        emu_head(c, "Content-Encoding", "gzip");
    } else {
        nilo_buf_done(&out);
    }
}

static void serve(struct emu_call *c)
{
    struct emulator *em = c->em;
    c->count = count_of(em, c->endpoint->host, c->endpoint->path);
    c->count->calls++;
    emu_rate_count(&c->count->second, c->now);
    c->platform->admit(c);
    if (c->caller) {
        c->caller->calls++;
        emu_rate_count(&c->caller->second, c->now);
    }
    c->hostile = emu_hostile_pick(em, c->path);
    bool answered = !c->done && !emu_hostile_status(c) && !weather(c);
    if (answered)
        c->endpoint->answer(c);
    emu_ledger_close(c, answered);
    if (c->hostile && strcmp(c->hostile, "weather") != 0)
        emu_hostile_apply(c);
    compress_answer(c);
    c->res->delay_us = latency(em) * (c->slow ? 40 : 1);
    c->res->drip_us = em->o.drip_ms * 1000;
    if (c->caller && c->wait_until) { /* it is not told before the answer is there */
        size_t i = c->caller->waits++ % (sizeof c->caller->wait / sizeof *c->caller->wait);
        c->caller->wait[i].told = c->now + c->res->delay_us;
        c->caller->wait[i].until = c->wait_until;
        c->caller->wait[i].host = c->wait_of_host ? c->endpoint->host : NULL;
    }
    if (c->caller) {
        emu_takes_off(c->caller, c->now, c->now + c->res->delay_us);
        c->caller->failed += c->res->status >= 400 || c->res->wire != EMULATOR_WIRE_PLAIN;
    }
    emu_count_again(c, c->res->status >= 400 || c->res->wire != EMULATOR_WIRE_PLAIN);
    c->count->status[c->res->wire == EMULATOR_WIRE_RESET ? 0 : c->res->status / 100 % 6]++;
    log_call(c);
}

static bool projects_made(struct emulator *em)
{
    if (em->projects_n == (size_t)em->o.projects)
        return true;
    if (em->project)
        return true; /* too late: the world has begun */
    em->project = calloc((size_t)em->o.projects, sizeof *em->project);
    if (!em->project)
        return false;
    em->projects_n = (size_t)em->o.projects;
    for (size_t p = 0; p < em->projects_n; p++) {
        em->project[p].bucket[EMU_BUCKET_DEFAULT].name = "default";
        em->project[p].bucket[EMU_BUCKET_STATS].name = "batchGetStats";
    }
    return true;
}

void emulator_answer(struct emulator *em, nilo_us now, const struct emulator_request *req, struct emulator_response *res)
{
    struct emu_call c = {.em = em, .now = now, .req = req, .res = res, .project = -1, .grant = -1};
    const char *host;
    size_t host_len;
    *res = (struct emulator_response){.status = 500};
    nilo_buf_init(&res->head, 4u << 20);
    nilo_buf_init(&res->body, (size_t)512 << 20);
    nilo_arena_init(&c.arena, 0);
    split(&c, &host, &host_len);
    if (!projects_made(em) || !c.path || !c.params || !c.form) {
        /* 500, empty: no memory */
    } else if (strncmp(c.path, "/_emulator/", 11) == 0) {
        emu_control(&c);
    } else if (route(&c, host, host_len)) {
        em->requests++;
        serve(&c);
    } else {
        em->requests++;
        not_found(&c);
        c.count = count_of(em, "", "unknown");
        c.count->calls++;
        c.count->status[4]++;
        log_call(&c);
    }
    nilo_arena_done(&c.arena);
}
