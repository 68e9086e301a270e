/* What platforms say may hold a secret that they were sent ("Invalid token ya29..."): it is taken out before anybody logs, stores or shows it. Known secrets by
 * their bytes, percent-encoded and cut off ones too; besides everything that looks like one. */
#include <stdlib.h>
#include <string.h>

#include "connect/connector_priv.h"

#define REMOVED    "[removed]"
#define PREFIX_MIN 8  /* so much of a known secret is one */
#define SHAPED_MIN 32 /* letters and digits in a row: longer than any id */

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* How many bytes of the text at s are a secret, or at least its beginning; 0 = none. */
static size_t known_at(const char *s, const char *secret)
{
    size_t at = 0, i = 0;
    while (secret[i] != '\0' && s[at] != '\0') {
        char c = s[at];
        size_t step = 1;
        if (c == '%' && c != secret[i] && s[at + 1] != '\0' && hex_of(s[at + 1]) >= 0 && hex_of(s[at + 2]) >= 0) {
            c = (char)(hex_of(s[at + 1]) << 4 | hex_of(s[at + 2]));
            step = 3;
        }
        if (c != secret[i])
            break;
        at += step;
        i++;
    }
    return i >= PREFIX_MIN || (i > 3 && secret[i] == '\0') ? at : 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static bool is_word(char c)
{
    return is_letter(c) || is_digit(c) || c == '_' || c == '-';
}
static bool is_token(char c)
{
    return is_word(c) || c == '.' || c == '/' || c == '+' || c == '=' || c == '~' || c == '%' || c == '|';
}

static size_t run_of(const char *s, bool (*is)(char))
{
    size_t n = 0;
    while (s[n] != '\0' && is(s[n]))
        n++;
    return n;
}

/* Where tokens of a kind begin so, and at what length it is one. */
static size_t named_at(const char *s)
{
    static const struct {
        const char *begins;
        size_t more;
    } kinds[] = {
        {"ya29.", 6}, {"1//", 6}, {"4/0", 10}, {"AIza", 10}, {"GOCSPX-", 6}, {"EAA", 20}, {"IGQ", 20}, {"IGAA", 16}, {"act.", 10}, {"rft.", 10}, {"eyJ", 10}, {"TTP_", 10}, {"ROW_", 10},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t n = strlen(kinds[i].begins);
        if (strncmp(s, kinds[i].begins, n) == 0 && run_of(s + n, is_token) >= kinds[i].more)
            return n + run_of(s + n, is_token);
    }
    return 0;
}

/* Letters and digits without end: no word, no id. */
static size_t shaped_at(const char *s)
{
    size_t n = run_of(s, is_word);
    bool letter = false, digit = false;
    for (size_t i = 0; i < n; i++) {
        letter = letter || is_letter(s[i]);
        digit = digit || is_digit(s[i]);
    }
    return n >= SHAPED_MIN && letter && digit ? n : 0;
}

/* Behind such a word a value stands. */
static size_t value_behind(const char *s)
{
    static const char *const words[] = {"Bearer ", "bearer ", "access_token=", "refresh_token=", "client_secret=", "appsecret_proof=", "token=", "key=", "code=", "access_token\":\"", "refresh_token\":\""};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n = strlen(words[i]);
        if (strncmp(s, words[i], n) == 0 && run_of(s + n, is_token) >= 6)
            return n;
    }
    return 0;
}

/* How many bytes go at s. */
static size_t secret_at(const char *s, bool begins, const char *const *secrets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = secrets[i] != NULL ? known_at(s, secrets[i]) : 0;
        if (len > 0)
            return len + run_of(s + len, is_word); /* the rest of the word with it */
    }
    if (!begins)
        return 0;
    size_t len = named_at(s);
    return len > 0 ? len : shaped_at(s);
}

const char *nilo_redact(const char *text, const char *const *secrets, size_t n, struct nilo_arena *arena)
{
    struct nilo_buf b;
    bool any = false, begins = true;
    if (text == NULL || text[0] == '\0')
        return text;
    nilo_buf_init(&b, strlen(text) * 10 + 1);
    for (const char *s = text; *s != '\0';) {
        size_t keep = begins ? value_behind(s) : 0, len = secret_at(s, begins, secrets, n);
        if (len == 0 && keep > 0) {
            nilo_buf_add(&b, s, keep);
            s += keep;
            len = run_of(s, is_token);
        }
        if (len == 0) {
            begins = !is_word(*s);
            nilo_buf_addc(&b, *s++);
            continue;
        }
        nilo_buf_adds(&b, REMOVED);
        s += len;
        any = begins = true;
    }
    const char *clean = !any ? text : b.failed ? NULL : nilo_arena_strndup(arena, nilo_buf_str(&b), b.len);
    nilo_buf_done(&b);
    return clean != NULL ? clean : "what it said is left out"; /* rather than with a secret in it */
}

int nilo_connector_take(const struct nilo_connector *c, const struct nilo_ask *ask, const struct nilo_http_answer *answer, struct nilo_arena *arena,
                        struct nilo_result *ret, struct nilo_err *err)
{
    static const struct nilo_credentials none;
    const struct nilo_credentials *k = ask->credentials != NULL ? ask->credentials : &none;
    if (c->take(ask, answer, arena, ret, err) != 0)
        return -1;
    const char *const secrets[] = {k->api_key, k->access_token, k->refresh_token, k->client_secret, ask->code, ask->verifier, ret->tokens.access_token, ret->tokens.refresh_token};
    const size_t n = sizeof secrets / sizeof secrets[0];
    ret->message = nilo_redact(ret->message, secrets, n, arena);
    ret->reason = nilo_redact(ret->reason, secrets, n, arena);
    for (size_t i = 0; i < ret->n_items; i++) {
        struct nilo_item *item = (struct nilo_item *)(uintptr_t)&ret->items[i]; /* the connector's own, in the arena */
        if (item->reason != NULL)
            item->reason = nilo_redact(item->reason, secrets, n, arena);
    }
    return 0;
}
