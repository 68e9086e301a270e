/* The cells of one row into a reading, or the one reason why it is refused. A row is taken whole or not at all: one unreadable cell refuses
 * it, so that nothing is half done. An empty cell is a counter that was not reported, never 0. */
#include "import/import_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ID_MAX 1024      /* bytes; record/record.h */
#define WINDOW_MAX 3660  /* days; record/record.h */

nilo_day nilo__day_of(const struct nilo_calendar *calendar, nilo_us at)
{
    if (calendar != NULL)
        return nilo_calendar_day(calendar, at);
    return NILO_DAY((int32_t)(at / NILO_US_DAY - (at % NILO_US_DAY < 0)));
}

nilo_us nilo__day_last(const struct nilo_calendar *calendar, nilo_day day)
{
    if (calendar != NULL)
        return nilo_calendar_end(calendar, day) - 1;
    return ((int64_t)day.n + 1) * NILO_US_DAY - 1;
}

static bool same(const struct nilo__cell *cell, const char *text)
{
    return cell->len == strlen(text) && memcmp(cell->p, text, cell->len) == 0;
}

bool nilo__row_wanted(const struct nilo__plan *p, const struct nilo__cell *cells)
{
    for (size_t i = 0; i < p->n_wheres; i++) {
        const struct nilo__cell *cell = &cells[p->wheres[i].column];
        if (!cell->there || !same(cell, p->wheres[i].value))
            return false;
    }
    return true;
}

/* ---- one cell --------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(struct nilo__cell *cell)
{
    while (cell->len > 0 && is_blank(*cell->p))
        cell->p++, cell->len--;
    while (cell->len > 0 && is_blank(cell->p[cell->len - 1]))
        cell->len--;
}

static bool is_absent(const struct nilo__plan *p, const struct nilo__cell *cell)
{
    for (size_t i = 0; i < p->n_absent; i++) {
        if (same(cell, p->absent[i]))
            return true;
    }
    return cell->len == 0;
}

static enum nilo__why check_text(const struct nilo__cell *cell)
{
    if (memchr(cell->p, '\0', cell->len) != NULL)
        return NILO__NUL;
    return nilo_utf8_valid(cell->p, cell->len, NULL) ? NILO__FINE : NILO__UTF8;
}

static enum nilo__why parse_window(const struct nilo__cell *cell, int32_t *ret)
{
    int64_t days;
    if (nilo_decimal_parse(cell->p, cell->len, 0, false, &days, NULL) != 0 || days < 0 || days > WINDOW_MAX)
        return NILO__BAD_WINDOW;
    *ret = (int32_t)days;
    return NILO__FINE;
}

static enum nilo__why parse_date(const struct nilo__field *f, const struct nilo__cell *cell, struct nilo_iso *ret)
{
    int rc = f->pattern != NULL ? nilo_strptime(cell->p, cell->len, f->pattern, ret, NULL)
                                : nilo_iso_parse(cell->p, cell->len, ret, NULL);
    return rc == 0 ? NILO__FINE : NILO__BAD_DATE;
}

/* ---- the fields ---------------------------------------------------------------------------------------------------------- */

/* Texts are collected in the scratch buffer by offset, since it may move while it grows. */
#define NO_TEXT SIZE_MAX
struct draft {
    struct nilo__parsed *out;
    size_t texts[NILO__KINDS];
    size_t tags;
    struct nilo_iso captured;
    bool has_captured, has_tags;
    struct nilo__cell name, number; /* of a row that is one metric */
};

static int keep_text(struct nilo__scratch *s, const struct nilo__cell *cell, size_t *ret, struct nilo_err *err)
{
    *ret = s->text.len;
    if (nilo_buf_add(&s->text, cell->p, cell->len) != 0 || nilo_buf_add(&s->text, "", 1) != 0)
        return nilo_err_nomem(err);
    return 0;
}

static enum nilo__why set_field(const struct nilo__plan *p, const struct nilo__field *f, const struct nilo__cell *cell,
                                struct nilo__scratch *s, struct draft *d)
{
    struct nilo_iso iso;
    enum nilo__why why = check_text(cell);
    if (why != NILO__FINE)
        return why;
    switch (f->kind) {
    case NILO__EXTERNAL_ID:
        return cell->len > ID_MAX ? NILO__ID_LARGE : NILO__FINE;
    case NILO__CAPTURED_AT:
        d->has_captured = true;
        return parse_date(f, cell, &d->captured);
    case NILO__DAY:
        why = parse_date(f, cell, &iso);
        if (why == NILO__FINE)
            d->out->day = NILO_DAY(iso.day.n - f->day_before);
        return why;
    case NILO__POSTED_AT:
        why = parse_date(f, cell, &iso);
        if (why == NILO__FINE)
            d->out->posted_at = iso.us;
        return why;
    case NILO__WINDOW_DAYS:
        return parse_window(cell, &d->out->win);
    case NILO__METRIC:
        s->values[f->metric].state = NILO__VALUE;
        return nilo__pattern_number(p->metrics->list[f->metric], f->factor, cell, &s->values[f->metric].value);
    case NILO__METRIC_NAME:
        d->name = *cell;
        break;
    case NILO__METRIC_VALUE:
        d->number = *cell;
        break;
    case NILO__OWNER:
    case NILO__TITLE:
    case NILO__URL:
    case NILO__MEDIA_TYPE:
    case NILO__TAG:
        break;
    }
    return NILO__FINE;
}

/* Does this field's text go into the reading as it is? */
static bool is_text(enum nilo__kind k)
{
    return k == NILO__EXTERNAL_ID || k == NILO__OWNER || k == NILO__TITLE || k == NILO__URL || k == NILO__MEDIA_TYPE;
}

/* 1 fine, 0 refused, -1 error */
static int read_field(const struct nilo__plan *p, int index, const struct nilo__cell *cells, struct nilo__scratch *s, struct draft *d,
                      struct nilo__refused *ret_refused, struct nilo_err *err)
{
    const struct nilo__field *f = &p->fields[index];
    const struct nilo__cell *whole = &cells[f->column];
    if (!whole->there)
        return 1;
    struct nilo__cell unmarked = *whole;
    if (p->csv && is_text(f->kind)) {
        nilo__csv_unmark(&unmarked);
        whole = &unmarked;
    }
    struct nilo__cell cell = *whole;
    trim(&cell);
    if (cell.len > 0 && !nilo__pattern_cut(f, &cell)) {
        *ret_refused = (struct nilo__refused){.why = NILO__BAD_FORM, .field = index, .text = cell.p, .len = cell.len};
        return 0;
    }
    if (is_absent(p, &cell)) {
        if (f->kind == NILO__METRIC)
            s->values[f->metric].state = NILO__EMPTY;
        return 1;
    }
    enum nilo__why why = set_field(p, f, &cell, s, d);
    if (why != NILO__FINE) {
        *ret_refused = (struct nilo__refused){.why = why, .field = index, .text = cell.p, .len = cell.len};
        return 0;
    }
    d->has_tags |= f->kind == NILO__TAG;
    if (is_text(f->kind) && keep_text(s, f->kind == NILO__TITLE ? whole : &cell, &d->texts[f->kind], err) != 0)
        return -1;
    return 1;
}

/* {"NAME": "text", ...} of the tag fields that are there and not empty. */
static int join_tags(const struct nilo__plan *p, const struct nilo__cell *cells, struct nilo__scratch *s, size_t *ret, struct nilo_err *err)
{
    struct nilo_json_out out;
    *ret = s->text.len;
    nilo_json_out_init(&out, &s->text);
    nilo_json_object_begin(&out);
    for (size_t i = 0; i < p->n_fields; i++) {
        const struct nilo__field *f = &p->fields[i];
        if (f->kind != NILO__TAG || !cells[f->column].there)
            continue;
        struct nilo__cell cell = cells[f->column];
        if (p->csv)
            nilo__csv_unmark(&cell);
        trim(&cell);
        if (is_absent(p, &cell))
            continue;
        nilo_json_key(&out, f->tag);
        nilo_json_strn(&out, cell.p, cell.len);
    }
    nilo_json_object_end(&out);
    return nilo_buf_add(&s->text, "", 1) == 0 ? 0 : nilo_err_nomem(err);
}

/* Which instant and day the row speaks of. A captured_at that is a date only is that day's last microsecond, like a day. */
static bool set_time(const struct nilo_calendar *calendar, struct draft *d)
{
    struct nilo__parsed *r = d->out;
    bool has_day = !nilo_day_is_none(r->day);
    if (!d->has_captured && !has_day)
        return false;
    if (d->has_captured && d->captured.date_only && !has_day) {
        r->day = d->captured.day;
        has_day = true;
    } else if (d->has_captured) {
        r->captured_at = d->captured.date_only ? nilo__day_last(calendar, d->captured.day) : d->captured.us;
    }
    r->at = r->captured_at != NILO_US_NONE ? r->captured_at : nilo__day_last(calendar, r->day);
    r->sort_day = has_day ? r->day : nilo__day_of(calendar, r->at);
    return true;
}

static const char *text_at(const struct nilo__scratch *s, size_t offset)
{
    return offset != NO_TEXT ? s->text.data + offset : NULL;
}

static int field_of(const struct nilo__plan *p, enum nilo__kind kind)
{
    for (size_t i = 0; i < p->n_fields; i++) {
        if (p->fields[i].kind == kind)
            return (int)i;
    }
    return -1;
}

/* Which metric a row is about that is one, and its value. 1 fine, 0 refused or not mapped */
static int read_named(const struct nilo__plan *p, struct nilo__scratch *s, const struct draft *d, struct nilo__refused *ret_refused)
{
    size_t i = 0;
    if (p->n_names == 0)
        return 1;
    while (i < p->n_names && !same(&d->name, p->names[i].text))
        i++;
    *ret_refused = (struct nilo__refused){.why = NILO__NOT_MAPPED, .field = -1};
    if (d->name.p == NULL || i == p->n_names)
        return 0;
    struct nilo__value *value = &s->values[p->names[i].metric];
    int field = field_of(p, NILO__METRIC_VALUE);
    int64_t factor = p->names[i].factor > 0 ? p->names[i].factor : p->fields[field].factor;
    value->state = d->number.p != NULL ? NILO__VALUE : NILO__EMPTY;
    enum nilo__why why = d->number.p != NULL ? nilo__pattern_number(p->metrics->list[p->names[i].metric], factor, &d->number, &value->value) : NILO__FINE;
    if (why == NILO__FINE)
        return 1;
    *ret_refused = (struct nilo__refused){.why = why, .field = field, .text = d->number.p, .len = d->number.len};
    return 0;
}

static int missing(enum nilo__why why, int field, struct nilo__refused *ret)
{
    *ret = (struct nilo__refused){.why = why, .field = field};
    return 0;
}

int nilo__row_parse(const struct nilo__plan *p, const struct nilo_calendar *calendar, const struct nilo__cell *cells,
                    struct nilo__scratch *s, struct nilo__parsed *ret, struct nilo__refused *ret_refused, struct nilo_err *err)
{
    struct draft d = {.out = ret, .tags = NO_TEXT};
    for (int i = 0; i < NILO__KINDS; i++)
        d.texts[i] = NO_TEXT;
    *ret = (struct nilo__parsed){.captured_at = NILO_US_NONE, .posted_at = NILO_US_NONE, .day = NILO_DAY_NONE, .values = s->values};
    nilo_buf_reset(&s->text);
    ret->kind = p->kind;
    ret->win = p->win;
    memset(s->values, 0, p->metrics->n * sizeof *s->values);

    int rc = 1;
    for (size_t i = 0; rc == 1 && i < p->n_fields; i++)
        rc = read_field(p, (int)i, cells, s, &d, ret_refused, err);
    if (rc == 1)
        rc = read_named(p, s, &d, ret_refused);
    if (rc != 1)
        return rc;
    if (d.texts[NILO__EXTERNAL_ID] == NO_TEXT && p->kind != NILO_APP)
        return missing(NILO__NO_ID, field_of(p, NILO__EXTERNAL_ID), ret_refused);
    if (!set_time(calendar, &d))
        return missing(NILO__NO_TIME, -1, ret_refused);
    if (d.has_tags && join_tags(p, cells, s, &d.tags, err) != 0)
        return -1;
    ret->external_id = p->kind != NILO_APP ? text_at(s, d.texts[NILO__EXTERNAL_ID]) : NILO_APP_ID;
    ret->owner = text_at(s, d.texts[NILO__OWNER]);
    ret->title = text_at(s, d.texts[NILO__TITLE]);
    ret->url = text_at(s, d.texts[NILO__URL]);
    ret->media_type = text_at(s, d.texts[NILO__MEDIA_TYPE]);
    ret->tags = text_at(s, d.tags);
    return 1;
}
