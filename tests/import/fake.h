/* Imports into a sink that writes readings down as lines of text, for the tests of import. */
#ifndef NILO_TESTS_IMPORT_FAKE_H
#define NILO_TESTS_IMPORT_FAKE_H

#include "base/buf.h"
#include "import/import.h"

/* The metrics that may be named: some built-in ones and one of a user, `net`. */
extern const struct nilo_catalog fake_catalog;

struct fake_case {
    const char *name;
    const char *input; /* a file's text, length by strlen; NULL = bytes/len */
    const char *bytes;
    size_t len;
    const char *map, *where, *absent;
    bool ndjson;
    /* what comes out */
    const char *readings; /* lines of fake_line(); NULL = not looked at */
    const char *refused;  /* lines "N reason @ line,line"; NULL = none may be refused */
    const char *kept;     /* content of the --refused file; NULL = not looked at */
    enum nilo_code code;  /* not NILO_OK: the import fails so ... */
    const char *message;  /* ... and the message holds this */
    size_t read_size;     /* 0 = the default */
};

struct fake_result {
    struct nilo_err err;
    int rc;
    struct nilo_buf readings, refused, kept;
    int64_t rows, left_out, taken, merged, refused_rows, not_mapped, lost, source_errors, configs;
    struct nilo_buf state, notes; /* of taps; notes: what the source said, a line each, and streams that are not mapped: "left NAME N" */
};

/** fake_import - one file or several through the import. Readings whose external id is "future" are not taken by the sink.
 *  owner  caller, fake_done() */
void fake_import(const struct nilo_import_options *o, struct fake_result *ret);
void fake_done(struct fake_result *r);
/** fake_run - one case: file written, imported, compared; fails the running test with the case's name */
void fake_run(const struct fake_case *c);
void fake_run_all(const struct fake_case *cases, size_t n);

/** fake_line - 'ID win WIN day DAY at INSTANT views=5 likes=? | title=...' and a newline: '-' = not given, '?' = not reported */
void fake_line(struct nilo_buf *b, const struct nilo_reading *r);

#endif
