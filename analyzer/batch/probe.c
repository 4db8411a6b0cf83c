#include "analyzer/batch/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/capture/bytes.h"
#include "analyzer/capture/source.h"

enum { PROBE_FRAMES = 256, TAR_MAGIC_AT = 257, LOOKED_AT = 512 };

struct digest {
    struct sha256_ctx whole;
    uint64_t bytes, prefix_bytes;
    char *prefix_hash;
};

static void write_hash(struct sha256_ctx *context, char text[HASH_TEXT])
{
    uint8_t hash[SHA256_DIGEST_SIZE];
    sha256_digest(context, sizeof hash, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        sprintf(text + 2 * i, "%02x", hash[i]);
}

static void digest_bytes(void *context, const uint8_t *data, size_t size)
{
    struct digest *digest = context;
    uint64_t until = digest->prefix_bytes - digest->bytes;
    size_t first = digest->prefix_bytes > digest->bytes && until <= size ? (size_t)until : 0;
    if (first) {
        sha256_update(&digest->whole, first, data);
        struct sha256_ctx prefix = digest->whole; /* the hash so far, without ending it */
        write_hash(&prefix, digest->prefix_hash);
    }
    sha256_update(&digest->whole, size - first, data + first);
    digest->bytes += size;
}

static void note_links(const struct source_stats *stats, char links[LINKS_TEXT])
{
    size_t used = 0;
    for (size_t i = 0; i < stats->link_type_count && used < LINKS_TEXT; i++) {
        char buffer[24];
        used += (size_t)snprintf(links + used, LINKS_TEXT - used, "%s%s", i ? " " : "",
                                 source_link_type_name(stats->link_types[i], buffer));
    }
}

static void read_frames(struct source *source, void (*beat)(void *), void *context,
                        struct probe *probe)
{
    struct frame frames[PROBE_FRAMES];
    int count;
    while ((count = source_next(source, frames, PROBE_FRAMES)) >= 0) {
        for (int i = 0; i < count; i++) {
            int64_t time_ns = frames[i].time_ns;
            if (time_ns == 0)
                continue;
            if (probe->first_ns == INT64_MIN || time_ns < probe->first_ns)
                probe->first_ns = time_ns;
            if (time_ns > probe->last_ns)
                probe->last_ns = time_ns;
        }
        beat(context);
    }
    const struct source_stats *stats = source_stats(source);
    probe->packets = stats->frames;
    probe->dropped = stats->kernel_dropped;
    probe->truncated = stats->truncated;
    probe->growing = stats->growing;
    probe->problem = stats->problem;
    note_links(stats, probe->links);
}

/* The first bytes, uncompressed. False with a message: they could not be read. */
static bool look(const char *path, const char *name, struct probe *probe)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return error_set(&probe->problem, "%s: %s", name, strerror(errno));
    struct error problem = {""};
    struct bytes *bytes = bytes_open(fd, true, &problem);
    if (!bytes)
        return error_set(&probe->problem, "%s: %s", name, problem.text);
    (void)bytes_fill(bytes, LOOKED_AT);
    size_t have = (size_t)(bytes->end - bytes->at);
    bool zip =
        have >= 4 && (memcmp(bytes->at, "PK\3\4", 4) == 0 || memcmp(bytes->at, "PK\5\6", 4) == 0);
    bool tar = have >= TAR_MAGIC_AT + 5 && memcmp(bytes->at + TAR_MAGIC_AT, "ustar", 5) == 0;
    probe->kind = (zip && !bytes->compression) || tar ? PROBE_ARCHIVE : PROBE_CAPTURE;
    bytes_close(bytes);
    return true;
}

bool probe_file(const char *path, const char *name, uint64_t prefix_bytes,
                void (*beat)(void *context), void *context, struct probe *probe)
{
    *probe = (struct probe){.first_ns = INT64_MIN, .last_ns = INT64_MIN};
    if (!look(path, name, probe))
        return false;
    if (probe->kind == PROBE_ARCHIVE)
        return true;
    struct digest digest = {.prefix_bytes = prefix_bytes, .prefix_hash = probe->prefix_hash};
    sha256_init(&digest.whole);
    const struct bytes_tap tap = {digest_bytes, &digest};
    struct source *source = source_open_named(path, name, &tap, &probe->problem);
    if (source) {
        read_frames(source, beat, context, probe);
        source_close(source);
        write_hash(&digest.whole, probe->hash);
        probe->bytes = digest.bytes;
    } else {
        probe->kind = PROBE_FOREIGN;
    }
    return true;
}
