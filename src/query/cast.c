/* What select makes of a column's value: a key of a document, a cast. */
#include <string.h>

#include "query/query_priv.h"

static int text_to_number(struct nilo_datum *d, struct nilo_err *err)
{
    const char *dot = memchr(d->p, '.', d->len);
    int scale = dot ? (int)(d->p + d->len - dot - 1) : 0;
    int64_t v;
    if (scale > NILO_SCALE_MAX ||
        nilo_decimal_parse(d->p, d->len, scale > NILO_SCALE_MAX ? 0 : scale, false, &v, NULL) < 0)
        return nilo_err_set(err, NILO_ENUMBER, "invalid input syntax for type numeric: \"%.*s\"",
                            d->len > 100 ? 100 : (int)d->len, d->p);
    *d = nilo_datum_decimal(v, scale);
    return 0;
}

/* As PostgreSQL rounds numeric to an integer: halves away from zero. */
static void round_off(struct nilo_datum *d)
{
    nilo_i128 p = nilo_pow10(d->scale), rest = d->i % p;
    d->i /= p;
    if (2 * (rest < 0 ? -rest : rest) >= p && d->scale > 0)
        d->i += rest < 0 ? -1 : 1;
    d->scale = 0;
    d->type = NILO_T_INT;
}

int nilo__cast(enum nilo__cast to, enum nilo_type type, struct nilo_buf *b, struct nilo_datum *d, struct nilo_err *err)
{
    if (to == NILO__CAST_NONE || to == NILO__CAST_SAME)
        return 0;
    if (d->null) {
        d->type = type;
        return 0;
    }
    if (to == NILO__CAST_TEXT) {
        char spelled[NILO_DATUM_MAX];
        size_t len;
        const char *p = nilo_datum_text(d, spelled, &len);
        if (p != spelled) {
            d->type = NILO_T_TEXT;
            return 0;
        }
        nilo_buf_reset(b);
        nilo_buf_add(b, p, len);
        *d = (struct nilo_datum){.type = NILO_T_TEXT, .p = nilo_buf_str(b), .len = b->len};
        return b->failed ? nilo_err_nomem(err) : 0;
    }
    if (to == NILO__CAST_DATE) {
        if (d->type == NILO_T_TIME)
            d->i = (d->i >= 0 ? d->i : d->i - (NILO_US_DAY - 1)) / NILO_US_DAY;
        d->type = NILO_T_DAY;
        return 0;
    }
    if (d->type == NILO_T_TEXT && text_to_number(d, err) < 0)
        return -1;
    if (d->type == NILO_T_INT)
        d->scale = 0;
    d->type = NILO_T_DECIMAL;
    if (to == NILO__CAST_INT)
        round_off(d);
    return 0;
}

int nilo__item_value(const struct nilo__item *item, const struct nilo_datum *base, struct nilo_buf *text, struct nilo_datum *ret, struct nilo_err *err)
{
    *ret = *base;
    if (item->path.n && base->null)
        *ret = (struct nilo_datum){.type = item->path.text ? NILO_T_TEXT : NILO_T_JSON, .null = true};
    else if (item->path.n && nilo__json_at(base->p, base->len, &item->path, text, ret, err) < 0)
        return -1;
    return nilo__cast(item->cast, nilo__item_type(item), text, ret, err);
}
