/* Inside config: the document with its lines, the table of keys, and how an error names its place. */
#ifndef NILO_CONFIG_CONFIG_PRIV_H
#define NILO_CONFIG_CONFIG_PRIV_H

#include <stddef.h>

#include "base/arena.h"
#include "config/config.h"

/* ---- where an error is (place.c) ---- */

/* Made by nilo__config_at(); list names and numbers only, so it always fits. */
struct nilo__config_place {
    const char *file;
    char path[96]; /* "connections[3].metrics[0]", "" at the top */
};

struct nilo__config_place nilo__config_at(const struct nilo__config_place *up, const char *list, int index);
struct nilo__config_place nilo__config_in(const struct nilo__config_place *up, const char *map);

/** nilo__config_fail - "file:line: path.key: <text>", code NILO_ECONFIG; key may be NULL. Returns -1 */
int nilo__config_fail(const struct nilo__config_place *at, int line, const char *key, struct nilo_err *err, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* A word of the user's as messages show it: in quotes, cut, without control characters, and not at all where it could hold a secret. */
struct nilo__config_shown {
    char text[64];
};
struct nilo__config_shown nilo__config_show(const char *text);

/** nilo__config_near - the word of `words` that was probably meant, or NULL */
const char *nilo__config_near(const char *word, const char *const *words, int n);

/* ---- the document (doc.c) ---- */

enum nilo__config_kind { NILO__CONFIG_NOTHING, NILO__CONFIG_SCALAR, NILO__CONFIG_SEQUENCE, NILO__CONFIG_MAPPING };

struct nilo__config_node {
    enum nilo__config_kind kind;
    int line;
    const char *text; /* of a scalar; holds no NUL byte */
    const char *key;  /* inside a mapping */
    int key_line;
    struct nilo__config_node *first, *last, *next;
    int n;
};

/** nilo__config_parse - *ret_root stays NULL for an empty document; everything lives in the arena */
int nilo__config_parse(const char *file, const char *text, size_t len, struct nilo_arena *arena,
                       const struct nilo__config_node **ret_root, struct nilo_err *err);
const struct nilo__config_node *nilo__config_get(const struct nilo__config_node *mapping, const char *key);
/** nilo__config_line - the line of a key, or of the mapping where the key is absent */
int nilo__config_line(const struct nilo__config_node *mapping, const char *key);

/* ---- the table of keys (keys.c) ---- */

enum nilo__config_type { NILO__CONFIG_TEXT, NILO__CONFIG_PROSE /* text that may have lines */, NILO__CONFIG_WHOLE, NILO__CONFIG_LIST, NILO__CONFIG_MAP /* keys below it */ };

struct nilo__config_section;

struct nilo__config_key {
    const char *name;
    enum nilo__config_type type;
    bool required;
    int64_t min, max;     /* value of a number, bytes of a text */
    const char *allowed;  /* "total|created", or NULL */
    const char *fallback; /* the default as the file would say it; NULL: none, or told by the help line */
    const char *help;
    size_t offset, size;  /* of the member in the section's struct */
    size_t count_offset;  /* of a list */
    const struct nilo__config_section *entries; /* of a list, or what a map holds */
};

struct nilo__config_section {
    const char *path; /* "connections[].metrics[]", "" at the top */
    const struct nilo__config_key *keys;
    int n;
    size_t size;        /* of the struct */
    size_t line_offset; /* of its int line; 0 = has none (line is never the first member) */
};

extern const struct nilo__config_section nilo__config_top;
extern const struct nilo__config_section *const nilo__config_sections[]; /* all, top first, ended by NULL */

const struct nilo__config_key *nilo__config_find(const struct nilo__config_section *s, const char *name);

/** nilo__config_fill - the text into structs by libcyaml; *ret NULL for an empty document. Only what nilo__config_check let through */
int nilo__config_fill(const char *file, const char *text, size_t len, struct nilo_config **ret, struct nilo_err *err);
/** nilo__config_clear - free what a struct of that section holds, not the struct */
void nilo__config_clear(const struct nilo__config_section *s, void *thing);

/* ---- checks ---- */

/* A number not given, between nilo__config_fill() and the end of loading. */
#define NILO__CONFIG_UNSET INT64_MIN
#define NILO__CONFIG_UNSET_INT INT32_MIN

/** nilo__config_check - keys and types of a mapping and all below it (check.c) */
int nilo__config_check(const struct nilo__config_section *s, const struct nilo__config_node *mapping,
                       const struct nilo__config_place *at, struct nilo_err *err);
/** nilo__config_whole - decimal digits, perhaps a minus before them */
bool nilo__config_whole(const char *text, int64_t *ret);

/** nilo__config_rules - what goes beyond types: names, references, combinations (rules.c) */
int nilo__config_rules(const struct nilo_config *c, const struct nilo__config_node *root, const struct nilo__config_place *at,
                       const struct nilo_env *env, struct nilo_err *err);

/* The part auth (auth.c). */
int nilo__config_publish_rules(const struct nilo_config *c, const struct nilo__config_node *root, const struct nilo__config_place *top, struct nilo_err *err);
int nilo__config_auth_rules(const struct nilo_config *c, const struct nilo__config_node *root, const struct nilo__config_place *at,
                            struct nilo_err *err);

/* The parts platforms and connections_from_sql (platforms.c). */
int nilo__config_platform_rules(const struct nilo_config *c, const struct nilo__config_node *root, const struct nilo__config_place *at,
                                struct nilo_err *err);

/* The part hooks (hooks.c). */
int nilo__config_hook_rules(const struct nilo_config *c, const struct nilo__config_node *root, const struct nilo__config_place *at, struct nilo_err *err);

/* The metrics that the three short lines stand for. */
struct nilo__config_core {
    const char *name, *key, *mode, *display_name, *description, *unit;
};
#define NILO__CONFIG_CORES 5
extern const struct nilo__config_core nilo__config_cores[NILO__CONFIG_CORES];
const char *nilo__config_core_table(const struct nilo_config_connection *c, const struct nilo__config_core *core);

/* Each returns NULL, or what is wrong and what is allowed. */
const char *nilo__config_name_problem(const char *text, int parts);  /* a table (2 parts) or a column (1) */
const char *nilo__config_table_problem(const char *text);            /* table or table(column) */
const char *nilo__config_address_problem(const char *text);          /* a store or database */
const char *nilo__config_reference_problem(const char *text);        /* env:NAME, file:PATH or credential:NAME */

#endif
