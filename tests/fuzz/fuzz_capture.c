/* libFuzzer: any bytes as a capture file, plain or compressed. The first byte chooses batch size
 * and filter; the rest is the file. */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyzer/capture/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(struct capture_file *file, size_t capacity)
{
    struct frame frames[64];
    unsigned touched = 0;
    int count;
    while ((count = capture_file_next(file, frames, capacity)) >= 0)
        for (int i = 0; i < count; i++) {
            if (frames[i].caplen > frames[i].len)
                abort();
            for (uint32_t at = 0; at < frames[i].caplen; at++)
                touched += frames[i].data[at];
        }
    __asm__ volatile("" : : "r"(touched)); /* the reads are not optimised away */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    int writer = memfd_create("capture", MFD_CLOEXEC);
    if (writer < 0 || write(writer, data + 1, size - 1) != (ssize_t)(size - 1))
        abort();
    /* Read through another descriptor: with a writer left, every cut file would be a growing one.
     */
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", writer);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    close(writer);
    if (fd < 0)
        abort();
    struct source_stats stats = {0};
    struct error error = {""};
    struct capture_file *file = capture_file_open(
        fd, true, "fuzz", data[0] & 0x80 ? "udp or tcp port 80" : NULL, NULL, &stats, &error);
    if (file)
        read_all(file, (data[0] & 0x3f) + 1);
    else if (!error.text[0])
        abort();
    capture_file_close(file);
    return 0;
}
