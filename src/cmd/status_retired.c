/* `nilometer status`: what platforms that are collected from do not count any more. Metrics that have ended stay empty; what came after them counts something else and has a name
 * of its own, so a break of a series is explained here and not hidden in it. */
#include <string.h>

#include "cmd/status.h"
#include "connect/connector.h"

static bool is_collected(const char *platform, const struct nilo_connection *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(all[i].platform, platform) == 0 && strcmp(all[i].status, "disabled") != 0)
            return true;
    }
    return false;
}

void nilo__status_print_retired(const struct nilo_connection *all, size_t n, FILE *out)
{
    bool any = false;
    const struct nilo_connector *c;
    for (size_t k = 0; (c = nilo_connector_at(k)) != NULL; k++) {
        for (size_t i = 0; i < c->n_retired && is_collected(c->platform, all, n); i++) {
            const struct nilo_connector_retired *r = &c->retired[i];
            if (r->metric == NULL)
                continue;
            fprintf(out, "%s%s counts no %s since %s: %s is empty (unsupported) from then on%s%s%s.\n", any ? "" : "\n", c->title, r->name, r->day, r->metric,
                    r->instead != NULL ? ", and " : "", r->instead != NULL ? r->instead : "", r->instead != NULL ? " is something else" : "");
            any = true;
        }
    }
}

void nilo__status_json_retired(const struct nilo_connection *all, size_t n, struct nilo_json_out *o)
{
    const struct nilo_connector *c;
    nilo_json_key(o, "retired");
    nilo_json_array_begin(o);
    for (size_t k = 0; (c = nilo_connector_at(k)) != NULL; k++) {
        for (size_t i = 0; i < c->n_retired && is_collected(c->platform, all, n); i++) {
            const struct nilo_connector_retired *r = &c->retired[i];
            const char *const members[][2] = {{"platform", c->platform}, {"name", r->name}, {"metric", r->metric}, {"since", r->day}, {"instead", r->instead}};
            nilo_json_object_begin(o);
            for (size_t m = 0; m < sizeof members / sizeof members[0]; m++) {
                nilo_json_key(o, members[m][0]);
                nilo_json_str(o, members[m][1]);
            }
            nilo_json_object_end(o);
        }
    }
    nilo_json_array_end(o);
}
