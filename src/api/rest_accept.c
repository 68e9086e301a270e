/* Which form of the answer: the Accept header against what can be written. See rest_head.h. */
#include <string.h>
#include <strings.h>

#include "api/rest_head.h"

#define STRIPPED ";nulls=stripped"
#define KINDS "application/json, application/vnd.pgrst.object+json, application/vnd.pgrst.array+json, text/csv, application/x-ndjson"

/* A row a kind: what it may be called, and what we call it. */
static const struct kind {
    const char *name;
    enum nilo_format format;
    const char *mime, *stripped; /* stripped NULL: nulls stay, whatever is asked for */
} kinds[] = {
#define JSON_OF(type) type "; charset=utf-8", type STRIPPED "; charset=utf-8"
    {"application/json", NILO_FORMAT_JSON, JSON_OF("application/json")},
    {"*/*", NILO_FORMAT_JSON, JSON_OF("application/json")},
    {"application/*", NILO_FORMAT_JSON, JSON_OF("application/json")},
    {"application/vnd.pgrst.object+json", NILO_FORMAT_OBJECT, JSON_OF("application/vnd.pgrst.object+json")},
    {"application/vnd.pgrst.object", NILO_FORMAT_OBJECT, JSON_OF("application/vnd.pgrst.object+json")},
    {"application/vnd.pgrst.array+json", NILO_FORMAT_JSON, JSON_OF("application/vnd.pgrst.array+json")},
    {"application/vnd.pgrst.array", NILO_FORMAT_JSON, JSON_OF("application/vnd.pgrst.array+json")},
    {"text/csv", NILO_FORMAT_CSV, "text/csv; charset=utf-8", NULL},
    {"text/*", NILO_FORMAT_CSV, "text/csv; charset=utf-8", NULL},
    {"application/x-ndjson", NILO_FORMAT_NDJSON, JSON_OF("application/x-ndjson")},
    {"text/vnd.nilometer.table", NILO_FORMAT_TABLE, "text/vnd.nilometer.table; charset=utf-8", NULL}, /* what our own command line asks for */
    {"application/ndjson", NILO_FORMAT_NDJSON, JSON_OF("application/x-ndjson")},
#undef JSON_OF
};

struct span {
    const char *p;
    size_t n;
};

static struct span trim(struct span s)
{
    while (s.n > 0 && (*s.p == ' ' || *s.p == '\t'))
        s.p++, s.n--;
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Up to the separator, which is taken off; false: there is nothing left. */
static bool cut(struct span *rest, char separator, struct span *ret)
{
    if (rest->p == NULL)
        return false;
    const char *end = rest->n > 0 ? memchr(rest->p, separator, rest->n) : NULL;
    size_t n = end != NULL ? (size_t)(end - rest->p) : rest->n;
    *ret = trim((struct span){rest->p, n});
    *rest = end != NULL ? (struct span){end + 1, rest->n - n - 1} : (struct span){NULL, 0};
    return true;
}

static bool same(struct span s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* "0.8" in thousandths; what is no weight is none: 1000 */
static int weight(struct span s)
{
    int v = 0, unit = 1000;
    if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
        return 1000;
    for (size_t i = 0; i < s.n; i++) {
        if (i == 1)
            continue;
        if (s.p[i] < '0' || s.p[i] > '9')
            return 1000;
        v += (s.p[i] - '0') * unit;
        unit /= 10;
    }
    return v > 1000 ? 1000 : v;
}

static const struct kind *kind_of(struct span name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (same(name, kinds[i].name))
            return &kinds[i];
    }
    return NULL;
}

bool nilo_rest_accept_text(const char *value, size_t n, struct nilo_rest_accept *ret)
{
    struct span all = {value, n}, one;
    int best = 0;
    while (cut(&all, ',', &one)) {
        struct span word;
        int q = 1000;
        bool strip = false;
        cut(&one, ';', &word);
        const struct kind *k = kind_of(word);
        while (cut(&one, ';', &word)) {
            strip = strip || same(word, "nulls=stripped");
            if (word.n > 2 && (word.p[0] | 0x20) == 'q' && word.p[1] == '=')
                q = weight((struct span){word.p + 2, word.n - 2});
        }
        if (k == NULL || q <= best)
            continue;
        best = q;
        strip = strip && k->stripped != NULL;
        *ret = (struct nilo_rest_accept){.format = k->format, .strip = strip, .mime = strip ? k->stripped : k->mime};
    }
    return best > 0;
}

bool nilo_rest_accept(struct nilo_exchange *x, struct nilo_rest_accept *ret)
{
    size_t n;
    const char *value = nilo_req_header(x, "Accept", 0, &n);
    char message[200];
    if (value == NULL || n == 0)
        return nilo_rest_accept_text("*/*", 3, ret);
    if (nilo_rest_accept_text(value, n, ret))
        return true;
    for (int i = 1; (value = nilo_req_header(x, "Accept", i, &n)) != NULL; i++) {
        if (nilo_rest_accept_text(value, n, ret))
            return true;
    }
    value = nilo_req_header(x, "Accept", 0, &n);
    snprintf(message, sizeof(message), "None of these media types are available: %.*s", (int)(n < 120 ? n : 120), value);
    nilo_answer_error(x, 406, "PGRST107", message, NULL, "these are: " KINDS);
    return false;
}
