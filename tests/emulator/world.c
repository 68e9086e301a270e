/* What there is on the emulated platform and how it grows. Everything follows from the seed, the number of the item and the time, in whole numbers,
 * so that each machine sees the same world; what a test does to an item lies on top of it (struct emu_override).
 *
 * Growth: the views of day d of a video's life are the rise of an S-curve (cap * a^2 / (a^2 + h^2), a in hours) over that day plus a thin tail,
 * times its weekday, times noise. Adding days up keeps counts from falling by themselves. */
#include "emulator/emulator_priv.h"

#include <string.h>

enum { H_CHANNEL = 1, H_PUBLISH, H_CAP, H_HALF, H_NOISE, H_LIKES, H_COMMENTS, H_SHARES, H_DURATION, H_FATE, H_WHEN, H_HIDE, H_CLOSE, H_FALL, H_BOUGHT, H_LIVE,
       H_SUBS, H_SUBS_HIDE, H_BORN, H_DISLIKES };

#define HOURS_PER_DAY 24
#define LIFE_DAYS 4000 /* growth ends there: bounds the sum */

uint64_t emu_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return x;
}

/* emu_mix backwards: ids are numbers of items mixed, so that they need no table. */
uint64_t emu_unmix(uint64_t x)
{
    x ^= x >> 31 ^ x >> 62;
    x *= UINT64_C(0x319642b2d24d8ec3);
    x ^= x >> 27 ^ x >> 54;
    x *= UINT64_C(0x96de1b173f119089);
    x ^= x >> 30 ^ x >> 60;
    return x;
}

uint64_t emu_hash(const struct emulator *em, uint64_t kind, uint64_t a, uint64_t b)
{
    uint64_t h = emu_mix((uint64_t)em->o.seed + kind * UINT64_C(0x9e3779b97f4a7c15));
    h = emu_mix(h + a * UINT64_C(0xd1b54a32d192ed03));
    return emu_mix(h + b * UINT64_C(0x8cb92ba72f3d8dd7));
}

uint64_t emu_text_hash(const void *p, size_t n)
{
    const unsigned char *s = p;
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++)
        h = (h ^ s[i]) * UINT64_C(0x100000001b3);
    return emu_mix(h);
}

static uint64_t item_hash(const struct emulator *em, uint64_t kind, struct emu_item it)
{
    return emu_hash(em, kind, (uint64_t)it.channel, (uint64_t)(uint32_t)it.video);
}

static bool lot(const struct emulator *em, uint64_t kind, struct emu_item it, int64_t per_mille)
{
    return (int64_t)(item_hash(em, kind, it) % 1000) < per_mille;
}

/* ---- ids ---------------------------------------------------------------------------------------------------------------------------- */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void emu_base64url(const void *p, size_t n, char *out)
{
    const unsigned char *s = p;
    size_t at = 0;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)s[i] << 16 | (uint32_t)(i + 1 < n ? s[i + 1] : 0) << 8 | (i + 2 < n ? s[i + 2] : 0u);
        size_t digits = n - i >= 3 ? 4 : n - i + 1;
        for (size_t d = 0; d < digits; d++)
            out[at++] = letters[v >> (18 - 6 * d) & 63];
    }
    out[at] = 0;
}

bool emu_unbase64url(const char *s, size_t len, unsigned char *out, size_t *ret_n)
{
    uint32_t v = 0;
    int bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        const char *found = s[i] ? strchr(letters, s[i]) : NULL;
        if (!found)
            return false;
        v = v << 6 | (uint32_t)(found - letters);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (unsigned char)(v >> bits);
        }
    }
    *ret_n = n;
    return len % 4 != 1 && (v & ((1u << bits) - 1)) == 0;
}

static void put64(uint64_t v, unsigned char out[8])
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(v >> (56 - 8 * i));
}

uint64_t emu_get64(const unsigned char in[8])
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | in[i];
    return v;
}

static uint64_t id_key(const struct emulator *em, bool channel)
{
    return emu_mix((uint64_t)em->o.seed * 2 + channel);
}

void emulator_video_id(const struct emulator *em, int channel, int video, char out[EMULATOR_TEXT])
{
    unsigned char raw[8];
    put64(emu_mix(((uint64_t)channel << 32 | (uint32_t)video) + id_key(em, false)), raw);
    emu_base64url(raw, sizeof raw, out);
}

bool emu_video_of(const struct emulator *em, const char *id, size_t len, nilo_us at, struct emu_item *ret)
{
    unsigned char raw[12];
    size_t n;
    if (len != 11 || !emu_unbase64url(id, len, raw, &n) || n != 8)
        return false;
    uint64_t v = emu_unmix(emu_get64(raw)) - id_key(em, false);
    struct emu_item it = {.channel = (int32_t)(v >> 32 & 0x7fffffff), .video = (int32_t)(v & 0x7fffffff)};
    if (v >> 32 >= (uint64_t)em->o.channels || (v & 0xffffffff) > 0x7fffffff || it.video >= emu_videos(em, it.channel, at))
        return false;
    *ret = it;
    return true;
}

void emulator_channel_id(const struct emulator *em, int channel, char out[EMULATOR_TEXT])
{
    unsigned char raw[16];
    put64(emu_mix((uint64_t)channel + id_key(em, true)), raw);
    put64(emu_hash(em, H_CHANNEL, (uint64_t)channel, 0), raw + 8);
    memcpy(out, "UC", 3);
    emu_base64url(raw, sizeof raw, out + 2);
}

bool emu_channel_of(const struct emulator *em, const char *id, size_t len, int32_t *ret)
{
    unsigned char raw[24];
    char again[EMULATOR_TEXT];
    size_t n;
    if (len != 24 || id[0] != 'U' || (id[1] != 'C' && id[1] != 'U') || !emu_unbase64url(id + 2, 22, raw, &n) || n != 16)
        return false;
    uint64_t v = emu_unmix(emu_get64(raw)) - id_key(em, true);
    if (v >= (uint64_t)em->o.channels)
        return false;
    emulator_channel_id(em, (int)v, again);
    if (memcmp(again + 2, id + 2, 22) != 0)
        return false;
    *ret = (int32_t)v;
    return true;
}

/* ---- when ----------------------------------------------------------------------------------------------------------------------------- */

nilo_us emu_published(const struct emulator *em, struct emu_item it)
{
    int64_t jitter = (int64_t)(item_hash(em, H_PUBLISH, it) % 900); /* per mille of the distance: keeps the order */
    nilo_us at;
    if (it.video < em->o.videos) {
        int64_t step = em->o.back_days * NILO_US_DAY / em->o.videos;
        at = em->epoch - (em->o.videos - it.video) * step + step / 1000 * jitter;
    } else {
        int64_t step = em->o.upload_hours * NILO_US_HOUR;
        at = em->epoch + (it.video - em->o.videos) * step + step / 1000 * (jitter + 50);
    }
    return at - (at % NILO_US_SECOND + NILO_US_SECOND) % NILO_US_SECOND;
}

nilo_us emu_channel_born(const struct emulator *em, int32_t channel)
{
    return em->epoch - (em->o.back_days + 30 + (int64_t)(emu_hash(em, H_BORN, (uint64_t)channel, 0) % 2000)) * NILO_US_DAY;
}

int32_t emu_videos(const struct emulator *em, int32_t channel, nilo_us at)
{
    int64_t low = 0, high = em->o.videos;
    if (at > em->epoch && em->o.upload_hours)
        high += (at - em->epoch) / (em->o.upload_hours * NILO_US_HOUR) + 1;
    if (high > INT32_MAX)
        high = INT32_MAX;
    while (low < high) { /* published() rises with the number */
        int64_t middle = (low + high) / 2;
        if (emu_published(em, (struct emu_item){channel, (int32_t)middle}) <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return (int32_t)low;
}

/* ---- what tests have done ----------------------------------------------------------------------------------------------------------------- */

static uint64_t override_key(struct emu_item it)
{
    return ((uint64_t)(uint32_t)it.channel << 32 | (uint32_t)it.video) + 1;
}

static struct emu_override *place(struct emu_override *table, size_t cap, uint64_t key)
{
    for (size_t i = emu_mix(key) & (cap - 1);; i = (i + 1) & (cap - 1))
        if (table[i].key == key || table[i].key == 0)
            return &table[i];
}

const struct emu_override *emu_override_of(const struct emulator *em, struct emu_item it)
{
    if (em->override_n == 0)
        return NULL;
    const struct emu_override *o = place(em->override, em->override_cap, override_key(it));
    return o->key ? o : NULL;
}

struct emu_override *emu_override_make(struct emulator *em, struct emu_item it)
{
    if (em->override_n * 2 >= em->override_cap) {
        size_t cap = em->override_cap ? em->override_cap * 2 : 64;
        struct emu_override *table = calloc(cap, sizeof *table);
        if (!table)
            return NULL;
        for (size_t i = 0; i < em->override_cap; i++)
            if (em->override[i].key)
                *place(table, cap, em->override[i].key) = em->override[i];
        free(em->override);
        em->override = table;
        em->override_cap = cap;
    }
    struct emu_override *o = place(em->override, em->override_cap, override_key(it));
    if (!o->key) {
        o->key = override_key(it);
        em->override_n++;
    }
    return o;
}

bool emu_is_spoiled(const struct emulator *em, struct emu_item it)
{
    const struct emu_override *o = emu_override_of(em, it);
    for (int i = 0; o && i < EMU_PIN_SUBSCRIBERS; i++)
        if (o->pin[i][0] && emu_number(o->pin[i], -1) < 0)
            return true;
    return false;
}

/* ---- fates -------------------------------------------------------------------------------------------------------------------------------- */

enum emu_state emu_state_at(const struct emulator *em, struct emu_item it, nilo_us at)
{
    const struct emu_override *o = emu_override_of(em, it);
    if (o && o->state != EMU_BY_SEED)
        return o->state;
    if (it.video < 0)
        return EMU_PUBLIC;
    int64_t fate = (int64_t)(item_hash(em, H_FATE, it) % 1000);
    nilo_us turn = emu_published(em, it) + (1 + (int64_t)(item_hash(em, H_WHEN, it) % 200)) * NILO_US_DAY;
    if (at < turn)
        return EMU_PUBLIC;
    if (fate < em->o.deleted)
        return EMU_DELETED;
    if (fate < em->o.deleted + em->o.private)
        return at < turn + (7 + fate % 30) * NILO_US_DAY ? EMU_PRIVATE : EMU_PUBLIC;
    return EMU_PUBLIC;
}

enum emu_live emu_live_at(const struct emulator *em, struct emu_item it, nilo_us at, nilo_us *ret_starts)
{
    if (!lot(em, H_LIVE, it, em->o.live))
        return EMU_LIVE_NONE;
    nilo_us starts = emu_published(em, it) + NILO_US_DAY;
    *ret_starts = starts;
    if (at < starts)
        return EMU_LIVE_UPCOMING;
    return at < starts + 2 * NILO_US_HOUR ? EMU_LIVE_NOW : EMU_LIVE_NONE;
}

int emu_duration(const struct emulator *em, struct emu_item it)
{
    uint64_t h = item_hash(em, H_DURATION, it);
    return h % 3 == 0 ? 15 + (int)(h / 3 % 45) : 60 + (int)(h / 3 % 3000); /* a third are Shorts */
}

/* ---- growth --------------------------------------------------------------------------------------------------------------------------------- */

/* cap between 100 and 10^7 (times scale), a few far larger than most, as on the platform */
static uint64_t cap_of(const struct emulator *em, struct emu_item it)
{
    static const uint64_t size[8] = {100, 1000, 1000, 10000, 10000, 10000, 100000, 1000000};
    uint64_t h = item_hash(em, H_CAP, it);
    uint64_t cap = size[h % 8] * (100 + h / 8 % 900) / 100 * (uint64_t)em->o.scale / 100;
    return cap < UINT64_C(1000000000) ? cap : UINT64_C(1000000000); /* times (24 * LIFE_DAYS)^2 still fits into 64 bits */
}

static uint64_t risen(uint64_t cap, uint64_t half, uint64_t hours)
{
    uint64_t a = hours * hours;
    return cap * a / (a + half * half);
}

/* The views that come on day d of the video's life. */
static uint64_t day_views(const struct emulator *em, struct emu_item it, uint64_t cap, uint64_t half, int64_t first_day, int64_t d)
{
    static const uint64_t weekday[7] = {970, 1040, 1110, 1060, 950, 930, 940}; /* 1970-01-01 was a Thursday; per mille */
    uint64_t rise = risen(cap, half, (uint64_t)(d + 1) * HOURS_PER_DAY) - risen(cap, half, (uint64_t)d * HOURS_PER_DAY) + cap / 3000;
    uint64_t noise = 800 + emu_hash(em, H_NOISE, (uint64_t)it.channel << 32 | (uint32_t)it.video, (uint64_t)d) % 401;
    return rise * weekday[(first_day + d) % 7] / 1000 * noise / 1000;
}

/* The first days of its life. A report asks for one day after the other of the same video, each of which would be all of them again. */
static uint64_t whole_days(const struct emulator *em, struct emu_item it, uint64_t cap, uint64_t half, int64_t first_day, int64_t days)
{
    static _Thread_local struct {
        int64_t seed;
        uint64_t cap, half, sum;
        struct emu_item it;
        int64_t first_day, days;
    } last;
    bool same = last.seed == em->o.seed && last.cap == cap && last.half == half && last.it.channel == it.channel && last.it.video == it.video &&
                last.first_day == first_day && last.days <= days;
    uint64_t sum = same ? last.sum : 0;
    for (int64_t d = same ? last.days : 0; d < days; d++)
        sum += day_views(em, it, cap, half, first_day, d);
    bool other = last.it.channel != it.channel || last.it.video != it.video || last.seed != em->o.seed;
    if (same || other || days > last.days) { /* a moment before does not take its place */
        last.seed = em->o.seed;
        last.cap = cap;
        last.half = half;
        last.it = it;
        last.first_day = first_day;
        last.days = days;
        last.sum = sum;
    }
    return sum;
}

static int64_t grown(const struct emulator *em, struct emu_item it, nilo_us at)
{
    nilo_us from = emu_published(em, it), starts = 0;
    if (lot(em, H_LIVE, it, em->o.live) && emu_live_at(em, it, from, &starts) == EMU_LIVE_UPCOMING)
        from = starts;
    if (at <= from)
        return 0;
    uint64_t cap = cap_of(em, it), half = 12 + item_hash(em, H_HALF, it) % 200, sum = 0;
    int64_t days = (at - from) / NILO_US_DAY, first_day = from / NILO_US_DAY;
    nilo_us rest = (at - from) % NILO_US_DAY;
    if (days >= LIFE_DAYS) {
        days = LIFE_DAYS;
        rest = 0;
    }
    sum = whole_days(em, it, cap, half, first_day, days);
    if (rest)
        sum += day_views(em, it, cap, half, first_day, days) * (uint64_t)(rest / NILO_US_SECOND) / 86400;
    if (lot(em, H_BOUGHT, it, em->o.bought)) { /* three times the cap within six hours */
        nilo_us jump = from + (3 + (int64_t)(item_hash(em, H_BOUGHT, it) / 1000 % 60)) * NILO_US_DAY;
        if (at > jump)
            sum += 3 * cap * (uint64_t)(at - jump < 6 * NILO_US_HOUR ? (at - jump) / NILO_US_SECOND : 21600) / 21600;
    }
    return (int64_t)sum;
}

int64_t emu_views_at(const struct emulator *em, struct emu_item it, nilo_us at)
{
    int64_t views = grown(em, it, at);
    const struct emu_override *o = emu_override_of(em, it);
    if (lot(em, H_FALL, it, em->o.restated)) {
        nilo_us turn = emu_published(em, it) + (2 + (int64_t)(item_hash(em, H_FALL, it) / 1000 % 90)) * NILO_US_DAY;
        if (at >= turn)
            views -= grown(em, it, turn) * (5 + (int64_t)(item_hash(em, H_FALL, it) / 100000 % 16)) / 100;
    }
    if (o)
        views -= o->fall;
    return views > 0 ? views : 0;
}

void emu_stats_at(const struct emulator *em, struct emu_item it, nilo_us at, struct emu_stats *ret)
{
    const struct emu_override *o = emu_override_of(em, it);
    int64_t views = emu_views_at(em, it, at);
    struct emu_stats s = {.views = views};
    s.likes = views * (200 + (int64_t)(item_hash(em, H_LIKES, it) % 500)) / 10000;
    s.dislikes = s.likes * (int64_t)(item_hash(em, H_DISLIKES, it) % 40) / 1000;
    s.comments = views * (10 + (int64_t)(item_hash(em, H_COMMENTS, it) % 60)) / 10000;
    s.shares = views * (20 + (int64_t)(item_hash(em, H_SHARES, it) % 80)) / 10000;
    s.minutes = views * emu_duration(em, it) / 60 * 45 / 100;
    s.likes_hidden = lot(em, H_HIDE, it, em->o.hidden_likes);
    s.comments_closed = lot(em, H_CLOSE, it, em->o.closed_comments);
    if (o && o->hidden_likes)
        s.likes_hidden = o->hidden_likes > 0;
    if (o && o->closed_comments)
        s.comments_closed = o->closed_comments > 0;
    *ret = s;
}

int64_t emulator_views(const struct emulator *em, int channel, int video, nilo_us at)
{
    if (channel < 0 || channel >= em->o.channels || video < 0 || video >= emu_videos(em, channel, at))
        return -1;
    return emu_views_at(em, (struct emu_item){channel, video}, at);
}

int64_t emu_subscribers(const struct emulator *em, int32_t channel, nilo_us at)
{
    struct emu_item it = {channel, -1};
    static const int64_t size[4] = {50, 2000, 20000, 300000};
    uint64_t h = item_hash(em, H_SUBS, it);
    int64_t base = size[h % 4] * (100 + (int64_t)(h / 4 % 900)) / 100;
    int64_t hours = (at - emu_channel_born(em, channel)) / NILO_US_HOUR;
    int64_t n = base + base * (hours > 0 ? hours : 0) / 20000;
    if (lot(em, H_BOUGHT, it, em->o.bought)) { /* bought followers: half as many again at once; a third of them is purged within 30 days */
        nilo_us jump = em->epoch + (5 + (int64_t)(item_hash(em, H_BOUGHT, it) / 1000 % 60)) * NILO_US_DAY;
        if (at > jump) {
            int64_t days = (at - jump) / NILO_US_DAY;
            n += base / 2 - base / 6 * (days < 30 ? days : 30) / 30;
        }
    }
    int64_t unit = 1; /* three digits are shown */
    while (n / unit >= 1000)
        unit *= 10;
    return n / unit * unit;
}

bool emu_subscribers_hidden(const struct emulator *em, int32_t channel)
{
    struct emu_item it = {channel, -1};
    const struct emu_override *o = emu_override_of(em, it);
    if (o && o->hidden_subscribers)
        return o->hidden_subscribers > 0;
    return lot(em, H_SUBS_HIDE, it, em->o.hidden_subscribers);
}
