#include "storage/journal/journal_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>

static enum tm_err fail_call(struct journal_fault *fault, const char *call)
{
    *fault = (struct journal_fault){call, errno};
    return TM_IO;
}

/* Room up to `end`: a file that grows costs more with each sync, one that is reserved whole much disk. */
static enum tm_err reserve(struct journal_file *file, off_t end, struct journal_fault *fault)
{
    if (end <= file->reserved)
        return TM_OK;
    off_t wanted = (end + file->step - 1) / file->step * file->step;
    if (file->io->allocate(file->io->self, file->fd, wanted) != 0)
        return fail_call(fault, "reserving room for a segment");
    file->reserved = wanted;
    return TM_OK;
}

static enum tm_err fill_segment(struct journal_file *file, const struct segment_header *header,
                                struct journal_fault *fault)
{
    uint8_t block[SEGMENT_HEADER_BYTES];
    segment_header_encode(header, block);
    enum tm_err err = journal_file_write(file, block, sizeof block, fault);
    if (!err)
        err = journal_file_sync(file, sizeof block, fault);
    if (!err && file->io->sync_folder(file->io->self, file->folder) != 0)
        err = fail_call(fault, "syncing the journal's folder");
    return err;
}

enum tm_err journal_file_make(struct journal_file *file, const struct segment_header *header, size_t step,
                              struct journal_fault *fault)
{
    assert(file->fd < 0);
    char name[SEGMENT_NAME_BYTES];
    segment_name(header->number, name);
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    file->fd = file->io->open(file->io->self, file->folder, name, flags, 0640);
    if (file->fd < 0)
        return fail_call(fault, "making a segment");
    file->number = header->number;
    file->durable = 0;
    file->reserved = 0;
    file->step = (off_t)step;
    enum tm_err err = fill_segment(file, header, fault);
    if (err) {
        (void)file->io->close(file->io->self, file->fd);
        (void)file->io->unlink(file->io->self, file->folder, name);
        file->fd = -1;
    }
    return err;
}

enum tm_err journal_file_write(struct journal_file *file, const void *data, size_t len,
                               struct journal_fault *fault)
{
    const uint8_t *at = data;
    off_t to = file->durable;
    enum tm_err err = reserve(file, to + (off_t)len, fault);
    if (err)
        return err;
    while (len > 0) {
        ssize_t wrote = file->io->pwrite(file->io->self, file->fd, at, len, to);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote == 0)
            errno = ENOSPC; /* no progress without an error: a full device, by any other name */
        if (wrote <= 0)
            return fail_call(fault, "writing");
        at += wrote;
        to += wrote;
        len -= (size_t)wrote;
    }
    return TM_OK;
}

enum tm_err journal_file_sync(struct journal_file *file, size_t len, struct journal_fault *fault)
{
    if (file->io->fdatasync(file->io->self, file->fd) != 0)
        return fail_call(fault, "syncing");
    file->durable += (off_t)len;
    return TM_OK;
}

enum tm_err journal_file_finish(struct journal_file *file)
{
    if (file->fd < 0)
        return TM_OK;
    enum tm_err err = TM_OK;
    if (file->io->truncate(file->io->self, file->fd, file->durable) != 0)
        err = TM_IO;
    if (file->io->fdatasync(file->io->self, file->fd) != 0)
        err = TM_IO;
    (void)file->io->close(file->io->self, file->fd);
    file->fd = -1;
    return err;
}
