/* How an error names its place: file, line, key path; and what it may repeat of the user's words. */
#include "config/config_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct nilo__config_place nilo__config_at(const struct nilo__config_place *up, const char *list, int index)
{
    struct nilo__config_place at = {.file = up->file};
    snprintf(at.path, sizeof(at.path), "%.40s%s%.30s[%d]", up->path, up->path[0] != '\0' ? "." : "", list, index);
    return at;
}

struct nilo__config_place nilo__config_in(const struct nilo__config_place *up, const char *map)
{
    struct nilo__config_place at = {.file = up->file};
    snprintf(at.path, sizeof(at.path), "%.40s%s%.30s", up->path, up->path[0] != '\0' ? "." : "", map);
    return at;
}

int nilo__config_fail(const struct nilo__config_place *at, int line, const char *key, struct nilo_err *err,
                      const char *fmt, ...)
{
    char what[sizeof(err->msg)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    const char *dot = at->path[0] != '\0' && key != NULL ? "." : "";
    const char *colon = at->path[0] != '\0' || key != NULL ? ": " : "";
    return nilo_err_set(err, NILO_ECONFIG, "%s:%d: %s%s%s%s%s", at->file, line, at->path, dot, key != NULL ? key : "",
                        colon, what);
}

/* A URL may carry a password even where no URL belongs, and a mail address or token is nobody's business in a log
 * either. */
static bool could_be_secret(const char *text)
{
    return strstr(text, "://") != NULL || strchr(text, '@') != NULL || strcasestr(text, "password") != NULL;
}

struct nilo__config_shown nilo__config_show(const char *text)
{
    struct nilo__config_shown shown = {"this (not shown, it may hold a secret)"};
    if (could_be_secret(text))
        return shown;

    size_t len = strlen(text), n = len < 48 ? len : 48;
    while (n < len && n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
        n--; /* not within a character */
    snprintf(shown.text, sizeof(shown.text), "\"%.*s%s\"", (int)n, text, n < len ? "..." : "");
    for (char *p = shown.text; *p != '\0'; p++) {
        if (iscntrl((unsigned char)*p))
            *p = '?';
    }
    return shown;
}

#define NEAR_MAX 48

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Letters to change, add, leave out or swap with their neighbour (optimal string alignment). */
static int distance(const char *a, const char *b)
{
    int rows[3][NEAR_MAX + 1];
    int *before = rows[0], *last = rows[1], *now = rows[2];
    int n = (int)strlen(b);
#define LETTER(c) tolower((unsigned char)(c))

    for (int j = 0; j <= n; j++)
        last[j] = before[j] = j;
    for (int i = 1; a[i - 1] != '\0'; i++) {
        now[0] = i;
        for (int j = 1; j <= n; j++) {
            int cost = LETTER(a[i - 1]) != LETTER(b[j - 1]);
            now[j] = least(least(last[j] + 1, now[j - 1] + 1), last[j - 1] + cost);
            if (i > 1 && j > 1 && LETTER(a[i - 1]) == LETTER(b[j - 2]) && LETTER(a[i - 2]) == LETTER(b[j - 1]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
        int *spare = before;
        before = last;
        last = now;
        now = spare;
    }
#undef LETTER
    return last[n];
}

const char *nilo__config_near(const char *word, const char *const *words, int n)
{
    size_t len = strlen(word);
    if (len == 0 || len > NEAR_MAX)
        return NULL;

    const char *best = NULL;
    int best_distance = len <= 3 ? 2 : len <= 6 ? 3 : 4; /* nearer than that */
    for (int i = 0; i < n; i++) {
        size_t known = strlen(words[i]);
        if (known > NEAR_MAX)
            continue;
        /* "timezone" means zone, "time" means timestamp */
        bool part =
            len >= 4 && known >= 4 && (strcasestr(word, words[i]) != NULL || strcasestr(words[i], word) != NULL);
        int d = part ? 1 : distance(word, words[i]);
        if (d < best_distance) {
            best = words[i];
            best_distance = d;
        }
    }
    return best;
}
