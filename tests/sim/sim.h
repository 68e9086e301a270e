/* Shared by the files of the simulation. */
#ifndef NILO_TESTS_SIM_SIM_H
#define NILO_TESTS_SIM_SIM_H

#include "sim/day.h"

#include "base/hash.h"
#include "base/zone.h"
#include "collect/collect.h"
#include "collect/schedule.h"
#include "db/faulty_vfs.h"
#include "emulator/emulator_priv.h"
#include "emulator/in_process.h"
#include "store/store.h"

#define SIM_CONNECTIONS 3
#define SIM_RUNS_MAX    2000
#define SIM_FENCED_MAX  64

/* What happens to the process or its disk in an hour. */
enum sim_fault {
    FAULT_NONE,
    FAULT_KILL_BEFORE, /* before a request goes out */
    FAULT_KILL_SENT,   /* the platform has answered it, the answer is on its way */
    FAULT_KILL_LANDED, /* the answer is here, nothing of it is recorded */
    FAULT_KILL_DISK,   /* at any change of the disk: in the middle of a transaction, of a checkpoint, between two commits */
    FAULT_DISK_FULL,
    FAULT_DISK_EIO,
    FAULT_DISK_SHORT,
    FAULT_DISK_SYNC,
    FAULT_STOPPED, /* the process stands still for minutes in the middle, and another one takes over */
    FAULT_RESTART, /* ends in order between two looks */
    FAULT_SLEEP,   /* the machine sleeps for hours */
    FAULTS
};

/* A run as collect told of it: the log is compared with that. */
struct sim_run {
    int64_t id;
    char status[16];
    int64_t read;
};

struct sim {
    struct nilo_virtual_clock clock;
    struct nilo_seeded_random random, own;
    struct nilo_random chance;
    struct nilo_env env;
    struct nilo_zone *zone;
    const char *zone_name;
    struct emulator *em;
    struct nilo_store *store;
    struct nilo_http *http, *token_http;
    struct nilo_config *config;
    bool postgres, scheduled;
    char target[512], path[64];
    char key[EMULATOR_TEXT], refresh[EMULATOR_TEXT], access[EMULATOR_TEXT], secret[EMULATOR_TEXT];
    int lives, steps;
    nilo_us stepped, step_most, slack; /* wall minus true; at most; how old an answer is at most when it is recorded */
    enum sim_fault fault;
    int64_t countdown; /* requests or answers until the fault */
    nilo_us began;
    int64_t day_mistaken, mistaken; /* requests of that Pacific day that were made while the wall clock said another one */
    int64_t token_answers_lost; /* renewals that the platform did and the program did not hear of */
    bool rival;        /* the other process is at it */
    struct sim_run runs[SIM_RUNS_MAX];
    size_t n_runs;
    struct {
        int64_t run, observations;
    } fenced[SIM_FENCED_MAX];
    size_t n_fenced;
    struct nilo_sha256 trace;
    struct sim_result *r;
    struct nilo_err err;
    struct {
        int64_t until;
        char digest[65];
    } closed[SIM_CONNECTIONS + 1];
};

/* ---- day.c ---- */
void sim_broken(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sim_must(struct sim *s, int result, const char *what); /* what must work for there to be a simulation at all */
uint64_t sim_draw(struct sim *s, uint64_t n);
void sim_note(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* into the trace */
nilo_us sim_true(const struct sim *s); /* the world's time */
void sim_tell(struct sim *s, const char *target);

/* ---- life.c: processes, from start to end ---- */
void sim_configure(struct sim *s);
void sim_begin_life(struct sim *s);
void sim_end_life(struct sim *s);
void sim_sign_in(struct sim *s); /* once, in the first life */
void sim_arm(struct sim *s, enum sim_fault fault);
void sim_disarm(struct sim *s);
nilo_us sim_due(struct sim *s);          /* when there is something to collect; the wall clock's time */
void sim_look(struct sim *s, bool all); /* collects what is due, as serve does each half a minute; whatever happens to the process meanwhile */
void sim_copy_file(const char *from, const char *to);

/* ---- rows of the store, past the program ---- */
void sim_sql(struct sim *s, const char *text);
struct nilo_db_stmt *sim_rows(struct sim *s, const char *text);
int64_t sim_number(struct sim *s, const char *text);
void sim_hash(struct sim *s, const char *text, char out[65]);

/* ---- check.c: what must hold ---- */
void sim_check_gone(struct sim *s, nilo_us since);
void sim_check_closed(struct sim *s);
void sim_check_budgets(struct sim *s);
void sim_check_all(struct sim *s);
void sim_check_recovery(struct sim *s);

/* ---- ask.c: the read path beside a naive reading of the log ---- */
void sim_ask(struct sim *s);

#endif
