/* Installs filters, one per child, in turns: `install ROUNDS FILE...` prints a line per round, nanoseconds per file. */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST 8

static struct sock_filter insns[MOST][4096];
static struct sock_fprog programs[MOST];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* In a child: whatever the filter does to it afterwards, the time lies in memory that both share. */
static void install(struct sock_fprog *program, volatile long long *took) {
    struct timespec a, b;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) _exit(1);
    clock_gettime(CLOCK_MONOTONIC, &a);
    long error = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program);
    clock_gettime(CLOCK_MONOTONIC, &b);
    if (!error) *took = (b.tv_sec - a.tv_sec) * 1000000000LL + (b.tv_nsec - a.tv_nsec);
    _exit(0);
}

int main(int argc, char **argv) {
    int rounds = argc > 2 ? atoi(argv[1]) : 0, count = argc - 2;
    if (rounds < 1 || count > MOST) return 2;
    volatile long long *took = mmap(NULL, sizeof *took, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (took == MAP_FAILED) fail("mmap");
    for (int i = 0; i < count; i++) {
        int fd = open(argv[i + 2], O_RDONLY | O_CLOEXEC);
        ssize_t length = fd < 0 ? -1 : read(fd, insns[i], sizeof insns[i]);
        if (length <= 0) fail(argv[i + 2]);
        programs[i].len = length / sizeof insns[i][0];
        programs[i].filter = insns[i];
        close(fd);
    }
    for (int round = 0; round < rounds; round++) {
        long long times[MOST];
        for (int turn = 0; turn < count; turn++) {
            int i = (round + turn) % count;
            *took = -1;
            pid_t child = fork();
            if (child < 0) fail("fork");
            if (!child) install(&programs[i], took);
            if (waitpid(child, NULL, 0) != child) fail("waitpid");
            if (*took < 0) fail("seccomp");
            times[i] = *took;
        }
        for (int i = 0; i < count; i++) printf("%lld%c", times[i], i + 1 < count ? ' ' : '\n');
    }
    return 0;
}
