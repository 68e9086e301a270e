/* What stands behind the colon of FIELD=COLUMN:PATTERN. Of dates a pattern as for strptime, or -1 (the day before the one that is named: periods
 * that are told by their end); of metrics *FACTOR (minutes into milliseconds); of external_id the text around it, {} in its place. */
#include "import/import_priv.h"

#include <stdlib.h>
#include <string.h>

#define FACTOR_MOST INT64_C(1000000000)

static int set_factor(struct nilo__field *field, const char *pattern, struct nilo_err *err)
{
    char *end;
    if (pattern[0] != '*')
        return 0;
    long long factor = strtoll(pattern + 1, &end, 10);
    if (pattern[1] < '0' || pattern[1] > '9' || *end != '\0' || factor < 1 || factor > FACTOR_MOST)
        return nilo_err_set(err, NILO_EINVAL, "\"%s\" is not * and a whole number from 1 to %lld", pattern, (long long)FACTOR_MOST);
    field->factor = factor;
    return 1;
}

static int set_part(struct nilo_arena *arena, struct nilo__field *field, const char *pattern, struct nilo_err *err)
{
    const char *hole = strstr(pattern, "{}");
    if (hole == NULL)
        return 0;
    field->before = nilo_arena_strndup(arena, pattern, (size_t)(hole - pattern));
    field->behind = nilo_arena_strdup(arena, hole + 2);
    return field->before != NULL && field->behind != NULL ? 1 : nilo_err_nomem(err);
}

int nilo__pattern_set(struct nilo_arena *arena, struct nilo__field *field, const char *pattern, struct nilo_err *err)
{
    switch (field->kind) {
    case NILO__DAY:
        if (strcmp(pattern, "-1") == 0) {
            field->day_before = true;
            return 1;
        }
        __attribute__((fallthrough));
    case NILO__CAPTURED_AT:
    case NILO__POSTED_AT:
        field->pattern = pattern;
        return nilo_strptime_check(pattern, err) == 0 ? 1 : -1;
    case NILO__METRIC:
    case NILO__METRIC_VALUE:
        return set_factor(field, pattern, err);
    case NILO__EXTERNAL_ID:
        return set_part(arena, field, pattern, err);
    case NILO__OWNER:
    case NILO__TITLE:
    case NILO__URL:
    case NILO__MEDIA_TYPE:
    case NILO__WINDOW_DAYS:
    case NILO__TAG:
    case NILO__METRIC_NAME:
        break;
    }
    return 0;
}

bool nilo__pattern_cut(const struct nilo__field *f, struct nilo__cell *cell)
{
    if (f->behind == NULL)
        return true;
    size_t before = strlen(f->before), behind = strlen(f->behind);
    if (cell->len <= before || memcmp(cell->p, f->before, before) != 0)
        return false;
    const char *p = cell->p + before, *end = behind > 0 ? memmem(p, cell->len - before, f->behind, behind) : cell->p + cell->len;
    if (end == NULL || end == p)
        return false;
    cell->p = p;
    cell->len = (size_t)(end - p);
    return true;
}

/* Counts and money are exact or refused; averages and percentages come out of floating point, so they are rounded. */
static bool is_rounded(const struct nilo_metric *m)
{
    return m->type == NILO_AVERAGE || m->type == NILO_PERCENTAGE;
}

static enum nilo__why why_of(const struct nilo_err *err)
{
    return err->code == NILO_EOVERFLOW ? NILO__OVERFLOW : err->code == NILO_EINVAL ? NILO__FRACTION : NILO__BAD_NUMBER;
}

/* At the finest scale that holds the number, so that no more than the result's last digit is rounded. */
static enum nilo__why multiplied(const struct nilo_metric *m, int64_t factor, const struct nilo__cell *cell, int64_t *ret)
{
    struct nilo_err err = {.code = NILO_EOVERFLOW};
    int64_t value = 0;
    nilo_i128 product;
    int scale = NILO_SCALE_MAX;
    while (nilo_decimal_parse(cell->p, cell->len, scale, true, &value, &err) != 0) {
        if (err.code != NILO_EOVERFLOW || scale == 0)
            return why_of(&err);
        scale -= 3;
    }
    if (!nilo_decimal_rescale((nilo_i128)value * factor, scale, m->scale, &product) || product > INT64_MAX || product < INT64_MIN)
        return NILO__OVERFLOW;
    *ret = (int64_t)product;
    return NILO__FINE;
}

enum nilo__why nilo__pattern_number(const struct nilo_metric *m, int64_t factor, const struct nilo__cell *cell, int64_t *ret)
{
    struct nilo_err err;
    if (factor > 0)
        return multiplied(m, factor, cell, ret);
    return nilo_decimal_parse(cell->p, cell->len, m->scale, is_rounded(m), ret, &err) == 0 ? NILO__FINE : why_of(&err);
}
