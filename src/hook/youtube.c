/* Notices of YouTube: an Atom feed with an entry for each video that is there or has changed, or a tombstone (RFC 6721) for one that is not there any more. Read by a scanner that
 * knows as much of XML as such a feed has: elements, attributes, texts; no document type, no entities of its own, 16 levels. What stands in titles is not looked at. */
#include <string.h>

#include "base/json.h"
#include "hook/hook_priv.h"

#define DEPTH_MAX 16
#define ID_MAX    64
#define TIME_MAX  40

struct piece {
    const char *p;
    size_t n;
};

struct scan {
    struct nilo__reading_of_hook *r;
    const char *at, *end;
    struct piece open[DEPTH_MAX]; /* names of the elements that we are in */
    size_t depth;
    struct piece text;             /* since the last tag */
    /* of the entry, or the tombstone, that we are in */
    struct piece video, channel, updated;
    bool gone;
};

static int wrong(struct nilo_err *err, const char *what)
{
    return nilo_err_set(err, NILO_EBODY, "the feed cannot be read: %s", what);
}

/* Without its prefix: a feed may bind another one. */
static bool is(struct piece name, const char *local)
{
    const char *colon = memchr(name.p, ':', name.n);
    if (colon != NULL) {
        name.n -= (size_t)(colon + 1 - name.p);
        name.p = colon + 1;
    }
    return name.n == strlen(local) && memcmp(name.p, local, name.n) == 0;
}

static struct piece trimmed(struct piece t)
{
    static const char blanks[] = " \t\r\n";
    for (; t.n > 0 && strchr(blanks, t.p[0]) != NULL; t.n--)
        t.p++;
    while (t.n > 0 && strchr(blanks, t.p[t.n - 1]) != NULL)
        t.n--;
    return t;
}

static const char *id_of(struct scan *s, struct piece t)
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] == '\0' || strchr(fine, t.p[i]) == NULL)
            return NULL;
    }
    return t.n > 0 && t.n <= ID_MAX ? nilo_arena_strndup(s->r->arena, t.p, t.n) : NULL;
}

static nilo_us time_of(struct piece t)
{
    struct nilo_iso iso;
    return t.n > 0 && t.n <= TIME_MAX && nilo_iso_parse(t.p, t.n, &iso, NULL) == 0 ? iso.us : NILO_US_NONE;
}

static int end_entry(struct scan *s, struct nilo_err *err)
{
    struct nilo_hook_event e = {.what = s->gone ? NILO_HOOK_DELETED : NILO_HOOK_CHANGED, .account = id_of(s, s->channel), .item = id_of(s, s->video), .own = true,
                                .at = time_of(s->updated), .name = s->gone ? "deleted" : "entry"};
    if (e.item == NULL || e.account == NULL)
        e.what = NILO_HOOK_UNKNOWN;
    return nilo__hook_add(s->r, &e, err) != NULL ? 0 : -1;
}

/* An attribute in the rest of a tag; n 0: it is not there. */
static struct piece attribute(struct piece tag, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i + len + 2 < tag.n; i++) {
        if (strchr(" \t\r\n", tag.p[i]) == NULL || memcmp(tag.p + i + 1, name, len) != 0 || tag.p[i + 1 + len] != '=')
            continue;
        char quote = tag.p[i + len + 2];
        const char *from = tag.p + i + len + 3, *to = (quote == '"' || quote == '\'') ? memchr(from, quote, (size_t)(tag.p + tag.n - from)) : NULL;
        if (to != NULL)
            return (struct piece){from, (size_t)(to - from)};
    }
    return (struct piece){"", 0};
}

static struct piece behind(struct piece t, const char *prefix)
{
    size_t n = strlen(prefix);
    return t.n > n && memcmp(t.p, prefix, n) == 0 ? (struct piece){t.p + n, t.n - n} : (struct piece){"", 0};
}

static void begin_element(struct scan *s, struct piece name, struct piece rest)
{
    if (s->depth != 2) /* of the feed itself, which is open now */
        return;
    s->video = s->channel = s->updated = (struct piece){"", 0};
    s->gone = is(name, "deleted-entry");
    if (s->gone) {
        s->video = behind(attribute(rest, "ref"), "yt:video:");
        s->updated = attribute(rest, "when");
    }
}

static int end_element(struct scan *s, struct piece name, struct nilo_err *err)
{
    struct piece text = trimmed(s->text);
    bool in_entry = s->depth >= 2 && (is(s->open[1], "entry") || is(s->open[1], "deleted-entry"));
    if (in_entry && s->depth == 3 && !s->gone) {
        if (is(name, "videoId"))
            s->video = text;
        else if (is(name, "channelId"))
            s->channel = text;
        else if (is(name, "updated"))
            s->updated = text;
    }
    if (in_entry && s->depth == 4 && s->gone && is(s->open[2], "by") && is(name, "uri"))
        s->channel = behind(text, "https://www.youtube.com/channel/");
    return in_entry && s->depth == 2 ? end_entry(s, err) : 0;
}

/* Behind "<". */
static int take_tag(struct scan *s, struct nilo_err *err)
{
    bool closing = s->at < s->end && *s->at == '/';
    struct piece name = {s->at + closing, 0}, rest;
    const char *p = name.p;
    char quote = '\0';
    while (p < s->end && strchr(" \t\r\n/><=\"'&", *p) == NULL)
        p++;
    name.n = (size_t)(p - name.p);
    rest.p = p;
    for (; p < s->end && (quote != '\0' || *p != '>'); p++) {
        if (quote == '\0' && *p == '<')
            return wrong(err, "a tag in a tag");
        quote = quote == *p ? '\0' : quote == '\0' && (*p == '"' || *p == '\'') ? *p : quote;
    }
    if (p >= s->end || name.n == 0)
        return wrong(err, "a tag has no end, or no name");
    rest.n = (size_t)(p - rest.p);
    bool alone = !closing && rest.n > 0 && rest.p[rest.n - 1] == '/';
    s->at = p + 1;
    if (!closing) {
        if (s->depth == DEPTH_MAX)
            return wrong(err, "it is more than 16 levels deep");
        if (s->depth == 0 && !is(name, "feed"))
            return wrong(err, "it is no feed");
        s->open[s->depth++] = name;
        begin_element(s, name, rest);
        s->text = (struct piece){s->at, 0};
        if (!alone)
            return 0;
    } else if (s->depth == 0 || s->open[s->depth - 1].n != name.n || memcmp(s->open[s->depth - 1].p, name.p, name.n) != 0) {
        return wrong(err, "an end without its beginning");
    }
    int rc = end_element(s, name, err);
    s->depth--;
    s->text = (struct piece){s->at, 0};
    return rc;
}

/* What is neither element nor text: skipped, but for a document type. */
static int skip_other(struct scan *s, bool *ret, struct nilo_err *err)
{
    static const char *const others[][2] = {{"<?", "?>"}, {"<!--", "-->"}, {"<![CDATA[", "]]>"}};
    *ret = true;
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(others[i][0]), left = (size_t)(s->end - s->at);
        if (left < n || memcmp(s->at, others[i][0], n) != 0)
            continue;
        const char *to = memmem(s->at + n, left - n, others[i][1], strlen(others[i][1]));
        if (to == NULL)
            return wrong(err, "something has no end");
        s->at = to + strlen(others[i][1]);
        s->text = (struct piece){s->at, 0};
        return 0;
    }
    if (s->end - s->at >= 2 && s->at[1] == '!')
        return wrong(err, "it has a document type");
    *ret = false;
    return 0;
}

int nilo__hook_youtube(struct nilo__reading_of_hook *r, const char *body, size_t n, struct nilo_err *err)
{
    struct scan s = {.r = r, .at = body, .end = body + n, .text = {body, 0}};
    bool other, begun = false;
    if (!nilo_utf8_valid(body, n, NULL) || memchr(body, '\0', n) != NULL)
        return wrong(err, "it is no text in UTF-8");
    if (n >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0)
        s.at += 3;
    while (s.at < s.end) {
        const char *next = memchr(s.at, '<', (size_t)(s.end - s.at));
        struct piece between = {s.at, (size_t)((next != NULL ? next : s.end) - s.at)};
        if (s.depth == 0 && trimmed(between).n > 0)
            return wrong(err, "text outside of the feed");
        if (next == NULL)
            break;
        s.text.n = (size_t)(next - s.text.p);
        s.at = next;
        if (skip_other(&s, &other, err) != 0)
            return -1;
        if (other)
            continue;
        if (begun && s.depth == 0)
            return wrong(err, "something follows the feed");
        begun = true;
        s.at++;
        if (take_tag(&s, err) != 0)
            return -1;
    }
    return s.depth > 0 || !begun ? wrong(err, "it has no end") : 0;
}
