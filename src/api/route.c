/* The table of routes: is it sound, and which row takes a path. A linear search: some dozens of rows, what is asked most stands first. */
#include "api/server_priv.h"

#include <string.h>

/* Does the pattern take the whole path? */
static bool takes(const char *pattern, const char *path, struct nilo__match *m)
{
    const char *p = pattern, *s = path;
    m->n_segments = 0;
    while (*p != '\0') {
        if (*p != '{') {
            if (*p++ != *s++)
                return false;
            continue;
        }
        size_t n = strcspn(s, "/");
        if (n == 0)
            return false;
        m->segments[m->n_segments].at = (size_t)(s - path);
        m->segments[m->n_segments++].n = n;
        s += n;
        p = strchr(p, '}') + 1;
    }
    return *s == '\0';
}

void nilo__route_find(const struct nilo_route *routes, size_t n, enum nilo_method method, const char *path, struct nilo__match *ret)
{
    struct nilo__match m = {0};
    for (size_t i = 0; i < n && m.route == NULL; i++) {
        if ((routes[i].methods & (unsigned)method) != 0 && takes(routes[i].path, path, &m))
            m.route = &routes[i];
    }
    /* What else the path takes is of interest where it does not take this. */
    struct nilo__match other;
    for (size_t i = 0; i < n && m.route == NULL; i++) {
        if (takes(routes[i].path, path, &other))
            m.allowed |= routes[i].methods;
    }
    if (m.route == NULL)
        m.n_segments = 0;
    *ret = m;
}

void nilo__allow(unsigned methods, struct nilo_buf *out)
{
    methods |= NILO_OPTIONS;
    for (unsigned bit = 1; bit <= NILO_OPTIONS; bit <<= 1) {
        if ((methods & bit) != 0)
            nilo_buf_addf(out, "%s%s", out->len > 0 ? ", " : "", nilo_method_name((enum nilo_method)bit));
    }
}

/* "/a/{b}/c": begins with a slash, braces in pairs and around whole segments, not too many. */
static bool sound(const char *path)
{
    int braces = 0;
    if (path == NULL || path[0] != '/')
        return false;
    for (const char *p = path; (p = strchr(p, '{')) != NULL;) {
        const char *end = strpbrk(p + 1, "{}/");
        if (p[-1] != '/' || end == NULL || *end != '}' || (end[1] != '/' && end[1] != '\0') || ++braces > NILO__SEGMENTS_MAX)
            return false;
        p = end;
    }
    return true;
}

int nilo__routes_check(const struct nilo_route *routes, size_t n, struct nilo_err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct nilo_route *r = &routes[i];
        const char *path = r->path != NULL ? r->path : "(no path)";
        if (!sound(r->path))
            return nilo_err_set(err, NILO_EINTERNAL, "route %s: the path has to begin with a slash, and {names} to be whole segments", path);
        if (r->who <= NILO_WHO_NOT_SAID || r->who >= NILO_WHO_N)
            return nilo_err_set(err, NILO_EINTERNAL, "route %s does not say who may call it", path);
        if (r->methods == 0 || (r->methods & ~NILO_METHODS_ALL) != 0)
            return nilo_err_set(err, NILO_EINTERNAL, "route %s has no methods, or unknown ones", path);
        if (r->instant == NULL && r->handler == NULL)
            return nilo_err_set(err, NILO_EINTERNAL, "route %s has no handler", path);
        if (r->body_max < 0 || r->deadline_us < 0)
            return nilo_err_set(err, NILO_EINTERNAL, "route %s has a limit below zero", path);
    }
    return 0;
}
