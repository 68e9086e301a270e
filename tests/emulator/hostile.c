/* The zoo: ways in which an answer can be wrong, by name. A rule says which of them befalls which path, how often. Some spoil the bytes of the answer
 * here, some only say how it goes over the wire. RELIABILITY G20-G22, B20-B26. */
#include "emulator/emulator_priv.h"

#include <string.h>
#include <strings.h>
#include <zlib.h>

static void replace_body(struct emu_call *c, const char *text)
{
    nilo_buf_reset(&c->res->body);
    nilo_buf_adds(&c->res->body, text);
}

/* Takes the lines of that name out of the head. */
static void drop_head(struct emu_call *c, const char *name)
{
    struct nilo_buf kept;
    size_t n = strlen(name);
    nilo_buf_init(&kept, c->res->head.max);
    for (const char *s = nilo_buf_str(&c->res->head), *end; *s; s = end) {
        end = strstr(s, "\r\n") + 2;
        if (strncmp(s, name, n) != 0 || s[n] != ':')
            nilo_buf_add(&kept, s, (size_t)(end - s));
    }
    nilo_buf_done(&c->res->head);
    c->res->head = kept;
}

static void set_head(struct emu_call *c, const char *name, const char *value)
{
    drop_head(c, name);
    emu_head(c, name, value);
}

/* Puts text (or, with a %, the old digits in it) where the value of a count stands. */
static void replace_counts(struct emu_call *c, const char *text)
{
    static const char *const names[] = {"\"viewCount\":", "\"likeCount\":", "\"commentCount\":", "\"subscriberCount\":"};
    struct nilo_buf out;
    const char *s = nilo_buf_str(&c->res->body);
    nilo_buf_init(&out, c->res->body.max);
    while (*s) {
        size_t n = 0;
        for (size_t i = 0; i < sizeof names / sizeof *names && !n; i++)
            if (strncmp(s, names[i], strlen(names[i])) == 0)
                n = strlen(names[i]);
        if (!n) {
            nilo_buf_addc(&out, *s++);
            continue;
        }
        nilo_buf_add(&out, s, n);
        s += n;
        const char *digits = s + (*s == '"');
        size_t digits_n = strspn(digits, "0123456789"), value_n = digits_n + (*s == '"' ? 2u : 0u);
        for (const char *t = text; *t; t++)
            if (*t == '%')
                nilo_buf_add(&out, digits, digits_n);
            else
                nilo_buf_addc(&out, *t);
        s += value_n;
    }
    nilo_buf_done(&c->res->body);
    c->res->body = out;
}

/* ---- answers -------------------------------------------------------------------------------------------------------------------------- */

static void html_200(struct emu_call *c)
{
    c->res->status = 200;
    set_head(c, "Content-Type", "text/html; charset=UTF-8");
    replace_body(c, "<!doctype html>\n<html><head><title>Sign in - Accounts</title></head><body><form action=\"/signin\"><input name=\"email\"></form></body></html>\n");
}

static void wrong_type(struct emu_call *c)
{
    set_head(c, "Content-Type", "image/png");
}

static void no_type(struct emu_call *c)
{
    drop_head(c, "Content-Type");
}

static void empty_body(struct emu_call *c)
{
    replace_body(c, "");
}

static void empty_object(struct emu_call *c)
{
    replace_body(c, "{}");
}

static void array_body(struct emu_call *c)
{
    replace_body(c, "[[],[],[]]");
}

static void null_body(struct emu_call *c)
{
    replace_body(c, "null");
}

static void items_object(struct emu_call *c)
{
    replace_body(c, "{\"kind\":\"youtube#videoListResponse\",\"items\":{\"id\":\"x\"},\"rows\":{}}");
}

static void items_null(struct emu_call *c)
{
    replace_body(c, "{\"kind\":\"youtube#videoListResponse\",\"items\":null,\"rows\":null}");
}

static void items_empty(struct emu_call *c)
{
    replace_body(c, "{\"kind\":\"youtube#videoListResponse\",\"items\":[],\"rows\":[]}");
}

static void truncated(struct emu_call *c)
{
    size_t n = c->res->body.len / 2;
    c->res->body.len = n;
    if (c->res->body.data)
        c->res->body.data[n] = 0;
}

static void duplicate_keys(struct emu_call *c)
{
    replace_counts(c, "\"%\",\"viewCount\":\"1\",\"viewCount\":\"2\"");
}

static void huge_numbers(struct emu_call *c)
{
    replace_counts(c, "\"18446744073709551616\"");
}

static void max_numbers(struct emu_call *c)
{
    replace_counts(c, "\"18446744073709551615\"");
}

static void long_numbers(struct emu_call *c)
{
    char text[4099];
    memset(text, '9', sizeof text);
    text[0] = text[4097] = '"';
    text[4098] = 0;
    replace_counts(c, text);
}
static void negative(struct emu_call *c)
{
    replace_counts(c, "\"-%\"");
}

static void nan_numbers(struct emu_call *c)
{
    replace_counts(c, "NaN");
}

static void nan_texts(struct emu_call *c)
{
    replace_counts(c, "\"NaN\"");
}

static void null_numbers(struct emu_call *c)
{
    replace_counts(c, "null");
}

static void comma_numbers(struct emu_call *c)
{
    replace_counts(c, "\"12,345\"");
}

static void float_numbers(struct emu_call *c)
{
    replace_counts(c, "%.5e3");
}

static void empty_texts(struct emu_call *c)
{
    replace_counts(c, "\"\"");
}

static void object_numbers(struct emu_call *c)
{
    replace_counts(c, "{\"value\":\"%\"}");
}

static void zero_numbers(struct emu_call *c)
{
    replace_counts(c, "\"0\"");
}

static void tenfold(struct emu_call *c)
{
    replace_counts(c, "\"%000\"");
}


static void deep_nesting(struct emu_call *c)
{
    nilo_buf_reset(&c->res->body);
    for (int i = 0; i < 100000; i++)
        nilo_buf_addc(&c->res->body, '[');
}

static void bad_utf8(struct emu_call *c)
{
    replace_body(c, "{\"kind\":\"youtube#videoListResponse\",\"items\":[{\"id\":\"\xc3\x28\xff\"}]}");
}

static void big_body(struct emu_call *c)
{
    replace_body(c, "{\"items\":[],\"padding\":\"");
    for (int i = 0; i < 64 << 14; i++)
        nilo_buf_adds(&c->res->body, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    nilo_buf_adds(&c->res->body, "\"}");
}

static void many_items(struct emu_call *c)
{
    replace_body(c, "{\"kind\":\"youtube#videoListResponse\",\"items\":[");
    for (int i = 0; i < 20000; i++)
        nilo_buf_addf(&c->res->body, "%s{\"id\":\"never%06d\",\"statistics\":{\"viewCount\":\"%d\"}}", i ? "," : "", i, i);
    nilo_buf_adds(&c->res->body, "]}");
}

/* The same token, page after page: after the last one too. */
static void same_next(struct emu_call *c)
{
    struct nilo_buf out;
    const char *s = nilo_buf_str(&c->res->body), *comma = strchr(s, ',');
    if (!comma)
        return;
    nilo_buf_init(&out, c->res->body.max);
    nilo_buf_add(&out, s, (size_t)(comma - s));
    nilo_buf_adds(&out, ",\"nextPageToken\":\"CAUQAA\"");
    const char *old = strstr(comma, ",\"nextPageToken\":\"");
    if (old)
        nilo_buf_add(&out, comma, (size_t)(old - comma));
    nilo_buf_adds(&out, old ? strchr(old + 18, '"') + 1 : comma);
    nilo_buf_done(&c->res->body);
    c->res->body = out;
}

static void redirect(struct emu_call *c, const char *to)
{
    c->res->status = 302;
    set_head(c, "Location", to);
    replace_body(c, "");
}
static void redirect_private(struct emu_call *c)
{
    redirect(c, "http://169.254.169.254/latest/meta-data/");
}

static void redirect_file(struct emu_call *c)
{
    redirect(c, "file:///etc/passwd");
}

static void redirect_loop(struct emu_call *c)
{
    redirect(c, c->req->target);
}

static void redirect_elsewhere(struct emu_call *c)
{
    redirect(c, "https://example.com/");
}


static void limited(struct emu_call *c, const char *retry_after)
{
    nilo_buf_reset(&c->res->body);
    drop_head(c, "Content-Type");
    c->platform->fail(c, 429, true);
    c->wait_until = 0; /* what it says is nothing that anybody could keep to */
    set_head(c, "Retry-After", retry_after);
}
static void retry_negative(struct emu_call *c)
{
    limited(c, "-1");
}

static void retry_huge(struct emu_call *c)
{
    limited(c, "99999999999");
}

static void retry_bad_date(struct emu_call *c)
{
    limited(c, "Thu, 31 Feb 2026 25:61:00 GMT");
}

static void retry_twice(struct emu_call *c)
{
    limited(c, "5");
    emu_head(c, "Retry-After", "100000");
}
static void retry_text(struct emu_call *c)
{
    limited(c, "soon");
}


static void header_long(struct emu_call *c)
{
    char *value = malloc((1u << 20) + 1);
    if (!value)
        return;
    memset(value, 'a', 1u << 20);
    value[1u << 20] = 0;
    emu_head(c, "X-Long", value);
    free(value);
}

/* ---- compression --------------------------------------------------------------------------------------------------------------------- */

static void encoding(struct emu_call *c)
{
    set_head(c, "Content-Encoding", "gzip");
}


/* A GiB that is a MiB: one stretch of 16 MiB is compressed up to a full flush, then it can be repeated as often as wanted. */
static void gzip_bomb(struct emu_call *c)
{
    struct nilo_buf *b = &c->em->bomb;
    const unsigned stretch = 16u << 20;
    unsigned char *zeros, *packed, tail[8];
    z_stream z = {0};
    nilo_buf_reset(b);
    if (deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    size_t bound = deflateBound(&z, stretch) + 64;
    zeros = calloc(1, stretch);
    packed = malloc(bound);
    if (zeros && packed) {
        memset(zeros, ' ', stretch);
        z.next_in = zeros;
        z.avail_in = stretch;
        z.next_out = packed;
        z.avail_out = (unsigned)bound;
        deflate(&z, Z_FULL_FLUSH);
        size_t n = bound - z.avail_out;
        uLong one = crc32(0, zeros, stretch), all = crc32(0, NULL, 0);
        int64_t times = (c->em->o.bomb_mib + 15) / 16;
        nilo_buf_add(b, "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
        for (int64_t i = 0; i < times; i++) {
            nilo_buf_add(b, packed, n);
            all = crc32_combine(all, one, (z_off_t)stretch);
        }
        nilo_buf_add(b, "\x03\0", 2); /* an empty last block */
        uint32_t size = (uint32_t)((uint64_t)times * stretch);
        for (int i = 0; i < 4; i++) {
            tail[i] = (unsigned char)(all >> (8 * i));
            tail[4 + i] = (unsigned char)(size >> (8 * i));
        }
        nilo_buf_add(b, tail, 8);
    }
    deflateEnd(&z);
    free(zeros);
    free(packed);
    nilo_buf_reset(&c->res->body);
    nilo_buf_add(&c->res->body, b->data, b->len);
    encoding(c);
}

static void gzip_false(struct emu_call *c)
{
    encoding(c);
}


static void gzip_cut(struct emu_call *c)
{
    struct nilo_buf out;
    nilo_buf_init(&out, c->res->body.max);
    if (emu_gzip(&c->res->body, &out)) {
        out.len = out.len / 2;
        nilo_buf_done(&c->res->body);
        c->res->body = out;
        encoding(c);
    } else {
        nilo_buf_done(&out);
    }
}

/* ---- the table -------------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*spoil)(struct emu_call *c);
    enum emulator_wire wire;
} zoo[] = {
    {"html_200", html_200, 0},
    {"wrong_type", wrong_type, 0},
    {"no_type", no_type, 0},
    {"empty_body", empty_body, 0},
    {"empty_object", empty_object, 0},
    {"array_body", array_body, 0},
    {"null_body", null_body, 0},
    {"items_object", items_object, 0},
    {"items_null", items_null, 0},
    {"items_empty", items_empty, 0},
    {"truncated", truncated, 0},
    {"duplicate_keys", duplicate_keys, 0},
    {"huge_numbers", huge_numbers, 0},
    {"max_numbers", max_numbers, 0},
    {"long_numbers", long_numbers, 0},
    {"negative", negative, 0},
    {"nan_numbers", nan_numbers, 0},
    {"nan_texts", nan_texts, 0},
    {"null_numbers", null_numbers, 0},
    {"comma_numbers", comma_numbers, 0},
    {"float_numbers", float_numbers, 0},
    {"empty_texts", empty_texts, 0},
    {"object_numbers", object_numbers, 0},
    {"zero_numbers", zero_numbers, 0},
    {"tenfold", tenfold, 0},
    {"deep_nesting", deep_nesting, 0},
    {"bad_utf8", bad_utf8, 0},
    {"big_body", big_body, 0},
    {"many_items", many_items, 0},
    {"same_next", same_next, 0},
    {"redirect_private", redirect_private, 0},
    {"redirect_file", redirect_file, 0},
    {"redirect_loop", redirect_loop, 0},
    {"redirect_elsewhere", redirect_elsewhere, 0},
    {"retry_negative", retry_negative, 0},
    {"retry_huge", retry_huge, 0},
    {"retry_bad_date", retry_bad_date, 0},
    {"retry_twice", retry_twice, 0},
    {"retry_text", retry_text, 0},
    {"header_long", header_long, 0},
    {"gzip_bomb", gzip_bomb, 0},
    {"gzip_false", gzip_false, 0},
    {"gzip_cut", gzip_cut, 0},
    {"reset", NULL, EMULATOR_WIRE_RESET},
    {"reset_middle", NULL, EMULATOR_WIRE_RESET_MIDDLE},
    {"cut", NULL, EMULATOR_WIRE_CUT},
    {"stall", NULL, EMULATOR_WIRE_STALL},
    {"stall_middle", NULL, EMULATOR_WIRE_STALL_MIDDLE},
    {"drip", NULL, EMULATOR_WIRE_DRIP},
    {"drip_head", NULL, EMULATOR_WIRE_DRIP_HEAD},
    {"headers_endless", NULL, EMULATOR_WIRE_HEADERS},
    {"body_endless", NULL, EMULATOR_WIRE_ENDLESS},
    {"length_long", NULL, EMULATOR_WIRE_LENGTH_LONG},
    {"length_short", NULL, EMULATOR_WIRE_LENGTH_SHORT},
    {"bad_chunk", NULL, EMULATOR_WIRE_BAD_CHUNK},
    {"not_http", NULL, EMULATOR_WIRE_NOT_HTTP},
};
#define ZOO (sizeof zoo / sizeof *zoo)

static const char *const statuses[] = {"status_403", "status_404", "status_429", "status_500", "status_501", "status_502", "status_503", "echo_secrets"};
#define STATUSES (sizeof statuses / sizeof *statuses)

static const char *name_of(const char *s, size_t n)
{
    static const char all[] = "zoo";
    for (size_t i = 0; i < ZOO; i++)
        if (strlen(zoo[i].name) == n && memcmp(zoo[i].name, s, n) == 0)
            return zoo[i].name;
    for (size_t i = 0; i < STATUSES; i++)
        if (strlen(statuses[i]) == n && memcmp(statuses[i], s, n) == 0)
            return statuses[i];
    return n == 3 && memcmp(s, all, 3) == 0 ? all : NULL;
}

/* NAME[@PATH_PREFIX][*TIMES][~PERCENT], "none" = no rules any more. */
int emu_hostile_set(struct emulator *em, const char *value, struct nilo_err *err)
{
    struct emu_rule r = {.times = -1, .percent = 100};
    size_t n = strcspn(value, "@*~");
    if (strcmp(value, "none") == 0) {
        em->rules_n = 0;
        return 0;
    }
    r.name = name_of(value, n);
    if (!r.name)
        return nilo_err_set(err, NILO_EINVAL, "option hostile: no behaviour is called \"%.*s\"; GET /_emulator/options lists them", (int)(n < 60 ? n : 60), value);
    for (const char *s = value + n; *s;) {
        size_t len = strcspn(s + 1, "@*~");
        char text[96];
        if (len >= sizeof text)
            return nilo_err_set(err, NILO_EINVAL, "option hostile: \"%.60s...\" is too long", s + 1);
        memcpy(text, s + 1, len);
        text[len] = 0;
        if (*s == '@')
            memcpy(r.path, text, len + 1);
        else if (*s == '*')
            r.times = emu_number(text, -2);
        else
            r.percent = (int)emu_number(text, -1);
        s += 1 + len;
    }
    if (r.times < -1 || r.percent < 0 || r.percent > 100)
        return nilo_err_set(err, NILO_EINVAL, "option hostile: \"%s\" is not NAME[@PATH][*TIMES][~PERCENT]", value);
    if (em->rules_n == EMU_RULES)
        return nilo_err_set(err, NILO_EINVAL, "option hostile: there are %d rules already; hostile=none takes them away", EMU_RULES);
    em->rule[em->rules_n++] = r;
    return 0;
}

const char *emu_hostile_pick(struct emulator *em, const char *path)
{
    for (size_t i = 0; i < em->rules_n; i++) {
        struct emu_rule *r = &em->rule[i];
        if (r->times == 0 || strncmp(path, r->path, strlen(r->path)) != 0 || (int)(emu_hash(em, 500, em->requests, i) % 100) >= r->percent)
            continue;
        if (r->times > 0)
            r->times--;
        return strcmp(r->name, "zoo") == 0 ? zoo[emu_hash(em, 501, em->requests, i) % ZOO].name : r->name;
    }
    return NULL;
}

/* A refusal that quotes what it was sent, as careless servers do. */
static void echo_secrets(struct emu_call *c)
{
    struct nilo_buf b, text;
    struct nilo_json_out o;
    nilo_buf_init(&b, 1 << 16);
    nilo_buf_init(&text, 1 << 16);
    nilo_buf_adds(&text, "Bad credentials:");
    for (size_t i = 0; i < c->req->headers_n; i++)
        if (strcasecmp(c->req->headers[i].name, "Authorization") == 0 || strcasecmp(c->req->headers[i].name, "X-Goog-Api-Key") == 0)
            nilo_buf_addf(&text, " %s", c->req->headers[i].value);
    nilo_buf_addf(&text, " %.100s", c->req->body_len > 0 ? c->req->body : c->req->target);
    nilo_json_out_init(&o, &b);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "error");
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "code");
    nilo_json_int(&o, 400);
    nilo_json_key(&o, "message");
    nilo_json_str(&o, nilo_buf_str(&text));
    nilo_json_object_end(&o);
    nilo_json_object_end(&o);
    c->res->status = 400;
    emu_head(c, "Content-Type", "application/json; charset=UTF-8");
    replace_body(c, nilo_buf_str(&b));
    nilo_buf_done(&b);
    nilo_buf_done(&text);
}

bool emu_hostile_status(struct emu_call *c)
{
    if (c->hostile && strcmp(c->hostile, "echo_secrets") == 0) {
        echo_secrets(c);
        return true;
    }
    if (!c->hostile || strncmp(c->hostile, "status_", 7) != 0)
        return false;
    int status = (int)emu_number(c->hostile + 7, 500);
    c->fate = status == 429 || status == 403 ? EMU_FATE_LIMITED : EMU_FATE_TRANSIENT;
    c->platform->fail(c, status, true);
    return true;
}

void emu_hostile_apply(struct emu_call *c)
{
    for (size_t i = 0; i < ZOO; i++)
        if (strcmp(zoo[i].name, c->hostile) == 0) {
            if (zoo[i].spoil)
                zoo[i].spoil(c);
            c->res->wire = zoo[i].wire;
        }
}

const char *emu_hostile_name(size_t i)
{
    return i < ZOO ? zoo[i].name : i < ZOO + STATUSES ? statuses[i - ZOO] : i == ZOO + STATUSES ? "zoo" : NULL;
}
