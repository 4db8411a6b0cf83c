#include "analyzer/batch/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { UNPACK_BLOCK = 256 * 1024 };

struct unpacking {
    const struct unpack_request *request;
    struct archive *archive;
    uint64_t left; /* bytes that may still come */
    struct error *error;
};

/* Only what reads files: libarchive's "all" would start programs for some. */
static bool open_archive(struct unpacking *work)
{
    static int (*const support[])(struct archive *) = {
        archive_read_support_filter_gzip,  archive_read_support_filter_zstd,
        archive_read_support_filter_xz,    archive_read_support_filter_lz4,
        archive_read_support_filter_bzip2, archive_read_support_format_tar,
        archive_read_support_format_zip,
    };
    work->archive = archive_read_new();
    if (!work->archive)
        return error_set(work->error, "%s: no memory to unpack it", work->request->name);
    for (size_t i = 0; i < sizeof support / sizeof *support; i++)
        support[i](work->archive);
    if (archive_read_open_filename(work->archive, work->request->path, UNPACK_BLOCK) < ARCHIVE_WARN)
        return error_set(work->error, "%s: %s", work->request->name,
                         archive_error_string(work->archive));
    return true;
}

static bool broken(struct unpacking *work)
{
    const char *why = archive_error_string(work->archive);
    return error_set(work->error, "%s: %s", work->request->name, why ? why : "damaged archive");
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t wrote = write(fd, data, size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        data += wrote;
        size -= (size_t)wrote;
    }
    return true;
}

/* archive_read_data() fills holes of sparse files with zeros, so a bomb of holes counts as well. */
static bool write_member(struct unpacking *work, int fd)
{
    static const char *const too_large = "larger inside than is allowed (--max-unpacked)";
    char block[16384];
    for (;;) {
        la_ssize_t got = archive_read_data(work->archive, block, sizeof block);
        if (got == 0)
            return true;
        if (got < 0)
            return broken(work);
        if ((uint64_t)got > work->left)
            return error_set(work->error, "%s: %s", work->request->name, too_large);
        work->left -= (uint64_t)got;
        if (!write_all(fd, block, (size_t)got))
            return error_set(work->error, "%s: %s", work->request->folder, strerror(errno));
        work->request->beat(work->request->context);
    }
}

static bool take_member(struct unpacking *work, struct archive_entry *entry, unsigned number)
{
    const struct unpack_request *request = work->request;
    const char *member = archive_entry_pathname(entry);
    char path[PATH_MAX], unnamed[32];
    if (archive_entry_filetype(entry) != AE_IFREG)
        return true;
    snprintf(unnamed, sizeof unnamed, "member %u", number);
    if (snprintf(path, sizeof path, "%s/member-%u", request->folder, number) >= (int)sizeof path)
        return error_set(work->error, "%s: the path is too long", request->folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(work->error, "%s: %s", path, strerror(errno));
    bool whole = write_member(work, fd);
    close(fd);
    if (!whole)
        unlink(path);
    else
        request->each(request->context, member ? member : unnamed, path);
    return whole;
}

bool unpack(const struct unpack_request *request, struct error *error)
{
    struct unpacking work = {.request = request, .left = request->bytes_max, .error = error};
    struct archive_entry *entry;
    bool good = open_archive(&work);
    for (unsigned number = 0; good; number++) {
        int result = archive_read_next_header(work.archive, &entry);
        if (result == ARCHIVE_EOF)
            break;
        if (number == UNPACK_MEMBERS_MAX)
            good = error_set(error, "%s: more than %d files inside", request->name,
                             UNPACK_MEMBERS_MAX);
        else if (result < ARCHIVE_WARN)
            good = broken(&work);
        else
            good = take_member(&work, entry, number);
    }
    if (work.archive)
        archive_read_free(work.archive);
    return good;
}
