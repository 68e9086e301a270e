/* See fake.h. */
#include "support/nilo_test.h"

#include "import/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/decimal.h"
#include "support/tmp.h"

#define METRIC(id_, name_, type_, scale_)                                                                              \
    {.id = (id_), .name = (name_), .type = (type_), .scale = (scale_), .wide = true, .active = true}
static const struct nilo_metric metrics[] = {
    METRIC(1, "views", NILO_COUNT, 0),    METRIC(5, "likes", NILO_COUNT, 0), METRIC(6, "comments", NILO_COUNT, 0),
    METRIC(16, "gmv", NILO_COUNT, 2),     METRIC(18, "ctr", NILO_PERCENTAGE, 6), METRIC(99, "net", NILO_COUNT, 0),
};
const struct nilo_catalog fake_catalog = {.metrics = metrics, .n = sizeof metrics / sizeof metrics[0]};

static void add_text(struct nilo_buf *b, const char *name, const char *text)
{
    if (text != NULL)
        nilo_buf_addf(b, " %s=%s", name, text);
}

static void add_us(struct nilo_buf *b, const char *name, nilo_us us)
{
    char text[NILO_US_TEXT];
    nilo_us_format(us, text);
    nilo_buf_addf(b, " %s %s", name, us == NILO_US_NONE ? "-" : text);
}

void fake_line(struct nilo_buf *b, const struct nilo_reading *r)
{
    char day[NILO_DAY_TEXT];
    nilo_day_format(r->day, day);
    nilo_buf_addf(b, "%s", r->external_id);
    if (r->kind != NILO_CONTENT)
        nilo_buf_addf(b, " kind %s", nilo_entity_kind_name((int)r->kind));
    if (r->win != 0)
        nilo_buf_addf(b, " win %d", (int)r->win);
    nilo_buf_addf(b, " day %s", nilo_day_is_none(r->day) ? "-" : day);
    add_us(b, "at", r->captured_at);
    for (size_t i = 0; i < r->n_values; i++) {
        const struct nilo_metric *m = nilo_catalog_by_id(&fake_catalog, r->values[i].metric);
        char text[NILO_DECIMAL_TEXT] = "?";
        assert_non_null(m);
        if (r->values[i].absence == NILO_PRESENT)
            nilo_decimal_format(r->values[i].value, m->scale, false, text);
        else
            assert_int_equal(r->values[i].absence, NILO_NOT_REPORTED);
        nilo_buf_addf(b, " %s=%s", m->name, text);
    }
    add_text(b, "owner", r->owner);
    if (r->attrs != NULL) {
        nilo_buf_adds(b, " |");
        add_text(b, "title", r->attrs->title);
        add_text(b, "url", r->attrs->url);
        add_text(b, "type", r->attrs->media_type);
        add_text(b, "tags", r->attrs->tags);
        if (r->attrs->posted_at != NILO_US_NONE)
            add_us(b, "posted", r->attrs->posted_at);
    }
    nilo_buf_addc(b, '\n');
}

static int sink(void *ctx, const struct nilo_reading *r, struct nilo_err *err)
{
    if (strcmp(r->external_id, "future") == 0) {
        nilo_err_set(err, NILO_EINVAL, "captured_at is in the future");
        return 1;
    }
    if (strcmp(r->external_id, "broken") == 0)
        return nilo_err_set(err, NILO_EFULL, "the disk is full");
    fake_line(ctx, r);
    return 0;
}

static void list_refused(struct fake_result *ret, const struct nilo_import_report *report)
{
    for (size_t i = 0; i < report->n_refusals; i++) {
        const struct nilo_import_refusal *r = &report->refusals[i];
        nilo_buf_addf(&ret->refused, "%lld %s @ ", (long long)r->rows, r->reason);
        for (int k = 0; k < r->n_first; k++)
            nilo_buf_addf(&ret->refused, "%s%lld", k > 0 ? "," : "", (long long)r->first[k].line);
        nilo_buf_addc(&ret->refused, '\n');
    }
}

static void read_kept(struct fake_result *ret, const char *path)
{
    FILE *f = fopen(path, "r");
    char piece[4096];
    size_t n;
    assert_non_null(f);
    while ((n = fread(piece, 1, sizeof piece, f)) > 0)
        nilo_buf_add(&ret->kept, piece, n);
    fclose(f);
}

void fake_import(const struct nilo_import_options *o, struct fake_result *ret)
{
    struct nilo_import *im = NULL;
    *ret = (struct fake_result){0};
    nilo_buf_init(&ret->readings, 64u << 20);
    nilo_buf_init(&ret->refused, 1u << 20);
    nilo_buf_init(&ret->kept, 64u << 20);
    nilo_buf_init(&ret->state, 64u << 20);
    nilo_buf_init(&ret->notes, 64u << 20);
    ret->rc = nilo_import_read(o, &im, &ret->err);
    if (ret->rc != 0)
        return;
    ret->rc = nilo_import_feed(im, &fake_catalog, sink, &ret->readings, &ret->err);
    const struct nilo_import_report *report = nilo_import_report(im);
    ret->rows = report->rows;
    ret->left_out = report->left_out;
    ret->taken = report->taken;
    ret->merged = report->merged;
    ret->refused_rows = report->refused;
    ret->not_mapped = report->not_mapped;
    ret->lost = report->lost;
    ret->source_errors = report->source_errors;
    ret->configs = report->configs;
    nilo_buf_adds(&ret->state, nilo_import_state(im) != NULL ? nilo_import_state(im) : "");
    for (size_t i = 0; i < report->n_notes; i++)
        nilo_buf_addf(&ret->notes, "%s\n", report->notes[i]);
    for (size_t i = 0; i < report->n_left; i++)
        nilo_buf_addf(&ret->notes, "left %s %lld\n", report->left[i].stream, (long long)report->left[i].records);
    list_refused(ret, report);
    if (ret->rc == 0)
        ret->rc = nilo_import_close(im, &ret->err);
    if (ret->rc == 0 && o->refused != NULL)
        read_kept(ret, o->refused);
    nilo_import_free(im);
}

void fake_done(struct fake_result *r)
{
    nilo_buf_done(&r->readings);
    nilo_buf_done(&r->refused);
    nilo_buf_done(&r->kept);
    nilo_buf_done(&r->state);
    nilo_buf_done(&r->notes);
}

/* Failures are collected, so that one run shows all of them. */
static void differ(int *bad, const char *name, const char *what, const char *got, const char *want)
{
    if (strcmp(got, want) == 0)
        return;
    printf("# case \"%s\": %s are\n%s# and should be\n%s", name, what, got, want);
    (*bad)++;
}

static int check_error(const struct fake_case *c, const struct fake_result *r)
{
    if (r->rc == 0) {
        printf("# case \"%s\": succeeds, should fail with %s\n", c->name, nilo_code_text(c->code));
        return 1;
    }
    if (r->err.code == c->code && (c->message == NULL || strstr(r->err.msg, c->message) != NULL))
        return 0;
    printf("# case \"%s\": %s: %s\n# and should be %s: %s\n", c->name, nilo_code_text(r->err.code), r->err.msg, nilo_code_text(c->code),
           c->message != NULL ? c->message : "");
    return 1;
}

static int run_one(const struct fake_case *c)
{
    const char *path = nilo_test_path("input"), *refused = nilo_test_path("refused");
    struct fake_result r;
    int bad = 0;
    nilo_test_write(path, c->input != NULL ? c->input : c->bytes, c->input != NULL ? strlen(c->input) : c->len);
    struct nilo_import_options o = {
        .files = &path,
        .n_files = 1,
        .format = c->ndjson ? NILO_IMPORT_NDJSON : NILO_IMPORT_CSV,
        .maps = &c->map,
        .n_maps = c->map != NULL,
        .wheres = &c->where,
        .n_wheres = c->where != NULL,
        .absent = c->absent,
        .refused = c->kept != NULL ? refused : NULL,
        .catalog = &fake_catalog,
        .tmp_dir = nilo_test_tmp(),
        .read_size = c->read_size,
    };
    unlink(refused); /* --refused never overwrites */
    fake_import(&o, &r);
    if (c->code != NILO_OK) {
        bad = check_error(c, &r);
        differ(&bad, c->name, "readings", nilo_buf_str(&r.readings), "");
    } else if (r.rc != 0) {
        printf("# case \"%s\": fails: %s\n", c->name, r.err.msg);
        bad = 1;
    } else {
        if (c->readings != NULL)
            differ(&bad, c->name, "readings", nilo_buf_str(&r.readings), c->readings);
        differ(&bad, c->name, "refusals", nilo_buf_str(&r.refused), c->refused != NULL ? c->refused : "");
        if (c->kept != NULL)
            differ(&bad, c->name, "kept rows", nilo_buf_str(&r.kept), c->kept);
        assert_int_equal(r.rows, r.left_out + r.taken + r.refused_rows);
    }
    fake_done(&r);
    return bad;
}

void fake_run(const struct fake_case *c)
{
    assert_int_equal(run_one(c), 0);
}

/* Each case whole, then in pieces of one byte, of two and of seven: where a piece ends must not matter. */
void fake_run_all(const struct fake_case *cases, size_t n)
{
    static const size_t sizes[] = {0, 1, 2, 7};
    int bad = 0;
    for (size_t i = 0; i < n; i++) {
        struct fake_case c = cases[i];
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            c.read_size = sizes[k];
            bad += run_one(&c);
        }
    }
    assert_int_equal(bad, 0);
}
