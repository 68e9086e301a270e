/* Where the members of a JSON text stand: a reader for tests, which has nothing to do with that of the program. */
#ifndef NILO_TESTS_CONNECT_MEMBERS_H
#define NILO_TESTS_CONNECT_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

struct member {
    char path[200];          /* "data.videos[].id": without the numbers of elements */
    size_t from, to;         /* its value */
    size_t whole, whole_end; /* with its name and one comma: what goes when it is missing */
    bool text, container, in_array;
};
struct members {
    const char *s;
    size_t at;
    struct member *all;
    size_t n, cap;
};
/** members_read - all of it but the whole itself, containers too; the text has to be JSON.  owner  caller, free(ret->all) */
void members_read(const char *json, struct members *ret);

#endif
