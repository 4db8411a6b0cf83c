/* Files that are no capture of ours: each is refused with one line that names it and what it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/capture/source.h"

struct file {
    const char *start;
    size_t length;
    const char *says;
};

#define BYTES(text) text, sizeof(text) - 1

static void assert_refused(const char *path, const char *says)
{
    struct error error = {""};
    struct source *source = source_open_file(path, NULL, &error);
    assert_null(source);
    if (strncmp(error.text, path, strlen(path)) != 0 || !strstr(error.text, says))
        fail_msg("\"%s\" does not say \"%s\"", error.text, says);
    for (const char *c = error.text; *c; c++)
        assert_true(*c != '\n' && *c != '\x1b');
}

static void refuse(const char *start, size_t length, size_t padded_to, const char *says)
{
    char path[] = "/tmp/test_capture_foreign.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, start, length), (ssize_t)length);
    if (padded_to > length)
        assert_int_equal(ftruncate(fd, (off_t)padded_to), 0);
    close(fd);
    assert_refused(path, says);
    unlink(path);
}

static void says_what_a_file_is(void **state)
{
    (void)state;
    static const struct file files[] = {
        {BYTES("snoop\0\0\0\0\0\0\2\0\0\0\4"), "Solaris snoop"},
        {BYTES("snoop\0\0\0\0\0\0\2\0\0\0\4"), "editcap -F pcap"},
        {BYTES("GMBU\0\2\1\0"), "Network Monitor 2"},
        {BYTES("RTSS\0\2\1\0"), "Network Monitor 1"},
        {BYTES("TRSNIFF data    \x1a"), "Sniffer"},
        {BYTES("XCP\0\x30\x30"), "Sniffer"},
        {BYTES("iptrace 2.0\0\0\0"), "iptrace"},
        {BYTES("\xaa\xaa\xaa\xaa\0\0\0\0"), "5Views"},
        {BYTES("\x0a\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a"), "line-ending conversion"},
        {BYTES("\x0d\x0a\x0d\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a"), "line-ending conversion"},
        {BYTES("\xc3\x94\xc3\x83\xc2\xb2\xc2\xa1\x02\0\x04\0"), "conversion to UTF-8"},
        {BYTES("\xef\xbf\xbd\xc3\xb2\xef\xbf\xbd\x02\0\x04\0"), "conversion to UTF-8"},
        {BYTES("12:34:56.789012 IP 10.0.0.1.443 > 10.0.0.2.50000: Flags [S.], seq 1"),
         "tcpdump text output, not a capture; capture again with tcpdump -w"},
        {BYTES("2024-01-02 12:34:56.789012 IP6 ::1.443 > ::1.50000: Flags [R]\n"),
         "tcpdump text output"},
        {BYTES("12:34:56.789012 ARP, Request who-has 10.0.0.1 tell 10.0.0.2, length 28\n"),
         "tcpdump text output"},
        {BYTES("tcpdump: listening on eth0, link-type EN10MB (Ethernet)\r\n"),
         "tcpdump text output"},
        {BYTES("reading from file x.pcap, link-type EN10MB (Ethernet)\n"), "tcpdump text output"},
        {BYTES("    1   0.000000 10.0.0.1 \xe2\x86\x92 10.0.0.2 TCP 74 50000\n"), "tshark text"},
        {BYTES("No.     Time           Source\n"), "Wireshark text export"},
        {BYTES("00000000: d4c3 b2a1 0200 0400\n"), "hex dump"},
        {BYTES("<!DOCTYPE html>\n<html>"), "an HTML page"},
        {BYTES("\n  <HTML><head>"), "an HTML page"},
        {BYTES("\xef\xbb\xbf<html>"), "an HTML page"},
        {BYTES("<?xml version=\"1.0\"?>"), "XML"},
        {BYTES("{\"flow\": 1}"), "JSON"},
        {BYTES("\x7f\x45LF\2\1\1"), "a program (ELF)"},
        {BYTES("PK\x03\x04\x14\0"), "a zip archive"},
        {BYTES("7z\xbc\xaf\x27\x1c"), "a 7z archive"},
        {BYTES("version https://git-lfs.github.com/spec/v1\n"), "Git LFS"},
        {BYTES("Dear support,\nplease find attached\n"), "text, not a capture"},
        {BYTES("\x01\x02\x1b[31m\xff\x80zzz"), "not a capture: starts with 01 02 1b 5b 33 31"},
        {BYTES("\xd4\xc3\xb2"), "not a capture: starts with d4 c3 b2"},
        {BYTES("\xd4\xc3\xb2\xa1\2\0\4\0"), "cut in its header: 8 of 24 bytes"},
        {BYTES("\xd4\xc3\xb2\xa1\1\0\4\0\0\0\0\0\0\0\0\0\0\0\1\0\1\0\0\0"), "pcap version 1.4"},
        {BYTES("\xcd\x34\xb2\xa1"), "a1b234cd"},
        {BYTES("\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a"), "cut in its header"},
        {BYTES(""), "an empty file (0 bytes)"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        refuse(files[i].start, files[i].length, 0, files[i].says);
    refuse("", 0, 5000, "only zero bytes");

    char tar[512] = "capture.pcap";
    memcpy(tar + 257, "ustar", 5);
    refuse(tar, sizeof tar, 1024, "a tar archive");
}

static void recognises_erf(void **state)
{
    (void)state;
    uint8_t records[2 * 80] = {0};
    for (size_t i = 0; i < sizeof records; i += 80) {
        memcpy(records + i, "\0\0\0\0\x80\x81\x6f\x65", 8);
        records[i + 8] = 2;   /* Ethernet */
        records[i + 11] = 80; /* record length */
        records[i + 15] = 60;
    }
    refuse((const char *)records, sizeof records, 0, "Endace ERF");
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    assert_refused("/tmp", "a directory, not a capture");
    assert_refused("/tmp/there is no such file", "No such file");
    assert_refused("/dev/null", "an empty file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_a_file_is),
        cmocka_unit_test(recognises_erf),
        cmocka_unit_test(refuses_what_is_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
