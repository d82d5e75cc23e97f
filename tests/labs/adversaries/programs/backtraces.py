# For gdb: stops in every hook and at every system call, steps on from there, and
# counts the backtraces that do not reach the beginning of their thread.
import os

import gdb

NAMES = ["pthread_create", "dlopen", "dlclose", "dlsym", "timer_create", "sched_getcpu",
         "dl_iterate_phdr", "thread_start"]
BEGINNINGS = {"main", "clone", "clone3", "__clone3", "_start", "start_thread"}
STEPS = 500

stops = 0
bad = {}


def look():
    global stops
    stops += 1
    frame = gdb.newest_frame()
    inner = frame.name() or "?"
    depth = 0
    while frame.older() is not None and depth < 200:
        frame = frame.older()
        depth += 1
    if frame.name() not in BEGINNINGS:
        place = gdb.solib_name(gdb.newest_frame().pc()) or "the program"
        where = "%s in %s" % (inner, os.path.basename(place))
        bad[where] = bad.get(where, 0) + 1


def alive():
    return bool(gdb.selected_inferior().threads())


def run(command):
    return gdb.execute(command, to_string=True)


for setting in ["pagination off", "confirm off", "breakpoint pending on", "startup-with-shell off",
                "print thread-events off"]:
    run("set " + setting)
for variable in os.environ["INFERIOR"].split():
    run("set environment " + variable.replace("=", " ", 1))
run("set environment LD_BIND_NOW 1")
run("break ready")
run("run")
run("set scheduler-locking step")
for name in NAMES + ["finished"]:
    run("break " + name)
run("catch syscall")
while alive() and stops < 20000:
    run("continue")
    if not alive():
        break
    if gdb.newest_frame().name() == "finished":
        run("kill")
        break
    look()
    if gdb.newest_frame().name() in NAMES:
        for _ in range(STEPS):
            run("stepi")
            if not alive():
                break
            look()
with open(os.environ["RESULT"], "w") as result:
    worst = sorted(bad.items(), key=lambda item: -item[1])
    result.write("%d %d\n" % (sum(bad.values()), stops))
    result.write(", ".join("%s %d times" % item for item in worst[:4]) + "\n")
