/* Prefer, profiles and Range. See rest_head.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/rest_head.h"

#define WORD_MAX 64

/* The words that are understood, with what they do; those that only writes obey are no mistake in a read. */
enum meaning { STRICT, LENIENT, COUNT, RETURN, RESOLUTION, MISSING, NOTHING };
static const struct word {
    const char *text;
    enum meaning meaning;
    int value;
} words[] = {
    {"handling=strict", STRICT, 0},
    {"handling=lenient", LENIENT, 0},
    {"count=exact", COUNT, 0},
    {"count=planned", COUNT, 0},
    {"count=estimated", COUNT, 0},
    {"return=minimal", RETURN, NILO_RETURN_MINIMAL},
    {"return=headers-only", RETURN, NILO_RETURN_HEADERS},
    {"return=representation", RETURN, NILO_RETURN_REPRESENTATION},
    {"resolution=merge-duplicates", RESOLUTION, NILO_RESOLUTION_MERGE},
    {"resolution=ignore-duplicates", RESOLUTION, NILO_RESOLUTION_IGNORE},
    {"missing=default", MISSING, 1},
    {"missing=null", MISSING, 0},
    {"tx=commit", NOTHING, 0},
};

static void obey(struct nilo_rest_prefer *p, const struct word *w, unsigned *seen)
{
    unsigned kind = w->meaning == LENIENT ? 1u << STRICT : 1u << w->meaning;
    if ((*seen & kind) != 0)
        return;
    *seen |= kind;
    switch (w->meaning) {
    case STRICT:
        p->strict = true;
        break;
    case LENIENT:
        p->lenient = true;
        break;
    case COUNT:
        p->count = w->text + strlen("count=");
        break;
    case RETURN:
        p->ret = (enum nilo_rest_return)w->value;
        break;
    case RESOLUTION:
        p->resolution = (enum nilo_rest_resolution)w->value;
        break;
    case MISSING:
        p->missing_default = w->value != 0;
        break;
    case NOTHING:
        break;
    }
}

static bool take_affected(struct nilo_rest_prefer *p, const char *text)
{
    static const char name[] = "max-affected=";
    size_t n = sizeof(name) - 1, digits;
    if (strncmp(text, name, n) != 0)
        return false;
    digits = strspn(text + n, "0123456789");
    if (digits == 0 || digits > 15 || text[n + digits] != '\0')
        return false;
    if (p->max_affected < 0)
        p->max_affected = strtoll(text + n, NULL, 10);
    return true;
}

/* false: it is not understood */
static bool take_word(struct nilo_rest_prefer *p, const char *text, unsigned *seen)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i].text) == 0) {
            obey(p, &words[i], seen);
            return true;
        }
    }
    return take_affected(p, text);
}

struct unknown {
    char list[200];
    size_t n;
    char missing[WORD_MAX]; /* one that the dialect has and we have not; "" = none */
};

static void remember(struct unknown *u, const char *text)
{
    if (strcmp(text, "tx=rollback") == 0 || strncmp(text, "timezone=", strlen("timezone=")) == 0)
        snprintf(u->missing, sizeof(u->missing), "%s", text);
    int n = snprintf(u->list + u->n, sizeof(u->list) - u->n, "%s%s", u->n > 0 ? ", " : "", text);
    u->n = n > 0 && u->n + (size_t)n < sizeof(u->list) ? u->n + (size_t)n : sizeof(u->list) - 1;
}

static void take_line(struct nilo_rest_prefer *p, const char *line, size_t n, unsigned *seen, struct unknown *u)
{
    for (const char *at = line, *end = line + n; at <= end;) {
        const char *to = memchr(at, ',', (size_t)(end - at));
        if (to == NULL)
            to = end;
        const char *from = at, *until = to;
        while (from < until && (*from == ' ' || *from == '\t'))
            from++;
        while (until > from && (until[-1] == ' ' || until[-1] == '\t'))
            until--;
        if (until > from) {
            char text[WORD_MAX];
            snprintf(text, sizeof(text), "%.*s", (int)(until - from < WORD_MAX ? until - from : WORD_MAX), from);
            if (!take_word(p, text, seen))
                remember(u, text);
        }
        at = to + 1;
    }
}

bool nilo_rest_prefer(struct nilo_exchange *x, struct nilo_rest_prefer *ret)
{
    struct unknown unknown = {.n = 0};
    unsigned seen = 0;
    size_t n;
    const char *value;
    *ret = (struct nilo_rest_prefer){.max_affected = -1};
    for (int i = 0; (value = nilo_req_header(x, "Prefer", i, &n)) != NULL; i++)
        take_line(ret, value, n, &seen, &unknown);
    if (unknown.missing[0] != '\0') { /* to pass it over would do what was asked not to be done */
        char message[120];
        snprintf(message, sizeof(message), "Feature not implemented: Prefer: %.64s", unknown.missing);
        nilo_answer_error(x, 400, "PGRST127", message, NULL, NULL);
        return false;
    }
    if (!ret->strict || unknown.n == 0)
        return true;
    char details[256];
    snprintf(details, sizeof(details), "Invalid preferences: %s", unknown.list);
    nilo_answer_error(x, 400, "PGRST122", "Invalid preferences given with handling=strict", details, NULL);
    return false;
}

bool nilo_rest_applied(const struct nilo_rest_prefer *p, char out[NILO_REST_APPLIED])
{
    const char *handling = p->strict ? "handling=strict" : p->lenient ? "handling=lenient" : "";
    snprintf(out, NILO_REST_APPLIED, "%s%s%s%s", p->count != NULL ? "count=" : "", p->count != NULL ? p->count : "",
             p->count != NULL && handling[0] != '\0' ? ", " : "", handling);
    return out[0] != '\0';
}

bool nilo_rest_profile(struct nilo_exchange *x)
{
    enum nilo_method m = nilo_req_method(x);
    size_t n;
    const char *value = nilo_req_header(x, m == NILO_GET || m == NILO_HEAD ? "Accept-Profile" : "Content-Profile", 0, &n);
    if (value == NULL || (n == 6 && memcmp(value, "public", 6) == 0))
        return true;
    char message[120];
    snprintf(message, sizeof(message), "Invalid schema: %.*s", (int)(n < 80 ? n : 80), value);
    nilo_answer_error(x, 406, "PGRST106", message, NULL, "Only the following schemas are exposed: public");
    return false;
}

bool nilo_rest_coding(struct nilo_exchange *x)
{
    size_t n, body_n;
    const char *value = nilo_req_header(x, "Content-Encoding", 0, &n);
    nilo_req_body(x, &body_n);
    if (value == NULL || body_n == 0 || n == 0 || (n == 8 && strncasecmp(value, "identity", 8) == 0))
        return true;
    char message[120];
    snprintf(message, sizeof(message), "Content-Encoding not acceptable: %.*s", (int)(n < 60 ? n : 60), value);
    nilo_answer_error(x, 415, "PGRST102", message, NULL, "send the body as it is, without compression");
    nilo_answer_header(x, "Accept-Encoding", "identity");
    return false;
}

static size_t number(const char *p, size_t n, int64_t *ret)
{
    size_t i = 0;
    *ret = 0;
    for (; i < n && p[i] >= '0' && p[i] <= '9'; i++)
        *ret = *ret > (INT64_MAX - 9) / 10 ? INT64_MAX - 1 : 10 * *ret + (p[i] - '0');
    return i;
}

bool nilo_rest_range(struct nilo_exchange *x, struct nilo_request *request)
{
    size_t n, unit_n;
    const char *value = nilo_req_header(x, "Range", 0, &n), *unit = nilo_req_header(x, "Range-Unit", 0, &unit_n);
    int64_t first, last;
    if (value == NULL || (unit != NULL && (unit_n != 5 || strncasecmp(unit, "items", 5) != 0)))
        return true;
    size_t at = number(value, n, &first);
    if (at == 0 || at == n || value[at] != '-')
        return true;
    size_t digits = number(value + at + 1, n - at - 1, &last);
    if (at + 1 + digits != n)
        return true;
    if (digits > 0 && last < first) {
        nilo_answer_error(x, 416, "PGRST103", "Requested range not satisfiable",
                          "The lower boundary must be lower than or equal to the upper boundary in the Range header.", NULL);
        return false;
    }
    request->range_first = first;
    request->range_last = digits > 0 ? last : -1;
    return true;
}
