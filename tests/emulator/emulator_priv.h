/* Inside the emulator: its state, and what its files give each other. A platform is one file with a table of endpoints (struct emu_endpoint) and
 * one row in platforms[] of emulator.c. */
#ifndef NILO_TESTS_EMULATOR_PRIV_H
#define NILO_TESTS_EMULATOR_PRIV_H

#include "emulator/emulator.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/zone.h"

/* ---- options.c: one row an option; all are whole numbers but the few with a handler of their own ---- */
#define EMU_OPTION_ROWS(X)                                                                                                                  \
    X(seed, 1, 0, INT64_MAX, "everything follows from it")                                                                                  \
    X(channels, 3, 1, 100000, "channels there are")                                                                                         \
    X(videos, 60, 0, 1000000, "videos a channel has at the epoch")                                                                          \
    X(back_days, 400, 1, 4000, "they were published in so many days before the epoch")                                                      \
    X(upload_hours, 48, 0, 100000, "from then on one more in so many hours; 0 = none")                                                      \
    X(account_channels, 1, 1, 50, "channels an account owns")                                                                               \
    X(projects, 1, 1, 64, "projects with an API key, an OAuth client and a quota of their own")                                             \
    X(scale, 100, 1, 100000, "per cent: size of all view counts")                                                                           \
    X(deleted, 0, 0, 1000, "of a thousand videos are deleted within 200 days")                                                              \
    X(private, 0, 0, 1000, "of a thousand are made private and re-appear some weeks later")                                                 \
    X(hidden_likes, 0, 0, 1000, "of a thousand hide their likes")                                                                           \
    X(closed_comments, 0, 0, 1000, "of a thousand have comments closed")                                                                    \
    X(restated, 0, 0, 1000, "of a thousand lose 5 to 20 % of their views one day")                                                          \
    X(bought, 0, 0, 1000, "of a thousand videos and channels have a sudden jump of views and followers")                                    \
    X(live, 0, 0, 1000, "of a thousand are premieres: announced a day before")                                                              \
    X(hidden_subscribers, 0, 0, 1000, "of a thousand channels hide their number of subscribers")                                            \
    X(shuffle, 1, 0, 1, "items come back in another order than they were asked for")                                                        \
    X(latency_ms, 300, 0, 600000, "time that an answer takes")                                                                              \
    X(latency_spread, 20, 0, 100, "per cent of it, up and down")                                                                            \
    X(latency_tail, 0, 0, 1000, "of a thousand answers take ten times as long")                                                             \
    X(gzip, 1, 0, 1, "compress answers for clients that accept it")                                                                         \
    X(etag_304, 1, 0, 1, "answer 304 to an If-None-Match that still holds")                                                                 \
    X(page_max, 50, 1, 50, "items a page at most")                                                                                          \
    X(ids_max, 50, 1, 1000, "ids a call at most")                                                                                           \
    X(quota, 10000, 0, INT64_MAX, "units a project and Pacific day")                                                                        \
    X(quota_stats, 10000, 0, INT64_MAX, "the same of the bucket of videos:batchGetStats")                                                   \
    X(batch, 1, 0, 1, "videos:batchGetStats exists; 0 = 404")                                                                               \
    X(batch_numbers, 0, 0, 1, "its counts are JSON numbers")                                                                                \
    X(summary, 1, 0, 1, "its answers have a summary")                                                                                       \
    X(dislikes, 1, 0, 1, "the owner's token sees dislikeCount")                                                                             \
    X(error_legacy, 0, 0, 1, "errors in the older shape, without status and details")                                                       \
    X(rate_project, 0, 0, INT64_MAX, "requests a project in rate_window_s, 0 = any")                                                        \
    X(rate_token, 0, 0, INT64_MAX, "requests a token in rate_window_s, 0 = any")                                                            \
    X(rate_window_s, 60, 1, 86400, "seconds that both limits look back")                                                                    \
    X(rate_status, 429, 403, 429, "how going over a rate is answered: 429 with Retry-After, or 403")                                        \
    X(inflight_token, 0, 0, 100000, "calls in flight a token before 429, 0 = any")                                                          \
    X(token_seconds, 3599, 1, 100000000, "life of an access token")                                                                         \
    X(refresh_days, 0, 0, 100000, "life of an unused refresh token, 0 = for ever")                                                          \
    X(rotate, 0, 0, 1, "each refresh gives a new refresh token; the old one stops working")                                                 \
    X(rotate_grace_s, 0, 0, 86400, "seconds that the old one still works")                                                                  \
    X(reuse_revokes, 0, 0, 1, "an old refresh token that is used again kills the consent")                                                  \
    X(deny, 0, 0, 1, "the account refuses to consent")                                                                                      \
    X(analytics_delay_h, 24, 0, 2000, "hours after a Pacific day until reports have a row of it")                                           \
    X(analytics_settle_h, 72, 0, 2000, "hours until that row is final")                                                                     \
    X(tiktok_200, 0, 0, 1, "TikTok's errors come inside of HTTP 200")                                                                       \
    X(tiktok_rate, 600, 1, INT64_MAX, "calls an endpoint of TikTok's and app in a minute that slides")                                      \
    X(tiktok_short, 0, 0, 1000, "of a thousand pages of its listings are short in the middle")                                              \
    X(tiktok_token_s, 7200, 1, 100000000, "life of its access tokens")                                                                      \
    X(tiktok_refresh_days, 180, 1, 100000, "life of its refresh tokens; each is good once")                                                 \
    X(research_requests, 1000, 0, INT64_MAX, "calls of its Research API a UTC day")                                                         \
    X(research_records, 100000, 0, INT64_MAX, "videos that they bring a UTC day")                                                           \
    X(ig_app_limit, 0, 0, INT64_MAX, "calls of an app of Instagram's in an hour that slides, 0 = any")                                      \
    X(ig_account_limit, 0, 0, INT64_MAX, "calls about an account of Instagram's in a day that slides, 0 = any")                             \
    X(ig_refused, 0, 0, 1023, "metrics of Instagram's that all but stories refuse, as bits in the order of its table")                      \
    X(ig_silent, 0, 0, 1, "and it does not say which")                                                                                      \
    X(ig_old, 0, 0, 1000, "of a thousand media are older than the business account")                                                        \
    X(ig_parts, 0, 0, 1000, "of a thousand parts of a batch of Instagram's come to nothing")                                                \
    X(ig_late_h, 0, 0, 1000, "hours until a medium's insights are there")                                                                   \
    X(shop_page, 100, 1, 100, "entries a page of TikTok Shop's")                                                                            \
    X(shop_short, 0, 0, 1000, "of a thousand of its pages are short in the middle")                                                         \
    X(shop_twice, 0, 0, 1000, "of a thousand of its pages begin with the last entry of the page before")                                    \
    X(shop_repeat, 0, 0, 1, "its last page leads back to itself")                                                                           \
    X(shop_versions, 7, 0, 7, "versions that it knows, as bits: 202605, 202509, 202409")                                                    \
    X(shop_delay_h, 6, 0, 1000, "hours after a day's end until it tells of it")                                                             \
    X(shop_settle_h, 48, 0, 1000, "hours after a day's end until that is final")                                                            \
    X(shop_hour, 0, 0, INT64_MAX, "calls that a sandbox of it answers in an hour of the clock, 0 = any")                                    \
    X(shop_currency, 0, 0, 2, "its own currency: dollars, yen, dinars")                                                                     \
    X(shop_token_s, 604800, 1, 100000000, "life of its access tokens")                                                                      \
    X(fb_app_limit, 0, 0, INT64_MAX, "calls of an app of Facebook's in an hour that slides, 0 = any")                                       \
    X(graph_app_limit, 0, 0, INT64_MAX, "calls of one app of Meta's, of Instagram and Facebook together, in place of each one's own; 0 = none") \
    X(fb_page_limit, 0, 0, INT64_MAX, "calls about a page in a day that slides, 0 = any")                                                   \
    X(fb_refused, 0, 0, 31, "metrics of posts that are refused, as bits in the order of its table")                                         \
    X(fb_day_refused, 0, 0, 31, "the same of a page's days")                                                                                \
    X(fb_named, 0, 0, 1, "and it says which")                                                                                               \
    X(fb_no_content, 0, 0, 1, "the token may not read what people write: no summaries of comments and reactions")                           \
    X(fb_no_insights, 0, 0, 1, "the token may not read insights of posts")                                                                  \
    X(fb_late_h, 0, 0, 1000, "hours until a post's insights are there")                                                                     \
    X(fb_day_gap, 0, 0, 1000, "each so-many-th day of a page has no value, 0 = none")                                                       \
    X(weather, 0, 0, 1000, "of a thousand requests fail in a spell of bad weather; see spell_*")                                            \
    X(spell_minutes, 10, 1, 100000, "weather changes each so many minutes")                                                                 \
    X(spell_chance, 250, 0, 1000, "of a thousand such times are bad")                                                                       \
    X(weather_all, 0, 0, 1, "bad weather is also slowness, silence and limits that name no time")                                             \
    X(retry_after_s, 30, 0, 86400, "what a 429 or 503 names")                                                                               \
    X(drip_ms, 1000, 1, 600000, "between the bytes of dripping answers")                                                                    \
    X(bomb_mib, 1024, 1, 4096, "size of the gzip bomb when it is unpacked")                                                                 \
    X(log_max, 10000, 1, 1000000, "requests that the log keeps")

struct emu_options {
#define X(name, initial, low, high, text) int64_t name;
    EMU_OPTION_ROWS(X)
#undef X
};

/* ---- world.c ---- */

/* A video or a channel by number; video -1 = the channel itself. */
struct emu_item {
    int32_t channel, video;
};

/* What a test has done to an item, on top of what the seed does. */
enum emu_state { EMU_BY_SEED, EMU_PUBLIC, EMU_PRIVATE, EMU_DELETED };
enum emu_pin { EMU_PIN_VIEWS, EMU_PIN_LIKES, EMU_PIN_COMMENTS, EMU_PIN_SUBSCRIBERS, EMU_PIN_N };
struct emu_override {
    uint64_t key; /* 0 = empty place */
    enum emu_state state;
    signed char hidden_likes, closed_comments, hidden_subscribers; /* -1 no, 0 by the seed, 1 yes */
    int64_t fall;             /* views taken off */
    char pin[EMU_PIN_N][48];  /* a JSON text given in place of the number; "" = none */
};

struct emu_stats {
    int64_t views, likes, dislikes, comments, shares, minutes;
    bool likes_hidden, comments_closed;
};
enum emu_live { EMU_LIVE_NONE, EMU_LIVE_UPCOMING, EMU_LIVE_NOW };

uint64_t emu_mix(uint64_t x);
uint64_t emu_unmix(uint64_t x); /* backwards */
uint64_t emu_get64(const unsigned char in[8]);
uint64_t emu_hash(const struct emulator *em, uint64_t kind, uint64_t a, uint64_t b);
uint64_t emu_text_hash(const void *p, size_t n);
void emu_base64url(const void *p, size_t n, char *out); /* 4n/3 + 1 bytes and a NUL, no padding */
bool emu_unbase64url(const char *s, size_t len, unsigned char *out, size_t *ret_n);

int32_t emu_videos(const struct emulator *em, int32_t channel, nilo_us at); /* published by then, visible or not */
nilo_us emu_published(const struct emulator *em, struct emu_item it);
nilo_us emu_channel_born(const struct emulator *em, int32_t channel);
enum emu_state emu_state_at(const struct emulator *em, struct emu_item it, nilo_us at);
enum emu_live emu_live_at(const struct emulator *em, struct emu_item it, nilo_us at, nilo_us *ret_starts);
int emu_duration(const struct emulator *em, struct emu_item it); /* seconds */
int64_t emu_views_at(const struct emulator *em, struct emu_item it, nilo_us at);
void emu_stats_at(const struct emulator *em, struct emu_item it, nilo_us at, struct emu_stats *ret);
int64_t emu_subscribers(const struct emulator *em, int32_t channel, nilo_us at);
bool emu_subscribers_hidden(const struct emulator *em, int32_t channel);
bool emu_video_of(const struct emulator *em, const char *id, size_t len, nilo_us at, struct emu_item *ret);
bool emu_channel_of(const struct emulator *em, const char *id, size_t len, int32_t *ret); /* UC... or UU... */
const struct emu_override *emu_override_of(const struct emulator *em, struct emu_item it); /* NULL = none */
bool emu_is_spoiled(const struct emulator *em, struct emu_item it); /* a count of it is given in place of the world's, and is none */
struct emu_override *emu_override_make(struct emulator *em, struct emu_item it);           /* NULL = no memory */

/* ---- limits.c ---- */

/* When the calls of the last window came, so that the highest rate ever seen is exact. */
struct emu_rate {
    int64_t window_us;
    nilo_us *at; /* ring */
    size_t cap, first, n;
    int64_t highest;
};
/* Who called: an API key or a grant (the connection's consent, whatever access token it uses just now). */
struct emu_caller {
    char name[24]; /* "key-0", "grant-3", "none" */
    char hash[17]; /* of the credential first seen */
    int64_t calls, failed, limited, early; /* early: came before a Retry-After that it was given had passed */
    struct {
        nilo_us told, until; /* when the answer that named a Retry-After was there, and until when it holds */
        const char *host;    /* of one host, which cannot answer; NULL = of all that this caller asks for */
    } wait[16];
    size_t waits;
    struct emu_rate second, window;
    nilo_us *ends; /* of the calls in flight */
    size_t ends_n, ends_cap;
    int64_t inflight_highest;
};
struct emu_bucket {
    const char *name;
    int32_t day; /* Pacific */
    int64_t used, refused, highest, days_over;
};
enum { EMU_BUCKET_DEFAULT, EMU_BUCKET_STATS, EMU_BUCKETS };
struct emu_project {
    struct emu_bucket bucket[EMU_BUCKETS];
    struct emu_rate second, window;
    int64_t calls, limited;
};
struct emu_endpoint_count {
    const char *host, *path;
    int64_t calls, asked, given; /* items */
    int64_t status[6];           /* 0: the wire failed; else by hundreds */
    struct emu_rate second;
};
int emu_rate_count(struct emu_rate *r, nilo_us now); /* one more; how many are in the window with it */
int emu_rate_now(struct emu_rate *r, nilo_us now);
int32_t emu_pacific_day(const struct emulator *em, nilo_us at);
bool emu_charge(struct emulator *em, int project, int bucket, int64_t units, nilo_us now); /* false = over the quota */
void emu_in_flight(struct emu_caller *caller, nilo_us now); /* forgets the calls that are answered by now */
bool emu_told_to_wait(const struct emu_caller *caller, const char *host, nilo_us now); /* by an answer that it has */
void emu_takes_off(struct emu_caller *caller, nilo_us now, nilo_us end);
/* What was asked for in vain last, and when: an item, or a page of a list, by whom. */
struct emu_in_vain {
    uint64_t key; /* 0 = empty place */
    nilo_us at;   /* 0 = it was answered since */
};
struct emu_call;
void emu_count_again(struct emu_call *c, bool failed); /* when the answer is decided */
void emu_limits_free(struct emulator *em);

/* ---- tokens.c ---- */
enum emu_token_kind { EMU_TOKEN_ACCESS = 1, EMU_TOKEN_REFRESH, EMU_TOKEN_CODE };
struct emu_token {
    enum emu_token_kind kind;
    uint32_t grant;
    nilo_us made, expires; /* expires INT64_MAX = never */
    bool revoked, used;
};
/* A consent: what account lets which client do what. */
struct emu_grant {
    int project, account;
    char scope[256], redirect[256], challenge[128];
    bool plain, offline, revoked;
    int64_t refreshes, refused;
    nilo_us last_used;
};
struct emu_tokens {
    struct emu_token *token;
    size_t n, cap;
    struct emu_grant *grant;
    size_t grants_n, grants_cap;
};
int64_t emu_grant_add(struct emulator *em, int project, int account, const char *scope); /* -1 = no memory */
int64_t emu_token_add(struct emulator *em, enum emu_token_kind kind, uint32_t grant, nilo_us now, nilo_us expires);
void emu_token_text(const struct emulator *em, int64_t token, char out[EMULATOR_TEXT]);
int64_t emu_token_find(const struct emulator *em, enum emu_token_kind kind, const char *text); /* -1 = none; says nothing of its validity */
bool emu_token_valid(const struct emulator *em, int64_t token, nilo_us now);

/* ---- ledger.c ---- */

/* fate, word. Those of a failure are classes of errors as platforms mean them */
#define EMU_FATE_ROWS(X)                                                                                                                    \
    X(EMU_FATE_NONE, "none")                                                                                                                \
    X(EMU_FATE_SERVED, "served")                                                                                                            \
    X(EMU_FATE_ODD, "odd")               /* served, with a count that a test has spoiled */                                                 \
    X(EMU_FATE_MISSING, "missing")       /* left out by an answer that may err */                                                           \
    X(EMU_FATE_GONE, "gone")                                                                                                                \
    X(EMU_FATE_TRANSIENT, "transient")                                                                                                      \
    X(EMU_FATE_LIMITED, "rate_limited")                                                                                                     \
    X(EMU_FATE_AUTH, "auth")                                                                                                                \
    X(EMU_FATE_PERMISSION, "permission")                                                                                                    \
    X(EMU_FATE_REFUSED, "invalid")
enum emu_fate {
#define X(fate, word) fate,
    EMU_FATE_ROWS(X)
#undef X
        EMU_FATES
};
const char *emu_fate_word(enum emu_fate fate);
/* What was answered last, since it was forgotten: of an item, or of another question. */
struct emu_told {
    const char *platform; /* NULL = empty place */
    char id[48];
    bool question;
    int32_t channel, video; /* of an item; -1 = there is none of that id */
    int64_t asked, served;
    nilo_us at;             /* when it was served last */
    enum emu_fate fate;
};
struct emu_ledger {
    struct emu_told *told;
    size_t cap, n;
};
/** emu_ledger - a platform's answer of one item; id as it was asked for, it.channel -1 where there is no such item */
void emu_ledger(struct emu_call *c, struct emu_item it, const char *id, enum emu_fate fate);
void emu_ledger_close(struct emu_call *c, bool answered); /* when all is said; answered: the endpoint was asked */
void emu_ledger_forget(struct emulator *em);
void emu_ledger_tell(const struct emulator *em, struct nilo_json_out *o);

/* ---- a call on its way through ---- */
struct emu_param {
    char *name, *value;
};
struct emu_call;
struct emu_endpoint {
    const char *method, *host, *path;
    int bucket;                          /* -1 = costs nothing */
    void (*answer)(struct emu_call *c);
};
struct emu_platform {
    const char *name;
    const struct emu_endpoint *endpoints; /* ends with path NULL */
    void (*fail)(struct emu_call *c, int status, bool rate); /* the error of that status in this platform's shape */
    void (*admit)(struct emu_call *c);    /* credentials and limits, before answer(); sets c->done when refused */
};
struct emu_call {
    struct emulator *em;
    nilo_us now;
    const struct emulator_request *req;
    struct emulator_response *res;
    struct nilo_arena arena;
    const struct emu_platform *platform;
    const struct emu_endpoint *endpoint;
    struct emu_endpoint_count *count;
    char *path;
    struct emu_param *params, *form; /* decoded; end with name NULL */
    int project;      /* -1 = none found */
    int64_t grant;    /* -1 = none */
    struct emu_caller *caller;
    int64_t units;
    nilo_us wait_until; /* 0 = the answer names no Retry-After */
    bool wait_of_host;  /* it is the host's, not the caller's */
    bool no_wait;       /* an error names no Retry-After */
    const char *hostile; /* name of the behaviour, or NULL */
    bool done, slow;
    enum emu_fate fate; /* of the whole call, where it failed */
    bool told;          /* something was said of an item */
    bool dry;           /* nobody gets this answer, and nothing is spent on it */
};
const char *emu_param(const struct emu_param *p, const char *name); /* NULL = not given */
const char *emu_call_header(const struct emu_call *c, const char *name);
void emu_head(struct emu_call *c, const char *name, const char *value);
struct emu_caller *emu_caller_of(struct emulator *em, const char *name, const char *credential);

/* ---- hostile.c ---- */
struct emu_rule {
    const char *name;
    char path[96];
    int64_t times; /* left; -1 = for ever */
    int percent;
};
#define EMU_RULES 16
int emu_hostile_set(struct emulator *em, const char *value, struct nilo_err *err);
const char *emu_hostile_pick(struct emulator *em, const char *path); /* NULL = behave */
void emu_hostile_apply(struct emu_call *c);
const char *emu_hostile_name(size_t i); /* of each behaviour; NULL behind the last */
bool emu_hostile_status(struct emu_call *c); /* status_NNN: answered by the platform's own error */
bool emu_gzip(const struct nilo_buf *plain, struct nilo_buf *out);

/* ---- options.c ---- */
int64_t emu_number(const char *s, int64_t otherwise); /* of a parameter; NULL or no number: otherwise */

/* ---- control.c ---- */
void emu_control(struct emu_call *c);

/* ---- platforms ---- */
extern const struct emu_platform emu_youtube, emu_youtube_analytics, emu_google_oauth, emu_tiktok;

/* ---- tiktok.c ---- */
#define EMU_TIKTOK_ENDPOINTS 5
struct emu_tiktok_state {
    struct emu_rate rate[64][EMU_TIKTOK_ENDPOINTS]; /* by project */
    int32_t day; /* of Research, UTC */
    int64_t requests, records, highest; /* on it; the most requests on any */
    int64_t over_rate, over_day, dead_refresh; /* calls refused; refresh tokens that were used twice */
};
void emu_tiktok_counters(const struct emulator *em, struct nilo_json_out *o);
void emu_tiktok_free(struct emulator *em);

/* Instagram's limits, and what came to pass of them. */
#define EMU_INSTAGRAM_ACCOUNTS 64
struct emu_instagram {
    struct emu_rate app, account[EMU_INSTAGRAM_ACCOUNTS];
    int64_t questions, over, refused; /* asked, beyond a limit, refused for a metric's name */
};
extern const struct emu_platform emu_instagram;

/* ---- tiktok_shop.c ---- */
struct emu_shop {
    int64_t calls, bad_sign, unknown, pages, twice, details; /* unknown: versions that there are not; twice: entries that came again */
    int64_t hour, used, over; /* of a sandbox: calls in this hour; those that were too many */
};
extern const struct emu_platform emu_tiktok_shop;
void emu_shop_counters(const struct emulator *em, struct nilo_json_out *o);

/* ---- facebook.c ---- */
#define EMU_FACEBOOK_PAGES 64
struct emu_facebook {
    struct emu_rate app, page[EMU_FACEBOOK_PAGES];
    int64_t questions, over, refused; /* asked, beyond a limit, refused for a metric's name or a permission */
};
extern const struct emu_platform emu_facebook;
/* graph_login.c: Meta's pages for people, and a code or a token for a token; Instagram's own way in */
void emu_graph_authorize(struct emu_call *c);
void emu_graph_token(struct emu_call *c);
extern const struct emu_platform emu_instagram_login;
bool emu_facebook_takes(const struct emu_call *c); /* is it Facebook's? Instagram is asked at the same address */
/* of instagram.c: which count of the hour a call of the app goes into, and how many there may be (0 = any) */
int64_t emu_graph_app(struct emulator *em, int64_t own_limit, struct emu_rate *own, struct emu_rate **ret);
/* an error as Meta writes it, and its status; is that field asked for; a member that is a text; the addresses of a batch */
int emu_graph_error(struct nilo_buf *b, int code, int subcode, const char *message);
bool emu_graph_field(const char *fields, const char *name);
void emu_graph_text(struct nilo_json_out *o, const char *name, const char *value);
size_t emu_graph_urls(const char *asked, struct nilo_arena *arena, char **ret, size_t most);

struct emu_logged {
    nilo_us at;
    int status;
    int64_t delay_us, units;
    char method[8], who[24], hash[17];
    const char *hostile;
    char *target; /* secrets as hashes */
};
struct emulator {
    struct emu_options o;
    struct emu_instagram instagram;
    struct emu_shop shop;
    struct emu_facebook facebook;
    struct emu_rate graph_app; /* one app of Meta's: option graph_app_limit */
    nilo_us epoch; /* where back_days ends and upload_hours begins: option epoch, an ISO 8601 instant */
    struct nilo_zone *pacific;
    uint64_t requests;
    struct emu_override *override;
    size_t override_cap, override_n;
    struct emu_tokens tokens;
    struct emu_project *project; /* o.projects of them, made at the first call */
    size_t projects_n;
    struct emu_endpoint_count count[64];
    size_t counts_n;
    struct emu_caller **caller;
    size_t callers_n, callers_cap;
    struct emu_rule rule[EMU_RULES];
    size_t rules_n;
    struct emu_in_vain *vain;
    size_t vain_cap, vain_n;
    int64_t again; /* requests of nothing but what was asked for in vain within the last 35 minutes */
    struct emu_logged *log; /* ring */
    size_t log_cap, log_first, log_n;
    struct nilo_buf bomb;
    struct emu_tiktok_state tiktok;
    struct emu_ledger ledger;
    int64_t secrets_in_url; /* calls whose target held a token, a code or a client secret; an API key does not count */
};

#endif
