/* Lines of taps. The first byte says whose (Singer, Airbyte), the rest is one line. Whatever it holds: what is read lies within the line, what is kept of a state is JSON and
 * the same when it was kept before, and a record gives no more rows than its list has commas. */
#include <string.h>

#include "fuzz.h"
#include "import/import_priv.h"

static const struct nilo_metric metrics[] = {{.id = 1, .name = "views", .type = NILO_COUNT, .wide = true, .active = true}};
static const struct nilo_catalog catalog = {.metrics = metrics, .n = 1};
static const struct nilo_import_stream stream = {.stream = "s", .map = "external_id=id:{}/,day=v.end:-1,metric_name=n.0.m,metric_value=v.x:*3", .names = "views=seen", .each = "v"};

static void check_part(struct nilo__part part, const char *line, size_t len)
{
    NILO_FUZZ_CHECK(part.p == NULL || (part.p >= line && part.len > 0 && part.p + part.len <= line + len));
}

static void check_state(const struct nilo__message *m, enum nilo_import_format format)
{
    struct nilo__tap_state *state, *again;
    struct nilo_buf text, same;
    nilo_buf_init(&text, SIZE_MAX);
    nilo_buf_init(&same, SIZE_MAX);
    NILO_FUZZ_CHECK(nilo__tap_state_new(&state, NULL) == 0 && nilo__tap_state_new(&again, NULL) == 0);
    NILO_FUZZ_CHECK(nilo__tap_state_add(state, m, NULL) == 0 && nilo__tap_state_text(state, format, &text, NULL) == 0 && text.len > 0);
    if (format == NILO_IMPORT_AIRBYTE && text.data[0] == '[' && m->legacy.p == NULL) {
        NILO_FUZZ_CHECK(nilo__tap_state_kept(again, nilo_buf_str(&text), NULL) == 0 && nilo__tap_state_text(again, format, &same, NULL) == 0);
        NILO_FUZZ_CHECK(strcmp(nilo_buf_str(&text), nilo_buf_str(&same)) == 0);
    }
    nilo__tap_state_free(state);
    nilo__tap_state_free(again);
    nilo_buf_done(&text);
    nilo_buf_done(&same);
}

static void check_row(const struct nilo__plan *plan, struct nilo__members *m)
{
    struct nilo__value value;
    struct nilo__scratch scratch = {.values = &value};
    struct nilo__refused why = {0};
    struct nilo__parsed p;
    nilo_buf_init(&scratch.text, SIZE_MAX);
    nilo__members_end(m, true);
    int rc = nilo__row_parse(plan, NULL, m->cells, &scratch, &p, &why, NULL);
    NILO_FUZZ_CHECK(rc == 1 || (rc == 0 && why.why != NILO__FINE));
    if (rc == 1)
        NILO_FUZZ_CHECK(p.external_id[0] != '\0' && strchr(p.external_id, '/') == NULL && !nilo_day_is_none(p.day) && value.state != NILO__SAYS_NOTHING);
    nilo_buf_done(&scratch.text);
}

static void check_record(const struct nilo__message *m)
{
    const struct nilo_import_options o = {.catalog = &catalog, .format = NILO_IMPORT_NDJSON, .maps = &stream.map, .n_maps = 1};
    struct nilo__metrics list = {0};
    struct nilo__plan plan;
    struct nilo__members members;
    size_t rows = 0, commas = 0;
    NILO_FUZZ_CHECK(nilo__plan_init(&plan, &o, &list, &stream, NULL) == 0 && nilo__plan_names(&plan, stream.names, NULL) == 0 && nilo__members_init(&members, &plan, NULL) == 0);
    members.each = stream.each;
    if (nilo__members_read(&members, m->record.p, m->record.len, NULL) == 0 && members.list != NULL) {
        check_part((struct nilo__part){members.list, members.list_len}, m->record.p, m->record.len);
        for (size_t i = 0; i < members.list_len; i++)
            commas += members.list[i] == ',';
        NILO_FUZZ_CHECK(nilo__members_each(&members, NULL) == 0);
        int rc;
        while ((rc = nilo__members_next(&members, NULL)) == 1) {
            check_row(&plan, &members);
            NILO_FUZZ_CHECK(++rows <= commas + 1);
        }
        NILO_FUZZ_CHECK(rc == 0);
    }
    nilo__members_done(&members);
    nilo__plan_done(&plan);
    free(list.list);
}

int nilo_fuzz_singer(const uint8_t *data, size_t n)
{
    struct nilo_err err = {0};
    struct nilo__message m;
    if (n < 2)
        return 0;
    enum nilo_import_format format = data[0] % 2 == 0 ? NILO_IMPORT_SINGER : NILO_IMPORT_AIRBYTE;
    char *line = malloc(n);
    NILO_FUZZ_CHECK(line != NULL);
    memcpy(line, data + 1, n - 1);
    line[n - 1] = '\0';
    nilo__message_init(&m);
    if (nilo__message_read(&m, format, line, n - 1, &err) != 0) {
        NILO_FUZZ_CHECK((err.code == NILO_EBODY || err.code == NILO_EINVAL) && err.msg[0] != '\0');
    } else {
        const struct nilo__part parts[] = {m.stream, m.record, m.time, m.properties, m.keys, m.state, m.config, m.descriptor, m.legacy};
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
            check_part(parts[i], line, n - 1);
        NILO_FUZZ_CHECK(m.kind != NILO__RECORD || (m.stream.p != NULL && m.record.p != NULL));
        if (m.kind == NILO__STATE)
            check_state(&m, format);
        if (m.kind == NILO__RECORD)
            check_record(&m);
    }
    nilo__message_done(&m);
    free(line);
    return 0;
}
