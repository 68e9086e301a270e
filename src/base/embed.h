/* Text files compiled into the program.
 *
 * tools/embed_sql turns the .sql files that the meson.build of each folder lists in nilo_sql into one table. Which file
 * means what is left to the folder it lives in.
 */
#ifndef NILO_BASE_EMBED_H
#define NILO_BASE_EMBED_H

#include <stddef.h>
#include <string.h>

struct nilo_embedded {
    const char *name; /* path below src, e.g. "db/migrations/0001_core.sqlite.sql" */
    const char *text; /* the file's bytes and a NUL after them */
    size_t len;       /* without that NUL */
};

/* Sorted by name (bytes), ended by an entry whose name is NULL. */
extern const struct nilo_embedded nilo_embedded_sql[];

/** nilo_embedded_get - the entry of that name, or NULL */
static inline const struct nilo_embedded *nilo_embedded_get(const struct nilo_embedded *set, const char *name)
{
    for (; set->name != NULL; set++) {
        if (strcmp(set->name, name) == 0)
            return set;
    }
    return NULL;
}

#endif
