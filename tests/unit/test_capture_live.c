/* Live interfaces and giving up privileges. What needs root is skipped without it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyzer/capture/interfaces.h"
#include "analyzer/capture/linktype.h"
#include "analyzer/capture/live.h"
#include "analyzer/capture/privileges.h"
#include "analyzer/capture/source.h"

enum { BATCH = 64, DATAGRAMS = 20, PORT = 40999 };

static void need_root(void)
{
    if (geteuid() != 0)
        skip();
}

static void set_loopback(bool up)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo"};
    assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
    request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
    close(fd);
}

/* Each test has a network of its own: a loopback and nobody else's traffic. */
static int in_own_network(void **state)
{
    (void)state;
    if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0)
        set_loopback(true);
    return 0;
}

static void send_datagrams(int count, size_t length, uint16_t port)
{
    static const uint8_t payload[60000];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count; i++)
        assert_int_equal(sendto(fd, payload, length, 0, (struct sockaddr *)&to, sizeof to),
                         (ssize_t)length);
    close(fd);
}

static struct source *open_live(const char *interface, const char *filter)
{
    struct source_live_options options = {
        .interface = interface, .filter = filter, .snaplen = 65535};
    struct error error = {""};
    struct source *source = source_open_live(&options, &error);
    if (!source)
        fail_msg("%s", error.text);
    return source;
}

/* Frames until nothing came for half a second. */
static size_t count_frames(struct source *source, struct frame *last)
{
    struct frame frames[BATCH];
    size_t total = 0;
    for (int quiet = 0; quiet < 5;) {
        int count = source_next(source, frames, BATCH);
        if (count < 0)
            break;
        quiet = count ? 0 : quiet + 1;
        total += (size_t)count;
        if (count)
            *last = frames[count - 1];
    }
    return total;
}

static void captures_on_the_loopback(void **state)
{
    (void)state;
    need_root();
    struct source *source = open_live("lo", "udp dst port 40999");
    struct frame last = {0};
    send_datagrams(DATAGRAMS, 100, PORT);
    send_datagrams(3, 100, PORT + 1);
    assert_int_equal(count_frames(source, &last), DATAGRAMS);
    assert_int_equal(last.number, DATAGRAMS);
    assert_int_equal(last.len, 14 + 20 + 8 + 100);
    assert_int_equal(last.link_type, LINKTYPE_ETHERNET);
    assert_true(last.time_ns > 1600000000000000000);
    const struct source_stats *stats = source_stats(source);
    assert_int_equal(stats->frames, DATAGRAMS);
    assert_int_equal(stats->link_types[0], LINKTYPE_ETHERNET);
    assert_true(source_progress(source) < 0);
    source_close(source);
}

/* More bytes than a batch keeps: nothing is lost when it has to stop in between. */
static void a_full_arena_ends_a_batch(void **state)
{
    (void)state;
    need_root();
    enum { LONG = 200, LENGTH = 60000 };
    struct source_live_options options = {.interface = "lo",
                                          .filter = "udp dst port 40999",
                                          .snaplen = 262144,
                                          .buffer_bytes = 64 * 1024 * 1024};
    struct error error = {""};
    struct source *source = source_open_live(&options, &error);
    assert_non_null(source);
    send_datagrams(LONG, LENGTH, PORT);
    static struct frame frames[1024];
    size_t total = 0;
    int most = 0;
    for (int quiet = 0; quiet < 5;) {
        int count = source_next(source, frames, 1024);
        assert_true(count >= 0);
        quiet = count ? 0 : quiet + 1;
        total += (size_t)count;
        most = count > most ? count : most;
        for (int i = 0; i < count; i++)
            assert_int_equal(frames[i].data[12], 8); /* EtherType of IPv4, still in place */
    }
    assert_int_equal(total + source_stats(source)->kernel_dropped, LONG);
    assert_true(most <= LIVE_BATCH_BYTES / LENGTH + 1);
    source_close(source);
}

/* More than the kernel's buffer holds, while nobody asks and while those are given out: all come,
 * in their order. */
static void a_pause_loses_nothing(void **state)
{
    (void)state;
    need_root();
    enum { SENT = 4000, LATER = 40, LENGTH = 3000 };
    struct source_live_options options = {.interface = "lo",
                                          .filter = "udp dst port 40999",
                                          .snaplen = 262144,
                                          .buffer_bytes = 2 * 1024 * 1024};
    struct error error = {""};
    struct source *source = source_open_live(&options, &error);
    assert_non_null(source);
    struct frame frames[BATCH];
    uint64_t number = 0;
    int64_t time_ns = 0;
    for (int pause = 0; pause < 2; pause++) {
        source_pause(source);
        for (int i = 0; i < SENT; i++) {
            send_datagrams(1, LENGTH, PORT);
            if (i % 50 == 0)
                usleep(1000); /* two hundred would fit */
        }
        source_resume(source);
        for (int quiet = 0, calls = 0; quiet < 3; calls++) {
            if (calls < LATER)
                send_datagrams(BATCH, LENGTH, PORT);
            int count = source_next(source, frames, BATCH);
            assert_true(count >= 0);
            quiet = count ? 0 : quiet + 1;
            for (int i = 0; i < count; i++) {
                assert_int_equal(frames[i].number, ++number);
                assert_int_equal(frames[i].data[12], 8);
                assert_true(frames[i].time_ns >= time_ns);
                time_ns = frames[i].time_ns;
            }
        }
    }
    assert_int_equal(number, 2 * (SENT + LATER * BATCH));
    assert_int_equal(source_stats(source)->kernel_dropped, 0);
    source_pause(source); /* and is closed in it */
    source_close(source);
}

static void any_gives_cooked_frames(void **state)
{
    (void)state;
    need_root();
    struct source *source = open_live("any", NULL);
    struct frame last = {0};
    send_datagrams(1, 100, PORT);
    assert_true(count_frames(source, &last) > 0);
    assert_int_equal(last.link_type, 276);
    source_close(source);
}

static void a_break_ends_the_wait(void **state)
{
    (void)state;
    need_root();
    struct source *source = open_live("lo", NULL);
    struct frame frames[BATCH];
    source_break(source);
    assert_int_equal(source_next(source, frames, BATCH), 0);
    assert_int_equal(source_next(source, frames, BATCH), 0);
    source_close(source);
}

static void an_interface_going_down_ends_the_capture(void **state)
{
    (void)state;
    need_root();
    struct source *source = open_live("lo", NULL);
    struct frame frames[BATCH];
    set_loopback(false);
    int count = 0;
    for (int i = 0; i < 20 && count >= 0; i++)
        count = source_next(source, frames, BATCH);
    assert_int_equal(count, -1);
    assert_true(source_stats(source)->truncated);
    assert_non_null(strstr(source_stats(source)->problem.text, "lo: the capture ended"));
    assert_int_equal(source_next(source, frames, BATCH), -1);
    source_close(source);
    set_loopback(true);
}

static void errors_say_what_to_do(void **state)
{
    (void)state;
    need_root();
    struct error error = {""};
    struct source_live_options options = {.interface = "nosuch0", .snaplen = 65535};
    assert_null(source_open_live(&options, &error));
    assert_non_null(strstr(error.text, "nosuch0: no such interface; there are: "));
    assert_non_null(strstr(error.text, "lo"));
    options = (struct source_live_options){.interface = "lo", .filter = "udp prot"};
    assert_null(source_open_live(&options, &error));
    assert_non_null(strstr(error.text, "udp prot"));
}

static void lists_interfaces_and_addresses(void **state)
{
    (void)state;
    struct interface_entry *list = NULL;
    size_t count = 0;
    struct error error = {""};
    if (!interfaces_list(&list, &count, &error))
        fail_msg("%s", error.text);
    if (geteuid() == 0) {
        bool loopback = false, any = false;
        for (size_t i = 0; i < count; i++) {
            loopback |= strcmp(list[i].name, "lo") == 0 && list[i].loopback && list[i].up;
            any |= strcmp(list[i].name, "any") == 0;
        }
        assert_true(loopback && any);
    }
    free(list);

    static const uint8_t home[] = {127, 0, 0, 1};
    struct ip_address expected = ip_from_v4(home), found[8];
    static const char *const names[] = {"lo", "any"};
    for (size_t n = 0; n < 2; n++) {
        bool there = false;
        size_t addresses = interface_addresses(names[n], found, 8);
        for (size_t i = 0; i < addresses; i++)
            there |= ip_equal(&found[i], &expected);
        assert_true(there);
    }
    assert_int_equal(interface_addresses("nosuch0", found, 8), 0);
    assert_int_equal(interface_addresses("any", found, 0), 0);
}

/* In a child: this process keeps what it has. Exit status 0: all as expected. */
static int drop_in_child(const char *sudo_uid, uid_t expected)
{
    pid_t child = fork();
    if (child == 0) {
        struct error error = {""};
        struct source_live_options options = {.interface = "lo", .snaplen = 65535};
        if (sudo_uid) {
            setenv("SUDO_UID", sudo_uid, 1);
            setenv("SUDO_GID", sudo_uid, 1);
        } else {
            unsetenv("SUDO_UID");
        }
        struct source *source = source_open_live(&options, &error);
        if (!source || !privileges_drop(&error))
            _exit(1);
        if (getuid() != expected || geteuid() != expected || getgroups(0, NULL) != 0)
            _exit(2);
        if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || setuid(0) == 0)
            _exit(3);
        if (source_open_live(&options, &error) || !strstr(error.text, "CAP_NET_RAW"))
            _exit(4);
        /* What was opened before goes on. */
        send_datagrams(1, 100, PORT);
        struct frame last;
        if (count_frames(source, &last) == 0)
            _exit(5);
        if (!privileges_drop(&error)) /* once more does no harm */
            _exit(6);
        source_close(source);
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void privileges_are_gone_after_dropping_them(void **state)
{
    (void)state;
    need_root();
    assert_int_equal(drop_in_child("12345", 12345), 0);
    assert_int_equal(drop_in_child(NULL, 65534), 0);
    assert_int_equal(drop_in_child("0", 65534), 0);
    assert_int_equal(drop_in_child("12x", 65534), 0);
    assert_int_equal(drop_in_child("-1", 65534), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures_on_the_loopback),
        cmocka_unit_test(a_full_arena_ends_a_batch),
        cmocka_unit_test(a_pause_loses_nothing),
        cmocka_unit_test(any_gives_cooked_frames),
        cmocka_unit_test(a_break_ends_the_wait),
        cmocka_unit_test(an_interface_going_down_ends_the_capture),
        cmocka_unit_test(errors_say_what_to_do),
        cmocka_unit_test(lists_interfaces_and_addresses),
        cmocka_unit_test(privileges_are_gone_after_dropping_them),
    };
    return cmocka_run_group_tests(tests, in_own_network, NULL);
}
