
#include "analyzer/capture/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

struct identity {
    uid_t user;
    gid_t group;
};

/* A number from sudo's environment; 0 where there is none, or one that is root's. */
static unsigned long sudo_number(const char *variable)
{
    enum { ID_MAX = 0x7fffffff };
    const char *text = getenv(variable);
    char *end;
    if (!text || *text < '0' || *text > '9')
        return 0;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    return errno || *end || value > ID_MAX ? 0 : value;
}

static bool find_identity(struct identity *identity, struct error *error)
{
    unsigned long user = sudo_number("SUDO_UID"), group = sudo_number("SUDO_GID");
    if (user && group) {
        *identity = (struct identity){(uid_t)user, (gid_t)group};
        return true;
    }
    const struct passwd *nobody = getpwnam("nobody");
    if (!nobody || nobody->pw_uid == 0 || nobody->pw_gid == 0)
        return error_set(error, "cannot drop privileges: there is no user 'nobody'");
    *identity = (struct identity){nobody->pw_uid, nobody->pw_gid};
    return true;
}

static bool become(const struct identity *identity, struct error *error)
{
    if (setgroups(0, NULL) != 0)
        return error_set(error, "cannot drop privileges: setgroups: %s", strerror(errno));
    if (setresgid(identity->group, identity->group, identity->group) != 0)
        return error_set(error, "cannot drop privileges: setresgid: %s", strerror(errno));
    if (setresuid(identity->user, identity->user, identity->user) != 0)
        return error_set(error, "cannot drop privileges: setresuid: %s", strerror(errno));
    return true;
}

static bool is_dropped(bool was_root, const struct identity *identity)
{
    uid_t real, effective, saved;
    if (getresuid(&real, &effective, &saved) != 0)
        return false;
    if (was_root && (real != identity->user || effective != identity->user ||
                     saved != identity->user || setresuid(0, 0, 0) == 0))
        return false;
    capng_clear(CAPNG_SELECT_ALL);
    return capng_get_caps_process() == 0 &&
           capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE &&
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

bool privileges_drop(struct error *error)
{
    struct identity identity = {0, 0};
    bool root = geteuid() == 0 || getuid() == 0;
    if (root && !find_identity(&identity, error))
        return false;

    /* The bounding set first: taking from it needs a capability. Without one there is nothing in
     * the other sets to lose either, so that failing is no harm. */
    capng_clear(CAPNG_SELECT_ALL);
    (void)capng_apply(CAPNG_SELECT_BOUNDS);
    if (root && !become(&identity, error))
        return false;
    capng_clear(CAPNG_SELECT_ALL);
    if (capng_apply(CAPNG_SELECT_CAPS) != 0)
        return error_set(error, "cannot drop privileges: the capabilities stay: %s",
                         strerror(errno));
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_set(error, "cannot drop privileges: no_new_privs: %s", strerror(errno));
    if (!is_dropped(root, &identity))
        return error_set(error, "cannot drop privileges: some are still there afterwards");
    return true;
}
