/* See members.h. */
#include "support/nilo_test.h"

#include "members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void spaces(struct members *r)
{
    r->at += strspn(r->s + r->at, " \t\r\n");
}

static size_t string_end(const struct members *r, size_t at)
{
    for (at++; r->s[at] != '"'; at++)
        at += r->s[at] == '\\';
    return at + 1;
}

static void read_value(struct members *r, const char *path, bool in_array, size_t whole);

static void keep(struct members *r, struct member m)
{
    if (r->n == r->cap) {
        r->cap = r->cap * 2 + 64;
        r->all = realloc(r->all, r->cap * sizeof(*r->all));
        assert_non_null(r->all);
    }
    r->all[r->n++] = m;
}

static void read_members(struct members *r, const char *path, bool array, bool in_array)
{
    char below[200], end = array ? ']' : '}';
    r->at++;
    spaces(r);
    while (r->s[r->at] != end) {
        size_t whole = r->at;
        snprintf(below, sizeof(below), "%s[]", path);
        if (!array) {
            size_t name = r->at + 1, name_end = string_end(r, r->at) - 1;
            snprintf(below, sizeof(below), "%s%s%.*s", path, path[0] != '\0' ? "." : "", (int)(name_end - name), r->s + name);
            r->at = name_end + 1;
            spaces(r);
            r->at++;
            spaces(r);
        }
        read_value(r, below, in_array || array, whole);
        spaces(r);
        if (r->s[r->at] == ',') {
            r->at++;
            spaces(r);
        }
    }
    r->at++;
}

static void read_value(struct members *r, const char *path, bool in_array, size_t whole)
{
    struct member m = {.from = r->at, .whole = whole, .in_array = in_array};
    char first = r->s[r->at];
    size_t place = r->n;
    snprintf(m.path, sizeof(m.path), "%s", path);
    m.text = first == '"';
    m.container = first == '{' || first == '[';
    if (path[0] != '\0')
        keep(r, m);
    if (m.container)
        read_members(r, path, first == '[', in_array);
    else if (m.text)
        r->at = string_end(r, r->at);
    else
        r->at += strcspn(r->s + r->at, ",]} \t\r\n");
    if (path[0] == '\0')
        return;
    struct member *kept = &r->all[place];
    kept->to = r->at;
    size_t after = r->at + strspn(r->s + r->at, " \t\r\n"), before = kept->whole;
    kept->whole_end = r->at;
    if (r->s[after] == ',') {
        kept->whole_end = after + 1;
    } else { /* the last one: the comma before it goes, if there is one */
        while (before > 0 && strchr(" \t\r\n", r->s[before - 1]) != NULL)
            before--;
        if (before > 0 && r->s[before - 1] == ',')
            kept->whole = before - 1;
    }
}

void members_read(const char *json, struct members *ret)
{
    *ret = (struct members){.s = json};
    spaces(ret);
    read_value(ret, "", false, 0);
}
