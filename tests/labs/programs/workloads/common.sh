# What all workloads may use. $PORT is a free port of the loopback; logs go to
# logs/, where lines about errors are counted.

# until COMMAND...: tries again for ten seconds.
until_true() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt 100 ]; then
            echo "gave up: $*" >&2
            return 1
        fi
        sleep 0.1
    done
}
