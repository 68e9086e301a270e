/* The YAML document as a tree that knows its lines.
 *
 * libcyaml fills the structs but tells lines only for the value it stopped at, none for a missing key, and none at all
 * once it is done, when names and references are checked. So libyaml's events (the same parser, on the same bytes) are
 * read into this tree first; everything that libcyaml could stumble over is refused here or in check.c, with a sentence.
 *
 * Anchors and aliases are refused (a few lines of them describe a billion nodes), and so are tags and depth: the format
 * needs none. */
#include "config/config_priv.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 8 /* the format uses five */

struct level {
    struct nilo__config_node *node;
    const char *key; /* read, its value is next */
    int key_line;
};

struct builder {
    const char *file;
    const char *text;
    size_t len;
    struct nilo_arena *arena;
    struct nilo_err *err;
    struct level levels[DEPTH_MAX];
    int depth;
    struct nilo__config_node *root;
};

static int line_of(yaml_mark_t mark)
{
    return (int)mark.line + 1;
}

/* "connections[0].name" where the builder stands. What does not look like one of our keys is not repeated: nobody knows
 * what it holds. */
static struct nilo__config_place standing(const struct builder *b)
{
    struct nilo__config_place at = {.file = b->file};
    size_t used = 0;
    for (int i = 0; i < b->depth; i++) {
        const struct nilo__config_node *node = b->levels[i].node;
        bool inside = i + 1 < b->depth; /* its last child is the one being read */
        const char *key = inside ? node->last->key : b->levels[i].key;
        char part[40] = "";
        if (node->kind == NILO__CONFIG_SEQUENCE)
            snprintf(part, sizeof(part), "[%d]", inside ? node->n - 1 : node->n);
        else if (key != NULL && strlen(key) <= 30 && strspn(key, "abcdefghijklmnopqrstuvwxyz_") == strlen(key))
            snprintf(part, sizeof(part), "%s%s", i > 0 ? "." : "", key);
        size_t n = strlen(part);
        if (used + n >= sizeof(at.path))
            break;
        memcpy(at.path + used, part, n + 1);
        used += n;
    }
    return at;
}

static int fail(const struct builder *b, int line, const char *what)
{
    struct nilo__config_place at = standing(b);
    return nilo__config_fail(&at, line, NULL, b->err, "%s", what);
}

/* What libyaml's words mean to someone who edits a file. */
static const struct {
    const char *problem, *advice;
} ADVICE[] = {
    {"found character that cannot start any token",
     "indent with blanks, not tabs, and put a value that begins with @, ` or % in quotes"},
    {"found a tab character", "indent with blanks, not tabs"},
    {"mapping values are not allowed", "check the indentation, and put a value that holds \": \" in quotes"},
    {"did not find expected key", "check the indentation against the lines above"},
    {"did not find expected '-' indicator", "check the indentation against the lines above"},
    {"could not find expected ':'", "write key: value, with a blank after the colon"},
    {"found unexpected end of stream", "close the quote"},
    {"did not find expected ',' or ']'", "close the [ with ]"},
    {"did not find expected ',' or '}'", "close the { with }"},
};

static const char *advice(const char *problem)
{
    for (size_t i = 0; i < sizeof(ADVICE) / sizeof(ADVICE[0]); i++) {
        if (strstr(problem, ADVICE[i].problem) != NULL)
            return ADVICE[i].advice;
    }
    return "check indentation, quotes and brackets here";
}

static int fail_bytes(const struct builder *b, const yaml_parser_t *parser)
{
    int line = 1;
    for (size_t i = 0; i < parser->problem_offset && i < b->len; i++)
        line += b->text[i] == '\n';
    struct nilo__config_place at = {.file = b->file};
    return nilo__config_fail(&at, line, NULL, b->err,
                             "not a YAML text (%s, at byte %zu); save it as plain text in UTF-8", parser->problem,
                             parser->problem_offset);
}

static int fail_syntax(const struct builder *b, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return nilo_err_nomem(b->err);
    if (parser->error == YAML_READER_ERROR)
        return fail_bytes(b, parser);

    const char *problem = parser->problem != NULL ? parser->problem : "unreadable";
    /* A quote or bracket that nobody closed is noticed at the end of the file; its beginning is what helps. */
    bool open =
        parser->context != NULL && (strstr(parser->context, "quoted scalar") || strstr(parser->context, "flow "));
    struct nilo__config_place at = standing(b);
    return nilo__config_fail(&at, line_of(open ? parser->context_mark : parser->problem_mark), NULL, b->err,
                             "not valid YAML (%s); %s", problem, advice(problem));
}

static bool means_nothing(const yaml_event_t *e)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp((const char *)e->data.scalar.value, words[i]) == 0)
            return true;
    }
    return false;
}

static int add_key(struct builder *b, struct level *l, const struct nilo__config_node *node)
{
    if (node->text == NULL)
        return fail(b, node->line, "a list or mapping stands where a key belongs; write key: value");
    l->key = node->text;
    l->key_line = node->line;
    return 0;
}

/* Hang the node in where the builder stands. */
static int add(struct builder *b, struct nilo__config_node *node)
{
    if (b->depth == 0) {
        b->root = node;
        return 0;
    }
    struct level *l = &b->levels[b->depth - 1];
    if (l->node->kind == NILO__CONFIG_MAPPING) {
        if (l->key == NULL)
            return add_key(b, l, node);
        node->key = l->key;
        node->key_line = l->key_line;
        l->key = NULL;
    }
    if (l->node->last != NULL)
        l->node->last->next = node;
    else
        l->node->first = node;
    l->node->last = node;
    l->node->n++;
    return 0;
}

static int plain_only(const struct builder *b, int line, const unsigned char *anchor, const unsigned char *tag)
{
    if (anchor != NULL)
        return fail(b, line, "anchors (&name) are not allowed here; write the value out");
    if (tag != NULL)
        return fail(b, line, "tags (!name) are not allowed here; leave it out");
    return 0;
}

static struct nilo__config_node *node_new(struct builder *b, enum nilo__config_kind kind, const yaml_event_t *e)
{
    struct nilo__config_node *node = nilo_arena_alloc(b->arena, sizeof(*node));
    if (node == NULL) {
        nilo_err_nomem(b->err);
        return NULL;
    }
    node->kind = kind;
    node->line = line_of(e->start_mark);
    return node;
}

static int on_scalar(struct builder *b, const yaml_event_t *e)
{
    int line = line_of(e->start_mark);
    const char *text = (const char *)e->data.scalar.value;

    if (plain_only(b, line, e->data.scalar.anchor, e->data.scalar.tag) < 0)
        return -1;
    if (memchr(text, '\0', e->data.scalar.length) != NULL)
        return fail(b, line, "the text holds a NUL character (\\0); leave it out");
    struct nilo__config_node *node = node_new(b, means_nothing(e) ? NILO__CONFIG_NOTHING : NILO__CONFIG_SCALAR, e);
    if (node == NULL)
        return -1;
    node->text = nilo_arena_strndup(b->arena, text, e->data.scalar.length);
    if (node->text == NULL)
        return nilo_err_nomem(b->err);
    return add(b, node);
}

static int on_start(struct builder *b, enum nilo__config_kind kind, const yaml_event_t *e, const unsigned char *anchor,
                    const unsigned char *tag)
{
    int line = line_of(e->start_mark);
    if (plain_only(b, line, anchor, tag) < 0)
        return -1;
    if (b->depth == DEPTH_MAX)
        return fail(b, line, "nested too deeply; the configuration has five levels at most");
    struct nilo__config_node *node = node_new(b, kind, e);
    if (node == NULL || add(b, node) < 0)
        return -1;
    b->levels[b->depth++] = (struct level){.node = node};
    return 0;
}

static int on_event(struct builder *b, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(b, e);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(b, NILO__CONFIG_SEQUENCE, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return on_start(b, NILO__CONFIG_MAPPING, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        return 0;
    case YAML_ALIAS_EVENT:
        return fail(b, line_of(e->start_mark), "aliases (*name) are not allowed here; write the value out");
    case YAML_DOCUMENT_START_EVENT:
        if (b->root != NULL)
            return fail(b, line_of(e->start_mark), "a second document begins here (---); only one is allowed");
        return 0;
    default:
        return 0;
    }
}

int nilo__config_parse(const char *file, const char *text, size_t len, struct nilo_arena *arena,
                       const struct nilo__config_node **ret_root, struct nilo_err *err)
{
    struct builder b = {.file = file, .text = text, .len = len, .arena = arena, .err = err};
    yaml_parser_t parser;
    bool more = true;
    int rc = 0;

    if (!yaml_parser_initialize(&parser))
        return nilo_err_nomem(err);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    while (rc == 0 && more) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            rc = fail_syntax(&b, &parser);
            break;
        }
        more = event.type != YAML_STREAM_END_EVENT;
        rc = on_event(&b, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (rc == 0)
        *ret_root = b.root;
    return rc;
}

const struct nilo__config_node *nilo__config_get(const struct nilo__config_node *mapping, const char *key)
{
    if (mapping == NULL || mapping->kind != NILO__CONFIG_MAPPING)
        return NULL;
    for (const struct nilo__config_node *at = mapping->first; at != NULL; at = at->next) {
        if (strcmp(at->key, key) == 0)
            return at;
    }
    return NULL;
}

int nilo__config_line(const struct nilo__config_node *mapping, const char *key)
{
    const struct nilo__config_node *at = nilo__config_get(mapping, key);
    return at != NULL ? at->key_line : mapping->line;
}
