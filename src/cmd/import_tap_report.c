/* What came of an import of what a tap wrote, besides rows: streams that nothing maps, what the source said, the state, a new configuration. */
#include <inttypes.h>

#include "cmd/cmd_priv.h"
#include "cmd/import_priv.h"

static const char *why_not_kept(const struct nilo__import_result *r)
{
    return r->dry_run              ? "a dry run keeps nothing"
           : r->refused_path != NULL ? "a line was refused that --refused cannot hold, so the tap tells it again; leave what it is about out of the tap's catalog, or mend the tap"
                                     : "records were refused: mend the mapping or the tap, which tells them again, or have them kept with --refused FILE";
}

static void add_state(struct nilo__table *t, const struct nilo__import_result *r)
{
    nilo__table_add(t, "state");
    if (!r->has_state)
        nilo__table_add(t, "none came; what was kept before stays");
    else if (r->state_kept)
        nilo__table_addf(t, "kept: nilometer tap state %s", r->tap);
    else
        nilo__table_addf(t, "not kept: %s", why_not_kept(r));
}

void nilo__import_tap_text(struct nilo__table *t, const struct nilo__import_result *r)
{
    const struct nilo_import_report *p = r->report;
    const char *label = "left out";
    if (r->tap == NULL)
        return;
    for (size_t i = 0; i < p->n_left; i++) {
        nilo__table_add(t, label);
        nilo__table_addf(t, "%" PRId64 " of the stream %s, which nothing maps", p->left[i].records, p->left[i].stream);
        label = "";
    }
    if (p->not_mapped > 0) {
        nilo__table_add(t, label);
        nilo__table_addf(t, "%" PRId64 " of metrics that nothing maps (names)", p->not_mapped);
    }
    for (size_t i = 0; i < p->n_notes; i++) {
        nilo__table_add(t, i == 0 ? "the source" : "");
        nilo__table_addf(t, "failed: %s", p->notes[i]);
    }
    if (p->configs > 0) {
        nilo__table_add(t, "settings");
        nilo__table_add(t, r->config_kept ? "the new configuration that the source sent is kept"
                                          : "the source sent a new configuration (renewed tokens perhaps), which is lost: say with --config-out FILE where it goes");
    }
    add_state(t, r);
}

static void member(struct nilo_json_out *o, const char *name, const char *text)
{
    nilo_json_key(o, name);
    nilo_json_str(o, text);
}

void nilo__import_tap_json(struct nilo_json_out *o, const struct nilo__import_result *r)
{
    const struct nilo_import_report *p = r->report;
    if (r->tap == NULL)
        return;
    nilo_json_key(o, "streams_left_out");
    nilo_json_object_begin(o);
    for (size_t i = 0; i < p->n_left; i++) {
        nilo_json_key(o, p->left[i].stream);
        nilo_json_int(o, p->left[i].records);
    }
    nilo_json_object_end(o);
    nilo_json_key(o, "not_mapped");
    nilo_json_int(o, p->not_mapped);
    nilo_json_key(o, "source_errors");
    nilo_json_array_begin(o);
    for (size_t i = 0; i < p->n_notes; i++)
        nilo_json_str(o, p->notes[i]);
    nilo_json_array_end(o);
    member(o, "configuration", p->configs == 0 ? "none" : r->config_kept ? "kept" : "lost");
    member(o, "state", !r->has_state ? "none" : r->state_kept ? "kept" : "not kept");
}
