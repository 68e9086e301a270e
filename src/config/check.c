/* Keys and types of the document against the table of keys: unknown, twice, missing, wrong type, out of range, not
 * an allowed word. Every message says where, what, and what is allowed instead. */
#include "config/config_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 32 /* of a section */

static const char *kind_name(const struct nilo__config_node *node)
{
    switch (node->kind) {
    case NILO__CONFIG_NOTHING:
        return "nothing";
    case NILO__CONFIG_SCALAR:
        return "a plain value";
    case NILO__CONFIG_SEQUENCE:
        return "a list";
    case NILO__CONFIG_MAPPING:
        return "keys with values";
    }
    return "something else";
}

static void list_keys(const struct nilo__config_section *s, struct nilo_buf *b)
{
    for (int i = 0; i < s->n; i++)
        nilo_buf_addf(b, "%s%s", i > 0 ? ", " : "", s->keys[i].name);
}

static const struct nilo__config_section *where_known(const char *key)
{
    for (int i = 0; nilo__config_sections[i] != NULL; i++) {
        if (nilo__config_find(nilo__config_sections[i], key) != NULL)
            return nilo__config_sections[i];
    }
    return NULL;
}

/* A key is repeated only where it looks like one: a forgotten colon makes a key of a whole line, secrets included. */
static const char *key_shown(const char *key)
{
    size_t len = strlen(key);
    return len > 0 && len <= 48 &&
                   strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == len
               ? key
               : "?";
}

static int unknown_key(const struct nilo__config_section *s, const struct nilo__config_node *node,
                       const struct nilo__config_place *at, struct nilo_err *err)
{
    const char *names[KEYS_MAX];
    for (int i = 0; i < s->n; i++)
        names[i] = s->keys[i].name;
    const char *shown = key_shown(node->key);

    if (strcmp(node->key, "<<") == 0)
        return nilo__config_fail(at, node->key_line, "<<", err, "merge keys are not allowed here; write the keys out");
    const struct nilo__config_section *home = where_known(node->key);
    if (home != NULL)
        return nilo__config_fail(at, node->key_line, shown, err, "unknown key here; it belongs %s%s",
                                 *home->path ? "into " : "to the top level", home->path);
    const char *near = nilo__config_near(node->key, names, s->n);
    if (near != NULL)
        return nilo__config_fail(at, node->key_line, shown, err, "unknown key; did you mean \"%s\"?", near);

    struct nilo_buf known;
    nilo_buf_init(&known, 1024);
    list_keys(s, &known);
    nilo__config_fail(at, node->key_line, shown, err, "unknown key; known here: %s", nilo_buf_str(&known));
    nilo_buf_done(&known);
    return -1;
}

bool nilo__config_whole(const char *text, int64_t *ret)
{
    const char *digits = *text == '-' ? text + 1 : text;
    size_t n = strlen(digits);
    if (n == 0 || n > 19 || strspn(digits, "0123456789") != n || (digits[0] == '0' && n > 1))
        return false; /* a leading zero would be octal to some readers */
    errno = 0;
    long long v = strtoll(text, NULL, 10);
    if (errno != 0)
        return false;
    *ret = v;
    return true;
}

static int check_whole(const struct nilo__config_key *key, const struct nilo__config_node *node,
                       const struct nilo__config_place *at, struct nilo_err *err)
{
    int64_t v = 0;
    char range[64] = "";

    if (key->min != INT64_MIN + 1)
        snprintf(range, sizeof(range), " from %" PRId64 " to %" PRId64, key->min, key->max);
    if (node->kind != NILO__CONFIG_SCALAR)
        return nilo__config_fail(at, node->line, key->name, err, "expected a whole number%s, found %s", range,
                                 kind_name(node));
    if (!nilo__config_whole(node->text, &v) || v < key->min || v > key->max)
        return nilo__config_fail(at, node->line, key->name, err, "expected a whole number%s, found %s", range,
                                 nilo__config_show(node->text).text);
    return 0;
}

static bool word_allowed(const char *allowed, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = allowed; p != NULL; p = strchr(p, '|') != NULL ? strchr(p, '|') + 1 : NULL) {
        if (strcspn(p, "|") == len && memcmp(p, word, len) == 0)
            return true;
    }
    return false;
}

/* "total|created" as "total or created" */
static void list_words(const char *allowed, struct nilo_buf *b)
{
    const char *last = strrchr(allowed, '|');
    for (const char *p = allowed; *p != '\0'; p++) {
        if (*p != '|')
            nilo_buf_addc(b, *p);
        else
            nilo_buf_adds(b, p == last ? " or " : ", ");
    }
}

static int check_word(const struct nilo__config_key *key, const struct nilo__config_node *node,
                      const struct nilo__config_place *at, struct nilo_err *err)
{
    if (word_allowed(key->allowed, node->text))
        return 0;
    struct nilo_buf words;
    nilo_buf_init(&words, 512);
    list_words(key->allowed, &words);
    nilo__config_fail(at, node->line, key->name, err, "%s is not allowed; write %s", nilo__config_show(node->text).text,
                      nilo_buf_str(&words));
    nilo_buf_done(&words);
    return -1;
}

static bool has_control(const char *text, const char *except)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c < 0x20 || c == 0x7f) && strchr(except, c) == NULL)
            return true;
    }
    return false;
}

static int check_text(const struct nilo__config_key *key, const struct nilo__config_node *node,
                      const struct nilo__config_place *at, struct nilo_err *err)
{
    if (node->kind == NILO__CONFIG_NOTHING || (node->kind == NILO__CONFIG_SCALAR && node->text[0] == '\0'))
        return nilo__config_fail(at, node->line, key->name, err, "is empty; give a value (%s) or leave the line out",
                                 key->help);
    if (node->kind != NILO__CONFIG_SCALAR)
        return nilo__config_fail(at, node->line, key->name, err, "expected text (%s), found %s", key->help,
                                 kind_name(node));
    if (strlen(node->text) > (size_t)key->max)
        return nilo__config_fail(at, node->line, key->name, err, "is %zu bytes long; %" PRId64 " are allowed",
                                 strlen(node->text), key->max);
    if (has_control(node->text, key->type == NILO__CONFIG_PROSE ? "\n\t" : ""))
        return nilo__config_fail(at, node->line, key->name, err,
                                 "holds a line break or control character; write it on one line");
    return key->allowed != NULL ? check_word(key, node, at, err) : 0;
}

static int check_list(const struct nilo__config_key *key, const struct nilo__config_node *node,
                      const struct nilo__config_place *at, struct nilo_err *err)
{
    if (node->kind == NILO__CONFIG_NOTHING)
        return 0; /* "connections:" with every entry commented out */
    if (node->kind != NILO__CONFIG_SEQUENCE)
        return nilo__config_fail(at, node->line, key->name, err,
                                 "expected a list (entries that begin with \"- \"), found %s", kind_name(node));
    int i = 0;
    for (const struct nilo__config_node *entry = node->first; entry != NULL; entry = entry->next, i++) {
        struct nilo__config_place below = nilo__config_at(at, key->name, i);
        if (nilo__config_check(key->entries, entry, &below, err) < 0)
            return -1;
    }
    return 0;
}

static int check_value(const struct nilo__config_key *key, const struct nilo__config_node *node,
                       const struct nilo__config_place *at, struct nilo_err *err)
{
    switch (key->type) {
    case NILO__CONFIG_TEXT:
    case NILO__CONFIG_PROSE:
        return check_text(key, node, at, err);
    case NILO__CONFIG_WHOLE:
        return check_whole(key, node, at, err);
    case NILO__CONFIG_LIST:
        return check_list(key, node, at, err);
    case NILO__CONFIG_MAP: {
        struct nilo__config_place below = nilo__config_in(at, key->name);
        return nilo__config_check(key->entries, node, &below, err);
    }
    }
    return nilo_err_set(err, NILO_EINTERNAL, "configuration key %s has no type", key->name);
}

static int not_a_mapping(const struct nilo__config_section *s, const struct nilo__config_node *node,
                         const struct nilo__config_place *at, struct nilo_err *err)
{
    struct nilo_buf known;
    nilo_buf_init(&known, 1024);
    list_keys(s, &known);
    nilo__config_fail(at, node->line, NULL, err, "expected keys with values (%s), found %s", nilo_buf_str(&known),
                      kind_name(node));
    nilo_buf_done(&known);
    return -1;
}

int nilo__config_check(const struct nilo__config_section *s, const struct nilo__config_node *mapping,
                       const struct nilo__config_place *at, struct nilo_err *err)
{
    int seen[KEYS_MAX] = {0}; /* the line of each key */

    if (mapping->kind != NILO__CONFIG_MAPPING)
        return not_a_mapping(s, mapping, at, err);
    for (const struct nilo__config_node *node = mapping->first; node != NULL; node = node->next) {
        const struct nilo__config_key *key = nilo__config_find(s, node->key);
        if (key == NULL)
            return unknown_key(s, node, at, err);
        int *line = &seen[key - s->keys];
        if (*line != 0)
            return nilo__config_fail(at, node->key_line, key->name, err, "is given twice, first in line %d; keep one",
                                     *line);
        *line = node->key_line;
        if (check_value(key, node, at, err) < 0)
            return -1;
    }
    for (int i = 0; i < s->n; i++) {
        if (s->keys[i].required && seen[i] == 0)
            return nilo__config_fail(at, mapping->line, s->keys[i].name, err, "is required (%s)", s->keys[i].help);
    }
    return 0;
}
