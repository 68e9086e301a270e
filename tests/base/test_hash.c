/* Digests and names against published vectors, hex both ways. */
#include "support/nilo_test.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define MILLION 1000000
#define NS_DNS  "6ba7b8109dad11d180b400c04fd430c8"
#define NS_URL  "6ba7b8119dad11d180b400c04fd430c8"

static void assert_digest(const unsigned char digest[NILO_SHA256_LEN], const char *wanted)
{
    char hex[2 * NILO_SHA256_LEN + 1];
    nilo_hex(digest, NILO_SHA256_LEN, hex);
    assert_string_equal(hex, wanted);
}

static void sha256_matches_fips_180(void **state)
{
    (void)state;
    static const struct {
        const char *text, *digest;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned char digest[NILO_SHA256_LEN];
        nilo_sha256(cases[i].text, strlen(cases[i].text), digest);
        assert_digest(digest, cases[i].digest);
    }
}

static void sha256_does_not_care_how_the_text_is_cut(void **state)
{
    (void)state;
    const size_t pieces[] = {1, 3, 63, 64, 65, 1000, MILLION};
    char *text = malloc(MILLION);
    assert_non_null(text);
    memset(text, 'a', MILLION);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct nilo_sha256 h;
        unsigned char digest[NILO_SHA256_LEN];
        nilo_sha256_init(&h);
        nilo_sha256_add(&h, NULL, 0);
        for (size_t at = 0; at < MILLION; at += pieces[i])
            nilo_sha256_add(&h, text + at, pieces[i] < MILLION - at ? pieces[i] : MILLION - at);
        nilo_sha256_done(&h, digest);
        assert_digest(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
    free(text);
}

static void blake_matches_rfc_7693_however_it_is_cut(void **state)
{
    unsigned char digest[NILO_BLAKE_LEN];
    struct nilo_blake h;
    (void)state;
    nilo_blake_init(&h);
    nilo_blake_add(&h, "a", 1);
    nilo_blake_add(&h, NULL, 0);
    nilo_blake_add(&h, "bc", 2);
    nilo_blake_done(&h, digest);
    /* b2sum -l 256 */
    assert_digest(digest, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void hmac_matches_rfc_4231(void **state)
{
    (void)state;
    unsigned char mac[NILO_SHA256_LEN], key[131];
    memset(key, 0xaa, sizeof key);
    nilo_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac);
    assert_digest(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    nilo_hmac_sha256(key, sizeof key, "Test Using Larger Than Block-Size Key - Hash Key First", 54, mac);
    assert_digest(mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void equal_bytes_are_the_same_and_one_bit_is_not(void **state)
{
    (void)state;
    unsigned char a[40], b[40];
    for (size_t i = 0; i < sizeof a; i++)
        a[i] = b[i] = (unsigned char)(i * 7);
    assert_true(nilo_same(a, b, sizeof a) && nilo_same(a, b, 0));
    for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
        b[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_false(nilo_same(a, b, sizeof a));
        b[bit / 8] = a[bit / 8];
    }
}

static void names_become_the_uuids_others_compute(void **state)
{
    (void)state;
    static const struct {
        const char *ns, *name, *uuid;
    } cases[] = {
        {NS_DNS, "www.example.com", "2ed6657d-e927-568b-95e1-2665a8aea6a2"}, /* RFC 9562, appendix A.4 */
        {NS_DNS, "python.org", "886313e1-3b8a-5372-9b90-0c9aee199e5d"},
        {NS_URL, "", "1b4db7eb-4057-5ddf-91e0-36dec72071f5"},
        {NS_URL, "https://example.org/\xc3\xa9", "4db32f13-2b90-551e-bb13-4c966035961b"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned char ns[16];
        char uuid[NILO_UUID_TEXT];
        assert_int_equal(nilo_unhex(cases[i].ns, 32, ns), 0);
        nilo_uuid5(ns, cases[i].name, strlen(cases[i].name), uuid);
        assert_string_equal(uuid, cases[i].uuid);
    }
}

/* 'a' 0 to 199 times: every way the name can sit in the blocks of SHA-1. The digest over all is Python's uuid module's. */
static void names_of_every_length_around_a_block_are_right(void **state)
{
    (void)state;
    char name[200];
    unsigned char ns[16], digest[NILO_SHA256_LEN];
    struct nilo_sha256 h;
    memset(name, 'a', sizeof(name));
    nilo_unhex(NS_URL, 32, ns);
    nilo_sha256_init(&h);
    for (size_t n = 0; n < sizeof(name); n++) {
        char uuid[NILO_UUID_TEXT];
        nilo_uuid5(ns, name, n, uuid);
        nilo_sha256_add(&h, uuid, strlen(uuid));
    }
    nilo_sha256_done(&h, digest);
    assert_digest(digest, "c98ce11c3f1aa068435546cfec3f34379b96fa1384912eb94989b24c5e984ba9");
}

static void uuids_are_formatted_in_five_groups(void **state)
{
    (void)state;
    unsigned char bytes[16];
    char uuid[NILO_UUID_TEXT];
    for (int i = 0; i < 16; i++)
        bytes[i] = (unsigned char)(i * 17);
    nilo_uuid_format(bytes, uuid);
    assert_string_equal(uuid, "00112233-4455-6677-8899-aabbccddeeff");
}

static void hex_goes_both_ways(void **state)
{
    (void)state;
    unsigned char bytes[256], again[256];
    char hex[2 * sizeof(bytes) + 1];
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
    nilo_hex(bytes, sizeof(bytes), hex);
    assert_int_equal(strlen(hex), 512);
    assert_int_equal(nilo_unhex(hex, 512, again), 0);
    assert_memory_equal(bytes, again, sizeof(bytes));
    assert_int_equal(nilo_unhex("aBcDeF", 6, again), 0);
    assert_memory_equal(again, "\xab\xcd\xef", 3);
    nilo_hex("", 0, hex);
    assert_string_equal(hex, "");
    assert_int_equal(nilo_unhex("", 0, again), 0);
}

static void what_is_no_hex_is_refused_and_leaves_the_output(void **state)
{
    (void)state;
    static const char *const bad[] = {"a", "abc", "0g", "g0", "00 0", "0x", "00\xff\xff", "/0", ":0", "@0", "`0"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        unsigned char out[2] = {7, 7};
        assert_int_equal(nilo_unhex(bad[i], strlen(bad[i]), out), -1);
        assert_int_equal(out[0], 7);
    }
}

/* The 64-byte vector 0 to 15 of the SipHash authors: 15 bytes under key 00..0f. */
static void the_keyed_hash_is_siphash(void **state)
{
    (void)state;
    unsigned char bytes[16];
    const unsigned char wanted[8] = {0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1};
    for (int i = 0; i < 16; i++)
        bytes[i] = (unsigned char)i;
    uint64_t hash = nilo__keyed_hash(bytes, bytes, 15);
    assert_memory_equal(&hash, wanted, sizeof(wanted));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_matches_fips_180),
        cmocka_unit_test(sha256_does_not_care_how_the_text_is_cut),
        cmocka_unit_test(blake_matches_rfc_7693_however_it_is_cut),
        cmocka_unit_test(hmac_matches_rfc_4231),
        cmocka_unit_test(equal_bytes_are_the_same_and_one_bit_is_not),
        cmocka_unit_test(names_become_the_uuids_others_compute),
        cmocka_unit_test(names_of_every_length_around_a_block_are_right),
        cmocka_unit_test(uuids_are_formatted_in_five_groups),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(what_is_no_hex_is_refused_and_leaves_the_output),
        cmocka_unit_test(the_keyed_hash_is_siphash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
