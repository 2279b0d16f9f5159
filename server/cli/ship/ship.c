/* The order that makes a line count once, whenever this process is killed:
 *
 *  1. The lines of a batch are gathered.
 *  2. The state is written and synced: the batch's bytes and number, and the places behind it.
 *  3. The batch is sent under that number until it is acknowledged. Nothing is written then.
 *
 * Killed before 2: the lines are still before the places of the state, and are read again. Killed after 2:
 * the next start sends the state's batch first, same bytes, same number; if it was acknowledged it is a
 * duplicate without effect. The log itself isn't needed for that, so it may be rotated, cut or packed
 * meanwhile. */
#include "server/cli/ship/ship.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "server/cli/ship/ship_log.h"
#include "server/client/message.h"

enum {
    TURN_MS = 200,
    STEP_MS = 20,
    NS_PER_MS = 1000000,
    READS_MAX = 4 /* of a file in one turn, 256 KiB each: rotations are seen however much there is to read */
};

struct ship {
    struct push *push;
    const struct ship_options *options;
    char state_path[PATH_MAX];
    int lock_fd;
    struct ship_state state;
    struct ship_log *logs;
    struct bytes line; /* an event's */
    size_t told;       /* refusals */
};

/* ---- batches ---- */

/* Follows may run for months: what is refused is told when it is. */
static void tell_refusals(struct ship *ship)
{
    struct push *push = ship->push;
    for (; ship->told < push->refusal_count; ship->told++)
        push_print_refusal(push, &push->refusals[ship->told]);
    if (ship->told == PUSH_REFUSALS_MAX) {
        fprintf(stderr, "tidemark: further refused lines are only counted\n");
        ship->told++;
    }
}

static enum tm_err save(struct ship *ship, struct str batch)
{
    struct push *push = ship->push;
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < ship->options->name_count && !err; i++)
        err = ship_log_note(&ship->logs[i], &ship->state, &push->why);
    bytes_clear(&ship->state.batch);
    bytes_put(&ship->state.batch, batch.ptr, batch.len);
    if (!err && bytes_error(&ship->state.batch))
        err = tm_fail(&push->why, TM_NOMEM, "out of memory");
    return err ? err : ship_state_save(ship->state_path, &ship->state, &push->why);
}

/* Sends what is gathered, as the head of this file says. */
static enum tm_err send_batch(struct ship *ship)
{
    struct push *push = ship->push;
    if (!push->record_count)
        return TM_OK;
    ship->state.seq++;
    enum tm_err err = save(ship, bytes_view(&push->text));
    if (!err)
        err = push_send(push);
    tell_refusals(ship);
    if (!err)
        bytes_clear(&ship->state.batch);
    return err;
}

static enum tm_err open_sender(struct ship *ship, uint64_t seq, bool compress)
{
    struct sender_options options = ship->options->sender;
    options.producer = ship->state.producer;
    options.epoch = ship->state.epoch;
    options.seq = seq;
    options.compress = compress;
    sender_close(ship->push->sender);
    ship->push->sender = NULL;
    return sender_open(&options, &ship->push->sender, &ship->push->why);
}

/* The batch of the run before, which may or may not have arrived. */
static enum tm_err send_again(struct ship *ship)
{
    struct push *push = ship->push;
    struct str rest = bytes_view(&ship->state.batch);
    struct push_origin origin = {(uint32_t)ship->options->name_count, 0, 0};
    enum tm_err err = rest.len ? open_sender(ship, ship->state.seq, ship->state.is_packed) : TM_OK;
    while (!err && rest.len) {
        size_t len = push_record_length(rest, true, true);
        origin.line++;
        err = push_line(push, origin, (struct str){rest.ptr, len});
        rest.ptr += len;
        rest.len -= len;
    }
    if (!err)
        err = push_send(push);
    tell_refusals(ship);
    if (!err)
        bytes_clear(&ship->state.batch);
    return err;
}

/* ---- lines ---- */

static enum tm_err take_line(struct ship *ship, uint32_t index, struct ship_file *file, struct str line)
{
    struct push *push = ship->push;
    struct push_origin origin = {index, (uint32_t)file->line + 1, 0};
    struct log_record record;
    struct log_fault fault = {0};
    struct str text = line;
    if (text.len && text.ptr[text.len - 1] == '\n')
        text.len--;
    enum tm_err err =
        access_log_is_blank(text) ? TM_NOT_FOUND : access_log_read(ship->options->log, text, &record, &fault);
    push->byte_count += line.len;
    bytes_clear(&ship->line);
    if (!err) {
        access_log_write(ship->options->log, &record, &ship->line);
        err = bytes_error(&ship->line);
    }
    if (err == TM_NOMEM)
        return tm_fail(&push->why, err, "out of memory");
    /* A full batch goes with the places before this line. */
    if (push->record_count >= ship->options->batch_lines ||
        push->text.len + ship->line.len + 1 >= SENDER_BATCH_MAX_BYTES) {
        enum tm_err sent = send_batch(ship);
        if (sent)
            return sent;
    }
    ship_file_take(file, line);
    if (!err)
        return push_line(push, origin, bytes_view(&ship->line));
    if (err != TM_NOT_FOUND) {
        origin.column = (uint32_t)fault.column;
        push_refuse(push, origin, &fault.why);
    }
    return TM_OK;
}

static enum tm_err take_lines(struct ship *ship, uint32_t index, struct ship_file *file, bool is_last)
{
    struct str line;
    enum tm_err err = TM_OK;
    while (!err && ship_file_line(file, LOG_LINE_MAX, is_last, &line))
        err = take_line(ship, index, file, line);
    return err;
}

/* Reads what is new in one file of a log. *grown is set if there was some. */
static enum tm_err read_file(struct ship *ship, uint32_t index, size_t nth, bool *grown)
{
    struct ship_log *log = &ship->logs[index];
    struct ship_file *file = &log->files[nth];
    struct tm_why inner = {0};
    enum ship_read state = SHIP_READ_SOME;
    enum tm_err err = TM_OK;
    for (int i = 0; i < READS_MAX && !err && state == SHIP_READ_SOME; i++) {
        err = ship_file_fill(file, &state, &inner);
        if (err)
            return tm_fail(&ship->push->why, err, "cannot read %s: %s", log->given, inner.text);
        *grown |= state != SHIP_READ_END;
        if (state == SHIP_READ_SOME)
            err = take_lines(ship, index, file, false);
    }
    file->is_read = file->is_rotated && state == SHIP_READ_END && ship_file_is_empty(file);
    if (!err && state == SHIP_READ_CUT)
        ship_log_cut(log, nth);
    if (err || state != SHIP_READ_END || !ship_log_is_over(log, nth))
        return err;
    err = take_lines(ship, index, file, true);
    if (!err)
        ship_log_finish(log, nth);
    return err;
}

/* One look at every log. */
static enum tm_err turn(struct ship *ship, bool *grown)
{
    enum tm_err err = TM_OK;
    *grown = false;
    for (size_t i = 0; i < ship->options->name_count && !err; i++) {
        struct ship_log *log = &ship->logs[i];
        err = ship_log_look(log, &ship->push->why);
        for (size_t j = 0; j < log->file_count && !err; j++)
            if (log->files[j].fd >= 0)
                err = read_file(ship, (uint32_t)i, j, grown);
    }
    return err;
}

/* ---- the whole ---- */

static bool is_stopped(const struct ship *ship)
{
    return __atomic_load_n(ship->push->stop, __ATOMIC_RELAXED) != 0;
}

static void wait_turn(const struct ship *ship)
{
    struct timespec step = {.tv_nsec = STEP_MS * NS_PER_MS};
    for (int i = 0; i < TURN_MS / STEP_MS && !is_stopped(ship); i++)
        (void)nanosleep(&step, NULL);
}

static enum tm_err follow(struct ship *ship)
{
    enum { LAST_TURNS = 3 }; /* after the signal, for what was written before it, over a rotation too */
    enum tm_err err = TM_OK;
    bool grown = false;
    int last = 0;
    /* Which files have the names is on disk before a line is read: rotated then, they are found again. */
    for (size_t i = 0; i < ship->options->name_count && !err; i++)
        err = ship_log_look(&ship->logs[i], &ship->push->why);
    if (!err)
        err = save(ship, STR(""));
    while (!err && last < LAST_TURNS) {
        last += is_stopped(ship);
        err = turn(ship, &grown);
        if (!err)
            err = send_batch(ship);
        tell_refusals(ship);
        if (!err && !grown)
            wait_turn(ship);
    }
    return err ? err : save(ship, (struct str){"", 0});
}

/* A name that no other shipper has. */
static enum tm_err begin_state(struct ship *ship)
{
    struct ship_state *state = &ship->state;
    char host[64] = "";
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return tm_fail(&ship->push->why, TM_IO, "no random numbers: %s", strerror(errno));
    if (gethostname(host, sizeof host - 1) != 0 || !message_name_valid(str_of(host)))
        (void)snprintf(host, sizeof host, "host");
    const char *given = ship->options->sender.producer;
    if (given && (strlen(given) >= sizeof state->producer || !message_name_valid(str_of(given))))
        return tm_fail(&ship->push->why, TM_INVALID, "a producer's name is 1 to 128 of [A-Za-z0-9._:@/-]");
    (void)snprintf(state->producer, sizeof state->producer, "ship:%s:%016" PRIx64, host, number);
    if (given)
        (void)snprintf(state->producer, sizeof state->producer, "%s", given);
    state->epoch = (uint64_t)clock_wall_ms(clock_system());
    return TM_OK;
}

static enum tm_err load_state(struct ship *ship)
{
    struct push *push = ship->push;
    const struct ship_options *options = ship->options;
    int len = snprintf(ship->state_path, sizeof ship->state_path, "%s%s",
                       options->state_path ? options->state_path : options->names[0],
                       options->state_path ? "" : ".tidemark");
    if (len >= (int)sizeof ship->state_path)
        return tm_fail(&push->why, TM_INVALID, "the name of the state is too long");
    enum tm_err err = ship_state_lock(ship->state_path, &ship->lock_fd, &push->why);
    if (!err)
        err = ship_state_load(ship->state_path, &ship->state, &push->why);
    if (err == TM_NOT_FOUND)
        err = begin_state(ship);
    const char *given = options->sender.producer;
    if (!err && given && strcmp(given, ship->state.producer) != 0)
        return tm_fail(&push->why, TM_INVALID,
                       "the state %s is of the producer %s; leave out --producer, or take another --state",
                       ship->state_path, ship->state.producer);
    for (size_t i = 0; i < options->name_count && !err; i++)
        err = ship_log_init(&ship->logs[i], options->names[i], &ship->state, &push->why);
    return err;
}

static enum tm_err refuse_twins(const struct ship *ship)
{
    for (size_t i = 0; i < ship->options->name_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(ship->logs[i].path, ship->logs[j].path) == 0)
                return tm_fail(&ship->push->why, TM_INVALID, "%s is named twice; leave out one",
                               ship->logs[i].given);
    return TM_OK;
}

enum tm_err ship_logs(struct push *push, const struct ship_options *options)
{
    struct ship ship = {.push = push, .options = options, .lock_fd = -1};
    enum tm_err err = TM_OK;
    push->batch_lines = SIZE_MAX; /* batches end here, not there */
    push->is_strict = true;
    push->log = NULL; /* nor are lines made into events there */
    ship.logs = calloc(options->name_count, sizeof *ship.logs);
    if (!ship.logs)
        err = tm_fail(&push->why, TM_NOMEM, "out of memory");
    if (!err)
        err = load_state(&ship);
    if (!err)
        err = refuse_twins(&ship);
    if (!err)
        err = send_again(&ship);
    ship.state.is_packed = options->sender.compress;
    if (!err)
        err = open_sender(&ship, ship.state.seq + 1, options->sender.compress);
    if (!err)
        err = follow(&ship);
    sender_close(push->sender);
    push->sender = NULL;
    for (size_t i = 0; ship.logs && i < options->name_count; i++)
        ship_log_fini(&ship.logs[i]);
    free(ship.logs);
    ship_state_fini(&ship.state);
    bytes_fini(&ship.line);
    if (ship.lock_fd >= 0)
        close(ship.lock_fd);
    return err;
}
