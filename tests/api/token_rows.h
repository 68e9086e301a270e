/* Tokens and what has to become of them: good ones, and what attackers make of those. For test_jwt alone. */
#ifndef NILO_TESTS_API_TOKEN_ROWS_H
#define NILO_TESTS_API_TOKEN_ROWS_H

#include "api/jwt.h"

#define NOW     INT64_C(1700000000) /* seconds */
#define SECRET  "0123456789abcdef0123456789abcdef"
#define STRICT  "another secret, also of 32 bytes"
#define HEAD    "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define BODY    "{\"role\":\"authenticated\",\"sub\":\"u-1\",\"exp\":1700003600}"
#define STRICT_HEAD "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"strict\"}"
#define STRICT_BODY(more) "{\"exp\":1700003600" more "}"

/* What is done to a token after it was signed. */
enum twist {
    AS_IS,
    NO_SIGNATURE,   /* the third part empty */
    NO_THIRD,       /* one dot */
    FOUR_DOTS,
    TWO_MORE_DOTS_IN_FRONT,
    BIT_OF_MAC,     /* one bit of the MAC's first byte */
    LAST_BIT,       /* of the MAC's last byte */
    STRAY_BITS,     /* bits behind the MAC's last: the same bytes for a lax reader */
    PADDED,
    BLANK_IN_FRONT,
    BLANK_BEHIND,
    PLUS_FOR_MINUS, /* the other base64 */
    CUT,            /* the last character */
    SIGNATURE_OF_OTHER,
    HALF_MAC
};

struct row {
    const char *name;
    const char *head, *body;
    const char *secret;  /* NULL = SECRET */
    const char *digest;  /* NULL = sha256 */
    enum twist twist;
    enum nilo_jwt_result wanted;
};

#define BAD     NILO_JWT_BAD
#define GOOD    NILO_JWT_OK
#define EXPIRED NILO_JWT_EXPIRED

#define TIMES(exp, more) "{\"role\":\"anon\",\"exp\":" exp more "}"
#define TEN     "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct row rows[] = {
    {"a good one", HEAD, BODY, NULL, NULL, AS_IS, GOOD},
    {"a good one with blanks in its JSON", "{ \"alg\" : \"HS256\" }", " {\"exp\" : 1700003600 } ", NULL, NULL, AS_IS, GOOD},
    {"no typ where none is asked for", "{\"alg\":\"HS256\"}", BODY, NULL, NULL, AS_IS, GOOD},
    {"unknown members", "{\"alg\":\"HS256\",\"x\":[{}]}", "{\"exp\":1700003600,\"amr\":[{\"method\":\"password\"}],\"user_metadata\":{\"a\":{\"b\":1}}}", NULL,
     NULL, AS_IS, GOOD},

    /* the algorithm */
    {"none", "{\"alg\":\"none\"}", BODY, NULL, "none", AS_IS, BAD},
    {"none with a MAC", "{\"alg\":\"none\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"None", "{\"alg\":\"None\"}", BODY, NULL, "none", AS_IS, BAD},
    {"NONE", "{\"alg\":\"NONE\"}", BODY, NULL, "none", AS_IS, BAD},
    {"nOnE", "{\"alg\":\"nOnE\"}", BODY, NULL, "none", AS_IS, BAD},
    {"none, without a third part", "{\"alg\":\"none\"}", BODY, NULL, "none", NO_THIRD, BAD},
    {"empty alg", "{\"alg\":\"\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"no alg", "{\"typ\":\"JWT\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"alg in another case", "{\"alg\":\"hs256\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"alg is a number", "{\"alg\":256}", BODY, NULL, NULL, AS_IS, BAD},
    {"alg is a list", "{\"alg\":[\"HS256\"]}", BODY, NULL, NULL, AS_IS, BAD},
    {"alg twice", "{\"alg\":\"none\",\"alg\":\"HS256\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"alg twice, once escaped", "{\"alg\":\"HS256\",\"\\u0061lg\":\"HS256\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"HS384", "{\"alg\":\"HS384\"}", BODY, NULL, "sha384", AS_IS, BAD},
    {"HS512", "{\"alg\":\"HS512\"}", BODY, NULL, "sha512", AS_IS, BAD},
    {"HS512's MAC under HS256", HEAD, BODY, NULL, "sha512", AS_IS, BAD},
    {"HS256 named for a key of RS256", "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"HS256 named for a key of ES256", "{\"alg\":\"HS256\",\"kid\":\"ec\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"RS256 over a MAC", "{\"alg\":\"RS256\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"RS256 for a key of HS256", "{\"alg\":\"RS256\",\"kid\":\"strict\"}", BODY, STRICT, NULL, AS_IS, BAD},

    /* the signature */
    {"empty signature", HEAD, BODY, NULL, NULL, NO_SIGNATURE, BAD},
    {"no third part", HEAD, BODY, NULL, NULL, NO_THIRD, BAD},
    {"four dots", HEAD, BODY, NULL, NULL, FOUR_DOTS, BAD},
    {"empty parts in front", HEAD, BODY, NULL, NULL, TWO_MORE_DOTS_IN_FRONT, BAD},
    {"wrong by one bit", HEAD, BODY, NULL, NULL, BIT_OF_MAC, BAD},
    {"wrong in the last bit", HEAD, BODY, NULL, NULL, LAST_BIT, BAD},
    {"bits behind the last", HEAD, BODY, NULL, NULL, STRAY_BITS, BAD},
    {"half a MAC", HEAD, BODY, NULL, NULL, HALF_MAC, BAD},
    {"the signature of another token", HEAD, BODY, NULL, NULL, SIGNATURE_OF_OTHER, BAD},
    {"another secret", HEAD, BODY, STRICT, NULL, AS_IS, BAD},
    {"an empty secret", HEAD, BODY, "", NULL, AS_IS, BAD},
    {"the secret of nobody", "{\"alg\":\"HS256\",\"kid\":\"unknown\"}", BODY, "", NULL, AS_IS, BAD},
    {"padding", HEAD, BODY, NULL, NULL, PADDED, BAD},
    {"a blank in front", HEAD, BODY, NULL, NULL, BLANK_IN_FRONT, BAD},
    {"a line end behind", HEAD, BODY, NULL, NULL, BLANK_BEHIND, BAD},
    {"the other base64", "{\"alg\":\"HS256\",\"x\":\"\xc3\xbe~~~\xc3\xbf\xc3\xbe~~\"}", BODY, NULL, NULL, PLUS_FOR_MINUS, BAD},
    {"cut", HEAD, BODY, NULL, NULL, CUT, BAD},

    /* kid, and keys that the token brings along */
    {"a known kid", STRICT_HEAD, STRICT_BODY(",\"iss\":\"https://id.example\",\"aud\":\"metrics\""), STRICT, NULL, AS_IS, GOOD},
    {"an unknown kid", "{\"alg\":\"HS256\",\"kid\":\"unknown\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"an empty kid", "{\"alg\":\"HS256\",\"kid\":\"\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"kid is a path", "{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}", BODY, "", NULL, AS_IS, BAD},
    {"kid is SQL", "{\"alg\":\"HS256\",\"kid\":\"x' UNION SELECT 'k\"}", BODY, "k", NULL, AS_IS, BAD},
    {"kid is huge", "{\"alg\":\"HS256\",\"kid\":\"" HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED "\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"kid is a number", "{\"alg\":\"HS256\",\"kid\":1}", BODY, NULL, NULL, AS_IS, BAD},
    {"kid is null", "{\"alg\":\"HS256\",\"kid\":null}", BODY, NULL, NULL, AS_IS, BAD},
    {"kid with a NUL", "{\"alg\":\"HS256\",\"kid\":\"strict\\u0000\"}", BODY, STRICT, NULL, AS_IS, BAD},
    {"kid twice", "{\"alg\":\"HS256\",\"kid\":\"strict\",\"kid\":\"strict\"}", BODY, STRICT, NULL, AS_IS, BAD},
    {"our own kind of key, not named", "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", BODY, "a key for those who name it: ours", NULL, AS_IS, BAD},
    {"our own kind of key, named", "{\"alg\":\"HS256\",\"kid\":\"ours\"}", BODY, "a key for those who name it: ours", NULL, AS_IS, GOOD},
    {"jku", "{\"alg\":\"HS256\",\"jku\":\"https://evil.example/keys\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"jwk", "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}", BODY, "", NULL, AS_IS, BAD},
    {"x5u", "{\"alg\":\"HS256\",\"x5u\":\"https://evil.example/cert\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"x5c", "{\"alg\":\"HS256\",\"x5c\":[\"AAAA\"]}", BODY, NULL, NULL, AS_IS, BAD},
    {"crit", "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", BODY, NULL, NULL, AS_IS, BAD},
    {"b64", "{\"alg\":\"HS256\",\"b64\":false}", BODY, NULL, NULL, AS_IS, BAD},

    /* what is no signed token at all */
    {"JWE with compression", "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"zip\":\"DEF\"}", BODY, NULL, NULL, FOUR_DOTS, BAD},
    {"JWE with PBES2", "{\"alg\":\"PBES2-HS256+A128KW\",\"p2c\":2147483647,\"p2s\":\"AAAA\",\"enc\":\"A128GCM\"}", BODY, NULL, NULL, FOUR_DOTS, BAD},
    {"zip in three parts", "{\"alg\":\"HS256\",\"zip\":\"DEF\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"PBES2 in three parts", "{\"alg\":\"HS256\",\"p2c\":2147483647}", BODY, NULL, NULL, AS_IS, BAD},
    {"head is a list", "[\"HS256\"]", BODY, NULL, NULL, AS_IS, BAD},
    {"head is cut", "{\"alg\":\"HS256\"", BODY, NULL, NULL, AS_IS, BAD},
    {"something behind the head", "{\"alg\":\"HS256\"} {}", BODY, NULL, NULL, AS_IS, BAD},
    {"head is not UTF-8", "{\"alg\":\"HS256\",\"x\":\"\xff\"}", BODY, NULL, NULL, AS_IS, BAD},
    {"empty head", "", BODY, NULL, NULL, AS_IS, BAD},
    {"empty body", HEAD, "", NULL, NULL, AS_IS, BAD},
    {"body is a string", HEAD, "\"exp\"", NULL, NULL, AS_IS, BAD},
    {"body is a list", HEAD, "[1700003600]", NULL, NULL, AS_IS, BAD},
    {"body is not JSON", HEAD, "exp=1700003600", NULL, NULL, AS_IS, BAD},
    {"something behind the body", HEAD, "{\"exp\":1700003600}x", NULL, NULL, AS_IS, BAD},
    {"nested deep", HEAD, "{\"exp\":1700003600,\"x\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}", NULL, NULL, AS_IS, BAD},

    /* time */
    {"expired", HEAD, TIMES("1699990000", ""), NULL, NULL, AS_IS, EXPIRED},
    {"expired, another secret", HEAD, TIMES("1699990000", ""), STRICT, NULL, AS_IS, BAD},
    {"expired, wrong by one bit", HEAD, TIMES("1699990000", ""), NULL, NULL, BIT_OF_MAC, BAD},
    {"expired and not yet valid", HEAD, TIMES("1699990000", ",\"nbf\":1700009999"), NULL, NULL, AS_IS, BAD},
    {"expired within the skew", HEAD, TIMES("1699999971", ""), NULL, NULL, AS_IS, GOOD},
    {"expired just beyond the skew", HEAD, TIMES("1699999970", ""), NULL, NULL, AS_IS, EXPIRED},
    {"exp 0", HEAD, TIMES("0", ""), NULL, NULL, AS_IS, EXPIRED},
    {"no exp", HEAD, "{\"role\":\"anon\"}", NULL, NULL, AS_IS, BAD},
    {"exp twice", HEAD, TIMES("1699990000", ",\"exp\":1700003600"), NULL, NULL, AS_IS, BAD},
    {"exp is a string", HEAD, TIMES("\"1700003600\"", ""), NULL, NULL, AS_IS, BAD},
    {"exp is a float", HEAD, TIMES("1700003600.0", ""), NULL, NULL, AS_IS, BAD},
    {"exp with an exponent", HEAD, TIMES("17e8", ""), NULL, NULL, AS_IS, BAD},
    {"exp is negative", HEAD, TIMES("-1", ""), NULL, NULL, AS_IS, BAD},
    {"exp is minus nothing", HEAD, TIMES("-0", ""), NULL, NULL, AS_IS, BAD},
    {"exp is 10^20", HEAD, TIMES("100000000000000000000", ""), NULL, NULL, AS_IS, BAD},
    {"exp is 1e20", HEAD, TIMES("1e20", ""), NULL, NULL, AS_IS, BAD},
    {"exp is 2^64 + 1", HEAD, TIMES("18446744073709551617", ""), NULL, NULL, AS_IS, BAD},
    {"exp is null", HEAD, TIMES("null", ""), NULL, NULL, AS_IS, BAD},
    {"exp is true", HEAD, TIMES("true", ""), NULL, NULL, AS_IS, BAD},
    {"exp is the largest there is", HEAD, TIMES("999999999999", ""), NULL, NULL, AS_IS, GOOD},
    {"not yet valid", HEAD, TIMES("1700009999", ",\"nbf\":1700000031"), NULL, NULL, AS_IS, BAD},
    {"not yet valid within the skew", HEAD, TIMES("1700009999", ",\"nbf\":1700000030"), NULL, NULL, AS_IS, GOOD},
    {"nbf is a string", HEAD, TIMES("1700009999", ",\"nbf\":\"1\""), NULL, NULL, AS_IS, BAD},
    {"issued tomorrow", HEAD, TIMES("1700099999", ",\"iat\":1700086400"), NULL, NULL, AS_IS, BAD},
    {"issued within the skew", HEAD, TIMES("1700099999", ",\"iat\":1700000030"), NULL, NULL, AS_IS, GOOD},
    {"iat is a float", HEAD, TIMES("1700099999", ",\"iat\":1700000000.5"), NULL, NULL, AS_IS, BAD},

    /* who it is from and for, where that was said */
    {"another aud", STRICT_HEAD, STRICT_BODY(",\"iss\":\"https://id.example\",\"aud\":\"other\""), STRICT, NULL, AS_IS, BAD},
    {"a list of aud", STRICT_HEAD, STRICT_BODY(",\"iss\":\"https://id.example\",\"aud\":[\"metrics\"]"), STRICT, NULL, AS_IS, BAD},
    {"no aud", STRICT_HEAD, STRICT_BODY(",\"iss\":\"https://id.example\""), STRICT, NULL, AS_IS, BAD},
    {"aud with something behind it", STRICT_HEAD, STRICT_BODY(",\"iss\":\"https://id.example\",\"aud\":\"metrics2\""), STRICT, NULL, AS_IS, BAD},
    {"another iss", STRICT_HEAD, STRICT_BODY(",\"iss\":\"https://id.example.evil\",\"aud\":\"metrics\""), STRICT, NULL, AS_IS, BAD},
    {"iss in another case", STRICT_HEAD, STRICT_BODY(",\"iss\":\"https://ID.example\",\"aud\":\"metrics\""), STRICT, NULL, AS_IS, BAD},
    {"no iss", STRICT_HEAD, STRICT_BODY(",\"aud\":\"metrics\""), STRICT, NULL, AS_IS, BAD},
    {"an ID token as access token", "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"strict\"}",
     STRICT_BODY(",\"iss\":\"https://id.example\",\"aud\":\"metrics\""), STRICT, NULL, AS_IS, BAD},
    {"no typ", "{\"alg\":\"HS256\",\"kid\":\"strict\"}", STRICT_BODY(",\"iss\":\"https://id.example\",\"aud\":\"metrics\""), STRICT, NULL, AS_IS, BAD},
    {"typ as a media type", "{\"alg\":\"HS256\",\"typ\":\"Application/AT+JWT\",\"kid\":\"strict\"}",
     STRICT_BODY(",\"iss\":\"https://id.example\",\"aud\":\"metrics\""), STRICT, NULL, AS_IS, GOOD},
    {"aud and iss where nobody asks", HEAD, "{\"exp\":1700003600,\"aud\":[\"a\",\"b\"],\"iss\":1}", NULL, NULL, AS_IS, GOOD},

    /* what it says of its bearer */
    {"role is a list", HEAD, "{\"exp\":1700003600,\"role\":[\"service_role\"]}", NULL, NULL, AS_IS, BAD},
    {"role is null", HEAD, "{\"exp\":1700003600,\"role\":null}", NULL, NULL, AS_IS, BAD},
    {"role is empty", HEAD, "{\"exp\":1700003600,\"role\":\"\"}", NULL, NULL, AS_IS, BAD},
    {"role twice", HEAD, "{\"exp\":1700003600,\"role\":\"anon\",\"role\":\"service_role\"}", NULL, NULL, AS_IS, BAD},
    {"sub is a number", HEAD, "{\"exp\":1700003600,\"sub\":7}", NULL, NULL, AS_IS, BAD},
    {"sub with a line end", HEAD, "{\"exp\":1700003600,\"sub\":\"a\\nb\"}", NULL, NULL, AS_IS, BAD},
    {"workspaces and workspace", HEAD, "{\"exp\":1700003600,\"workspaces\":[\"a\"],\"workspace\":\"b\"}", NULL, NULL, AS_IS, BAD},
    {"workspaces is a number", HEAD, "{\"exp\":1700003600,\"workspaces\":1}", NULL, NULL, AS_IS, BAD},
    {"a workspace is a number", HEAD, "{\"exp\":1700003600,\"workspaces\":[1]}", NULL, NULL, AS_IS, BAD},
    {"a workspace without a name", HEAD, "{\"exp\":1700003600,\"workspaces\":[\"\"]}", NULL, NULL, AS_IS, BAD},
    {"app_metadata is a list", HEAD, "{\"exp\":1700003600,\"app_metadata\":[]}", NULL, NULL, AS_IS, BAD},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

#endif
