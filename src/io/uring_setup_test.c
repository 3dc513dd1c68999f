#include "io/uring_test.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static const struct io_options options = {
    .data_path = "/var/tmp",
    .cores_count = 2,
    .ops_max = 8,
    .sync_workers_max = 2,
};

/* From now on io_uring_setup fails with `error`, as under a container's profile. */
static bool io_uring_forbid(u32 error)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = array_count(rules), .filter = rules};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* The sentence of a process that is refused with `error`; empty when it was not refused. */
static void sentence_when_refused(u32 error, char *sentence, u32 capacity)
{
    int ends[2];
    EXPECT(pipe(ends) == 0);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        struct io *ios[2];
        struct err err = {.text = "not forbidden"};
        if (io_uring_forbid(error) && io_create_all(&options, ios, &err)) {
            _exit(1);
        }
        _exit(write(ends[1], err.text, sizeof(err.text)) == (ssize_t)sizeof(err.text) ? 0 : 1);
    }
    (void)close(ends[1]);
    ssize_t size = read(ends[0], sentence, capacity - 1);
    sentence[size > 0 ? size : 0] = 0;
    (void)close(ends[0]);
    (void)waitpid(child, NULL, 0);
}

TEST(a_refusal_names_the_cause_and_the_remedy)
{
    char sentence[sizeof(((struct err *)0)->text) + 1];
    sentence_when_refused(EPERM, sentence, sizeof(sentence));
    if (strcmp(sentence, "not forbidden") == 0) {
        SKIP("this machine lets no process filter its own calls");
    }
    EXPECT(strstr(sentence, "kernel.io_uring_disabled") != NULL);
    EXPECT(strstr(sentence, "seccomp") != NULL || strstr(sentence, "sysctl -w") != NULL);
    sentence_when_refused(ENOSYS, sentence, sizeof(sentence));
    EXPECT(strstr(sentence, "CONFIG_IO_URING") != NULL);
    EXPECT(strstr(sentence, "seccomp") != NULL);
    sentence_when_refused(ENOMEM, sentence, sizeof(sentence));
    EXPECT(strstr(sentence, "ulimit -l") != NULL);
    EXPECT(strstr(sentence, "LimitMEMLOCK") != NULL);
    sentence_when_refused(EINVAL, sentence, sizeof(sentence));
    EXPECT(strstr(sentence, "Linux 6.1") != NULL);
    sentence_when_refused(EMFILE, sentence, sizeof(sentence));
    EXPECT(strstr(sentence, "ulimit -n") != NULL);
    sentence_when_refused(EBADMSG, sentence, sizeof(sentence));
    EXPECT(strstr(sentence, "Bad message") != NULL);
}

static u32 descriptors_count(void)
{
    u32 count = 0;
    for (s32 i = 0; i < 1024; i++) {
        count += fcntl(i, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

TEST(making_and_ending_leaves_no_descriptor_behind)
{
    struct io *ios[2];
    struct err err;
    u32 before = descriptors_count();
    for (u32 i = 0; i < 3; i++) {
        EXPECT(io_create_all(&options, ios, &err));
        io_destroy_all(ios, 2);
    }
    EXPECT_EQ(descriptors_count(), before);

    struct io_options missing = options;
    missing.data_path = "/var/tmp/levriero-is-not-here";
    EXPECT(!io_create_all(&missing, ios, &err));
    EXPECT(strstr(err.text, "/var/tmp/levriero-is-not-here") != NULL);
    EXPECT_EQ(descriptors_count(), before);
}

TEST(the_facts_hold_on_this_file_system)
{
    struct door door;
    door_open(&door, 1, 8);
    struct io_facts facts = io_facts(door.ios[0]);
    EXPECT(facts.sector_bytes >= 512);
    EXPECT(facts.sector_bytes <= SECTOR_BYTES_MAX);
    EXPECT_EQ(facts.sector_bytes & (facts.sector_bytes - 1), 0);
    EXPECT(facts.write_bytes_max >= 64 * KIB);
    EXPECT_EQ(facts.write_bytes_max % SECTOR_BYTES_MAX, 0);
    /* The probe left nothing. */
    char names[64];
    struct io_op op;
    io_op_init(&op, on_done);
    io_directory_list(door.ios[0], &op, ".", names, sizeof(names));
    EXPECT_EQ(finish(&door, &op), OK);
    EXPECT_EQ(op.count, 0);
    io_file_open(door.ios[0], &op, "f", IO_OPEN_WRITE | IO_OPEN_CREATE | IO_OPEN_DIRECT);
    EXPECT_EQ(finish(&door, &op), facts.direct ? OK : ERR_UNSUPPORTED);
    if (facts.direct) {
        file_close(&door, op.file);
    }
    door_close(&door);
}
