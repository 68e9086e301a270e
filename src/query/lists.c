/* Lists that the store hands over as one text, as JSON: owners' keys, failures of a run. */
#include <stdlib.h>
#include <string.h>

#include "query/lists.h"

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Keys between bytes 0x1f, in any order, to a sorted array. */
int nilo__put_owners(struct nilo_db_value v, struct nilo_json_out *o, struct nilo_err *err)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < v.len; i++)
        n += v.p[i] == '\x1f';
    nilo_json_array_begin(o);
    char *copy = n ? malloc(v.len + 1) : NULL, **keys = n ? calloc(n / 2 + 1, sizeof *keys) : NULL;
    if (n && copy && keys) {
        memcpy(copy, v.p, v.len);
        copy[v.len] = '\0';
        for (char *c = copy, *end; (c = strchr(c, '\x1f')) && (end = strchr(c + 1, '\x1f')); c = end + 1) {
            *end = '\0';
            keys[k++] = c + 1;
        }
        qsort(keys, k, sizeof *keys, by_bytes);
        for (size_t i = 0; i < k; i++)
            nilo_json_str(o, keys[i]);
    }
    bool nomem = n && (!copy || !keys);
    free(copy);
    free(keys);
    nilo_json_array_end(o);
    return nomem ? nilo_err_nomem(err) : 0;
}

/* 0x1e item 0x1f class 0x1f message, joined by commas */
void nilo__put_failures(struct nilo_db_value v, struct nilo_json_out *o)
{
    nilo_json_object_begin(o);
    nilo_json_key(o, "failed");
    nilo_json_array_begin(o);
    for (const char *at = v.p, *end = v.len > 0 ? at + v.len : at; at < end && *at == '\x1e';) {
        const char *next = memchr(at + 1, '\x1e', (size_t)(end - at - 1));
        const char *stop = next ? next - 1 : end, *class = memchr(at, '\x1f', (size_t)(stop - at));
        const char *message = class ? memchr(class + 1, '\x1f', (size_t)(stop - class - 1)) : NULL;
        if (message) {
            nilo_json_object_begin(o);
            nilo_json_key(o, "external_id");
            if (class > at + 1)
                nilo_json_strn(o, at + 1, (size_t)(class - at - 1));
            else
                nilo_json_null(o);
            nilo_json_key(o, "class");
            nilo_json_strn(o, class + 1, (size_t)(message - class - 1));
            nilo_json_key(o, "message");
            nilo_json_strn(o, message + 1, (size_t)(stop - message - 1));
            nilo_json_object_end(o);
        }
        at = next ? next : end;
    }
    nilo_json_array_end(o);
    nilo_json_object_end(o);
}
