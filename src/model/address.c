/* See address.h. A row for each shape of path that the platforms are known to use; what else they may invent is refused with a sentence, and
 * the item can still be named by its bare id. */
#include "model/address.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX  64
#define PARTS_MAX 8

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

static const struct host {
    const char *name, *platform;
    bool is_short; /* its links hold no id */
} hosts[] = {
    {"youtube.com", "youtube", false},  {"youtube-nocookie.com", "youtube", false}, {"youtu.be", "youtube", false},
    {"instagram.com", "instagram", false}, {"instagr.am", "instagram", false},      {"facebook.com", "facebook", false},
    {"fb.com", "facebook", false},      {"fb.watch", "facebook", true},             {"tiktok.com", "tiktok", false},
    {"vm.tiktok.com", "tiktok", true},  {"vt.tiktok.com", "tiktok", true},
};

/* Folders in front of an id. "*" stands for any one folder. The first that fits counts. */
static const struct shape {
    const char *platform, *folders[4]; /* of the path before the id */
} shapes[] = {
    {"youtube", {"shorts"}},         {"youtube", {"live"}},         {"youtube", {"embed"}},          {"youtube", {"v"}},
    {"instagram", {"p"}},            {"instagram", {"reel"}},       {"instagram", {"reels"}},        {"instagram", {"tv"}},
    {"instagram", {"*", "p"}},       {"instagram", {"*", "reel"}},  {"instagram", {"*", "tv"}},      {"facebook", {"reel"}},
    {"facebook", {"*", "videos", "*"}}, {"facebook", {"*", "videos"}}, {"facebook", {"*", "posts", "*"}}, {"facebook", {"*", "posts"}},
    {"facebook", {"watch", "live"}}, {"tiktok", {"*", "video"}},    {"tiktok", {"*", "photo"}},      {"tiktok", {"v"}},
    {"tiktok", {"embed", "v2"}},
};

/* Ids in the query. */
static const struct {
    const char *platform, *key, *before; /* before: another key whose value and _ come first; NULL = none */
} queries[] = {
    {"youtube", "v", NULL}, {"facebook", "v", NULL}, {"facebook", "fbid", NULL}, {"facebook", "story_fbid", "id"},
};

struct parts {
    const struct host *host;
    char bare_host[HOST_MAX];
    const char *part[PARTS_MAX];
    size_t len[PARTS_MAX];
    int n;
    const char *query; /* "" = none */
};

static const char *after_scheme(const char *text)
{
    if (strncasecmp(text, "https://", 8) == 0)
        return text + 8;
    return strncasecmp(text, "http://", 7) == 0 ? text + 7 : text;
}

int nilo_address_looks_like(const char *text)
{
    const char *host = after_scheme(text);
    const char *dot = strchr(host, '.'), *slash = strchr(host, '/');
    return host != text || (dot != NULL && slash != NULL && dot < slash);
}

/* www.youtube.com and m.youtube.com are youtube.com; vm.tiktok.com is not tiktok.com. */
static const struct host *find_host(const char *name)
{
    static const char *const fronts[] = {"www.", "m.", "music.", "web.", "mobile.", "l."};
    for (size_t i = 0; i < sizeof fronts / sizeof fronts[0]; i++) {
        size_t n = strlen(fronts[i]);
        if (strncasecmp(name, fronts[i], n) == 0)
            return find_host(name + n);
    }
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        if (strcasecmp(hosts[i].name, name) == 0)
            return &hosts[i];
    }
    return NULL;
}

static int take_apart(const char *text, struct parts *p, struct nilo_err *err)
{
    const char *at = after_scheme(text);
    size_t n = strcspn(at, "/?#");
    if (n == 0 || n >= HOST_MAX || memchr(at, '@', n) != NULL || memchr(at, ':', n) != NULL)
        return nilo_err_set(err, NILO_EINVAL, "that is no address of YouTube, Instagram, Facebook or TikTok");
    snprintf(p->bare_host, sizeof p->bare_host, "%.*s", (int)n, at);
    p->host = find_host(p->bare_host);
    if (p->host == NULL)
        return nilo_err_set(err, NILO_EINVAL, "%s is not YouTube, Instagram, Facebook or TikTok; give the item's id and --platform instead", p->bare_host);
    at += n;
    while (*at == '/') {
        at++;
        n = strcspn(at, "/?#");
        if (n > 0 && p->n < PARTS_MAX) {
            p->part[p->n] = at;
            p->len[p->n++] = n;
        }
        at += n;
    }
    p->query = *at == '?' ? at + 1 : "";
    return 0;
}

static bool is(const struct parts *p, int i, const char *word)
{
    return i < p->n && (strcmp(word, "*") == 0 || (strlen(word) == p->len[i] && strncasecmp(word, p->part[i], p->len[i]) == 0));
}

static bool query_value(const char *query, const char *key, const char **ret, size_t *ret_n)
{
    size_t len = strlen(key);
    for (const char *p = query; *p != '\0' && *p != '#'; p += strcspn(p, "&#") + (p[strcspn(p, "&#")] == '&')) {
        if (strncmp(p, key, len) == 0 && p[len] == '=') {
            *ret = p + len + 1;
            *ret_n = strcspn(*ret, "&#");
            return *ret_n > 0;
        }
    }
    return false;
}

static bool from_query(const struct parts *p, char id[NILO_ADDRESS_ID])
{
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        const char *value, *before = "";
        size_t n, before_n = 0;
        if (strcmp(queries[i].platform, p->host->platform) != 0 || !query_value(p->query, queries[i].key, &value, &n))
            continue;
        if (queries[i].before != NULL && !query_value(p->query, queries[i].before, &before, &before_n))
            continue;
        int put = snprintf(id, NILO_ADDRESS_ID, "%.*s%s%.*s", (int)before_n, before, before_n > 0 ? "_" : "", (int)n, value);
        return put > 0 && put < NILO_ADDRESS_ID;
    }
    return false;
}

static bool from_path(const struct parts *p, char id[NILO_ADDRESS_ID])
{
    int at = -1;
    if (strcasecmp(p->host->name, "youtu.be") == 0 && p->n >= 1)
        at = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0] && at < 0; i++) {
        int k = 0;
        bool fits = strcmp(shapes[i].platform, p->host->platform) == 0;
        for (; fits && k < 4 && shapes[i].folders[k] != NULL; k++)
            fits = is(p, k, shapes[i].folders[k]);
        if (fits && k < p->n)
            at = k;
    }
    if (at < 0)
        return false;
    /* a post of a page that is named by its number: the API knows it as PAGE_POST */
    bool of_page = strcmp(p->host->platform, "facebook") == 0 && at > 1 && is(p, 1, "posts") && strspn(p->part[0], DIGITS) == p->len[0];
    int put = snprintf(id, NILO_ADDRESS_ID, "%.*s%s%.*s", of_page ? (int)p->len[0] : 0, of_page ? p->part[0] : "", of_page ? "_" : "", (int)p->len[at], p->part[at]);
    size_t n = strlen(id);
    if (n > 5 && strcmp(id + n - 5, ".html") == 0)
        id[n - 5] = '\0';
    return put > 0 && put < NILO_ADDRESS_ID;
}

/* What ids look like there: a mistyped or cut one must not become an item. */
static bool id_ok(const char *platform, const char *id)
{
    size_t n = strlen(id);
    if (strcmp(platform, "youtube") == 0)
        return n == 11 && strspn(id, LETTERS DIGITS "_-") == n;
    if (strcmp(platform, "instagram") == 0)
        return n >= 5 && n <= 64 && strspn(id, LETTERS DIGITS "_-") == n;
    if (strcmp(platform, "tiktok") == 0)
        return n >= 15 && n <= 20 && strspn(id, DIGITS) == n;
    if (strncmp(id, "pfbid", 5) == 0 || strstr(id, "_pfbid") != NULL)
        return strspn(id, LETTERS DIGITS "_") == n;
    return n >= 5 && strspn(id, DIGITS "_") == n;
}

int nilo_address_parse(const char *text, struct nilo_address *ret, struct nilo_err *err)
{
    struct parts p = {.query = ""};
    struct nilo_address found = {0};
    if (take_apart(text, &p, err) != 0)
        return -1;
    bool redirects = p.host->is_short || (strcmp(p.host->platform, "tiktok") == 0 && is(&p, 0, "t")) || is(&p, 0, "share");
    if (redirects)
        return nilo_err_set(err, NILO_EINVAL, "a short link of %s does not say which item it leads to; open it and take the long address", p.bare_host);
    found.platform = p.host->platform;
    if (!from_query(&p, found.id) && !from_path(&p, found.id))
        return nilo_err_set(err, NILO_EINVAL, "that is no address of a single item of %s; open the item and take its address", found.platform);
    if (!id_ok(found.platform, found.id))
        return nilo_err_set(err, NILO_EINVAL, "\"%.60s\" in that address is no id of an item of %s; was it cut?", found.id, found.platform);
    *ret = found;
    return 0;
}
